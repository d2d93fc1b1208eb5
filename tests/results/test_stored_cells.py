"""A cell whose checksums are right and whose content is no result is found, quarantined and never imported."""

from __future__ import annotations

import copy
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.test_store import CELL, KEY
from va_experiments.cell import Result
from va_experiments.cell.serialization import encode_prediction, prediction_sha256
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.checkpoints.manifest import CELL_FILES, json_bytes
from va_experiments.checkpoints.transfer import TransferError, transfer_cell
from va_experiments.models import Prediction
from va_experiments.results import stored_cells
from va_experiments.results.stored_cells import MAX_DEPTH, find_cell_problem, open_store, outputs_of

CAUSES = ("Malaria", "Injury")
PREDICTION = Prediction(np.array([[0.75, 0.25], [0.5, 0.5]]), csmf=np.array([0.6, 0.4]))


def encoded(causes: tuple[str, ...] = CAUSES, prediction: Prediction = PREDICTION) -> bytes:
    return encode_prediction(np.array(["a", "b"]), prediction, np.array([0, 1]), causes)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """The files of a cell that can be used."""
    cell: Any = copy.copy(CELL)
    cell.content = {"model": {"params": {}}, "setting": {}, "split": {}}
    result = Result(
        key=KEY,
        metrics={"top1": 0.5, "csmf_accuracy_model": float("nan")},
        per_cause={"ccc": [0.5, float("nan")]},
        diagnostics={"converged": True},
        facts={"n_train": 4, "n_test": 2, "causes": list(CAUSES), "warnings": [], "versions": {"numpy": "2"}},
        timings={"fit_seconds": 1e-05},
        predictions=encoded(),
        prediction_sha256=prediction_sha256(PREDICTION),
    )
    store = open_store(tmp_path / "made")
    store.open()
    store.commit(cell, result)
    assert store.load(KEY, full=True) is not None
    return {name: (store.folder(KEY) / name).read_bytes() for name in CELL_FILES}


