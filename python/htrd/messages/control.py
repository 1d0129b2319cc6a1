# SPDX-License-Identifier: GPL-3.0-or-later
"""Control messages: (name, value) pairs and dictionaries that call a block's setters."""

import logging

from robust_amc.errors import UserError

from ..checks import shown
from .values import as_python


class LogOnce:
    """A logger that says each kind of thing once. Logging goes to standard error."""

    def __init__(self, block_name):
        self._logger = logging.getLogger(f"gnuradio.htrd.{block_name}")
        self._said = set()

    def warn(self, kind, text):
        """Log `text` unless something of this `kind` was logged before."""
        if kind not in self._said:
            self._said.add(kind)
            self._logger.warning("%s: %s (said once)", self._logger.name, text)


class Control:
    """Dispatches the messages of a `control` port.

    A message is a pair (name, value), as Qt widgets send it, or a dictionary of such
    pairs. Whatever else arrives, unknown names and values that a setter refuses with
    UserError are logged once and ignored.
    """

    def __init__(self, log, **setters):
        self._log = log
        self._setters = setters

    def apply(self, message):
        """Call the setter of each (name, value) in `message`."""
        for name, value in self._pairs(message):
            if name not in self._setters:
                known = ", ".join(self._setters)
                self._log.warn("name", f"control message {shown(name)} ignored; known are {known}")
                continue
            try:
                self._setters[name](value)
            except UserError as error:
                self._log.warn(f"value of {name}", f"control message ignored: {error}")

    def _pairs(self, message):
        content = as_python(message)
        if isinstance(content, dict) and content:
            return content.items()
        if isinstance(content, tuple) and len(content) == 2 and isinstance(content[0], str):
            return [content]
        self._log.warn("form", "control message ignored: not a (name, value) pair or dictionary")
        return []
