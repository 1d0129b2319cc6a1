"""What all readers of files share: how files are opened, documents checked, weights taken."""

import math
import os

import pytest
import torch

from robust_amc import assets, fields, json_text, reading
from robust_amc.classifier import Classifier
from robust_amc.errors import LONGEST, UserError, printable
from robust_amc.models import build
from robust_amc.weights import fitted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a … b", "a … b"),
        ("a\nb\x1b[2J", r"a\nb\x1b[2J"),
        ("\ud800\u202e", r"\ud800\u202e"),
        ("C:\\n", "C:\\n"),
    ],
)
def test_an_error_is_one_line_that_steers_nothing(text, expected):
    assert str(UserError(text)) == expected
    assert printable(expected) == expected  # an error that quotes another one


def test_an_error_has_an_end():
    assert len(str(UserError("x" * 10**6))) == LONGEST


class TestReading:
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UserError, match="it is a pipe, not a regular file"):
            reading.require_regular(tmp_path / "pipe")

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            ("/dev/zero", "it is a device"),
            ("/", "it is a folder"),
            ("nothing", "No such file"),
            ("link", "symbolic links"),
        ],
    )
    def test_links(self, tmp_path, target, message):
        (tmp_path / "link").symlink_to(target)
        with pytest.raises(UserError, match=message):
            reading.content(tmp_path / "link", 10, "this")

    def test_a_link_to_a_file_is_that_file(self, tmp_path):
        (tmp_path / "file").write_bytes(b"content")
        (tmp_path / "link").symlink_to("file")
        assert reading.content(tmp_path / "link", 7, "this") == b"content"

    def test_too_much_is_not_read(self, tmp_path):
        (tmp_path / "file").write_bytes(bytes(2048))
        with pytest.raises(UserError, match="more than 1 kB, too much for this"):
            reading.content(tmp_path / "file", 1024, "this")

    def test_what_is_no_text(self, tmp_path):
        (tmp_path / "file").write_bytes(b"\xff")
        with pytest.raises(UserError, match="is not text, so it is not this"):
            reading.text(tmp_path / "file", 10, "this")


FORM = fields.table(
    {"name": fields.name, "count": fields.whole(1, 10)},
    {
        "rate": fields.real(above=0),
        "level": fields.maybe(fields.real(-10, 10)),
        "kind": fields.choice(("a", "b")),
        "classes": fields.names(1, 3),
        "fast": fields.flag,
        "rows": fields.items(fields.table({}, {"x": fields.whole()}, None), 0, 2),
        "either": fields.either(fields.flag, fields.text(3)),
    },
)
SOUND = {
    "name": "x", "count": 3, "rate": 1, "level": None, "kind": "a", "classes": ["a", "b"],
    "fast": True, "rows": [{"x": 1}], "either": "abc", "more": [1],
}  # fmt: skip


def test_a_sound_document():
    FORM(SOUND, "it")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name of it must be a name of 1 … 100 printable characters, not ''"),
        ({"name": "a\x1b"}, "name of it must be a name"),
        ({"count": 0}, "count of it must be a whole number in 1 … 10, not 0"),
        ({"count": True}, "count of it must be a whole number in 1 … 10, not True"),
        ({"count": 2.0}, "not 2.0"),
        ({"rate": 0}, "rate of it must be a finite number above 0, not 0"),
        ({"rate": math.nan}, "not nan"),
        ({"rate": math.inf}, "not inf"),
        ({"rate": 10**400}, "rate of it must be a finite number above 0"),
        ({"level": 11}, "level of it must be a finite number from -10 on up to 10, not 11"),
        ({"level": [1]}, "not a list"),
        ({"kind": "c"}, "kind of it must be one of a, b, not 'c'"),
        ({"kind": []}, "kind of it must be one of a, b, not a list"),
        ({"classes": []}, "classes of it has 0 entries; 1 … 3 are possible"),
        ({"classes": ["a", "a"]}, "classes of it has a twice"),
        ({"classes": "ab"}, "classes of it must be a list"),
        ({"fast": 1}, "fast of it must be true or false, not 1"),
        ({"rows": [{"x": "1"}]}, "x of entry 0 of rows of it must be a whole number"),
        ({"rows": [{"y": 1}]}, "entry 0 of rows of it has an unknown entry y; there are x"),
        ({"rows": 3}, "rows of it must be a list"),
        ({"either": 3}, "either of it must be printable text of at most 3 characters, not 3"),
        ({"x" * 101: 1}, "the name of an entry of it must be a name"),
    ],
)
def test_fields(change, message):
    with pytest.raises(UserError) as error:
        FORM(SOUND | change, "it")
    assert message in str(error.value)


def test_fields_that_are_missing():
    with pytest.raises(UserError, match="it has no name, count"):
        FORM({}, "it")
    with pytest.raises(UserError, match="it must be a table of named values, not a list"):
        FORM([], "it")


def test_json(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": 1e400}')
    with pytest.raises(UserError, match=r"x.json is not a result file: it is not a JSON object"):
        json_text.read(path, 100, "a result file")
    assert json_text.parse('{"a": NaN, "b": [1e400, 1]}', lenient=True) == {
        "a": None, "b": [None, 1],
    }  # fmt: skip


class TestWeights:
    def test_nothing_is_allocated_for_shapes_that_do_not_fit(self):
        """A frame of 60,000 samples would take 5 GB."""
        made = []

        def make():
            made.append(torch.get_default_device().type)
            return build("vtcnn2", 4, 60_000)

        with pytest.raises(UserError, match=r"it does not fit its weights: conv1.bias has .* none"):
            fitted(make, {}, "it")
        assert made == ["meta"]

    def test_constants_are_bounded(self):
        """They are no weights, and grow with the square of the frame."""
        with torch.device("meta"):
            shapes = build("matched_filter", 4, 30_000).state_dict()
        tensors = {name: torch.zeros(value.shape) for name, value in shapes.items()}
        with pytest.raises(UserError, match="it needs over 256 MB beside its weights"):
            fitted(lambda: build("matched_filter", 4, 30_000), tensors, "it")

    def test_weights_are_taken(self):
        weights = torch.nn.Linear(3, 2).state_dict()
        found = fitted(lambda: torch.nn.Linear(3, 2), weights, "it")
        assert torch.equal(found.weight, weights["weight"]) and not found.training


class TestShippedModels:
    def test_all_are_listed_with_their_checksums(self):
        files = [f"{name}.safetensors" for name in assets.model_names()]
        assert sorted(assets.checksums()) == files
        for name in assets.model_names():
            assets.require_genuine(assets.model_path(name))

    def test_another_content_is_refused(self, tmp_path, monkeypatch):
        shipped = assets.model_path("modern").read_bytes()
        (tmp_path / "modern.safetensors").write_bytes(shipped)
        monkeypatch.setattr(assets, "MODELS", tmp_path)
        assets.write_checksums()
        Classifier.load("modern")
        changed = bytearray(shipped)
        changed[-1] ^= 1
        (tmp_path / "modern.safetensors").write_bytes(changed)
        with pytest.raises(UserError, match="is not as it shipped"):
            Classifier.load("modern")
        Classifier.load(_copy(changed, tmp_path / "elsewhere.safetensors", monkeypatch))


def _copy(content, path, monkeypatch):
    """The same file somewhere else, where nobody vouches for it."""
    path.write_bytes(content)
    monkeypatch.setattr(assets, "MODELS", path.parent / "nothing")
    return path