def parquet(**columns: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def set_manifest(name: str, value: Any) -> Callable[..., None]:
    def change(manifest: dict[str, Any], metrics: dict[str, Any], files: dict[str, bytes]) -> None:
        owner, _, last = name.rpartition(".")
        target = manifest[owner] if owner else manifest
        if value is None:
            del target[last]
        else:
            target[last] = value

    return change


def set_metrics(name: str, value: Any) -> Callable[..., None]:
    return lambda manifest, metrics, files: metrics.update({name: value})


def set_predictions(content: bytes) -> Callable[..., None]:
    return lambda manifest, metrics, files: files.update({"predictions.parquet": content})


def changed(column: str, change: Callable[[list[Any]], list[Any]], content: bytes = b"") -> bytes:
    """Return predictions with one column changed, of the same types and metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content or encoded()))
    place = table.schema.get_field_index(column)
    values = pa.array(change(table.column(column).to_pylist()), table.schema.field(place).type)
    buffer = io.BytesIO()
    pq.write_table(table.set_column(place, table.schema.field(place), values), buffer)
    return buffer.getvalue()


def longer() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(encoded()))
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables([table, table]), buffer)
    return buffer.getvalue()


MALFORMED = {
    "no facts": (set_manifest("facts", None), "manifest.json: facts is missing; expected a mapping"),
    "facts without sizes": (set_manifest("facts.n_test", None), "facts.n_test is missing"),
    "text for a number": (set_manifest("facts.n_test", "many"), "facts: column 'n_test' has 'many'; expected"),
    "causes as text": (set_manifest("facts.causes", "Malaria"), "facts.causes is text; expected a list of text"),
    "warnings as text": (set_manifest("facts.warnings", "late"), "facts.warnings is text; expected a list of text"),
    "warnings that are numbers": (set_manifest("facts.warnings", [1]), "facts.warnings is a list; expected a list of"),
    "labels that are lists": (set_manifest("labels.model", ["nbc"]), "labels.model is a list; expected text"),
    "an attempt in words": (set_manifest("attempt", "first"), "attempt is 'first'; expected a whole number"),
    "no hash": (set_manifest("prediction_sha256", "?"), "prediction_sha256 is '?'; expected 64 hexadecimal"),
    "a hash of other letters": (set_manifest("prediction_sha256", "X" * 64), "prediction_sha256 is 'XXX"),
    "a hash that is too short": (set_manifest("prediction_sha256", "a" * 63), "prediction_sha256 is 'aaa"),
    "config without a split": (set_manifest("config.split", None), "config.split is missing; expected a mapping"),
    "a split in words": (set_manifest("config.split", "all"), "config.split is text; expected a mapping"),
    "timings that are text": (set_manifest("timings.mine", "fast"), "timings.mine is 'fast'; expected a number"),
    "deep facts": (set_manifest("facts.more", nested(MAX_DEPTH + 1)), "facts is nested more than"),
    "deep diagnostics": (set_metrics("diagnostics", {"a": nested(900)}), "diagnostics is nested more than"),
    "a list for metrics": (set_metrics("metrics", [1, 2]), "metrics.json: metrics is a list; expected a mapping"),
    "text for a metric": (set_metrics("metrics", {"top1": "high"}), "column 'top1' has 'high'; expected"),
    "true for a metric": (set_metrics("metrics", {"top1": True}), "column 'top1' has True; expected"),
    "an unknown metric": (set_metrics("metrics", {"top9": 0.5}), "unknown metric 'top9'"),
    "one cause too few": (set_metrics("per_cause", {"ccc": [0.5]}), "per_cause.ccc is a list; expected a number"),
    "text by cause": (set_metrics("per_cause", {"ccc": ["a", "b"]}), "per_cause.ccc is a list; expected a number"),
    "Parquet of another shape": (set_predictions(parquet(x=[1, 2])), "has the columns 'x'; expected id, cause"),
    "Parquet of another type": (
        set_predictions(parquet(id=[1, 2], cause=[0, 1], top_cause=[0, 1], probability=[0.5, 0.5])),
        "column 'id' has the type int64; expected string",
    ),
    "Parquet of other causes": (
        set_predictions(encoded(("A", "B", "C"), Prediction(np.full((2, 3), 1 / 3), csmf=np.full(3, 1 / 3)))),
        "column 'probability' has the type",
    ),
    "an id that is missing": (
        set_predictions(changed("id", lambda v: [None, v[1]])),
        "column 'id' has missing values",
    ),
    "deaths too many": (set_predictions(longer()), "has 4 rows; expected 2"),
    "a size of another cell": (set_manifest("facts.n_test", 10**9), "expected 1000000000"),
    "causes twice": (set_manifest("facts.causes", ["Malaria", "Malaria"]), "a cause twice"),
    "a metric of 400 digits": (set_metrics("metrics", {"top1": 10**400}), "column 'top1' has 1000"),
    "a seed of 400 digits": (set_manifest("seed", 10**400), "seed is 1000"),
    "an attempt of 31 digits": (set_manifest("attempt", 10**30), "attempt is 1000"),
    "a size that no table holds": (set_manifest("facts.n_train", 2**63), "column 'n_train' has 9223372036854775808"),
    "a sum beyond any": (set_metrics("per_cause", {"ccc": [10**400, 1]}), "per_cause.ccc is a list"),
    "a time of 400 digits": (set_manifest("timings.mine", 10**400), "timings.mine is 1000"),
    "a seed that is true": (set_manifest("seed", True), "seed is True; expected a whole number"),
    "no Parquet": (set_predictions(b"PAR1 nothing PAR1"), "predictions.parquet cannot be read"),
}  # fmt: skip


def sealed(files: dict[str, bytes], change: Callable[..., None]) -> dict[str, bytes]:
    """Return the files of a changed cell with all checksums right."""
    files = dict(files)
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    change(manifest, metrics, files)
    files["metrics.json"] = json_bytes(metrics)
    for name in ("metrics.json", "predictions.parquet"):
        manifest["files"][name] = {"sha256": hashlib.sha256(files[name]).hexdigest(), "bytes": len(files[name])}
    body = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
    files["manifest.json"] = json_bytes({**body, "manifest_sha256": hashlib.sha256(json_bytes(body)).hexdigest()})
    return files


def placed(store: Store, files: dict[str, bytes]) -> None:
    folder = store.folder(KEY)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(tmp_path / "store")
    opened.open()
    return opened


@pytest.mark.parametrize("name", MALFORMED)
def test_it_is_quarantined_with_its_reason_when_loaded_and_refused_when_taken_in(
    name: str, store: Store, files: dict[str, bytes]
) -> None:
    change, reason = MALFORMED[name]
    wrong = sealed(files, change)
    with pytest.raises(TransferError) as caught:
        transfer_cell(store, KEY, wrong.__getitem__)
    assert reason in str(caught.value)
    assert KEY not in store
    placed(store, wrong)
    with pytest.raises(CorruptCell) as damaged:
        store.load(KEY)
    assert reason in str(damaged.value)
    assert KEY not in store
    assert reason in (store.quarantined / "reasons.jsonl").read_text()


def test_json_nested_too_deep_to_be_parsed_is_quarantined(store: Store, files: dict[str, bytes]) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    wrong = sealed(files, lambda *_: None)
    wrong["metrics.json"] = deep
    manifest = json.loads(wrong["manifest.json"])
    manifest["files"]["metrics.json"] = {"sha256": hashlib.sha256(deep).hexdigest(), "bytes": len(deep)}
    body = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
    wrong["manifest.json"] = json_bytes({**body, "manifest_sha256": hashlib.sha256(json_bytes(body)).hexdigest()})
    with pytest.raises(TransferError, match=r"metrics\.json cannot be read"):
        transfer_cell(store, KEY, wrong.__getitem__)
    placed(store, wrong)
    with pytest.raises(CorruptCell, match="RecursionError"):
        store.load(KEY)


def test_predictions_that_unpack_to_gigabytes_are_refused_before(
    store: Store, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_id = sealed(files, set_predictions(changed("id", lambda v: ["x" * 600, v[1]])))
    for limit, reason in ((1, "unpacks to"), (1000, "an id has 600 characters")):
        monkeypatch.setattr(stored_cells, "_unpacked_bytes", lambda _, limit=limit: [2 if limit == 1 else 0])
        monkeypatch.setattr(stored_cells, "MAX_FILE_BYTES", limit)
        with pytest.raises(TransferError, match=reason):
            transfer_cell(store, KEY, long_id.__getitem__)


def test_values_that_are_not_those_of_the_manifest_are_found_by_a_full_check(
    store: Store, files: dict[str, bytes]
) -> None:
    other = Prediction(np.array([[0.25, 0.75], [0.5, 0.5]]), csmf=np.array([0.6, 0.4]))
    placed(store, sealed(files, set_predictions(encoded(prediction=other))))
    assert store.load(KEY) is not None
    with pytest.raises(CorruptCell, match="do not match the hash of the predictions"):
        store.load(KEY, full=True)


@pytest.mark.parametrize(
    "change",
    [
        set_manifest("facts.more", nested(MAX_DEPTH - 1)),
        set_manifest("facts.warnings", None),
        set_metrics("metrics", {"top1": 1.5}),
        set_manifest("prediction_sha256", "0123456789abcdef" * 4),
    ],
    ids=["nesting that is allowed", "no warnings", "a metric outside its range", "every digit"],
)
def test_what_a_cell_may_hold_is_no_problem(files: dict[str, bytes], change: Callable[..., None]) -> None:
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    change(manifest, metrics, {})
    assert find_cell_problem(manifest, metrics, files["predictions.parquet"]) == ""


@pytest.mark.parametrize("whole", [[], "text", None])
def test_a_manifest_that_is_no_mapping_is_named(files: dict[str, bytes], whole: Any) -> None:
    metrics = json.loads(files["metrics.json"])
    problem = find_cell_problem(whole, metrics, files["predictions.parquet"])
    assert problem == "manifest.json: config is missing; expected a mapping"


def test_the_hash_of_the_predictions_is_compared_only_in_a_full_check(files: dict[str, bytes]) -> None:
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    manifest["prediction_sha256"] = "0" * 64
    assert find_cell_problem(manifest, metrics, files["predictions.parquet"]) == ""
    assert "do not match" in find_cell_problem(manifest, metrics, files["predictions.parquet"], full=True)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "a mapping"),
        ([], "a list"),
        (True, "true or false"),
        (3, "a number"),
        (2.5, "a number"),
        ((), "something else"),
    ],
)
def test_the_kind_of_a_value_is_named(files: dict[str, bytes], value: Any, kind: str) -> None:
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    manifest["labels"]["model"] = value
    problem = find_cell_problem(manifest, metrics, files["predictions.parquet"])
    assert problem == f"manifest.json: labels.model is {kind}; expected text"


@pytest.mark.parametrize(("name", "value", "fits"), [
    ("seed", 2**64 - 1, True), ("seed", 2**64, False), ("seed", -(2**64), False), ("seed", 1.0, False),
    ("timings", {"mine": None}, True), ("timings", {"mine": 2}, True), ("timings", {"mine": True}, False),
    ("timings", {"mine": float("inf")}, False),
])  # fmt: skip
def test_numbers_that_a_manifest_may_hold(files: dict[str, bytes], name: str, value: Any, fits: bool) -> None:
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    problem = find_cell_problem(manifest | {name: value}, metrics, files["predictions.parquet"])
    assert (problem == "") == fits


def test_numbers_by_cause_may_be_whole_missing_or_not() -> None:
    assert stored_cells._are_numbers([1, 2.5, None])
    assert not stored_cells._are_numbers([1, True])


def test_the_longest_id_is_counted_in_characters() -> None:
    import pyarrow as pa

    assert stored_cells._longest_id(parquet(id=["ab", "ä" * 7, ""])) == 7
    assert stored_cells._longest_id(parquet(id=pa.array([None], pa.string()))) == 0
    assert stored_cells._longest_id(parquet(id=["ab"] * 3000 + ["abc"])) == 3


def test_limits_of_the_predictions_hold_to_the_byte(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two deaths with two causes of eight bytes each unpack to 32 bytes; two ids of 600 characters count 1,200."""
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    long_ids = changed("id", lambda v: ["x" * 600, v[1]], files["predictions.parquet"])
    monkeypatch.setattr(stored_cells, "_unpacked_bytes", lambda _: [0])
    for limit, predictions, full, reason in (
        (32, files["predictions.parquet"], False, "unpacks to 0.0 GB; at most 0 are read"),
        (1200, long_ids, True, "predictions.parquet: an id has 600 characters"),
    ):
        monkeypatch.setattr(stored_cells, "MAX_FILE_BYTES", limit)
        assert find_cell_problem(manifest, metrics, predictions, full=full) == ""
        monkeypatch.setattr(stored_cells, "MAX_FILE_BYTES", limit - 1)
        assert reason in find_cell_problem(manifest, metrics, predictions, full=full)
    monkeypatch.setattr(stored_cells, "_unpacked_bytes", lambda _: [2**30, 2**31])
    monkeypatch.setattr(stored_cells, "MAX_FILE_BYTES", 2**31)
    problem = find_cell_problem(manifest, metrics, files["predictions.parquet"])
    assert problem == "predictions.parquet unpacks to 3.0 GB; at most 2 are read"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (parquet(x=[1], y=[2]), "predictions.parquet has the columns 'x', 'y'; expected id, cause, top_cause, probab"),
        (b"PAR1 nothing PAR1", "predictions.parquet cannot be read (ArrowInvalid: Parquet"),
    ],
)
def test_predictions_of_another_form_are_described(files: dict[str, bytes], content: bytes, message: str) -> None:
    manifest, metrics = json.loads(files["manifest.json"]), json.loads(files["metrics.json"])
    assert find_cell_problem(manifest, metrics, content).startswith(message)


def test_a_cell_that_can_be_used_is_taken_in(store: Store, files: dict[str, bytes]) -> None:
    assert transfer_cell(store, KEY, sealed(files, lambda *_: None).__getitem__)
    assert store.load(KEY, full=True) is not None


def test_the_outputs_of_a_run_are_found_by_link_and_by_relative_path_and_need_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "out" / "runs" / "2026-11-30" / "08-00"
    run.mkdir(parents=True)
    assert outputs_of(run) is None
    (tmp_path / "out" / "checkpoints").mkdir()
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(run.parent)
    for named in (run, tmp_path / "link", Path("08-00")):
        assert outputs_of(named) == (tmp_path / "out").resolve()
    assert outputs_of(tmp_path / "out" / "runs") is None
    assert outputs_of(Path("/")) is None
