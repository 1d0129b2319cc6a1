"""`htrd dataset`: make a data set, and say what is in one."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from .. import data
from ..data import npz
from ..data.summary import summary
from ..errors import UserError
from ..files import write_json
from .console import out, progress
from .options import Json, Seed, parse_floats, parse_names, refuse_overwriting

app = typer.Typer(help="Make data sets, and say what is in one.", no_args_is_help=True)


@app.command()
def generate(
    output: Annotated[Path, typer.Argument(help="The .npz file to write.")],
    frames_per_key: Annotated[
        int, typer.Option(help="Frames of each class at each SNR label.")
    ] = 1000,
    seed: Seed = 0,
    snr: Annotated[
        str | None, typer.Option(help="SNR labels in dB (default: -20,-18,…,18).")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Modulations, comma-separated (default: all 11).")
    ] = None,
    frames_per_run: Annotated[
        int | None,
        typer.Option(help="Most frames cut from one generator run (default: all, about 36)."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 2,
):
    """Generate an RML2016.10a-style data set with GNU Radio flowgraphs.

    The same seed gives the same file, whatever the number of jobs. The SNR label is the
    original's: the true SNR is about 2 * label + 5 dB.
    """
    if output.suffix != ".npz":
        raise UserError(f"{output} must end in .npz")
    refuse_overwriting(output)
    generator = _generator()
    wanted = {
        "classes": parse_names(classes),
        "snr_db": parse_floats(snr),
        "frames_per_key": frames_per_key,
        "seed": seed,
        "frames_per_run": frames_per_run,
        "jobs": jobs,
    }
    generator.check(**wanted)
    with progress() as bar:
        task = bar.add_task("generating", total=None, note="")
        start = time.monotonic()

        def show(done, total):
            rate = done / (time.monotonic() - start)
            bar.update(task, completed=done, total=total, note=f"{rate:.0f} frames/s")

        dataset = generator.generate(**wanted, progress=show)
        bar.update(task, description="writing")
        npz.write(dataset, output)
    size = output.stat().st_size / 1e6
    out.print(
        f"{output}: {len(dataset)} frames, {dataset.run_id.max() + 1} runs, {size:.1f} MB, "
        f"fingerprint {dataset.fingerprint()[:16]}",
        highlight=False,
        soft_wrap=True,
    )


def _generator():
    """The generator lives with the GNU Radio blocks, which the library does without."""
    try:
        from gnuradio.htrd import rml2016_generator
    except ImportError as error:
        raise UserError(
            f"the generator needs GNU Radio and gr-htrd, and {error.name or error} cannot be "
            "imported; install them (script/bootstrap), or use --dataset sample"
        ) from None
    return rml2016_generator


@app.command()
def info(
    path: Annotated[str, typer.Argument(help="An .npz, a RadioML pickle, or 'sample'.")],
    json: Json = None,
):
    """Say what is in a data set: classes, SNR labels, counts, scaling, origin."""
    facts = {"path": Path(path).name} | summary(data.read(path))
    if json:
        write_json(json, facts)
    table = Table(title=facts["path"])
    for heading in ("class", "frames", "SNR labels with frames", "frames a label"):
        table.add_column(heading)
    for name, counts in facts["counts"].items():
        present = {level: count for level, count in counts.items() if count}
        table.add_row(name, str(sum(counts.values())), _labels(present), _range(present.values()))
    out.print(table)
    for line in _lines(facts):
        out.print(line, highlight=False, soft_wrap=True, markup=False)


def _lines(facts):
    low, high = facts["sum_of_magnitudes"]
    yield (
        f"frames: {facts['frames']} of {facts['frame_length']} samples, {facts['dtype']}, "
        f"{facts['runs']} runs"
    )
    yield f"scaling: {facts['scaling']} (sums of magnitudes {low:.4g} … {high:.4g})"
    yield f"all-zero frames: {facts['all_zero_frames']}"
    yield f"authentic RML2016.10a: {'yes' if facts['authentic_rml2016_10a'] else 'no'}"
    yield f"fingerprint: {facts['fingerprint']}"
    for key, value in facts["metadata"].items():
        yield f"{key}: {value}"


def _labels(present):
    levels = list(present)
    return ", ".join(levels) if len(levels) <= 5 else f"{levels[0]} … {levels[-1]} ({len(levels)})"


def _range(counts):
    low, high = min(counts, default=0), max(counts, default=0)
    return str(low) if low == high else f"{low} … {high}"
