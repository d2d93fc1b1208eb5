"""``python docs/generate.py``: write the reference pages that follow from the code; ``--check`` only compares.

configuration.md and config.schema.json from `va_experiments.config` and the files of ``conf/``; commands.md from the
commands themselves; metric-list.md from the metrics' registry; python.md from the packages' ``__all__``;
bad-inputs.md from the cases of ``tests/bad_inputs``; evidence.md from ``tests/metrics/evidence.py``; the columns in
run-folder.md from `va_experiments.results.schema`; phmrc-indicators.md from the tables of the PHMRC readers.
"""

from __future__ import annotations

import dataclasses
import html
import importlib
import inspect
import io
import json
import re
import sys
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
WRITTEN = "<!-- Written by `python docs/generate.py`; edit the code it comes from, not this page. -->\n\n"


def cell(text: object) -> str:
    """Return `text` so that it can stand in a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())


def plain(text: str) -> str:
    """Return a docstring's reStructuredText as Markdown: double backquotes become single ones, roles go."""
    return re.sub(r":(?:func|class|mod|attr):`([^`]+)`", r"`\1`", text.replace("``", "`")).replace("`~", "`")


# --- configuration ---------------------------------------------------------------------------------------------------


def default_of(value: Any) -> str:
    """Return a default as YAML would write it."""
    if isinstance(value, bool) or value is None:
        return "`null`" if value is None else f"`{str(value).lower()}`"
    if isinstance(value, (list, tuple)):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, dict):
        pairs = ", ".join(f"{k}: {default_of(v).strip('`')}" for k, v in value.items())
        return f"`{{{pairs}}}`"
    return "`','`" if value == "," else f"`{value}`"


def option_table(cls: type, prefix: str, *, name: bool = False) -> list[str]:
    """Return a table of a group's options; those that are groups themselves have tables of their own."""
    from va_experiments.config.fields import descriptions, expected, groups_of

    lines: list[str] = ["| key | what it must be | default | what it does |", "|---|---|---|---|"]
    docs = descriptions(cls)
    for key, field in cls.model_fields.items():
        groups = groups_of(field)
        if "" in groups or (key == "name" and not name):
            continue
        kind = " or ".join(groups) if groups else expected(field.annotation, field.metadata)
        kind += " or null" if type(None) in get_args(field.annotation) else ""
        required = "a group: choose one" if prefix == "" else "none: must be set"
        default = required if field.is_required() else default_of(field.get_default(call_default_factory=True))
        help_text = re.sub(r"\bNone\b", "null", plain(docs.get(key, "")))
        lines.append(f"| `{prefix}{field.alias or key}` | {cell(kind)} | {cell(default)} | {cell(help_text)} |")
    return lines


def configuration() -> str:
    """Return the configuration reference."""
    from va_experiments.config.fields import groups_of
    from va_experiments.config.schema import JobConfig, ModelOptions, Resources, RunConfig

    conf = ROOT / "conf"
    lines = [
        "# Configuration\n",
        "A run's configuration is composed from `conf/`: one file of each group, chosen by `group=name`, and single",
        "keys, set by `key=value`. Every key is checked before anything runs; an unknown one is an error that",
        "names the nearest known one. To see the full configuration of a command:\n",
        "```console\n$ python -m va_experiments model=nbc --cfg job\n```\n",
        "Editors can check a composed configuration against [config.schema.json](config.schema.json), and the file of",
        "a group against one of its definitions, such as `config.schema.json#/$defs/Csv`.\n",
        "Two words have one meaning each. *Repeats* are independent random divisions of the deaths into training and",
        "test deaths. *Replicates* are independent subsets of one training size, from the training deaths of one",
        "division.\n",
        "## Keys of a job\n",
        "Each of these keys can be swept: several values with commas give several jobs.\n",
        *option_table(JobConfig, ""),
        "\n## Keys of the run\n",
        "These keys, and the groups `execution`, `tracking`, `checkpoint`, `paths` and `alert`, belong to the command",
        "and are the same for all of its jobs. They cannot be swept.\n",
        *option_table(RunConfig, ""),
    ]
    run_groups = {n: groups_of(f)[""] for n, f in RunConfig.model_fields.items() if "" in groups_of(f)}
    job_groups = {n: groups_of(f)[""] for n, f in JobConfig.model_fields.items() if "" in groups_of(f)}
    for name, cls in {**run_groups, "model": ModelOptions, "model.resources": Resources, **job_groups}.items():
        text = plain((cls.__doc__ or "").split("\n\n")[0])
        lines += [f"\n## `{name}`\n", f"{text}\n", *option_table(cls, f"{name}.", name=True)]
    for name in ("data", "protocol", "testset"):
        lines.append(f"\n## `{name}`\n")
        for tag, cls in groups_of(JobConfig.model_fields[name]).items():
            table = option_table(cls, f"{name}.")
            lines += [f"### `{name}={tag}`\n", f"{plain((cls.__doc__ or '').splitlines()[0])}\n"]
            lines += [*table, ""] if len(table) > 2 else ["It has no options.\n"]
    lines += [
        "\n## Groups\n",
        "Each file below can be chosen by `group=name`, several with commas: `model=nbc,interva`. Its keys are",
        "overridden as `group.key=value`.",
    ]
    for folder in sorted(p for p in conf.iterdir() if p.is_dir()):
        lines.append(f"\n### `{folder.name}`\n")
        files = sorted(folder.glob("*.yaml"))
        lines += ["| choice | what it is |", "|---|---|"]
        lines += [f"| `{folder.name}={p.stem}` | {cell(first_comment(p))} |" for p in files]
        lines.append("")
        for path in files:
            content = path.read_text(encoding="utf-8").rstrip()
            if len(content.splitlines()) > 2:
                lines.append(f'??? note "conf/{folder.name}/{path.name}"\n\n    ```yaml')
                lines += [f"    {line}".rstrip() for line in content.splitlines()]
                lines.append("    ```\n")
    return "\n".join(lines)


