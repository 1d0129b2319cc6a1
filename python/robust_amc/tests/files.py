"""Data-set files for the tests, made without the code that reads them."""

import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import robust_amc
from robust_amc import data
from robust_amc.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
REAL_SAMPLE = ROOT.parent / "shared" / "data" / "RML2016.10b_sample_dict.pkl"

needs_real_sample = pytest.mark.skipif(
    not REAL_SAMPLE.exists(), reason="no real RML2016.10b frames beside the repository"
)


def frames(count, seed=0, length=128):
    """Noise frames float32 ``[count, 2, length]`` whose magnitudes add up to 1."""
    values = np.random.default_rng(seed).standard_normal((count, 2, length))
    sums = np.sqrt((values**2).sum(1)).sum(1)
    return (values / sums[:, None, None]).astype(np.float32)


def radioml_content():
    """A small RadioML dictionary: two classes, two labels, three frames each."""
    keys = [(name, snr_db) for name in ("QPSK", "BPSK") for snr_db in (-2, 10)]
    return {key: frames(3, seed) for seed, key in enumerate(keys)}


def python2_pickle(content):
    """The dictionary as Python 2 wrote it (protocol 2): strings of bytes, no `_codecs`."""

    def string(text):
        return b"U" + bytes([len(text)]) + text

    def whole(value):
        return b"J" + struct.pack("<i", value)

    parts = [b"\x80\x02}("]
    for (name, snr_db), array in content.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        parts += [
            string(name.encode()), whole(snr_db), b"\x86",
            b"cnumpy.core.multiarray\n_reconstruct\n",
            b"cnumpy\nndarray\n", whole(0), b"\x85", string(b"b"), b"\x87R",
            b"(", whole(1), b"(", *map(whole, array.shape), b"t",
            b"cnumpy\ndtype\n", string(b"f4"), whole(0), whole(1), b"\x87R",
            b"(", whole(3), string(b"<"), b"NNN", whole(-1), whole(-1), whole(0), b"tb",
            b"\x89", b"T" + struct.pack("<I", len(raw)) + raw, b"tb",
        ]  # fmt: skip
    return b"".join([*parts, b"u."])


def npz_fields(count=6, **changes):
    """Fields of a sound data-set file; `changes` replaces some, None leaves one out."""
    fields = {
        "iq": frames(count).astype(np.float16),
        "label": (np.arange(count) % 2).astype(np.int16),
        "classes": np.array(["BPSK", "QPSK"]),
        "snr_db": np.full(count, 10, np.float32),
        "run_id": np.arange(count, dtype=np.int32),
        "metadata": np.array('{"seed": 1}'),
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def save_npz(path, **changes):
    np.savez(path, **npz_fields(**changes))
    return path


def save_pickle(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def radioml_sets(count=30, length=16):
    """The sets of a small RadioML 2018.01A file."""
    label = np.arange(count) * 7 % 24
    return {
        "X": frames(count, length=length).swapaxes(1, 2),
        "Y": (label[:, None] == np.arange(24)).astype(np.int64),
        "Z": np.arange(-20, 2 * count - 20, 2)[:, None],
    }


def save_hdf5(path, libver="earliest", chunk_rows=None, options=None, **changes):
    """Write it; `changes` replaces some sets, None leaves one out; `options` are h5py's."""
    with h5py.File(path, "w", libver=libver) as file:
        for name, values in (radioml_sets() | changes).items():
            if values is not None:
                small = chunk_rows and (chunk_rows, *(-(-size // 2) for size in values.shape[1:]))
                file.create_dataset(name, data=values, chunks=small, **(options or {}))
    return path


def refused(path):
    """The one line with which the reader refuses a file."""
    with pytest.raises(UserError) as error:
        data.read(path)
    line = str(error.value)
    assert "\n" not in line and str(path) in line
    return line


def run_python(script, *arguments):
    """Standard output of a script in a process of its own, with the same library."""
    library = str(Path(robust_amc.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": library},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Most bytes that this process had in memory. Not ru_maxrss: a child begins with its parent's.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
"""
_GROWTH = f"""
import sys
from robust_amc import data
from robust_amc.errors import UserError
{PEAK}
before = peak()
for path in sys.argv[1:]:
    try:
        data.read(path).in_memory()
    except UserError:
        print(peak() - before)
"""


def memory_growth(*paths):
    """Bytes by which a process grows that reads these files; each must be refused."""
    growth = [int(line) for line in run_python(_GROWTH, *paths).split()]
    assert len(growth) == len(paths)
    return max(growth)
