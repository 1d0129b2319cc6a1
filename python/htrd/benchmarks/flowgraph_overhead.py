# SPDX-License-Identifier: GPL-3.0-or-later
"""What the classifier in C++ costs beside the network, and what it is compared with."""

import statistics
import time

import numpy as np
from gnuradio import blocks, gr
from robust_amc import data, frames
from robust_amc.benchmarks.report import row
from robust_amc.inference import open_engine
from robust_amc.inference.packages import require

from ..native import decision_model, native_classifier
from .flowgraph_chain import LENGTH, Chain, next_change, running

WANTED = 1.5  # µs of a processor for a frame: 15 % of a core at 100,000 frames a second


def rows(opened, model, seconds, rounds, progress):
    """Rows of the block in C++ beside the one in Python, one call a frame, and a null sink.

    Args:
        opened: OpenVinoEngine
        model: its name or file; one call a frame is PyTorch's, as usual in such modules
        seconds: how long each measurement takes
        rounds: how often they take turns; the medians count
        progress: called with a line before each round
    """
    in_torch = open_engine(model, "torch", "float32", "none")
    sides = {
        "native": lambda: Chain(opened, "replay", engine="native"),
        "python": lambda: Chain(opened, "replay", engine="openvino"),
        "single": lambda: _Frames(_OneCall(in_torch)),
        "null": lambda: _Frames(blocks.null_sink(LENGTH * gr.sizeof_gr_complex)),
    }
    rates = {name: [] for name in sides}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: blocks beside each other")
        for name, make in sides.items():
            rates[name].append(_rate(make(), seconds))
    median = {name: statistics.median(found) for name, found in rates.items()}
    progress("the block in C++ without a network")
    beside = (("the block in Python", "python"), ("one call a frame in PyTorch", "single"),
              ("a null sink", "null"))  # fmt: skip
    return [
        *(row("replay, C++", median["native"], "frames/s", title, median[name])
          for title, name in beside),
        row("processor time of a frame without a network", _cost(seconds), "µs", "wanted", WANTED),
    ]  # fmt: skip


class _Frames(gr.top_block):
    """The packaged sample, again and again, into a block."""

    def __init__(self, block):
        gr.top_block.__init__(self)
        samples = frames.to_complex(data.read("sample").iq.astype("float32")).ravel()
        self.source = blocks.vector_source_c(samples.tolist(), True, LENGTH)
        self.block = block
        self.connect(self.source, block)

    def done(self):
        """Frames so far."""
        return self.block.nitems_read(0)


class _OneCall(gr.sync_block):
    """Asks an engine for each frame alone, as modules that wrap a network in a block do."""

    def __init__(self, engine):
        gr.sync_block.__init__(self, "one_call", [(np.complex64, LENGTH)], None)
        self._engine = engine

    def work(self, input_items, output_items):
        """Decide one frame."""
        self._engine.decide(frames.to_iq(input_items[0][:1]))
        return 1


def _rate(flowgraph, seconds):
    """Frames a second that pass through a flowgraph."""
    with running(flowgraph):
        first, start = next_change(flowgraph.done)
        time.sleep(seconds)
        last, end = next_change(flowgraph.done)
    return (last - first) / (end - start)


def _cost(seconds):
    """Microseconds of all threads for a frame, in live mode, with batches for one listener."""
    flowgraph = _Frames(native_classifier(_without_network(), True, queue_frames=65536))
    sink = blocks.message_debug(False)
    flowgraph.msg_connect(flowgraph.block, "batches", sink, "store")

    def decided():
        return flowgraph.block.status()["decided"]

    with running(flowgraph):
        first, start = next_change(decided)[0], time.process_time()
        time.sleep(seconds)
        last, end = next_change(decided)[0], time.process_time()
    return 1e6 * (end - start) / (last - first)


def _without_network():
    """decision_model of a graph that does nearly nothing: the mean of I, and of Q."""
    onnx = require("onnx", "onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["iq", "axes"], ["scores"], keepdims=0)], "mean",
        [helper.make_tensor_value_info("iq", float32, ["frames", 2, LENGTH])],
        [helper.make_tensor_value_info("scores", float32, ["frames", 2])],
        [helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [2])],
    )  # fmt: skip
    model = decision_model()
    opset = [helper.make_opsetid("", 18)]
    model.graphs = [helper.make_model(graph, opset_imports=opset).SerializeToString()]
    model.precisions, model.classes = ["f32"], ["I", "Q"]
    return model
