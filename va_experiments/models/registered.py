"""Apply a model that was trained elsewhere and saved, where its training data may not go."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from va_experiments.data.deaths import MISSING, Deaths
from va_experiments.errors import InputError, did_you_mean, shown, shown_path
from va_experiments.models.base import Model, Prediction
from va_experiments.models.saved_model import read_model

__all__ = ["Registered"]


class Registered(Model):
    """Apply the model in a folder that ``va-experiments train`` has written.

    Its questions are found by name, in any order; other questions are left out. The causes are those that it was
    trained with.

    Parameters
    ----------
    path : str
        The folder.
    missing_questions : {"refuse", "missing"}
        What to do where the data lack some of its questions: refuse, or count them as not answered.
    """

    file_parameters = ("path",)
    trains: ClassVar[bool] = False
    any_protocol: ClassVar[bool] = True

    def __init__(self, *, path: str | None = None, missing_questions: str = "refuse") -> None:
        self.path = path
        self.missing_questions = missing_questions

    @property
    def own_label(self) -> str | None:
        """The name of the folder."""
        return Path(self.path).name[:64] if isinstance(self.path, str) else None

    @property
    def own_causes(self) -> tuple[str, ...]:
        """The causes that the saved model was trained with."""
        return self._load().causes_

    def check_parameters(self) -> None:
        """Check the choice."""
        self.check_choice("missing_questions", ("refuse", "missing"))

    def check_before_run(self, deaths: Deaths) -> list[str]:
        """Read the folder, and compare its questions with those of the data."""
        model = self._load()
        symptoms = set(deaths.symptom_names)
        absent = [s for s in model.symptom_names_ if s not in symptoms]
        if absent and (self.missing_questions == "refuse" or len(absent) == len(model.symptom_names_)):
            raise InputError(
                f"model.path={self.path}: data '{deaths.name}' lack {len(absent)} of the model's "
                f"{len(model.symptom_names_)} questions ({', '.join(map(shown, absent[:5]))}, ...)"
                f"{did_you_mean(absent[0], deaths.symptom_names)}; model.missing_questions=missing counts them as not "
                "answered"
            )
        if not absent:
            return []
        return [
            f"{len(absent)} of the {len(model.symptom_names_)} questions of model {self.own_label} are not in data "
            f"'{deaths.name}' and count as not answered ({', '.join(absent[:12])})"
        ]

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Read the model; nothing is learned."""
        self.model_ = self._load()
        self.causes_, self.symptom_names_ = self.model_.causes_, self.model_.symptom_names_
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return what the saved model predicts for these deaths."""
        if test.causes != self.causes_:
            differ = sorted(set(test.causes) ^ set(self.causes_))[:3]
            raise InputError(
                f"Registered: data '{test.name}' declare other causes than the model was trained with (not in both: "
                f"{', '.join(map(shown, differ)) or 'none, but the order differs'})"
            )
        return self.model_.predict(_answered(test, self.symptom_names_), seed=seed)

    def _load(self) -> Model:
        if not isinstance(self.path, str):
            raise InputError("model=registered needs the folder of a saved model: set model.path")
        folder = Path(self.path)
        if not folder.is_dir():
            raise InputError(f"model.path is {shown_path(folder)}: there is no such folder")
        return read_model(folder)[0]


def _answered(deaths: Deaths, questions: tuple[str, ...]) -> Deaths:
    """Return the deaths with these questions in this order; a question that they lack counts as missing."""
    place = {s: k for k, s in enumerate(deaths.symptom_names)}
    columns = np.array([place.get(s, -1) for s in questions], dtype=np.intp)
    symptoms = np.where(columns >= 0, deaths.symptoms[:, columns], np.int8(MISSING)).astype(np.int8)
    return dataclasses.replace(
        deaths, symptoms=symptoms, symptom_names=questions, blocks=("core",) * len(questions), learned_cuts=()
    )
