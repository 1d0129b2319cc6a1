"""Samples from a stream sink of gr-zeromq: PUB or PUSH, whichever is at the other end."""

import logging
import struct
import time
from typing import Any

from ..errors import UserError

LARGEST = 1 << 23  # bytes of a message; gr-zeromq sends what is in a buffer, mostly 32 kB
HIGH_WATER = 200  # messages that wait here; the other end keeps, drops or waits with the rest
PATIENCE = 2.0  # seconds without the other end until that is told
# What gr-zeromq puts before the samples when it passes tags: magic, version, offset, tags
_HEADER = struct.Struct("<HBQQ")
_MAGIC = (0x5FF0, 1)
_MOST_TAGS = 1 << 20
log = logging.getLogger(__name__)


class ZmqSource:
    """Messages of the sink at `address`, such as ``tcp://127.0.0.1:5555``; it has no end.

    An address does not say of which kind its sink is, and a socket of the wrong kind is
    never accepted: there is one of each, until the first message comes. `sample_size` is
    in bytes. That nothing answers, and that the other end is gone, is logged once, and waited
    for. Raises UserError without pyzmq and for an address that is none.

    Attributes:
        skipped: messages so far that did not hold samples alone; the first one is logged
    """

    def __init__(self, address: str, sample_size: int) -> None:
        self._zmq = _package()
        _check_port(address)
        self._address = address
        self._sample_size = sample_size
        self.skipped = 0
        self._context = self._zmq.Context()
        self._poller = self._zmq.Poller()
        self._link = _Link(address)
        try:
            for kind in (self._zmq.SUB, self._zmq.PULL):
                self._connect(kind)
        except (self._zmq.ZMQError, ValueError) as error:  # ValueError: a zero in the address
            self.close()
            raise UserError(
                f"cannot connect to {address}: {error}; give an address such as "
                "tcp://127.0.0.1:5555"
            ) from None

    def _connect(self, kind: int) -> None:
        zmq = self._zmq
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)  # ms; for the one of the wrong kind
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST)
        socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        self._poller.register(socket, zmq.POLLIN)
        self._link.watch(socket, zmq)
        socket.connect(self._address)

    def read(self, timeout: float) -> bytes:
        """The samples of the next message; none when none came in `timeout` seconds."""
        ready = self._poller.poll(timeout * 1000)
        if not ready:
            for socket in self._link.look():
                # After a message that is too large, ZMQ itself would never connect again
                kind = socket.type
                self._leave(socket)
                self._connect(kind)
            return b""
        socket, _ = ready[0]
        self._keep(socket)
        message = socket.recv_multipart()[-1]  # before it the key, if the sink has one
        if len(message) % self._sample_size or _has_tags(message):
            self._skip(len(message))
            return b""
        return message

    def _skip(self, size: int) -> None:
        if not self.skipped:
            log.warning(
                f"a message of {size} bytes from {self._address} is skipped, as it does not hold "
                f"samples of {self._sample_size} bytes alone; let the sink send complex samples, "
                "without tags (said once)"
            )
        self.skipped += 1

    def _keep(self, socket: Any) -> None:
        for other, _ in list(self._poller.sockets):
            if other is not socket:
                self._leave(other)

    def _leave(self, socket: Any) -> None:
        self._poller.unregister(socket)
        self._link.leave(socket)
        socket.close(linger=0)

    def close(self) -> None:
        """Disconnect."""
        self._link.close()
        self._context.destroy(linger=0)


class _Link:
    """Says once that nothing answers at an address, and once that what answered is gone."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._monitors: dict[Any, Any] = {}  # of each socket
        self._up: set[Any] = set()  # sockets that have been accepted
        self._since = time.monotonic()
        self._has_answered = False
        self._told: set[str] = set()

    def watch(self, socket: Any, zmq: Any) -> None:
        """Listen to what happens to a socket."""
        self._zmq = zmq
        wanted = zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        self._monitors[socket] = socket.get_monitor_socket(wanted)

    def leave(self, socket: Any) -> None:
        """Listen no longer."""
        del self._monitors[socket]
        self._up.discard(socket)
        socket.disable_monitor()

    def close(self) -> None:
        """Listen to nothing any longer."""
        for socket in list(self._monitors):
            self.leave(socket)

    def look(self) -> list[Any]:
        """Tell what the user should know of what has happened; returns sockets that were left."""
        lost = []
        for socket, monitor in self._monitors.items():
            while monitor.poll(0):
                event = self._zmq.utils.monitor.recv_monitor_message(monitor)["event"]
                if event == self._zmq.EVENT_CONNECTED:
                    self._has_answered = True
                elif event == self._zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._up.add(socket)
                elif socket in self._up and socket not in lost:
                    lost.append(socket)
        if not self._up and time.monotonic() - self._since > PATIENCE:
            answer = "what answers is no Pub or Push Sink" if self._has_answered else "no answer"
            self._tell("absent", f"no samples from {self._address}: {answer}; still waiting")
        if lost:
            self._tell(
                "gone",
                f"{self._address} has disconnected: the other end has stopped, or sent a message "
                f"of more than {LARGEST >> 20} MiB; waiting for it (said once)",
            )
        return lost

    def _tell(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            log.warning(text)


def _check_port(address: str) -> None:
    """UserError for a TCP port that cannot exist, which ZMQ would wait for."""
    port = address.rpartition(":")[2]
    if address.startswith("tcp://") and port.isdecimal() and not 0 < int(port) < 1 << 16:
        raise UserError(f"cannot connect to {address}: there is no port {port}, they are 1 … 65535")


def _has_tags(message: bytes) -> bool:
    if len(message) < _HEADER.size:
        return False
    magic, version, _, tags = _HEADER.unpack_from(message)
    return (magic, version) == _MAGIC and tags < _MOST_TAGS


def _package() -> Any:
    try:
        import zmq.utils.monitor
    except ImportError as error:
        raise UserError(
            f"a ZMQ address needs pyzmq, which cannot be imported ({error}); install it with "
            "pip install -c constraints.txt '.[zmq]'"
        ) from None
    return zmq
