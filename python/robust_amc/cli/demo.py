"""`htrd demo`: the page with two receivers under attack, in a browser on this machine."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ..browser import content
from ..browser.server import HOST, PageServer
from ..errors import UserError
from .console import err, out, stopping

PORT = 8128
_WAIT = 0.3  # seconds until a signal is noticed at the latest


def demo(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"0: any free one (default: {PORT}, if it is free)."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Show two receivers under attack, undefended and htrd_plus, on a page in the browser.

    Everything runs in the page; nothing is fetched from another machine, and only this one can
    open it. Ctrl-C ends the command.
    """
    files = content.files()
    with _server(files, port) as server, stopping() as stop:
        out.print(server.url, highlight=False)
        if not (browser and _open(server.url)):
            err.print("open this address in a browser on this machine", highlight=False)
        err.print("Ctrl-C ends", highlight=False)
        server.timeout = _WAIT
        while not stop():
            server.handle_request()
    raise typer.Exit(stop.status)


def _server(files: dict[str, Path], port: int | None) -> PageServer:
    try:
        return PageServer(files, PORT if port is None else port)
    except OSError as error:
        if port is None:
            return PageServer(files)
        raise UserError(
            f"cannot serve at {HOST}:{port}: {error.strerror}; --port 0 takes any free one"
        ) from None


def _open(url: str) -> bool:
    """Open a browser window, if there is a display for one; whether there is."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False  # a browser of text would take the terminal, and cannot show the page
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
