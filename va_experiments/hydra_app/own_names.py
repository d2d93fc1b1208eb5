"""Let a command name the study's own things: ``data=./my_study.yaml``, ``data=study.csv``, ``site=Kisumu``.

In: the overrides of a command, parsed. Out: the overrides as text, in which such a name is that of a configuration
stored in this process (Hydra's ConfigStore). Names of files in ``conf/`` and in ``--config-dir`` keep their meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from va_experiments.config.data import DATA
from va_experiments.config.schema import conf_dir
from va_experiments.data.table_names import TABLES, YAMLS
from va_experiments.errors import InputError, did_you_mean, shown, shown_path

__all__ = ["YAMLS", "data_options", "with_described_tables", "with_own_names"]


def with_own_names(overrides: Sequence[Any], config_dir: str | None = None) -> list[str]:
    """Return the overrides as text, with choices of ``data`` and ``site`` that are no file of the configuration stored.

    Parameters
    ----------
    overrides : sequence of hydra.core.override_parser.types.Override
    config_dir : str, optional
        Folder of ``--config-dir``.

    Raises
    ------
    InputError
        For files that do not exist or cannot be a data set's configuration.
    """
    keys = {str(o.key_or_group).partition(".")[0] for o in overrides}
    problems: list[str] = []
    texts = []
    for override in overrides:
        text = str(override.input_line)
        group = str(override.key_or_group)
        if group in ("data", "site") and not override.is_delete() and override.package is None:
            own_data = "data" in keys or "experiment" in keys
            try:
                text = _rewritten(override, group, _choices(group, config_dir), own_data=own_data)
            except InputError as error:
                problems += error.problems
        texts.append(text)
    if problems:
        raise InputError(problems)
    return texts


def _choices(group: str, config_dir: str | None) -> list[str]:
    roots = [conf_dir(), *([Path(config_dir)] if config_dir else [])]
    return sorted({p.stem for root in roots for p in (root / group).glob("*.yaml")})


def _rewritten(override: Any, group: str, known: Sequence[str], *, own_data: bool) -> str:
    """Return an override in which every own name is that of a stored configuration."""
    value = override.value()
    simple = isinstance(getattr(value, "list", None), list)
    values = value.list if simple else [value]
    names = [str(getattr(v, "text", v)) for v in values]  # quotes belong to the command line, not to the name
    if not simple and not isinstance(getattr(value, "text", value), (str, int)):
        names = []
    stored = []
    for name in names:
        if name in known:
            stored.append(name)
        elif group == "data" and (name.endswith((*TABLES, *YAMLS)) or "/" in name):
            stored.append(_store("data", _stem(name), data_options(name), known))
        elif group == "site" and (own_data or not did_you_mean(name, known)):
            stored.append(_store("site", name, {"name": _safe(name), "test_sites": [name]}, known))
        else:
            stored.append(name)
    if stored == names:
        return str(override.input_line)
    return f"{override.get_key_element()}={','.join(stored)}"


def _stem(name: str) -> str:
    """Return the name of a file without its folder and its ends."""
    return Path(name).name.partition(".")[0] or "study"


def _safe(name: str) -> str:
    """Return plain letters, digits, _ and - of a name, which may be part of a file's name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # São Tomé -> Sao Tome
    return re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_") or "own"


def with_described_tables(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a job's configuration with what YAML files say in place of their names in what ``data`` joins.

    These are ``data.train``, ``data.assign`` and each of ``data.members``.

    Raises
    ------
    InputError
        For files that do not exist or cannot be a data set's configuration.
    """
    data = tree.get("data")
    if not isinstance(data, dict):
        return tree

    def described(key: str, value: Any) -> Any:
        return data_options(value, key) if isinstance(value, str) and value.endswith(YAMLS) else value

    joined = {key: described(f"data.{key}", data[key]) for key in ("train", "assign") if key in data}
    if isinstance(data.get("members"), list):
        joined["members"] = [described(f"data.members[{k}]", m) for k, m in enumerate(data["members"])]
    return {**tree, "data": {**data, **joined}}


def data_options(name: str, key: str = "data") -> dict[str, Any]:
    """Return the configuration of a data set from its YAML file, or the usual one for a table.

    Parameters
    ----------
    name : str
        Path of the file.
    key : str
        The option that names it.

    Raises
    ------
    InputError
    """
    from omegaconf import OmegaConf

    from va_experiments.hydra_app.config_allowlist import check_yaml_size

    path = Path(name)
    if not path.is_file():
        near = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        raise InputError(f"{key}={name}: there is no file {shown_path(path)}{did_you_mean(path.name, near)}")
    options: dict[Any, Any] = {"name": "csv", "path": name}
    if name.endswith(YAMLS):
        check_yaml_size(path)
        loaded: Any = OmegaConf.to_container(OmegaConf.load(path))
        if not isinstance(loaded, dict) or loaded.get("name") not in DATA or "defaults" in loaded:
            raise InputError(
                f"{shown_path(path)} is no configuration of a data set: expected name: and the options of one of "
                f"{', '.join(DATA)}; va-experiments data check FILE --write {shown_path(path)} writes one"
            )
        options = loaded
    usual: Any = OmegaConf.to_container(OmegaConf.load(conf_dir() / "data" / f"{options['name']}.yaml"))
    if "label" in DATA[str(options["name"])].model_fields and options.get("label") is None:
        options["label"] = _stem(name)
    return {**usual, **options}


def _store(group: str, name: str, node: dict[str, Any], known: Sequence[str]) -> str:
    """Store a configuration for this process and return the name by which it is chosen."""
    from hydra.core.config_store import ConfigStore

    safe = chosen = _safe(name)
    number = 1
    stored = ConfigStore.instance().repo.get(group, {})
    while chosen in known or (f"{chosen}.yaml" in stored and stored[f"{chosen}.yaml"].node != node):
        number += 1
        chosen = f"{safe}_{number}"
    ConfigStore.instance().store(group=group, name=chosen, node=node, provider=shown(name))
    return chosen
