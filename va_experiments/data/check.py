"""Describe a data set in numbers, and suggest a first YAML for a study's own table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from va_experiments.data.csv_blocks import CodedColumn, read_columns
from va_experiments.data.deaths import FEATURE_LEVELS, MISSING, PRESENT, Deaths
from va_experiments.data.text_source import SEPARATORS, TextSource, open_source
from va_experiments.errors import InputError

__all__ = ["describe", "describe_text", "suggest_yaml"]

_YES = ("y", "yes", "1", "true", "present", "1.0")
_NO = ("n", "no", "0", "false", "absent", "0.0")
_UNKNOWN = (
    ".",
    "",
    "na",
    "nan",
    "dk",
    "ref",
    "don't know",
    "refused to answer",
    "refused",
    "unknown",
    "missing",
    "-1",
    "-",
)
_SITE = ("site", "location", "region", "country", "district", "hospital", "centre", "center", "study_site")
_CAUSE = (
    "cause",
    "cod",
    "gs_text34",
    "gs_text",
    "va34",
    "cause_of_death",
    "underlying_cause",
    "gold_standard",
    "diagnosis",
    "label",
)
_ID = (
    "id",
    "newid",
    "uuid",
    "key",
    "study_id",
    "death_id",
    "va_id",
    "individual_id",
    "instanceid",
    "case_id",
    "record_id",
    "record_no",
    "record_number",
    "serial_no",
)
_AGE = ("age", "age_years", "ageinyears", "age_in_years")


def describe(deaths: Deaths) -> dict[str, Any]:
    """Describe a data set as plain data.

    Returns
    -------
    dict
        ``name``, ``simulated``, ``n_deaths``, ``n_symptoms``, ``fingerprint``; ``sites``, ``causes``: name -> deaths;
        ``deaths``: site -> cause -> deaths; ``missing``, ``present``: site -> share of answers; ``feature_levels``:
        level -> symptoms; ``covariates``: name -> known, minimum, median, maximum; ``learned_cuts``; ``ledger``: rows.
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
        f"{'site':<24}{'deaths':>8}{'causes':>8}{'missing':>9}{'present':>9}",
    ]
    for site, count in facts["sites"].items():
        n_causes = len(facts["deaths"].get(site, {}))
        rates = [f"{facts[k].get(site, float('nan')):.1%}" for k in ("missing", "present")]
        lines.append(f"{_fit(site, 23):<24}{count:>8,}{n_causes:>8}{rates[0]:>9}{rates[1]:>9}")
    if facts["causes"]:
        lines += ["", f"{'cause':<40}{'deaths':>8}{'share':>8}"]
        for cause, count in sorted(facts["causes"].items(), key=lambda item: (-item[1], item[0])):
            lines.append(f"{_fit(cause, 39):<40}{count:>8,}{count / max(facts['n_deaths'], 1):>8.1%}")
    for name, spread in facts["covariates"].items():
        known, low, middle, high = (spread[k] for k in ("known", "minimum", "median", "maximum"))
        lines += ["", f"{name}: known for {known:,}, from {low} to {high}, median {middle}"]
    lines += ["", "ledger:"] if facts["ledger"] else []
    for row in facts["ledger"]:
        examples = f" (such as {', '.join(row['examples'])})" if row["examples"] else ""
        lines.append(f"  {row['action']}: {row['column']}: {row['count']:,}: {row['reason']}{examples}")
    return "\n".join(lines)


