"""Print what pyproject.toml requires and this Python lacks, a requirement a line.

    PYTHON cmake/missing_requirements.py [--extra NAME]... [--as FILE]...

An extra's requirements count too, and so do the versions in the files given, in the form of
requirements.txt. Needs Python alone, since it is for environments in which something is missing.
"""

import argparse
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--extra", action="append", default=[])
parser.add_argument("--as", action="append", default=[], type=Path, dest="pins")
options = parser.parse_args()

pyproject = Path(__file__).resolve().parents[1] / "pyproject.toml"
project = tomllib.loads(pyproject.read_text())["project"]
wanted = list(project["dependencies"])
for extra in options.extra:
    wanted += project["optional-dependencies"][extra]
wanted = list(dict.fromkeys(wanted))

try:
    from packaging.requirements import Requirement
except ModuleNotFoundError:
    try:
        from pip._vendor.packaging.requirements import Requirement
    except ModuleNotFoundError:  # several of the required packages need it: they are not there
        print("\n".join(wanted))
        raise SystemExit from None

lines = (
    re.sub(r"#.*|\\$", "", line).strip()
    for path in options.pins
    for line in path.read_text().splitlines()
)
pins = [Requirement(line) for line in lines if line and not line.startswith("--hash")]
pins = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]


def met(requirement):
    """Whether this Python has it, in a version that it and the files allow."""
    try:
        there = version(requirement.name)
    except PackageNotFoundError:  # or it is Debian's h5py, which does not say its version
        return not pins and find_spec(requirement.name) is not None
    each_of = [requirement, *(pin for pin in pins if pin.name == requirement.name)]
    return all(each.specifier.contains(there, prereleases=True) for each in each_of)


if missing := [text for text in wanted if not met(Requirement(text))]:
    print("\n".join(missing))
