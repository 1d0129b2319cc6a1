# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the generator: a flowgraph from source material to received samples.

The signal and the noise are captured apart and added here, so that the true SNR of every
frame is known; in single precision that is what an adder block gives.
"""

from dataclasses import dataclass

import numpy as np
from gnuradio import analog, blocks, gr

from . import corrected, legacy

# Each mode is a module with the functions source, modulator, channel, usable,
# noise_amplitude, noise_gain and noise_bandwidth.
MODES = {"legacy": legacy, "corrected": corrected}


@dataclass(frozen=True)
class Run:
    """The usable samples of a run, complex64 ``[n]`` each.

    Attributes:
        signal: received, without noise
        noise: to be added to it
        carrier: a tone of the same carrier offset, or None when it was not asked for
    """

    signal: np.ndarray
    noise: np.ndarray
    carrier: np.ndarray | None

    @property
    def samples(self):
        """What the receiver hears."""
        return self.signal + self.noise


class _Capture(gr.sync_block):
    """Sink that keeps the samples as arrays (vector_sink would make a Python list)."""

    def __init__(self):
        gr.sync_block.__init__(self, "capture", [np.complex64], None)
        self._chunks = []

    def work(self, input_items, output_items):
        self._chunks.append(input_items[0].copy())
        return len(input_items[0])

    def samples(self, first, stop):
        samples = np.concatenate(self._chunks)[first:stop]
        if len(samples) < stop - first:
            raise RuntimeError(f"the flowgraph ended {stop - first - len(samples)} samples early")
        return samples


class Flowgraph:
    """The flowgraph of one run, ready to run once.

    Args:
        name: class
        snr_db: SNR label
        sent: source material of the mode
        channel_rng: draws the channel and the noise
        settings: a Settings
    """

    def __init__(self, name, snr_db, sent, channel_rng, settings):
        self._mode = MODES[settings.mode]
        self._key = name, snr_db, settings.samples_per_symbol
        self._first, self._stop = self._mode.usable(name, settings.samples_per_symbol)
        self._channel = self._mode.channel(channel_rng, settings.sampling_offset)
        self._signal, self._noise, self._carrier = _Capture(), _Capture(), None
        self._chains = [self._signal_chain(sent), self._noise_chain()]
        if settings.frame_metadata:
            self._carrier = _Capture()
            self._chains.append(self._carrier_chain())
        self._top_block = gr.top_block(f"RML2016 {name} {snr_db} dB")
        for chain in self._chains:
            self._top_block.connect(*chain)

    def _signal_chain(self, sent):
        name, _, samples_per_symbol = self._key
        modulator = self._mode.modulator(name, sent, samples_per_symbol)
        return [*modulator, *self._channel.blocks, self._signal]

    def _noise_chain(self):
        amplitude = self._mode.noise_amplitude(self._key[1])
        noise = analog.noise_source_c(analog.GR_GAUSSIAN, amplitude, self._channel.noise_seed)
        count = self._stop - self._first
        return [noise, blocks.head(gr.sizeof_gr_complex, count), self._noise]

    def _carrier_chain(self):
        """What the channel makes of a carrier of frequency 0."""
        constant = analog.sig_source_c(0, analog.GR_CONST_WAVE, 0, 1.0)
        head = blocks.head(gr.sizeof_gr_complex, self._stop)
        return [constant, self._channel.carrier(), head, self._carrier]

    def run(self):
        """Run it to its end; a Run."""
        self._top_block.run()
        delay = self._channel.delay
        signal = self._signal.samples(self._first + delay, self._stop + delay)
        noise = self._noise.samples(0, self._stop - self._first)
        name, snr_db, samples_per_symbol = self._key
        noise *= self._mode.noise_gain(name, snr_db, signal, samples_per_symbol)
        carrier = self._carrier and self._carrier.samples(self._first, self._stop)
        return Run(signal, noise, carrier)
