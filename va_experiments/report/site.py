"""Make a static leaderboard site from packages of results: one page, and one file of rows for each setting.

A setting is what makes figures comparable: protocol, data set, feature level, test-set design, size of the training
set. Models are ranked within a setting, over the splits that all of them have; the table of ranks says how they do over
settings. Rows that were computed again on this machine are marked.
"""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from va_experiments.checkpoints.atomic_files import read_file
from va_experiments.errors import InputError
from va_experiments.metrics.registry import lower_is_better, metric_label
from va_experiments.results.package import Package, packed_columns, read_package
from va_experiments.results.schema import SPLIT_COLUMNS, TABLES
from va_experiments.results.table_files import write_csv, write_whole
from va_experiments.text_sanitizing import plain

__all__ = ["Entry", "find_packages", "write_site"]

SETTING = tuple(c for c in TABLES["leaderboard"] if c not in ("cause_list", "target_labels"))
METRICS = ("top1", "mean_ccc", "csmf_accuracy_top", "csmf_accuracy_model")
RANKED_BY = "csmf_accuracy_top"


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    """A package, and what is known of it."""

    path: Path
    package: Package | None = None
    problem: str = ""
    equal: frozenset[str] = frozenset()
    """Cells that were computed again here with the same result."""

    @property
    def state(self) -> str:
        """In a word, how far it can be relied on."""
        if self.problem:
            return "left out"
        return f"verified ({len(self.equal)} cells)" if self.equal else "unverified"


def find_packages(places: Sequence[Path]) -> list[Entry]:
    """Read the packages in folders, with the receipts that ``results verify`` left beside them.

    Raises
    ------
    InputError
        If a place does not exist, or none of them holds a package.
    """
    if absent := [f"there is no folder or package '{place}'" for place in places if not place.exists()]:
        raise InputError(absent)
    files = [f for place in places for f in (sorted(place.glob("*.zip")) if place.is_dir() else [place])]
    if not files:
        raise InputError(f"no package (*.zip) in {', '.join(map(str, places))}; results pack writes one")
    return [_entry(path) for path in files]


def _entry(path: Path) -> Entry:
    try:
        package = read_package(path)
    except InputError as error:
        return Entry(path, problem=str(error).splitlines()[0])
    try:
        receipt = json.loads(read_file(path.with_name(f"{path.name}.verified.json")))
        if receipt["package"] != package.sha256:
            return Entry(path, package)
        if receipt["different"]:
            return Entry(path, package, f"{len(receipt['different'])} cells could not be repeated")
        return Entry(path, package, equal=frozenset(map(str, receipt["equal"])))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Entry(path, package)


def write_site(entries: Sequence[Entry], folder: Path) -> Path:
    """Write the site and return its page.

    Parameters
    ----------
    entries : sequence of Entry
        Those with a problem are listed, and their rows are left out.
    folder : Path
    """
    rows = _rows(entries)
    boards: list[tuple[dict[str, str], pd.DataFrame, str]] = []
    for values, group in rows.groupby(list(SETTING), sort=True) if len(rows) else ():
        name = re.sub(r"[^a-z0-9]+", "-", " ".join(map(str, values)).lower()).strip("-")[:80]
        file = f"rows/{len(boards) + 1:03d}-{name}.csv"
        write_csv(group[[n for n in packed_columns() if n in group] + ["package", "verified"]], folder / file)
        boards.append((dict(zip(SETTING, map(str, values), strict=True)), _board(group), file))
    text = "\n".join(_page(entries, boards))
    index = folder / "index.html"
    write_whole(index, lambda path: path.write_text(text, encoding="utf-8"))
    return index


