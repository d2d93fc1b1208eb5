"""Average several models, with a share of counts that one quick member judges; similar test deaths help name causes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from va_experiments.callbacks import Parts
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.models.adaptive_count import reweigh
from va_experiments.models.base import Prediction
from va_experiments.models.ensembles.blended import Blended
from va_experiments.models.ensembles.bounded_blend import BoundedBlend
from va_experiments.models.ensembles.ensemble_members import check_members, fit_members, member_names
from va_experiments.models.ensembles.neighbours import average_with_neighbours, similarity_weights
from va_experiments.models.ensembles.stacking import MEMBER_PARAMETERS

__all__ = ["WORD_PARAMETERS", "QuickBlend"]

WORD_PARAMETERS: Mapping[str, Mapping[str, Any]] = {"xgboost": {"rounds": 60, "learning_rate": 0.25, "bags": 1}}
"""One fit of boosting in fewer, larger steps: as good for single deaths with words, in an eighth of the time."""


class QuickBlend(BoundedBlend):
    """Blend mean probability and counts for the fractions; for single deaths, average with similar test deaths too.

    As `BoundedBlend`, but only the `judges` are fitted without each training site: the share of the counts at which no
    training site loses much is that of their predictions, so that slow members are fitted once.

    The probabilities of deaths are first averaged with those of their nearest neighbours among the test deaths
    (`va_experiments.models.ensembles.neighbours`): deaths of one cause at one site resemble each other in ways that the
    training sites do not show. Then they move to a cause mix with the share `posterior_share`: an estimated mix that
    errs costs cause fractions much, and the assignment of single deaths little. Neither changes the CSMF.

    Words of narratives name causes, and do not enter the CSMF: they depend on who writes them down, so that fractions
    are estimated by the same model without words.

    Parameters
    ----------
    members, weights, pool, count_share, adapt, member_parameters
        As for `BoundedBlend`.
    judges : tuple of str, optional
        Members by which the share in the CSMF is chosen; None: the first.
    largest_loss : float
        CSMF accuracy that a training site may lose by the judges' predictions, at least 0.
    posterior_share : float
        Share of the counts in the cause mix that probabilities are moved to, in [0, 1].
    neighbours : int
        Most similar test deaths with whose mean the probabilities of a death are averaged; 0: none.
    neighbour_share : float
        Weight of their mean, in [0, 1].
    csmf_words : bool
        Whether the CSMF is estimated with the words of narratives. If not, and the data have words, the members are
        fitted twice: with words for the deaths, and without for the CSMF.
    word_parameters : mapping of str to mapping, optional
        Parameters that members have beside or in place of `member_parameters` where they are fitted twice, with words
        for the deaths alone. Names of models that are no members are not used.
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("invariant_regression", "xgboost"),
        weights: tuple[float, ...] | None = None,
        pool: str = "linear",
        judges: tuple[str, ...] | None = None,
        count_share: float = 0.25,
        largest_loss: float = 0.015,
        posterior_share: float = 0.25,
        neighbours: int = 10,
        neighbour_share: float = 0.4,
        csmf_words: bool = False,
        word_parameters: Mapping[str, Mapping[str, Any]] | None = WORD_PARAMETERS,
        adapt: str = "posterior",
        member_parameters: Mapping[str, Mapping[str, Any]] | None = MEMBER_PARAMETERS,
    ) -> None:
        super().__init__(
            members=members,
            weights=weights,
            pool=pool,
            count_share=count_share,
            largest_loss=largest_loss,
            adapt=adapt,
            member_parameters=member_parameters,
        )
        self.judges = judges
        self.posterior_share = posterior_share
        self.neighbours = neighbours
        self.neighbour_share = neighbour_share
        self.csmf_words = csmf_words
        self.word_parameters = word_parameters

    def check_parameters(self) -> None:
        """Check what `BoundedBlend` has, that the judges are members, and the numbers."""
        super().check_parameters()
        unknown = [name for name in self._judges if name not in self.members]
        if unknown or not self._judges:
            wrong = shown(unknown[0]) if unknown else "empty"
            hint = did_you_mean(str(unknown[0]), self.members) if unknown else ""
            raise InputError(f"QuickBlend: judges is {wrong}; expected members: {', '.join(self.members)}{hint}")
        share, weight = self.posterior_share, self.neighbour_share
        self.check(
            [
                (0 <= share <= 1, f"posterior_share is {share!r}; expected 0 to 1"),
                (self.neighbours >= 0, f"neighbours is {self.neighbours!r}; expected a whole number of at least 0"),
                (0 <= weight <= 1, f"neighbour_share is {weight!r}; expected 0 to 1"),
            ]
        )
        self._check_word_parameters()

    def _check_word_parameters(self) -> None:
        """Check that each name is a member or another model, and that members take the parameters."""
        parameters = self.word_parameters or {}
        if not isinstance(parameters, Mapping):
            raise InputError(
                f"QuickBlend: word_parameters is {shown(parameters)}; expected members' names with parameters"
            )
        for name, changed in parameters.items():
            if isinstance(changed, Mapping) and "_target_" in changed:
                raise InputError(
                    f"QuickBlend: word_parameters gives {shown(name)} a class; expected parameters of the member's own"
                )
            if name not in self.members and name not in member_names():
                hint = did_you_mean(str(name), (*self.members, *member_names()))
                raise InputError(f"QuickBlend: word_parameters names {shown(name)}, which is no model{hint}")
        check_members(self.members, self._with_words())

    def _with_words(self) -> dict[str, Mapping[str, Any]]:
        """Return the parameters of the members that are fitted with words for the deaths alone."""
        base, changed = self.member_parameters or {}, self.word_parameters or {}
        merged = {name: {**base.get(name, {}), **changed.get(name, {})} for name in self.members}
        return {name: parameters for name, parameters in merged.items() if parameters}

    @property
    def depends_on_test_set(self) -> bool:  # type: ignore[override]
        """Whether the prediction for one death depends on the others: by `adapt`, by neighbours or by a member."""
        return self.neighbours > 0 or super().depends_on_test_set

    @property
    def _judges(self) -> tuple[str, ...]:
        return self.members[:1] if self.judges is None else self.judges

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Choose the share by the judges and fit the members; with words, fit them without words as well."""
        self.check_parameters()
        self.validate_train(train)
        self.similarity_ = similarity_weights(train) if self.neighbours else np.ones(train.n_symptoms)
        self.answers_: QuickBlend | None = None
        words = np.array(train.blocks) == "word"
        if self.csmf_words or not words.any() or words.all():
            return super().fit(train, seed=seed)
        parts = Parts([1.0, 1.0])
        with parts.next():
            options = {**self.get_params(deep=False), "adapt": "csmf", "neighbours": 0}
            self.answers_ = type(self)(**options).fit(train.select(~words), seed=seed)
            self.share_, self.tuning_seconds_ = self.answers_.share_, self.answers_.tuning_seconds_
        with parts.next():
            self.models_ = fit_members(self.members, self._with_words(), train, seed=seed)
        weights = self.weights or (1.0,) * len(self.members)
        self.weights_ = [w / sum(weights) for w in weights]
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the probabilities with their neighbours', moved to a cause mix, and the blend as the CSMF."""
        pooled = super(Blended, self).predict(test, seed=seed)
        every = np.arange(len(test))
        return next(iter(self._completed(test, pooled, [every], seed)))

    def predict_sets(
        self, test: Deaths, sets: Sequence[npt.NDArray[np.intp]], *, seed: int = 0
    ) -> Iterator[Prediction]:
        """Yield the prediction of each set; members that predict each death alone predict once for all sets."""
        if self.prediction_is_costly:
            yield from super(Blended, self).predict_sets(test, sets, seed=seed)
            return
        yield from self._completed(test, super(Blended, self).predict(test, seed=seed), sets, seed)

    def _completed(
        self, test: Deaths, pooled: Prediction, sets: Sequence[npt.NDArray[np.intp]], seed: int
    ) -> Iterator[Prediction]:
        answered: Iterator[Prediction | None] = itertools.repeat(None)
        if self.answers_ is not None:
            answers = np.array(test.blocks) != "word"
            answered = self.answers_.predict_sets(test.select(answers), sets, seed=seed)
        diagnostics = {**pooled.diagnostics, "count_share": self.share_}
        for rows, prediction in zip(sets, answered, strict=False):
            probability = pooled.probability[rows]
            if not len(rows):
                yield Prediction(probability, pooled.csmf * 0, diagnostics=pooled.diagnostics)
                continue
            csmf = self._mix(probability, self._share) if prediction is None else prediction.csmf
            if self.neighbours:
                probability = average_with_neighbours(
                    probability,
                    test.symptoms[rows] == 1,
                    self.similarity_,
                    neighbours=self.neighbours,
                    share=self.neighbour_share,
                )
            if self.adapt == "posterior":
                probability = reweigh(probability, self._mix(probability, self.posterior_share))
            yield Prediction(probability, csmf, diagnostics=diagnostics)
