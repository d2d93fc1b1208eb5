"""Check that a stored cell can be used: its parts have the form that a row, a table and a report need.

A checksum shows that a cell is what somebody wrote, not that it is a result: one that was made by another program may
have all checksums right and no metrics. `open_store` gives a store that asks this module about each cell that it loads
or takes in; one with a problem goes to quarantine, or is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from va_experiments.checkpoints import Store
from va_experiments.checkpoints.transfer import MAX_FILE_BYTES
from va_experiments.errors import shown
from va_experiments.results.column import is_finite
from va_experiments.results.schema import columns

__all__ = ["MAX_DEPTH", "find_cell_problem", "open_store", "outputs_of"]

MAX_DEPTH = 16
"""Deepest nesting of lists and mappings in the JSON of a cell; those written here have at most six levels."""

_MAPPINGS = ("config", "labels", "versions", "facts", "timings")
_MEASURED = ("metrics", "per_cause", "diagnostics")


def open_store(root: Path) -> Store:
    """Return the store under `root`, which checks the content of its cells too."""
    return Store(root, find_problem=find_cell_problem)


def outputs_of(run: Path) -> Path | None:
    """Return the outputs that hold a run's folder, OUTPUTS/runs/DATE/TIME, and a store; None where there are none.

    Links are followed, and a path may be relative to any folder.
    """
    date = run.resolve().parent
    outputs = date.parent.parent
    return outputs if date.parent.name == "runs" and (outputs / "checkpoints").is_dir() else None


def find_cell_problem(
    manifest: Mapping[str, Any], metrics: Mapping[str, Any], predictions: bytes, *, full: bool = False
) -> str:
    """Describe the first reason why a cell cannot be used; return empty text where there is none.

    Parameters
    ----------
    manifest, metrics : mapping
        The content of ``manifest.json`` and ``metrics.json``.
    predictions : bytes
        The content of ``predictions.parquet``.
    full : bool
        Read the predictions too, and compare their values with the manifest's hash of them.
    """
    for problems in (_find_form_problems, _find_value_problems):
        if problem := next(problems(manifest, metrics), ""):
            return problem
    return _find_prediction_problem(manifest, predictions, full=full)


def _find_form_problems(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has another form than a manifest and metrics have; later checks need what earlier ones found."""
    for where, content, names in (("manifest.json", manifest, _MAPPINGS), ("metrics.json", metrics, _MEASURED)):
        for name in names:
            value = content.get(name) if isinstance(content, Mapping) else None
            if not isinstance(value, Mapping):
                yield f"{where}: {name} is {_kind(value)}; expected a mapping"
                return
    for name, content in (*((n, manifest[n]) for n in ("config", "facts")), ("diagnostics", metrics["diagnostics"])):
        if _depth(content) > MAX_DEPTH:
            yield f"{name} is nested more than {MAX_DEPTH} levels deep"
    for part in ("model", "setting", "split"):
        if not isinstance(manifest["config"].get(part), Mapping):
            yield f"manifest.json: config.{part} is {_kind(manifest['config'].get(part))}; expected a mapping"
    for where in ("labels", "versions"):
        if wrong := next((k for k, v in manifest[where].items() if not isinstance(v, str)), None):
            yield f"manifest.json: {where}.{wrong} is {_kind(manifest[where][wrong])}; expected text"
    for name in ("seed", "attempt"):
        if not _is_whole(manifest.get(name)):
            yield f"manifest.json: {name} is {shown(manifest.get(name))}; expected a whole number"
    sha = manifest.get("prediction_sha256")
    if not (isinstance(sha, str) and len(sha) == 64 and set(sha) <= set("0123456789abcdef")):
        yield f"manifest.json: prediction_sha256 is {shown(sha)}; expected 64 hexadecimal digits"


