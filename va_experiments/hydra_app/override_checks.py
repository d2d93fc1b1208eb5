"""Refuse pairs of overrides of which Hydra would silently ignore one.

Hydra keeps the last of several choices for a group, the last of two values for a key, and accepts that a group is left
out which every run has. A command is done as it was written or refused with the way to write what was meant.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.config.schema import JobConfig, RunConfig, conf_dir
from va_experiments.data.table_names import TABLES, YAMLS
from va_experiments.errors import InputError, shown

if TYPE_CHECKING:
    from hydra.core.default_element import GroupDefault

__all__ = ["check_defaults", "check_overrides", "check_params", "config_groups"]

LEAVE_OUT = {
    "tracking": "tracking=none records nothing in MLflow and Prefect",
    "execution": "execution=inline runs without workers",
    "baselines": "baselines=[] shows none",
    "alert": "alert.url=null sends nothing",
    "report": "report=false writes none",
    "features": "features=hce uses all symptoms but words",
    "site": "site=all tests every site",
    "testset": "testset=natural tests the deaths as they are",
}
"""What to write in place of leaving out a key that every run has."""


def config_groups(config_dir: str | None = None) -> list[str]:
    """Return the groups of which one file each is chosen: the folders of ``conf/`` and of a folder of one's own."""
    roots = [conf_dir(), *([Path(config_dir)] if config_dir else [])]
    return sorted({p.name for root in roots if root.is_dir() for p in root.iterdir() if p.is_dir()})


def check_overrides(overrides: Sequence[Any], groups: Iterable[str]) -> None:
    """Refuse lists for a group, keys given twice, and groups left out that every run has.

    Parameters
    ----------
    overrides : sequence of hydra.core.override_parser.types.Override
    groups : iterable of str
        Of which one choice is made.

    Raises
    ------
    InputError
        With all of them.
    """
    known = set(groups)
    problems = _repeated_keys(overrides)
    for override in overrides:
        group = str(override.key_or_group)
        if override.is_delete():
            problems += _needed(override)
        elif group in known or group.startswith("hydra/"):
            problems += _one_choice(override, group)
    if problems:
        raise InputError(problems)


def check_defaults(path: str, defaults: Iterable[Any]) -> None:
    """Refuse, in the defaults of a file of the configuration, lists for a group and choices that Hydra would not use.

    Parameters
    ----------
    path : str
        Name of the file within its folder, ``experiment/mine``.
    defaults : iterable of hydra.core.default_element.InputDefault

    Raises
    ------
    InputError
    """
    from hydra.core.default_element import GroupDefault

    problems, chosen = [], dict[str, Any]()
    for default in defaults:
        value, group = getattr(default, "value", None), str(getattr(default, "group", "") or "").lstrip("/")
        where = [str(v) for v in (value if isinstance(value, list) else [value, group]) if v is not None]
        problems += [
            f"{path}.yaml names {shown(name)} in its defaults, which leads out of the folders of the configuration; "
            f"{_OWN_FOLDER}"
            for name in [*where, str(getattr(default, "path", None) or "")]
            if _leads_away(name)
        ]
        if isinstance(default, GroupDefault):
            problems += _unused_choice(path, default)
            key = f"{group}@{default.package}"
            if chosen.setdefault(key, value) != value:
                problems.append(
                    f"{path}.yaml chooses {group} twice in its defaults, {shown(chosen[key])} and {shown(value)}, of "
                    "which only one would be used; keep one"
                )
        if isinstance(value, list):
            listed = ", ".join(map(str, value))
            swept = f"; hydra.sweeper.params: {{{group}: '{','.join(map(str, value))}'}} runs one job for each"
            swept = "" if group in RunConfig.model_fields or group.startswith("hydra") else swept
            sites = ", ".join(_site_of(str(v)) for v in value)
            together = f"; site: {{test_sites: [{sites}]}} tests them in one job" if group == "site" else ""
            problems.append(
                f"{path}.yaml chooses a list for {group} in its defaults, [{listed}], of which only the last would be "
                f"used; choose one, as in {group}: {value[0] if value else 'NAME'}{swept}{together}"
            )
    if problems:
        raise InputError(problems)


