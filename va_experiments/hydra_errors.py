"""Hydra's errors in words that lead to the fix, and Hydra's traces of a run that never came about removed."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from va_experiments.errors import InputError, did_you_mean

__all__ = ["explained", "remove_empty_run"]


def explained(error: BaseException, conf: Path) -> list[str]:
    """Return the lines to print for an error of Hydra, OmegaConf or our own."""
    if isinstance(error, InputError):
        return str(error).splitlines()
    text = "\n".join(str(e) for e in _chain(error))
    if found := re.search(r"Could not find '([\w./-]+)'", text):
        group, _, name = found.group(1).rpartition("/")
        known = sorted(p.stem for p in (conf / group).glob("*.yaml"))
        if group and known:
            return [f"unknown {group} '{name}'; known: {', '.join(known)}{did_you_mean(name, known)}"]
        groups = sorted(p.name for p in conf.iterdir() if p.is_dir())
        return [f"unknown group '{group or name}'; known: {', '.join(groups)}{did_you_mean(group or name, groups)}"]
    if found := re.search(r"Could not override '([^']+)'", text) or re.search(r"Key '([^']+)' is not in struct", text):
        key = found.group(1)
        keys = list(_keys(conf))
        if key in keys:
            return [f"'{key}' is a group of keys of your own: add them one by one, as in +{key}.NAME=VALUE"]
        last = {k.rsplit(".", 1)[-1]: k for k in keys}
        near = did_you_mean(key, keys) or did_you_mean(key.rsplit(".", 1)[-1], last)
        return [f"unknown key '{key}'{near or '; see python -m va_experiments --help for the groups and keys'}"]
    if "mismatched input" in text or "no viable alternative" in text or "token recognition" in text:
        return [
            f"cannot read an override: {text.splitlines()[0]}; write key=value, quote text that holds commas or spaces"
        ]
    return [line for line in dict.fromkeys(text.splitlines()) if line.strip()][:6]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _keys(conf: Path) -> Iterator[str]:
    """Yield every dotted key that the files in ``conf/`` set, and every field of the schema."""
    import dataclasses
    import typing

    import yaml

    from va_experiments.config import Config

    for path in sorted(conf.rglob("*.yaml")):
        group = path.parent.relative_to(conf).as_posix()
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        prefix = "" if group in (".", "experiment") else f"{group}."
        yield from (f"{prefix}{k}" for k in tree if isinstance(k, str) and k not in ("defaults", "hydra"))
        if group not in (".", "experiment"):
            yield group
    for name, hint in typing.get_type_hints(Config).items():
        yield name
        if dataclasses.is_dataclass(hint):
            yield from (f"{name}.{f.name}" for f in dataclasses.fields(hint))


def remove_empty_run(folder: Path) -> None:
    """Remove a run's folder that holds no results, and the folders above it, as far as they are empty."""
    try:
        names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    except OSError:  # no permission: nothing of ours can lie there
        return
    if names <= {"multirun.yaml", "log.jsonl", "status.json", "optimization_results.yaml"}:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in list(folder.parents)[:3]:
            with contextlib.suppress(OSError):
                parent.rmdir()
