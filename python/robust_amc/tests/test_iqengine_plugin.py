"""The plugin for IQEngine, called as its plugin server calls one, without IQEngine.

The stand-ins here have what that server's modules have, as of 2025-10-07: an abstract base class,
and an output whose annotations are SigMF's.
"""

import importlib
import inspect
import sys
from abc import ABC, abstractmethod
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from robust_amc.benchmarks import modulated_signals
from robust_amc.errors import UserError

from .files import ROOT

NAME = "htrd_scan"
RATE, TUNED = 1e6, 100e6
SET_BY_THE_SERVER = {"sample_rate", "center_freq"}
FIELDS = {
    "core:sample_start": int, "core:sample_count": int, "core:freq_lower_edge": float,
    "core:freq_upper_edge": float, "core:label": str, "core:comment": str, "core:generator": str,
}  # fmt: skip


class Plugin(ABC):
    @abstractmethod
    def rf_function(self, samples, job_context=None):
        """What a plugin does."""


class Output(SimpleNamespace):
    def __init__(self, annotations=None):
        for each in annotations:
            assert each["core:sample_start"] >= 0 and each["core:sample_count"] >= 0
            for field in FIELDS.keys() & each.keys():
                assert type(each[field]) is FIELDS[field], field
        super().__init__(annotations=annotations)


@pytest.fixture
def plugin(monkeypatch):
    """An instance as the server makes one: the class of the name of module and folder."""
    for name, content in (("plugin", {"Plugin": Plugin}), ("models", {"Output": Output})):
        module = ModuleType(f"models.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "models", ModuleType("models"))
    monkeypatch.syspath_prepend(ROOT / "examples/iqengine")
    module = importlib.import_module(f"{NAME}.{NAME}")
    yield getattr(module, NAME)()
    for name in [each for each in sys.modules if each.startswith(NAME)]:
        del sys.modules[name]


def parameters(plugin):
    """Those that the server finds: public attributes that are no methods."""
    found = dict(inspect.getmembers(plugin, lambda each: not inspect.ismethod(each)))
    return {name: value for name, value in found.items() if name[0] != "_"}


def test_its_parameters_are_typed(plugin):
    found = parameters(plugin)
    assert found.keys() > SET_BY_THE_SERVER
    assert {type(value) for value in found.values()} <= {int, float, str}
    declared = inspect.get_annotations(type(plugin))
    assert {name: type(value) for name, value in found.items()} == declared
    own = {name: found[name] for name in found.keys() - SET_BY_THE_SERVER}
    assert own == {"model": "field", "level_db": 6.0, "bins": 512, "most_frames": 512}
    assert type(plugin).rf_function is not Plugin.rf_function
    assert list(inspect.signature(plugin.rf_function).parameters) == ["samples", "job_context"]


def test_a_signal_becomes_an_annotation(plugin):
    rng = np.random.default_rng(1)
    parts = rng.standard_normal((2, 1 << 16)) * 0.01
    samples = parts[0] + 1j * parts[1]
    start, stop = 16_384, 53_248
    made = modulated_signals.signal("BPSK", stop - start, 20.0, 0.35, rng)
    samples[start:stop] += 0.05 * made * np.exp(0.4j * np.pi * np.arange(stop - start))
    for name, value in {"sample_rate": RATE, "center_freq": TUNED, "most_frames": 20}.items():
        setattr(plugin, name, type(getattr(plugin, name))(value))
    (found,) = plugin.rf_function(samples.astype(np.complex64), SimpleNamespace()).annotations
    assert found["core:label"] == "BPSK" and "of 20 frames" in found["core:comment"]
    assert abs(found["core:sample_start"] - start) <= 4096
    assert abs(found["core:sample_count"] - (stop - start)) <= 8192
    assert found["core:freq_lower_edge"] < TUNED + 0.2 * RATE < found["core:freq_upper_edge"]
    assert found["signal:detail"]["mod_class"] == "psk"


def test_what_makes_no_sense_is_said(plugin):
    samples = np.zeros(10_000, np.complex64)
    with pytest.raises(UserError, match="sample rate"):
        plugin.rf_function(samples)  # nobody has set it
    plugin.sample_rate = RATE
    plugin.bins = 3
    with pytest.raises(UserError, match="at least 16 bins"):
        plugin.rf_function(samples)
    plugin.bins = 512
    assert plugin.rf_function(samples).annotations == []
