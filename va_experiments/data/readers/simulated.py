"""Simulate deaths from the InterVA-5 probbase: the embedded data set, or any number of deaths for a load test.

``Deaths.simulated`` is True, and everything that shows a figure from these deaths must say so.

A death is drawn as follows, at a site whose deviations come from its own seed: a cause from the site's mix; sex and
age from the cause; then each answer. The probbase gives the probability of each indicator for a cause (letters A+ to
N). It is mixed with the average over causes and shifted on the logit scale by site (reporting habits), by site and
cause, and by how readily this respondent says yes. A question that depends on another is asked only after a "yes" to
that one. Answers are missing at random, by question and site. Every random stream has a name, so that the deaths of a
site do not depend on which other sites are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths, LedgerEntry
from va_experiments.data.probbase import read_probbase
from va_experiments.data.readers.simulated_causes import CAUSES, SITES, Site
from va_experiments.errors import InputError, shown
from va_experiments.seeds import generator

__all__ = ["simulate_deaths"]

MOST_DEATHS = 100_000_000
"""Most simulated deaths; their symptoms take 17 GB."""

_BLOCK = 20_000
_SIGNAL = 0.45  # weight of the cause's own column against the average over causes
_FLOOR = 0.004
_READY = 0.8  # logit by which lay respondents say yes more often than the physicians of the probbase expected
_SITE_SHIFT, _SITE_CAUSE_SHIFT, _CAUSE_SHIFT, _RESPONDENT = 0.7, 0.6, 0.25, 0.8  # logit standard deviations
_MIX = 0.75  # log standard deviation of a site's cause mix

_MALE, _FEMALE = "i019a", "i019b"
_BANDS = {"i022a": (65.0, 200.0), "i022b": (50.0, 65.0), "i022c": (15.0, 50.0)}
_STILLBIRTH = ("i377o", "i388o", "i389o")
_SERVICE = ("i004", "i337", "i338", "i34", "i377", "i388", "i389", "i418", "i42", "i45")


@dataclass(frozen=True)
class _Indicator:
    name: str
    parent: str
    women_only: bool
    block: str


@dataclass(frozen=True)
class _Adults:
    indicators: tuple[_Indicator, ...]
    probability: npt.NDArray[np.float64]  # [n_causes, n_indicators]
    version: str


def simulate_deaths(
    n: int | None = None,
    *,
    seed: int = 20_090_101,
    sites: Sequence[str] | Mapping[str, int] | None = None,
    n_symptoms: int = 168,
) -> Deaths:
    """Simulate adult deaths.

    Parameters
    ----------
    n : int, optional
        Number of deaths, divided in proportion to the sizes of the sites; 7,841 over the six sites by default.
    seed : int
        The same seed gives exactly the same deaths.
    sites : sequence of str, or mapping of str to int, optional
        Site names, or names with numbers of deaths; the six PHMRC sites by default. Any name is allowed.
    n_symptoms : int
        5 to 251. Uses the indicators that differ most between causes, and always age bands and sex.

    Returns
    -------
    Deaths
        34 causes, covariate ``age`` (years, some missing), blocks ``core`` and ``hce`` (reported by health workers).

    Raises
    ------
    InputError
        If a number is out of range or the package ``vacheck``, which contains the probbase, is not installed.
    """
    base = _adult_indicators()
    sizes = _sizes(n, sites)
    if not 5 <= n_symptoms <= len(base.indicators):
        raise InputError(f"n_symptoms must be a whole number from 5 to {len(base.indicators)}; got {n_symptoms}")
    selected = _choose(base, n_symptoms)
    indicators = [base.indicators[j] for j in selected]
    logit = _logit(_blend(base.probability[:, selected]))
    logit += _READY + generator(seed, "causes").normal(0, _CAUSE_SHIFT, size=logit.shape)
    total = sum(sizes.values())
    symptoms = np.empty((total, n_symptoms), dtype=np.int8)
    cause = np.empty(total, dtype=np.int16)
    age = np.empty(total)
    start = 0
    for name, size in sizes.items():
        site = _SimulatedSite(name, seed, logit, indicators)
        for block, first in enumerate(range(0, size, _BLOCK)):
            rows = slice(start + first, start + min(first + _BLOCK, size))
            site.draw(block, symptoms[rows], cause[rows], age[rows])
        start += size
    width = len(str(max(sizes.values(), default=1)))
    ids = np.concatenate([_ids(name, size, width) for name, size in sizes.items()])
    return Deaths(
        symptoms=symptoms,
        symptom_names=tuple(i.name for i in indicators),
        causes=tuple(CAUSES),
        cause=cause,
        sites=tuple(sizes),
        site=np.repeat(np.arange(len(sizes), dtype=np.int16), list(sizes.values())),
        id=ids,
        blocks=tuple(i.block for i in indicators),
        groups=tuple(c.group for c in CAUSES.values()),
        covariates={"age": age},
        name="simulated",
        simulated=True,
        ledger=(
            LedgerEntry("simulated", "*", total, f"drawn from the InterVA-5 {base.version.strip()}"),
            LedgerEntry("noted", "age", int(np.isnan(age).sum()), "age is not known"),
        ),
    )


class _SimulatedSite:
    """Cause mix, reporting and missingness of one site, and the draws from them."""

    def __init__(self, name: str, seed: int, logit: npt.NDArray[np.float64], indicators: list[_Indicator]) -> None:
        n_causes, n_symptoms = logit.shape
        self._name, self._seed = name, seed
        known = SITES.get(name, Site(1000, n_causes - 3, 0.13))
        rng = generator(seed, f"site:{name}")
        mix = np.array([c.weight for c in CAUSES.values()]) * np.exp(rng.normal(0, _MIX, n_causes))
        mix[np.argsort(mix)[: n_causes - known.n_causes]] = 0.0
        self._mix = np.cumsum(mix / mix.sum())
        self._mix[-1] = 1.0
        shift = rng.normal(0, _SITE_SHIFT, n_symptoms) + rng.normal(0, _SITE_CAUSE_SHIFT, logit.shape)
        probability = 1 / (1 + np.exp(-(logit + shift)))
        column = {i.name: j for j, i in enumerate(indicators)}
        self._parent = [(j, column[i.parent]) for j, i in enumerate(indicators) if i.parent in column]
        for j, p in self._parent:  # asked only after a yes, so this probability is conditional on it
            probability[:, j] = np.minimum(probability[:, j] / np.maximum(probability[:, p], 1e-3), 0.9)
        self._logit = _logit(probability)
        spread = rng.normal(0, 0.9, n_symptoms) + rng.normal(0, 0.4, n_symptoms)
        self._missing = (1 / (1 + np.exp(-(_logit(np.array(known.missing * 0.42)) + spread)))).astype(np.float32)
        fixed = [j for j, i in enumerate(indicators) if i.name in (_MALE, _FEMALE, *_BANDS)]
        self._missing[fixed] = 0.0
        self._women = [j for j, i in enumerate(indicators) if i.women_only]
        self._column = column
        values = list(CAUSES.values())
        self._female = np.array([c.female for c in values])
        self._age = np.array([(c.age, c.spread) for c in values])
        self._age_shift = rng.normal(0, 2.0)

    def draw(
        self, block: int, symptoms: npt.NDArray[np.int8], cause: npt.NDArray[np.int16], age: npt.NDArray[np.float64]
    ) -> None:
        """Draw one block of deaths into the given arrays."""
        rng = generator(self._seed, f"deaths:{self._name}:{block}")
        n = len(cause)
        cause[:] = np.searchsorted(self._mix, rng.random(n), side="right")
        female = rng.random(n) < self._female[cause]
        years = self._age[cause, 0] + self._age_shift + self._age[cause, 1] * rng.normal(size=n)
        years = np.clip(np.round(years), 12, 104)
        readiness = rng.normal(0, _RESPONDENT, n)
        score = self._logit[cause]
        score += readiness[:, None]
        np.negative(score, out=score)
        np.exp(score, out=score)
        score += 1
        score *= rng.random(
            score.shape, dtype=np.float32
        )  # the product in double precision, so that the result is the same on every CPU
        symptoms[:] = score < 1
        column = self._column
        symptoms[:, self._women] *= female[:, None]
        symptoms[:, column[_MALE]], symptoms[:, column[_FEMALE]] = ~female, female
        for name, (low, high) in _BANDS.items():
            symptoms[:, column[name]] = (years >= low) & (years < high)
        missing = rng.random(score.shape, dtype=np.float32) < self._missing
        for j, parent in self._parent:
            symptoms[:, j] *= symptoms[:, parent]
            missing[:, j] |= missing[:, parent]
        symptoms[missing] = -1
        age[:] = np.where(rng.random(n) < 0.015, np.nan, years)


def _blend(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mean = probability.mean(axis=0)
    return np.clip(_SIGNAL * probability + (1 - _SIGNAL) * mean, _FLOOR, 0.97)


def _logit(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(p) - np.log1p(-p)


def _choose(base: _Adults, n_symptoms: int) -> list[int]:
    """Choose the indicators that differ most between causes, in the probbase's order, service questions last."""
    always = {_MALE, _FEMALE, *_BANDS}
    spread = _blend(base.probability).std(axis=0)
    key = [(i.name not in always, i.name.startswith(_SERVICE), -spread[j], j) for j, i in enumerate(base.indicators)]
    return sorted(j for *_, j in sorted(key)[:n_symptoms])


