"""The helpers of the other tests of this repository, and of the site, are importable."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "docs" / "site")]