def _unused_choice(path: str, default: GroupDefault) -> list[str]:
    """Return the problem of a choice in a file's defaults that Hydra would replace, or look for in another place.

    What the main file overrides itself is chosen by it, whatever another file says; a group without a slash is looked
    for below the group of the file.
    """
    if "/" not in path:  # the main file
        return []
    group, value, main = str(default.group).lstrip("/"), default.value, _main_choices()
    line = f"{'override ' if default.override else ''}{default.group}: {'null' if value is None else value}"
    if group == "hydra/launcher" and value not in main[group]:
        way = "jobs run through this program's own launcher; leave the line out"
    elif group in main and not str(default.group).startswith("/"):
        way = f"a group of the whole configuration has a slash before its name; write 'override /{group}: {value}'"
    elif group in main and not default.override and default.package is None:
        way = f"{group} has a choice already, which is replaced by 'override /{group}: {value}'"
    elif default.override and main.get(group) and value not in main[group]:
        way = f"the main file's choice would be used; leave the line out, and write {group}={value} in the command"
    else:
        return []
    return [f"{path}.yaml has {shown(line)} in its defaults: {way}"]


@functools.cache
def _main_choices() -> dict[str, tuple[str, ...]]:
    """Return the groups of the main file, each with the choices that no other file can replace (often none)."""
    import yaml

    choices: dict[str, tuple[str, ...]] = {"hydra/sweeper": (), "hydra/callbacks": (), "hydra/output": ()}
    for entry in yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))["defaults"]:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            overridden, _, group = key.rpartition(" ")
            choices[group] = (str(value),) if overridden else ()
    choices["hydra/launcher"] += ("ray",)  # another name of the same
    return choices


def check_params(params: Mapping[str, Any], overrides: Sequence[Any], groups: Iterable[str]) -> None:
    """Refuse, in ``hydra.sweeper.params``, lists for a group and keys that the command sets in another way.

    A key of the command replaces the one in an experiment's file only if both are written alike: with the plus of
    ``+model.alpha=1`` it would be set beside it.

    Parameters
    ----------
    params : mapping
    overrides : sequence of hydra.core.override_parser.types.Override
        Of the command line.
    groups : iterable of str

    Raises
    ------
    InputError
    """
    written = {str(key).lstrip("+~"): str(key) for key in params}
    problems = []
    for override in overrides:
        key, typed = _bare(override), str(override.get_key_element())
        if key in written and written[key] != typed:
            problems.append(
                f"{_typed(override)}: the file of the experiment varies '{written[key]}' in hydra.sweeper.params; "
                f"write {written[key]}=VALUE to replace it"
            )
    for key, value in params.items():
        if key in set(groups) and not isinstance(value, str) and isinstance(value, Sequence):
            problems.append(
                f"hydra.sweeper.params: {_list_for_a_group(key, [str(v) for v in value])}; in a file, write "
                f"{key}: '{','.join(map(str, value))}'"
            )
    if problems:
        raise InputError(problems)


def _list_for_a_group(group: str, choices: Sequence[str]) -> str:
    """Return the problem of several files chosen for one group, with the ways to write what may be meant."""
    listed, first = ",".join(choices), choices[0] if choices else "NAME"
    if group == "experiment":
        ways = [f"run one command for each experiment, as in experiment={first}"]
    elif group in RunConfig.model_fields or group.startswith("hydra/"):
        ways = [f"choose one, as in {group}={first}"]
    elif len(choices) < 2:
        ways = [f"write {group}={first}"]
    else:
        ways = [f"{group}={listed} runs one job for each"]
    if group == "data" and len(choices) > 1:
        ways.append(f"'data=union data.members=[{listed}]' makes one data set of them")
    if group == "site" and choices:
        upper = ",".join(_site_of(c) for c in choices)
        ways.append(f"'site.test_sites=[{upper}]' tests them in one job")
    return (
        f"{group}=[{listed}] is a list, but one file of {group} is chosen for a job (of a list, only the last would be "
        f"used); {'; '.join(ways)}"
    )


