"""`htrd bench`: how fast the parts of the project are, each beside an obvious baseline.

A bench is a function that returns ``{"settings": {...}, "rows": [...]}``; a row has
`name, value, unit, baseline, baseline_value, ratio`. Here they are only called and shown.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import benchmarks, data
from ..benchmarks.report import SEED
from ..data import FrameDataset
from ..files import Document, write_json
from . import bench_attacks, bench_signals
from .console import out, say
from .generate import htrd_module
from .options import Dataset, Json, check_writable, parse_floats

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
    _show(bench.bench(frames_per_key, jobs, say), json)


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
    _show(benchmarks.training.bench(chosen, seconds=seconds, rounds=rounds, log=say), json)


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
    document = benchmarks.attack.bench(chosen, steps=steps, seconds=seconds, rounds=rounds, log=say)
    _show(document, json)


@app.command()
def agreement(
    dataset: Dataset = "sample",
    model: Annotated[str, typer.Option(help="A name or a file; its network alone.")] = "undefended",
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
        chosen, pnr_db=parse_floats(pnr), steps=steps, log=say, model=model
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
        log=say,
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
        log=say,
    )
    _show(document, json)


@app.command()
def blocks(seconds: Seconds = 1.0, rounds: Rounds = 5, json: Json = None) -> None:
    """Samples a second that the C++ blocks pass on, beside an in-tree multiply_const_cc."""
    check_writable(json)
    _show(htrd_module("benchmarks.blocks").bench(seconds, rounds, say), json)


@app.command()
def detector(seconds: Seconds = 2.0, rounds: Rounds = 5, json: Json = None) -> None:
    """Samples a second that the Signal Detector takes, beside a null sink and its transforms."""
    check_writable(json)
    _show(htrd_module("benchmarks.detector").bench(seconds, rounds, say), json)


@app.command()
def panel(seconds: Seconds = 10.0, rounds: Rounds = 3, json: Json = None) -> None:
    """Processor time of the QT Decision Panel at 8,000 decisions a second."""
    check_writable(json)
    _show(htrd_module("benchmarks.panel").bench(seconds, rounds, say), json)


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
        seconds, rounds, say, model, engine, precision, minutes=soak, sustain=sustain
    )
    _show(document, json)


for command in (
    bench_attacks.ceiling, bench_attacks.likelihood, bench_attacks.stream_attack,
    bench_attacks.friendly, bench_signals.frontend, bench_signals.blind, bench_signals.open_set,
    bench_signals.residuals,
):  # fmt: skip
    app.command()(command)


def _read(dataset: str) -> FrameDataset:
    whole = data.read(dataset)
    say(f"measuring with frames of {dataset}")
    return whole


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
