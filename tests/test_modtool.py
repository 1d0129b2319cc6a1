"""gr_modtool still works on this tree: blocks are added to a copy, which is built and tested."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ["CMakeLists.txt", "apps", "cmake", "docs", "grc", "include", "lib", "python"]

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ["gr_modtool", "cmake", "ctest"])),
    reason="needs GNU Radio's gr_modtool, CMake and a compiler",
)


def run(*command, cwd, **environment):
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def modtool(*arguments, cwd):
    # Its shebang names the system's Python. The environment's would see another one's PYTHONPATH.
    return run("gr_modtool", *arguments, cwd=cwd, PYTHONPATH="")


def add(tree, name, language, *flags):
    modtool(
        "add", name, "--block-type", "sync", "--lang", language,
        "--copyright", "nobody", "--argument-list", "", "--add-python-qa", *flags,
        cwd=tree,
    )  # fmt: skip


def fill_in(path):
    """What the author of a new block has to do: replace the template's placeholders."""
    text = path.read_text()
    path.write_text(re.sub(r"<\+(.*?)\+>", r"\1", text))


def fill_in_cpp(path):
    """The same in C++, where the template would leave variables unused."""
    text = path.read_text()
    gap = "// Do <+signal processing+>"
    assert gap in text
    path.write_text(text.replace(gap, "for (int n = 0; n < noutput_items; n++) out[n] = in[n];"))


@pytest.fixture
def tree(tmp_path):
    tree = tmp_path / "gr-htrd"
    tree.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tree / part)
    return tree


def test_info(tree):
    lines = modtool("info", cwd=tree)
    assert re.search(r"Module name: htrd\n", lines)
    assert re.search(r"API version: post-3\.10\n", lines)


@contextmanager
def blocks_added(tree):
    """Two new blocks, ready to be built; afterwards no list names them."""
    before = list(tree.rglob("CMakeLists.txt"))
    add(tree, "added_in_python", "python")
    fill_in(tree / "python/htrd/added_in_python.py")
    add(tree, "added_in_cpp", "cpp", "--add-cpp-qa")
    fill_in_cpp(tree / "lib/added_in_cpp_impl.cc")
    yield
    for name in ["added_in_python", "added_in_cpp"]:
        modtool("rm", "--yes", name, cwd=tree)
    names = r"added_in_(python|cpp)(_impl\.cc|_python\.cc|\.h|\.py)"
    for path in before:
        assert not re.search(names, path.read_text()), path


def test_add_and_remove(tree):
    """Each file gets its line, in the list where it belongs."""
    with blocks_added(tree):
        listed = (tree / "python/htrd/CMakeLists.txt").read_text()
        blocks = re.search(r"GR_PYTHON_INSTALL\(.*?\)", listed, re.DOTALL)
        assert "added_in_python.py" in blocks[0]
        assert "added_in_cpp_impl.cc" in (tree / "lib/CMakeLists.txt").read_text()
        assert "added_in_cpp.h" in (tree / "include/gnuradio/htrd/CMakeLists.txt").read_text()
        imported = (tree / "python/htrd/__init__.py").read_text()
        assert "from .added_in_python import added_in_python\n" in imported


@pytest.mark.slow
def test_added_blocks_build_and_run(tree):
    with blocks_added(tree):
        build_and_run(tree)


def build_and_run(tree):
    # Warnings are errors here only: a new compiler's must not stop a user's build. Nothing is
    # measured, so that the compiler need not optimize; most of its time goes into headers, once
    # for each target in a unity build.
    build, prefix = tree / "build", tree / "prefix"
    run(
        "cmake", "-S", tree, "-B", build, "-DCMAKE_CXX_FLAGS=-Werror",
        "-DCMAKE_CXX_FLAGS_RELEASE=-O0", "-DCMAKE_UNITY_BUILD=ON",
        f"-DCMAKE_INSTALL_PREFIX={prefix}", f"-DPYTHON_EXECUTABLE={sys.executable}",
        cwd=tree,
    )  # fmt: skip
    run("cmake", "--build", build, "--parallel", os.cpu_count(), cwd=tree)

    # The tests of the other blocks have been run where they belong.
    tests = run("ctest", "-N", cwd=build)
    for qa in (tree / "python/htrd").glob("qa_*.py"):
        assert f": {qa.stem}\n" in tests
    results = run("ctest", "--output-on-failure", "-R", "added_in", cwd=build)
    assert "100% tests passed, 0 tests failed out of 3" in results

    # In a prefix of its own the binding finds its library (RPATH), the blocks are importable.
    run("cmake", "--install", build, cwd=tree)
    (site,) = prefix.glob("lib/python3*/*-packages")
    run(
        sys.executable, "-c",
        "from gnuradio import htrd; htrd.added_in_cpp(); htrd.added_in_python()",
        cwd=prefix, PYTHONPATH=str(site), LD_LIBRARY_PATH="",
    )  # fmt: skip
    assert (prefix / "bin/htrd").read_text().startswith(f"#!{sys.executable}\n")

    # A consumer finds the C++ library by its CMake package.
    consumer = tree / "consumer"
    consumer.mkdir()
    (consumer / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(consumer CXX)\n"
        "find_package(gnuradio-htrd REQUIRED)\n"
        "if(NOT TARGET gnuradio::gnuradio-htrd)\nmessage(FATAL_ERROR none)\nendif()\n"
    )
    run("cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=consumer)
