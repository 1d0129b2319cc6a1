"""The channel of RML2016.10a, from in-tree GNU Radio blocks.

The original put a run through `channels.dynamic_channel_model`: sample rate and carrier
drift, Rician multipath, noise. The same parts are used here, with these departures:

- Multipath is a filter that stays the same over a run; only its first draw is kept of
  the fader. The Doppler was 1 Hz (0.0006 of a turn in a frame), and today's fader, with
  the original's seed, drifts by 6 dB over a run.
- Its gain is set to +5 dB, which is what the original's one seed gave. The true SNR is
  then about 2 * label + 5 dB, because the original took the amplitude of the noise, not
  its power, for 10 ** (-label / 10).
- Every run has a channel and noise of its own. With the original's one seed all runs
  shared both.
- The noise comes from `noise_source_c`; the original's fast one repeats a short pool.
"""

import numpy as np
from gnuradio import analog, blocks, channels, filter

GAIN_DB = 5.0
SRO_STD_HZ, SRO_MAX_HZ = 0.01, 50.0  # per sample; at most
CFO_STD_HZ, CFO_MAX_HZ = 0.01, 500.0
RICIAN_K = 4.0
PHASES = (0.0, 1.2, 1.2)  # rad, of the direct parts of the paths, to each other
PHASE_SPREAD = 0.3  # rad, standard deviation around them from run to run
DELAYS = (0.0, 0.9, 1.7)  # samples
MAGNITUDES = (1.0, 0.8, 0.3)
TAPS = 8


def noise_amplitude(snr_db):
    """Standard deviation of the complex noise at an SNR label, as the original set it."""
    return 10 ** (-snr_db / 10)


def taps(rng):
    """One draw of the Rician multipath channel, complex ``[8]``, gain +5 dB at the carrier.

    Not isotropic: the original's one seed gave a tilt of about 1.3 dB over 20 kHz, which
    shows in its spectra and in the envelope of its CPFSK and GFSK frames. The phases
    are calibrated on these.
    """
    scatter = (rng.standard_normal(3) + 1j * rng.standard_normal(3)) / np.sqrt(2)
    phases = 2 * np.pi * rng.random() + np.asarray(PHASES) + PHASE_SPREAD * rng.standard_normal(3)
    direct = np.exp(1j * phases)
    paths = np.asarray(MAGNITUDES) * (
        np.sqrt(RICIAN_K / (RICIAN_K + 1)) * direct + np.sqrt(1 / (RICIAN_K + 1)) * scatter
    )
    response = np.sinc(np.arange(TAPS)[:, None] - np.asarray(DELAYS)) @ paths
    return response * 10 ** (GAIN_DB / 20) / abs(response.sum())


def connect(top_block, chain, sink, snr_db, sample_rate, rng):
    """Connect the chain of blocks through a fresh channel to `sink`.

    Returns the blocks that the caller must keep a reference to.
    """
    sro_seed, cfo_seed, noise_seed = (int(seed) for seed in rng.integers(1, 2**31 - 1, 3))
    noise = analog.noise_source_c(analog.GR_GAUSSIAN, noise_amplitude(snr_db), noise_seed)
    adder = blocks.add_cc()
    path = [
        *chain,
        channels.sro_model(sample_rate, SRO_STD_HZ, SRO_MAX_HZ, sro_seed),
        channels.cfo_model(sample_rate, CFO_STD_HZ, CFO_MAX_HZ, cfo_seed),
        filter.fir_filter_ccc(1, taps(rng)),
        adder,
        sink,
    ]
    top_block.connect(*path)
    top_block.connect(noise, (adder, 1))
    return [*path, noise]
