"""The leaderboard as a page for people, Markdown: made of its files alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from ..attacks import AttackSettings
from ..files import Document, checksum
from .leaderboard import FRAMES, LINK, THREATS, Entry, data_of

RANKED = "l2-10"  # by attacked accuracy, which no rejector can raise
_HEAD = """\
# Leaderboard

Systems under the same attacks, on the same frames. `htrd leaderboard` makes the figures, and this
page:

    {generate}
    {bursts}htrd leaderboard results/leaderboard --dataset {dataset}{options} \\
        --page docs/leaderboard.md

In percent, ± half the 95 % interval (bootstrap over runs). A robust accuracy is an upper bound: a
better attack lowers it. Where there are two figures, in the first a rejection is the receiver's
success (robust accuracy), in the second the attacker's (attacked accuracy, by which the table is
sorted)."""
_AFTER = """\
{frames} frames at SNR label {snr_db:g} dB of `{dataset}` (fingerprint {fingerprint}; on some
processors, which round samples differently, another one), which no system has seen, drawn with seed
{seed}, which is that of the attacks too. Each model is one training of one seed: three of each
would take days of a processor. How far trainings of one system differ is not in the intervals.
{weaker}What the threat models are says [threat-model.md](threat-model.md), what is proved
[certify.md](certify.md)."""
_LINKS = """\
Behind an unknown link: {frames} frames, cut at any time from bursts of `{dataset}`, each at any
phase, off by up to 100 Hz at 200 kS/s, with echoes; the attack is not told any of it
([transmitter.md](transmitter.md)), but its budget is that of a whole burst, which it may spend on a
few of the frames. So it can take more than the white-box attack on each. The first of the two
columns is what the link alone leaves."""
_WEAKER = """\
The attack is not the usual one but that of the options
above: with fewer steps and targets figures are a little too high. """
_ADD = """\
## Add a system

