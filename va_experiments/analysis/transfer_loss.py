"""Split the loss of a transfer into its parts, and measure how similar the sites are: two tables.

Each model of the run is fitted once more to a part of its training deaths, and scored on the rest of them and on the
test site's (`va_experiments.metrics.shift`). Numbers of deaths, seeds and the rule by which slow models are left out
are fixed, so the tables depend on the cells and the data alone. What was computed is kept in the cache, by content.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from va_experiments.analysis.run_tables import TRIVIAL_MODELS, model_labels, records
from va_experiments.cell import ModelSpec
from va_experiments.cell.prepare import prepare
from va_experiments.checkpoints import CorruptCell, Store
from va_experiments.checkpoints.atomic_files import write_atomically
from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.formatting import format_duration
from va_experiments.metrics.shift import site_auc, transfer_drops
from va_experiments.models.base import Model, Prediction
from va_experiments.protocols import Split
from va_experiments.protocols.split import Rows
from va_experiments.results.schema import TABLES
from va_experiments.seeds import content_hash, generator, integer_seed

__all__ = ["DROP_METRICS", "Losses", "losses_of"]

DROP_METRICS = ("top1", "csmf_accuracy_top")
"""Metrics whose drop is split; the first is drawn."""

VERSION = 1
HOME_SHARE, MOST_TRAIN, MOST_TEST, MASKS = 0.2, 3000, 600, 3
MOST_TRANSFERS, MOST_SITES, SITE_DEATHS = 60, 12, 200
LEAST_SECONDS, MOST_SECONDS, SHARE_OF_RUN = 5.0, 60.0, 0.2

IDENTITY = TABLES["transfer loss"]
"""Columns of a cell that its row of the losses repeats."""


@dataclasses.dataclass(frozen=True)
class Losses:
    """The two tables, as `va_experiments.report.RunTables` takes them, and in sentences what they lack and why."""

    drops: pd.DataFrame | None
    similarity: pd.DataFrame | None
    notes: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Source:
    """Where cells and data are, and the packages beside the default ones from which models may be built."""

    store: Store
    deaths: Mapping[str, Deaths]
    allowed: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Transfer:
    """One split of one model on which a drop can be split."""

    spec: ModelSpec
    split: Split
    deaths: Deaths
    features: str
    seed: int

    @property
    def fit_key(self) -> str:
        return self._fit_hash(self.spec.content)

    @property
    def key(self) -> str:
        return self._test_hash(self.fit_key)

    @property
    def fit_seed_key(self) -> str:
        """What the seeds of the fit are derived from; unlike the key, it does not change with source code."""
        return self._fit_hash(self.spec.seed_content)

    @property
    def seed_key(self) -> str:
        """What the seeds of the prediction are derived from."""
        return self._test_hash(self.fit_seed_key)

    def _fit_hash(self, model: Mapping[str, Any]) -> str:
        return content_hash([model, self.split.train_key(), self.deaths.fingerprint, self.features, self.seed])

    def _test_hash(self, fit: str) -> str:
        sizes = [VERSION, HOME_SHARE, MOST_TRAIN, MOST_TEST, MASKS, list(DROP_METRICS)]
        return content_hash([fit, list(self.split.test_sites), sizes])


def losses_of(
    cells: pd.DataFrame,
    store: Store,
    deaths: Mapping[str, Deaths],
    cache: Path,
    *,
    allowed: Sequence[str] = (),
    most_seconds: float | None = None,
) -> Losses:
    """Return both tables.

    Parameters
    ----------
    cells : DataFrame
        One row a cell, as in ``cells.csv``.
    store : Store
        Has the cells: what model and split each was comes from there.
    deaths : mapping of fingerprint to Deaths
    cache : Path
        Folder for what was computed.
    allowed : sequence of str
        Packages beside the default ones from which models may be built.
    most_seconds : float, optional
        Leave out models that would take longer, as far as their cells tell. By default a fifth of what the cells
        took, at least 5 and at most 60 seconds.
    """
    done = cells[(cells["status"] == "done") & ~cells["model"].isin(TRIVIAL_MODELS)].drop_duplicates("cell_key").copy()
    notes: dict[str, str] = {}
    with threadpool_limits(1):  # last bits must not depend on how many cores there are
        drops = _drops(done, _Source(store, deaths, tuple(allowed)), cache, notes, most_seconds)
        similarity = _similarity(done, deaths, cache, notes)
    return Losses(drops, similarity, notes)


def _drops(
    done: pd.DataFrame, source: _Source, cache: Path, notes: dict[str, str], most_seconds: float | None
) -> pd.DataFrame | None:
    if "target_labels" in done:
        done = done[done["target_labels"].fillna("") == ""]
    transfers = done[[not set(a.split("+")) & set(b.split("+")) and bool(a) for a, b in _sites(done)]]
    if not len(transfers):
        notes["drops"] = "No model was tested at a site that it was not trained on."
        return None
    transfers = transfers.assign(label=model_labels(transfers))
    work = pd.to_numeric(done["fit_seconds"], errors="coerce").sum()
    work += pd.to_numeric(done["predict_seconds"], errors="coerce").sum()
    left = min(MOST_SECONDS, max(LEAST_SECONDS, SHARE_OF_RUN * float(work))) if most_seconds is None else most_seconds
    expected = {label: _expected_seconds(group) for label, group in _by_label(transfers)}
    rows: list[dict[str, Any]] = []
    skipped, slow = [], []
    for label in sorted(expected, key=lambda name: (expected[name], name)):
        of_label = transfers[transfers["label"] == label].sort_values(
            ["protocol", "train_sites", "test_site", "cell_key"]
        )
        of_label = of_label.drop_duplicates(["data", "features", "train_sites", "test_site"]).head(MOST_TRANSFERS)
        scored = list(_transfers(of_label, source))
        if scored and len(scored) < len(of_label):
            skipped.append(
                f"{len(of_label) - len(scored)} of {len(of_label)} splits of {label} (their cells or data are not here)"
            )
        if not scored:
            skipped.append(f"{label} (its cells or its data are not here)")
        elif scored[0][1].spec.estimator().depends_on_test_set:
            skipped.append(f"{label} (its prediction for a death depends on the other deaths of the test set)")
        elif not scored[0][1].spec.trains:
            skipped.append(f"{label} (it is not trained)")
        elif expected[label] > left and not all((cache / f"{t.key}.json").exists() for _, t in scored):
            slow.append(label)
        else:
            left -= expected[label]
            try:
                rows += [{"model": label} | row for row in _split_drops(scored, cache)]
            except Exception as error:  # a model may refuse fewer deaths than it was given in the run
                skipped.append(f"{label} ({type(error).__name__}: {str(error)[:200]})")
    if slow:
        more = format_duration(sum(expected[label] for label in slow))
        skipped.append(f"{', '.join(slow)} (about {more} more: va-experiments report --loss-seconds does them)")
    if skipped:
        notes["drops"] = f"Not split: {'; '.join(skipped)}."
    order = ["model", *(c for c in IDENTITY if c != "model_digest"), "metric"]
    return pd.DataFrame(rows).sort_values(order, kind="stable", ignore_index=True) if rows else None


def _by_label(cells: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((str(label), group) for label, group in cells.groupby("label", sort=True))


def _sites(cells: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(cells["train_sites"].fillna("").astype(str), cells["test_site"].astype(str), strict=True)


def _expected_seconds(cells: pd.DataFrame) -> float:
    """Return about how long the drops of a model's cells take, from what its cells took."""
    columns = ("fit_seconds", "predict_seconds", "n_train", "n_test")
    number = {c: pd.to_numeric(cells[c], errors="coerce") for c in columns}
    smaller = np.minimum(1.0, MOST_TRAIN / number["n_train"].clip(lower=1))
    predictions = 2 * MOST_TEST * (2 + MASKS) / number["n_test"].clip(lower=1)
    return float((number["fit_seconds"] * smaller + number["predict_seconds"] * predictions).sum())


