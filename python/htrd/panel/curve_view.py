# SPDX-License-Identifier: GPL-3.0-or-later
"""A Qt widget that draws security curves. It knows nothing of GNU Radio."""

from dataclasses import dataclass

import numpy as np
from PyQt5 import QtCore, QtGui, QtWidgets

from .drawing import (
    BLACK,
    CENTER,
    COLORS,
    FAINT,
    LARGE,
    LINE,
    MARGIN,
    MUTED,
    RIGHT,
    SMALL,
    swatch,
    text,
    width_of,
)  # fmt: skip

INKS = (COLORS[5], COLORS[0], COLORS[2], COLORS[3], COLORS[11])  # of the receivers, in turn
SMOOTH, ENOUGH = 5, 60  # seconds and frames that a point over time is of, at least
SPAN = (-30.0, 10.0)  # dB, the axis when there is nothing to show
NOT_ATTACKED = "none"


@dataclass(frozen=True)
class CurvePicture:
    """What is shown.

    Attributes:
        names: of the receivers
        points: Point of each receiver, by rising PNR
        levels: the PNR in each second, ``[seconds]``, NaN: no attack
        counts: frames, and those decided as they should, ``[receivers, 2, seconds]``
        pnr_db: the PNR now
        span: PNRs that the axis shows in any case
    """

    names: tuple
    points: list
    levels: np.ndarray
    counts: np.ndarray
    pnr_db: float
    span: tuple = ()


class CurveView(QtWidgets.QWidget):
    """Headline, robust accuracy against PNR, and over time with the PNR behind it."""

    def __init__(self):
        super().__init__()
        self._picture = None
        self.setMinimumSize(320, 200)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def show_picture(self, picture):
        """Draw a CurvePicture, soon."""
        self._picture = picture
        self.update()

    def sizeHint(self):  # noqa: N802 (Qt's name)
        """Both plots side by side."""
        return QtCore.QSize(720, 320)

    def paintEvent(self, event):  # noqa: N802 (Qt's name)
        """Draw everything; a few milliseconds."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor("white"))
        if self._picture:
            painter.setRenderHint(QtGui.QPainter.Antialiasing)
            area = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
            self._headline(painter, area)
            body = area.adjusted(0, LINE + 2 * MARGIN, 0, 0)
            if body.width() > 1.6 * body.height():
                edge = int(0.58 * body.width())
                first = body.adjusted(0, 0, edge - body.width(), 0)
                second = body.adjusted(edge + 2 * MARGIN, 0, 0, 0)
            else:
                edge = int(0.58 * body.height())
                first = body.adjusted(0, 0, 0, edge - body.height())
                second = body.adjusted(0, edge + MARGIN, 0, 0)
            self._curve(painter, first)
            self._over_time(painter, second)
        painter.end()

    def _headline(self, painter, area):
        """Each receiver's name and robust accuracy of the last seconds, and the PNR."""
        now = f"PNR {_signed(self._picture.pnr_db)} dB" if self._attacked() else "no attack"
        x = area.left()
        for name, ink, shares in self._receivers():
            said = f"{name}  {_percent(shares[-1])}"
            width = width_of(said, LARGE, True)
            x += swatch(painter, x, area.top(), ink)
            text(painter, (x, area.top(), width + 2, LINE + 4), said, color=ink, bold=True,
                 size=LARGE)  # fmt: skip
            x += width + 26
        text(painter, (x, area.top(), area.right() - x, LINE + 4), now, align=RIGHT, bold=True,
             size=LARGE)  # fmt: skip

    def _attacked(self):
        """Whether frames of the last seconds were attacked."""
        return np.isfinite(self._picture.levels[-1])

    def _receivers(self):
        """(name, color, robust accuracy ``[seconds]``) of each."""
        inks = [INKS[number % len(INKS)] for number in range(len(self._picture.names))]
        shares = map(smoothed, self._picture.counts)
        return zip(self._picture.names, inks, shares, strict=True)

    def _curve(self, painter, area):
        """Points with intervals; those of frames that are not attacked at the left."""
        levels = [point.pnr_db for each in self._picture.points for point in each
                  if point.pnr_db is not None]  # fmt: skip
        levels += [*self._picture.span, self._picture.pnr_db]
        low, high = min([*levels, SPAN[0]]), max([*levels, SPAN[1]])
        apart = (high - low) / 12  # of the place for no attack from the axis of the others
        plot = _Plot(painter, area, (low - 1.5 * apart, high),
                     "robust accuracy (%) against PNR (dB)")  # fmt: skip
        plot.ticks([(low - apart, NOT_ATTACKED)])
        plot.ticks((level, _signed(level)) for level in _round_numbers(low, high, 8))
        plot.mark(self._picture.pnr_db if self._attacked() else low - apart)
        for (_, ink, _), points in zip(self._receivers(), self._picture.points, strict=True):
            attacked = [point for point in points if point.pnr_db is not None]
            plot.line([(point.pnr_db, point.share) for point in attacked], ink)
            for point in points:
                x = low - apart if point.pnr_db is None else point.pnr_db
                plot.point(x, point.share, point.low, point.high, ink)

    def _over_time(self, painter, area):
        """Robust accuracy of the last seconds, and the PNR behind it in gray."""
        seconds = len(self._picture.levels)
        times = np.arange(1 - seconds, 1)
        plot = _Plot(painter, area, (times[0], times[-1]),
                     "over time (s), PNR in gray")  # fmt: skip
        plot.ticks((time, _signed(time)) for time in _round_numbers(times[0], 0, 5))
        levels = self._picture.levels
        known = levels[np.isfinite(levels)]
        if len(known):
            low, high = min(known.min(), SPAN[0]), max(known.max(), SPAN[1])
            plot.columns(times, (levels - low) / (high - low))
        for _, ink, shares in self._receivers():
            seen = np.isfinite(shares)
            plot.line(zip(times[seen], shares[seen], strict=True), ink)


