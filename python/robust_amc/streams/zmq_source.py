"""Samples from a stream sink of gr-zeromq: PUB or PUSH, whichever is at the other end."""

import struct
from typing import Any

from ..errors import UserError

# What gr-zeromq puts before the samples when it passes tags: magic, version, offset, tags
_HEADER = struct.Struct("<HBQQ")
_MAGIC = (0x5FF0, 1)
_MOST_TAGS = 1 << 20


class ZmqSource:
    """Messages of the sink at `address`, such as ``tcp://127.0.0.1:5555``; it has no end.

    An address does not say of which kind its sink is, and a socket of the wrong kind is
    never accepted: there is one of each, until the first message comes. `sample_size` is
    in bytes. Raises UserError without pyzmq, for an address that is none, and for messages
    that are not samples.
    """

    def __init__(self, address: str, sample_size: int) -> None:
        zmq = _package()
        self._address = address
        self._sample_size = sample_size
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        try:
            for kind in (zmq.SUB, zmq.PULL):
                self._connect(kind, zmq)
        except zmq.ZMQError as error:
            self.close()
            raise UserError(
                f"cannot connect to {address}: {error}; give an address such as "
                "tcp://127.0.0.1:5555"
            ) from None

    def _connect(self, kind: int, zmq: Any) -> None:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)  # ms; for the one of the wrong kind
        if kind == zmq.SUB:
            socket.subscribe(b"")
        self._poller.register(socket, zmq.POLLIN)
        socket.connect(self._address)

    def read(self, timeout: float) -> bytes:
        """The samples of the next message; none when none came in `timeout` seconds."""
        ready = self._poller.poll(timeout * 1000)
        if not ready:
            return b""
        socket, _ = ready[0]
        self._keep(socket)
        message = socket.recv_multipart()[-1]  # before it the key, if the sink has one
        if len(message) % self._sample_size or _has_tags(message):
            raise UserError(
                f"a message of {len(message)} bytes from {self._address} does not hold samples of "
                f"{self._sample_size} bytes alone; let the sink send complex samples, without tags"
            )
        return message

    def _keep(self, socket: Any) -> None:
        for other, _ in list(self._poller.sockets):
            if other is not socket:
                self._poller.unregister(other)
                other.close()

    def close(self) -> None:
        """Disconnect."""
        self._context.destroy(linger=0)


def _has_tags(message: bytes) -> bool:
    if len(message) < _HEADER.size:
        return False
    magic, version, _, tags = _HEADER.unpack_from(message)
    return (magic, version) == _MAGIC and tags < _MOST_TAGS


def _package() -> Any:
    try:
        import zmq
    except ImportError as error:
        raise UserError(
            f"a ZMQ address needs pyzmq, which cannot be imported ({error}); install it with "
            "pip install -c constraints.txt '.[zmq]'"
        ) from None
    return zmq
