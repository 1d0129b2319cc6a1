# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the data-set generator share."""

import wave

import numpy as np
from gnuradio import blocks, gr
from gnuradio.htrd.rml2016.cells import generate_key
from gnuradio.htrd.rml2016.flowgraph import MODES
from gnuradio.htrd.rml2016.settings import Settings

CLASSES = (
    "8PSK", "AM-DSB", "AM-SSB", "BPSK", "CPFSK", "GFSK", "PAM4", "QAM16", "QAM64", "QPSK", "WBFM",
)  # fmt: skip
FLOWGRAPHS = ("legacy", "corrected")  # the modes that are flowgraphs as a whole
LINEAR = ("8PSK", "BPSK", "PAM4", "QAM16", "QAM64", "QPSK")


def as_complex(iq):
    """Float ``[n, 2, length]`` to complex64 ``[n, length]``."""
    iq = iq.astype(np.float32)
    return iq[:, 0] + 1j * iq[:, 1]


def complex_frames(dataset, name=None, snr_db=None):
    """Frames of a class and SNR label of a FrameDataset, complex ``[n, length]``."""
    keep = np.ones(len(dataset), bool)
    if name is not None:
        keep &= dataset.label == dataset.classes.index(name)
    if snr_db is not None:
        keep &= dataset.snr_db == snr_db
    return as_complex(dataset.iq[keep])


def key(name, snr_db, frames_per_key=20, **settings):
    """Columns of one key, made in this process."""
    return generate_key(name, snr_db, Settings(frames_per_key=frames_per_key, **settings))


def modulated(name, mode="legacy", seed=1, samples_per_symbol=8):
    """Samples straight from a modulator, without the channel, as far as they are used."""
    mode_functions = MODES[mode].parts
    sent = mode_functions.source(name, np.random.default_rng(seed), Settings(mode=mode))
    chain = mode_functions.modulator(name, sent, samples_per_symbol)
    sink = blocks.vector_sink_c()
    top_block = gr.top_block()
    top_block.connect(*chain, sink)
    top_block.run()
    first, stop = mode_functions.usable(name, samples_per_symbol)
    samples = np.array(sink.data())
    assert len(samples) >= stop + 50, f"{name}: {len(samples)} samples, {stop} are used"
    return samples[first:stop]


def spectrum(samples):
    """(frequencies in Hz, power) of samples at 200 kHz."""
    power = np.abs(np.fft.fft(samples * np.hanning(len(samples)))) ** 2
    return np.fft.fftfreq(len(samples), 1 / 200e3), power


def write_wav(path, samples, rate=44_100, width=2):
    """Write ``[n]`` or ``[n, channels]`` with full scale 1 as a WAV file."""
    samples = np.asarray(samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes()[:: 2 // width])
