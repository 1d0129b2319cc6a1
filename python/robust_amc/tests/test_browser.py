"""The page of `htrd demo`, as far as no browser is needed; script/test-demo-page has the rest."""

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from robust_amc import assets, data
from robust_amc.browser import content
from robust_amc.browser.server import PageServer
from robust_amc.classifier import Classifier
from robust_amc.cli import demo
from robust_amc.errors import UserError
from robust_amc.files import checksum

from .graph_runs import assert_is_the_classifier
from .test_cli import refused
from .test_inference import odd_frames

LIBRARY = Path(__file__).parents[2]
LARGEST = 15e6  # bytes of a file


@pytest.fixture(scope="module")
def server():
    with PageServer(content.files()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def asked(server, path, method="GET", **headers):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection(*server.server_address, timeout=30)
    connection.request(method, path, headers={"Accept-Encoding": "gzip"} | headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.headers), answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("path", "kind", "begins"),
    [
        ("/", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/index.html?x=1", "text/html; charset=utf-8", b"<!doctype html>"),
        ("/style.css", "text/css; charset=utf-8", b"/*"),
        ("/js/app.js", "text/javascript; charset=utf-8", b"/**"),
        ("/js/views/canvas.js", "text/javascript; charset=utf-8", b"/**"),
        ("/sample.npz", "application/octet-stream", b"PK"),
        ("/models/htrd_plus.safetensors", "application/octet-stream", b""),
        ("/graphs/undefended.onnx", "application/octet-stream", b""),
        ("/onnxruntime-web/ort.wasm.min.mjs", "text/javascript; charset=utf-8", b"/*"),
        ("/onnxruntime-web/ort-wasm-simd-threaded.wasm", "application/wasm", b"\0asm"),
    ],
)
def test_files_and_their_types(server, path, kind, begins):
    """Modules run with these types only, threads with these headers only."""
    status, headers, body = asked(server, path)
    assert (status, headers["Content-Type"]) == (200, kind)
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert len(body) == int(headers["Content-Length"])
    plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
    assert plain.startswith(begins)
    assert asked(server, path, **{"Accept-Encoding": "identity"})[2] == plain
    status, headers, body = asked(server, path, "HEAD")
    assert (status, headers["Content-Type"], body) == (200, kind, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../__init__.py", "/js/../../__init__.py", "/%2e%2e/__init__.py", "//etc/passwd",
        "/models/", "/models/htrd.safetensors", "/js", "/..", "/index.html/", "/\0", "/%00",
        "/onnxruntime-web/LICENSE", "http://elsewhere/x",
    ],
)  # fmt: skip
def test_nothing_else_is_served(server, path):
    with socket.create_connection(server.server_address, timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        status = connection.makefile("rb").readline().split()[1]
    assert status in (b"400", b"404")


def test_only_this_machine_is_served(server):
    assert server.server_address[0] == "127.0.0.1"


def test_the_page_fetches_nothing_from_elsewhere():
    """No address of another machine in what a browser loads, and no file that is not served."""
    served = content.files()
    for path, file in served.items():
        if content.PAGE in file.parents:
            text = file.read_text()
            for said in ("http://", "https://", "//cdn"):
                assert said not in text.replace("http://www.w3.org/2000/svg", ""), path
            assert all(len(line) < 200 for line in text.splitlines()), path


@pytest.mark.parametrize("folder", ["onnxruntime-web", "graphs"])
def test_no_file_is_too_large(folder):
    for path in assets.path(folder).iterdir():
        assert path.stat().st_size < LARGEST
        if path.suffix == content.PACKED:
            assert len(gzip.decompress(path.read_bytes())) < LARGEST


def test_graph_of_another_model_is_refused(monkeypatch, tmp_path):
    made_of = json.loads(content.GRAPH_MODELS.read_text())
    assert made_of == {name: checksum(assets.model_path(name)) for name in content.RECEIVERS}, (
        "the models are others: run script/ship-models --graphs"
    )
    (tmp_path / "models.json").write_text(json.dumps(made_of | {"htrd_plus": 64 * "0"}))
    monkeypatch.setattr(content, "GRAPH_MODELS", tmp_path / "models.json")
    with pytest.raises(UserError, match="the graph of htrd_plus in .* of another model file"):
        content.files()
    monkeypatch.setattr(content, "GRAPH_MODELS", tmp_path / "none.json")
    with pytest.raises(UserError, match="script/ship-models --graphs"):
        content.files()


def test_missing_file_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(content, "RUNTIME", tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path} is missing"):
        content.files()


@pytest.mark.parametrize("name", content.RECEIVERS)
def test_shipped_graph_decides_and_attacks_as_the_library(name):
    sample = data.read("sample")
    some = sample.subset(slice(None, None, 205))
    graph = (content.GRAPHS / f"{name}.onnx").read_bytes()
    iq = np.concatenate([some.iq.astype(np.float32), odd_frames()[:8]])
    label = np.concatenate([some.label, np.zeros(8, np.int16)])
    assert_is_the_classifier(graph, assets.model_path(name), Classifier.load(name), iq, label)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command(number):
    """Says where the page is, serves it, and ends when told so."""
    command = subprocess.Popen(
        [sys.executable, "-c", "from robust_amc.cli import main; main()", "demo", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(LIBRARY), "DISPLAY": "", "WAYLAND_DISPLAY": ""},
    )  # fmt: skip
    try:
        url = command.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=30)
        connection.request("GET", "/")
        assert b"A receiver under attack" in connection.getresponse().read()
        connection.close()
        command.send_signal(number)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == 128 + number
    assert "open this address" in said and "Traceback" not in said


def test_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(capsys, "demo", "--no-browser", "--port", str(port))
        assert f"cannot serve at 127.0.0.1:{port}" in said
        with pytest.MonkeyPatch.context() as patch, PageServer({}) as free:
            patch.setattr(demo, "PORT", port)
            with demo._server({}, None) as server:
                assert server.server_port not in (port, free.server_port)


@pytest.mark.parametrize(
    ("displays", "opened"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True)],
)
def test_browser_is_opened_where_there_is_a_display(monkeypatch, displays, opened):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.setenv(name, displays.get(name, ""))
    monkeypatch.setattr(sys, "platform", "linux")
    asked_for = []
    monkeypatch.setattr(demo.webbrowser, "open", lambda url: asked_for.append(url) or True)
    assert demo._open("http://127.0.0.1:1/") is opened
    assert asked_for == ["http://127.0.0.1:1/"] * opened
