"""The command line `htrd`: one module a subcommand."""

import typer

from .. import __version__
from . import (
    attack,
    bench,
    classify,
    dataset,
    evaluate,
    export,
    figure,
    fit_rejector,
    models,
    reproduce,
    sweep,
    train,
)
from .console import out, run

app = typer.Typer(
    help="Modulation classification under adversarial attack: train, attack, defend, evaluate.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(dataset.app, name="dataset")
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("fit-rejector")(fit_rejector.fit_rejector)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(figure.app, name="figure")
app.command("classify")(classify.classify)
app.command("export")(export.export)
app.command("models")(models.models)
app.add_typer(reproduce.app, name="reproduce")
app.add_typer(attack.app, name="attack")
app.add_typer(bench.app, name="bench")


def _version(wanted: bool):
    if wanted:
        out.print(f"htrd {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
):
    pass


def main(arguments=None):
    """Run the command line, as :func:`console.run` does."""
    run(lambda: app(arguments))
