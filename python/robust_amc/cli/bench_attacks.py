"""`htrd bench`: what attacks take, what nobody can hold or tell, and what it costs. No speeds."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from .. import __version__, data
from ..attacks.link import UNKNOWN
from ..classifier import Classifier
from ..evaluation import ceiling as limits
from ..files import Document, write_json
from .console import out, say
from .options import Dataset, Json, Seed, check_writable, parse_floats, parse_names


def ceiling(
    snr: Annotated[float, typer.Option(help="SNR label in dB that the budgets are for.")] = 10.0,
    pnr: Annotated[str, typer.Option(help="PNR levels in dB.")] = "-20,-15,-10,-5,0",
    frames: Annotated[int, typer.Option(min=1, help="Frames of each class.")] = 200,
    symbols: Annotated[int, typer.Option(min=1, help="Symbols of a frame.")] = 16,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Share of ideal frames that no classifier can hold against a perturbation. No speeds.

    For each linear modulation, without channel and noise: how far its frames are from the nearest
    frame of a class with no more points, relative to the frame's norm, and the share further
    than twice the budget from all of them. The others are lost, or those near them are.
    """
    check_writable(json)
    levels = parse_floats(pnr)
    rows = limits.ceiling(snr, levels, frames, symbols, seed)
    if json:
        facts = {"snr_db": snr, "pnr_db": levels, "frames": frames, "symbols": symbols}
        write_json(json, {"settings": facts | {"seed": seed}, "rows": rows})
    table = Table(title=f"Share that can be held, SNR {snr:g} dB", caption="distance over norm")
    for heading in ("class", "nearest", "5 %", "median", *(f"PNR {each:g} dB" for each in levels)):
        table.add_column(heading, justify="left" if heading in ("class", "nearest") else "right")
    for each in rows:
        distances = [_shown(each[name]) for name in ("lowest", "median")]
        held = [f"{share:.3f}" for share in each["held"]]
        table.add_row(each["name"], each["nearest"] or "-", *distances, *held)
    out.print(table)


def likelihood(
    snr: Annotated[
        str, typer.Option(help="SNR levels in the signal's bandwidth, dB.")
    ] = "0,5,10,15,20",
    frames: Annotated[int, typer.Option(min=1, help="Frames of each class.")] = 1000,
    symbols: Annotated[int, typer.Option(min=1, help="Symbols of a frame.")] = 16,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Share of ideal frames in noise that maximum likelihood recognizes. No speeds.

    Linear modulations, of which all but class and symbols is known: no receiver is right more
    often in the mean over the classes.
    """
    from ..evaluation.likelihood import recognized

    check_writable(json)
    levels = parse_floats(snr)
    rows = recognized(levels, frames, symbols, seed)
    if json:
        facts = {"snr_db": levels, "frames": frames, "symbols": symbols, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    table = Table(title=f"Recognized of {symbols} symbols", caption="(mostly mistaken for)")
    table.add_column("class")
    for level in levels:
        table.add_column(f"SNR {level:g} dB", justify="right")
    for name in dict.fromkeys(row["name"] for row in rows):
        own = [row for row in rows if row["name"] == name]
        table.add_row(name, *(
            f"{row['right']:.3f}" + (f" ({row['mistaken_for']})" if row["mistaken_for"] else "")
            for row in own
        ))  # fmt: skip
    means = [np.mean([row["right"] for row in rows if row["snr_db"] == level]) for level in levels]
    table.add_row("mean", *(f"{each:.3f}" for each in means))
    out.print(table)


def stream_attack(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="Names or files, comma-separated.")] = "undefended",
    pnr: Annotated[str, typer.Option(help="PNR levels in dB.")] = "-10",
    over: Annotated[
        str, typer.Option(help=f"What of the link is not known, of {', '.join(UNKNOWN)}.")
    ] = "timing,phase,carrier",
    bursts: Annotated[int, typer.Option(min=1, help="Of each class.")] = 6,
    steps: Annotated[
        int, typer.Option(min=1, help="Of the attack; half where it knows the links.")
    ] = 200,
    draws: Annotated[int, typer.Option(min=1, help="Links a step and burst.")] = 3,
    waveform: Annotated[
        Path | None, typer.Option(help="A universal waveform (.cf32) to measure too.")
    ] = None,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Accuracy that attacks take behind links that they do not know. No speeds.

    The data set has bursts, frames that are longer than the models'; each goes through one random
    link. Two attacks know the links: PGD on the frames as received, and the same attack on the
    bursts. Of what they take, the shares that the others take are printed.
    """
    from ..attacks import LinkSettings, StreamSettings
    from ..attacks.universal import read_waveform
    from ..evaluation import stream
    from ..evaluation.levels import in_words

    check_writable(json, inputs=[dataset, waveform])
    names, levels = parse_names(model), parse_floats(pnr)
    settings = StreamSettings(LinkSettings(tuple(parse_names(over))), steps, draws=draws)
    played = None if waveform is None else read_waveform(waveform)
    chosen = data.read(dataset).limit_per_key(bursts, seed).in_memory()
    rows: list[Document] = []
    for name in names:
        classifier = Classifier.load(name)
        own = chosen.require_classes(classifier.classes)
        trial = stream.StreamTrial(classifier, own, settings, seed=seed)
        for level in levels:
            say(f"{classifier.name}, PNR {level:g} dB")
            found = stream.measure(trial, level, played, say)
            out.print(_behind_links(found, level))
            out.print(in_words(found[-1]), highlight=False)
            rows += found
    if json:
        facts = {"dataset": Path(dataset).name, "over": settings.link.over, "steps": steps}
        facts |= {
            "draws": draws,
            "bursts_per_key": bursts,
            "seed": seed,
            "date": date.today().isoformat(),
        }
        write_json(json, {"settings": facts, "rows": rows})


def friendly(
    model: Annotated[str, typer.Option(help="Names or files, comma-separated.")] = "undefended",
    snr: Annotated[float, typer.Option(help="SNR in the whole band, dB.")] = 20.0,
    pnr: Annotated[float, typer.Option(help="PNR in dB, over the mean power of a burst.")] = 0.0,
    spared: Annotated[
        str, typer.Option(help="Shares of what the receiver's symbols see that are taken out.")
    ] = "0,0.5,0.75,1",
    over: Annotated[
        str, typer.Option(help=f"What of the link is not known, of {', '.join(UNKNOWN)}.")
    ] = "timing,phase,carrier",
    bursts: Annotated[int, typer.Option(min=1, help="Of each class.")] = 10,
    steps: Annotated[int, typer.Option(min=1, help="Of the attack.")] = 100,
    seed: Seed = 0,
    json: Json = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw the curve (.png, .svg, .pdf).")
    ] = None,
) -> None:
    """Evasion beside what the friendly receiver loses by it: errors, checksums. No speeds.

    Bursts of known bits of each digital modulation, perturbed in expectation over the link, with
    noise, for an eavesdropper's model and for a receiver with matched filter, clock and carrier
    recovery. Of the perturbation more and more is taken out that this one would see.
    """
    from ..attacks import LinkSettings, StreamSettings
    from ..evaluation.figures import evasion_and_errors
    from ..evaluation.friendly import Scenario

    check_writable(json, inputs=[model])
    check_writable(figure, (".png", ".svg", ".pdf"), [model])
    settings = StreamSettings(LinkSettings(tuple(parse_names(over))), steps, draws=1)
    shares = parse_floats(spared)
    rows: list[Document] = []
    for name in parse_names(model):
        say(f"{name}, SNR {snr:g} dB, PNR {pnr:g} dB")
        scenario = Scenario(Classifier.load(name), settings, snr, bursts, seed=seed)
        found = scenario.rows(pnr, shares, say)
        out.print(_both(found))
        rows += found
    if json:
        facts = {"over": settings.link.over, "steps": steps, "bursts_per_class": bursts}
        facts |= {"seed": seed, "date": date.today().isoformat(), "version": __version__}
        write_json(json, {"settings": facts, "rows": rows})
    if figure:
        evasion_and_errors(rows, figure)


