"""Describe a data set in numbers, and suggest a first YAML for a study's own table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from va_experiments.data.column_roles import guess_roles
from va_experiments.data.csv_blocks import CodedColumn, read_columns
from va_experiments.data.deaths import FEATURE_LEVELS, MISSING, PRESENT, Deaths
from va_experiments.data.eava_columns import EAVA_COLUMNS
from va_experiments.data.readers.recognise import Form, recognise
from va_experiments.data.repairs import alike, alike_ids, label_map, stand_ins, unknown_ages
from va_experiments.data.roles import Roles
from va_experiments.data.text_source import AUTO, TextSource, open_source
from va_experiments.errors import InputError, shown, shown_path
from va_experiments.terminal import text_table

__all__ = ["Suggestion", "describe", "describe_text", "suggest", "suggest_yaml"]

NAME_WIDTH = 40
"""Characters of the name of a site or a cause at most, in a table."""

MOST_TEXTS_SHOWN = 8
"""Values of a column of strata at most, in its line."""


def describe(deaths: Deaths) -> dict[str, Any]:
    """Describe a data set as plain data.

    Returns
    -------
    dict
        ``name``, ``simulated``, ``n_deaths``, ``n_symptoms``, ``fingerprint``; ``sites``, ``causes``: name -> deaths;
        ``deaths``: site -> cause -> deaths; ``missing``, ``present``: site -> share of answers; ``feature_levels``:
        level -> symptoms; ``covariates``: name -> known, minimum, median, maximum; ``strata_columns``: name -> value ->
        deaths; ``learned_cuts``; ``ledger``: rows.
    """
    by_site = np.bincount(deaths.site, minlength=len(deaths.sites))
    table: dict[str, dict[str, int]] = {}
    missing, present = {}, {}
    for k, site in enumerate(deaths.sites):
        rows = deaths.site == k
        if not rows.any():
            continue
        answers = deaths.symptoms[rows]
        missing[site] = round(float((answers == MISSING).mean()), 4) if answers.size else 0.0
        present[site] = round(float((answers == PRESENT).mean()), 4) if answers.size else 0.0
        if deaths.cause is not None:
            count = np.bincount(deaths.cause[rows], minlength=len(deaths.causes))
            table[site] = {c: int(n) for c, n in zip(deaths.causes, count, strict=True) if n}
    causes = {} if deaths.cause is None else _counts(deaths.causes, deaths.cause)
    return {
        "name": deaths.name,
        "simulated": deaths.simulated,
        "n_deaths": len(deaths),
        "n_symptoms": deaths.n_symptoms,
        "fingerprint": deaths.fingerprint,
        "sites": {s: int(n) for s, n in zip(deaths.sites, by_site, strict=True)},
        "causes": causes,
        "deaths": table,
        "missing": missing,
        "present": present,
        "feature_levels": {level: int(np.isin(deaths.blocks, b).sum()) for level, b in FEATURE_LEVELS.items()},
        "covariates": {name: _spread(value) for name, value in deaths.covariates.items()},
        "strata_columns": {
            name: _counts(column.values, column.code[column.code >= 0])
            for name, column in deaths.strata_columns.items()
        },
        "learned_cuts": [c.symptom for c in deaths.learned_cuts],
        "ledger": [
            {"action": e.action, "column": e.column, "count": e.count, "reason": e.reason, "examples": list(e.examples)}
            for e in deaths.ledger
        ],
    }


def describe_text(deaths: Deaths) -> str:
    """Describe a data set as lines for a terminal."""
    facts = describe(deaths)
    kind = "SIMULATED deaths" if deaths.simulated else "deaths"
    lines = [
        f"{facts['name']}: {facts['n_deaths']:,} {kind}, {facts['n_symptoms']} symptoms, {len(deaths.causes)} causes",
        f"content SHA-256 {facts['fingerprint'][:16]}",
        "symptoms by feature level: " + ", ".join(f"{k} {v}" for k, v in facts["feature_levels"].items()),
        "",
    ]
    rows = []
    for site, count in facts["sites"].items():
        rates = [f"{facts[k].get(site, float('nan')):.1%}" for k in ("missing", "present")]
        rows.append([site, f"{count:,}", f"{len(facts['deaths'].get(site, {}))}", *rates])
    lines += text_table(["site", "deaths", "causes", "missing", "present"], rows, most=(NAME_WIDTH,))
    if facts["causes"]:
        ranked = sorted(facts["causes"].items(), key=lambda item: (-item[1], item[0]))
        rows = [[cause, f"{n:,}", f"{n / max(facts['n_deaths'], 1):.1%}"] for cause, n in ranked]
        lines += ["", *text_table(["cause", "deaths", "share"], rows, most=(NAME_WIDTH,))]
    answers = [name for name in facts["covariates"] if name in EAVA_COLUMNS]
    if answers:
        lines += ["", f"{len(answers)} columns that model=eava needs: {', '.join(answers[:5])}, ..."]
    for name, spread in facts["covariates"].items():
        if name in answers:
            continue
        known, low, middle, high = (spread[k] for k in ("known", "minimum", "median", "maximum"))
        if name == "female" and known:
            share = np.nanmean(deaths.covariates[name])
            lines += ["", f"sex: known for {known:,}, of whom {share:.1%} female"]
            continue
        lines += ["", f"{name}: known for {known:,}, from {low} to {high}, median {middle}"]
    for name, texts in facts["strata_columns"].items():
        listed = ", ".join(f"{value} {n:,}" for value, n in list(texts.items())[:MOST_TEXTS_SHOWN])
        more = ", ..." if len(texts) > MOST_TEXTS_SHOWN else ""
        lines += ["", f"{name}: known for {sum(texts.values()):,}, {len(texts)} values: {listed}{more}"]
    lines += ["", "ledger:"] if facts["ledger"] else []
    for row in facts["ledger"]:
        examples = f" (such as {', '.join(row['examples'])})" if row["examples"] else ""
        lines.append(f"  {row['action']}: {row['column']}: {row['count']:,}: {row['reason']}{examples}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Suggestion:
    """How a file can be read: the options, the YAML with them, what it is, and what each column is."""

    options: dict[str, Any]
    text: str
    form: Form | None = None
    roles: Roles | None = None


def suggest_yaml(path: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> str:
    """Write a ``conf/data`` YAML for a file; see `suggest`."""
    return suggest(path, options).text


def suggest(path: str | os.PathLike[str], chosen: Mapping[str, Any] | None = None) -> Suggestion:
    """Suggest how to read a file, from its header and cells, after the options that are given.

    Parameters
    ----------
    path : path
    chosen : mapping, optional
        Options of the reader; ``name`` names the reader and is found out by default.

    Raises
    ------
    InputError
        If the file cannot be read as a table at all, or is a form that no reader takes as it is.
    """
    from va_experiments.data.registry import READERS

    chosen = {key: _text_keys(value) for key, value in (chosen or {}).items()}
    source = _open_any(path, chosen)
    form = recognise(source.header) if chosen.get("name") is None and not {"symptoms", "cause"} & set(chosen) else None
    if form is not None:
        if form.reader not in READERS:
            raise InputError(form.sentence(shown_path(path), os.fspath(path)))
        opened = {"encoding": source.encoding} if source.encoding != "utf-8-sig" else {}
        known = READERS[form.reader].options.model_fields
        options = {"name": form.reader, "path": os.fspath(path)}
        options |= {k: v for k, v in opened.items() if k in known} | chosen
        comment = f"# {shown(os.path.basename(os.fspath(path)))} is {form.what}\n"
        return Suggestion(options, comment + _as_yaml(options, {}), form)
    if chosen.get("name") not in (None, "csv"):
        options = {"name": chosen["name"], "path": os.fspath(path)} | chosen
        return Suggestion(options, f"# {shown(os.path.basename(os.fspath(path)))}\n" + _as_yaml(options, {}))
    return _suggest_csv(os.fspath(path), source, chosen)


def _suggest_csv(path: str, source: TextSource, chosen: dict[str, Any]) -> Suggestion:
    """Suggest the options of ``data=csv`` for a study's own table."""
    table = read_columns(source)
    roles = guess_roles(source.header, table, chosen)
    guessed = _guess_options(path, source, roles, table)
    excluded = [c for c in chosen.get("exclude") or () if c not in roles.left_out]
    whole = {"value_map": roles.value_map, "exclude": guessed["exclude"] + excluded}
    options = guessed | chosen | (whole if chosen.get("symptoms") is None else whole | {"exclude": []})
    n = len(table[source.header[0]].codes)
    first = f"# guessed from {shown(os.path.basename(path))}: {n:,} rows, {len(source.header)} columns"
    commented = "".join(f"# {note}\n" for note in _notes(roles, table))
    comments = _comments(roles, source, chosen)
    text = f"{first}; check every line\n{commented}" + _as_yaml(options, comments, roles.left_out)
    return Suggestion(options, text, roles=roles)


