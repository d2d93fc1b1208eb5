"""Write and read packages of results that can be shared: rows of cells, split hashes, configurations, model cards.

A package is a zip file. ``rows.csv`` has one row for each cell and holds only what follows from data, code and seeds;
``splits.csv`` the hashes of the deaths trained on and tested on; ``manifest.json`` the data sets and the jobs;
``cards/`` a page for each model. ``package.json`` has the SHA-256 of each of these files, and of all of them together:
the package's hash. Machine and library versions are in ``provenance.json``, which the hash leaves out, so that two
people with the same data and seeds get the same hash. No row describes a person.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from va_experiments.checkpoints.manifest import parse_json
from va_experiments.errors import InputError, shown
from va_experiments.results.column import Role, is_missing
from va_experiments.results.load import load_results
from va_experiments.results.schema import ROW_ORDER, TABLES, check_row, columns
from va_experiments.results.table_files import escape_formula, write_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEAST_DEATHS", "Package", "merge_packages", "packed_columns", "read_package", "write_package"]

SCHEMA = 1
LEAST_DEATHS = 5
"""Cells with fewer test deaths are left out: their metrics would describe persons."""

MAX_BYTES = 200 * 2**20
"""Largest size of a package's file, unpacked."""

MAX_OTHER_BYTES = 20 * 2**20
"""Largest size of its configurations, versions and cards, unpacked."""

MAX_LINE_BYTES = 200_000
"""Longest line of its rows; those of a cell have about 2,000 bytes."""

_ALWAYS = ("rows.csv", "splits.csv", "manifest.json")
_CARD = re.compile(r"cards/[A-Za-z0-9_.-]{1,100}\.md")


@dataclasses.dataclass(frozen=True, eq=False)
class Package:
    """What a package holds, after all its checks.

    Attributes
    ----------
    name : str
        Of its file.
    sha256 : str
        The package's hash.
    rows : DataFrame
        As `va_experiments.results.load_results` returns them.
    manifest, provenance : dict
    cards : dict of str to str
        Markdown by model.
    """

    name: str
    sha256: str
    rows: pd.DataFrame
    manifest: dict[str, Any]
    provenance: dict[str, Any]
    cards: dict[str, str]


def packed_columns() -> tuple[str, ...]:
    """Return the columns of ``rows.csv``: those that are the same for everyone with the same data, code and seeds."""
    roles = (Role.MODEL, Role.SETTING, Role.SPLIT, Role.SIZE, Role.METRIC, Role.INTERVAL)
    shared = (*TABLES["packages"], "status", "error_class")
    return tuple(name for name, column in columns().items() if column.role in roles or name in shared)


def write_package(
    rows: pd.DataFrame, manifest: Mapping[str, Any], provenance: Sequence[Mapping[str, Any]],
    cards: Mapping[str, str], path: Path, *, ids: Iterable[str] = (),
) -> str:  # fmt: skip
    """Write a package and return its hash.

    Parameters
    ----------
    rows : DataFrame
        Of `load_results`; one row a cell.
    manifest : mapping
        ``data`` and ``jobs``, without paths of this machine.
    provenance : sequence of mapping
        Versions and hardware of each run.
    cards : mapping of str to str
        Markdown by the model's name.
    path : Path
        A new file.
    ids : iterable of str
        Identifiers of deaths, none of which may be in the package.

    Raises
    ------
    InputError
        If two rows of one cell differ, an identifier is found, or the file exists.
    """
    if path.exists():
        raise InputError(f"'{path}' is there already; choose another name or remove it")
    if not len(rows):
        raise InputError("there is no cell to share: none is done and has enough test deaths")
    table = rows[[name for name in packed_columns() if name in rows]].copy()
    table = table.sort_values(list(ROW_ORDER), kind="stable")
    files = {"rows.csv": _rows_csv(table), "splits.csv": _splits_csv(table), "manifest.json": _json(manifest)}
    files |= {f"cards/{re.sub('[^A-Za-z0-9_.-]', '_', name)}.md": text.encode() for name, text in sorted(cards.items())}
    _refuse_ids(files, ids)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    digest = hashlib.sha256(_json(sums)).hexdigest()
    files["provenance.json"] = _json({"runs": list(provenance)})
    files["package.json"] = _json({"schema": SCHEMA, "sha256": digest, "files": sums})

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, content)

    write_whole(path, write)
    return digest


