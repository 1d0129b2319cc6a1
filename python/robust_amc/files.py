"""Writing files so that an interrupted run leaves no half file, and their checksums."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import UserError

NOTHING = 1 << 16  # bytes that a full disk may have left
AnyPath = str | os.PathLike[str]
Document = dict[str, Any]  # a JSON object


@contextmanager
def replacing(path: AnyPath) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    Raises UserError when the folder is missing or cannot be written.
    """
    path = Path(path)
    # The suffix stays last: NumPy and matplotlib choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # some writers make files that only their owner may read
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    except Exception as error:
        # Some writers, such as PyTorch's, say in their own ways that the disk is full
        if shutil.disk_usage(path.parent).free < NOTHING:
            raise UserError(f"cannot write {path}: no space left on device") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: AnyPath, document: object) -> None:
    """Write `document` as JSON; NaN is written as null."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(_plain(document), indent=2, allow_nan=False) + "\n")


def checksum(path: AnyPath) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and value != value:
        return None
    return value
