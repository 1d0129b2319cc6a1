# SPDX-License-Identifier: GPL-3.0-or-later
"""A Qt widget that draws decisions. It knows nothing of GNU Radio."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PyQt5 import QtCore, QtGui, QtWidgets

REJECTED = "rejected"
# Colors that differ for color-blind eyes as well, after Okabe and Ito; gray is for rejected
COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#4d4d9f",
    "#8c564b", "#17becf", "#7f2a5e", "#a6761d", "#66a61e",
)  # fmt: skip
GRAY, GOOD, BAD = "#9a9a9a", "#00795a", "#c0392b"
MARGIN, LINE = 8, 17  # pixels


@dataclass
class Picture:
    """What is shown.

    Attributes:
        figures: (name, text) of each number in the headline
        latest: Decision, newest first
        classes: names
        confusion: ``{truth: {decided: frames}}``, None: unknown truth, rejected
        shares: share of each class and of the rejected, ``[seconds, classes + 1]``
    """

    figures: list = field(default_factory=list)
    latest: list = field(default_factory=list)
    classes: tuple = ()
    confusion: dict = field(default_factory=dict)
    shares: np.ndarray = field(default_factory=lambda: np.zeros((1, 1)))


class DecisionView(QtWidgets.QWidget):
    """Headline, the latest decisions, the confusion matrix and the classes over time."""

    def __init__(self, title=""):
        super().__init__()
        self._title = title
        self._picture = Picture()
        self.setMinimumSize(560, 380)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def show_picture(self, picture):
        """Draw a Picture, soon."""
        self._picture = picture
        self.update()

    def sizeHint(self):  # noqa: N802 (Qt's name)
        """Large enough for eleven classes."""
        return QtCore.QSize(860, 520)

    def paintEvent(self, event):  # noqa: N802 (Qt's name)
        """Draw everything; a few milliseconds."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor("white"))
        area = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        top = self._headline(painter, area)
        middle = area.left() + int(0.4 * area.width())
        body = QtCore.QRect(area.left(), top, middle - area.left() - MARGIN, area.bottom() - top)
        self._decisions(painter, body)
        right = QtCore.QRect(middle, top, area.right() - middle, area.bottom() - top)
        upper = QtCore.QRect(right)
        upper.setHeight(int(0.62 * right.height()))
        lower = QtCore.QRect(right)
        lower.setTop(upper.bottom() + MARGIN)
        self._confusion(painter, upper)
        self._shares(painter, lower)
        painter.end()

    def _headline(self, painter, area):
        """Title and numbers; returns where the rest begins."""
        y = area.top()
        if self._title:
            _text(painter, area.left(), y, area.width(), self._title, bold=True)
            y += LINE + 4
        width = max(90, area.width() // max(1, len(self._picture.figures)))
        for number, (name, value) in enumerate(self._picture.figures):
            x = area.left() + number * width
            _text(painter, x, y, width, name, color="#555555", size=9)
            _text(painter, x, y + LINE, width, value, bold=True)
        return y + 2 * LINE + MARGIN

    def _decisions(self, painter, area):
        """A line a decision: frame, class, truth, and its score beside the threshold."""
        latest = self._picture.latest[: max(0, area.height() // LINE - 1)]
        _text(painter, area.left(), area.top(), area.width(), "frame, decision, score | threshold")
        finite = [
            value
            for each in latest
            for value in (each.score, each.threshold)
            if np.isfinite(value)
        ]
        low, high = (min(finite), max(finite)) if finite else (0, 1)
        span = max(high - low, 1e-9)
        bar = QtCore.QRect(area.left() + int(0.62 * area.width()), 0, int(0.38 * area.width()), 0)
        for row, each in enumerate(latest, 1):
            y = area.top() + row * LINE
            color = _verdict(each)
            name = each.modulation or REJECTED
            if each.truth is not None and each.modulation != each.truth:
                name += f" ({each.truth})"
            _text(painter, area.left(), y, bar.left() - area.left() - 4,
                  f"{each.frame_index}  {name}", color=color)  # fmt: skip
            if np.isfinite(each.score):
                width = int((each.score - low) / span * bar.width())
                painter.fillRect(bar.left(), y + 4, max(1, width), LINE - 8, QtGui.QColor(color))
            if np.isfinite(each.threshold):
                x = bar.left() + int((each.threshold - low) / span * bar.width())
                painter.fillRect(x, y + 1, 2, LINE - 2, QtGui.QColor("black"))

    def _confusion(self, painter, area):
        """Shares of each true class, in percent; a hint where no truth is known."""
        table = {
            truth: row for truth, row in self._picture.confusion.items() if truth is not None
        }
        truths = [name for name in self._picture.classes if name in table]
        truths += sorted(set(table) - set(truths))
        if not truths:
            _text(painter, area.left(), area.top(), area.width(),
                  "no true classes known: no confusion matrix", color="#555555")  # fmt: skip
            return
        columns = [*self._picture.classes, None]
        label = 62
        _text(painter, area.left(), area.top(), area.width(), "true class, what was decided (%)")
        top = area.top() + 3 * LINE
        cell = QtCore.QSizeF(
            (area.width() - label) / len(columns), (area.bottom() - top) / len(truths)
        )
        for x, name in enumerate(columns):  # in two lines, so that each name has twice the width
            _text(painter, int(area.left() + label + x * cell.width()),
                  area.top() + LINE * (1 + x % 2), int(2 * cell.width()) - 4,
                  name or "rej.", size=9)  # fmt: skip
        for y, truth in enumerate(truths):
            total = sum(table[truth].values())
            line = top + y * cell.height()
            _text(painter, area.left(), int(line), label, truth, size=10)
            for x, name in enumerate(columns):
                share = table[truth].get(name, 0) / total
                shade = QtGui.QColor(GRAY if name is None else "#0072b2")
                shade.setAlphaF(0.06 + 0.94 * share)
                left = area.left() + label + x * cell.width()
                painter.fillRect(
                    QtCore.QRectF(left, line, cell.width() - 1, cell.height() - 1), shade
                )
                if share >= 0.005:
                    color = "white" if share > 0.5 else "black"
                    _text(painter, int(left) + 3, int(line), int(cell.width()),
                          f"{100 * share:.0f}", color=color, size=10)  # fmt: skip

    def _shares(self, painter, area):
        """Stacked columns, a second each; a legend beside them."""
        names = [*self._picture.classes, REJECTED]
        shares = self._picture.shares
        legend = 84
        _text(painter, area.left(), area.top(), area.width(),
              f"decisions over the last {len(shares)} s")  # fmt: skip
        top, left = area.top() + LINE, area.left()
        height, width = area.bottom() - top, (area.width() - legend) / len(shares)
        for second, row in enumerate(shares):
            y = float(area.bottom())
            for number, share in enumerate(row):
                if share:
                    color = QtGui.QColor(_color(number, len(names)))
                    painter.fillRect(
                        QtCore.QRectF(left + second * width, y - share * height,
                                      max(width - 0.5, 1), share * height), color)  # fmt: skip
                    y -= share * height
        step = height / len(names)
        for number, name in enumerate(names):
            y = int(top + number * step)
            x = area.right() - legend + 8
            painter.fillRect(x, y + 2, 8, max(2, int(step) - 4),
                             QtGui.QColor(_color(number, len(names))))  # fmt: skip
            _text(painter, x + 12, y - 2, legend - 20, name, size=9)


def _color(number, count):
    return GRAY if number == count - 1 else COLORS[number % len(COLORS)]


def _verdict(decided):
    """Green: right, or not known to be wrong; red: wrong; gray: rejected."""
    if decided.modulation is None:
        return GRAY
    return GOOD if decided.truth in (None, decided.modulation) else BAD


def _text(painter, x, y, width, text, *, color="black", bold=False, size=12):
    painter.setFont(_font(size, bold))
    painter.setPen(QtGui.QColor(color))
    shown = _elided(text, int(width), size, bold)
    painter.drawText(x, y, int(width), LINE + 4, QtCore.Qt.AlignLeft, shown)


@lru_cache
def _font(size, bold):
    font = QtGui.QFont(QtWidgets.QApplication.font())
    font.setPixelSize(size)
    font.setBold(bold)
    return font


@lru_cache(maxsize=4096)
def _elided(text, width, size, bold):
    """The text, cut to a width in pixels. Measuring it costs more than drawing it."""
    return QtGui.QFontMetrics(_font(size, bold)).elidedText(text, QtCore.Qt.ElideRight, width)
