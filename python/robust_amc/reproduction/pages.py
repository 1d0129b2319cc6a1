"""The results of a study as pages for people, Markdown: made of results.json alone."""

from collections.abc import Iterable, Iterator, Sequence

from ..evaluation import METRICS
from ..files import Document


def normal_accuracy(results: Document) -> Iterator[str]:
    """Lines of a table: what the systems do without an attack."""
    names = METRICS[:3]
    yield "| system | frames | " + " | ".join(name.replace("_", " ") for name in names) + " |"
    yield "|---|---|---|---|---|"
    for row in results["rows"]:
        if row["attack"] == "none":
            cells = (_with_interval(row[name], row[f"{name}_interval"]) for name in names)
            yield f"| {row['model']} | {row['frames']} | " + " | ".join(cells) + " |"


def paper_vs_ours(results: Document) -> Iterator[str]:
    """Lines: each claim of the paper beside our figure, what is left at each PNR, warnings."""
    yield "# The paper's claims beside our figures"
    yield ""
    yield _about(results["settings"])
    yield ""
    yield from _claims(results["claims"])
    yield ""
    separation = results["separation"].items()
    yield (
        "Fig. 2 of the paper: the classes are more separated in the last feature layer of CAT than "
        "in that of LS-GNA. Ours, the share of the layer's variance that is between classes: "
        + ", ".join(f"{name} {share:.3f}" for name, share in separation)
        + "."
    )
    yield from _by_level("Robust accuracy", "robust_accuracy", results)
    yield from _by_level("Attacked accuracy", "attacked_accuracy", results)
    if results["warnings"]:
        yield ""
        yield "## Warnings of the evaluation"
        yield ""
        for each in results["warnings"]:
            seed = "all seeds" if each["seed"] is None else f"seed {each['seed']}"
            yield f"- {each['model']} ({seed}, {each['attack']}): {each['message']}"


def _about(settings: Document) -> str:
    generator, study = settings["generator"], settings["study"]
    data = (
        f"{generator['generator']} data, mode {generator['mode']}, seed {generator['seed']}"
        if generator
        else "not of this project's generator: without runs each frame counts as its own"
    )
    trained = ", ".join(f"{name} {count:,}" for name, count in settings["train_frames"].items())
    return (
        f"Data: `{settings['dataset']}` ({data}), fingerprint {settings['fingerprint'][:16]}. "
        f"Frames at {study['snr_db']:g} dB of the test part; seeds "
        f"{', '.join(map(str, study['seeds']))}. {settings['date']}, robust_amc "
        f"{settings['version']}, torch {settings['torch']}, {settings['machine']}. Intervals: "
        f"95 %, bootstrap over runs; differences are paired. Training frames: {trained}."
    )


def _claims(claims: Iterable[Document]) -> Iterator[str]:
    yield "| claim | paper (real RML2016.10a) | ours | frames |"
    yield "|---|---|---|---|"
    for each in claims:
        sign = len(each["systems"]) > 1
        level = "" if each["pnr_db"] is None else f", PNR {each['pnr_db']:g} dB"
        ours = _with_interval(each["ours"], each["interval"], sign)
        yield f"| {each['text']}{level} | {each['paper']} | {ours} | {each['frames']} |"


def _by_level(title: str, metric: str, results: Document) -> Iterator[str]:
    """A table: what is left of each system at each PNR of the white-box attack."""
    study = results["settings"]["study"]
    levels = sorted(study["pnr_db"])
    yield ""
    yield f"## {title} under PGD, %"
    yield ""
    yield "| system | " + " | ".join(f"{level:g} dB" for level in levels) + " |"
    yield "|---" * (1 + len(levels)) + "|"
    left = {(row["model"], row["pnr_db"]): row for row in results["rows"] if row["attack"] == "pgd"}
    for name in study["systems"]:
        cells = (f"{100 * left[name, level][metric]:.1f}" for level in levels)
        yield f"| {name} | " + " | ".join(cells) + " |"


def _with_interval(value: float, interval: Sequence[float], signed: bool = False) -> str:
    """A share in percent with its interval."""
    low, high = (100 * bound for bound in interval)
    number = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    unit = "points" if signed else "%"
    return f"{number} {unit} [{low:.1f}, {high:.1f}]"
