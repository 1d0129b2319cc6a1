"""Cases made by hand: what was found to hurt readers of files, here or elsewhere.

Each is (name, reader, function that writes it into a folder and returns the path, is it cheap).
"""

import gzip
import io
import itertools
import json
import os
import pickle
import struct
import zipfile
import zlib

import h5py
import numpy as np

from robust_amc.tests.files import frames, npz_fields, radioml_sets, save_hdf5

from . import sound, spoil

_DEEP = 100_000
# In the names of cases that take a second or more
LARGE = (
    "4 MB", "5 MB", "10 MB", "80,000", "120,000", "50,000", "200,000", "100,000", "30,000",
    "10,000", "million", "many ", "bomb", "4,000 nodes", "10,001", "empty nodes", "empty tensors",
    "bzip2", "lzma", ".pkl sets", ".pkl empty lists", ".pkl dictionaries", ".pkl marks",
    ".pkl tuples", ".pkl None", ".pkl kept None", ".pkl memos", ".pkl a deep",
    ".pkl frames in frames", "deep graphs", "a long text", "doubling", "colliding",
)  # fmt: skip


def cases():
    """All of them."""
    for group in (
        _odd_names,
        _npz,
        _pickles,
        _hdf5,
        _recordings,
        _raw,
        _models,
        _onnx,
        _checkpoints,
        _systems,
        _figures,
        _sweeps,
    ):
        for name, reader, make, is_cheap in group():
            is_large = any(each in name for each in LARGE)
            yield name, reader, make, is_cheap and not is_large


def _of_bytes(suffix, content):
    def make(folder):
        path = folder / f"x{suffix}"
        path.write_bytes(content() if callable(content) else content)
        return path

    return make


def _each(reader, suffix, contents, group=""):
    """Cases of contents by name: bytes, or functions that make them."""
    for name, content in contents.items():
        yield f"{group or suffix} {name}", reader, _of_bytes(suffix, content), True


# --- what is no file of any kind

SUFFIXES = {
    ".npz": "dataset",
    ".pkl": "dataset",
    ".hdf5": "dataset",
    ".sigmf-meta": "dataset",
    ".cf32": "dataset",
    ".safetensors": "model",
    ".onnx": "onnx",
    ".checkpoint": "checkpoint",
    ".toml": "system",
    ".json": "figure",
}


def _odd_names():
    def pipe(suffix):
        def make(folder):
            os.mkfifo(folder / f"x{suffix}")
            return folder / f"x{suffix}"

        return make

    def link(suffix, target):
        def make(folder):
            (folder / f"x{suffix}").symlink_to(target)
            return folder / f"x{suffix}"

        return make

    def folder_of(suffix):
        def make(folder):
            (folder / f"x{suffix}").mkdir()
            return folder / f"x{suffix}"

        return make

    def named(suffix, name):
        def make(folder):
            path = folder / f"{name}{suffix}"
            path.write_bytes(b"nothing")
            return path

        return make

    for suffix, reader in SUFFIXES.items():
        yield f"{suffix} a pipe", reader, pipe(suffix), True
        for target in ("/dev/zero", "/dev/full", "/proc/self/mem", "itself", "nothing"):
            target = f"x{suffix}" if target == "itself" else target
            yield f"{suffix} a link to {target}", reader, link(suffix, target), True
        yield f"{suffix} a folder", reader, folder_of(suffix), True
        yield f"{suffix} a name that steers", reader, named(suffix, "a\x1b[2J\nb"), True
        yield f"{suffix} a name with markup", reader, named(suffix, "a[red]b[bold]"), True
        for name, content in {
            "empty": b"",
            "one byte": b"\x80",
            "zeros": bytes(5000),
            "text": b"hello\n" * 100,
            "a bomb": gzip.compress(bytes(1 << 20)),
            "0xff": b"\xff" * 5000,
            "deep JSON": b"[" * _DEEP,
            "deep objects": b'{"a":' * _DEEP,
        }.items():
            yield f"{suffix} {name}", reader, _of_bytes(suffix, content), True


# --- npz


def npz_with(method=zipfile.ZIP_STORED, **changes):
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
    return npz_with(zipfile.ZIP_DEFLATED, iq=head + b" " * (64 << 20))


