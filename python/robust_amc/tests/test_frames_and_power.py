import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robust_amc import frames, power
from robust_amc.errors import UserError


def test_layout_is_i_then_q():
    samples = np.array([[1 + 2j, 3 - 4j]], np.complex64)
    iq = frames.to_iq(samples)
    assert iq.tolist() == [[[1, 3], [2, -4]]]
    assert frames.to_complex(iq).tolist() == samples.tolist()


def test_sum_abs_by_hand():
    iq = torch.tensor([[[3.0, 0.0], [4.0, 5.0]], [[0.0, 0.0], [0.0, 0.0]]])
    scaled = frames.scale(iq, "sum_abs")
    assert scaled[0].numpy() == pytest.approx(np.array([[0.3, 0.0], [0.4, 0.5]]))
    assert (scaled[1] == 0).all()
    assert frames.scale(iq, "none") is iq


def test_frames_that_cannot_be_classified():
    iq = np.ones((4, 2, 3), np.float32)
    iq[1] = 0
    iq[2, 0, 1] = np.nan
    iq[3, 1, 2] = np.inf
    assert frames.valid(iq).tolist() == [True, False, False, False]
    assert frames.valid(iq[:1] * np.float32(3e38)).tolist() == [False]
    assert frames.valid(iq[:1].astype(np.float16) * np.float16(1e-5)).tolist() == [True]


def gained(*sums):
    """Frames whose magnitudes add up to these sums."""
    rng = np.random.default_rng(4)
    iq = rng.standard_normal((len(sums), 2, 16))
    total = np.hypot(iq[:, 0], iq[:, 1]).sum(1)
    return (iq * (np.array(sums) / total)[:, None, None]).astype(np.float32)


def test_what_is_scaled_already_stays_as_it_is():
    iq = gained(1, 1.005, 0.5, 128, 1e-12, 1e15, 0, 7, 3)
    iq[7, 0, 2] = np.nan
    as_is = np.arange(len(iq)) == 8
    needed = [False, False, True, True, True, True, False, False, True]
    assert frames.unscaled(iq, "sum_abs").tolist() == needed
    assert not frames.unscaled(iq, "none").any()
    found = frames.scale_where_needed(iq, "sum_abs", as_is)
    np.testing.assert_array_equal(found[[0, 1, 6, 7, 8]], iq[[0, 1, 6, 7, 8]])
    np.testing.assert_allclose(np.hypot(found[2:6, 0], found[2:6, 1]).sum(1), 1, rtol=1e-5)
    half = gained(*np.ones(50)).astype(np.float16).astype(np.float32)
    assert frames.scale_where_needed(half, "sum_abs") is half
    frozen = gained(2.0)
    frozen.flags.writeable = False
    assert frames.unscaled(frozen, "sum_abs").tolist() == [True]


def test_most_frames_are_unscaled():
    iq = gained(1, 1.9, 3, 0.3)
    assert not frames.mostly_unscaled(iq, "sum_abs")
    assert frames.mostly_unscaled(iq[1:], "sum_abs")
    assert not frames.mostly_unscaled(iq[1:], "sum_abs", np.array([False, True, False]))
    assert not frames.mostly_unscaled(iq[:0], "sum_abs")


@pytest.mark.parametrize("shape", [(2, 128), (1, 3, 128), (1, 2, 3, 4)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(UserError, match=r"\[n, 2, length\]"):
        frames.check(np.zeros(shape, np.float32))
    with pytest.raises(UserError):
        frames.to_iq(np.zeros(shape, np.float32))


# ‖x‖² = 1, SNR 10 dB: noise energy 1/11. PNR -20 dB: ε² = 0.01/11, ε = 0.030151...
@pytest.mark.parametrize(
    ("energy", "snr_db", "pnr_db", "expected"),
    [
        (1.0, 10, -20, 0.0301511344578),
        (1.0, 10, -10, 0.0953462589246),
        (1.0, 10, 0, 0.3015113445778),
        (2.0, 0, 0, 1.0),  # half of the energy is noise, and as much is added
        (0.25, 0, 10, 1.1180339887499),
    ],
)
def test_epsilon_by_hand(energy, snr_db, pnr_db, expected):
    assert power.epsilon(energy, snr_db, pnr_db) == pytest.approx(expected, rel=1e-12)


@given(st.floats(1e-6, 1e3), st.floats(-20, 40), st.floats(-40, 20))
def test_pnr_is_the_inverse_of_epsilon(energy, snr_db, pnr_db):
    epsilon = power.epsilon(energy, snr_db, pnr_db)
    assert power.pnr_db(epsilon**2, energy, snr_db) == pytest.approx(pnr_db, abs=1e-9)


def test_psr_by_hand():
    assert power.psr_db(0.01, 1.0) == pytest.approx(-20)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_levels_must_be_finite(bad):
    with pytest.raises(UserError, match="snr_db"):
        power.epsilon(1.0, bad, 0)
    with pytest.raises(UserError, match="pnr_db"):
        power.epsilon(1.0, 0, bad)
