"""The systems' TOML files."""

import pytest

from robust_amc import systems
from robust_amc.errors import UserError


@pytest.mark.parametrize("name", systems.names())
def test_shipped_systems_are_sound_and_refer_to_each_other(name):
    system = systems.load(name)
    assert system.name == name and system.title
    if system.plan is None:
        assert systems.load(system.network).plan is not None
        assert system.rejector is not None  # else it would be the other system
    elif system.plan.start_from:
        assert systems.load(system.plan.start_from).plan.start_from is None


def test_defenses_are_trained_alike():
    """Same epochs, same choice of the epoch: what differs is the method."""
    plans = [systems.load(name).plan for name in ("ls_gna", "adversarial", "cat")]
    assert len({plan.settings for plan in plans}) == 1
    assert len({plan.method for plan in plans}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = 'x'", "either a [training] table or network"),
        ("title = 'x'\nnetwork = 'cat'\n[training]\nmethod = 'cat'", "either a [training] table"),
        ("title = 'x'\n[training]\nmethod = 'magic'", "unknown method 'magic'"),
        ("title = 'x'\n[training]\nepoch = 3", "unknown entries epoch"),
        ("title = 'x'\n[training]\nepochs = 0", "must be positive"),
        ("title = 'x'\n[training]\nmethod = 'cat'\n[cat]\nradius = 1", "unknown entries radius"),
        ("title = 'x'\n[training]\nmethod = 'cat'\n[ls_gna]\nnoise = 1", "unknown entries ls_gna"),
        ("title = 'x'\n[training]\nepochs = 'many'", "wrong entry"),
        ("title = 'x'\nnetwork = 'cat'\nrejector = 3", "wrong entry"),
        ("[training]\nepochs = 3", "wrong entry: 'title'"),
        ("title = ", "is not a TOML file"),
    ],
)
def test_broken_files(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        systems.load(path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_unknown_system():
    with pytest.raises(UserError, match="no system nothing.*htrd"):
        systems.load("nothing")
