"""InterVA-5 with its own knowledge, for WHO 2016 data (Byass et al. 2019, BMC Medicine 17:102)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.data.probbase import CAUSES, CIRCUMSTANCES, PREGNANCY, Probbase, read_probbase
from va_experiments.errors import InputError, did_you_mean
from va_experiments.models.base import Model, Prediction
from va_experiments.models.empirical import INTERVA_VALUES
from va_experiments.models.interva.datacheck import check_consistency
from va_experiments.models.interva.interva import CUTOFF, cause_fractions
from va_experiments.models.interva.whole_probability import REJECTIONS, WholeProbability

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InterVA5", "prior_for"]

_BLOCK = 1 << 15  # deaths worked on at a time: bounds the memory
_BLOCKS: Final = (PREGNANCY, CAUSES, CIRCUMSTANCES)
_LOG_ZERO: Final = -1e6  # far below any sum of logarithms of levels, and still exact beside them
_AGE, _SEX = ("i022a", "i022g"), ("i019a", "i019b")
_SYMPTOMS = ("i077o", "i408o")
_PREVALENCE: Final = {"h": 0.05, "l": 0.005, "v": 1e-5}
_SICKLE_CELL: Final = {"h": 0.05, "l": 1e-5, "v": 1e-5}


class InterVA5(Model):
    """InterVA-5: WHO 2016 indicators to 61 causes, by a fixed table of expert judgement. Nothing is learned.

    A death without any answer on age, on sex, or on every symptom is not assessed: it counts as undetermined, stays out
    of the CSMF, and the numbers are in the diagnostics.

    Parameters
    ----------
    hiv, malaria : {"h", "l", "v"}
        Local prevalence: high, low or very low. It sets the priors of HIV/AIDS (h .05, l .005, v 1e-5), of malaria (the
        same), and, by malaria, of sickle cell crisis (h .05, else 1e-5).
    probbase : str or None
        A probbase file; None takes the one that the package vacheck carries.
    check_data : bool
        Make the answers consistent first, as InterVA-5 does.
    rule : bool
        InterVA's reporting rule for the CSMF and for naming a cause at all; see `InterVA`.
    reference_compat : bool
        Do as the R package does where it looks unintended: pregnancy is reported for women with any *known* answer,
        yes or no, to the questions on reproductive age; and probabilities are multiplied one indicator at a time in
        the package's order wherever the last bit decides what is printed. By default a yes is needed, and a second or
        third cause of exactly half the first one's probability is shown.

    Attributes
    ----------
    probbase_ : Probbase
    """

    file_parameters = ("probbase",)
    trains: ClassVar[bool] = False

    def __init__(
        self,
        *,
        hiv: str = "h",
        malaria: str = "h",
        probbase: str | None = None,
        check_data: bool = True,
        rule: bool = True,
        reference_compat: bool = False,
    ) -> None:
        self.hiv = hiv
        self.malaria = malaria
        self.probbase = probbase
        self.check_data = check_data
        self.rule = rule
        self.reference_compat = reference_compat

    def check_parameters(self) -> None:
        """Check the prevalences, and the probbase if one is named."""
        for parameter in ("hiv", "malaria"):
            self.check_choice(parameter, tuple(_PREVALENCE))
        if self.probbase is not None:
            read_probbase(self.probbase)

    def fit(self, train: Deaths | None = None, *, seed: int = 0) -> Self:
        """Load the probbase; `train` is used only for the names of its columns."""
        self.check_parameters()
        self.probbase_ = read_probbase(None if self.probbase is None else Path(self.probbase))
        if train is not None:
            self._check_names(train)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Return the probabilities of the 61 causes and the CSMF of the assessed deaths."""
        whole = self.whole_probability(test)
        probability = np.ascontiguousarray(whole.probability[:, CAUSES])
        best = probability.max(axis=1, initial=0)
        named = (best >= CUTOFF) if self.rule else (best > 0)
        top = np.where(named, probability.argmax(axis=1), -1).astype(np.int16)
        csmf, undetermined = cause_fractions(
            probability[whole.rejected == 0], rule=self.rule, exact=self.reference_compat
        )
        diagnostics = {"undetermined": undetermined, "probbase": self.probbase_.version}
        for code, reason in enumerate(REJECTIONS[1:], start=1):
            diagnostics[f"rejected: {reason}"] = int((whole.rejected == code).sum())
        return Prediction(probability, csmf, top_cause=top, diagnostics=diagnostics)

    def table(self, test: Deaths, *, whole: bool = False) -> pd.DataFrame:
        """Return the results as InterVA-5 writes them; see `va_experiments.models.interva.interva5_output.table`."""
        from va_experiments.models.interva.interva5_output import table

        result = self.whole_probability(test)
        return table(
            test.id,
            result,
            self.probbase_,
            hiv=self.hiv,
            malaria=self.malaria,
            whole=whole,
            exact=self.reference_compat,
        )

    def whole_probability(self, test: Deaths) -> WholeProbability:
        """Return the probabilities of all 70 outputs."""
        if not hasattr(self, "probbase_"):
            self.fit(test)
        probbase = self.probbase_
        order = self._check_names(test)
        prior = prior_for(probbase, hiv=self.hiv, malaria=self.malaria)
        probability = np.empty((len(test), len(prior)))
        reproductive = np.empty(len(test), dtype=bool)
        rejected = np.empty(len(test), dtype=np.int8)
        for start in range(0, len(test), _BLOCK):
            rows = slice(start, start + _BLOCK)
            answers = test.symptoms[rows] if order is None else test.symptoms[rows][:, order]
            rejected[rows] = _rejected(answers, probbase)
            if self.check_data:
                answers = check_consistency(answers, probbase).symptoms
            reproductive[rows] = _reproductive(answers, probbase, known_is_enough=self.reference_compat)
            fired = answers == probbase.substantive
            probability[rows] = _products(fired, probbase, prior)
            if self.reference_compat:
                close = np.flatnonzero(_undecided(probability[rows]))
                probability[rows][close] = _products_in_order(fired[close], probbase, prior)
        probability[rejected > 0] = 0
        return WholeProbability(probability, reproductive, rejected)

    def _check_names(self, deaths: Deaths) -> npt.NDArray[np.intp] | None:
        """Return the columns in the probbase's order (None: as they are), or raise `InputError` if one is missing."""
        probbase = self.probbase_
        problems = []
        place = {name.lower(): k for k, name in enumerate(deaths.symptom_names)}
        if absent := [c for c in probbase.indicators if c not in place]:
            near = did_you_mean(absent[0], deaths.symptom_names)
            problems.append(
                f"InterVA5: data '{deaths.name}' lacks {len(absent)} of the {len(probbase.indicators)} indicators "
                f"({', '.join(absent[:5])}, ...); expected WHO 2016 data in InterVA-5 form (data=who2016){near}"
            )
        if deaths.causes != probbase.causes:
            differ = sorted(set(deaths.causes) ^ set(probbase.causes))[:3]
            problems.append(
                f"InterVA5: data '{deaths.name}' declares {len(deaths.causes)} causes; expected the 61 of the "
                f"probbase, in its order (not in both: {', '.join(differ) or 'none'})"
            )
        if problems:
            raise InputError(problems)
        order = np.array([place[c] for c in probbase.indicators], dtype=np.intp)
        return None if np.array_equal(order, np.arange(deaths.n_symptoms)) else order


