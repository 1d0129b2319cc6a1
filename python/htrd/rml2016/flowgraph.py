# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the generator: a flowgraph from source material to received samples.

The signal and the noise are captured apart and added here, so that the true SNR of every
frame is known; in single precision that is what an adder block gives.
"""

from dataclasses import dataclass

import numpy as np
from gnuradio import analog, blocks, gr
from robust_amc.errors import UserError

from . import corrected, field, framing, legacy
from .capture import Capture
from .modulators import ANALOG, run_bits


@dataclass(frozen=True)
class Run:
    """The usable samples of a run, complex64 ``[n]`` each.

    Attributes:
        signal: received, without noise
        noise: to be added to it
        carrier: a tone of the same carrier offset, or None when it was not asked for
        noise_bandwidth: of the noise that the SNR refers to, in Hz
    """

    signal: np.ndarray
    noise: np.ndarray
    carrier: np.ndarray | None
    noise_bandwidth: float

    @property
    def samples(self):
        """What the receiver hears."""
        return self.signal + self.noise

    def measured(self, begin, length):
        """What is known of the frames that start at `begin`, see :func:`framing.measured`."""
        return framing.measured(self, begin, length, self.noise_bandwidth)


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
        self._mode = MODES[settings.mode].parts
        self._key = name, snr_db, settings.samples_per_symbol
        self._first, self._stop = self._mode.usable(name, settings.samples_per_symbol)
        self._channel = self._mode.channel(channel_rng, settings.sampling_offset)
        self._signal, self._noise, self._carrier = Capture(), Capture(), None
        self._chains = [self._signal_chain(sent), self._noise_chain()]
        if settings.frame_metadata:
            self._carrier = Capture()
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
        bandwidth = self._mode.noise_bandwidth(name, samples_per_symbol)
        return Run(signal, noise, carrier, bandwidth)


class Flowgraphs:
    """A mode whose runs are flowgraphs from source to receiver.

    Attributes:
        parts: module with the functions source, modulator, channel, usable, noise_amplitude,
            noise_gain, noise_bandwidth and metadata
        seed_words: what its runs' seeds have of their own
        snr_db: its SNR labels, where none are asked for
        frames_per_run: most frames of a run, where nothing is asked for; None: all
    """

    snr_db = tuple(range(-20, 20, 2))
    frames_per_run = None

    def __init__(self, parts, seed_words):
        self.parts, self.seed_words = parts, seed_words

    def receive(self, name, snr_db, material_rng, channel_rng, settings):
        """One Run."""
        sent = self.parts.source(name, material_rng, settings)
        return Flowgraph(name, snr_db, sent, channel_rng, settings).run()

    def check(self, settings):
        """UserError where a run has no room for a frame."""
        for name in settings.classes:
            first, stop = self.parts.usable(name, settings.samples_per_symbol)
            room = framing.longest(stop - first)
            if settings.frame_length > room:
                raise UserError(
                    f"frames of {settings.frame_length} samples are too long for a run of {name}, "
                    f"which has room for {room}"
                )

    def material(self, name, settings):
        """(bits, seconds of audio) that a run of class `name` sends; one of them is 0."""
        if name in ANALOG:
            return 0, self.parts.AUDIO_SECONDS
        return run_bits(name), 0

    def metadata(self, settings):
        """What a data set's metadata say of the mode."""
        return self.parts.metadata(settings)


# What is asked of a mode is what Flowgraphs has; its runs have `samples` and `measured`.
MODES = {
    "legacy": Flowgraphs(legacy, ()),  # it came first, and its seeds are without a word
    "corrected": Flowgraphs(corrected, (1,)),
    "field": field,
}
