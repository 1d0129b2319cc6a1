"""What is said where a Python lacks something; script/test-packages installs for real."""

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command, **options):
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=300, **options
    )


def test_missing_requirements():
    script = ROOT / "cmake/missing_requirements.py"
    assert run(sys.executable, script).stdout == ""
    bare = run(sys.executable, "-I", "-S", script).stdout.splitlines()  # no packages at all
    assert "torch>=2.6,<3" in bare and all(re.match(r"[\w-]+[<>=]", line) for line in bare)


def test_other_versions_are_missing(tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text("numpy==0.1; python_version >= '3'\nscipy==0.1; python_version < '3'\n")
    missing = run(sys.executable, ROOT / "cmake/missing_requirements.py", "--as", pins)
    assert missing.stdout == "numpy>=1.24,<3\n"


def test_the_command_names_what_is_missing():
    done = run(sys.executable, "-I", "-S", ROOT / "apps/htrd", "models")
    assert done.returncode == 1
    assert re.fullmatch(r"error: \S+ has no \w+: see docs/installation.md\n", done.stderr)


@pytest.mark.skipif(not shutil.which("gnuradio-config-info"), reason="needs GNU Radio")
def test_cmake_warns_of_a_python_that_lacks_something(tmp_path):
    """In an environment of one's own: of what is missing, and that there is a starter of GRC."""
    prefix = tmp_path / "radio"
    venv.create(prefix, symlinks=True)
    done = run(
        "cmake", "-S", ROOT, "-B", tmp_path / "build", f"-DCMAKE_INSTALL_PREFIX={prefix}",
        f"-DPYTHON_EXECUTABLE={prefix / 'bin/python'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "lacks h5py, " in said and ", torch, " in said
    assert f"pip install -c {ROOT}/constraints.txt 'h5py>=3,<4' " in said
    assert "cannot import GNU Radio" in said
    assert "looks for no modules" not in said  # its own site-packages are in it
    starter = (tmp_path / "build/apps/gnuradio-companion").read_text()
    assert f'{prefix}/share/gnuradio/grc/blocks"' in starter
    assert f'exec "{prefix}/bin/python" "/' in starter
