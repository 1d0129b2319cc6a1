"""The systems' TOML files."""

import pytest

from robust_amc import systems
from robust_amc.errors import UserError
from robust_amc.training import CATSettings

SWEPT = "title = 'x'\n[training]\nmethod = 'cat'\n[cat]\ngrowth = 0.02\n[sweep]\n"


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
        ("title = 'x'\n[training]\nmethod = 'magic'", "unknown training method 'magic'"),
        ("title = 'x'\n[training]\nepoch = 3", "unknown entries epoch"),
        ("title = 'x'\n[training]\nepochs = 0", "must be positive"),
        ("title = 'x'\n[training]\nmethod = 'cat'\n[cat]\nradius = 1", "unknown entries radius"),
        ("title = 'x'\n[training]\nmethod = 'cat'\n[ls_gna]\nnoise = 1", "unknown entries ls_gna"),
        ("title = 'x'\n[training]\nepochs = 'many'", "training.epochs must be of type int"),
        ("title = 'x'\nnetwork = 'cat'\nrejector = 3", "rejector of the file must be a table"),
        ("[training]\nepochs = 3", "the file has no title"),
        ("title = ", "is not a TOML file"),
        ("title = 'x'\n[training]\nepochs = 2.5", "training.epochs must be of type int, not 2.5"),
        ("title = 'x'\n[training]\nfast = 1", "training.fast must be of type bool"),
        ("title = 'x'\n[training]\narchitecture = 1", "training.architecture must be of type str"),
        ("title = 'x'\n[training]\nseed = true", "training.seed must be of type int"),
        ("sweep = 3\ntitle = 'x'\n[training]", "sweep of the file must be a table"),
        (SWEPT + "'training.pace' = [1]", "training.pace = 1: [training] has unknown entries pace"),
        (SWEPT + "'cat.pace' = [1]", "cat.pace = 1: [cat] has unknown entries pace"),
        (SWEPT + "'ls_gna.noise' = [1]", "ls_gna.noise is not a setting of this system; there are"),
        (SWEPT + "'rejector.gamma' = [1]", "rejector.gamma is not a setting of this system"),
        (SWEPT + "'title' = ['x']", "title is not a setting"),
        (SWEPT + "'cat.r_max' = []", "cat.r_max to choose from must be a list of one or more"),
        (SWEPT + "'cat.r_max' = 0.1", "cat.r_max to choose from must be a list"),
        (SWEPT + "cat.r_max = [0.1]", 'as in "cat.r_max" = [0.1, 0.15]'),
        (SWEPT + "'cat.r_max' = [0.1, 'x']", 'cat.r_max = "x": cat.r_max must'),
        (SWEPT + "'cat.r_max' = [0.2, 0.01]", "cat.r_max = 0.01: CAT needs 0 < growth <= r_max"),
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


def test_variants_are_every_combination(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SWEPT + "'cat.r_max' = [0.1, 0.2]\n'training.learning_rate' = [1e-3, 5e-4]")
    assert systems.load(path).plan.recipe.r_max == CATSettings().r_max  # the default is not touched
    found = systems.variants(path)
    assert [values for values, _ in found] == [
        {"cat.r_max": r_max, "training.learning_rate": rate}
        for r_max in (0.1, 0.2)
        for rate in (1e-3, 5e-4)
    ]
    for values, system in found:
        assert system.plan.recipe.r_max == values["cat.r_max"]
        assert system.plan.settings.learning_rate == values["training.learning_rate"]
        assert system.plan.recipe.growth == 0.02  # what is not swept is as in the file


def test_more_variants_come_instead_of_the_file_s_and_beside_them(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SWEPT + "'cat.r_max' = [0.1, 0.2]")
    found = systems.variants(path, {"cat.r_max": [0.3], "cat.rule": ["after_success"]})
    ((values, system),) = found
    assert values == {"cat.r_max": 0.3, "cat.rule": "after_success"}
    assert (system.plan.recipe.r_max, system.plan.recipe.rule) == (0.3, "after_success")
    assert systems.words(values) == 'cat.r_max = 0.3, cat.rule = "after_success"'


def test_settings_that_only_fit_together(tmp_path):
    """A smaller r_max needs a smaller growth: neither would be sound without the other."""
    path = tmp_path / "mine.toml"
    path.write_text(SWEPT + "'cat.r_max' = [0.01]\n'cat.growth' = [0.005]")
    ((_, system),) = systems.variants(path)
    assert (system.plan.recipe.r_max, system.plan.recipe.growth) == (0.01, 0.005)


def test_a_system_without_a_sweep_is_its_only_variant(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("title = 'x'\n[training]\nepochs = 3")
    assert systems.variants(path) == [({}, systems.load(path))]
