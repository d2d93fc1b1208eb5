"""Convert a prediction to bytes that can be checked, and back: canonical hash, Parquet file."""

from __future__ import annotations

import hashlib
import io
import platform
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.cell.cell import SCHEMA
from va_experiments.models.base import Prediction
from va_experiments.seeds import canonical_json

__all__ = [
    "decode_prediction",
    "encode_prediction",
    "plain",
    "prediction_blocks",
    "prediction_csmf",
    "prediction_sha256",
    "versions",
]


def prediction_sha256(prediction: Prediction) -> str:
    """Return the SHA-256 of a prediction's canonical bytes: shapes, then float64 C-order little-endian values."""
    digest = hashlib.sha256(canonical_json(list(prediction.probability.shape)).encode())
    for array in (prediction.probability, prediction.csmf):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(prediction.top_cause, dtype="<i2").tobytes())
    return digest.hexdigest()


def encode_prediction(
    ids: npt.NDArray[Any], prediction: Prediction, truth: npt.NDArray[Any] | None, causes: tuple[str, ...]
) -> bytes:
    """Return a Parquet file (zstd, page checksums) with one row a death: id, true and top cause, probabilities.

    CSMF and its draws stand in the file's metadata, exactly (hexadecimal bytes of float64).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"id": pa.array(ids.tolist(), pa.string())}
    columns["cause"] = pa.array(np.full(len(ids), -1, np.int16) if truth is None else truth.astype(np.int16))
    columns["top_cause"] = pa.array(np.asarray(prediction.top_cause, dtype=np.int16))
    flat = pa.array(prediction.probability.ravel())
    columns["probability"] = pa.FixedSizeListArray.from_arrays(flat, prediction.probability.shape[1])
    extra = {
        "va.schema": str(SCHEMA),
        "va.causes": canonical_json(list(causes)),
        "va.csmf": prediction.csmf.astype("<f8").tobytes().hex(),
    }
    if prediction.csmf_draws is not None:
        extra["va.csmf_draws"] = prediction.csmf_draws.astype("<f4").tobytes().hex()
    table = pa.table(columns).replace_schema_metadata(extra)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def decode_prediction(content: bytes) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int16], Prediction]:
    """Return ids, true causes (-1 unknown) and the prediction that `encode_prediction` wrote, bit for bit."""
    import pyarrow.parquet as pq

    # Threads would cost more than they save for a file of this size.
    table = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read(use_threads=False)
    extra = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    csmf = np.frombuffer(bytes.fromhex(extra["va.csmf"]), dtype="<f8").copy()
    draws = extra.get("va.csmf_draws")
    probability = table["probability"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    prediction = Prediction(
        probability=probability.reshape(table.num_rows, len(csmf)),
        csmf=csmf,
        csmf_draws=_draws(draws, len(csmf)),
        top_cause=table["top_cause"].to_numpy().astype(np.int16),
    )
    return np.array(table["id"].to_pylist(), dtype=np.str_), table["cause"].to_numpy().astype(np.int16), prediction


def prediction_blocks(content: bytes, size: int) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int16]]]:
    """Yield probabilities and named causes of `size` deaths at a time, of what `encode_prediction` wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    for batch in file.iter_batches(batch_size=size, columns=["top_cause", "probability"]):
        flat = batch["probability"].flatten().to_numpy(zero_copy_only=False)
        yield flat.reshape(batch.num_rows, -1), batch["top_cause"].to_numpy(zero_copy_only=False)


def prediction_csmf(content: bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Return the model's own CSMF and the posterior draws of it, of what `encode_prediction` wrote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    extra = {k.decode(): v.decode() for k, v in (pq.read_schema(pa.BufferReader(content)).metadata or {}).items()}
    csmf = np.frombuffer(bytes.fromhex(extra["va.csmf"]), dtype="<f8").copy()
    draws = extra.get("va.csmf_draws")
    return csmf, _draws(draws, len(csmf))


def _draws(text: str | None, n_causes: int) -> npt.NDArray[np.float64] | None:
    return None if text is None else np.frombuffer(bytes.fromhex(text), "<f4").reshape(-1, n_causes).astype(float)


def plain(value: Any) -> Any:
    """Return `value` as JSON-ready data: NumPy scalars and arrays unwrapped, non-finite numbers as None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


@lru_cache(maxsize=1)
def versions() -> Mapping[str, str]:
    """Return the versions that can change a result's last bits: Python, this package, the numerical libraries."""
    installed = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("va-experiments", "numpy", "scipy", "scikit-learn", "numba", "xgboost-cpu", "lightgbm", "pyarrow"):
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed
