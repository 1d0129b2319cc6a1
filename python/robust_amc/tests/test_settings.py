"""Settings by their names: on the command line, in systems' files and models, old and new."""

import json
from dataclasses import dataclass

import pytest

from robust_amc import model_document, settings, systems
from robust_amc.classifier import Classifier
from robust_amc.cli import fit_rejector, train
from robust_amc.cli.old_options import _current
from robust_amc.data.formats import npz
from robust_amc.errors import UserError
from robust_amc.rejection.autoencoder import AutoencoderSettings
from robust_amc.rejection.svm import SVMSettings

from .conftest import toy_dataset
from .test_cli import refused, run

OLD_FILE = """
title = "as files were"
[training]
average = 0.9
[rejector]
kind = "{kind}"
{rejector}
[sweep]
"training.average" = [0.8, 0.9]
"rejector.{name}" = [{values}]
"""
SVM = OLD_FILE.format(kind="svm", rejector="penalty = 3.0", name="penalty", values="1.0, 2.0")
DETECTOR = OLD_FILE.format(kind="autoencoder", rejector="code = 16", name="code", values="8, 9")


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    npz.write(toy_dataset(400, 5), "toy.npz")
    return tmp_path


class Stopped(BaseException):
    """Raised where a training would begin."""


def asked(monkeypatch, module, function, *arguments):
    """The arguments that a command hands to a `function` of its module."""
    given = []

    def spied(*arguments, **options):
        given.extend(arguments)
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(module, function, spied)
        run(*arguments)
    return given


def plan(monkeypatch, *arguments):
    return asked(monkeypatch, train, "run", *TRAIN, *arguments)[0]


def rejector(monkeypatch, *arguments):
    return asked(monkeypatch, fit_rejector, "fit", *FIT, *arguments)[-1]


TRAIN = ("train", "x.safetensors", "--dataset", "toy.npz", "--device", "cpu")
FIT = ("fit-rejector", "y.safetensors", "--dataset", "toy.npz", "--model", "m.safetensors")


def test_old_names_in_a_file(tmp_path, caplog):
    for text, new, value, others in ((SVM, "C", 3, [1, 2]), (DETECTOR, "latent_dim", 16, [8, 9])):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        caplog.clear()
        system = systems.load(path)
        assert system.plan.settings.ema_decay == 0.9
        assert getattr(system.rejector, new) == value
        found = systems.variants(path)
        assert list(found[0][0]) == ["training.ema_decay", f"rejector.{new}"]
        assert [getattr(each.rejector, new) for _, each in found] == others * 2
        lines = {record.getMessage() for record in caplog.records}
        assert f"{path}: training.average is now called training.ema_decay" in lines
        assert any(line.endswith(f"is now called rejector.{new}") for line in lines)
    path.write_text(SVM.replace("average = 0.9", "average = 0.9\nema_decay = 0.8"))
    with pytest.raises(UserError, match="average is the old name of ema_decay: give one of them"):
        systems.load(path)


def test_old_names_on_the_command_line_come_instead_of_the_file_s(caplog):
    found = systems.variants("htrd", {"rejector.penalty": [5.0]}, prefix="rejector.penalty")
    assert [system.rejector.C for _, system in found] == [5.0]
    assert "rejector.penalty is now called rejector.C" in caplog.text


def test_names_of_other_kinds_are_their_own():
    document = {"rejector": {"kind": "mine", "code": 3, "penalty": 1}}
    assert settings.current(document, "a file") == document


def test_old_names_in_a_model_are_read_silently(plain, tmp_path, caplog, capfd):
    old = {"average": 0.5, "epochs": 3}
    before = plain.metadata
    plain.metadata = before | {"training": old | {"start_from": {"name": "a", "training": old}}}
    try:
        plain.save(tmp_path / "m.safetensors")
    finally:
        plain.metadata = before
    facts = model_document.read(tmp_path / "m.safetensors")["training"]
    assert list(facts) == ["ema_decay", "epochs", "start_from"] and facts["ema_decay"] == 0.5
    assert facts["start_from"]["training"] == {"ema_decay": 0.5, "epochs": 3}
    assert Classifier.load(tmp_path / "m.safetensors").metadata["training"] == facts
    shipped = model_document.read("htrd")  # made when they had the old names
    assert shipped["training"]["ema_decay"] == 0.99 and shipped["rejector"]["C"] == 1
    assert not caplog.records and not capfd.readouterr().err


