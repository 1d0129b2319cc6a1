# SPDX-License-Identifier: GPL-3.0-or-later
"""Mode `field`: frames as a classifier gets them behind a receiver and the front end.

A signal of a rate of its own (`field_signals`) gets echoes, neighbors, noise and a place in the
receiver's band, the receiver's impairments (`robust_amc.impairments`), and is then brought to the
samples a symbol that a model takes, by `robust_amc.frontend.normalize`, with errors as the front
end makes them. Every run draws all of that anew.

The SNR label is the power of the signal over that of the noise in its band, over the run, behind
the channel; neighbors and what the receiver adds are not counted.
"""

from dataclasses import asdict, dataclass

import numpy as np
from robust_amc import impairments
from robust_amc.benchmarks import modulated_signals
from robust_amc.errors import UserError
from robust_amc.evaluation.ceiling import CONSTELLATIONS
from robust_amc.frontend import normalize
from robust_amc.frontend.bring import DROPPED
from robust_amc.frontend.normalize import FASTEST
from robust_amc.impairments import ImpairmentSettings, effects, residuals

from . import field_signals, framing
from .modulators import ANALOG, SAMPLE_RATE

seed_words = (2,)
snr_db = tuple(range(-4, 32, 2))
frames_per_run = 8

PERIODS = (3.0, 32.0)  # samples a symbol at the receiver, log-uniform
TUNED = 0.5  # share of the signals that are near the middle of the receiver's band
NEAR = 0.02  # cycles a sample, how near
ROOM = 0.9  # rates from a signal's middle to the end of the receiver's band, at least
NEIGHBORS = 2  # at most
NEIGHBOR_DB = (-40.0, -20.0)  # power, to the signal's
NEIGHBOR_WIDTH = (0.3, 1.5)  # of the signal's band
GAP = (0.1, 1.0)  # between the bands, likewise
MARGIN = 2  # symbols


@dataclass(frozen=True)
class FieldRun:
    """One run.

    Attributes:
        samples: complex ``[n]``, normalized
        signal, noise: before the receiver, complex ``[m]``
        ratio: samples here for one before the receiver
        bandwidth: of the noise that the SNR refers to, in cycles a sample before the receiver
        facts: what holds for all frames, a number by name
    """

    samples: np.ndarray
    signal: np.ndarray
    noise: np.ndarray
    ratio: float
    bandwidth: float
    facts: dict

    def measured(self, begin, length):
        """True SNR and what else is known of each frame: dictionary of float32 ``[n]``."""
        ends = (np.array([begin, begin + length]) + DROPPED) / self.ratio
        place = np.clip(np.round(ends).astype(int), 0, len(self.signal))
        signal, noise = (
            np.concatenate([[0.0], np.cumsum(np.abs(each) ** 2)])[place]
            for each in (self.signal, self.noise)
        )
        ratio = (signal[1] - signal[0]) / (noise[1] - noise[0]) / self.bandwidth
        columns = {"true_snr_db": 10 * np.log10(np.maximum(ratio, 1e-30))}
        columns |= {name: np.full(len(begin), value) for name, value in self.facts.items()}
        return {name: column.astype(np.float32) for name, column in columns.items()}


def receive(name, snr_db, material_rng, channel_rng, settings):
    """One FieldRun of class `name`."""
    rng = channel_rng
    low, high = np.log(PERIODS)
    period = np.exp(rng.uniform(low, high))
    rate_error, carrier_error = residuals.draw(name, snr_db, rng)
    # A rate that is found too low gives fewer samples
    symbols = int(_symbols(settings) / min(1.0, 1 + rate_error)) + MARGIN
    made = field_signals.make(name, period, symbols, material_rng, settings)
    rate = min(made.rate * (1 + rate_error), FASTEST)

    period, count = 1 / made.rate, len(made.samples)
    drawn = impairments.draw(ImpairmentSettings(), 1, count, period, rng)
    sent = drawn.channel(made.samples[None])
    power = np.mean(np.abs(sent) ** 2)
    width = made.band[1] - made.band[0]
    offset = _offset(made.rate, rng)
    signal = effects.shifted(sent, offset - made.center)
    around = _neighbors(count, made, offset, power, rng)
    noise = rng.standard_normal((1, 2 * count)).view(complex)
    noise *= np.sqrt(power / width * 10 ** (-snr_db / 10) / 2)
    heard = drawn.receiver(signal + around + noise)[0]

    carrier = offset + carrier_error * made.rate
    samples = normalize(heard, carrier, rate, settings.samples_per_symbol)
    ratio = settings.samples_per_symbol * rate
    facts = made.facts | {
        "carrier_offset_hz": -carrier_error * made.rate / ratio * SAMPLE_RATE,
        "samples_per_symbol": period,
        "rate_error": rate / made.rate - 1,
        "delay_spread": drawn.delay_spread()[0] / period,
        "phase_noise": drawn.steps.std() * np.sqrt(period),
        "image_rejection_db": drawn.image_rejection_db()[0],
        "bits": drawn.bits[0, 0],
    }
    return FieldRun(samples[DROPPED:-DROPPED], signal[0], noise[0], ratio, width, facts)


def check(settings):
    """UserError for what this mode cannot do."""
    if settings.sampling_offset:
        raise UserError(
            "mode field has no sampling_offset: when a frame is sampled is random there"
        )
    if settings.frame_length > (1 << 16):
        raise UserError(f"frame_length must be at most {1 << 16} in mode field")


def material(name, settings):
    """(bits, seconds of audio) that a run of class `name` sends; one of them is 0."""
    if name in ANALOG:
        return 0, field_signals.SECONDS
    return field_signals.bits_of(name, _symbols(settings) + 2 * MARGIN), 0


def metadata(settings):
    """What the frames went through."""
    return {"impairments": asdict(ImpairmentSettings())}


def _symbols(settings):
    """Symbols that a run's frames take; of analog signals, what takes their place."""
    frames = (settings.frames_per_run or frames_per_run) + 1
    samples = framing.FIRST_START[1] + frames * settings.frame_length + 2 * DROPPED
    return int(samples / settings.samples_per_symbol) + MARGIN


def _offset(rate, rng):
    """Where the signal is in the receiver's band, in cycles a sample."""
    room = max(0.5 - ROOM * rate, 0.0)
    reach = min(NEAR, room) if rng.random() < TUNED else room
    return rng.uniform(-reach, reach)


def _neighbors(count, made, offset, power, rng):
    """Linear modulations beside the signal, complex ``[1, count]``; none beyond the spectrum."""
    total = np.zeros((1, count), complex)
    width = made.band[1] - made.band[0]
    middle = offset - made.center + sum(made.band) / 2
    for side in rng.permutation([-1, 1])[: rng.integers(NEIGHBORS, endpoint=True)]:
        own = width * rng.uniform(*NEIGHBOR_WIDTH)
        place = middle + side * (width / 2 + width * rng.uniform(*GAP) + own / 2)
        level, rolloff = rng.uniform(*NEIGHBOR_DB), rng.uniform(*field_signals.ROLLOFF)
        name = rng.choice(list(CONSTELLATIONS))
        if abs(place) + own / 2 < 0.5:
            period = (1 + rolloff) / own
            points = CONSTELLATIONS[name].points
            other = modulated_signals.linear(points, count, period, rolloff, rng)[None]
            total += effects.shifted(other, place) * np.sqrt(power * 10 ** (level / 10))
    return total
