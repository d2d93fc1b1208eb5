"""Print the line that lets a shell complete groups, keys and values of python -m va_experiments with the Tab key."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.terminal import say

__all__ = ["app", "completion"]

LINES = {
    "bash": 'eval "$(python -m va_experiments -sc install=bash)"',
    "zsh": 'autoload -Uz bashcompinit && bashcompinit; eval "$(python -m va_experiments -sc install=bash)"',
    "fish": "python -m va_experiments -sc install=fish | source",
}
"""Hydra completes for bash and fish; zsh borrows bash's."""


app = App()


class Shell(StrEnum):
    """A shell that completes."""

    BASH = "bash"
    FISH = "fish"
    ZSH = "zsh"


@app.action(help=__doc__)
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="[bash|fish|zsh]", help="The shell.")] = Shell.BASH,
) -> int:
    """Print the line for this shell."""
    where = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}[shell.value]
    say(LINES[shell.value])
    say(f"# run this line, or put it into {where}; then: python -m va_experiments model=<Tab>")
    return 0
