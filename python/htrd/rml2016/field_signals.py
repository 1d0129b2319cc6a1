# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent in mode `field`: signals of any rate, with parameters as real services have them.

Modulated by the GNU Radio blocks that the other modes use, and brought to the receiver's rate.
A digital signal has `period` samples a symbol; an analog one, which has no symbols, is as wide
as one that has (`robust_amc.frontend.by_width`).
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from gnuradio import analog, blocks, filter
from robust_amc import frontend
from scipy.signal import resample_poly

from . import modulators, speech, user_files
from . import source_material as material
from .capture import captured

ROLLOFF = (0.2, 0.5)  # DVB-S2 has 0.2 … 0.35, TETRA and DVB-S 0.35, satellites' telemetry to 0.5
# GSM has BT 0.3, AIS 0.4, DECT and Bluetooth 0.5; 0.7 is hardly a filter any more
GFSK_BT = (0.3, 0.7)
GFSK_INDEX = (0.25, 0.8)  # RML2016 0.255, Bluetooth 0.28 … 0.55, GSM and AIS 0.5, DECT to 0.7
CPFSK_INDEX = (0.4, 1.0)  # MSK 0.5, Bell 202 0.83, paging beyond
FSK_SAMPLES = 8  # a symbol, at which FSK is modulated
OCCUPIED = 0.99  # share of the power in the band that the SNR of FSK refers to
AM_DEPTH = (0.3, 1.0)  # broadcasting up to 1, the air band 0.85 (ICAO Annex 10, volume III)
SSB_LOW, SSB_HIGH = (200.0, 350.0), (2400.0, 3000.0)  # Hz, edges of the audio
SSB_CARRIER_DB = (-60.0, -40.0)  # to the sideband's peak; ITU-R SM.326 has -40 at most
HILBERT_TAPS = 401
PILOT, PILOT_SHARE = 19e3, 0.09  # Hz; of the deviation: ITU-R BS.450 has 0.08 … 0.1
EMPHASIS = (50e-6, 75e-6)  # s, likewise
STEREO = 0.5  # share of broadcasting signals
SECONDS = 0.25  # of audio at least, over which the bandwidth is measured
LOUD = 0.25  # of the mean power of the audio, below which a stretch of it is not taken
_TRIES = 10
_FINEST = 200  # denominator of ratios of rates
_FILTER = 12  # samples of the slower of two rates, that a change of rate has wrong at an end


@dataclass(frozen=True)
class Service:
    """A kind of frequency modulation.

    Attributes:
        rate: Hz, at which it is modulated
        deviation: Hz, range of the largest
        is_broadcast: with pre-emphasis, and in stereo at times
    """

    rate: int
    deviation: tuple
    is_broadcast: bool = False


# Broadcasting (ITU-R BS.450: 75 or 50 kHz), radios in channels of 25 and 12.5 kHz (ETSI EN 300 086:
# at most 5 and 2.5 kHz)
FM = (
    Service(400_000, (50e3, 75e3), is_broadcast=True),
    Service(48_000, (3.5e3, 5e3)),
    Service(32_000, (1.75e3, 2.5e3)),
)
AM_RATE, SSB_RATE = 32_000, 16_000  # Hz


@dataclass(frozen=True)
class Signal:
    """A signal at the receiver's rate, in units of which all frequencies are.

    Attributes:
        samples: complex ``[n]``, of mean power 1
        rate: symbols a sample, of an analog signal what takes their place
        center: frequency that shall be at 0 in a frame
        band: (lowest, highest) frequency that the SNR refers to
        facts: `rolloff` and `modulation_index`, of AM its depth; NaN where there is none
    """

    samples: np.ndarray
    rate: float
    center: float
    band: tuple
    facts: dict


def make(name, period, symbols, rng, settings):
    """A Signal of class `name`, at least so many `symbols` of about `period` samples each."""
    if name in modulators.CONSTELLATIONS:
        return _linear(name, period, symbols, rng, settings)
    if name in modulators.FSK:
        return _fsk(name, period, symbols, rng, settings)
    return _analog(_ANALOG[name], period, symbols, rng, settings)


