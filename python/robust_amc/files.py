"""Writing files so that an interrupted run leaves no half file, and their checksums.

What is not a regular file (a device, a pipe) is written to as it is; of a link the file that
it leads to is written.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .errors import UserError

NOTHING = 1 << 16  # bytes that a full disk may have left
AnyPath = str | os.PathLike[str]
Document = dict[str, Any]  # a JSON object
_OURS = ".htrd-"  # how names of temporary things begin


@contextmanager
def replacing(path: AnyPath) -> Iterator[Path]:
    """Yield a temporary path; what is there becomes `path` when the block succeeds.

    The temporary file has the same name in a folder of its own beside `path`, since NumPy and
    matplotlib choose the format by the suffix. Raises UserError when the folder is missing or
    cannot be written.
    """
    with _told(path):
        target = _regular(path)
        folder = Path(tempfile.mkdtemp(prefix=_OURS, dir=target and target.parent))
    temporary = folder / Path(path).name
    try:
        with _told(path):
            yield temporary
            if target is None:
                _pass_on(temporary, path)
            else:
                mask = os.umask(0)
                os.umask(mask)
                # some writers make files that only their owner may read
                temporary.chmod(0o666 & ~mask)
                os.replace(temporary, target)
    except UserError:
        raise
    except Exception as error:
        # Some writers, such as PyTorch's, say in their own ways that the disk is full
        if shutil.disk_usage(folder).free < NOTHING:
            raise UserError(f"cannot write {path}: no space left on device") from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what went wrong before is what is told


@contextmanager
def reserved(path: AnyPath) -> Iterator[None]:
    """Keep `path` for this process as long as the block runs: another one is refused.

    Raises UserError when another process has it, or it cannot be written. What is not a
    regular file is for everybody.
    """
    with ExitStack() as stack:
        with _told(path):
            target = _regular(path)
            if target is None or target.exists():
                _require_access(path)
            if target is not None:
                stack.enter_context(_locked(target, path))
        yield


@contextmanager
def _locked(target: Path, path: AnyPath) -> Iterator[None]:
    """Hold a lock beside the file `target`, which `path` leads to."""
    lock = target.parent / f"{_OURS}{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}.lock"
    descriptor = _take(lock, path)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _take(lock: Path, path: AnyPath) -> int:
    """A descriptor of the file `lock`, made if need be and locked."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UserError(f"{path} is being written already; give another name") from None
        except OSError:
            return descriptor  # a file system without locks
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                return descriptor
        os.close(descriptor)  # who had it before removed it just now


@contextmanager
def _told(path: AnyPath) -> Iterator[None]:
    """Make an OSError a UserError that says which output cannot be written."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _regular(path: AnyPath) -> Path | None:
    """The regular file, there or not, that `path` leads to; None when it is something else.

    Raises OSError when nothing can be written there.
    """
    real = Path(os.path.realpath(path))
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if not real.parent.is_dir():
            raise UserError(f"the folder of {path} does not exist; make it first") from None
        return real
    for is_such, name in ((stat.S_ISDIR, "folder"), (stat.S_ISSOCK, "socket")):
        if is_such(found.st_mode):
            raise OSError(errno.EINVAL, f"it is a {name}")
    if not stat.S_ISREG(found.st_mode) or _standard_stream(found) is not None:
        return None
    # A file that has lost its name can still be written by way of /dev/fd
    return real if real.exists() and os.path.samestat(found, os.stat(real)) else None


def _require_access(path: AnyPath) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _standard_stream(found: os.stat_result) -> int | None:
    """Number of the standard stream that is this file; None when none is."""
    for number in (1, 2):
        with suppress(OSError):  # closed
            if os.path.samestat(found, os.fstat(number)):
                return number
    return None


def _pass_on(temporary: Path, path: AnyPath) -> None:
    """Write a file's content to what is no regular file."""
    stream = _standard_stream(os.stat(path))
    with open(temporary, "rb") as content:
        if stream is None:
            with open(path, "wb") as target:
                shutil.copyfileobj(content, target)
        else:
            _say(content, stream)


def _say(content: BinaryIO, stream: int) -> None:
    """Write to a standard stream, behind what was said before; that nobody reads is no error."""
    for each in (sys.stdout, sys.stderr):
        if each is not None:
            each.flush()
    with suppress(BrokenPipeError), open(os.dup(stream), "wb") as target:
        shutil.copyfileobj(content, target)


def write_json(path: AnyPath, document: object) -> None:
    """Write `document` as JSON; NaN is written as null."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(plain(document), indent=2, allow_nan=False) + "\n")


def checksum(path: AnyPath) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def plain(value: Any) -> Any:
    """A value for JSON: NumPy's numbers and arrays as Python's, NaN as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return plain(value.tolist())
    if isinstance(value, float) and value != value:
        return None
    return value
