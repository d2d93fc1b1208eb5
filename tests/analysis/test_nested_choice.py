"""The choice of a model inside the training sites, on scores made up so that the answer is known."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from va_experiments.analysis.nested_choice import nested_choice
from va_experiments.errors import InputError

SITES = ("A", "B", "C", "D")
OUTER = {"steady": (0.5, 0.5, 0.5, 0.5), "wild": (0.9, 0.4, 0.4, 0.4)}


def rows(outer: dict[str, tuple[float, ...]] = OUTER) -> pd.DataFrame:
    """Cells where a model's score at a site is the same whichever other sites it is trained on."""
    result = []
    for model, scores in outer.items():
        at = dict(zip(SITES, scores, strict=True))
        for site in SITES:
            train = "+".join(s for s in SITES if s != site)
            result.append((model, "leave_one_site_out", train, site, "done", at[site], at[site] / 2))
        for pair in itertools.combinations(SITES, 2):
            train = "+".join(s for s in SITES if s not in pair)
            result += [(model, "leave_two_sites_out", train, s, "done", at[s], at[s] / 2) for s in pair]
    columns = ["model", "protocol", "train_sites", "test_site", "status", "csmf_accuracy_mean", "csmf_accuracy_top"]
    return pd.DataFrame(result, columns=columns)


def test_the_left_out_site_has_no_say():
    # wild is best on average (.525) only through site A; without A it scores .4, below steady
    choice = nested_choice(rows(), "csmf_accuracy_mean")
    assert choice.by_site.set_index("site")["chosen"].to_dict() == {
        "A": "steady",
        "B": "wild",
        "C": "wild",
        "D": "wild",
    }
    assert choice.mean == pytest.approx((0.5 + 3 * 0.4) / 4)
    assert (choice.hindsight, choice.hindsight_mean) == ("wild", pytest.approx(0.525))
    assert choice.optimism == pytest.approx(0.1)
    assert choice.by_site.set_index("site").loc["A", "best_score"] == 0.9


def test_estimators_are_candidates_too():
    choice = nested_choice(rows({"steady": OUTER["steady"]}), ["csmf_accuracy_mean", "csmf_accuracy_top"])
    assert set(choice.by_site["chosen"]) == {"steady: CSMF accuracy (mean probability)"}
    assert choice.optimism == 0


def test_models_can_be_named():
    assert set(nested_choice(rows(), "csmf_accuracy_mean", models=["wild"]).by_site["chosen"]) == {"wild"}


def test_a_missing_cell_is_an_error():
    table = rows()
    table.loc[5, "status"] = "failed"
    with pytest.raises(InputError, match=r"steady: no score for"):
        nested_choice(table, "csmf_accuracy_mean")


def test_other_designs_are_an_error():
    table = rows()
    with pytest.raises(InputError, match="0 sites were tested under leave_one_site_out"):
        nested_choice(table[table["protocol"] == "leave_two_sites_out"], "csmf_accuracy_mean")
