"""script/bootstrap on machines where something is missing. apt and pip are played by scripts."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME=trixie\n'

# Every package is there except gnuradio-dev.
MACHINE = {
    "dpkg-query": '[ "${!#}" = gnuradio-dev ] || echo installed',
    "sudo": 'exec "$@"',
    "apt-get": "exit 0",
    "apt-cache": "exit 0",
}
ALL_THERE = {"dpkg-query": "echo installed", "apt-get": "exit 1"}

# The environment's Python: this one, which is taken for /usr/bin/python3, has no PyTorch, and
# plays pip with the script in $PIP.
PYTHON = f"""
case "$*" in
    *sys.base_prefix*) ;;
    *"import torch"*) exit 1 ;;
    *"-m pip"*) eval "$PIP" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""
PYPROJECT = """
[project]
dependencies = ["numpy", "no-such-package"]
[project.optional-dependencies]
test = []
onnx = []
openvino = []
zmq = []
"""


def script(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def start(tmp_path):
    """Starts bootstrap of a checkout on a played machine."""

    def run(checkout=CHECKOUT, machine=None, os_release=DEBIAN, pip="exit 0"):
        for name, body in (MACHINE | (machine or {})).items():
            script(tmp_path / "bin" / name, body)
        (tmp_path / "os-release").write_text(os_release)
        (tmp_path / "logs").mkdir(exist_ok=True)
        return subprocess.Popen(
            [checkout / "script" / "bootstrap"],
            env=os.environ
            | {
                "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
                "HTRD_OS_RELEASE": str(tmp_path / "os-release"),
                "TMPDIR": str(tmp_path / "logs"),
                "PIP": pip,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # which whoever runs the tests in the background may have turned off
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return run


@pytest.fixture
def bootstrap(start):
    """What it says, line by line, without the seconds of the steps; it must have failed."""

    def run(**options):
        process = start(**options)
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 1, stderr
        assert stdout == ""
        return [re.sub(r"\d+:\d\d$", "TIME", line) for line in stderr.splitlines()]

    return run


@pytest.fixture
def checkout(tmp_path):
    """A checkout with an environment, in which one Python package is missing."""
    folder = tmp_path / "checkout"
    for name in ("apps", "cmake", "docs", "grc", "include", "lib", "python"):
        (folder / name).mkdir(parents=True)
    for name in (
        "script/bootstrap", "cmake/missing_requirements.py", "constraints.txt", "requirements.lock",
    ):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "CMakeLists.txt").write_text('message(FATAL_ERROR "no such\n radio")\n')
    script(folder / ".venv" / "bin" / "python", PYTHON)
    return folder


def log_in(line):
    """The text of the log that the last line names."""
    return Path(re.search(r"\(log: (.*)\)$", line)[1]).read_text()


@pytest.mark.parametrize(
    "os_release, name",
    [
        ('PRETTY_NAME="Fedora Linux 41"\nVERSION_CODENAME=""\n', "Fedora Linux 41"),
        ('PRETTY_NAME="Debian 11"\nVERSION_CODENAME=bullseye\n', "Debian 11"),
        ('PRETTY_NAME="Arch Linux"\n', "Arch Linux"),
        ("", "this system"),
    ],
)
def test_an_unknown_system_is_one_line(bootstrap, os_release, name):
    assert bootstrap(os_release=os_release) == [
        f"bootstrap: knows Debian 12, Debian 13 and Ubuntu 24.04, not {name}: "
        "install GNU Radio 3.10 and build with CMake (docs/installation.md)"
    ]


def test_the_pytorch_of_debian_12_is_too_old(bootstrap, monkeypatch):
    monkeypatch.setenv("HTRD_TORCH_INDEX", "debian")
    bookworm = 'PRETTY_NAME="Debian 12"\nVERSION_CODENAME=bookworm\n'
    assert bootstrap(os_release=bookworm) == [
        "bootstrap: HTRD_TORCH_INDEX=debian is for Debian 13: the PyTorch of Debian 12 is too old"
    ]


def test_a_derivative_is_known_by_its_codename(bootstrap):
    mint = 'PRETTY_NAME="Linux Mint 22"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n'
    said = bootstrap(os_release=mint, machine={"apt-cache": "exit 100"})
    assert said[-1] == "bootstrap: apt does not know these packages: gnuradio-dev"


def test_a_package_that_apt_does_not_know(bootstrap):
    assert bootstrap(machine={"apt-cache": "exit 100"}) == [
        "bootstrap: reading the lists of apt ... TIME",
        "bootstrap: apt does not know these packages: gnuradio-dev",
    ]


def test_says_what_it_fetches_and_what_apt_said(bootstrap):
    # apt-get would install at once if it were told yes, too
    apt = """case "$*" in
        *-y*--assume-no*) ;;
        *--assume-no*) echo "Need to get 443 MB of archives." ;;
        *install*) echo "E: no network"; echo "E: so nothing was done"; exit 100 ;;
        *) echo "E: lists are old"; exit 100 ;;
    esac"""
    said = bootstrap(machine={"apt-get": apt})
    assert said[:2] == [
        "bootstrap: reading the lists of apt ... failed after TIME",
        "bootstrap: apt-get update failed; going on with the old lists",
    ]
    assert said[2].startswith("bootstrap: fetches gnuradio-dev from apt (443 MB)")
    assert re.search(r"some \d+ minutes$", said[2])
    assert said[3] == "bootstrap: installing 1 packages from apt ... failed after TIME"
    assert said[4].startswith("bootstrap: apt-get could not install gnuradio-dev: E: no network (")
    assert "so nothing was done" in log_in(said[4])
    assert len(said) == 5


# What pip said when PyTorch's index could not be reached comes first in the log.
MISS = "case \"$*\" in *--index-url*) echo 'ERROR: harmless'; exit 1 ;; esac\n"


@pytest.mark.parametrize(
    "pip, reason",
    [
        (
            "echo 'WARNING: hm'; echo 'ERROR: No space left on device'; exit 1",
            "ERROR: No space left on device",
        ),
        (
            "echo \"WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnection"
            "Error('Name or service not known')': /simple/h5py/\";"
            "echo 'ERROR: Could not find a version that satisfies the requirement h5py'; exit 1",
            "the index of packages cannot be reached: "
            "NewConnectionError('Name or service not known')",
        ),
    ],
)
def test_the_error_of_pip_that_mattered(bootstrap, checkout, pip, reason):
    said = bootstrap(checkout=checkout, machine=ALL_THERE, pip=MISS + pip)
    assert said[0].startswith("bootstrap: fetches PyTorch (")
    assert said[1].endswith(" ... failed after TIME")
    assert "CUDA" in said[2] and said[2].endswith(" ... failed after TIME")
    assert said[3].startswith(f"bootstrap: pip: {reason} (log: ")
    assert "harmless" in log_in(said[3])
    assert len(said) == 4


def test_pip_compiles_nothing_and_installs_what_is_locked(bootstrap, checkout, tmp_path):
    calls = tmp_path / "calls"
    bootstrap(checkout=checkout, machine=ALL_THERE, pip=f'echo "$*" >>{calls}')
    first, second = calls.read_text().splitlines()
    assert "--only-binary=:all: -c constraints.txt" in first
    assert "--only-binary=:all: --require-hashes --no-deps -r requirements.lock" in second


def test_a_constraint_for_another_python_is_none(bootstrap, checkout):
    pyproject = checkout / "pyproject.toml"
    pyproject.write_text(PYPROJECT.replace(', "no-such-package"', ""))
    building = "bootstrap: building and installing into .venv ... failed after TIME"
    (checkout / "constraints.txt").write_text('numpy<1; python_version < "3"  # old\n')
    assert bootstrap(checkout=checkout, machine=ALL_THERE)[0] == building
    (checkout / "constraints.txt").write_text('numpy<1; python_version > "3"\n')
    said = bootstrap(checkout=checkout, machine=ALL_THERE)
    assert "bootstrap: installing Python packages ... TIME" in said


def test_the_error_of_cmake(bootstrap, checkout):
    said = bootstrap(checkout=checkout, machine=ALL_THERE)[-1]
    assert said.startswith(
        "bootstrap: the build failed: CMake Error at CMakeLists.txt:1 (message):"
    )
    assert re.search(r": no such \(log: ", said)


def command_of(file):
    """Name of the command that the process in `file` runs now."""
    return Path("/proc", file.read_text().strip(), "comm").read_text().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_keeps_its_log(start, tmp_path, number):
    going = tmp_path / "going"
    # A shell between two commands may overlook the signal: it has to find the sleep itself
    apt = f'case "$*" in *update*) echo begun; echo $$ >{going}; exec sleep 60 ;; esac'
    process = start(machine={"apt-get": apt})
    while not (going.exists() and going.read_text() and command_of(going) == "sleep"):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    last = stderr.splitlines()[-1]
    assert last.startswith("bootstrap: stopped (log: ")
    assert log_in(last).startswith("begun\n")


def test_a_second_run_does_nothing(start):
    if not (CHECKOUT / "build" / "installed").exists():
        pytest.skip("bootstrap has not been run here")
    for _ in range(2):
        process = start(machine=ALL_THERE)
        _, stderr = process.communicate(timeout=600)
        assert process.returncode == 0, stderr
    assert stderr == "bootstrap: nothing to do\n"


@pytest.mark.parametrize("arguments", [[], ["sid"], ["trixie", "everything"], ["--keep"]])
def test_debian_says_how_it_is_called(arguments):
    done = subprocess.run(
        [CHECKOUT / "script" / "test-debian", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert (
        done.stderr
        == "test-debian: usage: script/test-debian bookworm|trixie [--keep] [demo|test]\n"
    )
