"""For the Python reference: names that docstrings give as Sphinx has it are shown as code."""

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`([^`]+)`")


class Roles(griffe.Extension):
    """Turns a role such as ``:func:`name` `` into a code span."""

    def on_object(self, *, obj, **kwargs):
        """Called with every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)
