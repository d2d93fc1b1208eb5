"""Where naive Bayes loses between the real sites: mostly to deaths of the same cause being told otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.data import read_phmrc
from va_experiments.metrics.shift import site_auc, transfer_drop
from va_experiments.models import NaiveBayes
from va_experiments.protocols import splits

pytestmark = pytest.mark.real_data


@pytest.mark.nightly
@pytest.mark.slow
def test_parts_of_the_drop_by_site(phmrc_dir) -> None:
    adults = read_phmrc("adult", phmrc_dir / "adult.csv.gz")
    parts, auc = {}, {}
    for split in splits({"name": "leave_one_site_out"}, adults):
        train, target = (adults.take(rows) for rows in split.indices(adults))
        (inner,) = splits({"name": "pooled", "repeats": 1}, train)
        learn, home = (train.take(rows) for rows in inner.indices(train))
        model = NaiveBayes().fit(learn)
        drop = transfer_drop(model.predict, home, target, rng=np.random.default_rng(0))
        parts[split.test_site] = drop
        named = ("prior_shift", "symptom_shift", "missingness_shift", "label_coverage")
        assert sum(getattr(drop, p) for p in named) == pytest.approx(drop.total, abs=1e-12)
        rng = np.random.default_rng(1)
        some = [d.symptoms[rng.choice(len(d), 250, replace=False)] for d in (train, target)]
        auc[split.test_site] = site_auc(*some)
        text = ", ".join(f"{p} {getattr(drop, p):+.3f}" for p in named)
        text += f"; AUC {auc[split.test_site]:.3f}"
        print(f"{split.test_site}: top-1 {drop.home:.3f} at home, {drop.abroad:.3f} abroad; {text}")
    for site in ("Dar", "Mexico"):  # the two sites that lose most
        assert parts[site].total > 0.1
        assert parts[site].symptom_shift > parts[site].total / 2
    assert min(auc.values()) > 0.85  # a few answers tell where a death was recorded
