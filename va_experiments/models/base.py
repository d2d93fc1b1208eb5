"""Define the interface of every algorithm: `fit` on deaths with known causes, `predict` on others.

The contract (checked for every model by ``tests/models/test_contract.py``):

- keyword-only ``__init__`` that only stores; ``check_parameters`` raises `InputError` for values that cannot work;
- ``fit(train, seed=...)`` returns ``self``, does not change `train`, and sets attributes that end in ``_``;
- ``predict(test, seed=...)`` sees no causes and returns a `Prediction` over the whole declared cause list;
- same input and seed, same bits, whatever ran before; a cause absent from training gets probability 0;
- no NaN: each row of probabilities sums to 1, or is all zero and the death counts as undetermined.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.models.estimator import Estimator

__all__ = ["Model", "Prediction", "parameters_of"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about a test set.

    Parameters
    ----------
    probability : float64 array, shape (n_deaths, n_causes)
        Cause probabilities over the declared list; an all-zero row is an undetermined death.
    csmf : float64 array, shape (n_causes,)
        The model's own estimate of the cause fractions. Sums to 1 less the fraction the model leaves undetermined.
    csmf_draws : float64 array, shape (n_draws, n_causes), optional
        Posterior draws of the CSMF, where the model has them.
    top_cause : int16 array, shape (n_deaths,), optional
        The cause named for each death where that is not the first largest probability; -1 undetermined.
    diagnostics : mapping, optional
        Plain data (numbers, text, bool, lists): acceptance, R-hat, ``converged``, iterations, warnings, ...
    """

    probability: npt.NDArray[np.float64]
    csmf: npt.NDArray[np.float64]
    csmf_draws: npt.NDArray[np.float64] | None = None
    top_cause: npt.NDArray[np.int16] | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("probability", "csmf"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, array)
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{name} holds NaN or inf: a model must return probabilities or mark a death undetermined"
                )
            if array.size and (array.min() < 0 or array.max() > 1 + 1e-9):
                raise ValueError(f"{name} lies outside [0, 1]: {array.min()} to {array.max()}")
        row = self.probability.sum(axis=1)
        if not np.all((np.abs(row - 1) < 1e-6) | (row == 0)):
            raise ValueError("a row of probabilities sums to neither 1 nor 0 (undetermined)")
        if self.csmf.shape != (self.probability.shape[1],) or self.csmf.sum() > 1 + 1e-6:
            raise ValueError(
                f"csmf has shape {self.csmf.shape} and sum {self.csmf.sum()}, expected one share for each cause"
            )
        if self.top_cause is None:
            top = self.probability.argmax(axis=1) if self.probability.shape[1] else np.zeros(len(row))
            object.__setattr__(self, "top_cause", np.where(row > 0, top, -1).astype(np.int16))

    def __repr__(self) -> str:
        """Return a summary in one line: deaths, causes, undetermined deaths, and what else the model gave."""
        deaths, causes = self.probability.shape
        parts = [f"{deaths} deaths", f"{causes} causes", f"{int(self.undetermined.sum())} undetermined"]
        if deaths > self.undetermined.sum():
            parts.append(f"mean largest probability {self.probability[~self.undetermined].max(axis=1).mean():.2f}")
        parts += [f"{len(self.csmf_draws)} draws of the CSMF"] if self.csmf_draws is not None else []
        parts += [f"diagnostics: {', '.join(map(str, self.diagnostics))}"] if self.diagnostics else []
        return f"Prediction({', '.join(parts)})"

    @property
    def undetermined(self) -> npt.NDArray[np.bool_]:
        """Deaths for which no cause is named, shape (n_deaths,)."""
        assert self.top_cause is not None
        return self.top_cause < 0


