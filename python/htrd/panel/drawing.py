# SPDX-License-Identifier: GPL-3.0-or-later
"""Colors, fonts and text of the widgets here."""

from functools import lru_cache

from PyQt5 import QtCore, QtGui, QtWidgets

# Colors that differ for color-blind eyes as well, after Okabe and Ito
COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#4d4d9f",
    "#8c564b", "#17becf", "#7f2a5e", "#a6761d", "#66a61e",
)  # fmt: skip
GOOD, BAD, GRAY = "#00795a", "#c0392b", "#9a9a9a"
BLACK, MUTED, FAINT = "#1a1a1a", "#595959", "#d9d9d9"  # text, text beside it, lines behind
MARGIN, LINE = 8, 18  # pixels
SMALL, NORMAL, LARGE = 12, 13, 15  # pixels

LEFT = int(QtCore.Qt.AlignLeft | QtCore.Qt.AlignVCenter)
RIGHT = int(QtCore.Qt.AlignRight | QtCore.Qt.AlignVCenter)
CENTER = int(QtCore.Qt.AlignCenter)


def text(painter, area, said, *, align=LEFT, color=BLACK, bold=False, size=NORMAL):
    """Write a line into a rectangle ``(left, top, width, height)``, cut where it is too wide."""
    left, top, width, height = (int(value) for value in area)
    painter.setFont(font(size, bold))
    painter.setPen(QtGui.QColor(color))
    painter.drawText(left, top, width, height, align, _elided(said, width, size, bold))


def upward(painter, x, bottom, height, said, *, color=MUTED, size=SMALL):
    """Write a line from bottom to top, centered on `x`."""
    painter.save()
    painter.translate(x, bottom)
    painter.rotate(-90)
    text(painter, (0, -LINE / 2, height, LINE), said, color=color, size=size)
    painter.restore()


def centered(painter, area, said, *, color=BLACK, size=SMALL):
    """Write a line into the middle of a QRectF, made narrower where it is too wide."""
    wide = width_of(said, size)
    painter.save()
    painter.translate(area.center())
    painter.scale(min(1, (area.width() - 1) / wide), 1)
    painter.setFont(font(size))
    painter.setPen(QtGui.QColor(color))
    height = QtGui.QFontMetricsF(font(size)).capHeight()
    painter.drawText(QtCore.QPointF(-wide / 2, height / 2), said)
    painter.restore()


def swatch(painter, left, top, color):
    """Draw a square of a color before a LARGE line; returns how wide it is with its gap."""
    painter.fillRect(int(left), int(top) + 4, 12, 12, QtGui.QColor(color))
    return 18


@lru_cache
def font(size, bold=False):
    """The application's font, `size` pixels high."""
    made = QtGui.QFont(QtWidgets.QApplication.font())
    made.setPixelSize(size)
    made.setBold(bold)
    return made


@lru_cache(maxsize=4096)
def width_of(said, size=NORMAL, bold=False):
    """Width of a line in pixels. Measuring it costs more than drawing it."""
    return QtGui.QFontMetrics(font(size, bold)).horizontalAdvance(said)


@lru_cache(maxsize=4096)
def _elided(said, width, size, bold):
    return QtGui.QFontMetrics(font(size, bold)).elidedText(said, QtCore.Qt.ElideRight, width)