def _npz():
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
    yield from _each(
        "dataset",
        ".npz",
        {name: (lambda changes=changes: npz_with(**changes)) for name, changes in arrays.items()},
    )
    for method, name in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")):
        yield from _each(
            "dataset",
            ".npz",
            {
                f"{name}": lambda method=method: npz_with(method),
                f"a bomb of {name}": lambda method=method: npz_with(
                    method, iq=_member("'<f4'", "(100000, 2, 128)", bytes(100_000 * 1024))
                ),
            },
        )
    heavy = {
        "a bomb": lambda: npz_with(
            zipfile.ZIP_DEFLATED, iq=_member("'<f4'", "(200000, 2, 128)", bytes(204_800_000))
        ),
        "labels as a bomb": lambda: npz_with(
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
        yield f".npz {name}", "dataset", _of_bytes(".npz", content), False
    yield from _each(
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
    found = bytearray(npz_with())
    starts = [i for i in range(len(found)) if found[i : i + 4] == b"PK\x01\x02"]
    for start in starts:
        found[start + 42 : start + 46] = bytes(4)
    return bytes(found)


# --- pickles


def _pickles():
    p2 = b"\x80\x02"
    array = sound.radioml_pickle(None)
    colliding = b"".join(
        b"\x8a\x10" + ((2**61 - 1) * i).to_bytes(16, "little") + b"K\x01" for i in range(1, 50_000)
    )
    yield from _each(
        "dataset",
        ".pkl",
        {
            "sets": p2[:1] + b"\x04" + b"\x8f" * 5_000_000 + b".",
            "empty lists": p2 + b"]" * 5_000_000 + b".",
            "dictionaries": p2 + b"}" * 5_000_000 + b".",
            "marks": p2 + b"(" * 5_000_000 + b".",
            "tuples": p2 + b")" * 5_000_000 + b".",
            "None": p2 + b"N" * 5_000_000 + b".",
            "kept None": p2 + b"N" + b"q\x01" * 2_000_000 + b".",
            "memos": p2[:1] + b"\x04N" + b"\x94" * 2_000_000 + b".",
            "a deep key": p2 + b"})" + b"\x85" * 1_000_000 + b"K\x01s.",
            "a key without an end": p2 + b"})" + b"q\x01h\x01\x86" * 40 + b"K\x01s.",
            "a deep value": p2 + b"}(X\x01\x00\x00\x00aK\x02\x86)" + b"\x85" * 500_000 + b"u.",
            "a deep key in a pair": p2
            + b"}X\x01\x00\x00\x00a)"
            + b"\x85" * 500_000
            + b"\x86K\x01s.",
            "colliding numbers": p2 + b"}(" + colliding + b"u.",
            "a number of 4 MB": p2
            + b"}\x8b"
            + struct.pack("<i", 4_000_000)
            + b"\x01" * 4_000_000
            + b"K\x01s.",
            "digits of 4 MB": b"(I" + b"1" * 4_000_000 + b"\nI1\nd.",
            "hexadecimal digits of 4 MB": b"(I0x" + b"f" * 4_000_000 + b"\nI1\nd.",
            "a long number of 4 MB": b"(L" + b"1" * 4_000_000 + b"L\nI1\nd.",
            "digits of an index": b"}p" + b"9" * 4000 + b"\n.",
            "an index of 4 bytes": p2 + b"}r\xff\xff\xff\x7f.",
            "a name of 4 MB": b"c" + b"a" * 4_000_000 + b"\nb\n.",
            "a name that steers": b"cos\x1b[2J\nsystem\x07\n.",
            "a name in surrogates": p2[:1] + b"\x04\x8c\x03\xed\xa0\x80\x8c\x01a\x93.",
            "a stack of names": p2[:1] + b"\x04K\x01K\x02\x93.",
            "a function that is called": b"cnumpy\ndtype\n(V" + b"f4\ntR.",
            "a type of 999 characters": p2 + b"cnumpy\ndtype\nU\x04U999\x85R.",
            "a type of odd digits": p2 + "cnumpy\ndtype\nX\x03\x00\x00\x00U²\x85R.".encode(),
            "a shape of a million": p2
            + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
            b"\x87R(K\x01("
            + b"K\x01" * 500_000
            + b"tcnumpy\ndtype\nU\x02f4K\x00K\x01\x87R\x89U\x04abcdtb.",
            "arrays of nothing": p2
            + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b"
            b"\x87R(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7fK\x00tcnumpy\ndtype\nU\x02f4K\x00K\x01\x87R\x89U\x00tb.",
            "frames in frames": p2[:1]
            + b"\x04"
            + b"\x95\x00\x00\x00\x00\x00\x00\x00\x00" * 100_000
            + b"}.",
            "a frame of terabytes": p2[:1] + b"\x04\x95" + b"\xff" * 5 + b"\x00\x00\x00}.",
            "two dictionaries": array[:-1] + array[2:],
            "something behind the end": array + array,
            "a dictionary in a key": p2 + b"}(}K\x02\x86K\x01u.",
            "a key of bytes": pickle.dumps({(b"QPSK", 2): frames(3)}, 4),
            "a key of a long name": pickle.dumps({("Q" * 101, 2): frames(3)}, 4),
            "a key that steers": pickle.dumps({("Q\x1b[2J", 2): frames(3)}, 4),
            "a key of a number": pickle.dumps({2: frames(3)}, 4),
            "a key of three": pickle.dumps({("Q", 2, 3): frames(3)}, 4),
            "an SNR of 10^30": pickle.dumps({("Q", 10**30): frames(3)}, 4),
            "an SNR that is true": pickle.dumps({("Q", True): frames(3)}, 4),
            "an SNR of NaN": pickle.dumps({("Q", float("nan")): frames(3)}, 4),
            "dates": pickle.dumps({("Q", 2): np.zeros((3, 2, 128), "M8[s]")}, 4),
            "objects": pickle.dumps({("Q", 2): np.full((3, 2, 128), None)}, 4),
            "structures": pickle.dumps({("Q", 2): np.zeros((3, 2, 128), [("a", "f4")])}, 4),
            "a masked array": pickle.dumps({("Q", 2): np.ma.zeros((3, 2, 128))}, 4),
            "a matrix": pickle.dumps({("Q", 2): np.asmatrix(np.zeros((3, 2)))}, 4),
            "an exception": pickle.dumps(ValueError("x"), 4),
            "a class": pickle.dumps(dict, 4),
            "a path": pickle.dumps({("Q", 2): __import__("pathlib").Path("/")}, 4),
            "no dimensions": pickle.dumps({("Q", 2): np.float32(1)}, 4),
            "NaN": pickle.dumps({("Q", 2): np.full((3, 2, 128), np.nan, "f4")}, 4),
            "frames of no samples": pickle.dumps({("Q", 2): np.zeros((3, 2, 0), "f4")}, 4),
            "sound": sound.radioml_pickle(4),
            "another order": pickle.dumps({("Q", 2): np.asfortranarray(frames(3))}, 4),
            "10,000 keys": lambda: pickle.dumps(
                {(f"Q{i % 100}", i // 100): frames(1, length=4) for i in range(10_000)}, 4
            ),
        },
    )


# --- HDF5


def _declared(file, name, shape, chunks=None, packed=False, kind=h5py.h5t.IEEE_F32LE):
    """A set that declares a shape and stores nothing."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if chunks:
        plan.set_chunk(chunks)
    if packed:
        plan.set_deflate(4)
    h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(shape), plan)


def _hdf5():
    def with_sets(create, *missing):
        def make(folder):
            path = folder / "x.hdf5"
            save_hdf5(path, **dict.fromkeys(missing or ("X",)))
            with h5py.File(path, "a") as file:
                create(file)
            return path

        return make

    def declares(count, length, chunks=None, packed=False):
        """All three sets of a shape, and nothing in them."""

        def create(file):
            for name, shape in {"X": (count, length, 2), "Y": (count, 24), "Z": (count, 1)}.items():
                own = chunks and tuple(min(a, b) for a, b in zip(chunks, shape))
                _declared(file, name, shape, own, packed)

        return with_sets(create, "X", "Y", "Z")

    def ones(file, count, length):
        """Labels of one class, packed a thousand times smaller, and frames that are not there."""
        options = {"compression": "gzip", "chunks": (1 << 14, 24)}
        found = file.create_dataset("Y", (count, 24), "i8", **options)
        rows = np.zeros((1 << 14, 24), "i8")
        rows[:, 3] = 1
        raw = zlib.compress(rows.tobytes(), 9)
        for start in range(0, count, 1 << 14):
            found.id.write_direct_chunk((start, 0), raw)
        _declared(file, "X", (count, length, 2), kind=h5py.h5t.IEEE_F16LE)
        _declared(file, "Z", (count, 1))

    def bomb(file):
        shape = (1 << 13, 1024, 2)
        found = file.create_dataset("X", shape, "f4", chunks=(1 << 10, 1024, 2), compression="gzip")
        raw = zlib.compress(bytes(1 << 23), 9)
        for start in range(0, 1 << 13, 1 << 10):
            found.id.write_direct_chunk((start, 0, 0), raw)

    for name, make in {
        "declares 2^40 frames": declares(1 << 40, 128),
        "2^24 frames, none written": declares(1 << 24, 16),
        "2^24 frames in chunks, none written": declares(1 << 24, 16, (1 << 12, 16, 2)),
        "2^24 packed frames, none written": declares(1 << 24, 16, (1 << 12, 16, 2), True),
        "long frames, none written": declares(200, 1 << 22, (1, 1 << 16, 2)),
        "chunks of one number": declares(1 << 18, 16, (1, 1, 1)),
        "packed chunks of one number": declares(1 << 18, 16, (1, 1, 1), True),
        "frames of one sample": declares(1 << 22, 1),
        "a few rows that were never written": with_sets(
            lambda file: file.create_dataset("X", (30, 16, 2), "f4", chunks=(7, 16, 2))
        ),
        "text": with_sets(lambda file: file.create_dataset("X", (30, 16, 2), h5py.string_dtype())),
        "ragged": with_sets(lambda f: f.create_dataset("X", (30, 16, 2), h5py.vlen_dtype("f4"))),
        "a link to itself": with_sets(lambda f: f.__setitem__("X", h5py.SoftLink("/X"))),
        "a link outside": with_sets(
            lambda f: f.__setitem__("X", h5py.ExternalLink("/dev/zero", "/X"))
        ),
        "samples in a device": with_sets(
            lambda file: file.create_dataset(
                "X", (30, 16, 2), "f4", external=[("/dev/zero", 0, 3840)]
            )
        ),
        "a group": with_sets(lambda file: file.create_group("X")),
        "an endless group": with_sets(lambda file: file.__setitem__("X", file["/"])),
    }.items():
        yield f".hdf5 {name}", "dataset", make, True
    for name, create, missing in (
        ("a bomb", bomb, ("X",)),
        ("labels as a bomb", lambda file: ones(file, 1 << 22, 1), ("X", "Y", "Z")),
    ):
        yield f".hdf5 {name}", "dataset", with_sets(create, *missing), False
    for row in range(3):
        content = radioml_sets()
        content["Y"][row] = -1
        yield (
            f".hdf5 row {row} of labels of -1",
            "dataset",
            lambda folder, content=content: save_hdf5(folder / "x.hdf5", **content),
            True,
        )


# --- SigMF


def _recording(document, samples=None, links=None):
    def make(folder):
        meta = folder / "x.sigmf-meta"
        found = document() if callable(document) else document
        meta.write_bytes(found if isinstance(found, bytes) else json.dumps(found).encode())
        if links:
            (folder / "x.sigmf-data").symlink_to(links)
        else:
            (folder / "x.sigmf-data").write_bytes(sound.samples() if samples is None else samples)
        return meta

    return make


def _with_annotations(entries, **info):
    return sound.sigmf_document(**info) | {"annotations": entries}


def _recordings():
    one = sound.annotations(1)[0]
    own, own_samples = sound.own_recording()

    def overlapping(count, length=2048, **more):
        entry = one | {"core:sample_start": 0, "core:sample_count": length} | more
        return lambda: _with_annotations([entry] * count)

    documents = {
        "120,000 that overlap": overlapping(80_000),
        "many short ones": overlapping(80_000, 1),
        "many of one frame": overlapping(80_000, 128),
        "many decisions": overlapping(80_000, 128, **{"core:generator": "htrd classify 1"}),
        "sound": sound.sigmf_document(),
        "no annotations": _with_annotations([]),
        "a start of 2^63": _with_annotations([one | {"core:sample_start": 2**63 - 1}]),
        "a start of 1e18": _with_annotations([one | {"core:sample_start": 1e18}]),
        "a start of 10^400": _with_annotations([one | {"core:sample_start": 10**400}]),
        "a count of 2^63": _with_annotations([one | {"core:sample_count": 2**63 - 1}]),
        "an offset of 2^63": _with_annotations([one], **{"core:offset": 2**63 - 1}),
        "an SNR of 1e300": _with_annotations([one | {"capture_details:SNRdB": 1e300}]),
        "an SNR of text": _with_annotations([one | {"capture_details:SNRdB": "\x1b[2J"}]),
        "a label that steers": _with_annotations([one | {"core:label": "\x1b[2J\n"}]),
        "a label of markup": _with_annotations([one | {"core:label": "[/b]"}]),
        "a label of 5 MB": _with_annotations([one | {"core:label": "x" * 5_000_000}]),
        "50,000 labels": lambda: _with_annotations(
            [one | {"core:label": f"x{i}"} for i in range(50_000)]
        ),
        "200,000 captures": lambda: (
            sound.sigmf_document()
            | {"captures": [{"core:sample_start": i} for i in range(200_000)]}
        ),
        "captures out of order": sound.sigmf_document()
        | {"captures": [{"core:sample_start": i} for i in (9, 3, 2**62)]},
        "no captures": sound.sigmf_document() | {"captures": []},
        "a generator of a number": _with_annotations([one | {"core:generator": 3}]),
        "runs at the limit": _with_annotations(
            [one | {"htrd:first_run": 2**31 - 1, "htrd:run_step": 1}]
        ),
        "a frame of 0": sound.sigmf_document(**{"htrd:frame_length": 0}),
        "a frame of 1": sound.sigmf_document(**{"htrd:frame_length": 1}),
        "a frame of 2^40": sound.sigmf_document(**{"htrd:frame_length": 2**40}),
        "classes of numbers": sound.sigmf_document(**{"htrd:classes": [1, None, {}]}),
        "100,000 classes": lambda: sound.sigmf_document(
            **{"htrd:classes": sound.CLASSES + [f"x{i}" for i in range(100_000)]}
        ),
        "classes in a class": sound.sigmf_document(**{"htrd:classes": [sound.CLASSES]}),
        "metadata of a list": sound.sigmf_document(**{"htrd:metadata": [1]}),
        "another checksum": sound.sigmf_document(**{"core:sha512": "0" * 128}),
        "a checksum of text": sound.sigmf_document(**{"core:sha512": "x"}),
        "1000 channels": sound.sigmf_document(**{"core:num_channels": 1000}),
        "samples elsewhere": sound.sigmf_document(**{"core:dataset": "/etc/passwd"}),
        "a rate of 1e300": sound.sigmf_document(**{"core:sample_rate": 1e300}),
        "extensions of text": sound.sigmf_document(**{"core:extensions": "x"}),
        "a million extensions": lambda: sound.sigmf_document(
            **{"core:extensions": [{"name": "x", "version": "1.0.0", "optional": True}] * 50_000}
        ),
        "a tree of lists": sound.sigmf_document(**{"htrd:x": spoil.deep(40)}),
        "extra of another length": own
        | {"annotations": [each | {"htrd:true_snr_db": [1]} for each in own["annotations"]]},
        "extra of text": own
        | {"annotations": [each | {"htrd:channel_id": "x"} for each in own["annotations"]]},
    }
    for datatype in (
        "cf64_le",
        "cf32_be",
        "ci8",
        "cu8",
        "ci16_le",
        "ci32_le",
        "cu32_be",
        "rf32_le",
        "cf32_le\n",
        "cf16_le",
        "ci64_le",
        "",
        "cu²",
    ):
        documents[f"samples of type {ascii(datatype)}"] = sound.sigmf_document(
            **{"core:datatype": datatype}
        )
    for reader in ("dataset", "stream"):
        for name, document in documents.items():
            samples = own_samples if "extra" in name else None
            yield f".sigmf-meta {reader} {name}", reader, _recording(document, samples), True
        for target in ("/dev/zero", "/dev/full", "x.sigmf-data", "nothing"):
            make = _recording(sound.sigmf_document(), links=target)
            yield f".sigmf-meta {reader} samples in {target}", reader, make, True
        for name, samples in {
            "no samples": b"",
            "half a sample": sound.samples()[:-3],
            "NaN": b"\xff" * 16384,
            "large ones": struct.pack("<f", 3e38) * 4096,
        }.items():
            make = _recording(sound.sigmf_document(), samples)
            yield f".sigmf-meta {reader} {name}", reader, make, True
    bytes_ = bytes(5_000_000)
    yield (
        ".sigmf-meta frames of one sample, overlapping",
        "dataset",
        _recording(
            _with_annotations(
                [one | {"core:sample_start": 0, "core:sample_count": 2_500_000}] * 7,
                **{"core:datatype": "cu8", "htrd:frame_length": 8},
            ),
            bytes_,
        ),
        False,
    )
    yield (
        ".sigmf-meta stream of many frames and annotations",
        "stream",
        _recording(
            lambda: _with_annotations(
                [
                    one | {"core:sample_start": 128 * (i % 9000) + 1, "core:sample_count": 200}
                    for i in range(40_000)
                ],
                **{"core:datatype": "cu8"},
            ),
            bytes_,
        ),
        False,
    )


def _raw():
    yield from _each(
        "dataset",
        ".cf32",
        {
            "samples": sound.samples(),
            "half a sample": sound.samples()[:-3],
            "empty": b"",
        },
        ".cf32, raw",
    )


# --- models


def _model(kind="plain", change=None, tensors=None):
    def content():
        found, document = sound.model(kind)
        document = json.loads(json.dumps(document))
        if change:
            change(document)
        return sound.safetensors_file(found | (tensors or {}), document)

    return _of_bytes(".safetensors", content)


def _set(*path, to):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


ODD = {
    "null": None,
    "true": True,
    "text": "x",
    "a list": [],
    "a table": {},
    "NaN": float("nan"),
    "infinite": float("inf"),
    "-1": -1,
    "0": 0,
    "1e300": 1e300,
    "10^400": 10**400,
    "2^40": 2**40,
}
PLACES = [
    ("svm", ("rejector", "threshold")),
    ("svm", ("rejector", "gamma")),
    ("svm", ("rejector", "feature_scale")),
    ("svm", ("rejector", "score_quantiles")),
    ("svm", ("rejector", "kind")),
    ("svm", ("rejector", "target_rejection")),
    ("svm", ("rejector",)),
    ("svm", ("classes",)),
    ("svm", ("frame_length",)),
    ("svm", ("scaling",)),
    ("svm", ("architecture",)),
    ("svm", ("architecture", "name")),
    ("svm", ("architecture", "input_gain")),
    ("svm", ("format_version",)),
    ("svm", ("training",)),
    ("svm", ("training", "start_from")),
    ("svm", ("training", "more")),
    ("svm", ("dataset",)),
    ("svm", ("dataset", "split_seed")),
    ("svm", ("metrics",)),
    ("svm", ("defense",)),
    ("autoencoder", ("rejector", "latent_dim")),
    ("autoencoder", ("rejector", "frame_length")),
    ("awn", ("architecture", "levels")),
    ("matched_filter", ("architecture", "samples_per_symbol")),
]


def _models():
    import torch

    for kind, path in PLACES:
        for name, odd in ODD.items():
            title = f".safetensors {kind} {'.'.join(path)}: {name}"
            yield title, "model", _model(kind, _set(*path, to=odd)), True
    for name, change in {
        "frames of 60,000 samples": _set("frame_length", to=60_000),
        "frames of a million samples": _set("frame_length", to=10**6),
        "class names that steer": _set("classes", to=["\x1b[2J", "a\n", "b", "c"]),
        "class names of markup": _set("classes", to=["[/b]", "[red]", "b", "c"]),
        "a class twice": _set("classes", to=["a", "a", "b", "c"]),
        "a million classes": _set("classes", to=[str(i) for i in range(100_000)]),
        "empty class names": _set("classes", to=["", " ", "b", "c"]),
        "a name of a module": _set("architecture", "name", to="os:system"),
        "a long name": _set("architecture", "name", to="x" * 10**6),
        "an unknown setting": _set("architecture", "width", to=3),
        "a chain of starts": lambda document: document.update(training=_chain(200)),
        "a short chain of starts": lambda document: document.update(training=_chain(20)),
    }.items():
        yield f".safetensors {name}", "model", _model("plain", change), True
    for kind in ("plain", "svm", "autoencoder", "matched_filter", "awn"):
        yield f".safetensors {kind}, sound", "model", _model(kind), True
        yield (
            f".safetensors {kind}, long",
            "model",
            _model(kind, _set("frame_length", to=4096)),
            True,
        )
        yield (
            f".safetensors {kind}, longest",
            "model",
            _model(kind, _set("frame_length", to=65536)),
            False,
        )
    yield (
        ".safetensors levels of 1024",
        "model",
        _model("awn", _set("architecture", "levels", to=1024)),
        False,
    )
    for name, tensors in {
        "NaN": {"network.dense2.bias": torch.full((4,), float("nan"))},
        "a tensor more": {"network.x": torch.zeros(3)},
        "of another shape": {"network.dense2.bias": torch.zeros(5)},
        "half a rejector": {"rejector.intercept": torch.zeros(4)},
        "a tensor of 0 x 2^40": {"network.x": torch.zeros(0, 2**40)},
        "10,001 tensors": {f"network.x{i}": torch.zeros(0) for i in range(10_001)},
    }.items():
        yield f".safetensors {name}", "model", _model("plain", tensors=tensors), True
    header = json.dumps({"__metadata__": {"htrd": "{}"}}).encode()
    yield from _each(
        "model",
        ".safetensors",
        {
            "a header of terabytes": struct.pack("<Q", 2**43) + b"{}",
            "a header of 100 MB": struct.pack("<Q", 10**8) + header,
            "a deep header": struct.pack("<Q", _DEEP) + b"[" * _DEEP,
            "an empty document": struct.pack("<Q", len(header)) + header,
            "tensors that overlap": _header(
                {
                    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                    "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                },
                bytes(8),
            ),
            "a tensor beyond the end": _header(
                {"a": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}, bytes(8)
            ),
            "a type of the future": _header(
                {"a": {"dtype": "F3", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)
            ),
        },
    )


def _header(entries, body):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + body


def _chain(length):
    training = {"method": "standard"}
    for _ in range(length):
        training = {
            "method": "x",
            "start_from": {"name": "a", "training": training, "dataset": sound.RECORD},
        }
    return training


# --- ONNX


def _onnx():
    from onnx import TensorProto, helper, numpy_helper

    numbers = itertools.count()

    def node(kind, inputs, outputs, **attributes):
        return helper.make_node(kind, inputs, outputs, f"features/{next(numbers)}", **attributes)

    def constant(name, values):
        return numpy_helper.from_array(np.array(values, np.int64), name)

    def loop(kind):
        body = helper.make_graph(
            [helper.make_node("Identity", ["c"], ["d"])],
            "body",
            [
                helper.make_tensor_value_info(
                    n, TensorProto.BOOL if n == "c" else TensorProto.INT64, []
                )
                for n in ("i", "c")
            ],
            [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
        )
        return node(kind, ["", "true"] if kind == "Loop" else ["true"], [], body=body)

    def chain(kind, count):
        """A tensor that doubles with each node."""
        name = "iq"
        for i in range(count):
            yield node(kind, [name, name], [f"x{i}"], **({"axis": 2} if kind == "Concat" else {}))
            name = f"x{i}"

    def made(*nodes, initializers=(), change=None, document=None):
        def content():
            model = sound.onnx_model(nodes, initializers, document)
            if change:
                change(model)
            return model.SerializeToString()

        return content

    def external(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/dev/zero")

    def outputs(*names):
        def change(model):
            for output, name in zip(model.graph.output, names):
                output.name = name

        return change

    big = 2**31
    contents = {
        "sound": made(),
        "ConstantOfShape of 4.7 GB": made(
            node("ConstantOfShape", ["n"], ["x"]), initializers=[constant("n", [10**5, 12_000])]
        ),
        "Expand": made(
            node("Expand", ["iq", "n"], ["x"]), initializers=[constant("n", [1000, 2, 128])]
        ),
        "Tile": made(node("Tile", ["iq", "n"], ["x"]), initializers=[constant("n", [1, 1, big])]),
        "Range": made(
            node("Range", ["a", "b", "c"], ["x"]),
            initializers=[constant("a", 0), constant("b", 2**40), constant("c", 1)],
        ),
        "Pad": made(
            node("Pad", ["iq", "n"], ["x"]), initializers=[constant("n", [0, 0, 0, 0, 0, big])]
        ),
        "doubling": made(*chain("Concat", 40)),
        "a large product": made(
            node("Expand", ["weight", "n"], ["x"]), initializers=[constant("n", [4096, 256, 4])]
        ),
        "frames times frames": made(
            node("Transpose", ["iq"], ["t"], perm=[2, 1, 0]), node("MatMul", ["iq", "t"], ["x"])
        ),
        "computed shape": made(
            node("Shape", ["iq"], ["s"]),
            node("Mul", ["s", "s"], ["m"]),
            node("ConstantOfShape", ["m"], ["x"]),
        ),
        "an endless loop": made(
            loop("Loop"), initializers=[numpy_helper.from_array(np.array(True), "true")]
        ),
        "a branch": made(
            loop("If"), initializers=[numpy_helper.from_array(np.array(True), "true")]
        ),
        "random numbers": made(node("RandomNormal", [], ["x"], shape=[10**5, 10**5])),
        "text": made(node("StringNormalizer", ["iq"], ["x"])),
        "another domain": made(helper.make_node("Inverse", ["iq"], ["x"], domain="com.microsoft")),
        "a cycle": made(node("Add", ["iq", "y"], ["x"]), node("Add", ["iq", "x"], ["y"])),
        "itself": made(node("Add", ["iq", "x"], ["x"])),
        "names of nodes twice": made(
            helper.make_node("Abs", ["iq"], ["x"], "features/a"),
            helper.make_node("Abs", ["x"], ["y"], "features/a"),
        ),
        "twice": made(node("Abs", ["iq"], ["x"]), node("Neg", ["iq"], ["x"])),
        "missing": made(node("Abs", ["nothing"], ["x"])),
        "10,000 nodes": made(*(node("Abs", ["iq"], [f"x{i}"]) for i in range(10_000))),
        "4,000 nodes in a row": made(
            *(node("Abs", [f"x{i - 1}" if i else "iq"], [f"x{i}"]) for i in range(4000))
        ),
        "weights elsewhere": made(change=external),
        "other outputs": made(change=outputs("a", "b")),
        "outputs exchanged": made(change=outputs("scores", "label")),
        "another input": made(change=lambda m: setattr(m.graph.input[0], "name", "x")),
        "two inputs": made(change=lambda m: m.graph.input.append(m.graph.input[0])),
        "no outputs": made(change=lambda m: m.graph.ClearField("output")),
        "no graph": made(change=lambda m: m.ClearField("graph")),
        "float64 input": made(
            change=lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 11)
        ),
        "opset 99": made(change=lambda m: setattr(m.opset_import[0], "version", 99)),
        "no opset": made(change=lambda m: m.ClearField("opset_import")),
        "IR 99": made(change=lambda m: setattr(m, "ir_version", 99)),
        "a weight of another size": made(
            change=lambda m: m.graph.initializer[0].dims.__setitem__(0, 2**40)
        ),
        "five classes": made(document=sound.onnx_document(classes=[*sound.CLASSES, "x"])),
        "longer frames": made(document=sound.onnx_document(frame_length=256)),
        "no document": made(change=lambda m: m.ClearField("metadata_props")),
        "a model's document": made(document=sound.model_document()),
        "empty nodes": b":" + _varint(2 * 2_000_000) + b"\x0a\x00" * 2_000_000,
        "empty tensors": b":" + _varint(2 * 2_000_000) + b"\x2a\x00" * 2_000_000,
        "deep graphs": _nested(2000),
    }
    yield from _each("onnx", ".onnx", contents)
    for name, odd in ODD.items():
        for path in (
            ("exported",),
            ("exported", "scaling"),
            ("classes",),
            ("frame_length",),
            ("rejector",),
            ("rejector", "threshold"),
            ("rejector", "score_quantiles"),
        ):
            document = json.loads(
                json.dumps(sound.onnx_document(rejector=sound.rejector_facts(kind="svm")))
            )
            _set(*path, to=odd)(document)
            title = f".onnx {'.'.join(path)}: {name}"
            yield title, "onnx", _of_bytes(".onnx", made(document=document)), True


def _varint(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def _nested(levels):
    """A graph in an attribute of a node of a graph in an attribute …"""
    content = b""
    for _ in range(levels):
        attribute = b"\x32" + _varint(len(content)) + content
        node = b"\x2a" + _varint(len(attribute)) + attribute
        content = b"\x0a" + _varint(len(node)) + node
    return b":" + _varint(len(content)) + content


# --- checkpoints


def _checkpoints():
    import torch

    def made(tensors=None, without=(), **facts):
        def content():
            found = {
                n: v.detach().clone() for n, v in sound.run_tensors().items() if n not in without
            }
            return sound.safetensors_file(found | (tensors or {}), sound.run_facts() | facts)

        return content

    def torch_file():
        target = io.BytesIO()
        torch.save({"identity": {"seed": 1}, "epoch": 1}, target)
        return target.getvalue()

    contents = {
        "sound": made(),
        "of PyTorch": torch_file,
        "another run": made(identity={"seed": 2}),
        "no weights": made(without=("network.weight",)),
        "a tensor more": made({"network.more": torch.zeros(3)}),
        "another shape": made({"network.weight": torch.zeros(4, 4)}),
        "another type": made({"network.weight": torch.zeros(4, 3, dtype=torch.float64)}),
        "NaN": made({"network.weight": torch.full((4, 3), float("nan"))}),
        "a step more": made({"optimizer.9.step": torch.zeros(())}),
        "sets": b"\x80\x04" + b"\x8f" * 5_000_000 + b".",
    }
    for name, odd in ODD.items():
        for field in ("identity", "epoch", "history"):
            contents[f"{field}: {name}"] = made(**{field: odd})
    yield from _each("checkpoint", ".checkpoint", contents)


# --- text


def _systems():
    values = {
        "NaN": "nan",
        "infinite": "inf",
        "negative": "-1",
        "0": "0",
        "text": "'x'",
        "a list": "[1]",
        "a table": "{a = 1}",
        "41 digits": "1" * 41,
        "5000 digits": "1" * 5000,
        "2^63": str(2**63),
        "a date": "1979-05-27",
        "true": "true",
        "1e308": "1e308",
    }
    fields = (
        "training.seed",
        "training.epochs",
        "training.learning_rate",
        "training.method",
        "training.architecture",
        "training.snr_db",
        "cat.r_max",
        "rejector.kind",
        "rejector.gamma",
        "rejector.target_rejection",
    )
    for field, (name, value) in itertools.product(fields, values.items()):
        table, entry = field.split(".")
        lines = [line for line in sound.SYSTEM.splitlines() if not line.startswith(f"{entry} =")]
        lines.insert(lines.index(f"[{table}]") + 1, f"{entry} = {value}")
        content = "\n".join(lines).encode()
        yield f".toml {field}: {name}", "system", _of_bytes(".toml", content), True
    grid = "\n".join(
        f'"{name}" = {[1 + i / 100 for i in range(60)]}'
        for name in ("rejector.gamma", "rejector.C", "cat.step_size", "training.learning_rate")
    )
    yield from _each(
        "system",
        ".toml",
        {
            "60^4 combinations": sound.SYSTEM.partition("[sweep]")[0].encode()
            + f"[sweep]\n{grid}".encode(),
            "deep lists": b"title = " + b"[" * _DEEP,
            "deep lists, closed": b"x=" + b"[" * 3000 + b"]" * 3000,
            "deep tables": b"a" + b".a" * _DEEP + b" = 1",
            "deep inline tables": b"a=" + b"{a=" * 3000,
            "deep headers": b"[a" + b".a" * _DEEP + b"]",
            "a key of 200 kB": b"a" * 200_000 + b" = 1",
            "10 MB": b"#" * 9_000_000,
            "100,000 tables": b"".join(b"[t%d]\n" % i for i in range(20_000)),
            "a sweep of one list of 100,000": sound.SYSTEM.partition("[sweep]")[0].encode()
            + f'[sweep]\n"cat.r_max" = {[0.1] * 40_000}'.encode(),
            "a title that steers": sound.SYSTEM.replace("mine", "\\u001b[2J").encode(),
            "a start of a long name": b'title="x"\n[training]\nstart_from="' + b"x" * 5000 + b'"',
            "a network of a long name": b'title="x"\nnetwork="' + b"x" * 5000 + b'"',
            "another encoding": "title = 'ü'".encode("latin1"),
            "UTF-16": "title = 'x'".encode("utf-16"),
            "sound": sound.SYSTEM.encode(),
        },
    )


def _figures():
    def row(**changes):
        document = sound.results(1)
        document["rows"][0] = document["rows"][0] | changes
        return document

    def detail(**changes):
        document = sound.results(1)
        document["details"][0] = document["details"][0] | changes
        return document

    documents = {
        "sound": sound.results(),
        "fused": sound.results(1),
        "no rows": sound.results(0),
        "rows without details": sound.results(1) | {"details": []},
        "no settings": sound.results(1) | {"settings": {}},
        "a name that steers": row(model="\x1b[2J\n"),
        "a name of markup": row(model="[/b]$\\frac$"),
        "a name of 5 MB": row(model="x" * 5_000_000),
        "an accuracy of text": row(accuracy="x"),
        "no accuracy": row(accuracy=None),
        "an accuracy of NaN": row(accuracy=float("nan")),
        "a negative count": detail(confusion=[[-1, 0, 0, 0, 0]] * 4),
        "a count of 10^400": detail(confusion=[[10**400, 0, 0, 0, 0]] * 4),
        "counts of text": detail(confusion=[["x"] * 5] * 4),
        "no counts": detail(confusion=[]),
        "zeros": detail(confusion=[[0] * 5] * 4),
        "a ragged matrix": detail(confusion=[[1] * 5, [1]] * 2),
        "a deep matrix": detail(confusion=spoil.deep(40)),
        "no classes": detail(classes=[]),
        "classes of numbers": detail(classes=[1, 2, 3, 4]),
        "a class twice": detail(classes=["a"] * 4),
        "classes that steer": detail(classes=["\x1b", "a\n", "b", "c"]),
        "2000 classes": detail(classes=[str(i) for i in range(2000)]),
        "rows of numbers": sound.results(1) | {"rows": [1]},
        "100,000 rows": {**sound.results(1), "rows": [sound.results(1)["rows"][0]] * 30_000},
    }
    contents = {name: json.dumps(document).encode() for name, document in documents.items()}
    yield from _each("figure", ".json", contents, ".json, of evaluate:")
    large = sound.results(1)
    table = np.eye(100, 101, dtype=int) * 7
    large["details"][0] |= {"classes": [f"c{i}" for i in range(100)], "confusion": table.tolist()}
    for name, document in {
        "85 rows": sound.results(85),
        "100 rows": sound.results(100),
        "101 rows": sound.results(101),
        "100 classes": large,
    }.items():
        make = _of_bytes(".json", json.dumps(document).encode())
        yield f".json, of evaluate: {name}", "figure", make, False


def _sweeps():
    def row(**changes):
        document = sound.sweep_results()
        document["rows"][0] |= changes
        return document

    documents = {
        "sound": sound.sweep_results(),
        "no rows": sound.sweep_results() | {"rows": []},
        "only failures": sound.sweep_results() | {"rows": sound.sweep_results()["rows"][1:]},
        "rows of numbers": sound.sweep_results() | {"rows": [1]},
        "no settings": {"rows": []},
        "settings of a list": sound.sweep_results() | {"settings": []},
        "values of a list": row(values=[1]),
        "an accuracy of text": row(robust_accuracy="x"),
        "an interval of one": row(robust_accuracy_interval=[1]),
        "an interval of nothing": row(accuracy_interval=None),
        "no accuracy": row(accuracy=None),
        "an error of a number": row(error=3),
    }
    contents = {name: json.dumps(document).encode() for name, document in documents.items()}
    yield from _each("sweep", ".json", contents, ".json, of sweep:")
