"""How strong impairments may be: the ranges that they are drawn from."""

import math
from dataclasses import dataclass, field, fields

from ..errors import UserError


def _range(low: float, high: float) -> list[float]:
    made: list[float] = field(default_factory=lambda: [low, high])
    return made


@dataclass(frozen=True)
class ImpairmentSettings:
    """Ranges of impairments, each drawn evenly between two ends, as the generator's mode `field`.

    Where no source is named, the range was chosen to hold what simple receivers show.

    Attributes:
        echoes: most echoes beside the direct path; 0 … so many
        echo_delay: largest delay of an echo, in symbols. RML2016's are 0.11 and 0.21
        echo_db: power of an echo relative to the direct path, in dB. RML2016's are -2 and -10 on
            average; here the direct path is always the strongest by far
        phase_noise: standard deviation of the phase's step in a symbol, in radians: the square root
            of 2π · linewidth / symbol rate. -90 dBc/Hz at 10 kHz from the carrier, as a cheap
            synthesizer has it, and 10 kBd make 0.014
        gain_imbalance_db: of Q over I, in dB
        phase_imbalance_deg: of Q to I, in degrees. With the gain's 0.5 dB, 3 degrees leave the
            image 28 dB down, as uncorrected direct-conversion receivers do
        dc_db: power of a constant offset over that of the samples, in dB
        full_scale_db: largest I or Q over the root of the mean power of the complex samples, in dB:
            0 for a carrier that just fits. At 3 dB, noise has 4.6 % of its I and Q cut off, at
            12 dB nothing
        bits: of the converter, whole: 8 (RTL-SDR, HackRF) … 12 (USRP B200, Airspy)
    """

    echoes: int = 3
    echo_delay: float = 0.5
    echo_db: list[float] = _range(-25.0, -5.0)
    phase_noise: list[float] = _range(0.0, 0.03)
    gain_imbalance_db: list[float] = _range(-0.5, 0.5)
    phase_imbalance_deg: list[float] = _range(-3.0, 3.0)
    dc_db: list[float] = _range(-50.0, -15.0)
    full_scale_db: list[float] = _range(3.0, 15.0)
    bits: list[int] = field(default_factory=lambda: [8, 12])

    def __post_init__(self) -> None:
        for each in fields(self):
            ends = getattr(self, each.name)
            if isinstance(ends, list) and (
                len(ends) != 2 or not -math.inf < ends[0] <= ends[1] < math.inf
            ):
                raise UserError(f"{each.name} must be two numbers, the lower one first, not {ends}")
        if not 0 <= self.echoes <= 100 or not 0 <= self.echo_delay < math.inf:
            raise UserError("echoes must be 0 … 100 and their delay at least 0 symbols")
        if self.phase_noise[0] < 0:
            raise UserError(f"phase_noise must be at least 0 rad, not {self.phase_noise[0]:g}")
        if not 1 <= self.bits[0] <= self.bits[1] <= 24:
            raise UserError(f"bits of a converter must be 1 … 24, not {self.bits}")
        for name in ("echo_db", "gain_imbalance_db", "dc_db", "full_scale_db"):
            if max(map(abs, getattr(self, name))) > 200:
                raise UserError(f"{name} must lie in -200 … 200 dB, not {getattr(self, name)}")
        if max(map(abs, self.phase_imbalance_deg)) > 45:
            found = self.phase_imbalance_deg
            raise UserError(f"phase_imbalance_deg must lie in -45 … 45, not {found}")
