"""A prediction's hash, its Parquet file and back: every bit, and damage found."""

from __future__ import annotations

import hashlib
import io
import platform
from importlib import metadata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from va_experiments.cell.cell import SCHEMA
from va_experiments.cell.serialization import (
    decode_prediction,
    encode_prediction,
    plain,
    prediction_sha256,
    versions,
)
from va_experiments.models.base import Prediction

CAUSES = ("A", "B", "C")


def prediction(n: int = 5, *, draws: bool = False, named: bool = False) -> Prediction:
    rng = np.random.default_rng(3)
    probability = rng.dirichlet(np.ones(3), n)
    return Prediction(
        probability=probability,
        csmf=rng.dirichlet(np.ones(3)),
        csmf_draws=rng.dirichlet(np.ones(3), 4).astype(np.float32).astype(float) if draws else None,
        top_cause=np.array([2, 1, 0, -1, 2][:n], np.int16) if named else None,
    )


@pytest.mark.parametrize("draws", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_what_is_written_is_read_back_bit_for_bit(draws: bool, named: bool) -> None:
    original, ids = prediction(draws=draws, named=named), np.array(["d1", "d2", "x", "ä", ""])
    found_ids, cause, decoded = decode_prediction(encode_prediction(ids, original, np.array([0, 2, 1, 1, 0]), CAUSES))
    assert found_ids.dtype.kind == "U"
    assert found_ids.tolist() == ids.tolist()
    assert cause.dtype == np.int16
    assert cause.tolist() == [0, 2, 1, 1, 0]
    for name in ("probability", "csmf", "top_cause"):
        assert getattr(decoded, name).dtype == getattr(original, name).dtype
        np.testing.assert_array_equal(getattr(decoded, name), getattr(original, name))
    assert (decoded.csmf_draws is None) is not draws
    if draws:
        assert decoded.csmf_draws is not None
        assert decoded.csmf_draws.dtype == np.float64
        np.testing.assert_array_equal(decoded.csmf_draws, original.csmf_draws)
    assert prediction_sha256(decoded) == prediction_sha256(original)
    decoded.csmf[0] = 0.0  # it is the reader's own


def test_named_causes_that_are_no_maximum_are_kept() -> None:
    original = prediction(named=True)
    assert (original.top_cause != original.probability.argmax(axis=1)).any()
    _, _, decoded = decode_prediction(encode_prediction(np.array(list("abcde")), original, None, CAUSES))
    assert decoded.top_cause.tolist() == [2, 1, 0, -1, 2]


def test_unknown_causes_are_minus_one() -> None:
    _, cause, _ = decode_prediction(encode_prediction(np.array(list("abcde")), prediction(), None, CAUSES))
    assert cause.tolist() == [-1] * 5


def test_ids_of_no_death_are_text() -> None:
    empty = Prediction(probability=np.zeros((0, 3)), csmf=np.full(3, 1 / 3))
    ids, cause, decoded = decode_prediction(encode_prediction(np.array([], dtype=str), empty, None, CAUSES))
    assert ids.dtype.kind == "U"
    assert len(ids) == len(cause) == 0
    assert decoded.probability.shape == (0, 3)
    file = pq.ParquetFile(io.BytesIO(encode_prediction(np.array([]), empty, None, CAUSES)))
    assert str(file.schema_arrow.field("id").type) == "string"


def test_a_prediction_in_chunks_is_read_whole() -> None:
    original = prediction()
    table = pq.read_table(io.BytesIO(encode_prediction(np.array(list("abcde")), original, None, CAUSES)))
    pieces = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    buffer = io.BytesIO()
    pq.write_table(pieces, buffer, row_group_size=2, write_page_checksum=True)
    _, _, decoded = decode_prediction(buffer.getvalue())
    np.testing.assert_array_equal(decoded.probability, original.probability)


def test_the_file_names_schema_and_causes_and_its_columns_are_small() -> None:
    content = encode_prediction(np.array(list("abcde")), prediction(draws=True), np.arange(5) % 3, CAUSES)
    file = pq.ParquetFile(io.BytesIO(content))
    extra = file.schema_arrow.metadata
    assert extra[b"va.schema"] == str(SCHEMA).encode()
    assert extra[b"va.causes"] == b'["A","B","C"]'
    assert set(extra) == {b"va.schema", b"va.causes", b"va.csmf", b"va.csmf_draws"}
    assert [(f.name, str(f.type)) for f in file.schema_arrow] == [
        ("id", "string"),
        ("cause", "int16"),
        ("top_cause", "int16"),
        ("probability", "fixed_size_list<element: double>[3]"),
    ]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_flipped_bit_in_a_page_is_found() -> None:
    ids = np.array([f"d{k}" for k in range(5)])
    content = encode_prediction(ids, prediction(), None, CAUSES)
    damaged = 0
    for place in range(20, len(content) // 2, 7):
        changed = bytearray(content)
        changed[place] ^= 1
        try:
            _, _, decoded = decode_prediction(bytes(changed))
        except Exception:
            damaged += 1
        else:
            np.testing.assert_array_equal(decoded.probability, prediction().probability)
    assert damaged > 10


def test_the_checksum_of_each_page_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[dict[str, object]] = []
    read = pq.ParquetFile
    monkeypatch.setattr(pq, "ParquetFile", lambda file, **more: options.append(more) or read(file, **more))
    decode_prediction(encode_prediction(np.array(list("abcde")), prediction(), None, CAUSES))
    assert options == [{"page_checksum_verification": True}]


def test_the_hash_is_of_shape_and_little_endian_numbers() -> None:
    original = Prediction(probability=np.array([[0.25, 0.75]]), csmf=np.array([0.5, 0.5]))
    numbers = np.array([0.25, 0.75, 0.5, 0.5], "<f8").tobytes() + np.array([1], "<i2").tobytes()
    assert prediction_sha256(original) == hashlib.sha256(b"[1,2]" + numbers).hexdigest()
    for other in (
        Prediction(probability=np.array([[0.75, 0.25]]), csmf=original.csmf),
        Prediction(probability=original.probability, csmf=np.array([0.4, 0.6])),
        Prediction(probability=original.probability, csmf=original.csmf, top_cause=np.array([0], np.int16)),
    ):
        assert prediction_sha256(other) != prediction_sha256(original)


def test_plain_data_are_what_json_can_hold() -> None:
    value = {
        1: np.float64(0.5),
        "list": (np.int16(3), [True, None, "text"]),
        "array": np.array([[1.0, np.nan], [np.inf, -np.inf]]),
        "not finite": float("nan"),
        "other": ValueError("x"),
        "nested": {"a": {"b": np.bool_(True)}},
    }
    assert plain(value) == {
        "1": 0.5,
        "list": [3, [True, None, "text"]],
        "array": [[1.0, None], [None, None]],
        "not finite": None,
        "other": "x",
        "nested": {"a": {"b": True}},
    }
    assert type(plain(np.int16(3))) is int
    assert type(plain(np.bool_(True))) is bool


def test_versions_are_those_of_python_and_of_the_numerical_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    versions.cache_clear()
    recorded = versions()
    assert recorded["python"] == platform.python_version()
    assert recorded["machine"] == platform.machine()
    for name in ("va-experiments", "numpy", "scipy", "scikit-learn", "numba", "xgboost-cpu", "lightgbm", "pyarrow"):
        assert recorded.get(name, "") == metadata.version(name)
    assert versions() is recorded
    absent = metadata.version

    def version(name: str) -> str:
        if name == "scipy":
            raise metadata.PackageNotFoundError(name)
        return absent(name)

    versions.cache_clear()
    monkeypatch.setattr(metadata, "version", version)
    assert set(recorded) - set(versions()) == {"scipy"}
    versions.cache_clear()
