# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode `legacy`: what RML2016.10a's generator sent, and how strong its noise was.

The quirks of the original are kept, because they are in the data that everybody uses:

- the SNR label is not the SNR: the true one is about 2 * label + 5 dB, because the
  original took the amplitude of the noise, not its power, for 10 ** (-label / 10);
- the constellations are not normalized: PAM4, QAM16 and QAM64 are 7, 10 and 16 dB stronger;
- AM-SSB is noise at every label; most AM-DSB and WBFM frames are bare carriers, because
  their audio is nearly silent;
- the first frames of a run may lie in the transient of a filter.

Departures from the original: `fractional_interpolator_ff` is today's `mmse_resampler_ff`.
"""

import contextlib
import io

import numpy as np
from gnuradio import analog, blocks, filter

from . import modulators, user_files
from . import source_material as material
from .channel import legacy as channel  # noqa: F401 (of the mode, see flowgraph.MODES)

AUDIO_SAMPLES = 10_000  # of a run
AUDIO_SECONDS = AUDIO_SAMPLES / material.AUDIO_RATE
_MARGIN = 500  # samples that are not used at the end of an analog run


def source(name, rng, settings):
    """What a run sends: bits uint8 ``[n]``, or audio ``[10000]`` at 44.1 kHz, |a| <= 0.5."""
    if name not in modulators.ANALOG:
        count = modulators.run_bits(name)
        return material.bits(rng, count, settings.text)
    if settings.audio:
        rate = int(material.AUDIO_RATE)
        return user_files.audio_beginning(settings.audio, AUDIO_SAMPLES, rate) / 2
    return material.audio(rng, AUDIO_SAMPLES)


def modulator(name, sent, samples_per_symbol):
    """Chain of blocks, source first, that sends one run of class `name` at 200 kHz."""
    if name in _ANALOG:
        return _ANALOG[name](blocks.vector_source_f(sent.tolist()))
    return modulators.digital_modulator(name, sent, samples_per_symbol)


def usable(name, samples_per_symbol):
    """(first, one past the last) sample of a run that may be in frames."""
    if name == "WBFM":
        return 0, AUDIO_SAMPLES * 5 - _MARGIN
    if name in _ANALOG:
        samples = int(AUDIO_SAMPLES * modulators.SAMPLE_RATE / material.AUDIO_RATE)
        return 0, samples - _MARGIN
    return 0, modulators.run_samples(name, samples_per_symbol)


def noise_amplitude(snr_db):
    """Standard deviation of the complex noise at an SNR label, as the original set it."""
    return 10 ** (-snr_db / 10)


def noise_gain(name, snr_db, signal, samples_per_symbol):
    """The noise is not adapted to the signal."""
    return np.float32(1)


def noise_bandwidth(name, samples_per_symbol):
    """Hz, of the noise that a measured SNR refers to: the whole band."""
    return modulators.SAMPLE_RATE


def metadata(settings):
    """Nothing but what every mode says."""
    return {}


def _wbfm(audio):
    """Made at 220.5 kHz and taken as if it were 200 kHz, as in the original."""
    with contextlib.redirect_stdout(io.StringIO()):  # wfm_tx prints the number of its taps
        modulator = analog.wfm_tx(audio_rate=44.1e3, quad_rate=220.5e3)
    return [audio, modulator]


def _upsampled(audio):
    return [audio, filter.mmse_resampler_ff(0, material.AUDIO_RATE / modulators.SAMPLE_RATE)]


def _am_dsb(audio):
    return [*_upsampled(audio), blocks.float_to_complex(), blocks.add_const_cc(1)]


def _am_ssb(audio):
    """Identically zero: the original multiplied the audio by a sine of 0 Hz, which is 0."""
    return [*_upsampled(audio), blocks.multiply_const_ff(0), blocks.float_to_complex()]


_ANALOG = {"AM-DSB": _am_dsb, "AM-SSB": _am_ssb, "WBFM": _wbfm}
