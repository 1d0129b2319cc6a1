# SPDX-License-Identifier: GPL-3.0-or-later
"""A Qt widget that draws a band with the signals in it. It knows nothing of GNU Radio."""

import numpy as np
from PyQt5 import QtCore, QtGui, QtWidgets

from .drawing import (
    BLACK,
    CENTER,
    FAINT,
    GOOD,
    LARGE,
    LINE,
    MARGIN,
    MUTED,
    RIGHT,
    SMALL,
    text,
    width_of,
)  # fmt: skip

RANGE_DB = 35  # above the noise, that colors are for
BELOW_DB = 3
NOISE = 0.3  # quantile of a picture's levels that is taken for the noise
AXIS = LINE + 4  # pixels below the waterfall, for its frequencies
TICK = 110  # pixels between two frequencies, at least
LIST_SHARE = 0.35  # of the height, for the list of signals
LOWEST = 150  # pixels of a waterfall with a list
BOX, UNKNOWN = "#ff5b3a", "#ffffff"  # of signals with and without a modulation
# Dark blue over green to yellow, of rising lightness for any eye
_ANCHORS = ((0.0, (16, 12, 56)), (0.3, (38, 66, 122)), (0.6, (28, 140, 130)),
            (0.85, (150, 205, 80)), (1.0, (252, 240, 120)))  # fmt: skip
_UNITS = ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"))
_COLUMNS = (  # heading, how wide compared with the others, text of a SeenSignal
    ("frequency", 3, lambda each: hertz(each.center_hz)),
    ("bandwidth", 3, lambda each: hertz(each.bandwidth_hz, 3)),
    ("symbol rate", 3, lambda each: "-" if each.symbol_rate is None else baud(each.symbol_rate)),
    ("SNR", 2, lambda each: "" if each.snr_db is None else f"{each.snr_db:.0f} dB"),
    ("modulation", 3, lambda each: each.modulation or "not known"),
    ("confidence", 3, lambda each: f"{each.confidence:.0%}" if each.modulation else ""),
    ("frames", 2, lambda each: str(each.frames)),
    ("", 1, lambda each: "" if each.is_last else "on"),
)


