"""Check what Hydra itself would execute or read: callbacks, logging factories, plug-ins, places of configs.

Hydra calls whatever ``hydra.callbacks`` names, and Python's logging whatever stands under ``()`` in
``hydra.job_logging``, before a program sees its config; Hydra's documentation says that its own list of refused
names is no security boundary. So every config is checked by an allow-list as soon as it has been composed; its files
are measured before they are parsed; and of the environment only variables made for this program can be taken in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from va_experiments.errors import InputError, shown
from va_experiments.hydra_app.hydra_calls import call_problems, leaves
from va_experiments.hydra_app.override_checks import check_defaults
from va_experiments.redaction import (
    OWN_VARIABLES,
    forbidden_env_references,
    looks_secret,
    remember_address,
    remember_secrets_of,
)

__all__ = ["find_problems", "guard"]

MAX_BYTES, MAX_ALIASES = 200_000, 20
"""Limits for one file of the configuration: a few lines of YAML with nested aliases can fill any memory."""

MAX_VALUES = 10_000
"""Values that an interpolation may stand for."""

_REFERENCE = re.compile(r"\$\{([\w.-]+)\}")

OVERRIDE = "HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE"
"""The environment variable that makes Hydra call what it would refuse."""


def guard() -> None:
    """Check every config that Hydra reads and composes in this process; ``InputError`` for a refused one."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.config_repository import ConfigRepository
    from hydra.core.object_type import ObjectType
    from omegaconf import OmegaConf

    compose, read = ConfigLoaderImpl.load_configuration, ConfigRepository.load_config
    if getattr(compose, "_checks", False):
        return

    def checked(self: Any, config_name: str | None, *arguments: Any, **options: Any) -> Any:
        if os.environ.get(OVERRIDE):
            raise InputError(f"the environment variable {OVERRIDE} is set, which lets a config call anything; unset it")
        config = compose(self, config_name, *arguments, **options)
        tree: Any = OmegaConf.to_container(config, resolve=False)
        if config_name is None and _is_hydra_s_own(tree):
            del tree["hydra"]["launcher"]  # Hydra's own help: no job of ours, and Hydra's own launcher
        check_expansion(tree)
        remember_secrets_of(tree)
        if problems := find_problems(tree):
            raise InputError(problems)
        return config

    def measured(self: Any, config_path: str) -> Any:
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is not None and source.scheme() == "file":
            check_yaml_size(Path(source.path) / source._normalize_file_name(config_path))
        result = read(self, config_path)
        if result is not None and not config_path.startswith("hydra/"):
            check_defaults(config_path, result.defaults_list or ())
        return result

    checked._checks = True  # type: ignore[attr-defined]
    ConfigLoaderImpl.load_configuration = checked  # type: ignore[method-assign]
    ConfigRepository.load_config = measured  # type: ignore[method-assign]
    OmegaConf.register_new_resolver("oc.env", resolve_env, replace=True)
    OmegaConf.clear_resolver("oc.decode")


def check_expansion(tree: Mapping[str, Any], most: int = MAX_VALUES) -> None:
    """Refuse interpolations that stand for very many values: each level of ``a: ${b}${b}`` doubles them.

    Raises
    ------
    InputError
        Naming the key whose value would be the largest.
    """
    values: dict[str, str] = {}
    for path, _, value in leaves(tree, ""):  # the values of a list have one path
        values[path] = f"{values.get(path, '')} {value}" if isinstance(value, str) else values.get(path, "")
    sizes: dict[str, int] = {}

    def size(path: str, above: frozenset[str]) -> int:
        if path in above:
            return 1  # a circle, which is reported when it is resolved
        if path not in sizes:
            text = values.get(path)
            below = above | {path}
            parts = [f".{key}" for key in _REFERENCE.findall(text or "")] if text is not None else _below(path, values)
            sizes[path] = 1
            sizes[path] = min(most + 1, 1 + sum(size(part, below) for part in parts))
        return sizes[path]

    with_references = [path for path, text in values.items() if "${" in text]
    try:
        total = {path: size(path, frozenset()) for path in with_references}
    except RecursionError:
        raise InputError("interpolations refer to each other in a chain that is too long; write the values") from None
    if total and max(total.values()) > most:
        largest = max(total, key=lambda path: total[path])
        raise InputError(
            f"'{largest.lstrip('.')}' stands for more than {most:,} values by interpolation; write the value itself"
        )