def _transfers(cells: pd.DataFrame, source: _Source) -> Iterator[tuple[dict[str, Any], _Transfer]]:
    """Yield each cell's row and what has to be fitted for it, as far as its cell and its data are here."""
    for row in records(cells):
        try:
            stored = source.store.load(str(row["cell_key"]), check=False)
            if stored is None:
                continue
            config = stored.manifest["config"]
            data = source.deaths.get(str(config["setting"]["fingerprint"]))
            model = config["model"]
            tree = {"name": str(row["model"]), "_target_": model["target"], **model["params"]}
            if data is None or not data.labelled or "score_at" in config["setting"]:
                continue
            spec = ModelSpec.from_config(tree, allowed=source.allowed)
        except (CorruptCell, InputError, KeyError):
            continue
        split = Split.from_spec(config["split"])
        setting = config["setting"]
        yield row, _Transfer(spec, split, data, str(setting["features"]), int(setting["seed"]))


def _split_drops(transfers: Sequence[tuple[dict[str, Any], _Transfer]], cache: Path) -> Iterator[dict[str, Any]]:
    """Yield one row a transfer and metric, from the cache or computed; one fit serves all tests of it."""
    fitted: tuple[str, Model, Deaths, Deaths] | None = None
    for row, transfer in sorted(transfers, key=lambda t: t[1].fit_key):
        path = cache / f"{transfer.key}.json"
        try:
            stored = json.loads(path.read_bytes())
        except (OSError, ValueError):
            if fitted is None or fitted[0] != transfer.fit_key:
                fitted = (transfer.fit_key, *_fitted(transfer))
            stored = _computed(transfer, *fitted[1:])
            cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, json.dumps(stored).encode(), durable=False)
        named = {k: row[k] for k in IDENTITY if k in row}
        for parts in stored:
            yield named | parts


