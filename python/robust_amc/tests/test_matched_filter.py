"""The network of symbols: its parts against slow forms of them, and what it does not change for."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from robust_amc import data
from robust_amc.classifier import Classifier
from robust_amc.models import build
from robust_amc.models.differential import DifferentialFeatures
from robust_amc.models.symbols import SymbolFeatures, matched_taps


def made(length=128, **settings):
    torch.manual_seed(0)
    return build("matched_filter", 11, length, input_gain=100.0, **settings).eval()


def noise(count=6, length=128):
    iq = np.random.default_rng(7).standard_normal((count, 2, length)).astype(np.float32)
    return torch.from_numpy(iq / np.abs(iq[:, 0] + 1j * iq[:, 1]).sum(1)[:, None, None])


def pairs(samples):
    """Complex ``[…, length]`` to float32 ``[…, 2, length]``."""
    return torch.from_numpy(np.stack([samples.real, samples.imag], -2).astype(np.float32))


def sent(side, count, rng):
    """Frames of QAM on a grid of `side` points a side, through a root raised cosine."""
    grid = 2 * rng.integers(side, size=(2, count, 24)) - side + 1
    impulses = np.zeros((count, 24 * 8), complex)
    impulses[:, ::8] = grid[0] + 1j * grid[1]
    pulse = matched_taps(8, span=8)
    shaped = np.stack([np.convolve(each, pulse, "same") for each in impulses])
    return shaped[:, 32:160] / np.sqrt((np.abs(shaped[:, 32:160]) ** 2).mean(1, keepdims=True))


def test_pulse_is_one_and_meets_itself_nowhere_else():
    """Twice through a root raised cosine: no intersymbol interference."""
    taps = matched_taps(8, span=16)
    both = np.convolve(taps, taps)
    middle = len(both) // 2
    assert both[middle] == pytest.approx(1)
    assert np.abs(both[middle + 8 : middle + 8 * 12 : 8]).max() < 2e-3
    assert np.abs(both[middle + 4 : middle + 8 * 4 : 8]).max() > 0.1  # but halfway there is


@pytest.mark.parametrize("length, samples_per_symbol", [(128, 8), (100, 5), (64, 4)])
def test_symbols_are_those_of_a_convolution(length, samples_per_symbol):
    layer = SymbolFeatures(length, samples_per_symbol)
    iq = np.random.default_rng(2).standard_normal((3, 2, length))
    real, imag = layer.matched(torch.from_numpy(iq.astype(np.float32)))
    taps = matched_taps(samples_per_symbol)
    first = (length - layer.symbols * samples_per_symbol) // 2
    for frame in range(3):
        filtered = np.convolve(iq[frame, 0] + 1j * iq[frame, 1], taps, "same")[first:]
        for phase in range(samples_per_symbol):
            symbols = filtered[phase::samples_per_symbol][: layer.symbols]
            symbols = symbols / np.sqrt((np.abs(symbols) ** 2).mean())
            found = (real[frame, phase] + 1j * imag[frame, phase]).detach().numpy()
            np.testing.assert_allclose(found, symbols, atol=1e-4)


def test_moments_of_a_constellation_are_what_is_known():
    """Mean powers of QPSK: |E r²| = 0, |E r⁴| = 1, of eight times the phase 1, kurtosis 1."""
    angle = np.pi / 4 + np.pi / 2 * np.arange(16) + 0.7  # all four points, turned
    symbols = np.broadcast_to(np.exp(1j * angle), (1, 1, 16))
    pair = torch.tensor(symbols.real).float(), torch.tensor(symbols.imag).float()
    _, statistics = SymbolFeatures().statistics(pair)
    np.testing.assert_allclose(statistics[0, 0, :4].detach(), [0, 1, 1, 1], atol=2e-3)


def test_characteristic_function_stands_on_the_grid():
    """Points at odd multiples of d: cos(2πI/2d) is -1 for all of them, however it is turned."""
    layer = SymbolFeatures()
    grid = np.array([(i, q) for i in (-3, -1, 1, 3) for q in (-3, -1, 1, 3)]) / np.sqrt(10)
    for turn in (0, 0.3, 1.1, np.pi / 4, 3):
        points = (grid[:, 0] + 1j * grid[:, 1]) * np.exp(1j * turn)
        pair = torch.tensor(points.real).float()[None, None], torch.tensor(points.imag).float()
        pair = pair[0], pair[1][None, None]
        with torch.no_grad():
            layer.frequency[:2] = torch.tensor([np.sqrt(10) / 2, np.sqrt(10)])
            found = layer.statistics(pair)[1][0, 0, 4:6]
        np.testing.assert_allclose(found, [-2, 2], atol=1e-3)


def test_symbols_alone_tell_the_grids_of_qam_apart():
    """One of the statistics, before anything is learned: few frames of QAM64 look like QAM16."""
    layer, rng = SymbolFeatures(), np.random.default_rng(1)
    with torch.no_grad():
        layer.frequency.fill_(np.sqrt(10) / 2)  # half the reciprocal distance of QAM16's points
        # The timing phase that fits best
        of16, of64 = (
            layer.statistics(layer.matched(pairs(sent(side, 60, rng))))[1][:, :, 4].amin(1)
            for side in (4, 8)
        )
    assert (of16 < of64.quantile(0.1)).float().mean() > 0.75


def test_differential_products_are_delays_times_conjugates():
    layer = DifferentialFeatures()
    with torch.no_grad():
        layer.taps.zero_()
        layer.taps[0, :, 0, 4] = 1
        layer.taps[1, :, 1, 6] = 1  # j times the sample two later
    iq = noise(2)
    samples = torch.complex(*iq.unbind(1))
    products = layer.products(iq)
    inner = slice(0, 124, 2)
    expected = 1j * samples[:, 2:126][:, inner] * samples[:, :124][:, inner].conj()
    found = torch.complex(products[:, 0], products[:, 6])[:, : expected.shape[1]]
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("turn, gain", [(0.4, 1.0), (2.0, 30.0), (-1.3, 1e-3)])
def test_phase_and_gain_change_nothing(turn, gain):
    network, iq = made(), noise()
    turned = torch.complex(*iq.unbind(1)) * gain * np.exp(1j * turn)
    moved = torch.stack([turned.real, turned.imag], 1)
    torch.testing.assert_close(network(moved), network(iq), atol=1e-4, rtol=1e-3)


def test_timing_changes_little():
    """A whole symbol later, what a long frame shows is nearly the same."""
    network = made(1024)
    samples = np.concatenate(list(sent(4, 20, np.random.default_rng(3))))[: 1024 + 64]
    early, late = (network.features(pairs(samples[None, at : at + 1024])) for at in (0, 8))
    other = network.features(noise(1, 1024))
    assert (early - late).norm() < 0.1 * (early - other).norm()


def test_gradient_is_continuous():
    """Gradients at two points come together as the points do: no kink, no switch."""
    network, iq = made(), noise(4)
    direction = torch.randn(iq.shape, generator=torch.Generator().manual_seed(1))
    direction *= iq.norm() / direction.norm()

    def gradient(step):
        point = (iq + step * direction).requires_grad_()
        return torch.autograd.grad(network(point).square().sum(), point)[0]

    here = gradient(0)
    far, near = ((gradient(step) - here).norm() / here.norm() for step in (1e-2, 1e-3))
    assert near < 0.3 * far and near < 0.1


def test_frames_of_nothing_have_finite_scores():
    network = made()
    scores = network(torch.cat([torch.zeros(1, 2, 128), 1e-20 * noise(1), 1e10 * noise(1)]))
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("length, samples_per_symbol", [(128, 4), (256, 16), (200, 10), (20, 8)])
def test_any_samples_per_symbol(length, samples_per_symbol):
    network = made(length, samples_per_symbol=samples_per_symbol)
    assert network(noise(3, length)).shape == (3, 11)


def test_it_is_small():
    network = made()
    assert sum(weight.numel() for weight in network.parameters()) == 76_916
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(noise(1))
    assert counter.get_total_flops() / 2 < 2e6  # multiply-adds


def test_shipped_model_tells_qam16_from_qam64():
    """On the sample that ships, which it has not seen; a coin would have half of them right."""
    levels = [6, 8, 10, 12, 14, 16, 18]
    frames = data.read("sample").select(classes=["QAM16", "QAM64"], snr_db=levels).in_memory()
    decided = Classifier.load("modern").decide(frames.iq).label
    for name in ("QAM16", "QAM64"):
        own = frames.truth == name
        assert (decided[own] == frames.label[own]).mean() > 0.75


def test_each_timing_phase_by_itself():
    """Of a network with one phase that is the network; the phases of others differ."""
    frames = noise()
    alone = made(samples_per_symbol=1)
    torch.testing.assert_close(alone.part_logits(frames)[:, 0], alone(frames))
    parts = made().part_logits(frames)
    assert parts.shape == (6, 8, 11) and parts.std(1).min() > 0
