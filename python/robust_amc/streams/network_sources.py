"""Samples from a network without a library: UDP datagrams, and a receiver behind rtl_tcp."""

import select
import socket
import struct
from contextlib import suppress
from urllib.parse import urlsplit

from ..errors import UserError
from .sources import BLOCK

PATIENCE = 5.0  # seconds for a server to answer
UDP, RTL_TCP = "udp", "rtl_tcp"
RTL_DATATYPE = "cu8"
_LARGEST = 1 << 16  # bytes of a datagram
_BUFFER = 1 << 22  # bytes that the system keeps of datagrams
_HEADER = struct.Struct(">4sII")  # magic, tuner, number of its gains
_COMMAND = struct.Struct(">BI")
_FREQUENCY, _SAMPLE_RATE, _GAIN_MODE = 1, 2, 3
_AUTOMATIC = 0


class UdpSource:
    """Datagrams that come to an address of this machine, such as ``udp://127.0.0.1:5555``.

    It has no end. `sample_size` is in bytes; a datagram has to hold whole samples. Raises UserError
    for an address that is none, or not of this machine.

    Attributes:
        skipped: datagrams so far that did not
    """

    def __init__(self, address: str, sample_size: int) -> None:
        self.skipped = 0
        self._sample_size = sample_size
        host, port = _place(address)
        self._socket = socket.socket(_family(host), socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise UserError(f"cannot listen at {address}: {error.strerror or error}") from None

    def read(self, timeout: float) -> bytes:
        """The samples of the next datagram; none when none came in `timeout` seconds."""
        if not select.select([self._socket], [], [], timeout)[0]:
            return b""
        block = self._socket.recv(_LARGEST)
        if len(block) % self._sample_size:
            self.skipped += 1
            return b""
        return block

    def close(self) -> None:
        """Listen no longer."""
        self._socket.close()


class RtlTcpSource:
    """A receiver behind rtl_tcp, at an address such as ``rtl_tcp://127.0.0.1:1234``.

    It is tuned to the frequency and rate given, with automatic gain; its samples are cu8. It ends
    when the server does. Raises UserError where no server answers, or another one.
    """

    skipped = 0

    def __init__(self, address: str, sample_rate_hz: float, center_frequency_hz: float) -> None:
        self._address = address
        for name, value in (("rate", sample_rate_hz), ("frequency", center_frequency_hz)):
            if not 0 < value < 1 << 32:
                raise UserError(
                    f"{address} takes a {name} of 1 … {(1 << 32) - 1} Hz, not {value:g}"
                )
        try:
            self._socket = socket.create_connection(_place(address), PATIENCE)
        except OSError as error:
            raise UserError(f"cannot connect to {address}: {error.strerror or error}") from None
        try:
            self._greet()
            self._send(_SAMPLE_RATE, round(sample_rate_hz))
            self._send(_FREQUENCY, round(center_frequency_hz))
            self._send(_GAIN_MODE, _AUTOMATIC)
        except OSError as error:
            self.close()
            raise UserError(f"{address} does not answer: {error.strerror or error}") from None

    def _greet(self) -> None:
        header = b""
        while len(header) < _HEADER.size:
            block = self._socket.recv(_HEADER.size - len(header))
            if not block:
                break
            header += block
        if len(header) < _HEADER.size or _HEADER.unpack(header)[0] != b"RTL0":
            self.close()
            raise UserError(f"{self._address} is not an rtl_tcp server")

    def _send(self, command: int, value: int) -> None:
        self._socket.sendall(_COMMAND.pack(command, value))

    def read(self, timeout: float) -> bytes | None:
        """The next bytes; none when there are none after `timeout` seconds, None at the end."""
        try:
            if not select.select([self._socket], [], [], timeout)[0]:
                return b""
            return self._socket.recv(BLOCK) or None
        except OSError:
            return None  # the server has gone

    def close(self) -> None:
        """Disconnect."""
        with suppress(OSError):
            self._socket.close()


def scheme(name: str) -> str | None:
    """UDP or RTL_TCP for the name of such a stream, else None."""
    found = name.partition("://")
    return found[0] if found[1] and found[0] in (UDP, RTL_TCP) else None


def _place(address: str) -> tuple[str, int]:
    """Host and port; UserError where there are none."""
    try:
        found = urlsplit("//" + address.partition("://")[2])  # "_" is in no scheme that it knows
        host, port = found.hostname, found.port
    except ValueError:  # no number, or too large a one
        host, port = None, None
    if not host or not port or found.path or found.query:
        raise UserError(
            f"{address} is no address: give one such as {scheme(address)}://127.0.0.1:1234"
        )
    return host, port


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
