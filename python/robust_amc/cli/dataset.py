"""`htrd dataset`: make data sets, convert them, and say what is in them."""

import typer

from . import compare, convert, generate, info

app = typer.Typer(help="Make data sets, convert them, say what is in one.", no_args_is_help=True)
app.command("generate")(generate.generate)
app.command("convert")(convert.convert)
app.command("info")(info.info)
app.command("compare")(compare.compare)
