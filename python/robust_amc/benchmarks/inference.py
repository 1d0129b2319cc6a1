"""Inference engines beside PyTorch's eager float32, and beside OpenVINO on the bare network."""

from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import numpy as np

from ..arrays import Floats
from ..classifier import Classifier, Decisions
from ..data import FrameDataset
from ..errors import UserError
from ..files import Document
from ..inference import Precision, open_engine
from ..inference.choose import PACKAGES, installed
from ..inference.graph import convolutional
from ..inference.sources import OfClassifier
from ..runtime.memory import keep_freed_memory
from .report import precisions, row, settings
from .sides import Rates, Side, Work, measure

MODEL = "htrd"
LATENCIES = (1, 64)  # frames that are decided at once
Pairs = list[tuple[str, Precision]]  # of an engine and a precision
EAGER = "torch eager float32"
KEPT = "torch eager float32, memory kept"
BARE = "OpenVINO on the bare network"
COMPARED = (
    "decisions of {model} (network, rejector, threshold) by each engine, {frames} frames a call, "
    "with PyTorch's eager float32 on plain convolutions and our rejector (as it is, and with a C "
    "library that keeps freed memory), and with the network alone in OpenVINO"
)


def bench(
    dataset: FrameDataset,
    *,
    model: str = MODEL,
    wanted: Sequence[Precision] = tuple(Precision),
    seconds: float,
    rounds: int,
    log: Callable[[str], None],
) -> Document:
    """Frames a second on a FrameDataset, and milliseconds a call; see :func:`sides.measure`.

    `wanted` are the precisions to measure. Left out, and told to `log`, are engines that are not
    installed, and int8 that does not decide as float32 does. Raises UserError when the frames are
    not the model's.
    """
    classifier = Classifier.load(model, frame_length=dataset.frame_length)
    iq = dataset.iq.astype(np.float32)
    pairs = agreeing(classifier, present(classifier, wanted), log)
    if not pairs:
        raise UserError(f"no engine here computes in {', '.join(wanted)}")
    for name in PACKAGES:
        if not installed(name):
            log(f"{name} is not installed, and left out (docs/inference.md says how to have it)")
    rates = measure(sides(iq, model, pairs), seconds=seconds, rounds=rounds, log=log)
    described = settings(
        "inference",
        COMPARED.format(model=model, frames=len(iq)),
        model=model,
        frames=len(iq),
        packages={name: _version(name) for name in PACKAGES},
        seconds=seconds,
        rounds=rounds,
    )
    return {"settings": described, "rows": rows(rates, pairs)}


def present(classifier: Classifier, wanted: Sequence[Precision] = tuple(Precision)) -> Pairs:
    """Pairs of an engine and a precision that can be measured here."""
    pairs = OfClassifier(classifier).pairs(Precision.INT8)
    return [(name, exact) for name, exact in pairs if installed(name) and exact in wanted]


def agreeing(classifier: Classifier, pairs: Pairs, log: Callable[[str], None]) -> Pairs:
    """Those that decide as the model does; int8 may not, and `log` is told."""
    found: Pairs = []
    for name, exact in pairs:
        try:
            if exact is Precision.INT8:
                open_engine(classifier, name, exact)
            found.append((name, exact))
        except UserError as error:
            log(f"{name} {exact} is left out: {error}")
    return found


def sides(iq: Floats, model: str, pairs: Pairs) -> list[Side]:
    """The Sides; units are frames, or calls where it is a latency."""
    every = [
        Side(_name(f"{name} {exact}", size), f"{name} {exact}", engine, given)
        for name, exact in pairs
        for size, given in _sizes({"iq": iq, "model": model, "engine": name, "precision": exact})
    ]
    every += [
        Side(_name(EAGER, size), EAGER, eager, given)
        for size, given in _sizes({"iq": iq, "model": model})
    ]
    every.append(Side(KEPT, KEPT, kept, {"iq": iq, "model": model}))
    if installed("openvino"):
        every.append(Side(BARE, BARE, bare, {"iq": iq, "model": model}))
    return every


def rows(rates: Rates, pairs: Pairs) -> list[Document]:
    """Rows of the Rates of :func:`sides`; a latency's ratio is the better the smaller it is."""
    names = [f"{name} {exact}" for name, exact in pairs]
    against = {EAGER: EAGER, KEPT: KEPT, BARE: f"{BARE}, {precisions()[0]}"}
    return [
        row(name, rates[_name(name)].value, "frames/s", words, rates[baseline].value)
        for baseline, words in against.items()
        if baseline in rates
        for name in names
    ] + [
        row(
            f"latency of {size}, {name}",
            1000 / rates[_name(name, size)].value,
            "ms",
            EAGER,
            1000 / rates[_name(EAGER, size)].value,
        )
        for size in LATENCIES
        for name in names
    ]


def engine(
    iq: Floats, model: str, engine: str, precision: Precision, calls: int | None = None
) -> Work:
    """Decisions by an engine; all frames, or as many as one of `calls` has."""
    opened = open_engine(Classifier.load(model), engine, precision)
    return _decisions(opened.decide, iq, calls)


def eager(iq: Floats, model: str, calls: int | None = None) -> Work:
    """The same by PyTorch, as its user would write it."""
    classifier = Classifier.load(model)
    classifier.network = convolutional(classifier.network)
    return _decisions(classifier.decide, iq, calls)


def kept(iq: Floats, model: str) -> Work:
    """As :func:`eager`, without clearing the same memory again for every call."""
    keep_freed_memory()
    return eager(iq, model)


def bare(iq: Floats, model: str) -> Work:
    """Logits of the network alone, in OpenVINO and what the processor is fastest in."""
    loaded = Classifier.load(model)
    document = {key: value for key, value in loaded.metadata.items() if key != "rejector"}
    network = Classifier(loaded.network, loaded.classes, metadata=document)
    opened = open_engine(network, "openvino", precisions()[0])
    return lambda: opened.scores(iq), len(iq)


def _decisions(decide: Callable[[Floats], Decisions], iq: Floats, calls: int | None) -> Work:
    if calls is None:
        return lambda: decide(iq), len(iq)
    return lambda: decide(iq[:calls]), 1


def _sizes(given: dict[str, Any]) -> list[tuple[int | None, dict[str, Any]]]:
    return [(None, given)] + [(size, given | {"calls": size}) for size in LATENCIES]


def _name(name: str, size: int | None = None) -> str:
    return name if size is None else f"{name}, {size} a call"


def _version(engine: str) -> str:
    if not installed(engine):
        return "not installed"
    return metadata.version("torch" if engine == "torch" else PACKAGES[engine][-1])
