"""MLflow is set not to unpickle the models of others: a planted one does not run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from unittest.mock import patch

import pytest

from va_experiments.tracking import safe_environment

CARD = """
flavors:
  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl, predict_fn: predict, env: {}}
  sklearn: {pickled_model: model.pkl, serialization_format: pickle, sklearn_version: "1.5"}
model_uuid: planted
"""


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.path, "w")


@pytest.mark.parametrize("flavor", ["pyfunc", "sklearn"])
def test_a_planted_model_does_not_run(flavor: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(CARD)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Touch(str(tmp_path / "touched"))))
    with patch.dict(os.environ):
        os.environ.pop("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", None)
        safe_environment()
        import mlflow
        from mlflow.exceptions import MlflowException

        with pytest.raises(MlflowException, match="disallowed"):
            getattr(mlflow, flavor).load_model(str(tmp_path))
    assert not (tmp_path / "touched").exists()
