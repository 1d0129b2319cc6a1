"""Impairments of training frames: what they do, their seeds, and a training with them."""

import numpy as np
import pytest
import torch

from robust_amc import systems
from robust_amc.errors import UserError
from robust_amc.models import build
from robust_amc.training import AugmentSettings, Standard, TrainSettings, train
from robust_amc.training.augment import impaired

from .conftest import CLASSES, toy_dataset, toy_frames

ALL = AugmentSettings(share=1.0)


def frames(count=64, length=128):
    return torch.from_numpy(toy_frames(count, 0, length)[0])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("length", [128, 1024])
def test_shape_scale_and_seed(length):
    iq = frames(length=length)
    made = impaired(iq, ALL, seeded())
    assert made.shape == iq.shape and made.dtype == torch.float32 and made.isfinite().all()
    magnitudes = [torch.complex(*each.unbind(1)).abs().sum(1) for each in (iq, made)]
    torch.testing.assert_close(*magnitudes)
    assert torch.equal(made, impaired(iq, ALL, seeded()))
    assert not torch.allclose(made, impaired(iq, ALL, seeded(1)))
    # Still the same signal, for the most part; the carrier's error would turn long ones
    made = impaired(iq, AugmentSettings(share=1.0, residual_carrier=[0, 0]), seeded())
    before, after = (torch.complex(*each.unbind(1)) for each in (iq, made))
    alike = (before.conj() * after).sum(1).abs() / before.norm(dim=1) / after.norm(dim=1)
    assert alike.median() > 0.7 and alike.max() < 1


def test_a_share_of_the_frames():
    """Of six kinds of impairments, half of the frames get each: 1 in 256 frames none of eight."""
    iq = frames(512)
    made = impaired(iq, AugmentSettings(share=0.5), seeded())
    same = (made - iq).abs().amax((1, 2)) < 1e-5 * iq.abs().amax((1, 2))
    assert 0 < same.sum() < 20
    few = impaired(iq, AugmentSettings(share=1e-9), seeded())
    torch.testing.assert_close(few, iq, atol=1e-7, rtol=1e-4)


def test_gradient():
    """Of the rounded samples too: near that of what is not rounded."""
    iq = frames(8).requires_grad_(True)
    impaired(iq, ALL, seeded()).square().sum().backward()
    assert iq.grad.isfinite().all()
    assert (iq.grad.flatten(1).norm(dim=1) > 0).all()


def test_a_neighbor_is_where_it_should_be():
    settings = AugmentSettings(
        share=1.0, echoes=0, phase_noise=[0, 0], gain_imbalance_db=[0, 0],
        phase_imbalance_deg=[0, 0], dc_db=[-200, -200], full_scale_db=[40, 40], bits=[24, 24],
        residual_carrier=[0, 0], residual_rate=[0, 0], neighbor_db=[-20, -20],
        neighbor_distance=[1, 1],
    )  # fmt: skip
    constant = torch.ones(4, 2, 128) / 128
    made = torch.complex(*impaired(constant, settings, seeded()).unbind(1)).numpy()
    power = np.abs(np.fft.fft(made)) ** 2
    lines = power[:, 16] + power[:, -16]  # 1/8 of a cycle a sample, on either side
    np.testing.assert_allclose(lines / power[:, 0], 0.01, rtol=1e-3)
    np.testing.assert_allclose(power.sum(1), power[:, 0] + lines, rtol=1e-3)


def test_a_frame_alone_and_frames_of_nothing():
    assert impaired(frames(1), ALL, seeded()).isfinite().all()
    assert impaired(torch.zeros(4, 2, 128), ALL, seeded()).isfinite().all()


def test_a_training_with_it_can_be_resumed(tmp_path):
    """Stopped after an epoch and resumed, it ends at the weights of one that was not."""

    def trained(epochs, **more):
        torch.manual_seed(0)
        network = build("residual", len(CLASSES), input_gain=100.0)
        settings = TrainSettings(epochs=epochs, batch_size=64, patience=0)
        return train(
            network, Standard(), toy_dataset(128, 1), toy_dataset(64, 2), settings,
            impairments=AugmentSettings(share=0.5), identity={}, **more,
        )  # fmt: skip

    straight, history = trained(2)
    checkpoint = tmp_path / "run.checkpoint"
    trained(1, checkpoint=checkpoint)
    resumed, again = trained(2, checkpoint=checkpoint, resume=True)
    assert again.epochs == history.epochs
    for name, weight in straight.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_settings_of_a_system(tmp_path):
    """In a TOML file, and by their dotted names."""
    assert systems.load("modern").plan.augment.share == 0
    values = {"augment.share": 0.3, "augment.bits": [6, 8], "training.augment": True}
    plan = systems.load("modern", values).plan
    assert plan.augment.share == 0.3 and plan.augment.bits == [6, 8] and plan.settings.augment
    assert systems.default({"augment.share": 1}).plan.augment.share == 1
    file = tmp_path / "mine.toml"
    file.write_text('title = "mine"\n[training]\n[augment]\nshare = 0.25\ndc_db = [-40, -30]\n')
    assert systems.load(file).plan.augment == AugmentSettings(share=0.25, dc_db=[-40, -30])
    for values, said in (
        ({"augment.share": 2}, "must be 0 … 1"),
        ({"augment.nothing": 2}, "unknown entries nothing"),
        ({"augment.bits": 8}, "must be of type list"),
        ({"augment.bits": [8.5, 9]}, "must be of type list"),
        ({"augment.residual_rate": [-1.0, 0]}, "-0.5 … 0.5"),
        ({"augment.samples_per_symbol": 0}, "at least 1"),
    ):
        with pytest.raises(UserError, match=said):
            systems.load("modern", values)