def _guess_options(path: str, source: TextSource, roles: Roles, table: dict[str, CodedColumn]) -> dict[str, Any]:
    """Return options of ``data=csv`` for guessed roles, with maps that repair the names of sites and causes."""
    guessed: dict[str, Any] = {
        "name": "csv",
        "path": path,
        "id": roles.id,
        "site": roles.site,
        "cause": roles.cause,
        "symptoms": None,
        "exclude": list(roles.left_out),
        "value_map": roles.value_map,
        "sex": roles.sex,
        "age": roles.age,
        "age_unit": roles.age_unit,
        **({"age_parts": dict(roles.age_parts)} if roles.age_parts else {}),
        "covariates": dict(roles.covariates),
        "sep": source.sep,
        "encoding": source.encoding,
    }
    for what, column in (("site", roles.site), ("cause", roles.cause)):
        if column in table and (repairs := label_map(table[column])):
            guessed[f"{what}_map"] = repairs
    if roles.age in table and roles.age_unit == "years" and (unknown := unknown_ages(table[roles.age])):
        guessed["age_missing"] = unknown
    if source.corrected or source.written:
        guessed["fix_encoding"] = True
    return guessed


def _notes(roles: Roles, table: dict[str, CodedColumn]) -> list[str]:
    """Return notes on names and ids that look alike, and on numbers that may stand for an unknown value."""
    notes = [_strata_note(roles.may_be_strata)] if roles.may_be_strata else []
    for what, column in (("site", roles.site), ("cause", roles.cause)):
        if column in table:
            notes += alike(table[column], what)
    if roles.id in table:
        notes += alike_ids(table[roles.id])
    numeric = [column for column, why in roles.left_out.items() if why.startswith("numbers")]
    for name in (*roles.covariates, *numeric):
        notes += stand_ins(table[name], name) if name in table else []
    return notes


