"""Files of every form cut short and with bytes changed, and files of no form at all."""

import bz2
import gzip
import lzma
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robust_amc import data
from robust_amc.cli import main
from robust_amc.errors import UserError
from robust_amc.tests.files import (
    npz_fields,
    python2_pickle,
    radioml_content,
    refused,
    save_hdf5,
    save_npz,
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of sound files, by the kind of file."""
    folder = tmp_path_factory.mktemp("sound")
    np.savez_compressed(folder / "set.npz", **npz_fields())
    return {
        "stored": save_npz(folder / "stored.npz").read_bytes(),
        "compressed": (folder / "set.npz").read_bytes(),
        "python 2": python2_pickle(radioml_content()),
        "protocol 4": pickle.dumps(radioml_content(), 4),
        "HDF5": save_hdf5(folder / "plain.hdf5").read_bytes(),
        "HDF5, latest": save_hdf5(folder / "latest.hdf5", "latest", 7).read_bytes(),
        "HDF5, gzip": save_hdf5(
            folder / "gzip.hdf5", chunk_rows=7, options={"compression": "gzip", "shuffle": True}
        ).read_bytes(),
    }


KINDS = ["stored", "compressed", "python 2", "protocol 4", "HDF5", "HDF5, latest", "HDF5, gzip"]


@pytest.mark.parametrize("kind", KINDS)
def test_truncated(tmp_path, sound, kind):
    content = sound[kind]
    path = tmp_path / "short"
    for length in [0, 1, 2, 10, 100, *range(200, len(content), len(content) // 25),
                   len(content) - 1]:  # fmt: skip
        path.write_bytes(content[:length])
        refused(path)


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_changed_bytes(tmp_path, sound, kind, changes):
    """Any change is refused with a clear line, or leaves a data set that is whole."""
    content = bytearray(sound[kind])
    for where, value in changes:
        # Half of the changes to where the structure is: the first 400 and the last 700 bytes
        edge = 400 - int(where * 2 * 1100)
        content[edge if where < 0.5 else int((where - 0.5) * 2 * (len(content) - 1))] = value
    path = tmp_path / "changed"
    path.write_bytes(content)
    try:
        dataset = data.read(path).in_memory()
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(dataset.iq).all() and len(dataset)


OTHER = [
    ("text", b"hello, world", "is none of these: a SigMF recording"),
    ("empty", b"", "is empty"),
    ("HDF5 in name only", b"\x89HDF\r\n\x1a\n" + bytes(100), "is damaged"),
    ("an archive of something else", None, "lacks iq"),
    ("tar", b"README".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "unpack it"),
    ("tar.bz2", bz2.compress(b"hello"), "unpack it"),
    ("tar.gz", gzip.compress(b"hello"), "unpack it"),
    ("tar.xz", lzma.compress(b"hello"), "unpack it"),
    ("tar.zst", b"\x28\xb5\x2f\xfd" + bytes(20), "unpack it"),
]


@pytest.mark.parametrize(("content", "message"), [r[1:] for r in OTHER], ids=[r[0] for r in OTHER])
def test_other_files(tmp_path, content, message):
    path = tmp_path / "other"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("README", "hello")
    else:
        path.write_bytes(content)
    assert message in refused(path)


def test_missing_file_and_folder(tmp_path):
    assert "there is no file" in refused(tmp_path / "missing.npz")
    assert "cannot read" in refused(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "missing.npz"],
        ["generate", "out.pkl"],
        ["generate", "no/such/folder/out.npz"],
        ["generate", "out.npz", "--snr", "1,x"],
        ["generate", "out.npz", "--classes", "BPSK,,QPSK"],
    ],
)
def test_command_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", *arguments])
    assert stopped.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_generate_does_not_overwrite(tmp_path, capsys):
    path = tmp_path / "out.npz"
    path.write_bytes(b"precious")
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", "generate", str(path)])
    assert stopped.value.code == 2 and "exists already" in capsys.readouterr().err
    assert path.read_bytes() == b"precious"
