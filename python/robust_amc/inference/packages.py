"""Optional packages, asked for by name, and kept quiet."""

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

from ..errors import UserError


def require(package: str, extra: str) -> Any:
    """Import an optional package; UserError that names the extra it belongs to."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"{package.partition('.')[0]} is needed and cannot be imported ({error}); install it "
            f"with pip install -c constraints.txt '.[{extra}]'"
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what a package prints, logs and warns of: standard output belongs to results."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
