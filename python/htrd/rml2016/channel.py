# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel of RML2016.10a, from in-tree GNU Radio blocks.

The original put a run through `channels.dynamic_channel_model`: sample rate and carrier
drift, Rician multipath, noise. The same parts are used here, with these departures:

- Multipath is a filter that stays the same over a run; only its first draw is kept of
  the fader. The Doppler was 1 Hz (0.0006 of a turn in a frame), and today's fader, with
  the original's seed, drifts by 6 dB over a run.
- Every run has a channel and noise of its own. With the original's one seed all runs
  shared both.
- The noise comes from `noise_source_c`; the original's fast one repeats a short pool.

In legacy mode the gain is +5 dB at the carrier and the phases of the paths lie near fixed
ones, which is what the original's one seed gave. In corrected mode the phases are
isotropic, the gain is 1, and the carrier offset is constant in a run, drawn from the whole
range that the original allowed; there a drift would not show in a run.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gnuradio import analog, blocks, channels, filter, gr

from .modulators import SAMPLE_RATE

GAIN_DB = 5.0  # legacy
SRO_STD_HZ, SRO_MAX_HZ = 0.01, 50.0  # per sample; at most
CFO_STD_HZ, CFO_MAX_HZ = 0.01, 500.0
RICIAN_K = 4.0
PHASES = (0.0, 1.2, 1.2)  # rad, of the direct parts of the paths, to each other; legacy
PHASE_SPREAD = 0.3  # rad, standard deviation around them from run to run
DELAYS = (0.0, 0.9, 1.7)  # samples
MAGNITUDES = (1.0, 0.8, 0.3)
TAPS = 8
LEAD = 16  # samples that a sampling offset's filter delays the signal


@dataclass(frozen=True)
class Channel:
    """One draw of everything between the modulator and the receiver, but for the noise.

    Attributes:
        blocks: from the modulator's samples to the received ones
        carrier: makes another copy of the block among them that shifts the carrier
        delay: samples by which the last block delays the signal on purpose
        noise_seed: for the noise that is drawn with it
    """

    blocks: list
    carrier: Callable
    delay: int
    noise_seed: int


class _Shift(gr.hier_block2):
    """Shift by a constant frequency in Hz.

    Not `rotator_cc`: its rounding depends on how many samples a call of it happens to get.
    """

    def __init__(self, frequency):
        signature = gr.io_signature(1, 1, gr.sizeof_gr_complex)
        gr.hier_block2.__init__(self, "carrier_shift", signature, signature)
        tone = analog.sig_source_c(SAMPLE_RATE, analog.GR_COS_WAVE, frequency, 1.0)
        product = blocks.multiply_cc()
        self.connect(self, product, self)
        self.connect(tone, (product, 1))


def legacy(rng, sampling_offset):
    """A Channel as the original's; the receiver samples `sampling_offset` samples later."""
    sro_seed, cfo_seed, noise_seed = (int(seed) for seed in rng.integers(1, 2**31 - 1, 3))

    def carrier():
        return channels.cfo_model(SAMPLE_RATE, CFO_STD_HZ, CFO_MAX_HZ, cfo_seed)

    rate = channels.sro_model(SAMPLE_RATE, SRO_STD_HZ, SRO_MAX_HZ, sro_seed)
    response, delay = delayed(legacy_taps(rng), sampling_offset)
    path = [rate, carrier(), filter.fir_filter_ccc(1, response)]
    return Channel(path, carrier, delay, noise_seed)


def corrected(rng, sampling_offset):
    """A Channel with isotropic phases, gain 1 and a carrier offset that is uniform in ±500 Hz."""
    noise_seed = int(rng.integers(1, 2**31 - 1))
    offset = rng.uniform(-CFO_MAX_HZ, CFO_MAX_HZ)

    def carrier():
        return _Shift(offset)

    response, delay = delayed(corrected_taps(rng), sampling_offset)
    return Channel([carrier(), filter.fir_filter_ccc(1, response)], carrier, delay, noise_seed)


def legacy_taps(rng):
    """One draw of the Rician multipath channel, complex ``[8]``, gain +5 dB at the carrier.

    Not isotropic: the original's one seed gave a tilt of about 1.3 dB over 20 kHz, which
    shows in its spectra and in the envelope of its CPFSK and GFSK frames. The phases
    are calibrated on these.
    """
    scatter = _scatter(rng)
    phases = 2 * np.pi * rng.random() + np.asarray(PHASES) + PHASE_SPREAD * rng.standard_normal(3)
    response = _response(phases, scatter)
    return response * 10 ** (GAIN_DB / 20) / abs(response.sum())


def corrected_taps(rng):
    """One draw of the Rician multipath channel, complex ``[8]``, of energy 1."""
    scatter = _scatter(rng)
    response = _response(2 * np.pi * rng.random(len(DELAYS)), scatter)
    return response / np.linalg.norm(response)


def _scatter(rng):
    return (rng.standard_normal(3) + 1j * rng.standard_normal(3)) / np.sqrt(2)


def _response(phases, scatter):
    """Taps of three Rician paths whose direct parts have `phases`."""
    direct = np.exp(1j * phases)
    paths = np.asarray(MAGNITUDES) * (
        np.sqrt(RICIAN_K / (RICIAN_K + 1)) * direct + np.sqrt(1 / (RICIAN_K + 1)) * scatter
    )
    return np.sinc(np.arange(TAPS)[:, None] - np.asarray(DELAYS)) @ paths


def delayed(taps, sampling_offset):
    """Taps whose output is that of `taps`, sampled `sampling_offset` samples later.

    Returns them and the whole samples by which they delay it besides.
    """
    if sampling_offset == 0:
        return taps, 0
    time = np.arange(2 * LEAD + 1) - LEAD + sampling_offset
    window = np.cos(np.pi * time / (2 * (LEAD + 1))) ** 2
    return np.convolve(taps, np.sinc(time) * window), LEAD
