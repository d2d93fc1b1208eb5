"""Print the line that lets a shell complete groups, keys and values of python -m va_experiments with the Tab key."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

__all__ = ["arguments", "run"]

LINES = {
    "bash": 'eval "$(python -m va_experiments -sc install=bash)"',
    "zsh": 'autoload -Uz bashcompinit && bashcompinit; eval "$(python -m va_experiments -sc install=bash)"',
    "fish": "python -m va_experiments -sc install=fish | source",
}
"""Hydra completes for bash and fish; zsh borrows bash's."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", nargs="?", choices=sorted(LINES), default="bash", help="default: bash")


def run(options: Namespace) -> int:
    """Print the line for this shell."""
    where = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}[options.shell]
    print(LINES[options.shell])
    print(f"# run this line, or put it into {where}; then: python -m va_experiments model=<Tab>")
    return 0
