"""A cheap part of the corpus of hostile files; script/test-hostile reads all of it."""

from itertools import islice

import pytest

from .hostile import corpus, readers

pytest.importorskip("onnx", reason="onnx is not installed (an optional extra)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (an optional extra)")

PART = 7  # of so many cases one is read here
RANDOM = 120


def _cases():
    by_hand = [case for case in corpus.made_by_hand() if case.is_cheap]
    yield from by_hand[::PART]
    yield from islice(corpus.spoiled(0), RANDOM)


@pytest.mark.parametrize("case", _cases(), ids=lambda case: ascii(case.name)[1:-1])
def test_is_read_or_refused_with_one_line(tmp_path, case):
    path = corpus.write(case, tmp_path)
    assert readers.read(case.reader, path) in ("ok", "refused")
