"""Files that appear whole or not at all."""

import shutil
from types import SimpleNamespace

import pytest

from robust_amc.errors import UserError
from robust_amc.files import replacing, write_json


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    """Also from writers that do not raise an OSError; what was there stays."""
    path = tmp_path / "kept.json"
    write_json(path, {"old": 1})
    before = path.read_text()

    def broken():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("unexpected pos 64 vs 0")

    with pytest.raises(RuntimeError, match="unexpected pos"):
        broken()  # there is space: a mistake of the program is not hidden
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=100))
    with pytest.raises(UserError, match="no space left"):
        broken()
    assert path.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]


def test_a_device_without_space(tmp_path):
    """/dev/full is always full."""
    with pytest.raises(UserError, match="No space left"), replacing(tmp_path / "file") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("x" * 100)
    assert not list(tmp_path.iterdir())
