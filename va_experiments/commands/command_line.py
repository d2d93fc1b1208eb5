"""Typer commands as this package has them: plain help for windows of any width, and options from dataclasses.

Help is plain text without colours and boxes, so that it is the same in a log, on every version of Python, and in the
reference page that is written from it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

import click
import typer
import typer.core
import typer.main
import typer.models

from va_experiments.terminal import terminal_width

__all__ = ["App", "Command", "Group", "command_of", "help_rows", "with_options"]

WIDEST = 100
"""Characters of a line of help at most."""


class Help(click.HelpFormatter):
    """Help that fits the window: click's own never uses less than 50 characters."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(width=max(min(terminal_width(WIDEST), WIDEST), 30))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names and their explanations; in a narrow window a long name has a line of its own."""
        super().write_dl(list(rows), col_max=min(col_max, self.width // 3), col_spacing=col_spacing)


class _Context(click.Context):
    formatter_class = Help


class Command(typer.core.TyperCommand):
    """A command, or an action of one.

    Subclasses name options with one value or none, and options with several values in one place; click has neither.
    """

    context_class = _Context
    value_or_none: ClassVar[Mapping[str, str]] = {}
    """Option -> the value that it has when none follows it."""
    several_values: ClassVar[Mapping[str, str]] = {}
    """Option that takes all values that follow it -> the value that it has when none follows it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, options with a value or none and with several values among them."""
        return super().parse_args(ctx, _written_out(args, self.value_or_none, self.several_values))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments and the options with their explanations and defaults."""
        for title, kind in (("Arguments", click.Argument), ("Options", click.Option)):
            if rows := help_rows(self, ctx, kind):
                with formatter.section(title):
                    formatter.write_dl(rows)


def help_rows(command: click.Command, ctx: click.Context, kind: type[click.Parameter]) -> list[tuple[str, str]]:
    """Return how each argument or option of a command is written, and its explanation with the default.

    Typer's own rows import rich, and lose the explanations of arguments with newer releases of click.
    """
    explained = {
        name: info.help
        for name, parameter in inspect.signature(command.callback, eval_str=True).parameters.items()  # type: ignore[arg-type]
        for info in getattr(parameter.annotation, "__metadata__", ())
        if isinstance(info, (typer.models.ArgumentInfo, typer.models.OptionInfo))
    }
    rows = []
    for parameter in command.get_params(ctx):
        if not isinstance(parameter, kind):
            continue
        names = [", ".join(p) for p in (parameter.opts, parameter.secondary_opts) if p]
        is_flag = getattr(parameter, "is_flag", False)
        if isinstance(parameter, click.Argument):
            name = str(parameter.metavar or parameter.human_readable_name)
        else:
            value = "" if is_flag else f" {parameter.make_metavar(ctx)}"
            name = f"{' / '.join(names)}{value}"
        text = explained.get(str(parameter.name)) or getattr(parameter, "help", None) or ""
        rows.append((name, text + _default(parameter)))
    return rows


def _default(parameter: click.Parameter) -> str:
    """Return the default of an argument or option in words; empty where there is none to name."""
    default = parameter.default
    if isinstance(default, bool):
        flags = parameter.opts if default else parameter.secondary_opts
        return f" Default: {flags[0]}." if parameter.secondary_opts else ""
    values = [getattr(v, "value", v) for v in (default if isinstance(default, (list, tuple)) else [default])]
    if (
        not values or values == [""] or not all(isinstance(v, (str, int, float, Path)) for v in values)
    ):  # click has a mark for no default
        return ""
    return f" Default: {' '.join(map(str, values))}."


class Group(typer.core.TyperGroup):
    """A command with actions, such as ``checkpoints``."""

    context_class = _Context

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the actions with their whole explanations, where click's own are cut."""
        actions = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Actions"):
            formatter.write_dl([(name, str(action.help)) for name, action in actions if action is not None])


class App(typer.Typer):
    """One command or, with `help`, one with several actions.

    Parameters
    ----------
    help : str, optional
        What a command with actions is for.
    """

    def __init__(self, help: str | None = None) -> None:
        names = {"help_option_names": ["-h", "--help"]}
        super().__init__(
            cls=Group,
            help=help,
            context_settings=names,
            rich_markup_mode=None,
            add_completion=False,
            pretty_exceptions_enable=False,
            no_args_is_help=True,
        )

    def action(
        self, name: str | None = None, *, help: str | None = None, cls: type[Command] = Command
    ) -> Callable[[Callable[..., int]], Callable[..., int]]:
        """Register a function as a command; its dataclass parameters become options."""

        def register(function: Callable[..., int]) -> Callable[..., int]:
            settings = {"help_option_names": ["-h", "--help"]}
            self.command(name, cls=cls, help=help, context_settings=settings)(with_options(function))
            return function

        return register


def command_of(name: str) -> click.Command:
    """Return a command with its options; its module is imported now."""
    return typer.main.get_command(import_module(f"va_experiments.commands.{name.replace('-', '_')}").app)


def with_options(function: Callable[..., int]) -> Callable[..., int]:
    """Return `function` with the fields of its dataclass parameters in their place, as parameters of their own.

    Several commands share a dataclass of options in this way, such as the query by which cells are chosen.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {n: h for n, h in hints.items() if dataclasses.is_dataclass(h)}
    if not groups:
        return function
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in groups:
            parameters.append(parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        cls = groups[parameter.name]
        types = get_type_hints(cls, include_extras=True)
        for field in dataclasses.fields(cls):
            default: Any = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
            if field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            parameters.append(
                inspect.Parameter(
                    field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[field.name]
                )
            )

    @functools.wraps(function)
    def called(**values: Any) -> int:
        for name, cls in groups.items():
            values[name] = cls(**{field.name: values.pop(field.name) for field in dataclasses.fields(cls)})
        return function(**values)

    del called.__wrapped__  # its signature is the one below
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called


def _written_out(
    words: Sequence[str], value_or_none: Mapping[str, str], several_values: Mapping[str, str]
) -> list[str]:
    """Return the arguments with each option before its value: ``--sites A B`` as ``--sites=A --sites=B``."""
    out: list[str] = []
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        option, equals, value = word.partition("=")
        if option in several_values:
            values = [value] if equals else []
            while not equals and position < len(words) and _is_value(words[position]):
                values.append(words[position])
                position += 1
            out += [f"{option}={v}" for v in values or [several_values[option]]]
        elif word in value_or_none:
            follows = position < len(words) and _is_value(words[position])
            out.append(f"{word}={words[position] if follows else value_or_none[word]}")
            position += follows
        else:
            out.append(word)
    return out


def _is_value(word: str) -> bool:
    """Return whether a word can be the value of the option before it: no option and no KEY=VALUE."""
    return not word.startswith("-") and "=" not in word