def _comments(roles: Roles, source: TextSource, chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return the comment of each option."""
    return {
        "id": "" if roles.id else "no unique column found: ids are made from the rows",
        "site": "" if roles.site or "site" in chosen else "NOT FOUND: name the column",
        "cause": "" if roles.cause or "cause" in chosen else "NOT FOUND: name the column",
        "symptoms": f"{len(roles.symptoms)} columns: all that are not named here" if "symptoms" not in chosen else "",
        "site_map": "spellings of one site",
        "cause_map": "spellings of one cause",
        "age_missing": "taken for unknown ages",
        "encoding": "guessed: check names with accents" if source.encoding == "cp1252" else "",
        "fix_encoding": "".join(source.notes_for_ledger()[-1:]),
        "age_unit": "check it" if roles.age and "age_unit" not in chosen else "",
    }


def _strata_note(columns: Sequence[str]) -> str:
    """Return the line that names columns of text with few values."""
    few = "text with few values; for results by stratum (strata=)"
    return f"{few}, keep the columns you need: strata_columns: {_flow(list(columns))}"


def _text_keys(value: Any) -> Any:
    """Return an option whose keys are text, as cells of a table are."""
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else value


def _as_yaml(options: Mapping[str, Any], comments: Mapping[str, str], left_out: Mapping[str, str] | None = None) -> str:
    lines = []
    for key, value in options.items():
        if key == "exclude" and value and left_out:
            lines.append("exclude:")
            lines += [f"  - {_quoted(c)}" + (f"   # {left_out[c]}" if c in left_out else "") for c in value]
            continue
        comment = comments.get(key)
        lines.append(f"{key}: {value if key == 'name' else _flow(value)}" + (f"   # {comment}" if comment else ""))
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """Return a value as YAML on one line, with every text quoted."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(k))}: {_flow(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return repr(value) if np.isfinite(value) else ".nan" if np.isnan(value) else f"{'-' * (value < 0)}.inf"
    return _quoted(str(value))


def _open_any(path: str | os.PathLike[str], chosen: Mapping[str, Any]) -> TextSource:
    """Open a table whose separator and encoding may not be known."""
    sep, fix = str(chosen.get("sep") or AUTO), chosen.get("fix_encoding") is not False
    if chosen.get("encoding"):
        return open_source(path, sep=sep, encoding=str(chosen["encoding"]), fix_encoding=fix)
    first: InputError | None = None
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        if first is not None and encoding == "cp1252" and "`encoding: cp1252`" not in str(first):
            break
        try:
            return open_source(path, sep=sep, encoding=encoding, fix_encoding=fix)
        except InputError as error:
            first = first or error
    assert first is not None
    raise first


def _counts(names: Sequence[str], index: Any) -> Mapping[str, int]:
    return {c: int(n) for c, n in zip(names, np.bincount(index, minlength=len(names)), strict=True)}


def _spread(value: Any) -> dict[str, float | int | None]:
    known = value[~np.isnan(value)]
    if not len(known):
        return {"known": 0, "minimum": None, "median": None, "maximum": None}
    low, middle, high = (round(float(f(known)), 4) for f in (np.min, np.median, np.max))
    return {"known": len(known), "minimum": low, "median": middle, "maximum": high}


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)  # as YAML needs it
