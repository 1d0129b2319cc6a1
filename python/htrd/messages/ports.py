# SPDX-License-Identifier: GPL-3.0-or-later
"""Message ports of a block."""

import functools

import pmt


def tolerant(handler):
    """A message handler, a method of a block, that no message can end.

    GNU Radio ends a block whose handler raises. What this one raises is logged once, by the
    block's `_log`, and the message is ignored.
    """

    @functools.wraps(handler)  # also for GNU Radio, which finds handlers by their names
    def handle(block, *arguments):
        try:
            handler(block, *arguments)
        except Exception as error:  # noqa: BLE001 (whatever a sender's data causes)
            text = " ".join(str(error).split())[:200] or type(error).__name__
            block._log.warn(handler.__name__, f"message ignored: {text}")

    return handle


def drain(block, **handlers):
    """Handle what waits on message ports, by name: for a block whose `system` port has a message.

    GNU Radio tells a block there that one before it has ended, and may then end this one although
    messages are still in its queues.
    """
    for port, handler in handlers.items():
        while (left := block.delete_head_nowait(pmt.intern(port))) is not None:
            handler(left)


def receive(block, **handlers):
    """Register message input ports of a block, by name, with what handles their messages."""
    for port, handler in handlers.items():
        block.message_port_register_in(pmt.intern(port))
        block.set_msg_handler(pmt.intern(port), handler)


def send(block, *ports):
    """Register message output ports of a block."""
    for port in ports:
        block.message_port_register_out(pmt.intern(port))
