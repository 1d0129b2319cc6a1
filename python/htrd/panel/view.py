# SPDX-License-Identifier: GPL-3.0-or-later
"""A Qt widget that draws decisions. It knows nothing of GNU Radio."""

from dataclasses import dataclass, field

import numpy as np
from PyQt5 import QtCore, QtGui, QtWidgets

from .drawing import (
    BAD,
    BLACK,
    COLORS,
    GOOD,
    GRAY,
    LARGE,
    LINE,
    MARGIN,
    MUTED,
    NORMAL,
    SMALL,
    centered,
    swatch,
    text,
    upward,
    width_of,
)  # fmt: skip

REJECTED = "rejected"
WIDE = 500  # pixels, from where on there is room beside the latest decisions
ROW = SMALL + 1  # pixels, the least height of a row of the confusion matrix
LARGEST = 1e30  # scores beyond it, and those that are not finite, have no bar
GAP = 14  # pixels between two numbers of the headline


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
    """Headline, the latest decisions, the confusion matrix and the classes over time.

    The confusion matrix is left out where no true class is known and where its rows would be
    too low to read. Where it is narrow or low, the classes over time make room for it; where it
    is both, both are left out.

    Args:
        title: headline
        color: of the square before the headline; none: no square
    """

    def __init__(self, title="", color=""):
        super().__init__()
        self._title, self._color = title, color
        self._picture = Picture()
        self.setMinimumSize(230, 200)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def show_picture(self, picture):
        """Draw a Picture, soon."""
        self._picture = picture
        self.update()

    def sizeHint(self):  # noqa: N802 (Qt's name)
        """Large enough for eleven classes."""
        return QtCore.QSize(640, 420)

    def paintEvent(self, event):  # noqa: N802 (Qt's name)
        """Draw everything; a few milliseconds."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor("white"))
        area = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        body = area.adjusted(0, self._headline(painter, area) - area.top(), 0, 0)
        if body.width() >= WIDE:
            middle = int(0.4 * body.width())
            self._decisions(painter, body.adjusted(0, 0, middle - MARGIN - body.width(), 0))
            right = body.adjusted(middle + MARGIN, 0, 0, 0)
            upper, lower = _split(right, 0.7)
            if self._has_room(upper):
                self._confusion(painter, upper)
                self._shares(painter, lower)
            else:
                (self._confusion if self._has_room(right) else self._shares)(painter, right)
        elif body.height() >= WIDE / 2:
            upper, lower = _split(body, 0.5)
            self._decisions(painter, upper)
            (self._confusion if self._has_room(lower) else self._shares)(painter, lower)
        else:
            self._decisions(painter, body)
        painter.end()

    def _headline(self, painter, area):
        """Title and numbers, in as many lines as they need; returns where the rest begins."""
        x, y = area.left(), area.top()
        if self._title:
            indent = swatch(painter, x, y, self._color) if self._color else 0
            text(painter, (x + indent, y, area.width() - indent, LINE + 4), self._title, bold=True,
                 size=LARGE)  # fmt: skip
            y += LINE + 8
        for name, value in self._picture.figures:
            width = max(width_of(name, SMALL), width_of(value, NORMAL, True), 40)
            if x > area.left() and x + width > area.right():
                x, y = area.left(), y + 2 * LINE
            text(painter, (x, y, width + 2, LINE), name, color=MUTED, size=SMALL)
            text(painter, (x, y + LINE - 2, width + 2, LINE), value, bold=True)
            x += width + GAP
        return y + 2 * LINE + MARGIN

    def _decisions(self, painter, area):
        """A line a decision: frame, class, truth, and its score beside the threshold."""
        latest = self._picture.latest[: max(0, area.height() // LINE - 1)]
        name = max(map(width_of, (*self._picture.classes, REJECTED)), default=60) + 6
        frame = max([width_of(str(each.frame_index)) for each in latest] + [width_of("frame")]) + 8
        with_truth = any(each.truth is not None for each in latest)
        columns = {"frame": frame, "decided": name, "true": name if with_truth else 0}
        x = area.left()
        for title, width in columns.items():
            if width:
                text(painter, (x, area.top(), width, LINE), title, color=MUTED, size=SMALL)
            x += width
        bar = QtCore.QRect(x, area.top(), area.right() - x, area.height())
        low, high = _range(latest)
        title = "score | threshold"
        if width_of(title, SMALL) > bar.width():
            title = "score"
        text(painter, (x, area.top(), bar.width(), LINE), title, color=MUTED, size=SMALL)
        for row, each in enumerate(latest, 1):
            y, color = area.top() + row * LINE, _verdict(each)
            decided = each.modulation or REJECTED
            ink = MUTED if color == GRAY else color
            x = area.left()
            for said, shade, width in zip(
                (str(each.frame_index), decided, each.truth or ""), (MUTED, ink, MUTED),
                columns.values(), strict=True,
            ):  # fmt: skip
                text(painter, (x, y, width, LINE), said, color=shade)
                x += width
            if _is_drawn(each.score):
                width = int((each.score - low) / (high - low) * bar.width())
                painter.fillRect(x, y + 4, max(1, width), LINE - 8, QtGui.QColor(color))
            if _is_drawn(each.threshold):
                mark = x + int((each.threshold - low) / (high - low) * bar.width())
                painter.fillRect(mark, y + 1, 2, LINE - 2, QtGui.QColor(BLACK))

    def _truths(self):
        """The true classes that are known, in the order of the classes."""
        known = set(self._picture.confusion) - {None}
        truths = [name for name in self._picture.classes if name in known]
        return truths + sorted(known - set(truths))

    def _columns(self):
        """Names over the columns of the confusion matrix, and how high they are."""
        names = [*self._picture.classes, REJECTED]
        return names, max(width_of(name, SMALL) for name in names) + 4

    def _has_room(self, area):
        """Whether there is a confusion matrix, and its rows can be read in this area."""
        rows = len(self._truths())
        return rows > 0 and area.height() - LINE - self._columns()[1] >= rows * ROW

    def _confusion(self, painter, area):
        """Shares of each true class, in percent."""
        table, truths, (names, head) = self._picture.confusion, self._truths(), self._columns()
        label = max(width_of(name, SMALL) for name in truths) + 6
        text(painter, (area.left(), area.top(), area.width(), LINE),
             "true class (rows), decided as (%)", color=MUTED, size=SMALL)  # fmt: skip
        top, left = area.top() + LINE + head, area.left() + label
        width, height = (area.right() - left) / len(names), (area.bottom() - top) / len(truths)
        for x, name in enumerate(names):
            upward(painter, left + (x + 0.5) * width, top - 2, head, name)
        for y, truth in enumerate(truths):
            total = sum(table[truth].values())
            line = top + y * height
            text(painter, (area.left(), line, label, height), truth, size=SMALL, color=MUTED)
            for x, name in enumerate([*self._picture.classes, None]):
                share = table[truth].get(name, 0) / total
                shade = QtGui.QColor(GRAY if name is None else COLORS[0])
                shade.setAlphaF(0.06 + 0.94 * share)
                cell = QtCore.QRectF(left + x * width, line, width - 1, height - 1)
                painter.fillRect(cell, shade)
                if share >= 0.005:
                    ink = "white" if share > 0.5 and name is not None else BLACK
                    centered(painter, cell, f"{100 * share:.0f}", color=ink)

    def _shares(self, painter, area):
        """Stacked columns, a second each; a legend beside them."""
        names = [*self._picture.classes, REJECTED]
        shares = self._picture.shares
        widest = max(width_of(name, SMALL) for name in names) + 20
        text(painter, (area.left(), area.top(), area.width(), LINE),
             f"decisions over the last {len(shares)} s", color=MUTED, size=SMALL)  # fmt: skip
        top, left = area.top() + LINE + 2, area.left()
        height = area.bottom() - top
        lines = max(1, min(len(names), height // (SMALL + 2)))  # of the legend, at most
        legend = widest * -(-len(names) // lines)
        width = (area.width() - legend - MARGIN) / len(shares)
        for second, row in enumerate(shares):
            y = float(area.bottom())
            for number, share in enumerate(row):
                if share:
                    color = QtGui.QColor(_color(number, len(names)))
                    painter.fillRect(
                        QtCore.QRectF(left + second * width, y - share * height,
                                      max(width - 0.5, 1), share * height), color)  # fmt: skip
                    y -= share * height
        step = height / lines
        for number, name in enumerate(names):
            x = area.right() - legend + MARGIN + number // lines * widest
            y = top + number % lines * step
            color = QtGui.QColor(_color(number, len(names)))
            painter.fillRect(QtCore.QRectF(x, y + step / 2 - 4, 8, 8), color)
            text(painter, (x + 12, y, widest - 12, step), name, color=MUTED, size=SMALL)


def _split(area, share):
    """The upper part of a rectangle, and the lower one."""
    edge = int(share * area.height())
    return (area.adjusted(0, 0, 0, edge - area.height()),
            area.adjusted(0, edge + MARGIN, 0, 0))  # fmt: skip


def _range(latest):
    """From which to which score the bars reach."""
    scores = [value for each in latest for value in (each.score, each.threshold)]
    drawn = [value for value in scores if _is_drawn(value)]
    low, high = (min(drawn), max(drawn)) if drawn else (0, 1)
    return low, max(high, low + 1e-9 * max(1, abs(low)))


def _is_drawn(score):
    return abs(score) < LARGEST  # NaN is not


def _color(number, count):
    return GRAY if number == count - 1 else COLORS[number % len(COLORS)]


def _verdict(decided):
    """Green: right, or not known to be wrong; red: wrong; gray: rejected."""
    if decided.modulation is None:
        return GRAY
    return GOOD if decided.truth in (None, decided.modulation) else BAD
