"""Pre-training as an autoencoder, and a training that begins with it."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from robust_amc import systems
from robust_amc.errors import UserError
from robust_amc.models import build
from robust_amc.runtime.runtime import Runtime
from robust_amc.training import Plan, TrainSettings, run
from robust_amc.training.pretrain import (
    Autoencoder,
    PretrainSettings,
    own_checkpoint,
    pretrain,
)

from .conftest import toy_dataset


def new_network():
    torch.manual_seed(0)
    return build("residual", 4, input_gain=100.0)


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def frames():
    return toy_dataset(320)


@pytest.fixture(scope="module")
def runtime():
    return Runtime("cpu", fast=False)


def kept(entries):
    """A `report` that keeps the entry of each epoch."""
    return lambda epoch, done, count, loss: entries.extend([loss] if isinstance(loss, dict) else [])


def errors_of(network, frames, settings, runtime, seed=0, **more):
    """The error of each epoch of a pre-training of `network`."""
    entries = []
    pretrain(network, frames, settings, runtime, seed=seed, report=kept(entries), **more)
    return [entry["pretraining_error"] for entry in entries]


def test_learns_to_reconstruct(frames, runtime):
    settings = PretrainSettings(epochs=6, batch_size=64, learning_rate=2e-3)
    errors = errors_of(new_network(), frames, settings, runtime)
    assert len(errors) == settings.epochs
    assert errors[-1] < 0.8  # no guess at all has 1; a good part of a frame is noise


def test_trains_the_feature_layers_only_and_repeats_itself(frames, runtime):
    start, once, twice = (new_network() for _ in range(3))
    settings = PretrainSettings(epochs=1, batch_size=64)
    first = errors_of(once, frames, settings, runtime, seed=3)
    assert len(first) == 1 and first == errors_of(twice, frames, settings, runtime, seed=3)
    before, after, again = weights(start), weights(once), weights(twice)
    assert all(torch.equal(after[name], again[name]) for name in after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if not name.startswith("dense2.")}


def test_error_is_that_of_frames_of_unit_energy(frames, runtime):
    still = PretrainSettings(epochs=1, learning_rate=1e-12)
    (found,) = errors_of(new_network(), frames, still, runtime, seed=4)
    network = new_network().eval()
    torch.manual_seed(4)
    guess = Autoencoder(network, 128)(torch.from_numpy(frames.iq)).detach().numpy()
    unit = frames.iq / np.sqrt((frames.iq**2).sum((1, 2), keepdims=True))
    expected = ((guess / np.sqrt(128) - unit) ** 2).sum((1, 2)).mean()
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_rate_that_is_too_large_is_told(frames, runtime):
    with pytest.raises(UserError, match="lower its rate"):
        pretrain(new_network(), frames, PretrainSettings(learning_rate=1e30), runtime, seed=0)


def test_dry_run_is_one_update(frames, runtime, tmp_path):
    seen = []
    pretrain(
        new_network(),
        frames,
        PretrainSettings(batch_size=64),
        runtime,
        seed=0,
        report=lambda *facts: seen.append(facts[1]),
        dry_run=True,
        checkpoint=tmp_path / "run.checkpoint",
    )
    assert seen == [64, 320]  # the batch, the end of the epoch
    assert not list(tmp_path.iterdir())


def test_goes_on_where_it_was_interrupted(frames, runtime, tmp_path):
    settings = PretrainSettings(epochs=3, batch_size=64)
    checkpoint = tmp_path / "run.checkpoint"
    whole, resumed = new_network(), new_network()
    expected = errors_of(whole, frames, settings, runtime)

    def stop(epoch, done, count, loss):
        if epoch == 2:
            raise KeyboardInterrupt

    more = {"checkpoint": checkpoint, "identity": {"data": 1}}
    with pytest.raises(KeyboardInterrupt):
        pretrain(new_network(), frames, settings, runtime, seed=0, report=stop, **more)
    rest = errors_of(resumed, frames, settings, runtime, resume=True, **more)
    assert rest == expected[2:]
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(resumed).items())
    with pytest.raises(UserError, match="another run"):
        other = more | {"identity": {"data": 2}}
        pretrain(new_network(), frames, settings, runtime, seed=0, resume=True, **other)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": float("nan")}]
)
def test_settings_are_checked(wrong):
    with pytest.raises(UserError, match="must be positive"):
        PretrainSettings(**wrong)


def test_a_training_begins_with_it_and_says_so():
    dataset = toy_dataset(480)
    settings = TrainSettings(epochs=1, batch_size=64, fast=False)
    plan = Plan(settings=settings, architecture="residual")
    entries = []
    pretrained = replace(plan, pretrain=PretrainSettings(epochs=2))
    model = run(pretrained, dataset, "toy", report=kept(entries))
    assert model.metadata["training"]["pretrain"] == asdict(pretrained.pretrain)
    assert ["pretraining_error" in entry for entry in entries] == [True, True, False]
    plain = run(plan, dataset, "toy")
    assert "pretrain" not in plain.metadata["training"]
    assert not np.array_equal(model.features(dataset.iq[:4]), plain.features(dataset.iq[:4]))


@pytest.mark.parametrize("at", [2, 4])
def test_a_training_is_resumed_at_any_point(tmp_path, at):
    """Two epochs of pre-training and two of training, interrupted in the last of either."""
    dataset = toy_dataset(480)
    settings = TrainSettings(epochs=2, batch_size=64, patience=0, fast=False)
    pretraining = PretrainSettings(epochs=2, batch_size=64)
    plan = Plan(settings=settings, architecture="residual", pretrain=pretraining)
    whole = run(plan, dataset, "toy")
    checkpoint = tmp_path / "run.checkpoint"
    ended = []

    def stop(epoch, done, count, loss):
        ended.extend([loss] if isinstance(loss, dict) else [])
        if len(ended) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan, dataset, "toy", checkpoint=checkpoint, report=stop)
    again = []
    resumed = run(plan, dataset, "toy", checkpoint=checkpoint, resume=True, report=kept(again))
    assert again[0] == ended[-1] and len(again) == 4 - at + 1  # the interrupted epoch, the rest
    assert resumed.metadata["training"] == whole.metadata["training"]
    assert np.array_equal(resumed.features(dataset.iq[:8]), whole.features(dataset.iq[:8]))
    assert not own_checkpoint(checkpoint).exists()


def test_only_a_new_network_is_pretrained():
    with pytest.raises(UserError, match="start_from"):
        Plan(start_from="undefended", pretrain=PretrainSettings())


def test_system_files_set_it(tmp_path):
    text = "title = 'x'\n[pretrain]\nepochs = 3\nlearning_rate = 0.01\n[training]\nepochs = 1"
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert systems.load(path).plan.pretrain == PretrainSettings(epochs=3, learning_rate=0.01)
    assert systems.load("undefended").plan.pretrain is None
    path.write_text(text.replace("epochs = 3", "epoch = 3"))
    with pytest.raises(UserError, match=r"\[pretrain\] has unknown entries epoch"):
        systems.load(path)
    path.write_text("title = 'x'\nnetwork = 'cat'\n[pretrain]\nepochs = 3")
    with pytest.raises(UserError, match="unknown entries pretrain"):
        systems.load(path)
