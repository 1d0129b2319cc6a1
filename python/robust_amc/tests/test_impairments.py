"""Each impairment against what theory says of it, on arrays and on tensors."""

import numpy as np
import pytest
import torch

from robust_amc import impairments
from robust_amc.errors import UserError
from robust_amc.impairments import ImpairmentSettings, effects, residuals

LENGTH = 4096


def tone(frequency, length=LENGTH, rows=1):
    return np.tile(np.exp(2j * np.pi * frequency * np.arange(length)), (rows, 1))


def noise(rows=1, length=LENGTH, seed=0):
    values = np.random.default_rng(seed).standard_normal((2, rows, length)) / np.sqrt(2)
    return values[0] + 1j * values[1]


def line(samples, frequency):
    """Amplitude of a line in the first row, at a frequency that fits the length."""
    return np.vdot(tone(frequency, samples.shape[1])[0], samples[0]) / samples.shape[1]


def test_image_rejection():
    """A tone's image, at minus its frequency, is as far down as the closed form has it."""
    for gain_db, degrees in ((0.5, 0.0), (0.0, 3.0), (-0.5, 3.0), (1.0, -2.0)):
        made = effects.iq_imbalance(tone(0.125), gain_db, np.radians(degrees))
        ratio = abs(line(made, 0.125)) / abs(line(made, -0.125))
        relative, phase = 10 ** (gain_db / 20), np.radians(degrees)
        expected = (1 + 2 * relative * np.cos(phase) + relative**2) / (
            1 - 2 * relative * np.cos(phase) + relative**2
        )
        assert ratio**2 == pytest.approx(expected, rel=1e-9)
        found = effects.image_rejection_db(gain_db, np.radians(degrees))
        assert found == pytest.approx(10 * np.log10(expected))
    assert 10 * np.log10(4 / (0.0576**2 + 0.0524**2)) == pytest.approx(  # small errors
        effects.image_rejection_db(0.5, np.radians(3)), abs=0.1
    )


def test_echoes():
    """Of whole samples: the samples themselves, later; of half a sample: as a tone has it."""
    samples = noise()
    made = effects.multipath(samples, np.array([[3.0]]), np.array([[0.5j]]))
    np.testing.assert_allclose(made, samples + 0.5j * np.roll(samples, 3, 1), atol=1e-9)
    made = effects.multipath(tone(0.125), np.array([[0.5, 2.0]]), np.array([[0.5, 0.0]]))
    expected = 1 + 0.5 * np.exp(-2j * np.pi * 0.125 * 0.5)
    assert line(made, 0.125) == pytest.approx(expected)


def test_residual_carrier_and_rate():
    made = effects.shifted(tone(0.125), 1 / 32)
    assert abs(line(made, 0.125 + 1 / 32)) == pytest.approx(1)
    # In the middle nothing moves; a tone's frequency grows by the error
    made = effects.stretched(tone(0.1, 1025), np.array([[0.01]]))[0]
    assert made[512] == pytest.approx(tone(0.1, 1025)[0, 512], abs=1e-3)
    turn = np.angle(made[101:900] / made[100:899]) / (2 * np.pi)
    np.testing.assert_allclose(turn, 0.101, atol=2e-4)
    np.testing.assert_allclose(np.abs(made[100:900]), 1, atol=4e-3)


def test_phase_noise():
    """The variance grows with time, and the carrier's power falls as exp(-σ²·time)."""
    drawn = impairments.draw(
        ImpairmentSettings(phase_noise=[0.1, 0.1]), 2000, 64, 8.0, np.random.default_rng(0)
    )
    made = effects.with_phase_noise(tone(0.0, 64, 2000), drawn.steps)
    phase = np.angle(made)
    for time in (7, 31, 63):
        expected = 0.1**2 / 8 * (time + 1)
        assert np.var(phase[:, time]) == pytest.approx(expected, rel=0.12)
    np.testing.assert_allclose(np.abs(made), 1)


def test_clipping_and_levels():
    samples = noise(1, 100_000)
    made = effects.clipped(samples, np.sqrt(2))  # twice the standard deviation of I
    share = np.mean(np.abs(made.real) == np.sqrt(2))
    assert share == pytest.approx(0.0455, abs=0.003)
    np.testing.assert_array_equal(made.real[made.real == samples.real],
                                  samples.real[np.abs(samples.real) <= np.sqrt(2)])  # fmt: skip
    for bits in (1, 3, 8):
        made = effects.quantized(samples, bits, 2.0)
        levels = np.unique(made.real)
        assert len(levels) == 2**bits
        np.testing.assert_allclose(np.diff(levels), 4 / 2**bits)
        assert levels[-1] == pytest.approx(2 - 2 / 2**bits) and levels[0] == -levels[-1]
    inside = np.abs(samples.real) < 2
    error = (made.real - samples.real)[inside]
    assert np.std(error) == pytest.approx(4 / 256 / np.sqrt(12), rel=0.02)


