"""Explain errors of Hydra, OmegaConf and their parsers; remove the folders of runs without results."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from va_experiments.errors import InputError, did_you_mean, printable, shown, shown_path

__all__ = ["format_error", "is_config_error", "remove_empty_run"]

_OTHER_NAMES = {"experiment/model_choice": "nested_loso"}
"""Names under which users may look for a choice -> the one that it has."""

_COMPOSERS = ("hydra", "omegaconf", "yaml", "antlr4")
"""Packages that read overrides and files of the configuration before this package does."""


def is_config_error(error: BaseException) -> bool:
    """Return whether the command or a file of the configuration cannot be used: our, Hydra's or a parser's error."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, (InputError, HydraException, OmegaConfBaseException)):
        return True
    if not isinstance(error, Exception) or isinstance(error, OSError):
        return False
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in sys.stdlib_module_names:
            return package in _COMPOSERS
    return False


def format_error(error: BaseException, conf: Path) -> list[str]:
    """Return the lines to print for an error of Hydra, OmegaConf, their parsers or our own."""
    return [printable(line) for line in _lines(error, conf)] or [type(error).__name__]


def _lines(error: BaseException, conf: Path) -> list[str]:
    if isinstance(error, InputError):
        return str(error).splitlines()
    if file_problem := _unreadable(error):
        return [file_problem]
    text = "\n".join(str(e) for e in _chain(error))
    if match := re.search(r"Interpolation key '([^']+)' not found", text):
        needed = re.search(r"full_key: (\S+)", text)
        where = f", which '{needed.group(1)}' repeats" if needed else ""
        key = match.group(1)
        return [f"there is no value for '{key}'{where}; give it one ({key}=VALUE), or do not leave it out"]
    if "BasicSweeper does not support sweep type" in text:
        return ["interval(...) is a range for a search: add hydra/sweeper=optuna, or list the values (KEY=0.1,1,5)"]
    if "Cannot merge" in text and (match := re.search(r"In '([^']+)'", text)):
        return [
            f"{match.group(1)}.yaml sets a group of keys to a list or a value, or the other way round; choose a file "
            "in its defaults (override /site: ap), and set a key by its whole name (site: {test_sites: [AP, UP]})"
        ]
    if match := re.search(r"Could not find '([^']+)'", text):
        return [_unknown_choice(match.group(1), [conf, *_own_folders(text, conf)])]
    if match := re.search(r"Could not override '([^']+)'", text) or re.search(r"Key '([^']+)' is not in struct", text):
        return [_unknown_key(match.group(1), conf)]
    if match := re.search(r"Could not delete from config\. '([^']+)' does not exist", text):
        return [_nothing_to_delete(match.group(1), conf)]
    if match := re.search(r"Error merging override ~(hydra[\w./]*)|Missing mandatory value: (hydra[\w.]*)", text):
        key = match.group(1) or match.group(2)
        return [f"'{key}' is an option of Hydra that cannot be left out: without the override its default is used"]
    if match := re.search(r"Multiple values for ([\w/]+)\. To override", text):
        return [f"'{match.group(1)}' has a choice already, which is replaced without a plus: {match.group(1)}=NAME"]
    if match := re.search(r"force-add of config groups is not supported: '\++([^']+)'", text):
        return [f"a file of a group is chosen without plus signs: write {match.group(1)}"]
    if "mismatched input" in text or "no viable alternative" in text or "token recognition" in text:
        return [f"cannot read an override: {text.splitlines()[0]}; write KEY=VALUE; quote text with commas or spaces"]
    lines = [line for line in dict.fromkeys(text.splitlines()) if line.strip()][:6]
    if type(error).__module__ == "builtins":  # a bare ValueError says little without its name
        lines = [
            f"the command or a file of its configuration cannot be used: {type(error).__name__}: {' '.join(lines)}"
        ]
    return lines


def _own_folders(text: str, conf: Path) -> list[Path]:
    """Return the other folders on the search path that Hydra lists in an error."""
    folders = [Path(m.strip()) for m in re.findall(r"path=file://(.+)", text)]
    return [f for f in folders if f != conf]


