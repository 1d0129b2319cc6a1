"""The graphs of the page made anew; run by script/test-demo-page."""

from pathlib import Path

import numpy as np
import pytest
from robust_amc import assets, data
from robust_amc.browser import content, graphs
from robust_amc.classifier import Classifier
from robust_amc.tests.graph_runs import assert_is_the_classifier

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [*content.RECEIVERS, "htrd"])
def test_graph_is_the_classifier(name):
    """Those that ship, and one of another kind; small, and without paths of this machine."""
    model = graphs.make(name)
    assert [each.name for each in model.graph.input] == list(graphs.INPUTS)
    graph = model.SerializeToString()
    assert len(graph) < 300_000 and str(ROOT).encode() not in graph
    some = data.read("sample").subset(slice(None, None, 205))
    iq = some.iq.astype(np.float32)
    path = assets.model_path(name)
    assert_is_the_classifier(graph, path, Classifier.load(name), iq, some.label)
