"""What Hydra itself would execute or read is checked first: callbacks, logging factories, plugins, where configs lie.

Hydra calls whatever ``hydra.callbacks`` names, and Python's logging whatever stands under ``()`` in
``hydra.job_logging``, before a program sees its config; Hydra's own list of refused names is, by its own word, no
boundary. So every config is checked at the moment it has been composed, by an allow-list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from va_experiments.errors import InputError, shown

__all__ = ["guard", "problems_of"]

PLUGINS = ("hydra_plugins", "optuna")
"""Packages, beside those of ``allowed_targets``, that a sweeper, its sampler and a launcher may come from."""

CORE = "hydra._internal.core_plugins."

LOGGING = {
    "logging.FileHandler",
    "logging.Formatter",
    "logging.NullHandler",
    "logging.StreamHandler",
    "logging.handlers.RotatingFileHandler",
    "logging.handlers.TimedRotatingFileHandler",
    "colorlog.ColoredFormatter",
    "va_experiments.flow.logs.JsonFormatter",
    "va_experiments.flow.logs.TerminalHandler",
    "va_experiments.flow.logs.json_handler",
}
STREAMS = {"ext://sys.stdout", "ext://sys.stderr"}


def guard() -> None:
    """Have every config checked that Hydra composes in this process; ``InputError`` for one that is refused."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from omegaconf import OmegaConf

    compose = ConfigLoaderImpl.load_configuration
    if getattr(compose, "_checks", False):
        return

    def checked(self: Any, *arguments: Any, **options: Any) -> Any:
        config = compose(self, *arguments, **options)
        tree: Any = OmegaConf.to_container(config, resolve=False)
        if problems := problems_of(tree):
            raise InputError(problems)
        return config

    checked._checks = True  # type: ignore[attr-defined]
    ConfigLoaderImpl.load_configuration = checked  # type: ignore[method-assign]


def problems_of(tree: Mapping[str, Any]) -> list[str]:
    """Return what in a composed config's ``hydra`` part would be executed and is not on the allow-list."""
    hydra = tree.get("hydra")
    if not isinstance(hydra, Mapping):
        return []
    more = tree.get("allowed_targets") or []
    own = tuple(str(m) for m in more if isinstance(more, list))
    allowed, roots = (*PLUGINS, *own), ("va_experiments", *own)
    found: list[str] = []
    found += [
        f"'hydra.searchpath' has {shown(place)}: expected a folder inside this one, or pkg:// of one of "
        f"{', '.join(roots)}; name a folder elsewhere by --config-dir"
        for place in hydra.get("searchpath") or []
        if not _searched(str(place), roots)
    ]
    for path, key, value in _leaves(hydra, "hydra"):
        part = path.split(".")[1]
        if part == "callbacks" and key == "_target_":
            found.append(f"'{path}' is not allowed: nothing is called from hydra.callbacks (value {shown(value)})")
        elif key == "_target_" and not (str(value).split(".")[0] in allowed or str(value).startswith(CORE)):
            found.append(f"'{path}' is {shown(value)}: expected a class of one of {', '.join(allowed)}")
        elif part in ("job_logging", "hydra_logging") and (
            (key in ("()", "class", "factory") and value not in LOGGING)
            or (isinstance(value, str) and value.startswith("ext://") and value not in STREAMS)
        ):
            found.append(f"'{path}' is {shown(value)}: expected one of {', '.join(sorted(LOGGING | STREAMS))}")
    return found


def _searched(place: str, roots: tuple[str, ...]) -> bool:
    """Return whether configs may come from this place of ``hydra.searchpath``: an allowed package, or a folder here."""
    scheme, found, rest = place.partition("://")
    if found and scheme == "pkg":
        return rest.split(".")[0] in roots
    if found and scheme != "file":
        return False
    here = Path.cwd().resolve()
    return (here / (rest if found else place)).resolve().is_relative_to(here)


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """Yield path, last key and value of everything that is no container; values in lists have their list's key."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from _leaves(value, path)
    else:
        yield path, path.rpartition(".")[2], tree