def test_types_are_checked_whatever_the_annotation_looks_like():
    @dataclass(frozen=True)
    class Some:
        count: "int" = 1
        share: float | None = None
        levels: list[float] | None = None

    types = settings.types_of(Some)
    settings.check(types, {"count": 2, "share": 1, "levels": [0.5]}, "some")
    settings.check(types, {"share": None, "levels": None}, "some")
    for wrong in ({"count": 1.5}, {"count": True}, {"share": "a"}, {"levels": 3}):
        with pytest.raises(UserError, match="must be of type"):
            settings.check(types, wrong, "some")
    with pytest.raises(UserError, match="unknown entries size; there are count, share, levels"):
        settings.check(types, {"size": 1}, "some")


def test_settings_by_dotted_name(files, monkeypatch, capsys):
    given = plan(
        monkeypatch, "--method", "cat", "--epochs", 3, "--set", "cat.r_max=0.1", "--set",
        "cat.growth=0.05", "--set", "training.cosine=true", "--set", "method.steps=2",
    )  # fmt: skip
    assert (given.recipe.r_max, given.recipe.growth, given.recipe.steps) == (0.1, 0.05, 2)
    assert given.settings.cosine is True and given.settings.epochs == 3
    assert given.settings.robust_radius == 0.095  # as the method has it, where nothing is said
    given = plan(monkeypatch, "--method", "cat", "--set", "training.robust_radius=0")
    assert given.settings.robust_radius == 0
    assert plan(monkeypatch).settings.robust_radius == 0
    given = plan(monkeypatch, "--snr", "0,10", "--set", "training.patience=0")
    assert given.snr_db == [0, 10] and given.settings.patience == 0
    assert not [line for line in capsys.readouterr().err.splitlines() if "is now" in line]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--set", "cat.r_max=0.1"), "cat.r_max is not a setting of this system; there are"),
        (("--method", "cat", "--set", "cat.pace=1"), "[cat] has unknown entries pace; there are"),
        (("--method", "cat", "--set", "cat.r_max=fast"), "must be of type float, not 'fast'"),
        (("--method", "cat", "--set", "cat.r_max=0.1,0.2"), "type float, not [0.1, 0.2]"),
        (("--method", "cat", "--set", "cat.r_max"), "--set takes NAME=VALUE, as in cat.r_max=0.1"),
        (("--set", "training.method=a,b"), "training.method must be of type str, not ['a', 'b']"),
        (("--set", "rejector.gamma=1"), "rejector.gamma: of a rejector"),
        (("--set", "method.steps=1"), "method.steps is not a setting of this system"),
        (("--method", "magic"), "unknown training method 'magic'; there are standard, ls_gna"),
        (("--architecture", "magic"), "unknown architecture 'magic'; there are vtcnn2"),
        (("--system", "cat", "--set", "cat.pace=1"), "cat.toml: [cat] has unknown entries pace"),
    ],
)
def test_settings_that_are_none(files, capsys, options, line):
    assert line in refused(capsys, *TRAIN, *options)


def test_old_options_of_a_training(files, monkeypatch, capsys):
    given = plan(
        monkeypatch, "--method", "cat", "--r-max", 0.1, "--growth=0.05", "--attack-steps", 2,
        "--stop-at-success", "--average", 0.5, "--constant", "--rule", "after_success",
    )  # fmt: skip
    recipe = given.recipe
    assert (recipe.r_max, recipe.growth, recipe.steps) == (0.1, 0.05, 2)
    assert recipe.stop_at_success is True and recipe.rule == "after_success"
    assert given.settings.ema_decay == 0.5 and given.settings.cosine is False
    said = capsys.readouterr().err.splitlines()
    assert "--r-max is now --set cat.r_max=VALUE" in said
    assert "--stop-at-success is now --set method.stop_at_success=true" in said
    assert "--average is now --set training.ema_decay=VALUE" in said
    given = plan(monkeypatch, "--method", "adversarial", "--radius", 0.2, "--drawn")
    assert given.recipe.radius == 0.2 and given.recipe.drawn is True
    assert plan(monkeypatch, "--method", "ls_gna", "--noise", 0.3).recipe.noise == 0.3
    assert "--set takes NAME=VALUE" in refused(capsys, *TRAIN, "--noise")