def _find_value_problems(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield values that cannot stand in the columns of a row, and lists by cause of another length."""
    facts, known = manifest["facts"], columns()
    for name in ("n_train", "n_test", "causes"):
        if name not in facts:
            yield f"manifest.json: facts.{name} is missing"
            return
    for where, values in (("facts", facts), ("timings", manifest["timings"]), ("metrics", metrics["metrics"])):
        for name, value in values.items():
            if name in known:
                if problem := known[name].problem(value, ranges=False):
                    yield f"{where}: {problem}"
            elif where == "metrics":
                yield f"metrics.json: unknown metric {shown(name)}"
            elif where == "timings" and not _is_number(value):
                yield f"manifest.json: timings.{name} is {shown(value)}; expected a number"
    causes = facts["causes"]
    for name in ("causes", "warnings"):
        if not (isinstance(facts.get(name, []), list) and all(isinstance(v, str) for v in facts.get(name, []))):
            yield f"manifest.json: facts.{name} is {_kind(facts[name])}; expected a list of text"
            return
    if len(set(causes)) < len(causes):
        yield "manifest.json: facts.causes has a cause twice"
    for name, values in metrics["per_cause"].items():
        if not (isinstance(values, list) and len(values) == len(causes) and _are_numbers(values)):
            expected = f"a number for each of {len(causes)} causes"
            yield f"metrics.json: per_cause.{name} is {_kind(values)}; expected {expected}"


def _find_prediction_problem(manifest: Mapping[str, Any], predictions: bytes, *, full: bool) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(predictions)) as file:
            schema, about = file.schema_arrow, file.metadata
        n_causes, n_test = len(manifest["facts"]["causes"]), manifest["facts"]["n_test"]
        form = {"id": pa.string(), "cause": pa.int16(), "top_cause": pa.int16(),
                "probability": pa.list_(pa.float64(), n_causes)}  # fmt: skip
        types = {field.name: field.type for field in schema}
        if set(types) != set(form):
            return f"predictions.parquet has the columns {', '.join(map(shown, types))}; expected {', '.join(form)}"
        for name, expected in form.items():
            if types[name] != expected:
                return f"predictions.parquet: column '{name}' has the type {types[name]}; expected {expected}"
        unpacked = max(8 * n_causes * about.num_rows, sum(_unpacked_bytes(about)))
        if unpacked > MAX_FILE_BYTES:
            return (
                f"predictions.parquet unpacks to {unpacked / 2**30:.1f} GB; at most {MAX_FILE_BYTES // 2**30} are read"
            )
        if about.num_rows != n_test:
            return f"predictions.parquet has {about.num_rows} rows; expected {n_test}, facts.n_test of the manifest"
        if _misses_an_id(about):
            return "predictions.parquet: column 'id' has missing values"
        if len((schema.metadata or {}).get(b"va.csmf", b"")) != 16 * n_causes:
            return f"predictions.parquet: its metadata have no CSMF of {n_causes} causes"
        if full and (longest := _longest_id(predictions)) * about.num_rows > MAX_FILE_BYTES:
            return f"predictions.parquet: an id has {longest:,} characters"
        if full:
            from va_experiments.cell.serialization import decode_prediction, prediction_sha256

            if prediction_sha256(decode_prediction(predictions)[2]) != manifest["prediction_sha256"]:
                return "predictions.parquet: its values do not match the hash of the predictions in the manifest"
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, UnicodeError) as error:
        return f"predictions.parquet cannot be read ({type(error).__name__}: {str(error)[:200]})"
    return ""


def _unpacked_bytes(about: Any) -> Iterator[int]:
    return (about.row_group(number).total_byte_size for number in range(about.num_row_groups))


def _longest_id(predictions: bytes) -> int:
    """Return the characters of the longest id, read piece by piece: a small file can repeat a long one very often."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(predictions))
    longest = 0
    for batch in file.iter_batches(batch_size=1000, columns=["id"]):
        longest = max(longest, pc.max(pc.utf8_length(batch["id"])).as_py() or 0)
        if longest * file.metadata.num_rows > MAX_FILE_BYTES:
            break
    return longest


def _misses_an_id(about: Any) -> bool:
    """Return whether the statistics in the file's own description, which our writer makes, tell of a missing id."""
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    ids = [g.column(c) for g in groups for c in range(g.num_columns) if g.column(c).path_in_schema == "id"]
    return any(i.is_stats_set and i.statistics.has_null_count and i.statistics.null_count for i in ids)


def _depth(content: Any) -> int:
    """Return how deep lists and mappings are nested, counted without recursion."""
    depth, level = 0, [content]
    while level := [v for v in level if type(v) in (list, dict)]:
        depth += 1
        if depth > MAX_DEPTH:
            break
        level = [v for c in level for v in (c.values() if type(c) is dict else c)]
    return depth


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "missing" if value is None else names.get(type(value), "something else")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and is_finite(value))


def _are_numbers(values: list[Any]) -> bool:
    """Return whether all values are finite numbers or None, faster than one by one."""
    return {type(v) for v in values} <= {int, float, type(None)} and is_finite(sum(filter(None, values)))
