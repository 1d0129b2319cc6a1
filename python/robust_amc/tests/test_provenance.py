"""No evaluation runs on frames that a model was trained on."""

from dataclasses import replace

import numpy as np
import pytest

from robust_amc import provenance
from robust_amc.data import Part
from robust_amc.errors import UserError

from .conftest import toy_dataset


class Model:
    def __init__(self, **metadata):
        self.metadata = metadata


@pytest.fixture
def own():
    return replace(toy_dataset(80, 1), metadata={"generator": "g", "seed": 7})


def test_other_data_is_evaluated_whole(own):
    model = Model(dataset=provenance.record(own, "own.npz", 3))
    assert provenance.part_to_evaluate(toy_dataset(80, 2), [model]) == (Part.ALL, 0)


@pytest.mark.parametrize("where", ["dataset", "rejector", "ancestor"])
def test_own_data_gives_the_test_part_wherever_it_was_seen(own, where):
    seen = {"dataset": provenance.record(own, "own.npz", 3)}
    model = {
        "dataset": Model(**seen),
        "rejector": Model(rejector=seen),
        "ancestor": Model(training={"start_from": {"training": {"start_from": seen}}}),
    }[where]
    assert provenance.part_to_evaluate(own, [model]) == (Part.TEST, 3)
    assert provenance.part_to_evaluate(own, [model], Part.VALIDATION) == (Part.VALIDATION, 3)
    with pytest.raises(UserError, match="trained on this data set"):
        provenance.part_to_evaluate(own, [model], Part.ALL)


def test_different_splits_of_the_same_data(own):
    models = [Model(dataset=provenance.record(own, "own.npz", seed)) for seed in (0, 1)]
    with pytest.raises(UserError, match="different seeds"):
        provenance.part_to_evaluate(own, models)


def test_the_same_generator_seed_in_another_file(own):
    model = Model(dataset=provenance.record(own, "own.npz", 0))
    part_of_it = own.subset(slice(0, 40))
    with pytest.raises(UserError, match="same seed .7. as own.npz"):
        provenance.part_to_evaluate(part_of_it, [model])
    other = replace(part_of_it, metadata={"generator": "g", "seed": 8})
    assert provenance.part_to_evaluate(other, [model]) == (Part.ALL, 0)


def test_generated_data_from_another_processor(own):
    """Rounded differently, its split is the same; with other runs it would not be."""
    model = Model(dataset=provenance.record(own, "own.npz", 3))
    rounded = replace(own, iq=np.nextafter(own.iq.astype(np.float16), np.float16(1)))
    assert rounded.fingerprint() != own.fingerprint()
    assert provenance.part_to_evaluate(rounded, [model]) == (Part.TEST, 3)
    other_runs = replace(rounded, run_id=rounded.run_id[::-1].copy())
    with pytest.raises(UserError, match="same seed .7. as own.npz"):
        provenance.part_to_evaluate(other_runs, [model])
    of_another = replace(rounded, metadata=rounded.metadata | {"generator": "another"})
    assert provenance.part_to_evaluate(of_another, [model]) == (Part.ALL, 0)


def test_a_generator_without_a_seed_says_nothing(own):
    """Other people's metadata may have the same names."""
    model = Model(dataset=provenance.record(own, "own.npz", 0))
    other = replace(toy_dataset(80, 2), metadata={"generator": "g", "derived_from": 5})
    assert provenance.part_to_evaluate(other, [model]) == (Part.ALL, 0)
