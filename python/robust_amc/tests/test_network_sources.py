"""Samples over UDP and from an rtl_tcp server, both of this machine."""

import contextlib
import json
import socket
import struct
import threading

import numpy as np
import pytest

from robust_amc.benchmarks import modulated_signals
from robust_amc.cli import main
from robust_amc.errors import UserError
from robust_amc.streams.network_sources import RtlTcpSource, UdpSource
from robust_amc.streams.opening import open_stream
from robust_amc.streams.recording import Facts

RATE, CENTER = 1e6, 100e6


class RtlTcpServer:
    """Sends a greeting and samples to one client, and keeps the commands that it gets."""

    def __init__(self, samples, greeting=b"RTL0"):
        self._answer = struct.pack(">4sII", greeting, 5, 29) + samples
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"rtl_tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        self.commands = {}
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            client, _ = self._listening.accept()
            with client, client.makefile("rb") as file:
                client.sendall(self._answer[:12])
                while len(self.commands) < 3 and len(command := file.read(5)) == 5:
                    number, value = struct.unpack(">BI", command)
                    self.commands[number] = value
                client.sendall(self._answer[12:])

    def close(self):
        self._listening.close()
        self._thread.join(timeout=60)


@pytest.fixture
def samples():
    """A QPSK signal of 50 kBd, 200 kHz above the middle, as 8-bit samples."""
    rng = np.random.default_rng(0)
    made = modulated_signals.signal("QPSK", 1 << 17, RATE / 50e3, 0.35, rng)
    noise = rng.standard_normal((2, 1 << 17)) * 0.02
    turned = 0.2 * made * np.exp(2j * np.pi * 0.2 * np.arange(1 << 17)) + noise[0] + 1j * noise[1]
    pairs = np.stack([turned.real, turned.imag], 1) * 127.5 + 127.5
    return np.clip(np.round(pairs), 0, 255).astype(np.uint8).tobytes()


def everything(source):
    found = b""
    while (block := source.read(10.0)) is not None:
        found += block
    return found


def test_a_receiver_is_tuned_and_read(samples):
    server = RtlTcpServer(samples)
    source = RtlTcpSource(server.address, RATE, CENTER)
    assert everything(source) == samples
    source.close()
    server.close()
    assert server.commands == {1: CENTER, 2: RATE, 3: 0}


def test_scan_of_a_receiver(samples, capsys):
    server = RtlTcpServer(samples)
    with pytest.raises(SystemExit) as stopped:
        main(["scan", server.address, "--sample-rate", "1e6", "--center-frequency", "100e6"]
             + ["--model", "modern"])  # fmt: skip
    server.close()
    assert not stopped.value.code
    rows = map(json.loads, capsys.readouterr().out.splitlines())
    (row,) = [each for each in rows if each["label"]]  # 8 bits make weak lines beside it
    assert row["label"] == "QPSK" and row["center_hz"] == pytest.approx(100.2e6, abs=50)


def test_another_server_is_told():
    server = RtlTcpServer(b"", greeting=b"HTTP")
    with pytest.raises(UserError, match="is not an rtl_tcp server"):
        RtlTcpSource(server.address, RATE, CENTER)
    server.close()


def test_what_cannot_be_opened():
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with pytest.raises(UserError, match="cannot connect"):
        RtlTcpSource(f"rtl_tcp://127.0.0.1:{port}", RATE, CENTER)
    for address in ("rtl_tcp://127.0.0.1", "rtl_tcp://:5", "rtl_tcp://127.0.0.1:99999",
                    "rtl_tcp://127.0.0.1:5/x"):  # fmt: skip
        with pytest.raises(UserError, match="is no address"):
            RtlTcpSource(address, RATE, CENTER)
    for facts, said in (
        (Facts(), "--sample-rate and --center-frequency"),
        (Facts("cf32_le", RATE, CENTER), "sends cu8"),
        (Facts(None, RATE, 1e10), "frequency of 1"),
    ):
        with pytest.raises(UserError, match=said):
            open_stream("rtl_tcp://127.0.0.1:1", 128, facts=facts)
    with pytest.raises(UserError, match="cannot listen"):
        UdpSource("udp://192.0.2.1:5000", 8)


def test_datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    stream = open_stream(f"udp://127.0.0.1:{port}", 128, facts=Facts("ci16_le", RATE))
    assert stream.recording.datatype == "ci16_le" and stream.source.read(0.01) == b""
    sent = np.arange(512, dtype="<i2").tobytes()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for block in (sent[:1000], sent[:1001], sent[1000:]):
            sender.sendto(block, ("127.0.0.1", port))
    got = [stream.source.read(10.0) for _ in range(3)]
    assert got == [sent[:1000], b"", sent[1000:]] and stream.source.skipped == 1
    stream.source.close()
