# SPDX-License-Identifier: GPL-3.0-or-later
"""The digital modulators of RML2016.10a, from in-tree GNU Radio blocks.

Both modes of the generator use them. The linear classes are made by today's polyphase
resampler; gr-mapper is gone, its maps are tables here (the Gray codes may be numbered
otherwise). The modulation index of the FSK classes does not depend on the samples a
symbol.
"""

import numpy as np
from gnuradio import analog, blocks, digital, filter

SAMPLE_RATE = 200e3  # Hz
SAMPLES_PER_SYMBOL = 8  # of the original
EXCESS_BANDWIDTH = 0.35  # of the linear classes; also the Gaussian filter's BT
FSK_INDEX = 0.5
GFSK_STEP = 0.8  # rad a symbol, sensitivity 0.1 at 8 samples a symbol
FILTERS = 32  # of the polyphase resampler
SPAN = 88  # symbols, of its root-raised-cosine filter


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


# Not normalized, as in the original
CONSTELLATIONS = {
    "8PSK": _psk(8, 0),
    "BPSK": _pam(2),
    "PAM4": _pam(4),
    "QAM16": _qam(4),
    "QAM64": _qam(8),
    "QPSK": _psk(4, np.pi / 4),
}
FSK = ("CPFSK", "GFSK")
ANALOG = ("AM-DSB", "AM-SSB", "WBFM")
CLASSES = tuple(sorted([*CONSTELLATIONS, *FSK, *ANALOG]))


def run_bits(name):
    """Bits of a run of a digital class."""
    return {"QAM16": 20_000, "QAM64": 30_000}.get(name, 10_000)


def run_symbols(name):
    """Symbols of a run of a digital class."""
    return run_bits(name) // int(np.log2(len(CONSTELLATIONS.get(name, (0, 1)))))


def run_samples(name, samples_per_symbol):
    """Samples that a run of a digital class surely gives.

    A little less than the modulator makes: the resampler's filter ends, and how many
    samples it still gives at the end varies from run to run.
    """
    return (2 * run_symbols(name) - 125) * samples_per_symbol // 2


def linear(points, bits, samples_per_symbol, excess_bandwidth=EXCESS_BANDWIDTH):
    """Chain of blocks of a linear modulation; the samples a symbol need not be whole."""
    taps = filter.firdes.root_raised_cosine(FILTERS, FILTERS, 1.0, excess_bandwidth, FILTERS * SPAN)
    return [
        blocks.vector_source_b(bits.tolist()),
        blocks.pack_k_bits_bb(int(np.log2(len(points)))),  # most significant bit first
        digital.chunks_to_symbols_bc(points.astype(np.complex64).tolist()),
        filter.pfb_arb_resampler_ccf(samples_per_symbol, taps, FILTERS),
    ]


def gfsk(bits, samples_per_symbol, step=GFSK_STEP, bt=EXCESS_BANDWIDTH):
    """Chain of blocks of GFSK that turns by `step` rad a symbol, π times its index."""
    modulator = digital.gfsk_mod(
        samples_per_symbol, sensitivity=step / samples_per_symbol, bt=bt, do_unpack=False
    )
    return [blocks.vector_source_b(bits.tolist()), modulator]


def cpfsk(bits, samples_per_symbol, index=FSK_INDEX):
    """Chain of blocks of CPFSK."""
    return [blocks.vector_source_b(bits.tolist()), analog.cpfsk_bc(index, 1.0, samples_per_symbol)]


def unit_points(name):
    """Points of a linear class with a mean power of 1, complex ``[m]``."""
    points = CONSTELLATIONS[name]
    return points / np.sqrt(np.mean(np.abs(points) ** 2))


def digital_modulator(name, bits, samples_per_symbol, unit_power=False):
    """Chain of blocks, source first, that sends `bits` (uint8 ``[n]`` of 0 and 1) as `name`.

    `unit_power` normalizes the constellation to a mean power of 1.
    """
    if name in FSK:
        return {"CPFSK": cpfsk, "GFSK": gfsk}[name](bits, samples_per_symbol)
    points = unit_points(name) if unit_power else CONSTELLATIONS[name]
    return linear(points, bits, samples_per_symbol)
