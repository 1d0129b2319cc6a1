"""Opens an engine by name, or the fastest one that decides as float32 PyTorch does."""

import importlib.util
import logging
import time

from ..arrays import Floats
from ..classifier import Classifier
from ..errors import UserError
from ..files import AnyPath
from ..frames import Scaling, require_length
from ..runtime.device import AnyDevice
from . import choice_cache, quantize
from .agreement import Agreement, check_frames
from .engine import InferenceEngine, Precision
from .sources import Pairs, Source, source_of

AUTO = "auto"
AGREEMENT = 0.995  # of decisions with float32, for `auto`
TIMING = 0.2  # seconds that each candidate is timed
ENGINES = ("torch", "onnxruntime", "openvino")
PACKAGES = {
    "torch": (),
    "onnxruntime": ("onnx", "onnxscript", "onnxruntime"),
    "openvino": ("onnx", "onnxscript", "openvino"),
}
log = logging.getLogger(__name__)


def open_engine(
    model: Classifier | AnyPath | Source | InferenceEngine,
    engine: str = AUTO,
    precision: Precision | str | None = None,
    scaling: Scaling | str | None = None,
    threads: int | None = None,
    frame_length: int | None = None,
    device: AnyDevice = "cpu",
) -> InferenceEngine:
    """An InferenceEngine.

    Args:
        model: a Classifier, a shipped model's name, a model file, a file that `htrd export`
            wrote (.onnx), or what :func:`source_of` made of one of these; an InferenceEngine
            is taken as it is
        engine: ``torch``, ``onnxruntime``, ``openvino`` or ``auto``
        precision: ``float32``, ``bfloat16``, ``int8``, or ``auto`` or None: what is fastest
        scaling: of the input, a Scaling, ``as_model``, or ``auto``: as the model expects, but
            for frames that are scaled already (default: none); an exported file has its own (the
            default, and with ``auto``), and must not be asked for another one
        threads: of ONNX Runtime and OpenVINO (default: as many as PyTorch has)
        frame_length: samples in a frame, where that matters to the caller
        device: where PyTorch computes, if the model is not loaded yet

    Where several engines or precisions are left to choose from, each decides a check set at
    load time; the fastest of those that agree with float32 PyTorch (of a file: with the first
    that can run it) on 99.5 % is taken, and one line of log says so. The choice is kept for a
    month, as graphs are, see :mod:`.graph_cache`. int8 is made only where it is asked for by
    name, and must agree as :func:`quantize.is_close` says. Raises UserError when nothing fits:
    a package is not installed, the processor lacks bfloat16, the model is on a GPU and the engine
    is not for it; and for a missing or damaged model, another frame length, and another scaling
    than that of an exported file.
    """
    if engine not in (AUTO, *ENGINES):
        raise UserError(f"unknown engine {engine!r}; there are {AUTO}, {', '.join(ENGINES)}")
    if isinstance(model, InferenceEngine):
        if frame_length is not None:
            require_length("the model", model.frame_length, frame_length)
        return model
    source = source_of(model, device)
    if frame_length is not None:
        require_length(source.name, source.frame_length, frame_length)
    if scaling is not None:
        source = source.scaled(scaling)
    wanted = None if precision in (None, AUTO) else _precision(precision)
    pairs = [
        (name, exact)
        for name, exact in source.pairs(wanted)
        if engine in (AUTO, name) and wanted in (None, exact)
    ]
    if engine == AUTO:
        pairs = [pair for pair in pairs if installed(pair[0])]
    if not pairs:
        raise UserError(
            f"no engine computes this in {wanted or 'any precision'} with {engine} here: "
            f"{source.limits()}"
        )
    if len(pairs) == 1 and not source.is_risky(wanted):
        made = source.make(*pairs[0], threads)
    elif source.is_risky(wanted):
        made = _fastest(source, pairs, threads)
    else:
        made = _known(source, pairs, threads)
    made.auto = source.auto
    return made


def _known(source: Source, pairs: Pairs, threads: int | None) -> InferenceEngine:
    """The fastest engine, measured before or now."""
    if kept := choice_cache.recall(source, pairs, threads):
        engine, precision, reason = kept
        made = source.make(engine, precision, threads)
        made.reason = reason
        log.info("inference engine %s", reason)
        return made
    made = _fastest(source, pairs, threads)
    choice_cache.keep(source, pairs, threads, made)
    return made


def _fastest(source: Source, pairs: Pairs, threads: int | None) -> InferenceEngine:
    engines = [source.make(*pair, threads) for pair in pairs]
    iq = check_frames(engines[0])
    reference = source.reference(engines[0], iq)
    found = [(each, Agreement.of(each.decide_as_is(iq), reference)) for each in engines]
    agreeing = [(each, how) for each, how in found if _is_close(each, how)]
    if not agreeing:
        raise UserError(
            "no engine decides as the model does in float32: "
            + "; ".join(f"{_title(each)}: {how}" for each, how in found)
        )
    rates = {each: _rate(each, iq) for each, _ in agreeing}
    best = max(rates, key=lambda each: rates[each])
    others = [
        f"{_title(each)} " + (f"{rates[each]:.0f}/s" if each in rates else f"{how.agreement:.2%}")
        for each, how in found
        if each is not best
    ]
    best.reason = (
        f"{_title(best)}: {rates[best]:.0f} frames/s, {dict(agreeing)[best]}"
        f" ({', '.join(others) or 'nothing else'})"
    )
    log.info("inference engine %s", best.reason)
    return best


def _is_close(engine: InferenceEngine, found: Agreement) -> bool:
    if engine.precision is Precision.INT8:
        return quantize.is_close(found)
    return found.agreement >= AGREEMENT


def _rate(engine: InferenceEngine, iq: Floats) -> float:
    """Frames a second; the best of several passes, since a machine may be busy."""
    times: list[float] = []
    start = time.perf_counter()
    while not times or time.perf_counter() - start < TIMING:
        begin = time.perf_counter()
        engine.decide_as_is(iq)
        times.append(time.perf_counter() - begin)
    return len(iq) / min(times)


def _title(engine: InferenceEngine) -> str:
    return f"{engine.name} {engine.precision}"


def installed(engine: str) -> bool:
    """Whether the packages of an engine are there."""
    return all(importlib.util.find_spec(package) for package in PACKAGES[engine])


def _precision(name: Precision | str) -> Precision:
    try:
        return Precision(name)
    except ValueError:
        raise UserError(
            f"unknown precision {str(name)!r}; there are {', '.join(Precision)}"
        ) from None
