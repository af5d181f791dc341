"""Flags as dataclasses: a command takes one object with its flags instead of forty parameters."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

Flags = TypeVar("Flags")


class CommandInterruptedError(Exception):
    """Ctrl-C or SIGTERM ended a command before it had a result."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommonFlags:
    """The flags that every verb has."""

    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", metavar="DIR", help="The workspace; default: nearest folder upward."),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout, all else on stderr.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and errors.")] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every step, and tracebacks of errors.")] = False


def takes(flags_type: type[Flags]) -> Callable[[Callable[[Flags], None]], Callable[..., None]]:
    """Turn a function of one flags object into a command with one flag for each field.

    Positional arguments come first, then flags, in the order of the fields; the common flags come last.
    """

    def decorate(function: Callable[[Flags], None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            try:
                function(flags_type(**values))
            except KeyboardInterrupt as error:
                # Typer would turn it into a bare exit code; who stops a command wants to know what is left of it.
                raise CommandInterruptedError from error

        hints = get_type_hints(flags_type, include_extras=True)
        fields = [field for field in dataclasses.fields(flags_type) if field.init]  # type: ignore[arg-type]
        common = {field.name for field in dataclasses.fields(CommonFlags)}
        fields.sort(key=lambda field: field.name in common)
        parameters = [_parameter(field, hints[field.name]) for field in fields]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {field.name: hints[field.name] for field in fields}
        command.__doc__, command.__name__ = function.__doc__, function.__name__
        return command

    return decorate


def _parameter(field: dataclasses.Field[Any], hint: Any) -> inspect.Parameter:
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    else:
        default = inspect.Parameter.empty
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
