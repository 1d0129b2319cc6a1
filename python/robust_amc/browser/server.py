"""Serves the files of the page to browsers on this machine, and nothing else."""

import gzip
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from .content import PACKED

HOST = "127.0.0.1"
# Not from mimetypes, which asks the system: a browser runs no module or wasm of another type
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
HEADERS = {
    # The first two let the page use threads: it has memory that they share
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
        "img-src 'self' data:; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class PageServer(ThreadingHTTPServer):
    """An HTTP server of the files in `content`, a URL path each, on 127.0.0.1.

    No path of a request is ever one of the file system: it is looked up. Port 0 is any free
    one. Raises OSError when the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, content: Mapping[str, Path], port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.content = content

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a file of the page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send what is said of it."""
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        path = self.server.content.get(urlsplit(self.path).path)
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = path.read_bytes()
        is_packed = path.suffix == PACKED
        if is_packed and "gzip" not in self.headers.get("Accept-Encoding", ""):
            body, is_packed = gzip.decompress(body), False
        kind = TYPES.get(Path(path.name.removesuffix(PACKED)).suffix, "application/octet-stream")
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Vary", "Accept-Encoding")
            if is_packed:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if with_body:
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the browser has gone on

    def end_headers(self) -> None:
        """End the headers, with those that every answer has."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def version_string(self) -> str:
        """Nothing of this machine."""
        return "htrd"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is the user's."""
