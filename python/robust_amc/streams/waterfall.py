"""A picture of a band: power over frequency and time, and the signals that were found in it."""

import heapq
from itertools import count

import numpy as np

from ..arrays import Floats
from ..files import AnyPath, replacing
from .scan import ScannedSignal

MOST_ROWS = 1024  # of a picture; of more, neighbors are averaged
MOST_BOXES = 500  # with a text; of more, those of the longest signals
RANGE_DB = 35  # above the noise, that colors are for
UNITS = ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"))


class Waterfall:
    """Collects spectra and signals as they come; a stream of any length takes the same memory.

    Of more signals than MOST_BOXES the longest are kept.
    """

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._open: list[Floats] = []
        self._averaged = 1
        self._boxes: list[tuple[float, int, ScannedSignal]] = []
        self._number = count()

    def add(self, power: Floats) -> None:
        """The next spectrum ``[bins]``, from the lowest frequency to the highest."""
        self._open.append(power)
        if len(self._open) < self._averaged:
            return
        self._rows.append(np.mean(self._open, 0))
        self._open = []
        if len(self._rows) == MOST_ROWS:
            self._rows = [
                (first + second) / 2 for first, second in zip(self._rows[::2], self._rows[1::2])
            ]
            self._averaged *= 2

    def mark(self, signal: ScannedSignal) -> None:
        """A signal, which gets a box."""
        heapq.heappush(self._boxes, (_duration(signal), next(self._number), signal))
        if len(self._boxes) > MOST_BOXES:
            heapq.heappop(self._boxes)  # the shortest

    def draw(
        self,
        sample_rate_hz: float,
        center_frequency_hz: float,
        seconds: float,
        path: AnyPath,
    ) -> None:
        """Draw the spectra with the boxes of the signals; the suffix of `path` is the format.

        `seconds` is how long all spectra together took.
        """
        import matplotlib

        matplotlib.use("Agg")  # a figure for a file needs no display
        from matplotlib import pyplot
        from matplotlib.patches import Rectangle

        rows = self._rows + ([np.mean(self._open, 0)] if self._open else [])
        level = 10 * np.log10(np.maximum(rows, 1e-300))
        noise = float(np.median(level))
        edges = center_frequency_hz + np.array([-0.5, 0.5]) * sample_rate_hz
        scale, unit = next((each for each in UNITS if np.abs(edges).max() >= each[0]), (1.0, "Hz"))
        figure, axes = pyplot.subplots(figsize=(10, 7), constrained_layout=True)
        image = axes.imshow(
            level,
            aspect="auto",
            extent=(edges[0] / scale, edges[1] / scale, seconds, 0),
            vmin=noise - 3,
            vmax=noise + RANGE_DB,
            cmap="viridis",
            interpolation="nearest",
        )
        figure.colorbar(image, label="power of a bin (dB)")
        for _, _, each in sorted(self._boxes, reverse=True):
            left = each.low_hz / scale
            corner, size = (left, each.start_s), (each.bandwidth_hz / scale, _duration(each))
            color = "white" if each.label is None else "red"
            axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=color, linewidth=1.2))
            axes.annotate(
                _text(each), (left, each.start_s), (2, -2), textcoords="offset points",
                va="top", fontsize=7, color="white", parse_math=False,
                bbox={"boxstyle": "square,pad=0.15", "color": "black", "alpha": 0.6, "lw": 0},
            )  # fmt: skip
        axes.set(xlabel=f"frequency ({unit})", ylabel="time (s)", ylim=(seconds, 0))
        axes.set_xlim(edges[0] / scale, edges[1] / scale)
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=110)
        pyplot.close(figure)


def _duration(signal: ScannedSignal) -> float:
    return signal.stop_s - signal.start_s


def _text(signal: ScannedSignal) -> str:
    if signal.symbol_rate is None:
        return "no symbol rate"
    rate = f"{signal.symbol_rate:.0f} Bd"
    if signal.label is None:
        return f"not labeled, {rate}"
    return f"{signal.label} {signal.confidence:.0%}, {rate}"
