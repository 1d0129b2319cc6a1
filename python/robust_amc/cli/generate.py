"""`htrd dataset generate`: make an RML2016.10a-style data set with GNU Radio."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ..data import npz
from ..errors import UserError
from .console import out, progress
from .options import Seed, parse_floats, parse_names, refuse_overwriting


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
