# SPDX-License-Identifier: GPL-3.0-or-later
"""A flowgraph of this folder as a process of its own, controlled through its XML-RPC server."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from xmlrpc.client import Fault, ServerProxy

from robust_amc.errors import UserError

START = 180  # seconds until a flowgraph answers
POLL_PERIOD = 0.25  # seconds; its function probes look five times a second
BLOCKS = Path(__file__).resolve().parents[1] / "grc"


class FlowgraphProcess:
    """A context manager: inside, the flowgraph runs.

    Args:
        path: the .grc file
        folder: where the compiled program and its messages go
        port: TCP port of its control server, on this host
        arguments: for its command line

    Raises UserError when it cannot be compiled, or ends before it answers; the message has the
    last line that it wrote on standard error.
    """

    def __init__(self, path, folder, port, arguments=()):
        self._name = path.stem
        program = Path(folder) / f"{path.stem}.py"
        if not program.is_file() or program.stat().st_mtime <= path.stat().st_mtime:
            _compile(path, program)
        self._command = [sys.executable, program, "--control-port", str(port), *arguments]
        self._messages = Path(folder) / f"{path.stem}.log"
        self._server = ServerProxy(f"http://127.0.0.1:{port}", allow_none=True)

    def __enter__(self):
        with open(self._messages, "w") as messages:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=messages
            )
        try:
            self._wait()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    def _wait(self):
        """Until it runs.

        Its server answers while the blocks are still being made, from values that a setter
        does not change any more. It has edges when it has been started.
        """
        end = time.monotonic() + START
        while self._process.poll() is None and time.monotonic() < end:
            with suppress(OSError):
                if self._server.edge_list():
                    return
            time.sleep(0.1)
        reason = _last_line(self._messages.read_text()) or "it does not answer"
        raise UserError(f"{self._name}: {reason}")

    def _end(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, function, *values):
        """Call a method of the flowgraph, such as ``set_pnr_db``."""
        try:
            return getattr(self._server, function)(*values)
        except Fault as error:
            raise UserError(f"{self._name} refuses {function}: {error.faultString}") from None
        except OSError as error:
            reason = _last_line(self._messages.read_text()) or error
            raise UserError(f"{self._name} has ended: {reason}") from None

    def set(self, values):
        """Call the setters of a dictionary of variables."""
        for name, value in values.items():
            self.call(f"set_{name}", value)

    def poll(self, function):
        """Call a getter of what a function probe finds, after it has surely looked again."""
        time.sleep(POLL_PERIOD)
        return self.call(function)


def _compile(path, program):
    """Let GNU Radio Companion's compiler make a program of a flowgraph."""
    environment = {"GRC_BLOCKS_PATH": str(BLOCKS)} | os.environ
    done = subprocess.run(["grcc", "-o", program.parent, path], env=environment, text=True,
                          capture_output=True, check=False)
    if done.returncode or not program.is_file():
        raise UserError(f"{path} cannot be compiled: {_last_line(done.stdout + done.stderr)}")


def _last_line(text):
    return next(reversed([line.strip() for line in text.splitlines() if line.strip()]), "")
