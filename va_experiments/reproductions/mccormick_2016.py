"""McCormick et al. 2016, Table 3: four ways to choose the training deaths for a site."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.models import InSilicoVA, InterVA, Prior, Tariff
from va_experiments.reproductions.fitting import Makers, fitted_scores
from va_experiments.reproductions.table import Compared, Reproduction, ReproductionOptions
from va_experiments.seeds import integer_seed

__all__ = ["REPRODUCTION"]

MAKERS: Makers = {
    "insilico": lambda: InSilicoVA(),
    "interva rule=false": lambda: InterVA(rule=False),
    "tariff": lambda: Tariff(n_bootstrap=100),
    "prior": lambda: Prior(),
}

_BY_CHANCE = ("insilico", "tariff")

SETTINGS = ("all sites", "all other sites", "same site", "one other site")

PUBLISHED = {
    "insilico": ("InSilicoVA", (0.70, 0.60, 0.84, 0.52), (0.64, 0.52, 0.82, 0.41), ("(sd .07)", "(sd .06)", "(sd .05)",
                                                                                "(sd .12)")),
    "interva rule=false": ("InterVA, quantile", (0.57, 0.56, 0.72, 0.49), (0.54, 0.44, 0.71, 0.34), ("",) * 4),
    "tariff": ("Tariff", (0.62, 0.58, 0.64, 0.47), (0.54, 0.48, 0.60, 0.31), ("",) * 4),
    "prior": ("(copy of the training fractions)", (np.nan,) * 4, (np.nan,) * 4, ("",) * 4),
}  # fmt: skip
"""CSMF accuracy and top-3 accuracy in the four settings."""

SEEDS = 2
ROUNDING = 0.005
"""Of a figure printed to two decimals."""


def run(deaths: Deaths, options: ReproductionOptions) -> list[Compared]:
    """Compute the rows: means over the tested sites, and their range over the seeds."""
    scores: dict[tuple[str, str], dict[int, list[list[tuple[float, float]]]]] = defaultdict(lambda: defaultdict(list))
    present = np.unique(deaths.site).tolist()
    for site in present:
        at_site = deaths.site == site
        test = deaths.take(at_site)
        settings = [("all sites", deaths), ("all other sites", deaths.take(~at_site)), ("same site", test)]
        settings += [("one other site", deaths.take(deaths.site == other)) for other in present if other != site]
        for number, (setting, train) in enumerate(settings):
            for model, make in MAKERS.items():
                figures = []
                for seed in range(options.seed, options.seed + (SEEDS if model in _BY_CHANCE else 1)):
                    values = fitted_scores(make, train, test, seed=integer_seed([seed, site, number, model])).values
                    figures.append((values["csmf_accuracy_model"], values["top3"]))
                scores[model, setting][site].append(figures)
        options.report(f"tested {deaths.sites[site]}")
    rows = []
    for k, setting in enumerate(SETTINGS):
        for model, (method, csmf, top3, spread) in PUBLISHED.items():
            by_seed = np.mean([np.mean(v, axis=0) for v in scores[model, setting].values()], axis=0)
            pairs = sum(map(len, scores[model, setting].values()))
            rows.append(
                Compared(method, model, setting, "CSMF accuracy", csmf[k], *_range(by_seed[:, 0]), spread[k], pairs)
            )
            if model != "prior":
                rows.append(Compared(method, model, setting, "top-3", top3[k], *_range(by_seed[:, 1]), "", pairs))
    return rows


def _range(by_seed: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the figure of the first seed, and the range over the seeds widened by the rounding of what is printed."""
    return float(by_seed[0]), float(by_seed.min()) - ROUNDING, float(by_seed.max()) + ROUNDING


REPRODUCTION = Reproduction(
    name="reproduce_mccormick_2016",
    title="McCormick et al. 2016, Table 3",
    source="McCormick, Li, Calvert, Crampin, Kahn, Clark, JASA 2016, 111:1036, Table 3 (means, and standard deviations "
    "over sites)",
    protocol="Each site is tested whole, as it is. Trained on: all six sites, the tested one among them; the five "
    "others; the tested site itself; each of the others alone (30 pairs, averaged by tested site first). 168 "
    "symptoms with the a1_01 block.",
    intervals="The six sites are the publication's own, so that the same deaths are tested there and here: an interval "
    "over sites would say how far the mean may be from that at other sites, not whether it is the published figure. "
    "The interval here is what rounding (.005) and chance leave: the range over two seeds, widened by .005. Where it "
    "does not contain 0, the figure is not reproduced exactly.",
    differences=(
        "The paper does not say whether training and test deaths of the same site overlap, nor whether test sets were "
        "resampled. Here 'all sites' and 'same site' are tested on the very deaths they were trained on, so these two "
        "are no estimate for any other death.",
        "Its symptoms are openVA's conversion of the time; ours is the same list with its documented faults corrected.",
        "InterVA here: level values by quantile, uniform prior, the best cause always named (rule=false), and each "
        "level as frequent as in InterVA's own table.",
        "Tariff: 100 bootstrap samples for the significance of tariffs in place of 500.",
    ),
    run=run,
    reading={},
    explanation=(
        "Nothing is reproduced to the last printed digit throughout. InterVA is within .021 of the published figures "
        "in all four settings. InSilicoVA's CSMF accuracy is within .014 at sites it was not trained on, its top-3 "
        ".03 to .04 lower.",
        "InSilicoVA at 'same site' and 'all sites' is lower here, although the deaths tested are those "
        "trained on: the published settings must differ in something the paper does not say.",
        "Tariff is better here in every setting: ours keeps significant tariffs only, with the faults of the "
        "R package corrected (docs/models/tariff.md).",
        "Compare with the rows that copy the training fractions, which the paper's table does not have: at "
        "other sites every method of the table, published or here, lies below them in CSMF accuracy.",
    ),
)
