#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SigMF recording in, an annotated one out: File Source → Frame Sampler → Classifier → Probe.

`htrd classify --annotate` does the same without GNU Radio; this is the way with blocks, to put
others between them.
"""

from pathlib import Path
from typing import Annotated

import typer
from gnuradio import blocks, gr, htrd
from robust_amc.classifier import Classifier
from robust_amc.cli.console import out, run
from robust_amc.cli.options import refuse_overwriting
from robust_amc.data.formats import sigmf_recording
from robust_amc.errors import UserError
from robust_amc.streams import recording
from robust_amc.streams.annotate import annotated

CHUNK = 1 << 20  # bytes


class Offline(gr.top_block):
    """Every frame of a part of a file of complex float32 samples, decided."""

    def __init__(self, samples, model, squelch_db):
        gr.top_block.__init__(self, "offline", catch_exceptions=True)
        item = gr.sizeof_gr_complex
        self.source = blocks.file_source(item, str(samples.path), False, samples.first // item,
                                         (samples.size or 0) // item)
        self.frames = htrd.frame_sampler(model.frame_length, squelch_db=squelch_db)
        self.classifier = htrd.classifier(model, len(model.classes), "as_model",
                                          publish_decisions=False, frame_length=model.frame_length)
        self.probe = htrd.decision_probe(keep=True)
        self.connect(self.source, self.frames, self.classifier)
        self.msg_connect(self.classifier, "batches", self.probe, "batches")


def annotate(
    source: Annotated[Path, typer.Argument(help="The recording (.sigmf-meta).")],
    output: Annotated[Path, typer.Argument(help="The annotated copy (.sigmf-meta).")],
    model: Annotated[str, typer.Option(help="Name or file of the model.")] = "htrd",
    squelch_db: Annotated[float, typer.Option(help="Leave out weaker frames.")] = float("-inf"),
):
    """Classify a recording, and write a copy of it with the decisions as annotations."""
    for path in sigmf_recording.paths(output):
        refuse_overwriting(path)
    loaded = Classifier.load(model)
    known, samples = recording.read(source, loaded.frame_length)
    if known.datatype != recording.RAW:
        raise UserError(f"{source} has {known.datatype} samples; this reads {recording.RAW} only, "
                        "use htrd classify --annotate")
    flowgraph = Offline(samples, loaded, squelch_db)
    flowgraph.run()
    decided = flowgraph.probe.records()
    writing = annotated(output, known, loaded.name, loaded.frame_length)
    with writing as annotator:
        for chunk in samples.blocks(CHUNK):
            annotator.keep(chunk)
        if decided is not None:
            annotator.add(decided)
    frames = 0 if decided is None else len(decided)
    out.print(f"{output}: {frames} frames, {annotator.annotations} annotations", highlight=False)


if __name__ == "__main__":
    run(lambda: typer.run(annotate))
