# SPDX-License-Identifier: GPL-3.0-or-later
"""What the blocks that attack have in common: a level and a switch, and messages that set them."""

from .checks import as_db, as_switch
from .messages import control, ports


class Injection:
    """Part of a block that attacks: its level, whether it does, and the port `control` for both."""

    def pnr_db(self):
        """The wanted PNR in dB."""
        return self._pnr_db

    def set_pnr_db(self, value):
        """Set the PNR in dB, from the next batch or burst on; UserError when it is not finite."""
        self._pnr_db = as_db("pnr_db", value)

    def enabled(self):
        """Whether there is an attack."""
        return self._enabled

    def set_enabled(self, value):
        """Switch the attack on or off, from the next batch or burst on."""
        self._enabled = as_switch("enabled", value)

    @ports.tolerant
    def handle_control(self, message):
        """A message on `control`."""
        self._control.apply(message)

    def _listen_to_control(self, **setters):
        """Open the port `control`, for more setters too; the block must have its `_log` by then."""
        self._control = control.Control(
            self._log, pnr_db=self.set_pnr_db, enabled=self.set_enabled, **setters
        )
        ports.receive(self, control=self.handle_control)