class _Plot:
    """Axes in a rectangle, shares from 0 to 1 upward; and what is drawn in them."""

    def __init__(self, painter, area, span, title):
        self._painter, self._span = painter, span
        text(painter, (area.left(), area.top(), area.width(), LINE), title, color=MUTED, size=SMALL)
        self._area = QtCore.QRectF(area.adjusted(30, LINE + 6, -6, -LINE - 4))
        for percent in range(0, 101, 20):
            y = self._y(percent / 100)
            self._stroke(FAINT, 1)
            painter.drawLine(QtCore.QPointF(self._area.left(), y),
                             QtCore.QPointF(self._area.right(), y))  # fmt: skip
            text(painter, (area.left(), y - LINE / 2, 25, LINE), f"{percent}", align=RIGHT,
                 color=MUTED, size=SMALL)  # fmt: skip

    def ticks(self, labels):
        """(x, label) below the axis."""
        for x, label in labels:
            text(self._painter, (self._x(x) - 30, self._area.bottom() + 4, 60, LINE), label,
                 align=CENTER, color=MUTED, size=SMALL)  # fmt: skip

    def mark(self, x):
        """A line over the whole height."""
        self._stroke(BLACK, 1, QtCore.Qt.DashLine)
        self._painter.drawLine(QtCore.QPointF(self._x(x), self._area.top()),
                               QtCore.QPointF(self._x(x), self._area.bottom()))  # fmt: skip

    def line(self, points, ink):
        """A line through (x, share)."""
        self._stroke(ink, 2)
        self._painter.drawPolyline(
            QtGui.QPolygonF([QtCore.QPointF(self._x(x), self._y(y)) for x, y in points])
        )

    def point(self, x, share, low, high, ink):
        """A point with its interval."""
        self._stroke(ink, 1)
        at = self._x(x)
        self._painter.drawLine(QtCore.QPointF(at, self._y(low)), QtCore.QPointF(at, self._y(high)))
        self._painter.setBrush(QtGui.QColor(ink))
        self._painter.drawEllipse(QtCore.QPointF(at, self._y(share)), 3.5, 3.5)
        self._painter.setBrush(QtCore.Qt.NoBrush)

    def columns(self, xs, shares):
        """Gray columns, as wide as their distance; none where a share is NaN."""
        width = self._area.width() / (len(xs) - 1)
        for x, share in zip(xs, shares, strict=True):
            if np.isfinite(share):
                left, right = (min(max(self._x(x) + side * width / 2, self._area.left()),
                                   self._area.right()) for side in (-1, 1))  # fmt: skip
                top = self._y(share)
                self._painter.fillRect(
                    QtCore.QRectF(left, top, right - left, self._area.bottom() - top),
                    QtGui.QColor("#ebebeb"),
                )

    def _x(self, x):
        low, high = self._span
        return self._area.left() + (x - low) / max(high - low, 1e-9) * self._area.width()

    def _y(self, share):
        return self._area.bottom() - share * self._area.height()

    def _stroke(self, color, width, style=QtCore.Qt.SolidLine):
        self._painter.setPen(QtGui.QPen(QtGui.QColor(color), width, style))


def _signed(number):
    return f"{number:g}".replace("-", "−")


def _percent(share):
    return f"{100 * share:.0f} %" if np.isfinite(share) else "–"


def smoothed(counts):
    """Share of frames decided well up to each second, ``[seconds]``; NaN where there are none.

    `counts` are all frames and those, ``[2, seconds]``. A share is over SMOOTH seconds, or as
    many as have ENOUGH frames.
    """
    sums = np.pad(counts.cumsum(1), ((0, 0), (1, 0)))
    end = np.arange(1, sums.shape[1])
    enough = np.searchsorted(sums[0], sums[0, end] - ENOUGH, side="right") - 1
    begin = np.maximum(np.minimum(end - SMOOTH, enough), 0)
    frames, well = sums[:, end] - sums[:, begin]
    return np.where(frames, well / np.maximum(frames, 1), np.nan)


def _round_numbers(low, high, count):
    """Round numbers from low to high, at most about `count`."""
    steps = [base * 10**power for power in range(-1, 5) for base in (1, 2, 5)]
    step = next(step for step in steps if (high - low) / step <= count)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
