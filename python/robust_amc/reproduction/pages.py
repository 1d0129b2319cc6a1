"""The results of a study as pages for people, Markdown: made of results.json alone."""

from collections.abc import Iterable, Iterator, Sequence

from ..evaluation import METRICS
from ..files import Document

_INTERVALS = "Intervals: 95 %, bootstrap over runs; differences are paired."


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
    yield f"{_about(results['settings'])} {_INTERVALS}"
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
    yield from _least(results)
    if results["warnings"]:
        yield ""
        yield "## Warnings of the evaluation"
        yield ""
        for each in results["warnings"]:
            seed = "all seeds" if each["seed"] is None else f"seed {each['seed']}"
            yield f"- {each['model']} ({seed}, {each['attack']}): {each['message']}"


def by_class(results: Document) -> Iterator[str]:
    """Lines: what is left of each class in each system, without and under attack."""
    yield "# Class by class"
    yield ""
    yield _about(results["settings"])
    for at in dict.fromkeys(map(level, results["by_class"])):
        rows = [each for each in results["by_class"] if level(each) == at]
        classes = list(dict.fromkeys(name for each in rows for name in each["classes"]))
        is_benign = rows[0]["attack"] == "none"
        measures = ("accuracy",) if is_benign else ("robust_accuracy", "attacked_accuracy")
        for metric in (*measures, "rejection_rate"):
            yield ""
            yield f"## {metric.replace('_', ' ').capitalize()}, {at}, %"
            yield ""
            yield "| system | " + " | ".join(classes) + " |"
            yield "|---" * (1 + len(classes)) + "|"
            for each in rows:
                shares = (each["classes"].get(name, {}).get(metric) for name in classes)
                cells = ("-" if share is None else f"{100 * share:.0f}" for share in shares)
                yield f"| {each['model']} | " + " | ".join(cells) + " |"


def level(row: Document) -> str:
    """Under which attack a row is, in words."""
    return "no attack" if row["attack"] == "none" else f"PNR {row['pnr_db']:g} dB"


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
        f"{settings['version']}, torch {settings['torch']}, {settings['machine']}. "
        f"Training frames: {trained}."
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


def _least(results: Document) -> Iterator[str]:
    """A table of what those totals hide: the class of which least is left, at each PNR."""
    study = results["settings"]["study"]
    rows = {(row["model"], row["pnr_db"]): row for row in results["rows"] if row["attack"] == "pgd"}
    if not all("by_class" in row for row in rows.values()):
        return  # results of an earlier version
    levels = sorted(study["pnr_db"])
    yield ""
    yield "## The class of which least is left: attacked accuracy under PGD, %"
    yield ""
    yield "Every class is in by-class.md and, at every level, in results.json."
    yield ""
    yield "| system | " + " | ".join(f"{level:g} dB" for level in levels) + " |"
    yield "|---" * (1 + len(levels)) + "|"
    for name in study["systems"]:
        cells = []
        for level in levels:
            classes = rows[name, level]["by_class"]
            least = min(classes, key=lambda each: classes[each]["attacked_accuracy"])
            cells.append(f"{least} {100 * classes[least]['attacked_accuracy']:.0f}")
        yield f"| {name} | " + " | ".join(cells) + " |"


def _with_interval(value: float, interval: Sequence[float], signed: bool = False) -> str:
    """A share in percent with its interval."""
    low, high = (100 * bound for bound in interval)
    number = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    unit = "points" if signed else "%"
    return f"{number} {unit} [{low:.1f}, {high:.1f}]"
