"""InterVA trained on deaths with known causes (openVA's train mode; Li et al. 2023, The R Journal 14:316)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.empirical import CONVERSIONS, Conditional, empirical_probabilities, to_levels
from va_experiments.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CUTOFF", "TIE", "InterVA", "cause_fractions", "product_of_present", "top_three"]

CUTOFF = 0.4
"""A death whose most probable cause does not reach this probability is indeterminate."""

TIE = 1e-12
"""Relative difference below which two products that are equal on paper are held to be equal in doubles too."""

_BLOCK = 1 << 16  # deaths scored at a time: bounds the memory
_LEAST = 1.5e-6  # stands for an exact 0: the centre of the range from which the original draws its noise
_IMPOSSIBLE = 1e-6  # stands for the level N of the fixed conversion: a tenth of the next level up


class InterVA(Model):
    """InterVA with conditional probabilities learned from training deaths.

    The score of a cause is its prior times the product of P(symptom | cause) over the symptoms that are present.
    Absent and missing symptoms are ignored alike.

    Parameters
    ----------
    conversion : {"quantile", "fixed", "empirical"}
        How the shares of the training deaths become InterVA's 15 levels: levels as frequent as InterVA's own,
        the nearest of InterVA's values, or no levels at all.
    prior : {"uniform", "train"}
        The prior of the causes: the same for each that occurs in training, or the training cause fractions.
    missing_threshold : float
        Symptoms missing on a larger share of the training deaths are not used.
    rule : bool
        InterVA's reporting rule: a death whose best cause stays below 0.4 is indeterminate, and only probabilities of
        at least half of the best enter the CSMF. False names the best cause always and takes the mean of the
        probabilities as CSMF.
    reference_compat : bool
        Do as openVA does. By default, five things differ: (1) a level of the quantile conversion has the frequency
        that InterVA gives to that level, not to its mirror image; (2) exact shares 0 and 1 become 1.5e-6 and
        1 - 1.5e-6 instead of random numbers around these, so that nothing is drawn; (3) level N of the fixed
        conversion is 1e-6 instead of 0, so that no death loses all its causes by one symptom; (4) sums of logarithms
        replace products, which can underflow; (5) causes keep their declared order, which decides ties, instead of
        that of the training rows.

    Attributes
    ----------
    table_ : float64 array, shape (n_kept, n_present)
        P(symptom present | cause) after conversion.
    conditional_ : Conditional
        The shares before conversion, and which symptoms and causes the table speaks of.
    prior_ : float64 array, shape (n_present,)
    """

    def __init__(
        self,
        *,
        conversion: str = "quantile",
        prior: str = "uniform",
        missing_threshold: float = 0.95,
        rule: bool = True,
        reference_compat: bool = False,
    ) -> None:
        self.conversion = conversion
        self.prior = prior
        self.missing_threshold = missing_threshold
        self.rule = rule
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check the choices and the threshold."""
        self.check_choice("conversion", CONVERSIONS)
        self.check_choice("prior", ("uniform", "train"))
        text = f"missing_threshold is {self.missing_threshold!r}; expected a share from 0 to 1"
        self.check([(0 <= self.missing_threshold <= 1, text)])

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Learn the conditional probabilities and convert them."""
        self.check_parameters()
        labels = self.validate_train(train)
        conditional = empirical_probabilities(
            train.symptoms,
            labels,
            len(train.causes),
            missing_threshold=self.missing_threshold,
            rng=generator(seed, "bounds") if self.reference_compat else None,
            reference_compat=self.reference_compat,
        )
        if not self.reference_compat:
            np.clip(conditional.probability, _LEAST, 1 - _LEAST, out=conditional.probability)
        return self.set_conditional(conditional)

    def set_conditional(self, conditional: Conditional) -> Self:
        """Convert these probabilities and store them as the fitted table: the part of `fit` after the counting."""
        self.conditional_ = conditional
        if self.conversion == "empirical":
            self.table_ = conditional.probability
        else:
            levels = to_levels(conditional.probability, self.conversion, mirror_level_frequencies=self.reference_compat)
            self.table_ = levels.probability
            if not self.reference_compat:
                self.table_ = np.maximum(self.table_, _IMPOSSIBLE)
        deaths = conditional.deaths
        self.prior_ = deaths / deaths.sum() if self.prior == "train" else np.full(len(deaths), 1 / len(deaths))
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return cause probabilities, top causes and CSMF; -1 as top cause and a zero row mark undetermined deaths."""
        of_present = self._probability_of_present(test)
        present = self.conditional_.causes
        best = of_present.max(axis=1, initial=0)
        # The training mode of openVA asks for more than the cut-off to name a cause, and for at least it in the CSMF.
        named = (best > CUTOFF) if self.rule else (best > 0)
        top = np.where(named, present[of_present.argmax(axis=1)], -1).astype(np.int16)
        probability = np.zeros((len(test), len(self.causes_)))
        probability[:, present] = of_present
        csmf = np.zeros(len(self.causes_))
        csmf[present], undetermined = cause_fractions(of_present, rule=self.rule, exact=self.reference_compat)
        return Prediction(probability, csmf, top_cause=top, diagnostics={"undetermined": float(undetermined)})

    def table(self, test: Deaths) -> pd.DataFrame:
        """Return one row for each death in openVA's columns: up to three causes with their likelihoods in percent.

        ``ID, CAUSE1, LIK1, CAUSE2, LIK2, CAUSE3, LIK3, INDET``; a blank is one space. A second or third cause of less
        than half the first one's probability is left blank, as in InterVA-5; with `reference_compat` it is always
        shown, as in openVA.
        """
        import pandas as pd

        of_present = self._probability_of_present(test)
        names = np.array(self.causes_)[self.conditional_.causes]
        index, value = top_three(of_present)
        named = value[:, 0] > CUTOFF
        columns: dict[str, object] = {"ID": test.id}
        for k in range(index.shape[1]):
            show = named & (self.reference_compat | (value[:, k] >= value[:, 0] / 2 * (1 - TIE)))
            columns[f"CAUSE{k + 1}"] = np.where(show, names[index[:, k]], " ")
            columns[f"LIK{k + 1}"] = np.where(show, np.rint(100 * value[:, k]).astype(np.int64).astype(str), " ")
        columns["INDET"] = np.where(named, " ", "Indet")
        return pd.DataFrame(columns)

    def _probability_of_present(self, test: Deaths) -> npt.NDArray[np.float64]:
        """Return the probabilities of the causes that occur in training, in the order of `conditional_.causes`."""
        self.validate_test(test)
        keep = np.flatnonzero(self.conditional_.keep)
        probability = np.empty((len(test), len(self.conditional_.causes)))
        score = product_of_present if self.reference_compat else _log_space
        for start in range(0, len(test), _BLOCK):
            symptoms = test.symptoms[start : start + _BLOCK][:, keep]
            probability[start : start + _BLOCK] = score(symptoms, self.table_, self.prior_)
        return probability


