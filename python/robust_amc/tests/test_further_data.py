"""Training on further data sets: which frames, and what the model says of them."""

from dataclasses import replace

import numpy as np
import pytest

from robust_amc import data, model_card, provenance
from robust_amc.errors import UserError
from robust_amc.training import Plan, TrainSettings, run

from .conftest import CLASSES, toy_dataset

PLAN = Plan(settings=TrainSettings(epochs=1, batch_size=64), architecture="matched_filter")


def generated(count, seed):
    made = toy_dataset(count, seed)
    return replace(made, metadata=made.metadata | {"generator": "g", "seed": seed})


@pytest.fixture(scope="module")
def own():
    return generated(800, 1)


@pytest.fixture(scope="module")
def further():
    return generated(80, 2)


def test_joined_frames_keep_what_is_known_of_them(own, further):
    backwards = replace(further, classes=CLASSES[::-1])
    both = data.joined([own, backwards])
    np.testing.assert_array_equal(both.iq, np.concatenate([own.iq, further.iq]))
    assert list(both.truth) == [*own.truth, *backwards.truth]
    assert list(both.snr_db) == [*own.snr_db, *further.snr_db]
    assert both.classes == own.classes and both.metadata == own.metadata
    assert not set(both.run_id[:800]) & set(both.run_id[800:])
    assert len(set(both.run_id[800:])) == len(set(further.run_id))


def test_frames_that_cannot_be_joined(own, further):
    with pytest.raises(UserError, match="64 and of 128 samples"):
        data.joined([own, further.cut(64)])
    with pytest.raises(UserError, match="classes that the model does not know: other"):
        data.joined([own, replace(further, classes=(*CLASSES[:-1], "other"))])


def test_all_frames_of_a_further_data_set_are_trained_on(own, further):
    alone = run(PLAN, own, "own.npz").metadata["training"]
    trained = run(PLAN, own, "own.npz", more=[(further, "further.npz")])
    facts = trained.metadata["training"]
    assert facts["train_frames"] == alone["train_frames"] + len(further)
    assert facts["more"] == [provenance.record(further, "further.npz", None)]
    assert trained.metadata["dataset"] == provenance.record(own, "own.npz", 0)
    assert "| file | further.npz |" in model_card.card(trained, __file__)
    assert provenance.part_to_evaluate(own, [trained]) == (data.Part.TEST, 0)
    with pytest.raises(UserError, match="calibrated on all of this data set"):
        provenance.part_to_evaluate(further, [trained])


def test_only_the_labels_that_are_asked_for(own, further):
    plan = replace(PLAN, snr_db=[10.0])
    facts = run(plan, own, "own.npz", more=[(further, "further.npz")]).metadata["training"]
    part = data.part(own, "train", 0)
    assert facts["train_frames"] == (part.snr_db == 10).sum() + (further.snr_db == 10).sum()


def test_test_frames_are_not_let_in(own):
    for same in (own, own.subset(slice(0, 400))):  # another file of the same seed, too
        with pytest.raises(UserError, match="frames"):
            run(PLAN, own, "own.npz", more=[(same, "same.npz")])
