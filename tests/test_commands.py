"""The `htrd` commands of the documentation: all are taken as they stand, those of README.md run."""

import json
import re
import shlex
from pathlib import Path
from string import Template

import pytest
import typer
from robust_amc.cli import app, main

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "docs/*.md", "docs/tutorials/*.md", "examples/README.md", "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```sh\n((?:(?!```)[^\n]*\n)*)```|((?:^ {4,}[^\n]*\n|^\n)+)", re.MULTILINE)
UsageError = typer.BadParameter.__base__  # of click, or of Typer's own copy of it


def commands(text):
    """The command lines of shell blocks, fenced or indented, from the word `htrd` on.

    Variables that an earlier line of the page sets have their values.
    """
    variables = {}
    for fenced, indented in BLOCK.findall(text):
        lines = re.sub(r"\\\n", " ", fenced or indented).splitlines()
        for line in lines:
            if setting := re.match(r"\s*(\w+)=(\S+|\".*\")$", line):
                variables[setting[1]] = setting[2].strip('"')
                continue
            line = Template(line).safe_substitute(variables)
            found = re.search(r"(?:^|[ /])(htrd (?:[a-z-]+|--help)(?: .*)?)$", line)
            if found and not re.match(r"\s*(#|from |import |print)", line):
                yield shlex.split(re.split(r" [|>] ", found[1])[0], comments=True)[1:]


DOCUMENTED = [
    pytest.param(words, id=f"{page.name}: {' '.join(words)[:60]}")
    for pattern in PAGES
    for page in sorted(ROOT.glob(pattern))
    for words in commands(page.read_text())
]


def parse(words):
    """Read a command line as `htrd` does, and run nothing; UsageError when it is wrong."""
    command, context = typer.main.get_command(app), None
    name = "htrd"
    while True:
        context = command.make_context(name, list(words), parent=context)
        command = context.command  # that itself, where `command` was a lazy stand-in
        if not hasattr(command, "resolve_command"):
            return
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        name, command, words = command.resolve_command(context, rest)


@pytest.mark.parametrize("words", DOCUMENTED)
def test_documented_command_is_taken(words):
    if "--help" not in words:
        parse(words)


def test_commands_are_found():
    text = (
        "```sh\nhtrd models   # what ships\n.venv/bin/htrd train a \\\n    --seed 1 > log\n```\n"
        "Text about htrd train.\n\n    ../.venv/bin/htrd dataset info sample\n\n"
    )
    assert list(commands(text)) == [
        ["models"],
        ["train", "a", "--seed", "1"],
        ["dataset", "info", "sample"],
    ]
    assert list(
        commands('```sh\nmore="train b \\\n    --seed 2"\n```\n\n    htrd $more --snr $snr\n')
    ) == [["train", "b", "--seed", "2", "--snr", "$snr"]]
    assert len(DOCUMENTED) > 30


@pytest.mark.parametrize("words", [["tran"], ["models", "--crad"], ["dataset", "info"]])
def test_a_wrong_command_is_found(words):
    with pytest.raises(UsageError):
        parse(words)


def test_first_ten_minutes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in commands((ROOT / "README.md").read_text()):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert not ended.value.code
        assert capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    assert [row["pnr_db"] for row in results["rows"]] == 2 * [-20, -10, 0]
    assert (tmp_path / "curves.png").stat().st_size > 0
