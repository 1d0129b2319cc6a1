"""Small data and models that the tests share; everything is really trained and fitted."""

import numpy as np
import pytest
import torch

from robust_amc.classifier import Classifier
from robust_amc.data import FrameDataset
from robust_amc.models import build
from robust_amc.rejection.autoencoder import AutoencoderSettings
from robust_amc.rejection.calibrate import fit_rejector
from robust_amc.rejection.svm import SVMSettings
from robust_amc.training import Standard, TrainSettings, train

from . import bfloat16  # noqa: F401 (where it is asked for)

CLASSES = ("tone", "chirp", "pulse", "noise")


def toy_frames(count, seed, length=128):
    """Four kinds of frames in noise, scaled so that the magnitudes add up to 1."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % len(CLASSES)
    time = np.arange(length)
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    wave = np.stack(
        [
            np.exp(1j * (2 * np.pi * 0.05 * time + phase)),
            np.exp(1j * (2 * np.pi * 0.001 * time**2 + phase)),
            (time % 16 < 8) * np.exp(1j * phase),
            np.zeros((count, length)),
        ]
    )[label, np.arange(count)]
    wave += 0.5 * (rng.standard_normal((count, length)) + 1j * rng.standard_normal((count, length)))
    wave /= np.abs(wave).sum(1, keepdims=True)
    return np.stack([wave.real, wave.imag], 1).astype(np.float32), label.astype(np.int16)


def toy_dataset(count=1600, seed=0, per_run=5):
    iq, label = toy_frames(count, seed)
    snr_db = np.where(np.arange(count) // len(CLASSES) % 2, 10, 0).astype(np.float32)
    key = label * 2 + (snr_db > 0)
    run_id = np.empty(count, np.int32)
    for each in np.unique(key):
        members = np.flatnonzero(key == each)
        run_id[members] = each * 10000 + np.arange(len(members)) // per_run
    return FrameDataset(iq, label, CLASSES, snr_db, run_id, {"scaling": "sum_abs"})


def toy_metadata(**more):
    return {
        "architecture": {"name": "vtcnn2", "input_gain": 100.0},
        "frame_length": 128,
        "scaling": "sum_abs",
    } | more


@pytest.fixture(scope="session")
def dataset():
    return toy_dataset()


@pytest.fixture(scope="session")
def plain(dataset):
    """A briefly trained network without a rejector."""
    torch.manual_seed(0)
    network = build("vtcnn2", len(CLASSES), input_gain=100.0)
    settings = TrainSettings(epochs=2, batch_size=64, patience=0)
    network, _ = train(network, Standard(), toy_dataset(640, 1), dataset.limit(100, 0), settings)
    return Classifier(network, CLASSES, metadata=toy_metadata(), name="plain")


@pytest.fixture(scope="session")
def rejecting(plain):
    """The same network with an SVM rejector."""
    fitted = fit_rejector(
        plain, toy_dataset(400, 2), toy_dataset(800, 3), SVMSettings(frames_per_class=50)
    )
    fitted.name = "rejecting"
    return fitted


@pytest.fixture(scope="session")
def detecting(plain):
    """The same network with an autoencoder detector."""
    settings = AutoencoderSettings(frames_per_class=200, epochs=12)
    fitted = fit_rejector(plain, toy_dataset(800, 2), toy_dataset(800, 3), settings)
    fitted.name = "detecting"
    return fitted