class Model(Estimator):
    """Base of all algorithms: a scikit-learn estimator whose `fit` and `predict` take `Deaths`.

    Subclasses write `check_parameters`, `fit` and `predict`. ``sklearn.base.clone``, ``get_params`` and ``set_params``
    work as for every estimator.
    """

    depends_on_test_set: ClassVar[bool] = False
    """True when the prediction for one death depends on the other test deaths (InSilicoVA)."""
    trains: ClassVar[bool] = True
    """False for models with fixed knowledge (InterVA-5 standard mode), whose `fit` only takes the cause list."""

    any_protocol: ClassVar[bool] = False
    """Whether a model that is not trained here is tested on the splits of every protocol: it was trained elsewhere."""

    prediction_share: ClassVar[float] = 0.05
    """Share of the time of training and predicting that predicting takes; for estimates of the time to go."""

    file_parameters: ClassVar[tuple[str, ...]] = ()
    """Parameters that name a file (None: no file). The key of a cell counts the content of the file, not its path."""

    symptom_names_: tuple[str, ...]
    causes_: tuple[str, ...]
    tuning_seconds_: float = 0.0
    """Of a fit's wall time, what went into choosing: candidates, weights, calibration."""

    @property
    def prediction_is_costly(self) -> bool:
        """Whether prediction takes most of the time, so that each test set becomes its own task."""
        return self.depends_on_test_set

    @property
    def own_label(self) -> str | None:
        """The name in tables that follows from the parameters; None: the name of the configuration."""
        return None

    def member_classes(self) -> tuple[type[Model], ...]:
        """Return the classes of the models that this one is made of; their source is part of a cell's key."""
        return ()

    def inner_fits(self) -> list[tuple[Model, float]]:
        """Return the models that a fit of this one fits, each with how many times; for estimates of its time."""
        return []

    def check_parameters(self) -> None:
        """Raise `InputError` naming every parameter whose value cannot work. Called before anything runs."""

    def check_before_run(self, deaths: Deaths) -> list[str]:
        """Check before a run that the model can use its data, and return notes for the user.

        Parameters
        ----------
        deaths : Deaths
            All of a run, without their causes, at its feature level.

        Raises
        ------
        InputError
            With every reason why it cannot.
        """
        return []

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Learn from deaths with known causes."""
        raise NotImplementedError

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return cause probabilities and the model's own CSMF for these deaths."""
        raise NotImplementedError

    def predict_sets(
        self, test: Deaths, sets: Sequence[npt.NDArray[np.intp]], *, seed: int = 0
    ) -> Iterator[Prediction]:
        """Yield the prediction of each of many test sets drawn from the same deaths.

        Parameters
        ----------
        test : Deaths
        sets : sequence of int arrays
            Rows of `test`, with repeats. A model that looks at the whole test set and can work on several sets at once
            overrides this.
        """
        for rows in sets:
            yield self.predict(test.take(rows), seed=seed)

    def validate_train(self, train: Deaths) -> npt.NDArray[np.int16]:
        """Check the training deaths, keep the names that a test set must have, and return the causes.

        Returns
        -------
        int16 array, shape (n_deaths,)
            Index of each death's cause in ``train.causes``.

        Raises
        ------
        InputError
            If the deaths have no known cause, or there are none.
        """
        labels = labels_of(train)
        self.symptom_names_ = train.symptom_names
        self.causes_ = train.causes
        return labels

    def validate_test(self, test: Deaths) -> None:
        """Raise `InputError` unless the model is fitted and `test` has the columns and causes it was fitted with."""
        name = type(self).__name__
        if not hasattr(self, "causes_"):
            raise InputError(f"{name}: not fitted yet; call fit before predict")
        for what, fitted, tested in (
            ("symptoms", self.symptom_names_, test.symptom_names),
            ("causes", self.causes_, test.causes),
        ):
            if fitted != tested:
                differ = sorted(set(fitted) ^ set(tested))[:5]
                detail = f"not in both: {', '.join(map(shown, differ))}" if differ else "their order differs"
                raise InputError(
                    f"{name}: data '{test.name}' has {len(tested)} {what}, the training data {len(fitted)} ({detail}); "
                    f"expected the same {what} in the same order"
                )

    def check(self, problems: Sequence[tuple[bool, str]]) -> None:
        """Raise `InputError` with the text of every condition that does not hold."""
        if failed := [f"{type(self).__name__}: {text}" for holds, text in problems if not holds]:
            raise InputError(failed)

    def check_choice(self, parameter: str, choices: Sequence[object]) -> None:
        """Raise `InputError` unless the parameter has one of these values."""
        value = getattr(self, parameter)
        if value not in choices:
            known = ", ".join(map(str, choices))
            raise InputError(
                f"{type(self).__name__}: {parameter} is {value!r}; expected one of {known}"
                f"{did_you_mean(value, choices)}"
            )


def parameters_of(cls: type) -> dict[str, Any]:
    """Return the keyword parameters of an estimator class with their defaults, in order.

    Parameters without a default map to ``inspect.Parameter.empty``.
    """
    return {
        name: p.default
        for name, p in inspect.signature(cls).parameters.items()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }


def labels_of(train: Deaths) -> npt.NDArray[np.int16]:
    """Return the known causes, or raise `InputError` if the training set has none."""
    if train.cause is None:
        raise InputError(f"data '{train.name}' has no causes: a model can only be fitted to deaths with a known cause")
    if len(train) and train.cause.min() < 0:
        raise InputError(f"data '{train.name}' has deaths without a cause: a model cannot learn from them")
    if len(train) == 0:
        raise InputError(f"data '{train.name}' has no rows: nothing to train on")
    return train.cause
