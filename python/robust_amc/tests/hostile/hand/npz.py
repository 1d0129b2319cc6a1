"""Data sets of this project, `.npz`."""

import io
import json
import struct
import zipfile

import numpy as np

from robust_amc.tests.files import frames, npz_fields

from .. import sound
from .making import each_of, of_bytes


def with_fields(method=zipfile.ZIP_STORED, **changes):
    """The bytes of a data set with some fields replaced, or left out (None).

    A field may be bytes: the whole member, header included.
    """
    raw = {name: each for name, each in changes.items() if isinstance(each, bytes)}
    text = {name: np.array(each) for name, each in changes.items() if isinstance(each, str)}
    others = {name: each for name, each in changes.items() if name not in raw and name not in text}
    fields = npz_fields(**others, **text)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, array in (fields | raw).items():
            content = array
            if not isinstance(array, bytes):
                member = io.BytesIO()
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=True)
                content = member.getvalue()
            archive.writestr(f"{name}.npy", content)
    return target.getvalue()


def _member(descr, shape, body=b"", version=1):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + body


def _long_header():
    """A header of 400 MB of spaces, packed into less than a MB."""
    size = 400 << 20
    head = b"\x93NUMPY\x02\x00" + struct.pack("<I", size)
    return with_fields(zipfile.ZIP_DEFLATED, iq=head + b" " * (64 << 20))


def cases():
    many = 3_000_000
    arrays = {
        "iq of objects": {"iq": np.full((6, 2, 128), None)},
        "terabytes": {"iq": _member("'<f4'", f"({10**10}, 2, 128)", bytes(100))},
        "an overflowing shape": {"iq": _member("'<f4'", f"({2**62}, 2, 128)", bytes(100))},
        "2^63 frames of nothing": {"iq": _member("'<f4'", f"({2**63 - 1}, 2, 0)")},
        "many frames of nothing": {"iq": _member("'<f4'", f"({10**9}, 2, 0)")},
        "text of no size": {"classes": _member("'<U0'", f"({10**9},)")},
        "bytes of no size": {"label": _member("'|V0'", f"({10**9},)")},
        "deep descr": {"iq": _member("[('a', " * 100 + "'<f4'" + ")]" * 100, "(6, 2, 128)")},
        "an expression": {"iq": _member("__import__('os').system('true')", "(6,2,128)")},
        "a long text": {"metadata": np.array("x" * (1 << 21))},
        "cu² as datatype": {"metadata": json.dumps({"datatype": "cu²"})},
        "ci with endless bits": {"metadata": json.dumps({"datatype": "ci" + "9" * 5000})},
        "text as datatype": {"metadata": json.dumps({"datatype": ["ci8"], "seed": {}})},
        "a rate without a bound": {"metadata": '{"sample_rate_hz": ' + "9" * 4000 + "}"},
        "a rate that is true": {"metadata": '{"sample_rate_hz": true}'},
        "odd ancestors": {"metadata": '{"derived_from": [[], {}, 1, null]}'},
        "digits without an end": {"metadata": '{"a": ' + "9" * 100_000 + "}"},
        "deep metadata": {"metadata": '{"a":' * 3000 + "1" + "}" * 3000},
        "metadata that steers": {"metadata": json.dumps({"\x1b[2J\n": "\x1b]0;x\x07"})},
        "surrogates": {"metadata": '{"mode": "\\ud800"}'},
        "class names that steer": {"classes": np.array(["BPSK\x1b[2J", "QPSK\n"])},
        "class names in markup": {"classes": np.array(["[/b]", "[red]x"])},
        "empty class names": {"classes": np.array(["", " "])},
        "long class names": {"classes": np.array(["x" * 1000, "y"])},
        "a million classes": {"classes": np.array([str(i) for i in range(100_000)])},
        "a class twice, a thousand times": {"classes": np.array(["x"] * 10_000)},
        "huge values": {"iq": np.full((6, 2, 128), 3e38, np.float32)},
        "denormals": {"iq": np.full((6, 2, 128), 1e-45, np.float32)},
        "zeros": {"iq": np.zeros((6, 2, 128), np.float32)},
        "one sample": {"iq": np.ones((6, 2, 1), np.float32)},
        "another order": {"iq": np.asfortranarray(frames(6))},
        "big endian": {"iq": frames(6).astype(">f4")},
        "SNR of 1e38": {"snr_db": np.full(6, 1e38, np.float32)},
        "runs at the limit": {"run_id": np.array([-(2**31), 2**31 - 1, 0, 0, 0, 0])},
        "unsigned labels": {"label": np.full(6, 2**64 - 1, np.uint64)},
        "structured": {"iq": np.zeros((6, 2, 128), [("a", "f4"), ("b", "f4")])},
        "dates": {"snr_db": np.zeros(6, "M8[s]")},
        "a version of the future": {"iq": _member("'<f4'", "(6, 2, 128)", bytes(6144), 9)},
    }
    yield from each_of(
        "dataset",
        ".npz",
        {
            name: (lambda changes=changes: with_fields(**changes))
            for name, changes in arrays.items()
        },
    )
    for method, name in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")):
        yield from each_of(
            "dataset",
            ".npz",
            {
                f"{name}": lambda method=method: with_fields(method),
                f"a bomb of {name}": lambda method=method: with_fields(
                    method, iq=_member("'<f4'", "(100000, 2, 128)", bytes(100_000 * 1024))
                ),
            },
        )
    heavy = {
        "a bomb": lambda: with_fields(
            zipfile.ZIP_DEFLATED, iq=_member("'<f4'", "(200000, 2, 128)", bytes(204_800_000))
        ),
        "labels as a bomb": lambda: with_fields(
            zipfile.ZIP_DEFLATED,
            iq=_member("'<f2'", f"({many}, 2, 1)", bytes(4 * many)),
            label=_member("'<i8'", f"({many},)", bytes(8 * many)),
            snr_db=_member("'<f8'", f"({many},)", bytes(8 * many)),
            run_id=_member("'<i8'", f"({many},)", bytes(8 * many)),
        ),
        "a long header": _long_header,
        "overlapping members": _overlapping,
    }
    for name, content in heavy.items():
        yield f".npz {name}", "dataset", of_bytes(".npz", content), False
    yield from each_of(
        "dataset",
        ".npz",
        {
            "100,000 members": lambda: _members(100_000),
            "absolute names": lambda: _members(3, "/etc/passwd"),
            "names that steer": lambda: _members(3, "\x1b[2J\n"),
            "a comment": lambda: sound.npz()[:-2] + struct.pack("<H", 65535) + b"x" * 65535,
            "sound": sound.npz(),
            "a prefix": lambda: b"PK\x03\x04" + sound.npz(),
        },
    )


def _members(count, name="x"):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(count):
            archive.writestr(f"{name}{number}.npy", b"")
    return target.getvalue()


def _overlapping():
    """An archive whose members all lie at the same place."""
    found = bytearray(with_fields())
    starts = [i for i in range(len(found)) if found[i : i + 4] == b"PK\x01\x02"]
    for start in starts:
        found[start + 42 : start + 46] = bytes(4)
    return bytes(found)
