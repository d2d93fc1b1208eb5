"""Complete the word at the cursor of a command line: commands, options, groups, keys and values.

In: the line up to the cursor. Out: whole words that can stand in the place of the last one. Only the files of ``conf/``
are read, so that the Tab key answers at once.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from va_experiments.commands import COMMANDS
from va_experiments.config.folder import conf_dir

__all__ = ["candidates", "typed_candidates"]

HYDRA_OPTIONS = ("--cfg", "--config-dir", "--help", "--info", "--multirun", "-m")
"""Options of a run; the choices behind them are left to the shell."""


def candidates(line: str) -> list[str]:
    """Return the words that can stand in the place of the last word of `line`, sorted.

    Parameters
    ----------
    line : str
        Up to the cursor; with a space at the end, a new word begins. It is a line of ``va-experiments`` or of
        ``python -m va_experiments``; for any other line, and where the shell knows better (files), the list is empty.
    """
    words, current = _split(line)
    program = Path(words[0]).name if words else ""
    if program == "va-experiments":
        rest, both = words[1:], True
    elif re.fullmatch(r"python[\d.]*", program) and words[1:3] == ["-m", "va_experiments"]:
        rest, both = words[3:], False
    else:
        return []
    rest = [w for w in rest if w != "--debug"]
    proposed: set[str] = set()
    if both and rest and rest[0] in COMMANDS and rest[0] != "run":
        proposed.update(_of_command(rest[0], rest[1:], current))
    else:
        proposed.update(COMMANDS if both and not rest else ())
        proposed.update(_of_run(rest, current))
    return sorted(word for word in proposed if word.startswith(current) and word != current)


def typed_candidates(line: str) -> list[str]:
    """Return the candidates as they are typed: outside of quotes, a backslash stands before spaces and the like."""
    words = candidates(line)
    try:
        shlex.split(line, comments=False)
    except ValueError:  # the last word is in quotes that are still open, or a backslash ends the line
        return words
    return [re.sub(r"([\s\"'()\[\]{}&;|<>*?!$`#\\])", r"\\\1", word) for word in words]


def _split(line: str) -> tuple[list[str], str]:
    """Return the whole words of a line, and the last one, which is empty after a space."""
    for end in ("", "'", '"'):  # the last word may be in quotes that are still open
        with contextlib.suppress(ValueError):
            words = shlex.split(line + end, comments=False)
            if not words or (line[-1:].isspace() and not end):
                return words, ""
            return words[:-1], words[-1]
    return line.split()[:-1], ""


def _of_command(name: str, words: Sequence[str], current: str) -> Iterator[str]:
    """Yield actions, options, choices of options, and names of runs."""
    import click

    from va_experiments.commands.command_line import command_of

    command = command_of(name)
    if isinstance(command, click.Group):
        if not words:
            yield from [*command.commands, "--help"]
            return
        action = command.commands.get(words[0])
        if action is None:
            return
        command, words = action, words[1:]
    options = {o: p for p in command.params if isinstance(p, click.Option) for o in (*p.opts, *p.secondary_opts)}
    before = options.get(words[-1]) if words else None
    if before is not None and not before.is_flag:
        yield from _choices(before)
    elif current.startswith("-"):
        yield from [*options, "--help"]
    else:
        arguments = [p for p in command.params if isinstance(p, click.Argument)]
        yield from (choice for p in arguments for choice in _choices(p))
        if any(p.name in ("run", "runs") for p in arguments):
            yield from _runs(words)


def _choices(parameter: Any) -> list[str]:
    return [str(getattr(choice, "value", choice)) for choice in getattr(parameter.type, "choices", ())]


def _runs(words: Sequence[str]) -> Iterator[str]:
    from va_experiments.commands.run_lookup import run_folders

    outputs = Path(words[words.index("--outputs") + 1]) if "--outputs" in words[:-1] else Path("outputs")
    yield from (f"{p.parent.name}/{p.name}" for p in run_folders(outputs)[-50:])


def _of_run(words: Sequence[str], current: str) -> Iterator[str]:
    """Yield options of a run, groups and keys with their equals sign, and values behind one."""
    if current.startswith("-"):
        yield from HYDRA_OPTIONS
        return
    folders = [conf_dir()]
    if "--config-dir" in words[:-1]:
        folders.append(Path(words[words.index("--config-dir") + 1]))
    if words and words[-1] in ("--config-dir", "--cfg", "--info"):
        return
    key, equals, value = current.partition("=")
    groups = sorted({p.name for folder in folders if folder.is_dir() for p in folder.iterdir() if p.is_dir()})
    if not equals:
        plus = current[:1] if current[:1] in ("+", "~") else ""
        yield from (f"{plus}{name}=" for name in (*groups, *_keys(folders, words)))
        return
    done = value[: value.rfind(",") + 1]
    chosen = done.split(",")
    name = key.lstrip("+~")
    if name in groups:
        choices = [p.stem for folder in folders for p in (folder / name).glob("*.yaml")]
        if name in ("data", "site"):
            from va_experiments.commands.data_completion import data_files, sites_of_data

            sites = sites_of_data(words, folders) if name == "site" else []
            choices = ["all", *sites] if sites else choices
            choices += data_files(value[len(done) :]) if name == "data" else []
    else:
        choices = _values(name)
    yield from (f"{key}={done}{choice}" for choice in choices if choice not in chosen)


def _keys(folders: Sequence[Path], words: Sequence[str]) -> Iterator[str]:
    """Yield the keys of the default configuration and of the files that the line chooses, nested ones with dots."""
    top = _yaml(folders[0] / "config.yaml")
    chosen = {k: v for entry in top.pop("defaults", ()) if isinstance(entry, dict) for k, v in entry.items()}
    chosen |= {k: v.split(",")[0] for k, _, v in (w.partition("=") for w in words) if k in chosen}
    top.pop("hydra", None)
    yield from _flat(top)
    for group, name in chosen.items():
        for folder in folders:
            path = folder / str(group) / f"{name}.yaml"
            if path.is_file():
                yield from _flat(_yaml(path), f"{group}.")


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    with contextlib.suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tree if isinstance(tree, dict) else {}
    return {}


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if key in ("defaults", "_target_"):
            continue
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _values(name: str) -> list[str]:
    """Return the values of a key that has few of them."""
    from va_experiments.config.fields import groups_of
    from va_experiments.config.schema import JobConfig, RunConfig

    if name == "objective":
        from va_experiments.metrics.registry import known_metrics

        return list(known_metrics())
    group, _, key = name.rpartition(".")
    for cls in (RunConfig, JobConfig):
        classes = [cls] if not group else [c for n, f in cls.model_fields.items() if n == group
                                           for c in groups_of(f).values()]  # fmt: skip
        for options in classes:
            if (field := options.model_fields.get(key)) is not None:
                return sorted(set(_literals(field.annotation)))
    return []


def _literals(annotation: Any) -> Iterator[str]:
    """Yield the words of a type: of a literal, an alternative, or a truth value."""
    if annotation is bool:
        yield from ("true", "false")
    for part in get_args(annotation):
        if isinstance(part, str):
            yield part
        else:
            yield from _literals(part)