def config_schema() -> str:
    """Return the JSON schema of a composed configuration."""
    from va_experiments.config.schema import json_schema

    return json.dumps(json_schema(), indent=1, ensure_ascii=False)


def first_comment(path: Path) -> str:
    """Return the comment at the head of a YAML file, a pointer to the documentation made a link."""
    text = path.read_text(encoding="utf-8")
    comment = " ".join(line[1:].strip() for line in text.splitlines()[:3] if line.startswith("#")) or path.stem
    return re.sub(r": docs/([\w./-]+\.md)", r" ([more](../\1))", comment)


# --- commands --------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Return the command reference: the run, and every command of ``va-experiments``."""
    lines = [
        "# Commands\n",
        "## `python -m va_experiments`\n",
        "Runs experiments; `va-experiments KEY=VALUE ...` is the same. Its arguments are overrides of the",
        "[configuration](configuration.md). Without arguments it prints this help, with exit code 2:\n",
        f"```text\n{run_help()}\n```\n",
        "Flags and overrides may stand in any order. Flags of Hydra that are refused say why.\n",
        *flag_table(),
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | every cell is done |",
        "| 2 | invalid input in the command, the configuration or the data; nothing was computed |",
        "| 3 | cells failed or are missing; the others are stored |",
        "| 4 | another run works in the same `paths.outputs` |",
        "| 5 | the disk is full, memory is short, the workers are lost, or a stored cell comes from a newer version |",
        "| 129, 130, 143 | stopped by SIGHUP, Ctrl-C, SIGTERM; finished cells are stored |",
        "| 1 | an unexpected error, with a traceback: please report it |",
        "",
        "## `va-experiments`\n",
    ]
    lines += ["| command | what it does |", "|---|---|"]
    command_line = importlib.import_module("va_experiments.commands.command_line")
    names = importlib.import_module("va_experiments.commands").COMMANDS
    lines += [f"| `va-experiments {name}` | {cell(text)} |" for name, text in names.items()]
    for name in names:
        if name != "run" and (ROOT / "va_experiments" / "commands" / f"{name}.py").is_file():
            lines += list(command_section(command_line.command_of(name), f"va-experiments {name}", level=3))
    return "\n".join(lines) + "\n"


def flag_table() -> list[str]:
    """Return a table of every flag of a run: allowed or refused, and what it does or why it is refused."""
    from va_experiments.hydra_app.command_line import FLAGS

    lines = ["| flag | allowed | what it does, or why it is refused |", "|---|---|---|"]
    for flag in FLAGS:
        names = ", ".join(f"`{name}`" for name in flag.names)
        value = f" {'|'.join(flag.choices) or flag.value}" if flag.value else ""
        answer = "refused" if flag.refused else "yes"
        lines.append(f"| {names}{cell(value)} | {answer} | {cell(flag.text)} |")
    return lines


def run_help() -> str:
    """Return what ``python -m va_experiments --help`` prints, written from ``conf/``."""
    from va_experiments.hydra_app.help_text import help_text

    return help_text(ROOT / "conf")