def _fitted(transfer: _Transfer) -> tuple[Model, Deaths, Deaths]:
    """Return the model fitted to a part of the training deaths, others of them, and the data as the model sees them."""
    prepared = prepare(transfer.split, transfer.features, transfer.deaths)
    data, train_rows = prepared.deaths, prepared.train_rows
    n_home = min(MOST_TEST, round(HOME_SHARE * len(train_rows)))
    chosen = _some(data, train_rows, n_home + MOST_TRAIN, transfer.fit_seed_key)
    # Every prefix of `_some` has the cause mix of the whole.
    home, learn = chosen[:n_home], chosen[n_home:]
    model = transfer.spec.estimator()
    model.fit(data.take(np.sort(learn)), seed=integer_seed(transfer.fit_seed_key, "fit"))
    return model, data.take(np.sort(home)), data


def _some(data: Deaths, rows: Rows, n: int, seed: str) -> npt.NDArray[np.intp]:
    """Return `n` of these deaths in a random order of which every prefix has their cause mix."""
    from va_experiments.protocols.stratify import stratified_order

    assert data.cause is not None
    order = stratified_order(data.cause[rows], generator(integer_seed(seed, "losses"), "losses"))
    return np.asarray(rows[order[:n]], dtype=np.intp)


def _computed(transfer: _Transfer, model: Model, home: Deaths, data: Deaths) -> list[dict[str, Any]]:
    _, test_rows = transfer.split.indices(data)
    target = data.take(np.sort(_some(data, test_rows, MOST_TEST, transfer.seed_key)))

    def predict(deaths: Deaths) -> Prediction:
        return model.predict(deaths, seed=integer_seed(transfer.seed_key, "predict"))

    rng = generator(integer_seed(transfer.seed_key, "masks"), "masks")
    try:
        drops = transfer_drops(predict, home, target, metrics=DROP_METRICS, n_masks=MASKS, rng=rng)
    except ValueError:  # no cause in common: nothing to split
        return []
    sizes = {"n_home": len(home), "n_target": len(target)}
    return [{"metric": metric, **dataclasses.asdict(drop), **sizes} for metric, drop in drops.items()]


def _similarity(
    done: pd.DataFrame, deaths: Mapping[str, Deaths], cache: Path, notes: dict[str, str]
) -> pd.DataFrame | None:
    """Return the AUC of every pair of sites that the cells name, from at most `SITE_DEATHS` deaths of each."""
    rows: list[dict[str, Any]] = []
    for data in deaths.values():
        of_data = done[done["data"] == data.name]
        named = {s for both in _sites(of_data) for part in both for s in part.split("+")}
        sites = [s for s in data.sites if s in named or named & {"all"}]
        if len(sites) < 2:
            notes["similarity"] = "Fewer than two sites take part."
            continue
        if len(sites) > MOST_SITES:
            notes["similarity"] = f"The first {MOST_SITES} of {len(sites)} sites are compared."
            sites = sites[:MOST_SITES]
        key = content_hash([VERSION, SITE_DEATHS, data.fingerprint, data.name, list(sites)])
        path = cache / "sites" / f"{key}.json"
        rows += _cached(path, lambda data=data, sites=sites: _pairs_of(data, sites))  # type: ignore[misc]
    return pd.DataFrame(rows).dropna(subset="auc") if rows else None


def _pairs_of(data: Deaths, sites: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row a pair of these sites."""
    some, rows = {}, []
    for site in sites:
        rng = generator(integer_seed([data.fingerprint, site], "similarity"), "similarity")
        members = np.flatnonzero(data.site == data.sites.index(site))
        some[site] = data.symptoms[np.sort(rng.permutation(members)[:SITE_DEATHS])]
    for first, second in itertools.combinations(sites, 2):
        pair = some[first], some[second]
        rows.append(
            {
                "data": data.name,
                "site_a": first,
                "site_b": second,
                "auc": site_auc(*pair),
                "auc_missing": site_auc(*pair, missingness_only=True),
                "n_a": len(pair[0]),
                "n_b": len(pair[1]),
            }
        )
    return rows


def _cached(path: Path, compute: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return rows from a file, or compute them and keep them there."""
    try:
        stored: list[dict[str, Any]] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        stored = compute()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, json.dumps(stored).encode(), durable=False)
    return stored
