"""`htrd bench`: how fast the parts of the project are, each beside an obvious baseline.

A bench is a function that returns ``{"settings": {...}, "rows": [...]}``; a row has
`name, value, unit, baseline, baseline_value, ratio`. Here they are only called and shown.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import __version__, benchmarks, data
from ..attacks.link import UNKNOWN
from ..benchmarks.report import SEED
from ..classifier import Classifier
from ..data import FrameDataset
from ..evaluation import ceiling as limits
from ..files import Document, write_json
from .console import err, out
from .generate import htrd_module
from .options import Dataset, Json, Seed, check_writable, parse_floats, parse_names

LONGEST = 600  # seconds a side and round
app = typer.Typer(help="Measure how fast the parts of the project are.", no_args_is_help=True)

Frames = Annotated[
    int, typer.Option(min=1, help="Maximum number of frames that each side works on.")
]
Seconds = Annotated[
    float, typer.Option(min=0, max=LONGEST, help="How long each side runs in a round, at least.")
]
Rounds = Annotated[
    int, typer.Option(min=1, help="How often the sides take turns; the median counts.")
]


@app.command()
def generator(
    json: Json = None,
    frames_per_key: Annotated[
        int, typer.Option(min=1, help="Frames of each class at each SNR label.")
    ] = 100,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
) -> None:
    """Frames a second that the data-set generator makes, and where the time goes.

    The baseline of each mode are its bare flowgraphs, in as many processes: source,
    modulator and channel, with nothing behind them. The stages are measured in one process.
    """
    check_writable(json)
    bench = htrd_module("benchmarks.generator")
    _show(bench.bench(frames_per_key, jobs, _log), json)


@app.command()
def training(
    dataset: Dataset = "sample",
    frames: Frames = 1024,
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    json: Json = None,
) -> None:
    """Frames a second of a standard and of a CAT epoch, beside the plain eager float32 loop."""
    check_writable(json, inputs=[dataset])
    chosen = _read(dataset).limit(frames, SEED).in_memory()
    _show(benchmarks.training.bench(chosen, seconds=seconds, rounds=rounds, log=_log), json)


@app.command()
def attack(
    dataset: Dataset = "sample",
    frames: Frames = 256,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = 10,
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    json: Json = None,
) -> None:
    """Frames times PGD steps a second, beside ART, foolbox, torchattacks and a plain loop."""
    check_writable(json, inputs=[dataset])
    chosen = _read(dataset).limit(frames, SEED).in_memory()
    document = benchmarks.attack.bench(
        chosen, steps=steps, seconds=seconds, rounds=rounds, log=_log
    )
    _show(document, json)


@app.command()
def agreement(
    dataset: Dataset = "sample",
    model: Annotated[str, typer.Option(help="A plain network: a name or a file.")] = "undefended",
    snr: Annotated[str, typer.Option(help="SNR labels in dB.")] = "6,8,10,12,14,16,18",
    pnr: Annotated[str, typer.Option(help="PNR levels in dB.")] = "-20,-15,-10,-5,0,5,10",
    frames: Frames = 1000,
    steps: Annotated[int, typer.Option(min=1, help="PGD steps.")] = 20,
    json: Json = None,
) -> None:
    """Robust accuracy that our PGD leaves, beside ART, foolbox and torchattacks: no speeds."""
    check_writable(json, inputs=[dataset, model])
    chosen = _read(dataset).select(snr_db=parse_floats(snr)).limit(frames, SEED).in_memory()
    document = benchmarks.agreement.bench(
        chosen, pnr_db=parse_floats(pnr), steps=steps, log=_log, model=model
    )
    _show(document, json)


@app.command()
def svm(
    dataset: Dataset = "sample",
    frames: Frames = 256,
    train_frames: Annotated[
        int, typer.Option(min=1, help="Maximum number of frames that the SVM is fitted on.")
    ] = 5000,
    seconds: Seconds = 3.0,
    rounds: Rounds = 5,
    json: Json = None,
) -> None:
    """Frames a second that the SVM scores, beside scikit-learn's decision_function."""
    check_writable(json, inputs=[dataset])
    scored, others = _read(dataset).divide(frames, SEED)
    document = benchmarks.svm.bench(
        others.limit(train_frames, SEED).in_memory(),
        scored.in_memory(),
        seconds=seconds,
        rounds=rounds,
        log=_log,
    )
    _show(document, json)


@app.command()
def inference(
    dataset: Dataset = "sample",
    model: Annotated[str, typer.Option(help="A shipped model's name or a file.")] = "htrd",
    frames: Frames = 1024,
    seconds: Seconds = 1.0,
    rounds: Rounds = 5,
    json: Json = None,
) -> None:
    """Frames a second and latency of each inference engine, beside PyTorch's eager float32."""
    check_writable(json, inputs=[dataset, model])
    document = benchmarks.inference.bench(
        _read(dataset).limit(frames, SEED).in_memory(),
        model=model,
        seconds=seconds,
        rounds=rounds,
        log=_log,
    )
    _show(document, json)


@app.command()
def blocks(seconds: Seconds = 1.0, rounds: Rounds = 5, json: Json = None) -> None:
    """Samples a second that the C++ blocks pass on, beside an in-tree multiply_const_cc."""
    check_writable(json)
    _show(htrd_module("benchmarks.blocks").bench(seconds, rounds, _log), json)


