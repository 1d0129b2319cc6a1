"""Commands that are imported when they are used: `htrd --help` needs none of them."""

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class LazyCommand(TyperCommand):
    """A command of which only the name and the first words of its help are known."""

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name=name, help=summary)
        self.target = target

    @cached_property
    def real(self) -> Any:
        """The command itself, imported."""
        module, _, attribute = self.target.partition(":")
        return command(getattr(import_module(module, __package__), attribute), self.name)


def command(target: Any, name: str | None) -> Any:
    """The command of a Typer application, or of a function and its `command_class`."""
    if isinstance(target, typer.Typer):
        return get_group(target)
    app = typer.Typer(add_completion=False)
    app.command(name, cls=getattr(target, "command_class", None))(target)
    return get_command(app)


def group(commands: Mapping[str, tuple[str, str]]) -> type[TyperGroup]:
    """A class for ``typer.Typer(cls=…)``: a group of LazyCommands.

    `commands` has the ``.module:attribute`` of each by its name, a function or a Typer
    application, and the first paragraph of its help.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, (target, summary) in commands.items():
                self.add_command(LazyCommand(name, target, summary))

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Name, command and further arguments of what is used: that is imported."""
            name, found, rest = super().resolve_command(ctx, args)
            return name, getattr(found, "real", found), rest

    return LazyGroup
