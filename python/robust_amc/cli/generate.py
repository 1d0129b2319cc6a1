"""`htrd dataset generate`: make an RML2016.10a-style data set with GNU Radio."""

import importlib
import io
import os
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path
from types import ModuleType
from typing import Annotated

import numpy as np
import typer
from rich.progress import Progress, TaskID

from ..errors import UserError
from .console import err, out, progress
from .options import Seed, parse_floats, parse_names, refuse_overwriting

_BUILT_FOR_1 = "compiled using NumPy 1.x"  # what NumPy 2 says of a module
LINE_INTERVAL = 10  # seconds, where there is no terminal to draw a bar on


def generate(
    output: Annotated[Path, typer.Argument(help="The .npz file to write.")],
    mode: Annotated[
        str,
        typer.Option(
            help="legacy: as RML2016.10a; corrected: the label is the SNR in the band; field: as "
            "behind a receiver and the front end."
        ),
    ] = "legacy",
    frames_per_key: Annotated[
        int, typer.Option(help="Frames of each class at each SNR label.")
    ] = 1000,
    seed: Seed = 0,
    snr: Annotated[
        str | None,
        typer.Option(help="SNR labels in dB (default: -20,-18,…,18; field: -4,-2,…,30)."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Modulations, comma-separated (default: all 11).")
    ] = None,
    frames_per_run: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of frames cut from one generator run (default: all, about 36; "
            "field: 8)."
        ),
    ] = None,
    frame_length: Annotated[int, typer.Option(help="Samples in a frame.")] = 128,
    samples_per_symbol: Annotated[
        int, typer.Option(help="Of the digital classes; field: of the frames.")
    ] = 8,
    sampling_offset: Annotated[
        float, typer.Option(help="Samples, below 1, by which the receiver samples later.")
    ] = 0.0,
    text: Annotated[
        Path | None, typer.Option(help="A file that the digital classes send (default: made here).")
    ] = None,
    audio: Annotated[
        Path | None,
        typer.Option(help="A 16-bit WAV file that the analog classes send (default: made here)."),
    ] = None,
    frame_metadata: Annotated[
        bool,
        typer.Option(
            "--frame-metadata",
            help="Keep true SNR, carrier offset, channel and the like of each frame.",
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 2,
    resume: Annotated[bool, typer.Option(help="Go on with an output that was stopped.")] = False,
) -> None:
    """Generate an RML2016.10a-style data set with GNU Radio flowgraphs.

    The same seed gives the same file, whatever the number of jobs. In mode legacy the SNR
    label is the original's: the true SNR is about 2 * label + 5 dB. What is finished lies
    beside the output until all is: after an interruption the same command with --resume
    makes the rest and ends at the same file.
    """
    refuse_overwriting(output, [".npz"])
    generator = htrd_module("rml2016.generator")
    try:
        with progress() as bar:
            dataset = generator.generate_file(
                output,
                resume=resume,
                jobs=jobs,
                progress=_Stage(bar, "generating"),
                writing=_Stage(bar, "writing"),
                mode=mode,
                classes=parse_names(classes),
                snr_db=parse_floats(snr),
                frames_per_key=frames_per_key,
                seed=seed,
                frames_per_run=frames_per_run,
                frame_length=frame_length,
                samples_per_symbol=samples_per_symbol,
                sampling_offset=sampling_offset,
                text=text and str(text),
                audio=audio and str(audio),
                frame_metadata=frame_metadata,
            )
    except KeyboardInterrupt:
        err.print("what is finished is kept: the same command with --resume goes on")
        raise
    size = output.stat().st_size / 1e6
    out.print(
        f"{output}: {len(dataset)} frames, {dataset.run_id.max() + 1} runs, {size:.1f} MB, "
        f"fingerprint {dataset.fingerprint()[:16]}",
        highlight=False,
        soft_wrap=True,
    )


class _Stage:
    """Called as (frames done, frames in all): shows them, their rate and the time left.

    A bar on a terminal; elsewhere a line every LINE_INTERVAL seconds. What is done at the
    first call was done before, and does not count for the rate.
    """

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar = bar
        self._what = what
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._task is None:
            self._task = self._bar.add_task(self._what, note="")
            self._first, self._start, self._said = done, now, now
        rate = (done - self._first) / max(now - self._start, 1e-6)
        self._bar.update(self._task, completed=done, total=total, note=f"{rate:.0f} frames/s")
        if not err.is_terminal and rate and now - self._said >= LINE_INTERVAL:
            self._said = now
            err.print(
                f"{self._what}: {done} of {total} frames, {rate:.0f} frames/s, "
                f"{(total - done) / rate:.0f} s left",
                highlight=False,
            )


def htrd_module(name: str) -> ModuleType:
    """A module of gnuradio.htrd; the library does without, so it may be missing: UserError."""
    # Standard output is for results. GNU Radio asks for this when it is imported
    os.environ.setdefault("GR_CONF_LOG_LOG_FILE", "stderr")
    said = io.StringIO()
    try:
        # NumPy 2 has a page to say, with a traceback, when it meets what was built for NumPy 1
        with redirect_stderr(said):
            module = importlib.import_module(f"gnuradio.htrd.{name}")
    except (ImportError, AttributeError) as error:
        if _BUILT_FOR_1 in said.getvalue() + str(error):
            raise UserError(
                f"GNU Radio was built for NumPy 1, and NumPy {np.__version__} is installed in this "
                "environment: python -m pip install 'numpy<2'"
            ) from None
        sys.stderr.write(said.getvalue())
        if isinstance(error, AttributeError):
            raise
        raise UserError(
            f"the generator needs GNU Radio and gr-htrd, and {error.name or error} cannot be "
            "imported; install them (script/bootstrap), or use --dataset sample"
        ) from None
    sys.stderr.write(said.getvalue())
    return module
