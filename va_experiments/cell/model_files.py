"""Hash the files that a model's parameters name: their content is part of a cell's key, their paths are not.

A parameter names a file if its class lists it in `Model.file_parameters`; the classes of an ensemble's members, which
its parameters name by ``_target_``, count too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from va_experiments.data.safe_open import check_file
from va_experiments.errors import InputError, shown, shown_path
from va_experiments.models.base import Model
from va_experiments.models.model_import import allowed_class
from va_experiments.models.saved_model import MANIFEST

__all__ = ["check_expected", "check_files", "file_digests", "with_contents"]


def file_digests(model: type[Model], params: Mapping[str, Any], allowed: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the SHA-256 of the content of each file, by the dotted parameter that names it.

    Parameters
    ----------
    model : type
    params : mapping
        Its parameters, as plain data.
    allowed : tuple of str
        Packages from which classes of members may come.

    Raises
    ------
    InputError
        For a file that cannot be read.
    """
    digests, problems = {}, []
    for parameter, path in _named_files(model, params, allowed):
        try:
            file = Path(path) / MANIFEST if Path(path).is_dir() else Path(path)  # of a saved model
            if file.exists():
                check_file(file)
            with file.open("rb") as stream:
                digests[parameter] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            problems.append(f"model.{parameter} is {shown_path(path)}: cannot be read ({error.strerror})")
        except InputError as error:
            problems += [f"model.{parameter}: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    return digests


def check_expected(params: Mapping[str, Any], files: Mapping[str, str], expected: str) -> None:
    """Raise `InputError` unless the file that ``path`` names has the SHA-256 that is expected.

    Parameters
    ----------
    params : mapping
        Of the model.
    files : mapping
        What `file_digests` found.
    expected : str
        Of a saved model: of its manifest, as ``va-experiments train`` printed it.
    """
    digest = files.get("path", "")
    if digest and digest != expected.strip().casefold():
        raise InputError(
            f"model.sha256 is {shown(expected)}, but model.path={shown_path(str(params['path']))} has {digest}: its "
            "content is not the one that was meant, or the number was copied wrongly"
        )


def with_contents(params: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters with the SHA-256 of its content in place of each file's path."""
    replaced = dict(params)
    for parameter, digest in files.items():
        head, _, rest = parameter.partition(".")
        replaced[head] = with_contents(replaced[head], {rest: digest}) if rest else {"sha256": digest}
    return replaced


def check_files(model: type[Model], params: Mapping[str, Any], files: Mapping[str, str]) -> None:
    """Raise `InputError` if a file no longer has the content that the cell's key counts."""
    now = file_digests(model, params, tuple({str(t).split(".")[0] for t in _targets(params)}))
    if changed := [parameter for parameter, digest in files.items() if now.get(parameter) != digest]:
        raise InputError(
            [
                f"the file that model.{parameter} names has changed since the run was planned; run the command again"
                for parameter in changed
            ]
        )


def _named_files(
    model: type[Model], params: Mapping[str, Any], allowed: tuple[str, ...], path: str = ""
) -> Iterator[tuple[str, str]]:
    for name in model.file_parameters:
        if isinstance(params.get(name), str):
            yield f"{path}{name}", str(params[name])
    for name, value in params.items():
        yield from _in_members(value, allowed, f"{path}{name}")


def _in_members(value: Any, allowed: tuple[str, ...], path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return
    if "_target_" in value:
        yield from _named_files(allowed_class(str(value["_target_"]), allowed), value, allowed, f"{path}.")
    else:
        for name, inner in value.items():
            yield from _in_members(inner, allowed, f"{path}.{name}")


def _targets(value: Any) -> Iterator[object]:
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield value["_target_"]
        for inner in value.values():
            yield from _targets(inner)