def command_section(command: Any, path: str, level: int) -> Iterator[str]:
    """Yield the section of a command and of its actions."""
    import click

    from va_experiments.commands.command_line import help_rows

    context = command.context_class(command, info_name=path)
    yield f"\n{'#' * level} `{path}`\n"
    yield "\n".join(textwrap.fill(p, 118) + "\n" for p in plain(inspect.cleandoc(command.help)).split("\n\n"))
    yield "```text\n" + " ".join([path, *command.collect_usage_pieces(context)]) + "\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from command_section(command.get_command(context, name), f"{path} {name}", level + 1)
        return
    rows = [*help_rows(command, context, click.Argument), *help_rows(command, context, click.Option)]
    lines = [f"| `{name}` | {cell(plain(text))} |" for name, text in rows if "--help" not in name]
    if lines:
        yield "| argument | what it does |\n|---|---|\n" + "\n".join(lines) + "\n"


# --- metrics, Python -------------------------------------------------------------------------------------------------


def metric_list() -> str:
    """Return the table of metrics."""
    from va_experiments.metrics.registry import CASE_METRICS, METRIC_SET_VERSION, METRICS

    lines = [
        "# List of metrics\n",
        f"Version {METRIC_SET_VERSION} of the metric set. Each name is a column of `cells.csv`; if an interval is",
        "named, `<name>_low` and `<name>_high` are a 95% bootstrap interval over the test deaths. What they mean and",
        "which to choose: [Metrics](../explanation/metrics.md).\n",
        "| column | better | range | interval | what it is |",
        "|---|---|---|---|---|",
    ]
    for name, info in {**METRICS, **CASE_METRICS}.items():
        low, high = (f"{v:g}".replace("-inf", "-∞").replace("inf", "∞") for v in info.range)
        better = "higher" if info.higher_is_better else "lower"
        lines.append(f"| `{name}` | {better} | {low} to {high} | {info.interval or '-'} | {cell(info.description)} |")
    return "\n".join(lines) + "\n"


def python_names() -> str:
    """Return the page of what a notebook imports: every public name with its signature and first line."""
    lines = [
        "# From Python\n",
        "You can use data, models, metrics and protocols in a notebook or a script; none of them imports Hydra,",
        "Prefect, Ray or MLflow. `help(name)` shows the whole documentation of each.",
    ]
    for package in ("data", "models", "metrics", "protocols", "results", "report"):
        module = importlib.import_module(f"va_experiments.{package}")
        lines += [f"\n## `va_experiments.{package}`\n", plain((module.__doc__ or "").split("\n\n")[0].strip()) + "\n"]
        lines += ["| name | what it is |", "|---|---|"]
        for name in sorted(module.__all__, key=str.casefold):
            value = getattr(module, name)
            documented = inspect.isclass(value) or inspect.isroutine(value)
            doc = inspect.getdoc(value) if documented else ""
            first = plain((doc or "").strip().split("\n\n")[0]) if documented else constant_doc(module, name)
            lines.append(f"| `{name}{short_signature(value)}` | {cell(first)} |")
    return "\n".join(lines) + "\n"


def constant_doc(module: Any, name: str) -> str:
    """Return the string below the assignment of a constant, in whichever module of the package it stands."""
    package = importlib.import_module(module.__name__)
    for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
        text = "".join(t.line for t in tokens if t.start[1] == 0 and t.type == tokenize.STRING)
        if text and (match := re.search(rf'^{name}\b[^"]*?=.*?^"""(.+?)"""', path.read_text(), re.M | re.S)):
            return plain(match.group(1)) if len(match.group(1)) < 400 and "def " not in match.group(0) else ""
    return ""


