"""`htrd dataset`: make data sets, and say what is in them."""

import typer

from . import generate, info

app = typer.Typer(help="Make data sets, and say what is in one.", no_args_is_help=True)
app.command("generate")(generate.generate)
app.command("info")(info.info)
