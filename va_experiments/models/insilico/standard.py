"""InSilicoVA with the probabilities of InterVA-5, for WHO 2016 data: only their levels are sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import CAUSES, Probbase, read_probbase
from va_experiments.errors import InputError, did_you_mean
from va_experiments.models.base import Model, Prediction
from va_experiments.models.devices import require_device
from va_experiments.models.empirical import INTERVA_VALUES, LETTERS
from va_experiments.models.insilico.posterior import check_sampling, sample_posterior
from va_experiments.models.insilico.problem import Problem, build_problem
from va_experiments.models.insilico.subpopulations import (
    NONE,
    check_column,
    csmf_by_group,
    groups_of,
    sampled_fractions,
)
from va_experiments.models.interva.datacheck import check_consistency

__all__ = ["InSilicoVAStandard", "Split"]

_DEMOGRAPHIC: Final = ("i019a", "i019b", *(f"i022{letter}" for letter in "abcdefghijklmn"), "i114o")
_EXTERNAL: Final = ("i077o", "i100o")
_SYMPTOMS: Final = ("i077o", "i408o")
_NOT_PREGNANT, _NOT_AT_TERM = "i310o", "i367a"
_MATERNAL, _PREMATURITY, _ASPHYXIA, _EXTERNAL_CAUSES = "b_09", "b_1001", "b_1002", "b_12"


@dataclass(frozen=True, eq=False)
class Split:
    """Natural and external deaths, with consistent answers.

    Parameters
    ----------
    assessed : bool array, shape (n_deaths,)
        Age, sex and at least one symptom are known.
    natural : bool array, shape (n_deaths,)
        Assessed, without an external sign.
    external : float64 array, shape (n_deaths, 61)
        Probabilities of the assessed deaths with an external sign; 0 for all others.
    causes : int array, shape (n_modelled,)
        The causes that the natural deaths may have, by place among the 61.
    symptoms : int8 array, shape (n_natural, n_included)
        1 substantive, 0 not, -1 missing.
    level : int8 array, shape (n_included, n_modelled)
    possible : bool array, shape (n_natural, n_modelled)
    group : int array, shape (n_natural,), or None
        Subpopulation, numbered from 0; None where all are one.
    """

    assessed: npt.NDArray[np.bool_]
    natural: npt.NDArray[np.bool_]
    external: npt.NDArray[np.float64]
    causes: npt.NDArray[np.intp]
    symptoms: npt.NDArray[np.int8]
    level: npt.NDArray[np.int8]
    possible: npt.NDArray[np.bool_]
    group: npt.NDArray[np.intp] | None


class InSilicoVAStandard(Model):
    """InSilicoVA in standard mode: WHO 2016 indicators to 61 causes.

    The level of each indicator under each cause comes from the probbase; what probability a level stands for is
    sampled. Answers are made consistent first, causes that age, sex or pregnancy exclude are impossible, and deaths
    with an external sign (injury, bite, drowning, ...) are told apart: they get probabilities over the external causes
    only, by Bayes' rule with the probbase's priors.

    Parameters
    ----------
    n_iterations, burn_in, thin, n_chains, sampler, jump_scale, auto_length, max_iterations, checkpoint_every, device,
    progress, reference_compat
        As for `va_experiments.models.insilico.insilico.InSilicoVA`.
    probbase : str or None
        A probbase file; None takes the one that the package vacheck carries.
    check_data : bool
        Make the answers consistent first.
    separate_external : bool
        Treat deaths with an external sign apart.
    exclude_impossible : bool
        Apply the rules on age, sex, pregnancy and term.
    update_cond_prob : bool
        Sample the levels; otherwise InterVA's values are used as they are, 0 and 1 included.
    levels_strength : float
        Weight of the prior of the levels.
    subpopulations : str
        ``none``, or a column whose values have a CSMF each: ``site``, ``sex``, ``age_group``, or any other of
        `va_experiments.data.strata.strata_of`.
    """

    depends_on_test_set: ClassVar[bool] = True
    prediction_share: ClassVar[float] = 0.99
    file_parameters = ("probbase",)
    trains: ClassVar[bool] = False

    def __init__(
        self,
        *,
        n_iterations: int = 1000,
        burn_in: int = 250,
        thin: int = 1,
        n_chains: int = 4,
        probbase: str | None = None,
        check_data: bool = True,
        separate_external: bool = True,
        exclude_impossible: bool = True,
        update_cond_prob: bool = True,
        levels_strength: float = 1.0,
        subpopulations: str = "none",
        sampler: str = "improved",
        jump_scale: float = 0.1,
        auto_length: bool = True,
        max_iterations: int = 16000,
        checkpoint_every: int = 2000,
        device: str = "cpu",
        progress: bool | None = None,
        reference_compat: bool = False,
    ) -> None:
        self.n_iterations = n_iterations
        self.burn_in = burn_in
        self.thin = thin
        self.n_chains = n_chains
        self.probbase = probbase
        self.check_data = check_data
        self.separate_external = separate_external
        self.exclude_impossible = exclude_impossible
        self.update_cond_prob = update_cond_prob
        self.levels_strength = levels_strength
        self.subpopulations = subpopulations
        self.sampler = sampler
        self.jump_scale = jump_scale
        self.auto_length = auto_length
        self.max_iterations = max_iterations
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.progress = progress
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check every parameter, the probbase if one is named, and that the device can be used."""
        self.check_choice("sampler", ("improved", "original"))
        self.check_choice("device", ("cpu", "cuda"))
        strength = self.levels_strength
        self.check(
            [*check_sampling(self), (strength > 0, f"levels_strength is {strength!r}; expected a number above 0")]
        )
        require_device(type(self).__name__, self.device)
        if self.probbase is not None:
            read_probbase(self.probbase)

    def check_before_run(self, deaths: Deaths) -> list[str]:
        """Check that the data have the column of the subpopulations."""
        return check_column(deaths, self.subpopulations)

    def fit(self, train: Deaths | None = None, *, seed: int = 0) -> Self:
        """Load the probbase; `train` is used only for the names of its columns."""
        self.check_parameters()
        self.probbase_ = read_probbase(self.probbase)
        if train is not None:
            self._columns(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Sample the posterior of causes and CSMF for these deaths."""
        if not hasattr(self, "probbase_"):
            self.fit(test)
        names = self.probbase_.causes
        split = self.split(test)
        n_assessed = max(int(split.assessed.sum()), 1)
        csmf = split.external.sum(axis=0) / n_assessed
        probability = split.external.copy()
        diagnostics: dict[str, object] = {
            "probbase": self.probbase_.version,
            "rejected": int((~split.assessed).sum()),
            "external": int((split.assessed & ~split.natural).sum()),
            "converged": True,
        }
        draws = None
        if split.natural.any():
            posterior = sample_posterior(
                self.problem(split), self, seed=seed, causes=tuple(names[c] for c in split.causes)
            )
            probability[np.ix_(split.natural, split.causes)] = posterior.probability
            draws = np.tile(csmf, (len(posterior.csmf_draws), 1))
            draws[:, split.causes] += split.natural.sum() / n_assessed * posterior.csmf_draws
            csmf = draws.mean(axis=0)
            diagnostics.update(posterior.diagnostics)
            if self.subpopulations != NONE:
                modelled = [names[c] for c in split.causes]
                diagnostics |= csmf_by_group(
                    test.take(split.natural), self.subpopulations, modelled, posterior.group_csmf
                )
                diagnostics |= self._sampled_fractions(test, split, posterior.group_draws)
        rest = 1 - float(csmf.sum())
        diagnostics["undetermined"] = rest if rest > 1e-9 else 0.0
        return Prediction(probability, csmf, draws, diagnostics=diagnostics)

    def _sampled_fractions(
        self, test: Deaths, split: Split, group_draws: npt.NDArray[np.float64]
    ) -> dict[str, dict[str, dict[str, list[float]]]]:
        """Return the fractions of each subpopulation that was sampled, deaths with an external sign among them."""
        everyone, group = groups_of(test, self.subpopulations)
        labels, _ = groups_of(test.take(split.natural), self.subpopulations)
        draws = np.zeros((len(group_draws), len(labels), len(self.probbase_.causes)))
        for k, label in enumerate(labels):
            in_group = split.assessed & (group == everyone.index(label))
            draws[:, k] = split.external[in_group].sum(axis=0) / in_group.sum()
            draws[:, k, split.causes] += (in_group & split.natural).sum() / in_group.sum() * group_draws[:, k]
        return sampled_fractions(self.subpopulations, labels, self.probbase_.causes, draws)

    def split(self, test: Deaths) -> Split:
        """Check the answers, and separate natural from external deaths."""
        probbase = self.probbase_
        answers = test.symptoms[:, self._columns(test)]
        assessed = _assessed(answers, probbase)
        if self.check_data:
            answers = check_consistency(answers, probbase, only_substantive=False).symptoms
        substantive = np.where((answers >= 0) & ~probbase.substantive, 1 - answers, answers).astype(np.int8)
        is_external = np.array([code.startswith(_EXTERNAL_CAUSES) for code in probbase.outputs[CAUSES]])
        signs = slice(probbase.index(_EXTERNAL[0]), probbase.index(_EXTERNAL[1]) + 1)
        apart = assessed & (substantive[:, signs] == 1).any(axis=1) & self.separate_external
        natural = assessed & ~apart
        external = np.zeros((len(test), len(is_external)))
        external[apart] = _external(substantive[apart, signs], probbase, signs, is_external)
        included = np.ones(len(probbase.indicators), dtype=bool)
        included[signs] = not self.separate_external
        causes = np.flatnonzero(~is_external | (not self.separate_external))
        level = probbase.level[:, CAUSES][:, causes]
        codes = tuple(probbase.outputs[CAUSES][c] for c in causes)
        possible = _possible(substantive[natural], probbase, level, codes)
        return Split(
            assessed=assessed,
            natural=natural,
            external=external,
            causes=causes,
            symptoms=substantive[natural][:, included],
            level=level[included],
            possible=possible if self.exclude_impossible else np.ones_like(possible),
            group=None if self.subpopulations == NONE else groups_of(test.take(natural), self.subpopulations)[1],
        )

    def problem(self, split: Split) -> Problem:
        """Return the arrays that the sampler works on, for the natural deaths."""
        sampled = self.update_cond_prob
        return build_problem(
            split.symptoms,
            level=split.level if sampled else None,
            probability=None if sampled else INTERVA_VALUES[split.level],
            group=split.group,
            possible=split.possible,
            levels_strength=self.levels_strength,
        )

    def _columns(self, deaths: Deaths) -> npt.NDArray[np.intp]:
        """Return the column of each indicator of the probbase, or raise `InputError` if one is missing."""
        probbase = self.probbase_
        problems = []
        place = {name.lower(): k for k, name in enumerate(deaths.symptom_names)}
        if absent := [c for c in probbase.indicators if c not in place]:
            problems.append(
                f"InSilicoVAStandard: data '{deaths.name}' lacks {len(absent)} of the {len(probbase.indicators)} "
                f"indicators ({', '.join(absent[:5])}, ...); expected WHO 2016 data in InterVA-5 form (data=who2016)"
                f"{did_you_mean(absent[0], deaths.symptom_names)}"
            )
        if deaths.causes != probbase.causes:
            differ = sorted(set(deaths.causes) ^ set(probbase.causes))[:3]
            problems.append(
                f"InSilicoVAStandard: data '{deaths.name}' declares {len(deaths.causes)} causes; expected the 61 of "
                f"the probbase, in its order (not in both: {', '.join(differ) or 'none'})"
            )
        if problems:
            raise InputError(problems)
        return np.array([place[c] for c in probbase.indicators], dtype=np.intp)


def _assessed(answers: npt.NDArray[np.int8], probbase: Probbase) -> npt.NDArray[np.bool_]:
    """Return the deaths with a yes among the ages, among the sexes, and among the symptoms."""
    enough = np.ones(len(answers), dtype=bool)
    for first, last in (("i022a", "i022g"), ("i019a", "i019b"), _SYMPTOMS):
        enough &= (answers[:, probbase.index(first) : probbase.index(last) + 1] == 1).any(axis=1)
    return enough


def _external(
    signs: npt.NDArray[np.int8], probbase: Probbase, columns: slice, is_external: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return probabilities over the external causes: prior times those of the signs that are present."""
    prior = INTERVA_VALUES[probbase.prior_level[CAUSES]] * is_external
    table = INTERVA_VALUES[probbase.level[columns, CAUSES]]
    product = prior * np.where(signs[:, :, None] == 1, table[None], 1.0).prod(axis=1)
    total = product.sum(axis=1, keepdims=True)
    return np.divide(product, total, out=np.zeros_like(product), where=total > 0)


def _possible(
    substantive: npt.NDArray[np.int8],
    probbase: Probbase,
    level: npt.NDArray[np.int8],
    outputs: tuple[str, ...],
) -> npt.NDArray[np.bool_]:
    """Return which causes each death's age, sex, pregnancy and term leave possible."""
    never, always = LETTERS.index("N"), LETTERS.index("I")
    possible = np.ones((len(substantive), len(outputs)), dtype=bool)
    for code in _DEMOGRAPHIC:
        j = probbase.index(code)
        x = substantive[:, j, None]
        possible &= ~((x == 1) & (level[j] == never)) & ~((x == 0) & (level[j] == always))
    maternal = np.array([code.startswith(_MATERNAL) for code in outputs])
    possible &= ~((substantive[:, probbase.index(_NOT_PREGNANT), None] == 1) & maternal)
    term = substantive[:, probbase.index(_NOT_AT_TERM)]
    possible[term == 0, outputs.index(_PREMATURITY)] = False
    possible[term == 1, outputs.index(_ASPHYXIA)] = False
    return possible
