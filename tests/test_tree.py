"""What is said in two places is the same in both."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import robust_amc
import yaml

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / ".packaging"

BLOCKS = ROOT / "python/htrd"
FOLDERS = [BLOCKS, *sorted(path.parent for path in BLOCKS.glob("*/__init__.py"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_module_is_installed(folder):
    modules = {path.name for path in folder.glob("*.py") if "qa" not in path.stem}
    cmake = (folder / "CMakeLists.txt").read_text()
    (block_list,) = re.findall(r"GR_PYTHON_INSTALL\(\s+FILES([^)]*)DESTINATION", cmake)
    assert set(block_list.split()) == modules
    assert folder == BLOCKS or folder.name in (BLOCKS / "CMakeLists.txt").read_text()


def test_license_lines():
    """One line in each source file of the GNU Radio part, none in the library."""
    parts = ("python/htrd", "lib", "include", "examples")
    files = [
        path
        for part in parts
        for path in (ROOT / part).rglob("*.*")
        if path.suffix in (".py", ".cc", ".h")
    ]
    assert len(files) > 90
    for path in files:
        assert path.read_text().count("SPDX-License-Identifier: GPL-3.0-or-later") == 1, path
    for path in (ROOT / "python/robust_amc").rglob("*.py"):
        assert "SPDX" not in path.read_text(), path


def test_citation_names_this_version():
    assert f"\nversion: {robust_amc.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_debian_packages_are_of_this_version():
    version = robust_amc.__version__
    debian = PACKAGING / "debian"
    assert (debian / "changelog").read_text().startswith(f"gr-htrd ({version}) ")
    control = (debian / "control").read_text()
    assert set(re.findall(r"libgnuradio-htrd([\d.]+)", control)) == {version}
    assert (debian / f"libgnuradio-htrd{version}.install").exists()


def test_conda_recipe_requires_what_pip_requires():
    by_pip = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    recipe = (PACKAGING / "conda/recipe.yaml.in").read_text().replace("@", "")
    by_conda = yaml.safe_load(recipe)["requirements"]["run"]
    other_names = {"torch": "pytorch", "matplotlib": "matplotlib-base",
                   "lightning-fabric": "pytorch-lightning"}  # fmt: skip
    wanted = []
    for requirement in by_pip:
        name, versions = re.match(r"([\w-]+)(.*)", requirement).groups()
        wanted.append(f"{other_names.get(name, name)} {versions}")
    assert sorted(wanted) == sorted(set(by_conda) - {"gnuradio-core", "python"})


def test_manifest_has_what_cgran_shows():
    head, _, body = (ROOT / "MANIFEST.md").read_text().partition("\n---\n")
    manifest = yaml.safe_load(head)
    for name in ("title", "brief", "license", "gr_supported_version"):
        assert isinstance(manifest[name], str) and manifest[name]
    for name in ("tags", "author", "copyright_owner", "dependencies"):
        assert manifest[name] and all(isinstance(each, str) for each in manifest[name])
    assert body.strip()


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


def test_what_grc_writes_is_ignored_and_nothing_else():
    rules = {
        line.removeprefix("/examples/")
        for line in (ROOT / ".gitignore").read_text().splitlines()
        if line.startswith("/examples/")
    }
    written = {f"{path.stem}.py" for path in (ROOT / "examples").glob("*.grc")}
    kept = {"annotate_recording.py", "eavesdropper_demo.py", "flowgraph_process.py"}
    kept |= {"measure_over_the_air.py", "misalignment.py", "viewer_boxes.py"}
    for name in written | kept:
        assert any(fnmatch(name, rule) for rule in rules) == (name in written), name
