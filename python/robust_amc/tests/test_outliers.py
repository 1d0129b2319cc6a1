"""Outlier exposure: what the outliers are, in a batch, in a training, and in a system."""

import numpy as np
import pytest
import torch

from robust_amc import frames, systems
from robust_amc.errors import UserError
from robust_amc.models import build
from robust_amc.training import OutlierSettings, Standard, TrainSettings, train
from robust_amc.training.outliers import KINDS, outliers, with_outliers

from .conftest import CLASSES
from .test_training import toy_dataset

LENGTH = 128


def generator():
    return torch.Generator().manual_seed(3)


def signals(count=60):
    """Frames of mean power about 1, ``[count, 2, LENGTH]``, a symbol of QPSK every 8 samples."""
    rng = np.random.default_rng(1)
    symbols = np.exp(0.5j * np.pi * (rng.integers(4, size=(count, LENGTH // 8)) + 0.5))
    return torch.from_numpy(frames.to_iq(np.repeat(symbols, 8, 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_another_signal(kind):
    iq = signals()
    samples = torch.complex(iq[:, 0], iq[:, 1])
    made = KINDS[kind](samples, generator())
    assert made.shape == samples.shape and torch.isfinite(torch.view_as_real(made)).all()
    assert (made.abs().square().mean(1) > 0.1).all()
    product = (made * samples.conj()).sum(1).abs()
    alike = product / (made.norm(dim=1) * samples.norm(dim=1))
    assert alike.median() < 0.95
    again = KINDS[kind](samples, generator())
    assert torch.equal(torch.view_as_real(made), torch.view_as_real(again))


def test_noise_keeps_the_spectrum_and_no_envelope():
    samples = torch.complex(signals(400)[:, 0], signals(400)[:, 1])
    made = KINDS["noise"](samples, generator())
    before, after = (torch.fft.fft(each).abs().square().mean(0) for each in (samples, made))
    kept = before > 0.05 * before.max()
    assert ((after / before)[kept] - 1).abs().max() < 0.5
    assert made.abs().std() > 10 * samples.abs().std()


def test_a_swept_carrier_runs_evenly_and_stays_in_its_band():
    samples = torch.complex(*signals(400).unbind(1))
    made = KINDS["swept"](samples, generator()).numpy()
    quiet = np.abs(np.abs(made) - 1).max(1) < 0.2  # those with little noise
    assert quiet.sum() > 20
    frequency = np.angle(made[:, 1:] * made[:, :-1].conj())[quiet] / (2 * np.pi)
    assert np.abs(frequency).max() < 0.15
    # It rises or falls evenly, but for jumps
    smooth = np.stack([np.convolve(each, np.ones(16) / 16, "valid") for each in frequency])
    bent = np.abs(np.diff(smooth[:, ::8], n=2, axis=1))
    assert np.median(bent) < 0.003
    assert (np.abs(smooth[:, -1] - smooth[:, 0]) > 0.002).mean() > 0.8  # a tone stays where it is
    density = np.fft.fftshift((np.abs(np.fft.fft(made)) ** 2).mean(0))
    assert density[np.abs(np.arange(-64, 64)) > 20].max() < 0.05 * density.max()


def test_a_batch_gets_flat_targets():
    iq = signals()
    target = torch.eye(len(CLASSES))[torch.zeros(len(iq), dtype=torch.long)]
    inputs, all_targets = with_outliers(iq, target, iq, OutlierSettings(share=0.5), generator())
    assert inputs.shape == (90, 2, LENGTH) and all_targets.shape == (90, len(CLASSES))
    assert torch.equal(inputs[:60], iq) and torch.equal(all_targets[:60], target)
    torch.testing.assert_close(all_targets[60:], torch.full((30, len(CLASSES)), 1 / len(CLASSES)))
    # Scaled as frames are
    sums = frames.magnitude(inputs).sum(1)
    torch.testing.assert_close(sums[60:], torch.full((30,), float(LENGTH)), rtol=1e-4, atol=1e-4)
    alone = with_outliers(iq, target, iq, OutlierSettings(), generator())
    assert alone[0] is iq and alone[1] is target
    few = outliers(iq, 3, generator())
    assert few.shape == (3, 2, LENGTH)


def test_a_network_learns_to_be_unsure_of_them():
    def trained(share):
        torch.manual_seed(0)
        network = build("residual", len(CLASSES), input_gain=100.0)
        settings = TrainSettings(epochs=12, batch_size=64, patience=0)
        network, _ = train(
            network, Standard(), toy_dataset(512, 1), toy_dataset(64, 2), settings,
            outliers=OutlierSettings(share=share),
        )  # fmt: skip
        fresh = torch.from_numpy(toy_dataset(256, 3).iq.astype(np.float32))
        with torch.no_grad():
            seen = network(fresh).softmax(1).max(1)[0].mean()
            spoiled = network(outliers(fresh, 256, generator())).softmax(1).max(1)[0].mean()
        return float(seen), float(spoiled)

    seen, spoiled = trained(0.5)
    _, without = trained(0.0)
    assert spoiled < without - 0.1 and spoiled < seen - 0.1


def test_settings_of_a_system():
    assert systems.load("modern").plan.outliers.share == 0
    assert systems.load("field").plan.outliers.share > 0
    assert systems.load("modern", {"outliers.share": 0.3}).plan.outliers.share == 0.3
    with pytest.raises(UserError, match="must be 0 … 1"):
        systems.load("modern", {"outliers.share": 2.0})