def _sizes(n: int | None, sites: Sequence[str] | Mapping[str, int] | None) -> dict[str, int]:
    if isinstance(sites, str):
        raise InputError(f"sites must be a list of names; got {shown(sites)}")
    names = list(SITES) if sites is None else list(sites)
    if not names or len(set(names)) != len(names):
        raise InputError("sites: give at least one site, each once")
    if isinstance(sites, Mapping):
        sizes = {s: int(k) for s, k in sites.items()}
    else:
        sizes = {s: SITES[s].deaths if s in SITES else 1000 for s in names}
    if any(not 1 <= k <= MOST_DEATHS for k in sizes.values()):
        raise InputError(f"sites: a number of deaths must be a whole number from 1 to {MOST_DEATHS:,}")
    if n is None:
        return sizes
    if isinstance(n, bool) or n != int(n) or not len(sizes) <= n <= MOST_DEATHS:
        raise InputError(f"n must be a whole number from {len(sizes)} (one death a site) to {MOST_DEATHS:,}; got {n!r}")
    total = sum(sizes.values())
    share = {s: max(1, k * int(n) // total) for s, k in sizes.items()}
    for s in sorted(sizes, key=lambda s: (-(sizes[s] * int(n) % total), s))[: max(0, int(n) - sum(share.values()))]:
        share[s] += 1
    share[max(share, key=lambda s: share[s])] += int(n) - sum(share.values())
    return share


def _ids(name: str, size: int, width: int) -> npt.NDArray[np.str_]:
    return np.char.add(f"sim-{name}-", np.char.zfill(np.arange(1, size + 1).astype(np.str_), width))


def _adult_indicators() -> _Adults:
    """Select the probbase's indicators that apply to adults, with their probabilities for the 34 causes."""
    base = read_probbase()
    neonate = {rule.indicator for rule in base.neonates_only}
    refused: dict[int, set[str]] = {}
    for rule in base.dont_ask:
        if rule.yes:
            refused.setdefault(rule.indicator, set()).add(base.indicators[rule.other])
    parents = {rule.indicator: base.indicators[rule.other] for rule in base.ask_if if rule.yes}
    selected = [
        j
        for j, name in enumerate(base.indicators)
        if base.substantive[j]
        and j not in neonate
        and name not in _STILLBIRTH
        and not set(_BANDS) <= refused.get(j, set())
    ]
    indicators = [
        _Indicator(
            base.indicators[j],
            parents.get(j, ""),
            _MALE in refused.get(j, set()),
            "hce" if 125 <= int(base.indicators[j][1:4]) <= 144 else "core",
        )
        for j in selected
    ]
    place = {code: k for k, code in enumerate(base.outputs)}
    chance = base.probability[selected]
    table = [chance[:, [place[o] for o in cause.outputs]].mean(axis=1) for cause in CAUSES.values()]
    return _Adults(tuple(indicators), np.array(table), base.version)
