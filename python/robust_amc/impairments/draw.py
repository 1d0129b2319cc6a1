"""Impairments of a receiver or of each frame: drawn once, and put on samples of any kind."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from ..arrays import Complexes, Floats
from . import effects
from .effects import Samples
from .settings import ImpairmentSettings


@dataclass(frozen=True)
class Impairments:
    """Drawn parameters for n rows of samples; arrays or, see :meth:`like`, tensors.

    Attributes:
        delays: ``[n, echoes]``, in samples
        gains: complex ``[n, echoes]``, 0 for an echo that there is not
        steps: ``[n, length]``, of the phase, in radians
        gain_db, phase: ``[n, 1]`` of I and Q, see :func:`effects.iq_imbalance`
        dc: complex ``[n, 1]``, in units of the root of the mean power
        full_scale: ``[n, 1]``, likewise
        bits: ``[n, 1]``, 0 where no converter limits or rounds
    """

    delays: Any
    gains: Any
    steps: Any
    gain_db: Any
    phase: Any
    dc: Any
    full_scale: Any
    bits: Any

    def like(self, samples: Any) -> Self:
        """The same parameters as tensors, on the device of a tensor; of an array, themselves."""
        xp = effects.library(samples)
        if xp is np:
            return self
        moved = {}
        for each in fields(self):
            value = xp.as_tensor(getattr(self, each.name), device=samples.device)
            moved[each.name] = value.to(xp.complex64 if value.is_complex() else xp.float32)
        return type(self)(**moved)

    def channel(self, samples: Samples) -> Samples:
        """Behind the channel, complex ``[n, length]``: echoes."""
        return effects.multipath(samples, self.delays, self.gains)

    def receiver(self, samples: Samples) -> Samples:
        """Behind the receiver, complex ``[n, length]``.

        In its order: the oscillator's phase noise, the mixer's imbalance and offset, the
        converter's end of the scale and its levels.
        """
        level = effects.rms(samples) + 1e-30  # a row of zeros has levels, too
        turned = effects.with_phase_noise(samples, self.steps)
        mixed = effects.iq_imbalance(turned, self.gain_db, self.phase) + self.dc * level
        full_scale = self.full_scale * level
        limited = effects.clipped(mixed, full_scale)
        converted = effects.quantized(limited, self.bits, full_scale)
        result: Samples = effects.library(samples).where(self.bits > 0, converted, mixed)
        return result

    def image_rejection_db(self) -> Floats:
        """Of each row, ``[n]``; of arrays only."""
        rejection: Floats = effects.image_rejection_db(self.gain_db, self.phase)[:, 0]
        return rejection

    def delay_spread(self) -> Floats:
        """Root-mean-square spread of the paths' delays, in samples, ``[n]``; of arrays only."""
        power = np.abs(self.gains) ** 2
        total = 1 + power.sum(1)  # the direct path has the delay 0
        mean = (power * self.delays).sum(1) / total
        return np.sqrt((power * self.delays**2).sum(1) / total - mean**2)


def draw(
    settings: ImpairmentSettings,
    count: int,
    length: int,
    samples_per_symbol: float,
    rng: np.random.Generator,
    share: float = 1.0,
) -> Impairments:
    """Impairments for `count` rows of `length` samples, so many of them a symbol.

    Echoes, phase noise, imbalance, offset and converter each are in a `share` of the rows. The
    same whatever they are put on: the draws are NumPy's, of `rng` alone.
    """

    def column(ends: list[float]) -> Floats:
        return rng.uniform(ends[0], ends[1], (count, 1))

    echo, walk, mixer, offset, converter = rng.random((5, count, 1)) < share

    many = settings.echoes
    there = np.arange(many) < rng.integers(many, size=(count, 1), endpoint=True)
    delays = rng.uniform(0, settings.echo_delay * samples_per_symbol, (count, many))
    echo_db = rng.uniform(settings.echo_db[0], settings.echo_db[1], (count, many))
    gains: Complexes = 10 ** (echo_db / 20) * (there & echo) * _turn(rng, (count, many))
    deviation = walk * column(settings.phase_noise) / np.sqrt(samples_per_symbol)
    steps = deviation * rng.standard_normal((count, length))
    return Impairments(
        delays=delays,
        gains=gains,
        steps=steps,
        gain_db=mixer * column(settings.gain_imbalance_db),
        phase=mixer * np.radians(column(settings.phase_imbalance_deg)),
        dc=offset * 10 ** (column(settings.dc_db) / 20) * _turn(rng, (count, 1)),
        full_scale=10 ** (column(settings.full_scale_db) / 20),
        bits=converter * rng.integers(settings.bits[0], settings.bits[1] + 1, (count, 1)) * 1.0,
    )


def _turn(rng: np.random.Generator, shape: tuple[int, ...]) -> Complexes:
    return np.exp(2j * np.pi * rng.random(shape))