def _rows_csv(table: pd.DataFrame) -> bytes:
    """Return the rows as CSV: every number with all its digits, ends of lines and empty values the same everywhere."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    known = columns()
    names = [n for n in map(str, table) if not known[n].optional or table[n].notna().any()]
    writer.writerow(names)
    for values in table[names].itertuples(index=False, name=None):
        writer.writerow([_written(v) for v in values])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _written(value: Any) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, (bool, str)) or type(value).__name__ == "bool":
        return str(value).lower() if not isinstance(value, str) else escape_formula(value)
    return repr(float(value)) if isinstance(value, float) else str(int(value))


def _splits_csv(table: pd.DataFrame) -> bytes:
    names = [n for n in TABLES["split hashes"] if n in table]
    known = table.loc[table["split_sha256"].fillna("") != "", names].drop_duplicates().sort_values(names)
    return _rows_csv(known)


def _json(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _refuse_ids(files: Mapping[str, bytes], ids: Iterable[str]) -> None:
    """Raise if an identifier of a death is in a file; numbers and short ones look like other values."""
    telling = {i for i in ids if len(i) >= 5 and not i.replace(".", "").isdigit()}
    for name, content in files.items():
        named = telling & set(re.findall(r"[^\s,;:\"'\[\]{}()=|]+", content.decode("utf-8")))
        if named:
            raise InputError(
                f"{name} would hold {len(named)} identifiers of deaths, such as {shown(sorted(named)[0])}: a site, a "
                f"cause or a parameter has the name of a death; nothing was written"
            )


def read_package(path: Path) -> Package:
    """Read a package and check it: its files, their checksums, the columns and every row.

    Raises
    ------
    InputError
        Naming the file and what does not hold. Nothing is unpacked by name.
    """
    files = _files(path)
    try:
        about = parse_json(files["package.json"])
        sums, digest, schema = dict(about["files"]), str(about["sha256"]), about["schema"]
        manifest, provenance = parse_json(files["manifest.json"]), parse_json(files["provenance.json"])
        data, jobs, runs = manifest["data"], manifest["jobs"], provenance.get("runs", [])
        lists = all(isinstance(part, list) and all(isinstance(d, dict) for d in part) for part in (data, jobs, runs))
        if not lists or not all(isinstance(d["sha256"], str) for d in data):
            raise TypeError("data, jobs and runs are lists of mappings")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"'{path}' is no package of results ({type(error).__name__}: {str(error)[:80]})") from None
    if schema != SCHEMA:
        raise InputError(f"'{path}' has schema {shown(schema)}, this version knows {SCHEMA}: update va_experiments")
    real = {n: hashlib.sha256(c).hexdigest() for n, c in files.items() if n not in ("package.json", "provenance.json")}
    if different := sorted(n for n in set(real) | set(sums) if real.get(n) != sums.get(n)):
        raise InputError(f"'{path}' was changed after it was packed: {', '.join(different)} does not match its SHA-256")
    if hashlib.sha256(_json(sums)).hexdigest() != digest:
        raise InputError(f"'{path}': the package's hash is not that of its files")
    lines = files["rows.csv"].split(b"\n")
    if longest := max((len(line) for line in lines if len(line) > MAX_LINE_BYTES), default=0):
        raise InputError(f"'{path}': rows.csv has a line of {longest:,} bytes; at most {MAX_LINE_BYTES:,} are read")
    header = lines[0].decode("utf-8", "replace").split(",")
    if strange := [name for name in header if name not in packed_columns()]:
        raise InputError([f"'{path}': rows.csv: column {shown(n)} has no place in a package" for n in strange])
    with tempfile.TemporaryDirectory(prefix="va-package-") as folder:
        rows_file = Path(folder) / "rows.csv"
        rows_file.write_bytes(files["rows.csv"])
        try:
            rows = load_results(rows_file)
        except InputError as error:
            raise InputError([p.replace(str(rows_file), f"{path}: rows.csv") for p in error.problems]) from None
    _check_rows(path, rows)
    cards = {n[6:-3]: c.decode("utf-8", "replace") for n, c in files.items() if n.startswith("cards/")}
    return Package(path.name, digest, rows, manifest, provenance, cards)


def _check_rows(path: Path, rows: pd.DataFrame) -> None:
    problems: list[str] = []
    if rows["cell_key"].duplicated().any():
        problems.append("a cell has two rows")
    few = rows.loc[rows["status"] == "done", "n_test"].dropna() < LEAST_DEATHS
    if few.any():
        problems.append(f"{int(few.sum())} rows describe fewer than {LEAST_DEATHS} deaths")
    for number, row in enumerate(rows.to_dict("records"), 1):
        problems += [f"row {number}: {p}" for p in check_row({str(k): v for k, v in row.items()})]
    if problems:
        raise InputError([f"'{path}': rows.csv: {p}" for p in problems])


def _files(path: Path) -> dict[str, bytes]:
    """Return the files of a package by name; anything else in it is an error."""
    if path.exists() and not path.is_file():
        raise InputError(f"'{path}' is no file")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"'{path}' has more than {MAX_BYTES // 2**20} MB")
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [e.filename for e in entries]
            if strange := [n for n in names if n not in (*_ALWAYS, "package.json", "provenance.json")
                           and not _CARD.fullmatch(n)]:  # fmt: skip
                raise InputError(f"'{path}' holds {shown(strange[0])}, which has no place in a package of results")
            if len({n.casefold() for n in names}) < len(names):
                raise InputError(f"'{path}' holds a file twice")
            tables = sum(e.file_size for e in entries if e.filename.endswith(".csv"))
            others = sum(e.file_size for e in entries) - tables
            if max(tables, len(entries) * 10 * 2**10) > MAX_BYTES or others > MAX_OTHER_BYTES:
                raise InputError(
                    f"'{path}' unpacks to more than a package has: {len(entries):,} files, {tables / 2**20:.0f} MB of "
                    f"tables (at most {MAX_BYTES // 2**20}) and {others / 2**20:.0f} MB beside them (at most "
                    f"{MAX_OTHER_BYTES // 2**20})"
                )
            return {name: archive.read(name) for name in names}
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'") from None
    except InputError:
        raise
    except (OSError, EOFError, ValueError, struct.error, zlib.error, zipfile.BadZipFile, zipfile.LargeZipFile,
            RuntimeError, NotImplementedError) as error:  # fmt: skip
        raise InputError(f"'{path}' cannot be read as a package of results ({error})") from None


def merge_packages(packages: Sequence[Package], path: Path) -> str:
    """Write one package with the rows of several, and return its hash.

    Raises
    ------
    InputError
        If a cell has other results in another package.
    """
    import pandas as pd

    rows = pd.concat([p.rows.assign(_from=p.name) for p in packages], ignore_index=True)
    problems = []
    for key, group in rows.groupby("cell_key", sort=True):
        if group["prediction_sha256"].nunique(dropna=False) > 1:
            first = group.iloc[0]
            problems.append(f"{first['model']} at {first['test_site']} ({str(key)[:12]}) has other predictions in "
                            f"{' and '.join(sorted(group['_from'].unique()))}; see results verify")  # fmt: skip
    if problems:
        raise InputError(problems)
    rows = rows.drop_duplicates("cell_key").drop(columns="_from").reset_index(drop=True)
    data = {d["sha256"]: d for p in packages for d in p.manifest["data"]}
    jobs = {json.dumps(j, sort_keys=True): j for p in packages for j in p.manifest["jobs"]}
    manifest = {"data": [data[k] for k in sorted(data)], "jobs": [jobs[k] for k in sorted(jobs)]}
    provenance = [run for p in packages for run in p.provenance.get("runs", [])]
    cards = {name: text for p in packages for name, text in p.cards.items()}
    return write_package(rows, manifest, provenance, cards, path)