def _unknown_choice(path: str, roots: Sequence[Path]) -> str:
    """Explain a file that no folder of the configuration has: of a known group, or of an unknown one."""
    group, _, name = path.rpartition("/")
    if path == "hydra/sweeper/optuna":
        return "hydra/sweeper=optuna needs the extra 'tuning': pip install 'va-experiments[tuning]'"
    if path in _OTHER_NAMES:
        return f"unknown {group} {shown(name)}: the nested choice of a model is {group}={_OTHER_NAMES[path]}"
    groups = sorted({p.name for root in roots if root.is_dir() for p in root.iterdir() if p.is_dir()})
    while "/" in group and not group.startswith("hydra/"):  # model=mine/nbc is an unknown model, no unknown group
        group, _, more = group.rpartition("/")
        name = f"{more}/{name}"
    odd = [root / group / f"{name}.yaml" for root in roots]
    for file in (f for f in odd if os.path.lexists(f) and not f.is_file()):
        what = "a folder" if file.is_dir() else "a pipe, socket or device" if file.exists() else "a link to nothing"
        return f"{group}={name}: {shown_path(file)} is {what}; expected a file of YAML"
    known = _choices(group, roots)
    if not group or not known:
        group = group or name
        return f"unknown group '{group}'; known: {', '.join(groups)}{did_you_mean(group, groups)}"
    elsewhere = [f for f in _files_of_that_name(group, name) if f.parent.parent not in [r.absolute() for r in roots]]
    if elsewhere:
        folder = shown_path(os.path.relpath(elsewhere[0].parent.parent))[1:-1]
        hint = f"; {folder}/{group}/{name}.yaml has that name: add --config-dir {folder}"
    else:
        files = [p.name for p in Path().iterdir() if p.is_file()] if group == "data" and "." in name else []
        hint = did_you_mean(name, [*known, *files])
    return f"unknown {group} {shown(name)}; known: {', '.join(known)}{hint}"


def _choices(group: str, roots: Sequence[Path]) -> list[str]:
    """Return the files that can be chosen for a group; for one of Hydra's own groups, also those of its plug-ins."""
    if not group.startswith("hydra/"):
        return sorted({p.stem for root in roots for p in (root / group).glob("*.yaml")})
    from hydra import conf as hydra_conf
    from hydra.core.config_store import ConfigStore

    folder = Path(str(hydra_conf.__file__)).parent / group
    names = {p.stem for p in folder.glob("*.yaml")}
    with contextlib.suppress(Exception):
        names |= {n[:-5] for n in ConfigStore.instance().list(group) if n.endswith(".yaml")}
    return sorted(names - ({"basic", "ray_aws"} if group == "hydra/launcher" else set()))


def _files_of_that_name(group: str, name: str) -> list[Path]:
    """Return files that would be found with the right --config-dir: in a folder of this one, or one floor below."""
    if not re.fullmatch(r"[\w. -]+", name):
        return []
    folder = Path.cwd()
    with contextlib.suppress(OSError):
        return sorted([*folder.glob(f"*/{group}/{name}.yaml"), *folder.glob(f"*/*/{group}/{name}.yaml")])
    return []


def _unknown_key(key: str, conf: Path) -> str:
    """Explain why a key cannot be set: it belongs to another choice of its group, needs a plus, or is misspelt."""
    trees = dict(_trees(conf))
    parent, _, name = key.rpartition(".")
    if parent in ("hydra.launcher.ray.init", "hydra.launcher.ray.remote"):
        return f"'{parent}' has keys of your own choice: add one with a plus, as in +{key}=VALUE"
    if parent == "hydra.sweeper" or parent.startswith("hydra.sweeper."):
        return f"'{key}' is an option of a search: add hydra/sweeper=optuna, and -m"
    group = key.partition(".")[0]
    choices = {choice.rpartition("=")[2]: tree for choice, tree in trees.items() if choice.startswith(f"{group}=")}
    within = [_at(tree, parent.split(".")[1:]) for tree in choices.values()] or [_at(trees[""], parent.split("."))]
    if any(inner == {} for inner in within):
        return f"'{parent}' has keys of your own choice: add one with a plus, as in +{key}=VALUE"
    if any(isinstance(inner, dict) and inner.get(name) == {} for inner in within):
        return f"'{key}' has keys of your own choice: add one with a plus, as in +{key}.KEY=VALUE"
    if owners := [c for c, tree in choices.items() if name in tree and parent == group]:
        return f"the chosen {group} has no key '{name}'; it is one of {', '.join(f'{group}={c}' for c in owners)}"
    keys = [k for k in _keys(conf) if "." in k or not parent]
    siblings = sorted({k for inner in within if isinstance(inner, dict) for k in inner if isinstance(k, str)})
    last = {k.rsplit(".", 1)[-1]: k for k in keys}
    near = did_you_mean(name, siblings) and f"; did you mean '{parent}.{_near(name, siblings)}'?"
    near = near or did_you_mean(key, keys)
    if not near and did_you_mean(name, last):
        near = f"; did you mean '{last[_near(name, list(last))]}'?"
    if not near and siblings and parent:
        near = f"; known in {parent}: {', '.join(siblings)}"
    return f"unknown key '{key}'{near or '; see python -m va_experiments --help for the groups and keys'}"


