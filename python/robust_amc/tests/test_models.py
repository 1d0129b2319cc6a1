"""Networks: each against a slow form of itself, and what all of them must have."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from robust_amc.classifier import Classifier
from robust_amc.errors import UserError
from robust_amc.models import ARCHITECTURES, build
from robust_amc.models.dropout import RectifiedDropout
from robust_amc.models.fourier import Fourier

from .conftest import CLASSES, toy_frames, toy_metadata
from .rounding import assert_scores_close


def made(name, length=128, classes=11):
    """A network in eval mode, and frames of the usual size."""
    torch.manual_seed(0)
    network = build(name, classes, length, input_gain=100.0).eval()
    return network, torch.from_numpy(toy_frames(6, 1, length)[0])


def assert_alike(found, expected):
    """But for the order of sums."""
    room = 1e-4 * expected.abs().max().item()
    torch.testing.assert_close(found, expected, rtol=0, atol=room)


def layer_by_layer(network, iq):
    """VT-CNN2 as the notebook writes it: convolutions over a one-channel image."""
    maps = F.relu(network.conv1(F.pad(iq[:, None] * network.input_gain, (2, 2))))
    maps = F.relu(network.conv2(F.pad(maps, (2, 2))))
    features = F.relu(network.dense1(maps.flatten(1)))
    return features, network.dense2(features)


def test_vtcnn2_is_the_published_network():
    network = build("vtcnn2", 11)
    assert sum(weight.numel() for weight in network.parameters()) == 2_830_427


@pytest.mark.parametrize("length", [128, 64])
def test_matrix_products_equal_convolutions(length):
    torch.manual_seed(0)
    network = build("vtcnn2", 11, length, input_gain=3.0).eval().double()
    iq = torch.randn(5, 2, length, dtype=torch.float64)
    features, logits = layer_by_layer(network, iq)
    torch.testing.assert_close(network.features(iq), features)
    torch.testing.assert_close(network(iq), logits)


def test_gradients_equal_those_of_convolutions():
    torch.manual_seed(1)
    network = build("vtcnn2", 3, 32).eval().double()
    iq = torch.randn(4, 2, 32, dtype=torch.float64, requires_grad=True)
    inputs = [iq, *network.parameters()]
    ours = torch.autograd.grad(network(iq).square().sum(), inputs)
    theirs = torch.autograd.grad(layer_by_layer(network, iq)[1].square().sum(), inputs)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_dropout_drops_half_and_keeps_the_mean(dtype):
    torch.manual_seed(2)
    out = RectifiedDropout()(torch.ones(100_003, dtype=dtype))
    assert out.dtype == dtype and set(out.unique().tolist()) == {0.0, 2.0}
    # 100,003 fair coins: 5 standard deviations are 0.8 %
    assert abs((out == 0).float().mean() - 0.5) < 0.008
    # The same coin twice would give 0.5: neighbors, and those of one random word
    for distance in (1, 16, -(-100_003 // 16), 2 * -(-100_003 // 16)):
        assert abs((out[distance:] * out[:-distance] > 0).float().mean() - 0.25) < 0.008


def test_dropout_has_the_gradient_of_what_it_did():
    torch.manual_seed(3)
    point = torch.randn(5, 7, 3, requires_grad=True)
    out = RectifiedDropout()(point)
    weight = torch.randn(3, 7, 5).transpose(0, 2)  # a gradient of another layout
    (gradient,) = torch.autograd.grad((out * weight).sum(), point)
    kept = out > 0
    assert 0 < kept.sum() < (point > 0).sum()
    torch.testing.assert_close(out, 2 * point * kept)
    torch.testing.assert_close(gradient, 2 * weight * kept)


def test_dropout_is_a_plain_relu_at_run_time():
    point = torch.randn(50, generator=torch.Generator().manual_seed(4))
    assert torch.equal(RectifiedDropout().eval()(point), point.relu())


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("length", [128, 96, 33])
def test_every_network_takes_any_frame_length(name, length):
    network, iq = made(name, length)
    features = network.features(iq)
    assert features.shape == (len(iq), network.feature_count)
    logits = network.logits(features)
    assert logits.shape == (len(iq), 11)
    assert_alike(network(iq), logits)
    assert_alike(network(iq[2:3]), logits[2:3])  # frames do not mix


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_gradient_of_every_network_is_that_of_small_differences(name):
    network, iq = made(name)
    direction = torch.randn(iq.shape, generator=torch.Generator().manual_seed(1))
    direction *= iq.norm() / direction.norm()
    point = iq.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(point)[:, 3].sum(), point)
    step = 1e-3
    with torch.no_grad():
        ahead, behind = (network(iq + way * direction)[:, 3].sum() for way in (step, -step))
    expected = (ahead - behind) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), expected, rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_repeats_itself(name):
    (one, iq), (other, _) = made(name), made(name)
    assert torch.equal(one(iq), other(iq))
    assert torch.equal(one(iq), one(iq))
    one.train(), other.train()
    drawn = []
    for network in (one, other):
        torch.manual_seed(5)
        drawn.append(network(iq))
    assert torch.equal(*drawn)
    assert not torch.equal(drawn[0], one(iq))  # dropout


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_can_be_traced_for_export(name):
    """One graph for all frames and batches: nothing in it depends on what the frames hold."""
    network, iq = made(name)
    batch = torch.export.Dim("batch", min=2, max=1024)
    program = torch.export.export(network, (iq,), dynamic_shapes=({0: batch},))
    strange = torch.cat([torch.zeros(1, 2, 128), 5 * iq, -iq])
    assert_alike(program.module()(strange), network(strange))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_is_saved_and_loaded(name, tmp_path):
    network, iq = made(name, classes=len(CLASSES))
    metadata = toy_metadata(architecture={"name": name, "input_gain": 100.0})
    saved = Classifier(network, CLASSES, metadata=metadata)
    saved.save(tmp_path / "m.safetensors")
    loaded = Classifier.load(tmp_path / "m.safetensors")
    halved = {key: value.half().float() for key, value in network.state_dict().items()}
    for key, value in loaded.network.state_dict().items():
        assert torch.equal(value, halved[key]), key
    assert_scores_close(loaded.decide(iq.numpy()).score, saved.decide(iq.numpy()).score, 0.01)


def test_residual_network_does_not_care_when_a_frame_starts():
    """Shifted by a few strides, a long tone has the same features but for its ends."""
    network, _ = made("residual", 1024)
    phase = 0.3 * torch.arange(1024 + 32)
    tone = torch.stack([phase.cos(), phase.sin()])[None] / 1024
    early, late = network.features(tone[..., :1024]), network.features(tone[..., 32:])
    assert (early - late).norm() < 0.02 * early.norm()


def test_residual_network_is_small():
    network, _ = made("residual")
    assert sum(weight.numel() for weight in network.parameters()) == 176_331


@pytest.mark.parametrize("length", [128, 33])
def test_spectrum_is_that_of_numpy(length):
    _, iq = made("vtcnn2", length)
    samples = iq[:, 0].numpy().astype(complex) + 1j * iq[:, 1].numpy()
    expected = np.fft.fftshift(np.fft.fft(samples, norm="ortho"), axes=1)
    found = Fourier(length)(iq).numpy()
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found[:, 0], expected.real, rtol=0, atol=1e-5 * largest)
    np.testing.assert_allclose(found[:, 1], expected.imag, rtol=0, atol=1e-5 * largest)
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(Fourier(length)(iq).numpy(), found)


def test_ensemble_averages_probabilities():
    network, iq = made("ensemble")
    point = iq.clone().requires_grad_()
    ours = network(point).softmax(1)
    time, frequency = network.members
    spectrum = torch.fft.fftshift(torch.fft.fft(torch.complex(*iq.unbind(1)), norm="ortho"), dim=1)
    second = frequency.network(torch.stack([spectrum.real, spectrum.imag], 1))
    assert_alike(ours, (time(iq).softmax(1) + second.softmax(1)) / 2)
    assert_alike(network(iq).exp(), ours)  # the logits are log-probabilities
    (gradient,) = torch.autograd.grad(ours[:, 0].sum(), point, retain_graph=True)
    (alone,) = torch.autograd.grad(time(point).softmax(1)[:, 0].sum() / 2, point)
    assert (gradient - alone).abs().max() > 1e-3 * gradient.abs().max()  # sees both domains


def test_members_of_an_ensemble_are_trained_on_their_own():
    """The loss of a batch is the sum of the members' losses, each on its share of the frames."""
    network, iq = made("ensemble")
    label = torch.arange(len(iq))
    for member in network.members:  # dropout off, training mode on
        member.eval()
    network.training = True
    loss = F.cross_entropy(network(iq), label, reduction="sum")
    found = torch.autograd.grad(loss, list(network.parameters()))
    own = [
        F.cross_entropy(member(iq[turn::2]), label[turn::2], reduction="sum")
        for turn, member in enumerate(network.members)
    ]
    expected = [
        gradient
        for member, value in zip(network.members, own, strict=True)
        for gradient in torch.autograd.grad(value, list(member.parameters()))
    ]
    for one, other in zip(found, expected, strict=True):
        assert_alike(one, other)
    assert network(iq[:1]).shape == (1, 11)  # a batch too small to share


def test_unknown_architecture():
    with pytest.raises(UserError, match="vtcnn2"):
        build("resnet", 11)
