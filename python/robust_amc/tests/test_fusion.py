"""Several frames decided at once."""

import numpy as np
import pytest
import torch

from robust_amc.errors import UserError
from robust_amc.evaluation.fusion import fuse, groups

from .conftest import toy_dataset


def test_groups_are_of_one_run_and_class_in_order():
    run_id = np.array([5, 5, 5, 2, 2, 5, 5, 9, 5])
    label = np.array([0, 0, 0, 1, 1, 0, 0, 1, 1])
    assert groups(run_id, label, 2).tolist() == [[3, 4], [0, 1], [2, 5]]
    assert groups(run_id, label, 1).shape == (9, 1)
    with pytest.raises(UserError, match="no run has 6 frames"):
        groups(run_id, label, 6)
    with pytest.raises(UserError, match="positive"):
        groups(run_id, label, 0)


def test_fused_decision_is_that_of_the_product_of_posteriors(plain):
    dataset = toy_dataset(300, 31)
    outcome, run_id = fuse(plain, dataset, 3)
    with torch.no_grad():
        posterior = plain.network(torch.tensor(dataset.iq)).double().softmax(1).numpy()
    for each, rows in enumerate(groups(dataset.run_id, dataset.label, 3)):
        assert outcome.decided[each] == posterior[rows].prod(0).argmax()
        assert outcome.label[each] == dataset.label[rows[1]]
        assert run_id[each] == dataset.run_id[rows[1]]
    assert outcome.correct.mean() >= (plain.decide(dataset.iq).label == dataset.label).mean()


def test_rejected_frames_take_no_part(rejecting):
    dataset = toy_dataset(200, 32)
    dataset.iq[::5] = 0  # not valid, so rejected; one of the 5 frames of every run
    accepted = rejecting.decide(dataset.iq).label >= 0
    outcome, _ = fuse(rejecting, dataset, 5)
    with torch.no_grad():
        posterior = rejecting.outputs(torch.tensor(dataset.iq)).logits.double().log_softmax(1)
    for each, rows in enumerate(groups(dataset.run_id, dataset.label, 5)):
        taken = rows[accepted[rows]]
        expected = posterior[taken].sum(0).argmax() if len(taken) else -1
        assert outcome.decided[each] == expected
    rejecting_all = type(rejecting)(
        rejecting.network, rejecting.classes, rejecting.rejector, np.inf, rejecting.metadata
    )
    assert (fuse(rejecting_all, dataset, 5)[0].decided == -1).all()
