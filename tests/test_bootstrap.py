"""script/bootstrap on machines where something is missing. apt is played by scripts."""

import os
import subprocess
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[1] / "script" / "bootstrap"

# Every package is there except gnuradio-dev.
MACHINE = {
    "dpkg-query": '[ "${!#}" = gnuradio-dev ] || echo installed',
    "sudo": 'exec "$@"',
    "apt-get": "exit 0",
    "apt-cache": "exit 0",
}


@pytest.fixture
def bootstrap(tmp_path):
    def run(**differences):
        for name, body in (MACHINE | differences).items():
            (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
            (tmp_path / name).chmod(0o755)
        path = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run(
            [BOOTSTRAP], env=os.environ | {"PATH": path}, capture_output=True, text=True,
            timeout=300,
        )

    return run


def test_a_package_that_apt_does_not_know(bootstrap):
    done = bootstrap(**{"apt-cache": "exit 100"})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "bootstrap: installing packages: gnuradio-dev",
        "bootstrap: apt does not know these packages: gnuradio-dev",
    ]


def test_a_package_that_apt_cannot_install(bootstrap):
    done = bootstrap(**{"apt-get": 'case "$*" in *install*) echo "E: no network"; exit 100; esac'})
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bootstrap: apt-get could not install gnuradio-dev (log: ")
    assert "no network" in Path(last.split("log: ")[1].rstrip(")")).read_text()


def test_a_second_run_does_nothing(bootstrap):
    if not (BOOTSTRAP.parents[1] / "build" / "installed").exists():
        pytest.skip("bootstrap has not been run here")
    machine = {"dpkg-query": "echo installed", "apt-get": "exit 1"}
    first, second = bootstrap(**machine), bootstrap(**machine)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert second.stderr == "bootstrap: nothing to do\n"