def short_signature(value: Any) -> str:
    """Return the names of a callable's parameters, without types and defaults."""
    if not callable(value):
        return ""
    if fields := getattr(value, "model_fields", None):  # pydantic makes the signature of such a class only when needed
        return f"(*, {', '.join(fields)})" if len(fields) <= 8 else "(…)"
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    if len(parameters) > 8 or dataclasses.is_dataclass(value):
        return "(…)"
    names, starred = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            names.append("*")
            starred = True
        names.append({p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name)
    return f"({', '.join(names)})"


# --- bad inputs ------------------------------------------------------------------------------------------------------


def bad_inputs() -> str:
    """Return the table of bad inputs, written from the cases of ``tests/bad_inputs``."""
    sys.path.insert(0, str(ROOT))
    try:
        commands = importlib.import_module("tests.bad_inputs.commands")
        files = importlib.import_module("tests.bad_inputs.files")
        rows = importlib.import_module("tests.bad_inputs.rows").ROWS
    finally:
        sys.path.remove(str(ROOT))
    refused = [*commands.COMMANDS, *commands.YAMLS, *files.FILES, *files.PATHS]
    lines = [
        "# Bad inputs\n",
        f"{len(refused)} invalid inputs with their error messages, and {len(files.NOTES)} unusual inputs that can be",
        "read. Each row is a test (`tests/bad_inputs`), which asserts the message. An invalid input ends with exit",
        "code 2 before anything is fitted, and leaves no files; all problems of a command or a file are reported",
        "together, the first twenty in full. `--debug` adds the traceback. The message begins with the file.\n",
        "`make fuzz` searches for other problems: for ten minutes it changes tables, archives, configuration files and",
        "command lines at random; none may end in a traceback, a hang or an incomplete output.",
    ]
    for row, heading in rows.items():
        cases = [c for c in refused if c.row == row]
        notes = [c for c in files.NOTES if c.row == row]
        if not cases and not notes:
            continue
        lines += [f"\n## {heading}\n", "| case | input | message |", "|---|---|---|"]
        lines += [f"| {cell(c.what)} | {code(c.given)} | {said(c.message)} |" for c in cases]
        lines += [f"| {cell(c.what)} | {code(c.given)} | read; {c.message or 'without a change'} |" for c in notes]
    return "\n".join(lines) + "\n"


def said(message: str) -> str:
    """Return a message for a table's cell; dots where it goes on."""
    return cell(message or "refused") + (" ..." if message.endswith((" ", "(", ",")) else "")


def code(text: str) -> str:
    """Return `text` as code in a table's cell."""
    return f"<code>{html.escape(cell(text), quote=False)}</code>" if text else ""


# --- evidence --------------------------------------------------------------------------------------------------------


def evidence() -> str:
    """Return the table of statistics and what each is checked against, from ``tests/metrics/evidence.py``."""
    sys.path.insert(0, str(ROOT))
    try:
        parts = importlib.import_module("tests.metrics.evidence").PARTS
    finally:
        sys.path.remove(str(ROOT))
    lines = [
        "# Evidence for every statistic\n",
        "What each public statistic and each metric is checked against, and in which tests. A test keeps the list",
        "complete (`tests/metrics/test_evidence.py`). `pytest -s` on the test in the row prints the rates; simulated",
        "coverage of nominal 95% intervals must be between .93 and .97 and error rates at .05, or the row gives the",
        "difference. [Metrics](../explanation/metrics.md) explains the statistics and names the publications.",
    ]
    for heading, rows in parts.items():
        lines += [f"\n## {heading}\n", "| statistic | checked by | against | rates | tests |", "|---|---|---|---|---|"]
        for row in rows:
            names = ", ".join(f"`{name}`" for name in row.names)
            tests = "<br>".join(f"`{t.removeprefix('tests/').replace('::', ': ')}`" for t in row.tests)
            lines.append(f"| {names} | {row.kind} | {cell(row.source)} | {cell(row.figures)} | {tests} |")
    return "\n".join(lines) + "\n"


# --- columns of a result row -----------------------------------------------------------------------------------------

COLUMNS_BEGIN = "<!-- Columns: written by `python docs/generate.py` from va_experiments/results/schema.py. -->"
COLUMNS_END = "<!-- End of the columns. -->"


def run_folder() -> str:
    """Return the page of a run's folder with its tables of columns written from the schema."""
    from va_experiments.results.column import Role
    from va_experiments.results.schema import columns, leading_columns

    leading = leading_columns()
    metrics = (Role.METRIC, Role.INTERVAL)
    rest = [name for name, column in columns().items() if name not in leading and column.role not in metrics]
    lines = ["First, in this order:\n", *column_table(leading), "\nThen, without those that no cell of the run has:\n"]
    lines += column_table(rest)
    lines += [
        "\nBefore the errors stand the other [metrics](metric-list.md). For each metric with an interval,",
        "`<metric>_low` and `<metric>_high` are the ends of its 95% interval. With a resampled test-set design, a",
        "metric is the median over the test sets, `_low` and `_high` are the ends of the interval over test sets, and",
        "`<metric>_median_low` and `<metric>_median_high` those of the interval of the median: see",
        "[Metrics](../explanation/metrics.md). All of them are numbers, and metrics in MLflow.",
    ]
    text = read(REFERENCE / "run-folder.md")
    before, _, after = text.partition(COLUMNS_BEGIN)
    return "\n".join([before + COLUMNS_BEGIN + "\n", *lines, "\n" + COLUMNS_END + after.partition(COLUMNS_END)[2]])


def column_table(names: Iterable[str]) -> Iterator[str]:
    """Yield the table of these columns of a result row."""
    from va_experiments.results.schema import columns, tables_of

    yield "| column | meaning | type | unit | if unknown | in MLflow | also in |\n|---|---|---|---|---|---|---|"
    for column in map(columns().__getitem__, names):
        default = "missing" if column.default is None else f"`{column.default}`" if column.default != "" else "empty"
        default = "always known" if column.required else default
        kinds = ", ".join(str(part.name).lower() for part in column.mlflow)
        row = (f"`{column.name}`", column.meaning, column.kind.value, column.unit, default, kinds)
        yield "| " + " | ".join(map(cell, (*row, ", ".join(tables_of(column.name))))) + " |"


# --- indicators of PHMRC ---------------------------------------------------------------------------------------------


def phmrc_indicators() -> str:
    """Return the page of what each question of PHMRC says in the indicators of InterVA-5, and what none says."""
    from va_experiments.data.probbase import read_probbase
    from va_experiments.data.readers.phmrc_indicators import known_indicators, mapping
    from va_experiments.data.readers.phmrc_modules import MODULES
    from va_experiments.data.readers.who2016_table import rules

    lines = [
        "# PHMRC as indicators of InterVA-5",
        "",
        "With `data.indicators=true` the PHMRC readers give InterVA-5's 353 indicators in place of the symptoms",
        "([how-to](../how-to/run-on-phmrc.md#interva-5-insilicova-and-eava)). One row for each question of WHO 2016",
        "that PHMRC asks too, from `va_experiments/data/readers/phmrc_who2016_*.csv`; the indicators follow from it by",
        "the [rules of the questionnaire](../how-to/odk.md#how-an-indicator-follows). It is our reading of the two",
        "questionnaires; nobody has published one.",
        "",
        "A question is in a table only if yes *and* no mean the same in both questionnaires. In *answers*, `number` is",
        "a number as it stands; `positive`, `months`, `weeks`, `hours`, `minutes` and `a day or more` are numbers (of",
        "days, if times) in that unit, where 0, 88, 98 and 99 stand for no answer: the file has 0 where a sign was",
        "present and its duration was not known. In *if*, all conditions must hold, else the question was not asked:",
        "`q` is yes, `q|r` one of them is yes, `!q` is no.",
    ]
    names = read_probbase().indicators
    for module in MODULES:
        known = known_indicators(module)
        lines += [f"\n## {module.title()}: {len(known)} indicators\n"]
        lines += ["| question of WHO 2016 | column of PHMRC | answers | if | indicators |\n|---|---|---|---|---|"]
        listed = set[str]()
        for row in mapping(module):
            question = row["question"].partition("/")[0]
            indicators = dict.fromkeys(rule.indicator for rule in rules("1.5") if rule.question == question)
            listed |= indicators.keys()
            gate = f"`{row['asked_if'].replace(' ', '` `')}`" if row["asked_if"] else ""
            lines.append(
                "| "
                + " | ".join(map(cell, (row["question"], row["column"], row["answers"], gate, " ".join(indicators))))
                + " |"
            )
        more, none = [n for n in names if n in known - listed], [n for n in names if n not in known]
        lines += [f"\nFrom the age, or no because what they depend on is no: {' '.join(more)}."]
        lines += [f"\nNot known for any death, {len(none)} indicators: {' '.join(none)}."]
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "config.schema.json": config_schema,
    "commands.md": commands,
    "metric-list.md": metric_list,
    "python.md": python_names,
    "bad-inputs.md": bad_inputs,
    "evidence.md": evidence,
    "run-folder.md": run_folder,
    "phmrc-indicators.md": phmrc_indicators,
}
"""File in ``docs/reference`` -> what writes it."""


def stale() -> list[str]:
    """Return the pages that differ from what the code says now."""
    return [name for name, write in PAGES.items() if read(REFERENCE / name) != page(write)]


def page(write: Callable[[], str]) -> str:
    """Return the whole text of a page."""
    text = write().rstrip() + "\n"
    if text.startswith("{") or COLUMNS_BEGIN in text:  # JSON has no comments; the other page is written in part
        return text
    return WRITTEN + text


def read(path: Path) -> str:
    """Return the text of a page, or nothing where it does not exist."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def main() -> int:
    """Write the pages, or with ``--check`` tell which are out of date."""
    sys.path.insert(0, str(ROOT))
    if "--check" in sys.argv:
        if old := stale():
            print(f"out of date: {', '.join(old)}; run python docs/generate.py")
        return 1 if old else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(page(write), encoding="utf-8")
        print(f"docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
