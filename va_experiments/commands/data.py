"""Check a study's own file before a run, or describe a data set that runs can read.

check FILE reads the table as a run would: counts by site and cause, missing answers, what was dropped or changed, and
the YAML that names its columns. Exit code 2 lists everything that keeps it from being read, all at once.
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from va_experiments.errors import InputError, printable, shown, shown_path

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True)
    text = "check a table (.csv, .csv.gz, .zip) and write the YAML for it"
    check = actions.add_parser("check", help=text, description=text, allow_abbrev=False)
    check.add_argument("file", metavar="FILE", help="the table")
    check.add_argument(
        "--write", nargs="?", const="", metavar="YAML", help="write the YAML (default: conf/data/<file's name>.yaml)"
    )
    _add_options(check)
    text = "describe a data set: deaths by site and cause, symptoms, missing answers, ledger"
    describe = actions.add_parser("describe", help=text, description=text, allow_abbrev=False)
    describe.add_argument(
        "name", metavar="NAME", help="simulated, phmrc_adult, phmrc_child, phmrc_neonate, csv, who2016"
    )
    _add_options(describe)


def _add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "options", nargs="*", metavar="KEY=VALUE", help="options of the reader, as after data. in a run"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(options: Namespace) -> int:
    """Do the action."""
    return (
        _check(options)
        if options.action == "check"
        else _describe(options.name, _parsed(options.options), options.json)
    )


def _parsed(options: list[str]) -> dict[str, Any]:
    import yaml

    class TextKeys(yaml.SafeLoader):
        """Keep the keys of a mapping as they are written: a cell 9 or Yes is text."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            pairs = node.value
            if not all(isinstance(key, yaml.ScalarNode) for key, _ in pairs):
                raise yaml.YAMLError("a key is not text")
            return {str(key.value): self.construct_object(value, deep=True) for key, value in pairs}

    found: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise InputError(f"{shown(option)} is not an option; write KEY=VALUE, such as path=deaths.csv")
        try:
            found[key.removeprefix("data.").lstrip("+")] = yaml.load(value, Loader=TextKeys)  # a SafeLoader
        except yaml.YAMLError:
            raise InputError(
                f"the value of {shown(option)} cannot be read; quote text that holds : , [ or {{"
            ) from None
    return found


def _describe(name: str, options: dict[str, Any], as_json: bool, others: dict[str, str] | None = None) -> int:
    from va_experiments.data import load
    from va_experiments.data.check import describe, describe_text

    deaths = load(name, options)
    if as_json:
        import json

        more = {} if others is None else {"not_symptoms": others}
        print(json.dumps(describe(deaths) | more, indent=1, default=str))
        return 0
    print(describe_text(deaths))
    if others:
        print("\ncolumns that are not symptoms:")
        print("\n".join(f"  {printable(column)}: {what}" for column, what in others.items()))
    return 0


def _check(options: Namespace) -> int:
    from va_experiments.data import load
    from va_experiments.data.check import suggest

    given = _parsed(options.options)
    found = suggest(options.file, given)
    read = dict(found.options)
    name = str(read.pop("name"))
    if found.roles is not None:
        if found.roles.site is None and "site" not in given:
            print(found.text)
            raise InputError(
                f"'{options.file}': no column for the site was recognised; name it: "
                f"va-experiments data check {shlex.quote(options.file)} site=COLUMN (or site=null, where all deaths "
                "are of one place)"
            )
        if found.roles.questions:
            raise InputError([f"{shown_path(options.file)}: {q}" for q in found.roles.questions], hint=_hint(options))
    try:
        load(name, read)  # every problem of the file at once, before anything is printed
    except InputError as error:
        raise InputError(error.problems, hint=_hint(options, error.hint)) from None
    if found.form is not None and not options.json:
        print(f"{shown_path(options.file)} is {found.form.what}: read by data={name}\n")
    _describe(name, read, options.json, None if found.roles is None else found.roles.others())
    if found.roles is not None and found.roles.cause is None and "cause" not in given and not options.json:
        print(
            f"\nnote: no column for the cause was recognised, so no model can be trained on it; name it: "
            f"va-experiments data check {shlex.quote(options.file)} cause=COLUMN"
        )
    if options.write is None:
        if not options.json:
            print(f"\nYAML for it (write it with --write):\n\n{found.text}", end="")
        return 0
    return _write(options, found.text)


def _hint(options: Namespace, found: str = "") -> str:
    """Return what to do about a file that is refused."""
    return (
        "Nothing was written. Mend the file, or say how to read it, and check again:\n"
        f"  va-experiments data check {shlex.quote(options.file)} KEY=VALUE ...\n"
        "such as cause=COLUMN, exclude=[COLUMN], drop_unlabelled=true, 'value_map={Oui: Y, Non: N}'; "
        "all keys: docs/reference/data.md"
    ) + (f"\n{found}" if found else "")


def _write(options: Namespace, text: str) -> int:
    from va_experiments.config.schema import conf_dir

    stem = (
        "".join(c if c.isalnum() else "_" for c in Path(options.file).name.split(".")[0].lower()).strip("_") or "study"
    )
    path = Path(options.write) if options.write else conf_dir() / "data" / f"{stem}.yaml"
    if path.exists():
        raise InputError(f"'{path}' is there already; choose another name with --write YAML, or remove it")
    if path.suffix != ".yaml":
        raise InputError(f"'{path}' must end in .yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"\nwritten: {path}")
    flag, remark = ("", "") if path.parent.resolve() == (conf_dir() / "data").resolve() else _searched(path)
    print(f"run it:  python -m va_experiments {flag}data={path.stem} model=nbc{remark}")
    return 0


def _searched(path: Path) -> tuple[str, str]:
    """Return the option by which Hydra finds a YAML outside the project, or a remark where it cannot lie there."""
    folder = path.resolve().parent
    if folder.name == "data":
        return f"--config-dir {shlex.quote(str(folder.parent))} ", ""
    return "--config-dir CONF ", f"   (once the file lies in CONF/data; now it lies in {folder})"
