"""Pages of the Python reference: what is public of `robust_amc`, by what it is for."""

# title, what it is for, modules
PAGES = {
    "classifier": (
        "Classify", "Load a model, decide frames, and what decisions are.",
        ["classifier", "decisions", "assets"],
    ),
    "frames": (
        "Frames and powers", "The layout of frames, their scaling; decibels, PNR, PSR, ε.",
        ["frames", "power"],
    ),
    "data": (
        "Data", "Data sets in memory and in files.",
        ["data.dataset", "data.formats.registry", "data.splits", "data.replay", "data.lazy"],
    ),
    "streams": (
        "Streams", "Samples of any length: from where they come, how they are cut and decided.",
        ["streams.frame_sampler", "streams.recording", "streams.opening", "streams.decide"],
    ),
    "frontend": (
        "The front end", "Band, symbol rate and carrier of a signal, from its samples alone.",
        ["frontend", "frontend.analyze", "frontend.occupied", "frontend.symbol_rate",
         "frontend.carrier", "frontend.normalize", "frontend.lines", "frontend.detect",
         "frontend.bring", "frontend.periodicity", "frontend.chirps", "signal_decision",
         "streams.scan"],
    ),
    "attacks": (
        "Attacks", "PGD with full knowledge of a system, and attacks that know or do less.",
        ["attacks.white_box", "attacks.objectives", "attacks.pgd", "attacks.targets",
         "attacks.settings", "attacks.searches", "attacks.apgd", "attacks.adam",
         "attacks.threat", "attacks.transfer", "attacks.universal", "attacks.noise",
         "attacks.stream", "attacks.link"],
    ),
    "evaluation": (
        "Evaluation", "Measures with intervals, security curves, checks of them.",
        ["evaluation.metrics", "evaluation.curve", "evaluation.checks", "evaluation.running",
         "evaluation.fusion", "evaluation.ceiling", "evaluation.likelihood", "evaluation.smoothing",
         "evaluation.certified", "evaluation.leaderboard", "evaluation.low_pass",
         "evaluation.unknown", "evaluation.unknown_signals",
         "evaluation.levels", "evaluation.stream", "evaluation.friendly"],
    ),
    "modem": (
        "The friendly receiver", "Bursts of known bits, and the receiver that they are meant for.",
        ["modem.receiver", "modem.burst", "modem.linear", "modem.frequency_shift",
         "modem.constellation", "modem.spared"],
    ),
    "models": (
        "Networks", "What a network is, and those that there are.",
        ["models", "models.network", "models.vtcnn2", "models.residual", "models.matched_filter",
         "models.ensemble", "models.awn", "model_file", "model_card"],
    ),
    "rejection": (
        "Rejectors", "What a rejector is, and those that there are.",
        ["rejection", "rejection.base", "rejection.svm", "rejection.autoencoder",
         "rejection.margin", "rejection.energy", "rejection.mahalanobis", "rejection.knn",
         "rejection.calibrate", "rejection.threshold", "rejection.conformal", "rejection.drift"],
    ),
    "training": (
        "Training", "The loop, and the training methods.",
        ["training.method", "training.loop", "training.plan", "training.standard",
         "training.adversarial", "training.customized", "training.ls_gna", "training.pretrain",
         "training.outliers", "training.trades"],
    ),
    "impairments": (
        "Impairments", "What a channel, a receiver and the front end do to a signal.",
        ["impairments.settings", "impairments.draw", "impairments.effects",
         "impairments.residuals", "training.augment"],
    ),
    "systems": (
        "Systems", "Network, training and rejector in one file; the paper's systems.",
        ["systems", "reproduction.study"],
    ),
    "inference": (
        "Engines", "The same decisions, faster.",
        ["inference.choose", "inference.engine", "inference.sources", "inference.export_onnx",
         "inference.quantize"],
    ),
    "comparison": (
        "Comparing data sets", "Measures of frames, and tests whether two sets differ.",
        ["comparison.compare", "comparison.measures", "comparison.permutation"],
    ),
    "extending": (
        "For packages that extend it", "Registries, errors, and how files are read safely.",
        ["plugins", "errors", "data.formats.base", "reading", "json_text", "fields", "settings",
         "outputs", "runtime.runtime"],
    ),
}  # fmt: skip


def pages():
    """(name, Markdown) of each page; mkdocstrings fills in what the docstrings say."""
    for name, (title, purpose, modules) in PAGES.items():
        parts = [f"# {title}", purpose, *(f"::: robust_amc.{module}" for module in modules)]
        yield name, "\n\n".join(parts) + "\n"