def test_receiver_as_a_whole():
    """Offset, levels and the end of the scale of what was drawn, whatever the samples' scale."""
    settings = ImpairmentSettings(
        phase_noise=[0, 0], gain_imbalance_db=[0, 0], phase_imbalance_deg=[0, 0],
        dc_db=[-20, -20], full_scale_db=[12, 12], bits=[8, 8],
    )  # fmt: skip
    drawn = impairments.draw(settings, 3, 20_000, 8.0, np.random.default_rng(1))
    for scale in (1.0, 1e-3):
        made = drawn.receiver(scale * noise(3, 20_000))
        np.testing.assert_allclose(np.abs(made.mean(1)) / scale, 0.1, atol=0.02)
        for row in made:
            levels = np.unique(row.real)
            assert len(levels) <= 256
            step = np.diff(levels).min() / scale
            assert step == pytest.approx(2 * 10 ** (12 / 20) / 256, rel=0.02)


def test_the_same_on_tensors():
    samples = noise(8, 256)
    rng = np.random.default_rng(2)
    for share in (1.0, 0.5):
        drawn = impairments.draw(ImpairmentSettings(bits=[14, 14]), 8, 256, 8.0, rng, share)
        expected = drawn.receiver(drawn.channel(samples))
        tensor = torch.from_numpy(samples.astype(np.complex64))
        moved = drawn.like(tensor)
        found = moved.receiver(moved.channel(tensor)).numpy()
        np.testing.assert_allclose(found, expected, atol=2e-3)  # a level of 14 bits
    rate = np.full((8, 1), 0.003)
    found = effects.stretched(tensor, torch.from_numpy(rate).float()).numpy()
    np.testing.assert_allclose(found, effects.stretched(samples, rate), atol=1e-3)


def test_draws_lie_in_their_ranges():
    settings = ImpairmentSettings()
    drawn = impairments.draw(settings, 3000, 4, 10.0, np.random.default_rng(0))
    strength = 20 * np.log10(np.abs(drawn.gains[drawn.gains != 0]))
    assert -25 <= strength.min() < -24.5 and -5.5 < strength.max() <= -5
    counts = np.bincount((drawn.gains != 0).sum(1))
    assert len(counts) == 4 and counts.min() > 600
    assert drawn.delays.min() >= 0 and 4.9 < drawn.delays.max() <= 5
    assert set(drawn.bits[:, 0]) == {8, 9, 10, 11, 12}
    assert 27 < drawn.image_rejection_db().min() < 30
    spread = drawn.delay_spread()
    assert (spread[(drawn.gains == 0).all(1)] == 0).all() and 0.5 < spread.max() < 5
    again = impairments.draw(settings, 3000, 4, 10.0, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.steps, again.steps)
    some = impairments.draw(settings, 3000, 4, 10.0, np.random.default_rng(0), share=0.25)
    for values in (some.steps[:, 0], some.gain_db[:, 0], some.dc[:, 0], some.bits[:, 0]):
        assert np.mean(values != 0) == pytest.approx(0.25, abs=0.03)


def test_residuals():
    """Medians and shares as the model says them; SNRs beyond the model's are those of its ends."""
    rng = np.random.default_rng(0)
    errors = np.array([residuals.draw("QAM64", 10, rng) for _ in range(4000)])
    assert np.median(np.abs(errors[:, 0])) == pytest.approx(2.0e-5, rel=0.1)
    coarse = np.abs(errors[:, 1]) > residuals.FINE
    assert coarse.mean() == pytest.approx(0.29 * 0.97, abs=0.03)  # some large ones are small
    assert errors[coarse, 1].std() == pytest.approx(0.061, rel=0.1)
    wide = np.array([residuals.draw("WBFM", 40, rng) for _ in range(4000)])
    assert wide[:, 1].std() == pytest.approx(0.017, rel=0.1)
    assert np.log(1 + wide[:, 0]).mean() == pytest.approx(0.007, abs=0.002)
    assert (1 + wide[:, 0] > 0).all()
    with pytest.raises(UserError, match="no residuals are known of 'OOK'"):
        residuals.draw("OOK", 10, rng)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bits": [8]}, "bits must be two numbers"),
        ({"bits": [0, 8]}, "must be 1 … 24"),
        ({"dc_db": [-10.0, -20.0]}, "the lower one first"),
        ({"dc_db": [-10.0, float("nan")]}, "two numbers"),
        ({"dc_db": [-300.0, 0.0]}, "-200 … 200 dB"),
        ({"echoes": -1}, "0 … 100"),
        ({"echo_delay": float("inf")}, "at least 0 symbols"),
        ({"phase_noise": [-1.0, 0.0]}, "at least 0 rad"),
        ({"phase_imbalance_deg": [-90.0, 0.0]}, "-45 … 45"),
    ],
)
def test_settings_that_make_no_sense(values, said):
    with pytest.raises(UserError, match=said):
        ImpairmentSettings(**values)
