"""A cheap part of the corpus of hostile files; script/test-hostile reads all of it."""

from itertools import islice

import pytest

from .hostile import corpus, readers

pytest.importorskip("onnx", reason="onnx is not installed (an optional extra)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (an optional extra)")

PART = 7  # of so many cases one is read here
RANDOM = 120


def test_sound_files_are_read(tmp_path):
    """Else what spoils them would spoil nothing."""
    sound = [case for case in corpus.made_by_hand() if case.name.endswith("sound")]
    assert {case.reader for case in sound} == set(readers.READERS)
    for number, case in enumerate(sound):
        path = corpus.write(case, tmp_path / str(number))
        readers.READERS[case.reader](path)


def _cases():
    by_hand = [case for case in corpus.made_by_hand() if case.is_cheap]
    yield from by_hand[::PART]
    yield from islice(corpus.spoiled(0), RANDOM)


@pytest.mark.parametrize("case", list(_cases()), ids=lambda case: ascii(case.name)[1:-1])
def test_is_read_or_refused_with_one_line(tmp_path, case):
    path = corpus.write(case, tmp_path)
    assert readers.read(case.reader, path) in ("ok", "refused")
