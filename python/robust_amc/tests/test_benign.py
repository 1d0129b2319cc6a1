"""Benign rejection by SNR label."""

import io

import numpy as np
from rich.console import Console

from robust_amc.evaluation import benign


def test_rejection_of_each_label_by_hand():
    decided, level = np.array([0, -1, 2, -1, -1, 1]), np.array([10.0, 0, 0, 0, 10, 10])
    rows = benign.rejection_by_label("m", decided, level)
    assert [(row["snr_db"], row["frames"], row["rejection_rate"]) for row in rows] == [
        (0, 3, 2 / 3), (10, 3, 1 / 3),
    ]  # fmt: skip
    other = benign.rejection_by_label("other", decided[:1], level[:1])
    text = io.StringIO()
    Console(file=text, width=80).print(benign.rejection_table([*rows, *other]))
    lines = [line.replace("│", " ").split() for line in text.getvalue().splitlines()]
    assert ["0", "3", "0.667", "-"] in lines
    assert ["10", "1,", "3", "0.333", "0.000"] in lines
