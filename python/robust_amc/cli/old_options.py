"""Options that have a new form: they go on working, and one line says the new one."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from typer.core import TyperCommand

from .console import err

Function = TypeVar("Function", bound=Callable[..., Any])


def old_options(forms: Mapping[str, str]) -> Callable[[Function], Function]:
    """Decorate a command's function: it takes options that its signature no longer has.

    `forms` has what each stands for, such as ``{"--r-max": "--set cat.r_max="}``. A form that
    ends in ``=`` has the option's value after it; others are of options without a value.
    """

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, _current(args, forms))

    def decorated(function: Function) -> Function:
        vars(function)["command_class"] = Command
        return function

    return decorated


def _current(args: list[str], forms: Mapping[str, str]) -> list[str]:
    """Arguments in which old options have the new form."""
    found, rest = [], list(args)
    while rest and rest[0] != "--":
        name, equals, value = rest.pop(0).partition("=")
        if name not in forms:
            found.append(name + equals + value)
            continue
        form = forms[name]
        takes_value = form.endswith("=")
        if takes_value and not equals and rest:
            value = rest.pop(0)
        err.print(
            f"{name} is now {form}{'VALUE' if takes_value else ''}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
        found += f"{form}{value}".split(" ", 1) if " " in form else [f"{form}{value}"]
    return found + rest