@pytest.mark.parametrize("option", sorted(train.OLD))
def test_every_old_option_has_a_setting(files, option):
    """Of some method: each form names a setting that there is."""
    assert option.startswith("--")
    form = train.OLD[option].removeprefix("--set ")
    name = form.partition("=")[0]
    table, _, entry = name.partition(".")
    methods = {"training": "standard", "method": "cat"}
    system = systems.default({"training.method": methods.get(table, table)})
    owner = system.plan.settings if table == "training" else system.plan.recipe
    assert hasattr(owner, entry) or hasattr(system.plan, entry)


def test_old_options_of_a_rejector(files, plain, monkeypatch, capsys):
    plain.save("m.safetensors")
    given = rejector(monkeypatch, "--gamma", 0.02, "--penalty", 2, "--no-scale-features")
    assert given == SVMSettings(gamma=0.02, C=2, scale_features=False)
    said = capsys.readouterr().err
    assert "--gamma is now --set gamma=VALUE" in said and "--penalty is now --set C=VALUE" in said


def test_settings_of_a_rejector_by_name(files, plain, monkeypatch, capsys):
    plain.save("m.safetensors")
    given = rejector(monkeypatch, "--set", "gamma=0.02", "--set", "rejector.C=2")
    assert given == SVMSettings(gamma=0.02, C=2)
    given = rejector(monkeypatch, "--kind", "autoencoder", "--set", "latent_dim=8")
    assert given == AutoencoderSettings(latent_dim=8)
    given = rejector(monkeypatch, "--system", "htrd", "--kind", "autoencoder", "--set", "code=8")
    assert given == AutoencoderSettings(latent_dim=8)
    assert "rejector.code is now called rejector.latent_dim" in capsys.readouterr().err
    given = rejector(monkeypatch, "--system", "htrd", "--set", "gamma=0.5")
    assert given.gamma == 0.5 and given.C == systems.load("htrd").rejector.C
    for options, line in (
        (("--kind", "oracle"), "unknown rejector 'oracle'; there are svm, autoencoder"),
        (("--set", "depth=2"), "[rejector] has unknown entries depth; there are"),
        (("--set", "gamma=wide"), "rejector.gamma must be of type float, not 'wide'"),
        (("--set", "gamma"), "--set takes NAME=VALUE, as in gamma=0.02"),
    ):
        assert line in refused(capsys, *FIT, *options)


def test_old_forms_become_new_ones(capsys):
    forms = {"--old": "--new=", "--many": "--set a.b=", "--flag": "--set a.c=true"}
    typed = ["x", "--old", "-3", "--many=1", "--flag", "--", "--old", "2"]
    assert _current(typed, forms) == [
        "x", "--new=-3", "--set", "a.b=1", "--set", "a.c=true", "--", "--old", "2",
    ]  # fmt: skip
    assert capsys.readouterr().err.splitlines() == [
        "--old is now --new=VALUE", "--many is now --set a.b=VALUE", "--flag is now --set a.c=true",
    ]  # fmt: skip


def test_frames_per_key_of_a_comparison(files, capsys):
    for option in ("--frames-per-key", "--frames-per-cell"):
        run("dataset", "compare", "toy.npz", "toy.npz", option, 7, "--json", "x.json")
        found = json.loads((files / "x.json").read_text())["settings"]
        assert found["frames_per_key"] == 7 and found["frames_per_cell"] == 7
        said = "--frames-per-cell is now --frames-per-key=VALUE" in capsys.readouterr().err
        assert said == (option == "--frames-per-cell")
