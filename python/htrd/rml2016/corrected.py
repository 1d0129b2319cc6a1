# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode `corrected`: RML2016.10a's classes, as their names and labels promise.

- The SNR label is the SNR in the occupied band: the mean power of a run's received signal
  over the power of the noise inside `band`. The noise is scaled to it, run by run.
- Constellations have unit power; AM-SSB is one, its upper sideband with no carrier; AM-DSB
  has a modulation depth of 0.8; WBFM has a peak deviation of 75 kHz at its true rate,
  without pre-emphasis. Their audio is speech-like and never silent for long.
- No sample comes from the transient of a filter.
"""

import numpy as np
from gnuradio import analog, blocks, filter

from . import modulators, speech, user_files
from . import source_material as material
from .channel import TAPS
from .channel import corrected as channel  # noqa: F401 (of the mode, see flowgraph.MODES)

AUDIO_RATE = 50_000  # Hz
AUDIO_SAMPLES = 11_350  # of a run: 0.227 s, as in the original
AUDIO_SECONDS = AUDIO_SAMPLES / AUDIO_RATE
INTERPOLATION = int(modulators.SAMPLE_RATE) // AUDIO_RATE
AM_DEPTH = 0.8
FM_DEVIATION = 75e3  # Hz
HILBERT_TAPS = 401
# Occupied bandwidth of the FSK classes in symbol rates, 99 % of the power: MSK's is known,
# GFSK's (BT 0.35, index 0.255) was found from a long run
FSK_BANDWIDTH = {"CPFSK": 1.2, "GFSK": 0.7}
_MARGIN = 500  # samples that are not used at the end of an analog run


def band(name, samples_per_symbol):
    """(lowest, highest) frequency in Hz of the nominal occupied band, from the carrier.

    Linear classes: (1 + 0.35) symbol rates; CPFSK and GFSK: 99 % of the power; AM-SSB: the
    audio's band; AM-DSB: twice that; WBFM: Carson's rule.
    """
    audio = speech.BANDWIDTH
    if name == "AM-SSB":
        return 0.0, audio
    if name == "AM-DSB":
        return -audio, audio
    if name == "WBFM":
        return -(FM_DEVIATION + audio), FM_DEVIATION + audio
    symbol_rates = FSK_BANDWIDTH.get(name, 1 + modulators.EXCESS_BANDWIDTH)
    half = symbol_rates * modulators.SAMPLE_RATE / samples_per_symbol / 2
    return -half, half


def noise_bandwidth(name, samples_per_symbol):
    """Hz, of the noise that the SNR refers to: that of `band`."""
    low, high = band(name, samples_per_symbol)
    return high - low


def source(name, rng, settings):
    """What a run sends: bits uint8 ``[n]``, or audio ``[11350]`` at 50 kHz, largest value 1."""
    if name not in modulators.ANALOG:
        count = modulators.run_bits(name)
        return material.bits(rng, count, settings.text, anywhere=True)
    if not settings.audio:
        return speech.speech(rng, AUDIO_SAMPLES, AUDIO_RATE)
    audio = user_files.audio_somewhere(settings.audio, AUDIO_SAMPLES, AUDIO_RATE, rng)
    audio = speech.voice_band(audio, AUDIO_RATE)
    return audio / np.abs(audio).max()


def modulator(name, sent, samples_per_symbol):
    """Chain of blocks, source first, that sends one run of class `name` at 200 kHz."""
    if name in _ANALOG:
        return _ANALOG[name](blocks.vector_source_f(sent.tolist()))
    return modulators.digital_modulator(name, sent, samples_per_symbol, unit_power=True)


def usable(name, samples_per_symbol):
    """(first, one past the last) sample of a run that may be in frames."""
    if name in _ANALOG:
        first = (HILBERT_TAPS + len(_interpolator_taps())) * INTERPOLATION
        return first, AUDIO_SAMPLES * INTERPOLATION - _MARGIN
    first = modulators.SPAN * samples_per_symbol + TAPS
    return first, modulators.run_samples(name, samples_per_symbol)


def noise_amplitude(snr_db):
    """Standard deviation of the complex noise before `noise_gain`."""
    return 1.0


def noise_gain(name, snr_db, signal, samples_per_symbol):
    """Factor for noise of power 1 over the whole band that makes the label true for `signal`."""
    share = noise_bandwidth(name, samples_per_symbol) / modulators.SAMPLE_RATE
    power = np.mean(np.abs(signal.astype(complex)) ** 2)
    return np.float32(np.sqrt(power / share) * 10 ** (-snr_db / 20))


def metadata(settings):
    """The bands that the labels refer to."""
    bands = {name: band(name, settings.samples_per_symbol) for name in settings.classes}
    return {"snr_band_hz": bands}


def _interpolator_taps():
    rate = modulators.SAMPLE_RATE
    return filter.firdes.low_pass(INTERPOLATION, rate, AUDIO_RATE / 2, AUDIO_RATE * 0.8)


def _am_dsb(audio):
    return [
        audio,
        filter.interp_fir_filter_fff(INTERPOLATION, _interpolator_taps()),
        blocks.multiply_const_ff(AM_DEPTH),
        blocks.float_to_complex(),
        blocks.add_const_cc(1),
    ]


def _am_ssb(audio):
    return [
        audio,
        filter.hilbert_fc(HILBERT_TAPS),
        filter.interp_fir_filter_ccf(INTERPOLATION, _interpolator_taps()),
    ]


def _wbfm(audio):
    return [
        audio,
        filter.interp_fir_filter_fff(INTERPOLATION, _interpolator_taps()),
        analog.frequency_modulator_fc(2 * np.pi * FM_DEVIATION / modulators.SAMPLE_RATE),
    ]


_ANALOG = {"AM-DSB": _am_dsb, "AM-SSB": _am_ssb, "WBFM": _wbfm}
