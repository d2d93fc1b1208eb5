"""Features and the general classifiers: what is learned from what, and what cannot be used."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from va_experiments.errors import InputError
from va_experiments.models import ExtraTrees, LightGBM, LogisticRegression, RandomForest, XGBoost
from va_experiments.models.devices import cuda_devices
from va_experiments.models.features import FeatureEncoder


def encoder(deaths, encoding, covariates=("age",), standardise=False):
    return FeatureEncoder.learn(deaths, encoding=encoding, covariates=covariates, standardise=standardise)


def test_encodings(small_deaths):
    rows = slice(None)
    x = small_deaths.symptoms
    present = encoder(small_deaths, "present").encode(small_deaths, rows)
    assert present.dtype == np.float32
    assert np.array_equal(present[:, :12], x == 1)
    age = small_deaths.covariates["age"]
    np.testing.assert_allclose(present[:, 12], age - np.median(age), atol=1e-5)
    one_hot = encoder(small_deaths, "one_hot").encode(small_deaths, rows)
    assert np.array_equal(one_hot[:, :24], np.hstack([x == 1, x == -1]))
    assert np.array_equal(encoder(small_deaths, "ordinal").encode(small_deaths, rows)[:, :12], x)
    nan = encoder(small_deaths, "nan", ()).encode(small_deaths, rows)
    assert nan.shape == (300, 12)
    assert np.array_equal(np.isnan(nan), x == -1)


@pytest.mark.parametrize("encoding", ["present", "one_hot"])
def test_boosting_skips_absent_symptoms_without_changing_a_bit(small_deaths, monkeypatch, encoding):
    model = XGBoost(rounds=20, max_depth=3, subsample=0.7, encoding=encoding)
    quick = model.fit(small_deaths, seed=1).predict(small_deaths).probability
    monkeypatch.setattr(XGBoost, "_sparse", lambda self, features: features)
    assert np.array_equal(model.fit(small_deaths, seed=1).predict(small_deaths).probability, quick)


def test_bags_are_the_mean_of_fits_with_other_seeds(small_deaths):
    bagged = XGBoost(rounds=5, subsample=0.5, bags=3).fit(small_deaths, seed=1)
    alone = XGBoost(rounds=5, subsample=0.5).fit(small_deaths, seed=1)
    features = bagged.features_.encode(small_deaths, slice(None))
    parts = [booster.inplace_predict(bagged._sparse(features)) for booster in bagged.boosters_]
    assert np.array_equal(parts[0], alone.boosters_[0].inplace_predict(features))
    assert not np.array_equal(parts[0], parts[1])
    np.testing.assert_allclose(bagged.predict(small_deaths).probability, np.mean(parts, axis=0), rtol=1e-6)


def test_age_is_centred_by_training_deaths_and_missing_ages_get_the_median(small_deaths):
    ages = small_deaths.covariates["age"].copy()
    ages[:5] = np.nan
    train = dataclasses.replace(small_deaths, covariates={"age": ages})
    learned = encoder(train, "present", standardise=True)
    encoded = learned.encode(train, slice(None))[:, 12]
    np.testing.assert_allclose(encoded[:5], 0, atol=1e-7)
    np.testing.assert_allclose(learned.centre, np.nanmedian(ages))
    np.testing.assert_allclose(np.nanstd(ages), learned.scale)


def test_covariates_that_training_lacks_are_ignored_and_those_that_testing_lacks_are_named(small_deaths):
    bare = dataclasses.replace(small_deaths, covariates={})
    assert encoder(bare, "present").covariates == ()
    with pytest.raises(InputError, match="has no covariate 'age'"):
        LogisticRegression().fit(small_deaths).predict(bare)


@pytest.mark.parametrize(
    "model", [LogisticRegression(), RandomForest(n_trees=30), ExtraTrees(n_trees=30), XGBoost(rounds=10)]
)
def test_they_learn(model, small_deaths):
    train, test = small_deaths.take(np.arange(0, 200)), small_deaths.take(np.arange(200, 300))
    prediction = model.fit(train, seed=1).predict(test)
    assert (prediction.top_cause == test.cause).mean() > 0.5  # the commonest cause alone has 0.45
    np.testing.assert_allclose(prediction.csmf, prediction.probability.mean(axis=0))


def test_lightgbm_learns_or_says_what_to_install(small_deaths, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(InputError, match="the extra 'boosting'"):
        LightGBM().fit(small_deaths)


@pytest.mark.skipif(cuda_devices() > 0, reason="there is a GPU here; the error is for machines without one")
def test_cuda_without_a_gpu_is_a_clear_error(small_deaths):
    with pytest.raises(InputError, match="no CUDA device"):
        XGBoost(device="cuda", rounds=2).fit(small_deaths)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression(C=0), "C is 0"),
        (LogisticRegression(encoding="nan"), "encoding is 'nan'"),
        (LogisticRegression(encoding="onehot"), "did you mean 'one_hot'"),
        (RandomForest(max_features="all"), "max_features is 'all'"),
        (RandomForest(n_trees=0), "n_trees is 0"),
        (XGBoost(colsample=0), "colsample is 0"),
        (XGBoost(device="gpu"), "device is 'gpu'"),
        (LightGBM(leaves=1), "leaves is 1"),
    ],
)
def test_parameters(model, message):
    with pytest.raises(InputError, match=message):
        model.check_parameters()


def test_nothing_heavy_is_imported_with_the_package():
    # scikit-learn's base class is every model's base, and brings pandas
    heavy = ("sklearn.ensemble", "xgboost", "lightgbm", "numba", "torch", "hydra", "ray", "mlflow", "prefect")
    code = (
        "import sys; from va_experiments.models import InterVA, InterVA5, NaiveBayes, Tariff, XGBoost, RandomForest; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    import va_experiments.models as models

    with pytest.raises(AttributeError, match="Nonsense"):
        _ = models.Nonsense
    assert "InterVA" in dir(models)
