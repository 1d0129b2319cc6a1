"""Slow files first: otherwise one process ends the run with them, and the others wait.

And a folder for exported graphs, which many tests ask for: not that of whoever runs them.
"""

import os
from pathlib import Path

SLOW = (
    "test_modtool", "test_reproduction", "test_attacks", "test_inference", "test_runtime",
    "test_cli", "test_plugins", "test_training", "test_sweep", "test_benchmarks",
    "test_export", "test_bindings",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """A matter of time alone; with ``--no-loadscope-reorder``, or pytest-xdist sorts again."""
    place = {name: number for number, name in enumerate(SLOW)}
    items.sort(key=lambda item: place.get(Path(item.path).stem, len(SLOW)))


def pytest_configure(config):
    """For the tests, and for the commands that they run."""
    os.environ.setdefault("HTRD_CACHE", str(config.cache.mkdir("graphs")))