def bits_of(name, symbols):
    """Bits that a run of a digital class sends, for so many symbols in frames."""
    sent = symbols + 2 * modulators.SPAN + 32
    return sent * int(np.log2(len(modulators.CONSTELLATIONS.get(name, (0, 1)))))


def _signal(samples, rate, center, band, **facts):
    samples = samples / np.sqrt(np.mean(np.abs(samples) ** 2))
    facts = {"rolloff": np.nan, "modulation_index": np.nan} | facts
    return Signal(samples, rate, center, band, facts)


def _linear(name, period, symbols, rng, settings):
    rolloff = rng.uniform(*ROLLOFF)
    bits = material.bits(rng, bits_of(name, symbols), settings.text, anywhere=True)
    chain = modulators.linear(modulators.unit_points(name), bits, period, rolloff)
    first = int(modulators.SPAN * period) + 1
    samples = captured(chain, first, first + int(symbols * period) + 1).astype(complex)
    half = (1 + rolloff) / 2 / period
    return _signal(samples, 1 / period, 0.0, (-half, half), rolloff=rolloff)


def _fsk(name, period, symbols, rng, settings):
    bits = material.bits(rng, bits_of(name, symbols), settings.text, anywhere=True)
    if name == "GFSK":
        low, high = np.log(GFSK_INDEX)
        index, bt = np.exp(rng.uniform(low, high)), rng.uniform(*GFSK_BT)
        chain = modulators.gfsk(bits, FSK_SAMPLES, np.pi * index, bt)
    else:
        index = rng.uniform(*CPFSK_INDEX)
        chain = modulators.cpfsk(bits, FSK_SAMPLES, index)
    first = 16 * FSK_SAMPLES
    stop = first + (symbols + 2 * _FILTER) * FSK_SAMPLES
    samples, ratio = _resampled(captured(chain, first, stop), period / FSK_SAMPLES)
    rate = 1 / (FSK_SAMPLES * ratio)
    return _signal(samples, rate, 0.0, _occupied(samples), modulation_index=index)


def _occupied(samples):
    """(lowest, highest) frequency of the band with OCCUPIED of the power, in cycles a sample."""
    power = np.fft.fftshift(np.abs(np.fft.fft(samples * np.hanning(len(samples)))) ** 2)
    share = np.cumsum(power) / power.sum()
    low, high = np.searchsorted(share, [(1 - OCCUPIED) / 2, (1 + OCCUPIED) / 2])
    return low / len(samples) - 0.5, high / len(samples) - 0.5


def _resampled(samples, ratio):
    """(samples, exact ratio): so many times as many, without the ends that a filter has wrong."""
    exact = Fraction(ratio).limit_denominator(_FINEST)
    samples = resample_poly(samples.astype(complex), exact.numerator, exact.denominator)
    edge = int(np.ceil(_FILTER * max(1.0, float(exact))))
    return samples[edge:-edge], float(exact)


def _analog(modulate, period, symbols, rng, settings):
    """An analog Signal: from a stretch that is long enough, and not silent."""
    seconds = SECONDS
    while True:
        sent, audio, hz, band, index = modulate(seconds, rng, settings)
        found = frontend.by_width(sent)
        # None for a pause; the next one is longer
        if found is not None:
            center, rate = found
            exact = Fraction(period * rate).limit_denominator(_FINEST) or Fraction(1, _FINEST)
            ends = 2 * int(_FILTER * max(1.0, 1 / float(exact)) + 2)
            count = int(symbols / rate) + 2 + ends
            if count <= len(sent):
                break
        seconds *= 2
    start = _loud_start(audio, count, rng)
    samples, ratio = _resampled(sent[start : start + count], float(exact))
    low, high = (edge / hz / ratio for edge in band)
    return _signal(samples, rate / ratio, center / ratio, (low, high), modulation_index=index)


def _loud_start(audio, count, rng):
    """Where `count` samples begin that are not mostly a pause, if such are found."""
    energy = np.concatenate([[0.0], np.cumsum(audio**2)])
    mean = energy[-1] / len(audio)
    for _ in range(_TRIES):
        start = int(rng.integers(len(audio) - count, endpoint=True))
        if energy[start + count] - energy[start] >= LOUD * mean * count:
            break
    return start