def product_of_present(
    symptoms: npt.NDArray[np.int8], table: npt.NDArray[np.float64], prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the normalised product, symptom by symptom in doubles; an all-zero row stays all zero.

    The sum is taken in extended precision, as R does: where a second cause has exactly half the probability of the
    first, the last bit decides whether the InterVA rule counts it.
    """
    product = np.tile(prior, (len(symptoms), 1))
    for j, p in enumerate(table):
        product[symptoms[:, j] == 1] *= p
    total = product.astype(np.longdouble).sum(axis=1, keepdims=True).astype(np.float64)
    return product / np.where(total > 0, total, 1)


def _log_space(
    symptoms: npt.NDArray[np.int8], table: npt.NDArray[np.float64], prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the normalised product through logarithms; the table and the prior hold no 0."""
    score = (symptoms == 1).astype(np.float64) @ np.log(table) + np.log(prior)
    likelihood = np.exp(score - score.max(axis=1, keepdims=True))
    return likelihood / likelihood.sum(axis=1, keepdims=True)


def cause_fractions(
    probability: npt.NDArray[np.float64], *, rule: bool = True, exact: bool = False
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the CSMF by cause and the undetermined fraction, together 1.

    Parameters
    ----------
    probability : float64 array, shape (n_deaths, n_causes)
        Rows sum to 1, or to 0 where nothing is known.
    rule : bool
        InterVA's rule: a death whose best probability is below 0.4 counts as undetermined; else the probabilities
        below a cut-off (half of the best, or the third where that is larger; at most three causes in effect) do.
        False: the sum of the probabilities; deaths without any are left out (as openVA does).
    exact : bool
        Compare with the cut-off to the last bit, as the R packages do; by default a probability that falls short of it
        by less than 1e-12 of it counts as equal, so that ties on paper are ties.
    """
    sums = np.zeros(probability.shape[1])
    lost = 0.0
    for start in range(0, len(probability), _BLOCK):
        block = probability[start : start + _BLOCK]
        if rule:
            counted, uncounted = _counted(block, exact)
            sums += counted
            lost += uncounted
        else:
            sums += block.sum(axis=0)
    whole = sums.sum() + lost
    return (sums / whole, float(lost / whole)) if whole > 0 else (sums, 1.0)


def _counted(probability: npt.NDArray[np.float64], exact: bool) -> tuple[npt.NDArray[np.float64], float]:
    """Return what the reporting rule counts for each cause, and what it leaves undetermined; one for each death."""
    n, n_causes = probability.shape
    total = probability.sum(axis=1)
    ordered = -np.partition(-probability, min(2, n_causes - 1), axis=1)[:, :3]
    ordered = -np.sort(-ordered, axis=1)
    first = ordered[:, 0]
    second = ordered[:, 1] if n_causes > 1 else np.zeros(n)
    third = ordered[:, 2] if n_causes > 2 else np.zeros(n)
    cutoff = np.minimum(np.maximum(first / 2, third), np.maximum(first / 2, second))
    cutoff = cutoff if exact else cutoff * (1 - TIE)
    counted = (probability >= cutoff[:, None]) & (first >= CUTOFF)[:, None]
    counted_probability = np.where(counted, probability, 0.0)
    lost = np.where(total > 0, np.where(counted, 0.0, probability).sum(axis=1), 1.0)
    return counted_probability.sum(axis=0), float(lost.sum())


def top_three(
    probability: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float64]]:
    """Return the three most probable causes of each death and their probabilities; earlier causes win ties.

    Returns
    -------
    index, value : int16 and float64 array, shape (n_deaths, min(3, n_causes))
    """
    left = probability.copy()
    rows = np.arange(len(left))
    index = np.empty((len(left), min(3, left.shape[1])), dtype=np.int16)
    value = np.empty(index.shape)
    for k in range(index.shape[1]):
        index[:, k] = left.argmax(axis=1)
        value[:, k] = left[rows, index[:, k]]
        left[rows, index[:, k]] = -1
    return index, value