class BandView(QtWidgets.QWidget):
    """A waterfall, the newest spectrum at the top, boxes around signals, and a list of these.

    Where it is low the list is left out.

    Args:
        title: headline
    """

    def __init__(self, title=""):
        super().__init__()
        self._title, self._picture = title, None
        self.setMinimumSize(320, 160)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def show_picture(self, picture):
        """Draw a BandPicture, soon."""
        self._picture = picture
        self.update()

    def sizeHint(self):  # noqa: N802 (Qt's name)
        """Large enough for a few signals."""
        return QtCore.QSize(800, 520)

    def paintEvent(self, event):  # noqa: N802 (Qt's name)
        """Draw everything; some milliseconds."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor("white"))
        area = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        if self._title:
            text(painter, (area.left(), area.top(), area.width(), LINE + 4), self._title,
                 bold=True, size=LARGE)  # fmt: skip
            area.adjust(0, LINE + 8, 0, 0)
        picture = self._picture
        if picture is None or not len(picture.offsets):
            text(painter, (area.left(), area.top(), area.width(), LINE), "no spectrum yet",
                 color=MUTED)  # fmt: skip
        else:
            listed = int(LIST_SHARE * area.height())
            if area.height() - listed - AXIS < LOWEST:
                listed = 0
            self._waterfall(painter, area.adjusted(0, 0, 0, -listed - AXIS), picture)
            self._axis(painter, area.adjusted(0, 0, 0, -listed), picture)
            if listed:
                below = area.adjusted(0, area.height() - listed + MARGIN, 0, 0)
                self._list(painter, below, picture)
        painter.end()

    def _waterfall(self, painter, area, picture):
        painter.save()
        painter.setClipRect(area)
        painter.drawImage(QtCore.QRectF(area), _image(picture.level))
        boxes = [(each, box_of(each, picture, area)) for each in reversed(picture.signals)]
        for signal, box in boxes:
            if box is not None:
                color = QtGui.QColor(BOX if signal.modulation else UNKNOWN)
                painter.setPen(QtGui.QPen(color, 1.5))
                painter.drawRect(box)
        written = []
        for signal, box in reversed(boxes):  # the newest first: where it is crowded it counts
            if box is not None:
                said = _said(signal)
                place = _beside(area, box, said)
                if not any(place.intersects(other) for other in written):
                    _label(painter, place, said)
                    written.append(place)
        painter.restore()

    def _axis(self, painter, area, picture):
        """Frequencies below the waterfall."""
        low = picture.center_hz - picture.sample_rate_hz / 2
        step = nice_step(picture.sample_rate_hz * TICK / max(area.width(), 1))
        first = np.ceil(low / step) * step
        top = area.bottom() - AXIS
        for frequency in np.arange(first, low + picture.sample_rate_hz, step):
            x = area.left() + (frequency - low) / picture.sample_rate_hz * area.width()
            painter.setPen(QtGui.QColor(FAINT))
            painter.drawLine(int(x), top, int(x), top + 4)
            left = min(max(x - TICK / 2, area.left()), area.right() - TICK)
            text(painter, (left, top + 3, TICK, LINE), hertz(frequency), align=CENTER,
                 color=MUTED, size=SMALL)  # fmt: skip

    def _list(self, painter, area, picture):
        """A line a signal, under headings."""
        share = area.width() / sum(width for _, width, _ in _COLUMNS)
        rows = max(0, area.height() // LINE - 1)
        x = area.left()
        for column, (heading, width, said) in enumerate(_COLUMNS):
            wide = width * share - MARGIN
            align = {} if column in (4,) else {"align": RIGHT}
            text(painter, (x, area.top(), wide, LINE), heading, color=MUTED, size=SMALL, **align)
            for row, each in enumerate(picture.signals[:rows], 1):
                known = each.modulation is not None
                color = (GOOD if known else MUTED) if column == 4 else BLACK
                text(painter, (x, area.top() + row * LINE, wide, LINE), said(each), color=color,
                     **align)  # fmt: skip
            x += width * share


def box_of(signal, picture, area):
    """QRectF of a SeenSignal in a waterfall of a BandPicture; None where it is not to be seen."""
    low = picture.center_hz - picture.sample_rate_hz / 2
    left, right = (
        area.left() + (signal.center_hz + side * signal.bandwidth_hz / 2 - low)
        / picture.sample_rate_hz * area.width()
        for side in (-1, 1)
    )  # fmt: skip
    rows = len(picture.offsets)
    length = np.diff(picture.offsets).mean() if rows > 1 else picture.sample_rate_hz
    edges = np.append(picture.offsets, picture.offsets[-1] + length).astype(float)
    if signal.stop < edges[0] or right < area.left() or left > area.right():
        return None
    # A signal that goes on may be newer than the last spectrum
    early, late = np.interp([signal.start, signal.stop], edges, np.arange(rows + 1))
    top, bottom = (area.bottom() - each / rows * area.height() for each in (late, early))
    return QtCore.QRectF(left, top, max(right - left, 2), max(bottom - top, 2))


def hertz(frequency, digits=6):
    """A frequency with the unit that suits it."""
    for unit, name in _UNITS:
        if abs(frequency) >= unit:
            return f"{frequency / unit:.{digits}g} {name}"
    return f"{frequency:.{digits}g} Hz"


def baud(rate):
    """A symbol rate with the unit that suits it."""
    return f"{rate / 1e3:.4g} kBd" if rate >= 1e4 else f"{rate:.5g} Bd"


def nice_step(least):
    """The smallest of 1, 2, 5, 10, … that is at least so large."""
    power = 10.0 ** np.floor(np.log10(least))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= least * (1 - 1e-9))


def _said(signal):
    """The text at a box."""
    if signal.modulation is None:
        return "not known"
    return f"{signal.modulation} {signal.confidence:.0%}"


def _beside(area, box, said):
    """Where the text at a box is, QRectF: at its upper left corner, and inside the waterfall."""
    width = width_of(said, SMALL) + 8
    left = min(max(box.left(), area.left()), area.right() - width)
    top = min(max(box.top(), area.top()), area.bottom() - LINE)
    return QtCore.QRectF(left, top, width, LINE)


def _label(painter, place, said):
    painter.fillRect(place, QtGui.QColor(0, 0, 0, 170))
    area = (place.left() + 4, place.top(), place.width(), place.height())
    text(painter, area, said, color="#ffffff", size=SMALL)


def _image(level):
    """QImage of levels ``[n, bins]``, the last row at the top."""
    noise = float(np.quantile(level, NOISE))
    index = np.clip((level[::-1] - noise + BELOW_DB) / (RANGE_DB + BELOW_DB), 0, 1) * 255
    pixels = np.ascontiguousarray(index, np.uint8)
    image = QtGui.QImage(
        pixels.data, pixels.shape[1], len(pixels), pixels.shape[1], QtGui.QImage.Format_Indexed8
    )
    image.setColorTable(_COLORS)
    return image.copy()  # of its own memory


def _color_table():
    places, colors = zip(*_ANCHORS, strict=True)
    scale = np.linspace(0, 1, 256)
    channels = [np.interp(scale, places, channel) for channel in zip(*colors, strict=True)]
    return [QtGui.qRgb(*(int(each) for each in color)) for color in zip(*channels, strict=True)]


_COLORS = _color_table()