def suggest_yaml(path: str | os.PathLike[str]) -> str:
    """Write a ``conf/data`` YAML for a table, guessed from its header and cells, with a comment on what is unclear.

    Raises
    ------
    InputError
        If the file cannot be read as a table at all.
    """
    source = _open_any(path)
    table = read_columns(source)
    id_column = _pick(source.header, _ID, lambda c: len(table[c].values) > 0.9 * len(table[c].codes))
    site, cause = (
        _pick(source.header, known, lambda c: 1 < len(table[c].values) <= 200 and not _is_symptom(table[c]))
        for known in (_SITE, _CAUSE)
    )
    covariates = [c for c in source.header if c.casefold() in _AGE]
    special = {id_column, site, cause, *covariates}
    symptoms = [c for c in source.header if c not in special and _is_symptom(table[c])]
    others = [c for c in source.header if c not in special and c not in symptoms]
    values = sorted({v.strip() for c in symptoms for v in table[c].values if v.strip().casefold() in _ANSWERS})
    meaning = {v: _meaning(v) for v in values}
    if "." in values and not any(m == "N" for m in meaning.values()):
        meaning[""] = "N"  # the layout of openVA: Y, empty for no, . for missing
    for value, default in (("Y", "Y"), ("N", "N")):
        if default not in meaning.values():
            meaning[value] = default
    unknown = "null   # NOT FOUND: name the column"
    name = os.path.basename(os.fspath(path))
    n = len(table[source.header[0]].codes)
    lines = [
        f"# guessed from {name}: {n:,} rows, {len(source.header)} columns; check every line",
        "name: csv",
        f"path: {_quoted(os.fspath(path))}",
        f"id: {_quoted(id_column) if id_column else 'null   # no unique column found: ids are made from the rows'}",
        f"site: {_quoted(site) if site else unknown}",
        f"cause: {_quoted(cause) if cause else unknown}",
        f"symptoms: null   # {len(symptoms)} columns: all that are not named here",
        f"exclude: [{', '.join(map(_quoted, others))}]" + ("   # neither Y/N nor recognised" if others else ""),
        f"value_map: {{{', '.join(f'{_quoted(v)}: {_quoted(m)}' for v, m in sorted(meaning.items()))}}}",
        f"covariates: {{{', '.join(f'{_quoted(c)}: [0, 120]' for c in covariates)}}}",
        f"sep: {_quoted(source.sep)}",
        f"encoding: {source.encoding}",
    ]
    return "\n".join(lines) + "\n"


def _open_any(path: str | os.PathLike[str]) -> TextSource:
    """Open a table whose separator and encoding are not known."""
    first: InputError | None = None
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        for sep in SEPARATORS:
            try:
                return open_source(path, sep=sep, encoding=encoding)
            except InputError as error:
                first = first or error
                if "set `sep" not in str(error) and "only one column" not in str(error):
                    break
    assert first is not None
    raise first


def _pick(header: Sequence[str], known: Sequence[str], fits: Any) -> str | None:
    folded = {c.strip().casefold(): c for c in reversed(header)}
    exact = [folded[k] for k in known if k in folded and fits(folded[k])]
    within = [c for k in known if len(k) > 3 for c in header if k in c.casefold() and fits(c)]
    return next(iter([*exact, *within]), None)


def _meaning(value: str) -> str:
    folded = value.strip().casefold()
    return "Y" if folded in _YES else "N" if folded in _NO else "."


_ANSWERS = frozenset({*_YES, *_NO, *_UNKNOWN})


def _is_symptom(column: CodedColumn) -> bool:
    """Check whether at least nine in ten cells are answers; the remaining cells are then reported as problems."""
    values = [v.strip().casefold() for v in column.values]
    known = np.isin(column.codes, [k for k, v in enumerate(values) if v in _ANSWERS])
    return bool(known.mean() >= 0.9) and not {*_YES, *_NO}.isdisjoint(values)


def _counts(names: Sequence[str], index: Any) -> Mapping[str, int]:
    return {c: int(n) for c, n in zip(names, np.bincount(index, minlength=len(names)), strict=True)}


def _spread(value: Any) -> dict[str, float | int | None]:
    known = value[~np.isnan(value)]
    if not len(known):
        return {"known": 0, "minimum": None, "median": None, "maximum": None}
    low, middle, high = (round(float(f(known)), 4) for f in (np.min, np.median, np.max))
    return {"known": len(known), "minimum": low, "median": middle, "maximum": high}


def _fit(text: str, width: int) -> str:
    safe = "".join(c if c.isprintable() else "?" for c in text)
    return safe if len(safe) <= width else safe[: width - 1] + "…"


def _quoted(text: str | None) -> str:
    import json

    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)  # as YAML needs it