def _rows(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the finished rows of all packages, each cell once, verified ones first."""
    tables = []
    for entry in entries:
        if entry.package is None or entry.problem:
            continue
        rows = entry.package.rows[entry.package.rows["status"] == "done"]
        tables.append(rows.assign(package=entry.path.name, verified=rows["cell_key"].isin(entry.equal)))
    if not tables:
        return pd.DataFrame(columns=[*packed_columns(), "package", "verified"])
    whole = pd.concat(tables, ignore_index=True).sort_values("verified", ascending=False, kind="stable")
    return whole.drop_duplicates("cell_key").reset_index(drop=True)


def _board(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a setting's table: means by model over its splits, rank among models that have all of them."""
    splits = rows[list(SPLIT_COLUMNS)].astype(str).agg("|".join, axis=1)
    label = rows["model"] + _variant(rows)
    grouped = rows.assign(label=label, split=splits).groupby("label")
    board = grouped[[m for m in METRICS if m in rows]].mean()
    board["splits"] = grouped["split"].nunique()
    board["packages"] = grouped["package"].nunique()
    board["verified"] = grouped["verified"].sum()
    board["cells"] = grouped.size()
    complete = board["splits"] == splits.nunique()
    by = RANKED_BY if RANKED_BY in board else board.columns[0]
    board["rank"] = board.loc[complete, by].rank(ascending=lower_is_better(by), method="min")
    return board.sort_values(["rank", by], ascending=[True, lower_is_better(by)], na_position="last")


def _variant(rows: pd.DataFrame) -> pd.Series:
    """Return a mark for models of one name with several parameters or versions of code in a setting."""
    several = rows.groupby("model")["model_digest"].transform("nunique") > 1
    return rows["model_digest"].astype(str).str[:6].map(" ({})".format).where(several, "")


def _ranks(boards: Sequence[tuple[dict[str, str], pd.DataFrame, str]]) -> pd.DataFrame:
    """Return mean, best and worst rank of each model over the settings in which it has one."""
    ranks = pd.concat([b["rank"].dropna() for _, b, _ in boards]) if boards else pd.Series(dtype=float)
    table = ranks.groupby(level=0).agg(["mean", "min", "max", "size"])
    return table.sort_values(["mean", "size"], ascending=[True, False])


CSS = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .3rem;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;min-width:100%}th,td{padding:.25rem .6rem;text-align:right;
border-bottom:1px solid #8886;white-space:nowrap;vertical-align:top}
td.bad{text-align:left;white-space:normal;min-width:13rem;overflow-wrap:anywhere}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;
background:Canvas}caption{text-align:left}.yes{color:#0a7d33}.no{color:#9a6700}.bad{color:#b3261e}
@media(prefers-color-scheme:dark){.yes{color:#6ddc8b}.no{color:#f0c14b}.bad{color:#ff8a80}}
p,li{overflow-wrap:anywhere}nav a{display:inline-block;padding:.2rem .5rem .2rem 0}
"""


def _page(entries: Sequence[Entry], boards: Sequence[tuple[dict[str, str], pd.DataFrame, str]]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>Verbal autopsy leaderboard</title><style>{CSS}</style></head><body>"
    yield "<h1>Verbal autopsy leaderboard</h1>"
    yield (
        f"<p>Means over splits, from {sum(not e.problem for e in entries)} packages of results. Ranks are by "
        f"{_text(metric_label(RANKED_BY))}, among models that have every split of the setting. <span class=yes>✓"
        " verified</span>: the maker of this page computed a sample of the package's cells again, with the same "
        "bits; <span class=no>unverified</span>: as received.</p>"
    )
    yield "<h2>Ranks over settings</h2>"
    ranks = _ranks(boards)
    yield from _table(
        ("model", "mean rank", "best", "worst", "settings"),
        (
            (name, f"{r['mean']:.2f}", *(f"{r[column]:.0f}" for column in ("min", "max", "size")))
            for name, r in ranks.iterrows()
        ),
    )
    yield "<nav>"
    for number, (setting, _, _) in enumerate(boards, 1):
        yield f'<a href="#s{number}">{_text(" · ".join(setting.values()))}</a>'
    yield "</nav>"
    for number, (setting, board, file) in enumerate(boards, 1):
        yield f'<h2 id="s{number}">{_text(" · ".join(setting.values()))}</h2>'
        words = f"Protocol {setting['protocol']}, data {setting['data']}, level {setting['features']}."
        yield f'<p>{_text(words)} <a href="{_text(file)}" download>rows by split (CSV)</a></p>'
        shown = [m for m in METRICS if m in board]
        yield from _table(
            ("model", "rank", *map(metric_label, shown), "splits", "packages", "status"),
            (
                (
                    name,
                    _number(r["rank"], 0),
                    *(_number(r[m]) for m in shown),
                    f"{r['splits']:.0f}",
                    f"{r['packages']:.0f}",
                    _status(r),
                )
                for name, r in board.iterrows()
            ),
        )
    yield "<h2>Packages</h2>"
    yield from _table(
        ("package", "state", "cells", "hash"),
        ((e.path.name, _state(e), *_size_and_hash(e.package)) for e in entries),
    )
    yield "</body></html>"


def _status(row: pd.Series) -> tuple[str, str]:
    if row["verified"] > 0:
        return "yes", f"✓ verified, {row['verified']:.0f} of {row['cells']:.0f} cells computed again"
    return "no", "unverified"


def _size_and_hash(package: Package | None) -> tuple[str, str]:
    return ("", "") if package is None else (str(len(package.rows)), package.sha256[:16])


def _state(entry: Entry) -> tuple[str, str]:
    if entry.problem:
        return "bad", f"left out: {entry.problem}"
    return ("yes", f"✓ {entry.state}") if entry.equal else ("no", "unverified")


def _table(head: Sequence[str], rows: Any) -> Iterator[str]:
    yield "<div class=wide tabindex=0><table><thead><tr>"
    yield "".join(f"<th scope=col>{_text(h)}</th>" for h in head) + "</tr></thead><tbody>"
    for row in rows:
        cells = (
            f'<td class="{v[0]}">{_text(v[1])}</td>' if isinstance(v, tuple) else f"<td>{_text(v)}</td>" for v in row
        )
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _number(value: Any, digits: int = 3) -> str:
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def _text(value: object) -> str:
    return html.escape(plain(str(value)))
