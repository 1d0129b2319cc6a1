"""The 11 modulators of RML2016.10a, from in-tree GNU Radio blocks.

Each modulator is a chain of blocks that starts with a source of the run's material and
ends with complex samples at a nominal 200 kHz, 8 samples a symbol. The constellations
of the linear classes are not normalized, as in the original: PAM4, QAM16 and QAM64
come out 7, 10 and 16 dB stronger than the others.

Departures from the original: gr-mapper is gone, its maps are tables here (the Gray
codes may be numbered otherwise); `fractional_interpolator_ff` is today's
`mmse_resampler_ff`.
"""

import contextlib
import io

import numpy as np
from gnuradio import analog, blocks, digital, filter

from . import rml2016_material as material

SAMPLE_RATE = 200e3  # Hz
SAMPLES_PER_SYMBOL = 8
EXCESS_BANDWIDTH = 0.35
ITEMS = 10_000  # bits or audio samples in a run; more for the dense QAM grids
FILTERS = 32  # of the polyphase resampler


def _gray(count):
    code = np.arange(count)
    return code ^ (code >> 1)


def _psk(count, offset):
    points = np.empty(count, complex)
    points[_gray(count)] = np.exp(1j * (2 * np.pi * np.arange(count) / count + offset))
    return points


def _pam(count):
    points = np.empty(count)
    points[_gray(count)] = 2 * np.arange(count) - count + 1
    return points


def _qam(side):
    return (_pam(side)[:, None] + 1j * _pam(side)[None, :]).ravel()


CONSTELLATIONS = {
    "8PSK": _psk(8, 0),
    "BPSK": _pam(2),
    "PAM4": _pam(4),
    "QAM16": _qam(4),
    "QAM64": _qam(8),
    "QPSK": _psk(4, np.pi / 4),
}
CLASSES = tuple(sorted([*CONSTELLATIONS, "AM-DSB", "AM-SSB", "CPFSK", "GFSK", "WBFM"]))
_RUN_BITS = {"QAM16": 2 * ITEMS, "QAM64": 3 * ITEMS}


def _linear(points, bits):
    order = int(np.log2(len(points)))
    taps = filter.firdes.root_raised_cosine(
        FILTERS, FILTERS, 1.0, EXCESS_BANDWIDTH, FILTERS * 11 * SAMPLES_PER_SYMBOL
    )
    return [
        blocks.vector_source_b(bits),
        blocks.pack_k_bits_bb(order),  # most significant bit first
        digital.chunks_to_symbols_bc(points.astype(np.complex64).tolist()),
        filter.pfb_arb_resampler_ccf(SAMPLES_PER_SYMBOL, taps, FILTERS),
    ]


def _gfsk(bits):
    modulator = digital.gfsk_mod(
        SAMPLES_PER_SYMBOL, sensitivity=0.1, bt=EXCESS_BANDWIDTH, do_unpack=False
    )
    return [blocks.vector_source_b(bits), modulator]


def _cpfsk(bits):
    return [blocks.vector_source_b(bits), analog.cpfsk_bc(0.5, 1.0, SAMPLES_PER_SYMBOL)]


def _wbfm(audio):
    """Made at 220.5 kHz and taken as if it were 200 kHz, as in the original."""
    with contextlib.redirect_stdout(io.StringIO()):  # wfm_tx prints the number of its taps
        modulator = analog.wfm_tx(audio_rate=44.1e3, quad_rate=220.5e3)
    return [blocks.vector_source_f(audio), modulator]


def _upsampled(audio):
    resampler = filter.mmse_resampler_ff(0, material.AUDIO_RATE / SAMPLE_RATE)
    return [blocks.vector_source_f(audio), resampler]


def _am_dsb(audio):
    return [*_upsampled(audio), blocks.float_to_complex(), blocks.add_const_cc(1)]


def _am_ssb(audio):
    """Identically zero: the original multiplied the audio by a sine of 0 Hz, which is 0."""
    return [*_upsampled(audio), blocks.multiply_const_ff(0), blocks.float_to_complex()]


_ANALOG = {"AM-DSB": _am_dsb, "AM-SSB": _am_ssb, "WBFM": _wbfm}
_FSK = {"CPFSK": _cpfsk, "GFSK": _gfsk}


def modulator(name, rng):
    """Chain of blocks, source first, that sends one run of class `name`."""
    if name in _ANALOG:
        return _ANALOG[name](material.audio(rng, ITEMS).tolist())
    bits = material.bits(rng, _RUN_BITS.get(name, ITEMS)).tolist()
    if name in _FSK:
        return _FSK[name](bits)
    return _linear(CONSTELLATIONS[name], bits)


def run_samples(name):
    """Samples that a run of class `name` surely gives.

    A little less than the modulator makes: the resamplers' filters end, and how many
    samples they still give at the end varies from run to run.
    """
    margin = 500
    if name == "WBFM":
        return ITEMS * 5 - margin
    if name in _ANALOG:
        return int(ITEMS * SAMPLE_RATE / material.AUDIO_RATE) - margin
    symbols = _RUN_BITS.get(name, ITEMS)
    if name in CONSTELLATIONS:
        symbols //= int(np.log2(len(CONSTELLATIONS[name])))
    return symbols * SAMPLES_PER_SYMBOL - margin