def _nothing_to_delete(key: str, conf: Path) -> str:
    """Explain why a key cannot be left out: no file sets it, or there is none of this name."""
    keys = sorted(set(_keys(conf)))
    if key in keys:
        return (
            f"'~{key}': '{key}' has no value that could be left out: its default is used; leave the "
            f"override out, or give it a value: {key}=VALUE"
        )
    near = f"; did you mean '~{_near(key, keys)}'?" if did_you_mean(key, keys) else ""
    return f"'~{key}': there is no key '{key}' to leave out{near or '; leave the override out'}"


def _near(name: str, known: list[str]) -> str:
    return did_you_mean(name, known).split("'")[1]


def _at(tree: object, path: list[str]) -> object:
    """Return the value at a path of keys, or None."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _trees(conf: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield ``group=choice`` and the content of every file of ``conf/``, and for ``""`` the schema's own groups."""
    import yaml

    from va_experiments.config.schema import option_tree

    for path in sorted(conf.glob("*/*.yaml")):
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        yield f"{path.parent.name}={path.stem}", tree
    yield "", dict(option_tree())


def _unreadable(error: BaseException) -> str:
    """Return what is wrong with a file that is no YAML, with line and column; nothing for another error."""
    import yaml

    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        what = " ".join(p for p in (error.context, error.problem, error.note) if p)
        return f"{mark.name}:{mark.line + 1}:{mark.column + 1}: not valid YAML: {what}"
    if isinstance(error, (yaml.YAMLError, UnicodeDecodeError)):
        frames = [frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__)]
        path = next((str(f["full_path"]) for f in reversed(frames) if "full_path" in f), "a configuration file")
        if isinstance(error, UnicodeDecodeError):
            return f"{path}: not UTF-8 at byte {error.start + 1}; save it as UTF-8"
        position = getattr(error, "position", None)
        where = "" if position is None else f" at character {position + 1} ({shown(chr(error.character))})"  # type: ignore[attr-defined]
        return f"{path}: not valid YAML{where}: {getattr(error, 'reason', error)}"
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # Hydra raises some errors from themselves
        seen.add(id(error))
        yield error
        error = error.__cause__


def _keys(conf: Path) -> Iterator[str]:
    """Yield every dotted key that the files in ``conf/`` set, and every field of the schema."""
    import yaml

    from va_experiments.config.schema import option_tree

    for path in sorted(conf.rglob("*.yaml")):
        group = path.parent.relative_to(conf).as_posix()
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        prefix = "" if group in (".", "experiment") else f"{group}."
        yield from (f"{prefix}{k}" for k in tree if isinstance(k, str) and k not in ("defaults", "hydra"))
        if group not in (".", "experiment"):
            yield group
    for name, options in option_tree().items():
        yield name
        yield from (f"{name}.{option}" for option in options or ())


def remove_empty_run(folder: Path) -> None:
    """Remove a run's folder if it holds no results, and the folders above it if they are empty."""
    try:
        names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    except OSError:  # no permission: nothing of ours can lie there
        return
    if names <= {"multirun.yaml", "log.jsonl", "status.json", "optimization_results.yaml"}:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in list(folder.parents)[:3]:
            with contextlib.suppress(OSError):
                parent.rmdir()