def prior_for(probbase: Probbase, *, hiv: str, malaria: str) -> npt.NDArray[np.float64]:
    """Return the priors of the 70 outputs at these prevalences; they need not sum to 1."""
    prior = INTERVA_VALUES[probbase.prior_level]
    for code, value in (
        ("b_0103", _PREVALENCE[hiv]),
        ("b_0105", _PREVALENCE[malaria]),
        ("b_0403", _SICKLE_CELL[malaria]),
    ):
        prior[probbase.outputs.index(code)] = value
    return prior


def _rejected(answers: npt.NDArray[np.int8], probbase: Probbase) -> npt.NDArray[np.int8]:
    """Return the code of the first reason not to assess each death, by the answers as given."""
    code = np.zeros(len(answers), dtype=np.int8)
    for number, (first, last) in ((3, _SYMPTOMS), (2, _SEX), (1, _AGE)):
        columns = answers[:, probbase.index(first) : probbase.index(last) + 1]
        code[~(columns == 1).any(axis=1)] = number
    return code


def _reproductive(answers: npt.NDArray[np.int8], probbase: Probbase, *, known_is_enough: bool) -> npt.NDArray[np.bool_]:
    least = 0 if known_is_enough else 1
    female = answers[:, probbase.index("i019b")] >= least
    of_age = (answers[:, [probbase.index(c) for c in ("i022l", "i022m", "i022n")]] >= least).any(axis=1)
    return female & of_age


def _products(
    fired: npt.NDArray[np.bool_], probbase: Probbase, prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return prior times the product of the fired indicators' probabilities, each block normalised; in log space."""
    with np.errstate(divide="ignore"):
        table = np.maximum(np.log(probbase.probability), _LOG_ZERO)
        score = fired.astype(np.float64) @ table + np.maximum(np.log(prior), _LOG_ZERO)
    for block in _BLOCKS:
        part = score[:, block]
        best = part.max(axis=1, keepdims=True)
        part -= best
        np.exp(part, out=part)
        part[(best < _LOG_ZERO / 2).ravel()] = 0
        total = part.sum(axis=1, keepdims=True)
        part /= np.where(total > 0, total, 1)
    return score


def _products_in_order(
    fired: npt.NDArray[np.bool_], probbase: Probbase, prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the same, indicator by indicator with each block normalised at every step, as the R package rounds it."""
    table = probbase.probability
    product = np.tile(prior, (len(fired), 1))
    for j in np.flatnonzero(fired.any(axis=0)):
        rows = np.flatnonzero(fired[:, j])
        now = product[rows] * table[j]
        for block in _BLOCKS:
            total = now[:, block].astype(np.longdouble).sum(axis=1, keepdims=True).astype(np.float64)
            now[:, block] /= np.where(total > 0, total, 1)
        product[rows] = now
    return product


def _undecided(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return the deaths for which a difference in the last bits could change a printed field or the CSMF."""
    near = 1e-9
    p = probability[:, CAUSES]
    best = p.max(axis=1, keepdims=True)
    close = ((np.abs(p - best / 2) < near) & (best > 0)).any(axis=1) | (np.abs(best - CUTOFF) < near).ravel()
    close |= ((np.abs(p - best) < near) & (best > 0)).sum(axis=1) > 1
    for block, threshold in ((PREGNANCY, 0.1), (CIRCUMSTANCES, 0.5)):
        part = probability[:, block]
        top = part.max(axis=1)
        tied = (((top[:, None] - part) < near).sum(axis=1) > 1) & (top > near)
        close |= (np.abs(top - threshold) < near) | tied
    percent = 100 * probability
    close |= (np.abs(percent - np.floor(percent) - 0.5) < near * 100).any(axis=1)
    return close
