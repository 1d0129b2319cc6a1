"""The library stands alone: it imports where GNU Radio cannot be."""

import subprocess
import sys

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("gnuradio", "pmt"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import importlib, pkgutil, robust_amc
for module in pkgutil.walk_packages(robust_amc.__path__, "robust_amc."):
    if ".tests" not in module.name:
        importlib.import_module(module.name)
"""


def test_library_imports_without_gnuradio():
    done = subprocess.run([sys.executable, "-c", BLOCK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
