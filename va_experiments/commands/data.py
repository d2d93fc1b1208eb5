"""Check a study's own file before a run, or describe a data set that runs can read.

check FILE reads the table as a run would: counts by site and cause, missing answers, what was dropped or changed, and
the YAML that names its columns. Exit code 2 lists everything that keeps it from being read, all at once.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from va_experiments.commands.command_line import App, Command
from va_experiments.errors import InputError, shown, shown_path
from va_experiments.terminal import say, say_json

__all__ = ["app"]


app = App(help=__doc__)

Pairs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Options of the reader, as after data. in a run."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")]


class _Check(Command):
    value_or_none = {"--write": ""}  # noqa: RUF012 (a constant)


@app.action("check", cls=_Check)
def check_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The table.")],
    pairs: Pairs = None,
    write: Annotated[
        str | None,
        typer.Option(metavar="[YAML]", help="Write the YAML; default: conf/data/<file's name>.yaml."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check a table (.csv, .csv.gz, .zip) and write the YAML for it."""
    return _check(file, pairs or [], write, as_json=as_json)


@app.action("convert")
def convert_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The export.")],
    target: Annotated[str, typer.Argument(metavar="OUT.csv", help="The table to write; it must not be there yet.")],
    pairs: Pairs = None,
    as_json: AsJson = False,
) -> int:
    """Convert an ODK export of the WHO 2016 questionnaire to a table of InterVA-5's indicators."""
    from va_experiments.data.convert import convert_facts, convert_text, write_indicators

    converted = write_indicators(file, target, _parsed(pairs or []))
    if as_json:
        say_json(convert_facts(converted, target), indent=1)
    else:
        say(convert_text(converted, target))
    return 0


@app.action("describe")
def describe_data(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The reader (simulated, phmrc_adult, immcmc_adult, csv, who2016, who2016_odk, ...), or a YAML.",
        ),
    ],
    pairs: Pairs = None,
    as_json: AsJson = False,
) -> int:
    """Describe a data set: deaths by site and cause, symptoms, missing answers, ledger."""
    options, name = _parsed(pairs or []), name.removeprefix("data=")
    if name.endswith((".yaml", ".yml")):
        from va_experiments.hydra_app.own_names import data_options

        written = data_options(name)
        name, options = str(written.pop("name")), written | options
    return _describe(name, options, as_json)


def _parsed(options: list[str]) -> dict[str, Any]:
    from va_experiments.config.mapping_text import read_value

    parsed: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise InputError(f"{shown(option)} is not an option; write KEY=VALUE, such as path=deaths.csv")
        try:
            parsed[key.removeprefix("data.").lstrip("+")] = read_value(value)
        except ValueError:
            raise InputError(
                f"the value of {shown(option)} cannot be read; quote text that holds : , [ or {{"
            ) from None
    return parsed


def _describe(name: str, options: dict[str, Any], as_json: bool, others: dict[str, str] | None = None) -> int:
    from va_experiments.data import load
    from va_experiments.data.check import describe, describe_text

    deaths = load(name, options)
    if as_json:
        more = {} if others is None else {"not_symptoms": others}
        say_json(describe(deaths) | more, indent=1)
        return 0
    say(describe_text(deaths))
    if others:
        say("\ncolumns that are not symptoms:")
        say("\n".join(f"  {column}: {what}" for column, what in others.items()))
    return 0


def _check(file: str, pairs: list[str], write: str | None, *, as_json: bool) -> int:
    from va_experiments.data import load
    from va_experiments.data.check import suggest

    options = _parsed(pairs)
    suggestion = suggest(file, options)
    read = dict(suggestion.options)
    name = str(read.pop("name"))
    if suggestion.roles is not None:
        if suggestion.roles.site is None and "site" not in options:
            say(suggestion.text)
            raise InputError(
                f"'{file}': no column for the site was recognised; name it: "
                f"va-experiments data check {shlex.quote(file)} site=COLUMN (or site=null, where all deaths "
                "are of one place)"
            )
        if suggestion.roles.questions:
            raise InputError([f"{shown_path(file)}: {q}" for q in suggestion.roles.questions], hint=_hint(file))
        if not suggestion.roles.symptoms and "symptoms" not in options:
            first = "; ".join(f"{shown(c)}: {why}" for c, why in list(suggestion.roles.left_out.items())[:3])
            raise InputError(
                f"{shown_path(file)}: no column was recognised as a symptom ({first or 'there are no other columns'}); "
                "say what the cells mean with value_map={CELL: Y, CELL: N}, or name the columns with symptoms=[COLUMN]",
                hint=_hint(file),
            )
    try:
        load(name, read)  # every problem of the file at once, before anything is printed
    except InputError as error:
        raise InputError(error.problems, hint=_hint(file, error.hint)) from None
    if suggestion.form is not None and not as_json:
        say(f"{shown_path(file)} is {suggestion.form.what}: read by data={name}\n")
    _describe(name, read, as_json, None if suggestion.roles is None else suggestion.roles.others())
    if suggestion.roles is not None and suggestion.roles.cause is None and "cause" not in options and not as_json:
        say(
            f"\nnote: no column for the cause was recognised, so no model can be trained on it; name it: "
            f"va-experiments data check {shlex.quote(file)} cause=COLUMN"
        )
    if write is None:
        if not as_json:
            say(f"\nYAML for it (write it with --write):\n\n{suggestion.text.rstrip()}")
        return 0
    return _write(file, write, suggestion.text)


def _hint(file: str, found: str = "") -> str:
    """Return what to do about a file that is refused."""
    return (
        "Nothing was written. Correct the file, or say how to read it, and check again:\n"
        f"  va-experiments data check {shlex.quote(file)} KEY=VALUE ...\n"
        "such as cause=COLUMN, exclude=[COLUMN], drop_unlabelled=true, 'value_map={Oui: Y, Non: N}'; "
        "all keys: docs/reference/data.md"
    ) + (f"\n{found}" if found else "")


def _write(file: str, write: str, text: str) -> int:
    from va_experiments.config.schema import conf_dir

    stem = "".join(c if c.isalnum() else "_" for c in Path(file).name.split(".")[0].lower()).strip("_") or "study"
    path = Path(write) if write else conf_dir() / "data" / f"{stem}.yaml"
    if path.exists():
        raise InputError(f"'{path}' is there already; choose another name with --write YAML, or remove it")
    if path.suffix != ".yaml":
        raise InputError(f"'{path}' must end in .yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    if "\nname: phmrc" not in f"\n{text}" and "\nlabel:" not in text:
        text += f'label: "{path.stem}"   # name of the study in tables and reports\n'
    path.write_text(text, encoding="utf-8")
    say(f"\nwritten: {path}")
    say(f"run it:  python -m va_experiments {_choice_of(path, conf_dir() / 'data')} model=nbc")
    return 0


def _choice_of(path: Path, package_conf: Path) -> str:
    """Return the words that choose a YAML: its name, its name within a folder of configurations, or its path."""
    folder = path.resolve().parent
    if folder == package_conf.resolve():
        return f"data={path.stem}"
    if folder.name == "data":
        return f"--config-dir {shlex.quote(str(folder.parent))} data={path.stem}"
    return shlex.quote(f"data={path}")
