"""InSilicoVA (McCormick, Li, Calvert, Crampin, Kahn and Clark 2016, JASA 111:1036) trained on labelled deaths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from va_experiments import seeds
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError, did_you_mean, shown
from va_experiments.models.base import Model, Prediction
from va_experiments.models.devices import require_device
from va_experiments.models.empirical import CONVERSIONS, empirical_probabilities, to_levels
from va_experiments.models.insilico.posterior import (
    Posterior,
    check_sampling,
    sample_posterior,
    sample_posteriors,
)
from va_experiments.models.insilico.problem import Problem, build_problem
from va_experiments.models.insilico.subpopulations import (
    NONE,
    check_column,
    csmf_by_group,
    groups_of,
    sampled_fractions,
)

__all__ = ["InSilicoVA"]

_STATES = {"present": 1, "absent": 0}
_SETS_AT_ONCE = 50  # test sets in one array program: bounds the memory


class InSilicoVA(Model):
    """Bayesian hierarchical model of causes, CSMF and symptom probabilities, sampled on the test set.

    Training gives the level of each symptom under each cause. The posterior is that of the test deaths: their causes,
    their CSMF (logistic-normal prior) and the probability of each level (ordered, truncated Beta priors). The causes of
    one death therefore depend on the other test deaths.

    Parameters
    ----------
    n_iterations, burn_in, thin : int
        Iterations of each chain, those thrown away at its start, and how many to one draw that is kept.
    n_chains : int
        Chains from independent random streams.
    conversion : {"quantile", "fixed", "empirical"}
        How conditional probabilities become levels; ``empirical`` keeps them as they are, and fixed.
    mirror_level_frequencies : bool
        With ``quantile``: levels as frequent as their mirror image in InterVA's probbase, as the original has it
        (the lowest level as rare as InterVA's highest). False: as frequent as in InterVA's probbase.
    missing_threshold : float
        Symptoms missing for a larger share of the training deaths are dropped.
    update_cond_prob : bool
        Sample the probabilities of the levels; otherwise the empirical probabilities stay as they are.
    levels_strength : float or None
        Weight of the prior of the levels; None for 0.01 with ``quantile`` and 1 with ``fixed``, as the original.
    subpopulations : str
        ``none``, or a column whose values have a CSMF each: ``site``, ``sex``, ``age_group``, or any other of
        `va_experiments.data.strata.strata_of`; the levels are shared.
    impossible_pairs : sequence of (cause, symptom, "present" or "absent")
        A death with the symptom in this state cannot be of this cause.
    sampler : {"improved", "original"}
        How the CSMF moves given the causes: slice sampling with the prior mean integrated out, or the original's block
        Metropolis step. The posterior is the same.
    jump_scale : float
        Standard deviation of the original's proposals.
    auto_length : bool
        Double the length, discarding what was drawn before, until converged or `max_iterations` would be exceeded.
    max_iterations : int
        Iterations of each chain at most.
    checkpoint_every : int
        Iterations of one chain between states from which an interrupted run can go on.
    device : {"cpu", "cuda"}
        ``cuda`` runs the chains as one array program with PyTorch (extra ``gpu``).
    progress : bool or None
        Show a bar; None: in notebooks.
    reference_compat : bool
        The original's treatment of what its arithmetic cannot handle (docs/models/insilico.md).

    Attributes
    ----------
    conditional_ : va_experiments.models.empirical.Conditional
        Empirical conditional probabilities of the kept symptoms and the causes that occur in training.
    levels_ : va_experiments.models.empirical.Levels or None
    """

    depends_on_test_set: ClassVar[bool] = True
    prediction_share: ClassVar[float] = 0.99

    def __init__(
        self,
        *,
        n_iterations: int = 1000,
        burn_in: int = 250,
        thin: int = 1,
        n_chains: int = 4,
        conversion: str = "quantile",
        mirror_level_frequencies: bool = True,
        missing_threshold: float = 0.95,
        update_cond_prob: bool = True,
        levels_strength: float | None = None,
        subpopulations: str = "none",
        impossible_pairs: Sequence[Sequence[str]] = (),
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
        self.conversion = conversion
        self.mirror_level_frequencies = mirror_level_frequencies
        self.missing_threshold = missing_threshold
        self.update_cond_prob = update_cond_prob
        self.levels_strength = levels_strength
        self.subpopulations = subpopulations
        self.impossible_pairs = impossible_pairs
        self.sampler = sampler
        self.jump_scale = jump_scale
        self.auto_length = auto_length
        self.max_iterations = max_iterations
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.progress = progress
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check every parameter, and that the device can be used."""
        self.check_choice("conversion", CONVERSIONS)
        self.check_choice("sampler", ("improved", "original"))
        self.check_choice("device", ("cpu", "cuda"))
        strength, threshold = self.levels_strength, self.missing_threshold
        self.check(
            [
                *check_sampling(self),
                (strength is None or strength > 0, f"levels_strength is {strength!r}; expected above 0, or null"),
                (0 <= threshold <= 1, f"missing_threshold is {threshold!r}; expected 0 to 1"),
                *(
                    (
                        len(rule) == 3 and rule[2] in _STATES,
                        f"impossible_pairs has {rule!r}; expected [cause, symptom, present or absent]",
                    )
                    for rule in self.impossible_pairs
                ),
            ]
        )
        require_device(type(self).__name__, self.device)

    def check_before_run(self, deaths: Deaths) -> list[str]:
        """Check that the data have the column of the subpopulations."""
        return check_column(deaths, self.subpopulations)

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Estimate the conditional probabilities and turn them into levels."""
        self.check_parameters()
        labels = self.validate_train(train)
        self.impossible_ = [self._rule(rule) for rule in self.impossible_pairs]
        self.conditional_ = empirical_probabilities(
            train.symptoms,
            labels,
            len(train.causes),
            missing_threshold=self.missing_threshold,
            rng=seeds.generator(seed, "conditional probabilities"),
            reference_compat=self.reference_compat,
        )
        self.levels_ = None
        informed = self.conditional_.keep.any()
        if self.conversion != "empirical" and self.update_cond_prob and informed:
            self.levels_ = to_levels(
                self.conditional_.probability, self.conversion, mirror_level_frequencies=self.mirror_level_frequencies
            )
        return self

    def predict(self, test: Deaths, *, seed: int = 0, known: npt.NDArray[np.integer] | None = None) -> Prediction:
        """Sample the posterior of causes and CSMF for these deaths.

        Parameters
        ----------
        test : Deaths
        seed : int
        known : int array, shape (n_deaths,), optional
            Index of the cause where it is known (for instance from a doctor), -1 elsewhere. Such deaths keep their
            cause and inform CSMF and levels.
        """
        self.validate_test(test)
        if len(test) == 0:
            csmf = np.zeros(len(test.causes))
            csmf[self.conditional_.causes] = 1 / len(self.conditional_.causes)
            return Prediction(np.zeros((0, len(test.causes))), csmf)
        group = None if self.subpopulations == NONE else groups_of(test, self.subpopulations)[1]
        problem = self.problem(test, group=group, known=known)
        return self._prediction(test, sample_posterior(problem, self, seed=seed, causes=self._columns))

    def predict_sets(
        self, test: Deaths, sets: Sequence[npt.NDArray[np.intp]], *, seed: int = 0
    ) -> Iterator[Prediction]:
        """Yield the prediction of each test set; on a GPU, many sets are sampled at once."""
        if self.device == "cpu" or self.subpopulations != NONE:
            yield from super().predict_sets(test, sets, seed=seed)
            return
        self.validate_test(test)
        for start in range(0, len(sets), _SETS_AT_ONCE):
            drawn = [test.take(rows) for rows in sets[start : start + _SETS_AT_ONCE]]
            problems = [self.problem(deaths) for deaths in drawn]
            posteriors = sample_posteriors(problems, self, seed=seed, causes=self._columns)
            yield from map(self._prediction, drawn, posteriors)

    @property
    def _columns(self) -> tuple[str, ...]:
        """Names of the causes that occur in training."""
        return tuple(self.causes_[c] for c in self.conditional_.causes)

    def _prediction(self, test: Deaths, posterior: Posterior) -> Prediction:
        """Spread a posterior over the declared causes."""
        columns, n_causes = self.conditional_.causes, len(test.causes)
        probability = np.zeros((len(test), n_causes))
        probability[:, columns] = posterior.probability
        draws = np.zeros((len(posterior.csmf_draws), n_causes))
        draws[:, columns] = posterior.csmf_draws
        diagnostics = dict(posterior.diagnostics)
        if self.subpopulations != NONE:
            diagnostics |= csmf_by_group(test, self.subpopulations, self._columns, posterior.group_csmf)
            labels, _ = groups_of(test, self.subpopulations)
            diagnostics |= sampled_fractions(self.subpopulations, labels, self._columns, posterior.group_draws)
        top = None
        if self.reference_compat:  # ties go to the cause that occurs first in training
            best = columns[posterior.probability.argmax(axis=1)]
            top = np.where(posterior.probability.any(axis=1), best, -1).astype(np.int16)
        return Prediction(probability, draws.mean(axis=0), draws, top_cause=top, diagnostics=diagnostics)

    def problem(
        self,
        test: Deaths,
        *,
        group: npt.NDArray[np.integer] | None = None,
        known: npt.NDArray[np.integer] | None = None,
    ) -> Problem:
        """Return the arrays that the sampler works on, for this test set."""
        symptoms = test.symptoms[:, self.conditional_.keep]
        possible = self._possible(test, known)
        if symptoms.shape[1] == 0:  # nothing was known in training: every cause explains a death alike
            symptoms = np.full((len(test), 1), -1, dtype=np.int8)
            nothing = np.full((1, len(self.conditional_.causes)), 0.5)
            return build_problem(symptoms, probability=nothing, group=group, possible=possible)
        if self.levels_ is None:
            return build_problem(symptoms, probability=self.conditional_.probability, group=group, possible=possible)
        strength = self.levels_strength
        if strength is None:
            strength = 0.01 if self.conversion == "quantile" else 1.0
        return build_problem(
            symptoms,
            level=self.levels_.index,
            start=self.levels_.value,
            group=group,
            possible=possible,
            levels_strength=strength,
        )

    def _possible(self, test: Deaths, known: npt.NDArray[np.integer] | None) -> npt.NDArray[np.bool_] | None:
        """Return which of the training causes each death may have; None if all may have all."""
        columns = self.conditional_.causes
        if known is None and not self.impossible_:
            return None
        possible = np.ones((len(test), len(columns)), dtype=bool)
        for cause, symptom, state in self.impossible_:
            possible &= ~((test.symptoms[:, symptom] == state)[:, None] & (columns == cause))
        if known is not None:
            known = np.asarray(known)
            problems = []
            if known.shape != (len(test),):
                problems.append(f"InSilicoVA: known has shape {known.shape}; expected ({len(test)},)")
            elif untrained := sorted(set(known[known >= 0].tolist()) - set(columns.tolist())):
                problems.append(f"InSilicoVA: known names causes {untrained}, which do not occur in training")
            if problems:
                raise InputError(problems)
            fixed = known >= 0
            possible[fixed] = columns[None, :] == known[fixed, None]
        return possible

    def _rule(self, rule: Sequence[str]) -> tuple[int, int, int]:
        """Return an impossible combination by index, or the error for an unknown name."""
        cause, symptom, state = rule
        for what, name, names in (("cause", cause, self.causes_), ("symptom", symptom, self.symptom_names_)):
            if name not in names:
                raise InputError(f"InSilicoVA: impossible_pairs names {what} {shown(name)}{did_you_mean(name, names)}")
        return self.causes_.index(cause), self.symptom_names_.index(symptom), _STATES[state]

    def summary(self, prediction: Prediction) -> dict[str, Any]:
        """Return the posterior mean, standard deviation and 95% interval of each cause's fraction, by cause."""
        assert prediction.csmf_draws is not None
        low, high = np.quantile(prediction.csmf_draws, [0.025, 0.975], axis=0)
        spread = prediction.csmf_draws.std(axis=0, ddof=1)
        return {
            cause: {"mean": float(m), "sd": float(s), "low": float(a), "high": float(b)}
            for cause, m, s, a, b in zip(self.causes_, prediction.csmf, spread, low, high, strict=True)
        }
