"""`htrd bench`: what the front end finds of signals, and a model behind it. No speeds."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from rich.table import Table

from .. import data
from ..classifier import Classifier
from ..files import Document, write_json
from .console import out, say
from .options import Dataset, Json, Seed, check_writable, parse_floats


def frontend(
    snr: Annotated[str, typer.Option(help="SNRs in dB, over the whole band.")] = "20,10,5",
    signals: Annotated[int, typer.Option(min=1, help="Signals of each kind at each SNR.")] = 100,
    length: Annotated[int, typer.Option(min=64, help="Samples of a signal.")] = 4096,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """How often symbol rate and carrier of an unknown signal are found. No speeds.

    Signals of 3 to 32 samples a symbol, up to 0.02 cycles a sample off, roll-off 0.2 to 0.5. A rate
    is right within 2 %, a carrier within 1 % of the rate; analog signals have no rate.
    """
    from ..benchmarks import frontend as trials

    check_writable(json)
    levels = parse_floats(snr) or []
    rows = trials.bench(levels, signals, length, seed, say)
    if json:
        facts = {"snr_db": levels, "signals": signals, "length": length, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    names = ("rate_right", "rate_given", "carrier_right")
    out.print(_by_signal(f"Shares of {signals} signals of {length} samples", rows, names))


def blind(
    model: Annotated[str, typer.Option(help="A shipped model's name or a file.")] = "modern",
    snr: Annotated[str, typer.Option(help="SNRs in dB, in the signal's band.")] = "20,10",
    signals: Annotated[int, typer.Option(min=1, help="Signals of each class at each SNR.")] = 50,
    symbols: Annotated[int, typer.Option(min=100, help="Symbols of a signal.")] = 512,
    impaired: Annotated[
        bool, typer.Option("--impaired", help="Echoes, other roll-offs, a receiver's impairments.")
    ] = False,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """What a model loses when the front end finds rate and carrier, and nobody tells. No speeds.

    Signals as of `htrd bench frontend`, up to 0.025 cycles a sample off, roll-off 0.35. oracle:
    rate and carrier are told; blind: they are found. Shares of frames, and of signals that are
    decided by all of their frames.
    """
    from ..benchmarks import blind as trials

    check_writable(json)
    levels = parse_floats(snr) or []
    classifier = Classifier.load(model)
    rows = trials.bench(classifier, levels, signals, symbols, seed, say, impaired)
    if json:
        facts = {"model": model, "snr_db": levels, "signals": signals, "symbols": symbols}
        facts |= {"impaired": impaired, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    names = ("oracle", "blind", "oracle_fused", "blind_fused")
    title = f"{model}: {signals} signals of {symbols} symbols of each class"
    out.print(_by_signal(title, rows, names, has_mean=True))


def open_set(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="A shipped model's name or a file.")] = "field",
    snr: Annotated[str, typer.Option(help="SNRs in dB, in the signal's band.")] = "20,10",
    signals: Annotated[int, typer.Option(min=1, help="Unknown signals of each kind.")] = 50,
    length: Annotated[int, typer.Option(min=512, help="Samples of a signal.")] = 16384,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """What becomes of signals that are none of a model's classes, from band to label. No speeds.

    brought: there are frames; labeled: the signal gets a label; accepted: of the frames, those that
    are not rejected. auroc and fpr 95 compare their scores with those of the data set's frames.
    Classes of the data set that the model does not know have rows too, a run of frames a signal.
    """
    from ..benchmarks import open_set as trials

    check_writable(json, inputs=[dataset, model])
    levels = parse_floats(snr) or []
    classifier = Classifier.load(model)
    known = data.read(dataset)
    rows = trials.bench(classifier, known, levels, signals, length, seed, say)
    if json:
        facts = {"model": model, "snr_db": levels, "signals": signals, "length": length}
        write_json(json, {"settings": facts | {"seed": seed}, "rows": rows})
    names = ("brought", "labeled", "accepted", "auroc", "fpr_95")
    title = f"{model}: {signals} signals of {length} samples of each kind"
    out.print(_by_signal(title, rows, names, has_mean=True))


def residuals(
    snr: Annotated[str, typer.Option(help="SNRs in dB, in the signal's band.")] = "0,5,10,20",
    signals: Annotated[int, typer.Option(min=1, help="Signals of each kind at each SNR.")] = 24,
    length: Annotated[int, typer.Option(min=512, help="Samples of a signal.")] = 8192,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """What the front end leaves of carrier and rate of an impaired signal. No speeds.

    The generator's mode field draws its errors from a model of these figures. Signals as in
    `htrd bench frontend`, with echoes and a receiver's impairments. Errors of the carrier are in
    symbol rates, those of the rate relative; coarse are carriers more than 0.2 % off.
    """
    from ..benchmarks import residuals as trials

    check_writable(json)
    levels = parse_floats(snr) or []
    rows = trials.bench(levels, signals, length, seed, say)
    if json:
        facts = {"snr_db": levels, "signals": signals, "length": length, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    names = list(rows[0])[2:]
    title = f"Errors of {signals} signals of {length} samples"
    out.print(_by_signal(title, rows, names, form=".2g"))


def _by_signal(
    title: str,
    rows: Sequence[Document],
    names: Sequence[str],
    form: str = ".3f",
    has_mean: bool = False,
) -> Table:
    """A line for each row, by `name` and `snr_db`; then the means at each SNR, if wanted."""
    table = Table(title=title)
    for heading in ("signal", "SNR dB", *(name.replace("_", " ") for name in names)):
        table.add_column(heading, justify="left" if heading == "signal" else "right")

    def add(name: str, level: float, values: Iterable[float | None]) -> None:
        cells = ["-" if value is None else f"{value:{form}}" for value in values]
        table.add_row(name, f"{level:g}", *cells)

    for row in rows:
        add(row["name"], row["snr_db"], [row[name] for name in names])
    for level in dict.fromkeys(row["snr_db"] for row in rows if has_mean):
        found = [
            [row[name] for row in rows if row["snr_db"] == level and row[name] is not None]
            for name in names
        ]
        add("mean", level, [sum(own) / len(own) if own else None for own in found])
    return table
