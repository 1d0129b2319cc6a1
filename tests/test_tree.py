"""What is said in two places is the same in both."""

import re
from pathlib import Path

import robust_amc

ROOT = Path(__file__).parents[1]


def test_every_block_module_is_installed():
    modules = {path.name for path in (ROOT / "python/htrd").glob("*.py") if "qa" not in path.stem}
    cmake = (ROOT / "python/htrd/CMakeLists.txt").read_text()
    (block_list,) = re.findall(r"GR_PYTHON_INSTALL\(\s+FILES([^)]*)DESTINATION", cmake)
    assert set(block_list.split()) == modules


def test_citation_names_this_version():
    assert f"\nversion: {robust_amc.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_every_example_is_described():
    readme = ROOT / "examples/README.md"
    examples = {path.name for path in (ROOT / "examples").glob("*.*")} - {readme.name}
    described = readme.read_text() if examples else ""
    assert not [name for name in examples if name not in described]


def test_extending_quotes_the_example_package():
    (quoted,) = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs/extending.md").read_text(), re.DOTALL
    )
    assert quoted in (ROOT / "tests/plugin_package/pyproject.toml").read_text()