def _below(path: str, values: Mapping[str, str]) -> list[str]:
    """Return the paths of all values below a group."""
    return [other for other in values if other.startswith(f"{path}.")]


def _is_hydra_s_own(tree: Mapping[str, Any]) -> bool:
    """Return whether a tree is the one that Hydra's own help composes, with Hydra's own launcher."""
    launcher = tree["hydra"].get("launcher")
    target = launcher.get("_target_") if isinstance(launcher, Mapping) else None
    return target == "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


def resolve_env(name: str, *default: Any, _node_: Any = None) -> Any:
    """Return an environment variable as OmegaConf's ``oc.env`` does, but only one that is made for this program.

    `find_problems` checks names before they are resolved, but not names that are put together by interpolation, as in
    ``${oc.env:VA_${site.name}}``. What an alert's address takes from the environment is remembered as a secret.
    """
    if not name.startswith(OWN_VARIABLES):
        raise InputError(f"{shown(name)} is not allowed in a run's config: only {OWN_VARIABLES}* of the environment is")
    if name not in os.environ and not default:
        raise InputError(f"the environment variable {name} is not set, and the config names no default for it")
    value = os.environ.get(name, default[0] if default else None)
    key = "" if _node_ is None else str(_node_._get_full_key(None))
    if isinstance(value, str) and key.startswith("alert.url"):
        remember_address(value)
    elif looks_secret(name):
        raise InputError(
            f"'{key}' takes the environment variable {name}, which looks like a secret and would be written into the "
            "run's files: not allowed outside alert.url"
        )
    return value


def check_yaml_size(path: Path) -> None:
    """Raise `InputError` for a file of the configuration that is too large or has too many aliases."""
    import yaml

    from va_experiments.data.safe_open import check_file

    try:
        if path.exists():  # Hydra itself would wait for a pipe, and read a device without end
            check_file(path)
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError(f"{path}: {size:,} bytes; a file of the configuration may have {MAX_BYTES:,}")
        text = path.read_text(encoding="utf-8")
        if (items := text.count(",") + text.count("\n")) > MAX_VALUES:
            raise InputError(
                f"{path}: {items:,} lines and commas; a file of the configuration may have {MAX_VALUES:,}; put "
                "data into a table"
            )
        if text.count("*") <= MAX_ALIASES:
            return
        aliases = [t for t in yaml.scan(text) if isinstance(t, yaml.AliasToken)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # whoever reads the file reports it
    if len(aliases) > MAX_ALIASES:
        line = aliases[MAX_ALIASES].start_mark.line + 1
        raise InputError(
            f"{path}:{line}: more than {MAX_ALIASES} aliases (such as *{aliases[0].value}); "
            "write out what they stand for"
        )


def find_problems(tree: Mapping[str, Any]) -> list[str]:
    """Return a problem for everything that a config must not execute or read from the environment, but would."""
    hydra = tree.get("hydra")
    problems = forbidden_env_references({k: v for k, v in tree.items() if k != "hydra"})
    if hydra is None:
        return problems
    if not isinstance(hydra, Mapping):
        return [*problems, f"'hydra' is {shown(hydra)}: expected a group of keys; set the keys below hydra one by one"]
    own_keys = {k: v for k, v in hydra.items() if k not in ("overrides", "job")}  # they repeat the command
    problems += forbidden_env_references(own_keys, "hydra")
    more = tree.get("allowed_targets") or []
    packages = tuple(str(m) for m in more if isinstance(more, list))
    roots = ("va_experiments", *packages)
    places = hydra.get("searchpath") or []
    problems += [
        f"'hydra.searchpath' has {shown(place)}: expected a folder inside this one, or pkg:// of one of "
        f"{', '.join(roots)}; name a folder elsewhere by --config-dir"
        for place in (places if isinstance(places, list) else [places])
        if "${" in str(place) or not _searched(str(place), roots)
    ]
    return problems + call_problems(hydra, packages)


def _searched(place: str, roots: tuple[str, ...]) -> bool:
    """Return whether configs may come from this place of ``hydra.searchpath``: an allowed package, or a folder here."""
    scheme, separator, rest = place.partition("://")
    if separator and scheme == "pkg":
        return rest.split(".")[0] in roots
    if separator and scheme != "file":
        return False
    working_folder = Path.cwd().resolve()
    return (working_folder / (rest if separator else place)).resolve().is_relative_to(working_folder)