def _repeated_keys(overrides: Sequence[Any]) -> list[str]:
    """Return a problem for each key that has two different values in one command, or is both set and left out.

    Leaving a key out and adding it again (``~data.covariates +data.covariates={...}``) is one change, no contradiction.
    """
    problems = []
    seen: dict[str, Any] = {}
    for override in overrides:
        key = _bare(override)
        first = seen.get(key)
        if first is None or key.startswith("hydra.searchpath"):
            seen[key] = override
            continue
        again = first.is_delete() and override.is_add()
        if not again and _same(first) != _same(override):
            both = f"'{key}' is given twice: {_typed(first)} and {_typed(override)}"
            values = None if first.is_delete() or override.is_delete() else f"{first.value()},{override.value()}"
            simple = values and not (first.is_sweep_override() or override.is_sweep_override())
            run_key = key.partition(".")[0] in RunConfig.model_fields or key.startswith("hydra")
            one_of_each = f", or write {key}={values} for one job each" if simple and not run_key else ""
            problems.append(f"{both}; only one can be used: keep one{one_of_each}")
        seen[key] = override
    return problems


def _bare(override: Any) -> str:
    """Return the key without plus and tilde."""
    return str(override.get_key_element()).lstrip("+~")


def _same(override: Any) -> tuple[bool, str]:
    """Return what two overrides of one key have in common if they ask for the same."""
    text = str(override.input_line).partition("=")[2]
    return override.is_delete(), text if override.is_sweep_override() else override.get_value_element_as_str()


def _typed(override: Any) -> str:
    """Return an override as it was typed; an alert's address, which is a secret, is not shown."""
    from va_experiments.redaction import redacted

    return redacted(shown(str(override.input_line)))


_OWN_FOLDER = "choose a file by name; name a folder of your own with --config-dir FOLDER"


def _choices(value: Any) -> list[str]:
    """Return the names that an override chooses, as text."""
    listed = value if isinstance(value, list) else getattr(value, "list", None) or [value]
    return [str(v) for v in listed]


def _leads_away(name: str) -> bool:
    """Return whether the name of a file or group holds ``..``, with which any file could be read."""
    return ".." in name.split("@")[0].split("/")


def _one_choice(override: Any, group: str) -> list[str]:
    """Return the problem of a group that is given a list or a mapping."""
    value = override.value()
    own_file = group == "data"  # data=../study.csv is the path of a file, as data.path is
    if away := [v for v in _choices(value) if _leads_away(v) and not (own_file and v.endswith((*TABLES, *YAMLS)))]:
        return [f"{_typed(override)}: {shown(away[0])} leads out of the folders of the configuration; {_OWN_FOLDER}"]
    if group == "experiment" and override.is_sweep_override():
        return [
            f"{_typed(override)}: the sweep and the keys of the run in an experiment's file would be left out; "
            "run one command for each experiment"
        ]
    if isinstance(value, list):
        return [_list_for_a_group(group, [str(v) for v in value])]
    if isinstance(value, dict):
        return [
            f"{_typed(override)} is a group of keys, but one file of {group} is chosen by name, as in {group}=NAME; "
            f"set a key of it with {group}.KEY=VALUE"
        ]
    nested = [v for v in getattr(value, "list", None) or [] if isinstance(v, list)]
    return [_list_for_a_group(group, [str(v) for v in inner]) for inner in nested[:1]]


def _needed(override: Any) -> list[str]:
    """Return the problem of a key left out that every run has."""
    key = str(override.key_or_group)
    if "." in key or not (key in RunConfig.model_fields or key in JobConfig.model_fields):
        return []
    way = LEAVE_OUT.get(key, f"give it a value, as in {key}=...; without the override the default is used")
    return [f"{_typed(override)}: every run has '{key}', it cannot be left out; {way}"]


def _site_of(choice: str) -> str:
    """Return the site that a file of ``conf/site`` names, or the choice itself."""
    import yaml

    path = conf_dir() / "site" / f"{choice}.yaml"
    if not path.is_file():
        return choice
    sites = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("test_sites")
    return ",".join(sites) if isinstance(sites, list) else choice
