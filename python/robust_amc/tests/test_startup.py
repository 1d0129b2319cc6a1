"""The command line starts quickly: what is not used is not imported."""

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from robust_amc import assets
from robust_amc.cli import COMMANDS, app, dataset, lazy

LIBRARY = Path(__file__).parents[2]
HEAVY = ("torch", "lightning_fabric", "sklearn", "scipy", "matplotlib", "h5py")
CHECKED = """
import sys
from robust_amc.cli import main
try:
    main(sys.argv[1:])
except SystemExit as done:
    assert not done.code, done.code
print("imported:", *[name for name in {heavy} if name in sys.modules])
"""
TWO_COMMANDS = """
import typer
app = typer.Typer()

@app.command()
def one(name: str):
    "The first."

@app.command()
def two(name: str):
    "The second."

app()
"""
PROGRAM = "from robust_amc.cli import main; main()"


def python(*arguments, **more):
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)} | more
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True, text=True, env=environment, timeout=300, check=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "models", "models htrd", "dataset --help", "models --help"]
)
def test_nothing_heavy_is_imported(arguments):
    said = python("-c", CHECKED.format(heavy=HEAVY), *arguments.split()).stdout
    assert said.splitlines()[-1] == "imported:"
    if arguments == "models":
        assert all(name[:6] in said for name in assets.model_names())


def test_a_model_is_loaded_by_torch_alone():
    """What trains, fits and draws takes longer to import than PyTorch."""
    said = python(
        "-c",
        "import sys; import robust_amc.cli.evaluate; from robust_amc.classifier import Classifier; "
        "Classifier.load('htrd'); "
        f"print(*[name for name in {(*HEAVY, 'torch._dynamo')} if name in sys.modules])",
    ).stdout  # fmt: skip
    assert said.split() == ["torch"]


def test_the_check_would_find_it():
    said = python("-c", CHECKED.format(heavy=HEAVY), "train", "--help").stdout
    assert "torch" in said.splitlines()[-1]


def test_help_takes_little_more_than_a_program_of_two_commands(tmp_path):
    """In processor time of the children, so that a busy machine makes no difference."""
    (tmp_path / "two.py").write_text(TWO_COMMANDS)
    ways = {"ours": ("-c", PROGRAM, "--help"), "two": (tmp_path / "two.py", "--help")}
    seconds = {name: [] for name in ways}
    for _ in range(6):
        for name, arguments in ways.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            python(*arguments)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[name].append(
                after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            )
    ours, two = (statistics.median(each[1:]) for each in seconds.values())  # the first compiles
    assert ours <= 3 * two


@pytest.mark.parametrize(
    ("name", "target", "summary"),
    [(name, *each) for commands in (COMMANDS, dataset.COMMANDS) for name, each in commands.items()],
)
def test_a_command_helps_and_begins_as_the_list_says(name, target, summary):
    command = lazy.LazyCommand(name, target, summary).real
    assert " ".join(command.help.split("\n\n")[0].split()) == summary
    group = dataset.app if target in [each for each, _ in dataset.COMMANDS.values()] else app
    found = CliRunner().invoke(group, [name, "--help"])
    assert found.exit_code == 0 and f" {name} " in found.output


def test_a_lazy_group_is_a_group():
    group = typer.main.get_command(app)
    context = group.make_context("htrd", ["dataset", "info", "x"])
    assert list(group.list_commands(context)) == list(COMMANDS)
    name, command, rest = group.resolve_command(context, ["dataset", "info", "x"])
    assert (name, rest) == ("dataset", ["info", "x"])
    assert list(command.list_commands(context)) == list(dataset.COMMANDS)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("htrd mod", {"models"}),
        ("htrd train --meth", {"--method"}),
        ("htrd train --method c", {"cat"}),
        ("htrd dataset con", {"convert"}),
        ("htrd dataset info --js", {"--json"}),
    ],
)
def test_shell_completion(typed, offered):
    words = typed.split()
    said = python(
        "-c", "from robust_amc.cli import app; app(prog_name='htrd')",
        _HTRD_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1),
    ).stdout  # fmt: skip
    assert set(said.split()) == offered
