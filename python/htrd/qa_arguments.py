#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pybind11 writes of a constructor is understood, whichever pybind11 wrote it."""

from gnuradio import gr_unittest, htrd
from gnuradio.htrd import arguments

# As pybind11 2.10, 3.0 and 3.1 write the same function
WRITTEN = """
f(self: x.f, a: List[complex] = [], b: str = '', c: x.perturbation_mode_t = <m.PNR: 0>,\
 d: float = -10.0, e: bool = True, f: int = 0) -> None
f(self: x.f, a: collections.abc.Sequence[complex] = [], b: str = '',\
 c: x.perturbation_mode_t = <m.PNR: 0>, d: typing.SupportsFloat = -10.0, e: bool = True,\
 f: typing.SupportsInt = 0) -> None
f(self: x.f, a: collections.abc.Sequence[complex | typing.SupportsComplex |\
 typing.SupportsFloat | typing.SupportsIndex] = [], b: str = '',\
 c: x.perturbation_mode_t = <m.PNR: 0>, d: typing.SupportsFloat | typing.SupportsIndex = -10.0,\
 e: bool = True, f: typing.SupportsInt | typing.SupportsIndex = 0) -> None
""".strip().splitlines()
WRONG = {"a": 1, "b": 1, "c": 1.5, "d": "x", "e": "x", "f": 1.5}


class QaArguments(gr_unittest.TestCase):
    """One function, in the words of three versions."""

    def test_all_versions_are_read(self):
        for written in WRITTEN:
            def function(block, **values):
                return values
            function.__doc__ = written
            checked = arguments._checked(function, htrd.htrd_python)
            right = {"a": [1j], "b": "x", "c": "pnr", "d": 1.5, "e": True, "f": 3}
            self.assertEqual(checked(None, **right), right)
            for name, value in WRONG.items():
                with self.assertRaisesRegex(ValueError, f"^{name} must be", msg=written):
                    checked(None, **{name: value})


if __name__ == "__main__":
    gr_unittest.run(QaArguments)
