"""The command line `htrd`: one module a subcommand, imported when it is used."""

from collections.abc import Sequence

import typer

from .. import __version__
from . import lazy
from .console import out, run

COMMANDS = {
    "train": (
        ".train:train",
        "Train a network on the training part of a data set. Defaults are in parentheses.",
    ),
    "sweep": (
        ".sweep:sweep",
        "Choose the settings of a system: each combination is trained, calibrated and attacked.",
    ),
    "fit-rejector": (
        ".fit_rejector:fit_rejector",
        "Fit a rejector on the training part, set its threshold on the calibration part.",
    ),
    "calibrate": (
        ".calibrate:calibrate",
        "Calibrate a model on whole runs: a rejection level with a guarantee, sets, a drift alarm.",
    ),
    "evaluate": (
        ".evaluate:evaluate",
        "Evaluate models, without attack or under one; a row for each (model, SNR, PNR).",
    ),
    "leaderboard": (
        ".leaderboard:leaderboard",
        "Evaluate systems under the same named threat models; write their figures and a page.",
    ),
    "certify": (
        ".certify:certify",
        "Certify a model by randomized smoothing: bounds of robust accuracy, from below and above.",
    ),
    "classify": (
        ".classify:classify",
        "Decide the modulation of each frame: JSON lines on standard output, or a table.",
    ),
    "scan": (
        ".scan:scan",
        "Find the signals in a band, and say what each is: when, where, symbol rate, modulation.",
    ),
    "export": (
        ".export:export",
        "Write network, scaling, rejector and threshold as one ONNX graph.",
    ),
    "models": (
        ".models:models",
        "Show the models that ship, or all that a model file says of itself.",
    ),
    "dataset": (".dataset:app", "Make data sets, convert them, say what is in one."),
    "figure": (".figure:app", "Draw results of `htrd evaluate`."),
    "demo": (
        ".demo:demo",
        "Show two receivers under attack, undefended and htrd_plus, on a page in the browser.",
    ),
    "reproduce": (".reproduce:app", "Reproduce a publication."),
    "attack": (".attack:app", "Write perturbations to files."),
    "bench": (".bench:app", "Measure how fast the parts of the project are."),
}
app = typer.Typer(
    cls=lazy.group(COMMANDS),
    help="Modulation classification under adversarial attack: train, attack, defend, evaluate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"htrd {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, as :func:`console.run` does."""
    run(lambda: app(arguments))
