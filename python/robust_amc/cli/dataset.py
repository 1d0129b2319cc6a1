"""`htrd dataset`: make data sets, convert them, and say what is in them."""

import typer

from . import lazy

COMMANDS = {
    "generate": (
        ".generate:generate",
        "Generate an RML2016.10a-style data set with GNU Radio flowgraphs.",
    ),
    "convert": (
        ".convert:convert",
        "Convert a data set or a recording into another format, or into a part of it.",
    ),
    "info": (
        ".info:info",
        "Say what is in a data set: classes, SNR labels, counts, scaling, origin, problems.",
    ),
    "compare": (
        ".compare:compare",
        "Compare two data sets: SNR, energy, bandwidth, cumulants, bare carriers.",
    ),
}
app = typer.Typer(
    cls=lazy.group(COMMANDS),
    help="Make data sets, convert them, say what is in one.",
    no_args_is_help=True,
)


@app.callback()
def _dataset() -> None:
    """Make it a group, though its commands are not registered one by one."""
