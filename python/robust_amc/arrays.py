"""Types of NumPy arrays, for annotations; docstrings give the shapes."""

from typing import Any, cast

import numpy as np

# Not numpy.typing.NDArray, which says more of the shape in NumPy 2 than in NumPy 1
Array = np.ndarray[Any, np.dtype[Any]]
Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Integers = np.ndarray[Any, np.dtype[np.integer[Any]]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Complexes = np.ndarray[Any, np.dtype[np.complexfloating[Any, Any]]]


def listed(array: Array) -> list[Any]:
    """An array as a list of Python's own numbers or text, or of lists of them."""
    return cast(list[Any], array.tolist())
