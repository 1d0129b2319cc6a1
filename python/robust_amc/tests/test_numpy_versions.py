"""GNU Radio that was built for another NumPy than the installed one: one line."""

import sys

import pytest

from robust_amc.cli import main

# What `import gnuradio.gr` does then: NumPy 2 prints a page and raises, pybind11 raises again
SAYS = """
import sys
sys.stderr.write(
    "A module that was compiled using NumPy 1.x cannot be run in\\nNumPy 2.2.4 as it may crash.\\n"
    "Traceback (most recent call last):  File ..."
)
raise ImportError("initialization failed")
"""


@pytest.fixture
def gnuradio(tmp_path, monkeypatch):
    """Writes a package gnuradio of so many lines, which is found before any other."""
    for name in [each for each in sys.modules if each.split(".")[0] == "gnuradio"]:
        monkeypatch.delitem(sys.modules, name)

    def write(text):
        folder = tmp_path / "packages" / "gnuradio"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(text)
        monkeypatch.syspath_prepend(folder.parent)

    yield write
    for name in [each for each in sys.modules if each.split(".")[0] == "gnuradio"]:
        del sys.modules[name]


def generate(path):
    with pytest.raises(SystemExit) as end:
        main(["dataset", "generate", str(path / "out.npz"), "--frames-per-key", "1"])
    return end.value.code


@pytest.mark.parametrize("error", ["ImportError", "AttributeError"])
def test_built_for_numpy_1(gnuradio, tmp_path, capsys, error):
    gnuradio(SAYS.replace("ImportError", error))
    assert generate(tmp_path) == 2
    said = capsys.readouterr().err.strip()
    assert "built for NumPy 1" in said and "'numpy<2'" in said and "\n" not in said


def test_what_else_is_said_is_kept(gnuradio, tmp_path, capsys):
    gnuradio("import sys\nsys.stderr.write('a warning\\n')\nimport no_such_package\n")
    assert generate(tmp_path) == 2
    said = capsys.readouterr().err
    assert said.startswith("a warning\nerror: the generator needs GNU Radio")
    assert "no_such_package cannot be imported" in said and said.count("\n") == 2
