"""What reads each kind of file, and what it may do: succeed, or raise UserError of one line."""

import contextlib
import io
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import torch

from robust_amc import data, systems
from robust_amc.classifier import Classifier
from robust_amc.cli import main
from robust_amc.data.formats.base import RawFacts
from robust_amc.errors import UserError
from robust_amc.fields import whole
from robust_amc.inference import open_engine
from robust_amc.streams import recording
from robust_amc.streams.opening import open_stream
from robust_amc.sweep.results import Results, ranked
from robust_amc.training import checkpoint

from . import sound

FRAMES = 2  # that a model decides


def command(*arguments):
    """Run `htrd`; its exit status is 0 or 2, and what it says is plain text."""
    out, err = io.StringIO(), io.StringIO()
    from robust_amc.cli import console

    status = 0
    # not `file`: that is what standard output is now, and later tests have others
    before = console.out._file, console.err._file
    console.out.file, console.err.file = out, err
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main([str(each) for each in arguments])
    except SystemExit as stopped:
        status = stopped.code or 0
    finally:
        console.out._file, console.err._file = before
    said = out.getvalue() + err.getvalue()
    steering = {each for each in said if not each.isprintable()} - {"\n"}
    assert not steering, f"control characters: {sorted(map(ascii, steering))}"
    if status:
        assert status == 2, f"exit status {status}"
        raise UserError(err.getvalue().strip().splitlines()[-1])


def dataset(path):
    command("dataset", "info", path)  # which reads all frames


def stream(path):
    """A recording, as `htrd classify` opens it, and what it says of its frames."""
    found, samples = recording.read(path, sound.LENGTH)
    count = len(samples.samples(found.dtype)) // sound.LENGTH
    truth = recording.Truth(found)
    for first in range(0, count, 64):
        truth.of(np.arange(first, min(first + 64, count)) * sound.LENGTH, sound.LENGTH)


def labeled(path):
    """What does not say itself what it is, as `htrd dataset convert` and `classify` read it."""
    for _ in data.read(path, raw_facts=RawFacts(2e5, "QPSK", 10.0)).chunks():
        pass
    opened = open_stream(str(path), sound.LENGTH)
    while opened is not None and opened.source.read(0) is not None:
        pass


def model(path):
    found = Classifier.load(path)
    iq = np.random.default_rng(0).standard_normal((FRAMES, 2, found.frame_length)) / 100
    decided = found.decide(iq.astype(np.float32), found.scaling)
    assert decided.score.shape == (FRAMES, len(found.classes))
    if found.rejector is not None:
        found.set_target_rejection(0.3)
    command("models", path)
    command("models", path, "--card")


def onnx(path):
    engine = open_engine(path, "onnxruntime", threads=1)
    iq = np.random.default_rng(0).standard_normal((FRAMES, 2, engine.frame_length)) / 100
    decided = engine.decide(iq.astype(np.float32))
    assert decided.score.shape == (FRAMES, len(engine.classes))
    if engine.threshold is not None:
        engine.set_target_rejection(0.3)


def run_checkpoint(path):
    form = {"epoch": whole(0), "history": checkpoint.HISTORY}
    tensors, _ = checkpoint.load(path, sound.run_tensors(), {"seed": 1}, form)
    network = torch.nn.Linear(3, 4)
    network.load_state_dict(checkpoint.group(tensors, "network"))
    adam = torch.optim.Adam(network.parameters())
    checkpoint.load_optimizer(adam, checkpoint.group(tensors, "optimizer"))
    network(torch.ones(1, 3)).sum().backward()
    adam.step()


def system(path):
    systems.load(path)
    systems.variants(path)


def figure(path):
    with tempfile.TemporaryDirectory() as folder:
        command("figure", "confusion", path, "--output", Path(folder) / "x.png")


def sweep(path):
    results = Results(Path(path), _sweep_settings(), resume=True)
    ranked(results.rows)


@cache
def _sweep_settings():
    return {"seed": 0}


READERS = {
    "dataset": dataset,
    "stream": stream,
    "labeled": labeled,
    "model": model,
    "onnx": onnx,
    "checkpoint": run_checkpoint,
    "system": system,
    "figure": figure,
    "sweep": sweep,
}


def read(reader, path):
    """How a reader takes a file: ``ok`` or ``refused``; anything else is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            READERS[reader](path)
        except UserError as error:
            line = str(error)
            assert line.isprintable() and line, f"not one printable line: {ascii(line)[:200]}"
            return "refused"
    return "ok"