def _both(rows: Sequence[Document]) -> Table:
    """Eavesdropper and friendly receiver, a line a row."""
    caption = "levels: PNR, PSR, SNR in dB, nominal (measured)"
    table = Table(title=f"{rows[0]['model']}, {rows[0]['bursts']} bursts", caption=caption)
    names = ("accuracy", "symbol errors", "bit errors", "error vector dB", "passed")
    for heading in ("spared", "levels", *names):
        table.add_column(heading, justify="right")
    for row in rows:
        levels = ", ".join(
            "-" if row[f"{name}_db"] is None
            else f"{row[f'{name}_db']:.0f} ({row[f'measured_{name}_db']:.1f})"
            for name in ("pnr", "psr", "snr")
        )  # fmt: skip
        table.add_row(
            "no attack" if row["spared"] is None else f"{row['spared']:g}", levels,
            "{:.3f} ({:.3f} … {:.3f})".format(row["accuracy"], *row["accuracy_interval"]),
            f"{row['symbol_errors']:.2e}", f"{row['bit_errors']:.2e}",
            f"{10 * math.log10(row['error_vector']):.1f}", f"{row['passed']:.3f}",
        )  # fmt: skip
    return table


def _behind_links(rows: Sequence[Document], pnr_db: float) -> Table:
    table = Table(title=f"{rows[0]['model']}, PNR {pnr_db:g} dB, {rows[0]['frames']} frames")
    for heading in ("attack", "accuracy", "rejected", "effect", "of frames", "of known"):
        table.add_column(heading, justify="left" if heading == "attack" else "right")
    for row in rows:
        accuracy = [row["accuracy"], *row["accuracy_interval"]]
        table.add_row(
            row["attack"], "{:.3f} ({:.3f} … {:.3f})".format(*accuracy),
            f"{row['rejection_rate']:.3f}", f"{row['effect']:.3f}",
            *(_share(row, f"share_of_{whole}") for whole in ("frames", "known")),
        )  # fmt: skip
    return table


def _share(row: Document, name: str) -> str:
    return "{:.2f} ({:.2f} … {:.2f})".format(row[name], *row[f"{name}_interval"])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
