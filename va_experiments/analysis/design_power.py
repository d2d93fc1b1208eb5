"""Say what differences a run's design can show, from the differences between its models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from va_experiments.analysis.run_tables import TRIVIAL_MODELS, add_missing_columns, model_labels
from va_experiments.metrics.power import Variance, detectable_difference, sites_needed, variance_components
from va_experiments.results.schema import SETTING_COLUMNS, SPLIT_COLUMNS

__all__ = ["PairOfModels", "design_table", "pairs_of_models"]


@dataclass(frozen=True)
class PairOfModels:
    """Two models in one setting, their mean difference and its variances."""

    setting: str
    first: str
    second: str
    difference: float
    splits: float
    """Splits of a site (mean)."""
    variance: Variance

    @property
    def sd(self) -> float:
        """Standard deviation of the sites' differences in the run's own design."""
        return math.sqrt(self.variance.of_mean_at_site(self.splits))


def pairs_of_models(cells: pd.DataFrame, metric: str) -> list[PairOfModels]:
    """Return every pair of models that were tested on the same splits of two sites or more; baselines left out.

    Parameters
    ----------
    cells : DataFrame
        As `va_experiments.results.load_results` returns them.
    metric : str
    """
    done = add_missing_columns(cells[cells["status"] == "done"])
    done = done[~done["model"].isin(TRIVIAL_MODELS)]
    if metric not in done or not len(done):
        return []
    done["label"] = model_labels(done)
    pairs = []
    for setting, group in done.groupby(list(SETTING_COLUMNS), sort=True, dropna=False):
        table = group.pivot_table(
            index=list(SPLIT_COLUMNS), columns="label", values=metric, aggfunc="first", observed=True
        ).astype(float)
        labels = [str(c) for c in table.columns]
        for i, a in enumerate(labels):
            for b in labels[i + 1 :]:
                difference = (table[a] - table[b]).dropna()
                sites = difference.index.get_level_values("test_site")
                if sites.nunique() < 2:
                    continue
                variance = variance_components(difference.to_numpy(), np.asarray(sites, dtype=str))
                splits = len(difference) / variance.n_sites
                mean = float(difference.groupby(level="test_site").mean().mean())
                pairs.append(PairOfModels(", ".join(map(str, setting)), a, b, mean, splits, variance))
    return pairs


def design_table(
    pairs: Sequence[PairOfModels], sites: Sequence[int], difference: float, *, power: float, level: float
) -> pd.DataFrame:
    """Return, for each pair of models and the median pair, what designs can show.

    Returns
    -------
    DataFrame
        ``pair``, ``observed`` (mean difference), ``sd`` of the sites' differences, a column for each number of sites
        with the smallest difference that it shows, and ``sites_needed`` for `difference`; missing where more than
        10,000 would be needed.
    """
    rows = []
    for pair in pairs:
        row = {"pair": f"{pair.first} - {pair.second}", "observed": pair.difference, "sd": pair.sd}
        rows.append(row | _of_sd(pair.sd, sites, difference, power, level))
    if len(pairs) > 1:
        sd = float(np.median([pair.sd for pair in pairs]))
        rows.append(
            {"pair": "median pair", "observed": math.nan, "sd": sd} | _of_sd(sd, sites, difference, power, level)
        )
    return pd.DataFrame(rows)


def _of_sd(sd: float, sites: Sequence[int], difference: float, power: float, level: float) -> dict[str, float]:
    differences = {f"{n} sites": detectable_difference(sd, n, power=power, level=level) for n in sites}
    needed = sites_needed(difference, sd, power=power, level=level) if difference else None
    return differences | {"sites_needed": math.nan if needed is None else float(needed)}