def _audio(seconds, rate, rng, settings):
    """Speech, or a piece of the user's file, float64 ``[n]`` at `rate` Hz, largest value 1."""
    count = int(seconds * rate)
    if not settings.audio:
        return speech.speech(rng, count, rate)
    audio = user_files.audio_somewhere(settings.audio, count, rate, rng)
    return _peaked(speech.voice_band(audio, rate))


def _peaked(audio):
    return audio / np.abs(audio).max()


def _filtered(audio, rate, response):
    """`audio` with a gain by frequency in Hz; its ends wrap around."""
    frequency = np.fft.rfftfreq(len(audio), 1 / rate)
    return np.fft.irfft(response(frequency) * np.fft.rfft(audio), len(audio))


def _am_dsb(seconds, rng, settings):
    audio, depth = _audio(seconds, AM_RATE, rng, settings), rng.uniform(*AM_DEPTH)
    chain = [
        blocks.vector_source_f(audio.tolist()),
        blocks.multiply_const_ff(depth),
        blocks.float_to_complex(),
        blocks.add_const_cc(1),
    ]
    sent = captured(chain, 0, len(audio))
    return sent, audio, AM_RATE, (-speech.BANDWIDTH, speech.BANDWIDTH), depth


def _am_ssb(seconds, rng, settings):
    """Of either sideband."""
    low, high = rng.uniform(*SSB_LOW), rng.uniform(*SSB_HIGH)
    audio = _audio(seconds, SSB_RATE, rng, settings)
    edges = [low - 100, low, high, high + 200]
    audio = _peaked(_filtered(audio, SSB_RATE, lambda f: np.interp(f, edges, [0, 1, 1, 0])))
    rest = 10 ** (rng.uniform(*SSB_CARRIER_DB) / 20)
    chain = [
        blocks.vector_source_f(audio.tolist()),
        filter.hilbert_fc(HILBERT_TAPS),
        blocks.add_const_cc(rest),
    ]
    sent = captured(chain, HILBERT_TAPS, len(audio))
    audio = audio[HILBERT_TAPS // 2 :][: len(sent)]
    if rng.random() < 0.5:
        return sent, audio, SSB_RATE, (low, high), np.nan
    return sent.conj(), audio, SSB_RATE, (-high, -low), np.nan


def _wbfm(seconds, rng, settings):
    service = FM[rng.integers(len(FM))]
    rate, deviation = service.rate, rng.uniform(*service.deviation)
    audio = _audio(seconds, rate, rng, settings)
    if service.is_broadcast:
        audio = _broadcast(audio, seconds, rate, rng, settings)
    chain = [
        blocks.vector_source_f(audio.tolist()),
        analog.frequency_modulator_fc(2 * np.pi * deviation / rate),
    ]
    half = deviation + speech.BANDWIDTH  # Carson's rule
    sent = captured(chain, 0, len(audio))
    return sent, audio, rate, (-half, half), deviation / speech.BANDWIDTH


def _broadcast(audio, seconds, rate, rng, settings):
    """With pre-emphasis; in stereo the sum, the pilot and the difference at twice its frequency."""
    constant = rng.choice(EMPHASIS)

    def emphasized(each):
        return _peaked(_filtered(each, rate, lambda f: 1 + 2j * np.pi * f * constant))

    audio = emphasized(audio)
    if rng.random() >= STEREO:
        return audio
    other = emphasized(_audio(seconds, rate, rng, settings))
    balance = rng.uniform(0, 0.5)
    left, right = (1 - balance) * audio + balance * other, balance * audio + (1 - balance) * other
    phase = 2 * np.pi * PILOT * np.arange(len(audio)) / rate
    both = (left + right) / 2 + (left - right) / 2 * np.sin(2 * phase)
    return (1 - PILOT_SHARE) * _peaked(both) + PILOT_SHARE * np.sin(phase)


_ANALOG = {"AM-DSB": _am_dsb, "AM-SSB": _am_ssb, "WBFM": _wbfm}