A TOML file in `results/leaderboard` with `title`, `paper`, `link`, `defense` and `model`, a shipped
model's name or a file beside it. `source` is the model of the transferred attack, one that shares
nothing with the system. `[low_pass]` and `[smoothing]` are defenses around the model. The command
evaluates what has no figures yet, or other ones: of another model file, data set or setting. It can
be stopped, and goes on with the attack that it was at. `--only NAME` does one system; without
`--dataset` only the page is made. A further threat model is a line in `THREATS` of
`python/robust_amc/evaluation/leaderboard.py`."""


def page(entries: Sequence[Entry]) -> str:
    """The page of all entries; those without figures, or of other data or settings, come last."""
    known = [(entry, figures) for entry in entries if (figures := entry.figures())]
    kinds = [_compared(figures) for _, figures in known]
    commonest = max(kinds, key=kinds.count, default="")
    known = [each for each, kind in zip(known, kinds, strict=True) if kind == commonest]
    known.sort(key=_rank)
    evaluated = {entry.name for entry, _ in known}
    return "\n".join(_lines(known, [each for each in entries if each.name not in evaluated])) + "\n"


def _compared(figures: Document) -> str:
    """What figures must have in common to stand in one table."""
    settings = figures["settings"]
    names = ("snr_db", "frames", "seed", "attack_settings")
    return json.dumps([data_of(settings), *(settings[name] for name in names)], sort_keys=True)


def _rank(each: tuple[Entry, Document]) -> float:
    return -(each[1]["rows"].get(RANKED, {}).get("attacked_accuracy") or 0.0)


def _lines(known: Sequence[tuple[Entry, Document]], others: Sequence[Entry]) -> Iterator[str]:
    if not known:
        yield "# Leaderboard"
        return
    settings = known[0][1]["settings"]
    bursts = _bursts(known)
    yield _HEAD.format(
        **settings,
        bursts=f"{bursts['generate']}\n    " if bursts else "",
        options=_options(settings) + (f" --bursts {bursts['dataset']}" if bursts else ""),
    )
    yield ""
    yield "| system | " + " | ".join(each.words for each in THREATS) + " | proved, PNR -20 dB |"
    yield "|---" * (len(THREATS) + 2) + "|"
    for entry, figures in known:
        rows = figures["rows"]
        shown = {name: row for name, row in rows.items() if row.get("bursts", bursts) == bursts}
        cells = [_cell(shown.get(each.name)) for each in THREATS]
        cells.append(_figure(rows.get("l2-20"), "certified_accuracy"))
        yield f"| [{entry.title}](#{entry.name}) | " + " | ".join(cells) + " |"
    for entry in others:
        yield f"| [{entry.title}](#{entry.name}) |" + " - |" * (len(THREATS) + 1)
    yield ""
    weaker = _WEAKER if _options(settings, ("steps", "restarts", "targets")) else ""
    fingerprint = settings["fingerprint"][:16]
    yield _AFTER.format(**settings | {"fingerprint": fingerprint, "weaker": weaker})
    if bursts:
        row = next(row for _, figures in known for row in figures["rows"].values()
                   if row.get("bursts") == bursts)  # fmt: skip
        yield ""
        yield _LINKS.format(frames=row["frames"], dataset=bursts["dataset"])
    yield from ("", "## Class by class", "")
    yield from _by_class(known)
    yield from ("", "## The systems", "")
    for entry, figures in known:
        yield from _about(entry, figures)
    for entry in others:
        yield from _about(entry, None)
    yield _ADD


def _bursts(known: Sequence[tuple[Entry, Document]]) -> Document:
    """Which bursts went through links, of most systems; empty: there are none."""
    made = [row["bursts"] for _, figures in known for row in figures["rows"].values()
            if row["attack"] == LINK]  # fmt: skip
    return max(made, key=made.count, default={})


def _options(
    settings: Document, names: Sequence[str] = ("frames", "steps", "restarts", "targets")
) -> str:
    """What the command was given beside the data set, of these options."""
    given = {"frames": settings["frames"], **settings["attack_settings"]}
    usual = {"frames": FRAMES, **asdict(AttackSettings())}
    return "".join(f" --{name} {given[name]}" for name in names if given[name] != usual[name])


def _by_class(known: Sequence[tuple[Entry, Document]]) -> Iterator[str]:
    """What the totals hide, under the threat that ranks."""
    with_classes = [(entry, rows) for entry, figures in known
                    if (rows := figures["rows"].get(RANKED, {}).get("by_class"))]  # fmt: skip
    if not with_classes:
        return
    classes = list(with_classes[0][1])
    words = next(each.words for each in THREATS if each.name == RANKED)
    yield f"Robust accuracy / attacked accuracy / rejection, {words}:"
    yield ""
    yield "| system | " + " | ".join(classes) + " |"
    yield "|---" * (1 + len(classes)) + "|"
    for entry, rows in with_classes:
        cells = []
        for name in classes:
            own = rows[name]
            shown = [own["robust_accuracy"]]
            if own["rejection_rate"] or own["attacked_accuracy"] != own["robust_accuracy"]:
                shown += [own["attacked_accuracy"], own["rejection_rate"]]
            cells.append(" / ".join(f"{100 * share:.0f}" for share in shown))
        yield f"| {entry.title} | " + " | ".join(cells) + " |"


def _about(entry: Entry, figures: Document | None) -> Iterator[str]:
    yield f"### {entry.name}"
    yield ""
    yield f"{entry.title}: {entry.defense}"
    yield ""
    yield f"- Paper: [{entry.paper}]({entry.link})"
    yield f"- Model: `{entry.model}`, SHA-256 `{checksum(entry.model_path)[:16]}…`"
    if entry.tuned:
        yield f"- Tuned: {entry.tuned}"
    yield f"- Transferred attack: crafted on `{entry.source}`"
    if figures:
        yield "- Evaluated {date}, {cpu}".format(**figures["settings"])
    else:
        yield "- Not evaluated on these frames"
    yield ""


def _cell(row: Document | None) -> str:
    """Robust accuracy, and attacked accuracy where it is another one."""
    first, second = _figure(row, "robust_accuracy"), _figure(row, "attacked_accuracy")
    if row is None or row["attack"] not in ("pgd", LINK) or first == second:
        return first
    return f"{first}; {second}"


def _figure(row: Document | None, name: str) -> str:
    if row is None or row.get(name) is None:
        return "-"
    low, high = row[f"{name}_interval"]
    return f"{100 * row[name]:.1f} ± {50 * (high - low):.1f}"