@app.command()
def detector(seconds: Seconds = 2.0, rounds: Rounds = 5, json: Json = None) -> None:
    """Samples a second that the Signal Detector takes, beside a null sink and its transforms."""
    check_writable(json)
    _show(htrd_module("benchmarks.detector").bench(seconds, rounds, _log), json)


@app.command()
def panel(seconds: Seconds = 10.0, rounds: Rounds = 3, json: Json = None) -> None:
    """Processor time of the QT Decision Panel at 8,000 decisions a second."""
    check_writable(json)
    _show(htrd_module("benchmarks.panel").bench(seconds, rounds, _log), json)


@app.command()
def flowgraph(
    model: Annotated[str, typer.Option(help="A shipped model's name or a file.")] = "htrd",
    engine: Annotated[str, typer.Option(help="Inference engine, native (C++) or auto.")] = "auto",
    precision: Annotated[str, typer.Option(help="Its precision, or auto.")] = "auto",
    seconds: Seconds = 5.0,
    rounds: Rounds = 3,
    sustain: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=LONGEST,
            help="Seconds that the highest rate and 20 MS/s are held (as --seconds).",
        ),
    ] = None,
    soak: Annotated[float, typer.Option(min=0, help="Also soak for so many minutes.")] = 0,
    json: Json = None,
) -> None:
    """Frames a second that the classifier decides in flowgraphs, beside its engine alone."""
    check_writable(json, inputs=[model])
    bench = htrd_module("benchmarks.flowgraph")
    document = bench.bench(
        seconds, rounds, _log, model, engine, precision, minutes=soak, sustain=sustain
    )
    _show(document, json)


@app.command()
def ceiling(
    snr: Annotated[float, typer.Option(help="SNR label in dB that the budgets are for.")] = 10.0,
    pnr: Annotated[str, typer.Option(help="PNR levels in dB.")] = "-20,-15,-10,-5,0",
    frames: Frames = 200,
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


@app.command()
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
    rows = trials.bench(levels, signals, length, seed, _log)
    if json:
        facts = {"snr_db": levels, "signals": signals, "length": length, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    names = ("rate_right", "rate_given", "carrier_right")
    out.print(_by_signal(f"Shares of {signals} signals of {length} samples", rows, names))


@app.command()
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
    rows = trials.bench(classifier, levels, signals, symbols, seed, _log, impaired)
    if json:
        facts = {"model": model, "snr_db": levels, "signals": signals, "symbols": symbols}
        facts |= {"impaired": impaired, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    names = ("oracle", "blind", "oracle_fused", "blind_fused")
    title = f"{model}: {signals} signals of {symbols} symbols of each class"
    out.print(_by_signal(title, rows, names, has_mean=True))


@app.command()
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
    rows = trials.bench(classifier, known, levels, signals, length, seed, _log)
    if json:
        facts = {"model": model, "snr_db": levels, "signals": signals, "length": length}
        write_json(json, {"settings": facts | {"seed": seed}, "rows": rows})
    names = ("brought", "labeled", "accepted", "auroc", "fpr_95")
    title = f"{model}: {signals} signals of {length} samples of each kind"
    out.print(_by_signal(title, rows, names, has_mean=True))


@app.command()
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
    rows = trials.bench(levels, signals, length, seed, _log)
    if json:
        facts = {"snr_db": levels, "signals": signals, "length": length, "seed": seed}
        write_json(json, {"settings": facts, "rows": rows})
    names = list(rows[0])[2:]
    title = f"Errors of {signals} signals of {length} samples"
    out.print(_by_signal(title, rows, names, form=".2g"))


@app.command()
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
    draws: Annotated[int, typer.Option(min=1, help="Links a step and burst.")] = 1,
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
    chosen = _read(dataset).limit_per_key(bursts, seed).in_memory()
    rows: list[Document] = []
    for name in names:
        classifier = Classifier.load(name)
        own = chosen.require_classes(classifier.classes)
        trial = stream.StreamTrial(classifier, own, settings, seed=seed)
        for level in levels:
            _log(f"{classifier.name}, PNR {level:g} dB")
            found = stream.measure(trial, level, played, _log)
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


@app.command()
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
    settings = StreamSettings(LinkSettings(tuple(parse_names(over))), steps)
    shares = parse_floats(spared)
    rows: list[Document] = []
    for name in parse_names(model):
        _log(f"{name}, SNR {snr:g} dB, PNR {pnr:g} dB")
        scenario = Scenario(Classifier.load(name), settings, snr, bursts, seed=seed)
        found = scenario.rows(pnr, shares, _log)
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


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _read(dataset: str) -> FrameDataset:
    whole = data.read(dataset)
    _log(f"measuring with frames of {dataset}")
    return whole


def _log(what: str) -> None:
    err.print(what, highlight=False)


def _show(document: Document, json: Path | None) -> None:
    if json:
        write_json(json, document)
    settings = document["settings"]
    if "compared" in settings:
        out.print(
            f"{settings['compared']}\n{settings['threads']} threads, {settings['cpu']}, "
            f"torch {settings['torch_version']}, {settings['date']}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    table = Table()
    for heading in ("", "value", "unit", "baseline", "its value", "ratio"):
        table.add_column(heading, justify="right" if "val" in heading else "left")
    for row in document["rows"]:
        table.add_row(
            row["name"], _number(row["value"]), row["unit"], row["baseline"],
            _number(row["baseline_value"]), f"{row['ratio']:.3f}",
        )  # fmt: skip
    out.print(table)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
