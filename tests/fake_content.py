"""Content for reports that looks like a run's: drawn from a seeded generator, no model behind it."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pandas as pd

from va_experiments.analysis.run_tables import RunTables

SITES = ("AP", "Bohol", "Dar", "Mexico", "Pemba", "UP")
SIZES = (1554, 1259, 1726, 1586, 297, 1419)
MODELS = {
    "insilico": (0.70, 0.36, 110.0),
    "xgboost": (0.73, 0.42, 2.0),
    "random_forest": (0.71, 0.40, 4.0),
    "logistic_regression": (0.68, 0.36, 1.5),
    "nbc": (0.71, 0.354, 0.08),
    "interva": (0.60, 0.33, 0.3),
    "prior": (0.673, 0.12, 0.001),
    "uniform": (0.571, 0.03, 0.001),
}
CAUSES = {
    "Stroke": "Cardiovascular",
    "Acute Myocardial Infarction": "Cardiovascular",
    "Other Cardiovascular Diseases": "Cardiovascular",
    "AIDS": "Infectious",
    "Pneumonia": "Infectious",
    "TB": "Infectious",
    "Malaria": "Infectious",
    "Diarrhea/Dysentery": "Infectious",
    "Other Infectious Diseases": "Infectious",
    "Diabetes": "Other non-communicable",
    "Renal Failure": "Other non-communicable",
    "Cirrhosis": "Other non-communicable",
    "COPD": "Other non-communicable",
    "Asthma": "Other non-communicable",
    "Epilepsy": "Other non-communicable",
    "Other Non-communicable Diseases": "Other non-communicable",
    "Maternal": "Maternal",
    "Breast Cancer": "Cancer",
    "Cervical Cancer": "Cancer",
    "Lung Cancer": "Cancer",
    "Stomach Cancer": "Cancer",
    "Colorectal Cancer": "Cancer",
    "Esophageal Cancer": "Cancer",
    "Prostate Cancer": "Cancer",
    "Leukemia/Lymphomas": "Cancer",
    "Road Traffic": "Injury",
    "Falls": "Injury",
    "Drowning": "Injury",
    "Fires": "Injury",
    "Homicide": "Injury",
    "Suicide": "Injury",
    "Poisonings": "Injury",
    "Bite of Venomous Animal": "Injury",
    "Other Injuries": "Injury",
}


def fake_content(
    *,
    protocols: tuple[str, ...] = ("leave_one_site_out",),
    simulated: bool = True,
    sizes: tuple[str, ...] = ("all",),
    failures: int = 2,
    sites: tuple[str, ...] = SITES,
    models: tuple[str, ...] = tuple(MODELS),
    seed: int = 7,
    deep: bool = True,
) -> RunTables:
    """Content with one cell for each protocol, size, split and model; the first `failures` cells of interva fail."""
    rng = np.random.default_rng(seed)
    numbers = dict(zip(SITES, SIZES, strict=True))
    mixes = {s: rng.dirichlet(np.full(len(CAUSES), 0.7)) for s in SITES}
    rows, causes, reliability, confusion = [], [], [], []
    clock = [1.8e9, 1.8e9]
    for protocol in protocols:
        splits = [("+".join(o for o in sites if o != s) or s, s) for s in sites]
        if protocol == "one_to_one":
            splits = [(a, b) for a in sites for b in sites if a != b]
        if protocol == "in_domain":
            splits = [(s, s) for s in sites]
        for size in sizes:
            share = 1.0 if size == "all" else float(size.split("=")[1])
            for train, test in splits:
                n_train = int(share * sum(numbers[s] for s in train.split("+")))
                site_effect = 0.05 * np.sin(sum(map(ord, test)))
                for model in models:
                    csmf, top1, cost = MODELS[model]
                    drop = 0.12 if protocol == "one_to_one" else -0.08 if protocol == "in_domain" else 0.0
                    score = csmf - drop + site_effect + rng.normal(0, 0.02) + 0.05 * np.log10(share)
                    key = hashlib.sha256(f"{protocol}{size}{train}{test}{model}".encode()).hexdigest()
                    fails = model == "interva" and protocol == protocols[0] and failures > 0
                    failures -= fails
                    worker = int(np.argmin(clock))
                    fit = cost * share * rng.uniform(0.8, 1.2)
                    started = clock[worker] + rng.uniform(0, 0.2)
                    predict = fit * 0.1
                    clock[worker] = started + fit + predict + 0.05
                    row = {
                        "run_id": f"run-{key[:8]}",
                        "job": f"model={model}",
                        "model": model,
                        "model_params": "{}",
                        "protocol": protocol,
                        "train_sites": train,
                        "test_site": test,
                        "train_size": size,
                        "repeat": 0,
                        "fold": 0,
                        "testset": "natural",
                        "features": "hce",
                        "data": "simulated" if simulated else "phmrc_adult",
                        "simulated": simulated,
                        "n_train": n_train,
                        "n_test": numbers[test],
                        "n_causes": len(CAUSES),
                        "status": "failed" if fails else "done",
                        "reused": False,
                        "queue_seconds": rng.uniform(0, 3),
                        "load_seconds": 0.01,
                        "fit_seconds": fit,
                        "predict_seconds": predict,
                        "score_seconds": 0.03,
                        "commit_seconds": 0.01,
                        "cpu_seconds": fit * 1.05 + predict,
                        "peak_memory_mb": 180 + 3 * cost * rng.uniform(0.9, 1.1),
                        "worker": f"node-1/{4000 + worker}",
                        "started": started,
                        "ended": clock[worker],
                        "converged": (rng.random() > 0.3) if model == "insilico" else None,
                        "warning": "",
                        "cell_key": key,
                        "prediction_sha256": hashlib.sha256(key.encode()).hexdigest(),
                    }
                    if model == "insilico" and row["converged"] is False:
                        row["warning"] = "R-hat 1.23 of cause fraction 'Stroke' is above 1.1 after 10,000 iterations"
                    if fails:
                        row |= {
                            "error_class": "FloatingPointError",
                            "error_message": "underflow <in> exp & log",
                            "error_traceback": 'Traceback (most recent call last):\n  File "interva.py", line 81\n'
                            "    total = np.exp(log_joint).sum(axis=1)\nFloatingPointError: underflow",
                        }
                    else:
                        metrics = {
                            "csmf_accuracy_top": score,
                            "csmf_accuracy_mean": score + 0.01,
                            "csmf_accuracy_model": score + 0.012,
                            "top1": top1 - drop / 2 + site_effect / 2,
                            "top3": min(1.0, top1 * 1.6),
                            "mean_ccc": top1 - 0.07,
                            "log_loss": 3.4 - 3 * top1,
                            "csmf_ceiling": 1 - 1.6 / np.sqrt(numbers[test]),
                            "csmf_ceiling_coverage": 0.99 if test != "Pemba" else 0.85,
                            "csmf_chance": 0.4,
                            "label_coverage": 0.98,
                        }
                        half = 1.2 / np.sqrt(numbers[test])
                        for name, value in metrics.items():
                            row |= {name: value, f"{name}_low": value - half, f"{name}_high": value + half}
                        if deep and size == "all":
                            _deep(rng, key, mixes[test], numbers[test], top1, causes, reliability, confusion)
                    rows.append(row)
    ledger = pd.DataFrame(
        [("dropped", "", 12, "no cause of death"), ("changed", "g1_07a", 4, "age 999 is 'unknown': missing")],
        columns=["action", "column", "count", "reason"],
    )
    return RunTables(
        title="Six models where they were not trained",
        cells=pd.DataFrame(rows).sample(frac=1, random_state=1),
        causes=pd.DataFrame(causes) if causes else None,
        reliability=pd.DataFrame(reliability) if reliability else None,
        confusion=pd.DataFrame(confusion) if confusion else None,
        ledger=ledger,
        config="seed: 20261123\nmodel:\n  name: insilico\ntracking:\n  uri: https://ann:opensesame@example.org/mlflow\n",
        manifest={
            "data": {"sha256": "ab" * 32, "deaths": 7841, "symptoms": 168},
            "versions": {"numpy": np.__version__},
        },
        methods=[
            "CSMF accuracy is 1 - sum|p - q| / (2 (1 - min p)) (Murray and others 2011), over 34 causes.",
            "Models were trained on five sites and tested on the sixth; nothing of the sixth was seen in training.",
        ],
    )


def fuller(content: RunTables, seed: int = 3) -> RunTables:
    """The content with comparisons, nested intervals, ranks, parts of the loss and similarities of sites as well."""
    rng = np.random.default_rng(seed)
    models = sorted(set(content.cells["model"]) - {"interva"})
    metric = content.primary_metric
    pairs = [(a, b) for i, a in enumerate(models) for b in models[i + 1 :]]
    pair_rows = []
    for a, b in pairs:
        difference = MODELS[a][0] - MODELS[b][0]
        ends = difference - 0.03, difference + 0.03
        pair_rows.append(
            (a, b, metric, difference, *ends, rng.random(), 1.0, 0.031, "nested bootstrap, 2,000 resamples")
        )
    names = ["model_a", "model_b", "metric", "difference", "low", "high", "p", "p_holm", "smallest_p", "method"]
    intervals = [(m, metric, MODELS[m][0] - 0.02, MODELS[m][0] + 0.02, "95% nested bootstrap") for m in models]
    ranks = [(m, i + rng.random(), 3.0, 6, 0.001) for i, m in enumerate(models, start=1)]
    drops = [(m, s, "top1", *rng.normal(0.03, 0.03, 4)) for m in models for s in SITES]
    sites = [(a, b, rng.uniform(0.6, 0.99)) for i, a in enumerate(SITES) for b in SITES[i + 1 :]]
    parts = ["prior_shift", "symptom_shift", "missingness_shift", "label_coverage"]
    return dataclasses.replace(
        content,
        comparisons=pd.DataFrame(pair_rows, columns=names),
        intervals=pd.DataFrame(intervals, columns=["model", "metric", "low", "high", "method"]),
        ranks=pd.DataFrame(ranks, columns=["model", "mean_rank", "critical_difference", "n", "p"]),
        drops=pd.DataFrame(drops, columns=["model", "test_site", "metric", *parts]),
        similarity=pd.DataFrame(sites, columns=["site_a", "site_b", "auc"]),
    )


def _deep(rng, key, mix, n, top1, causes, reliability, confusion):
    names = list(CAUSES)
    true = np.bincount(rng.choice(len(names), size=n, p=mix), minlength=len(names))
    named = np.zeros((len(names), len(names)), dtype=int)
    for j, count in enumerate(true):
        hit = min(0.95, max(0.0, top1 + rng.normal(0, 0.15)))
        p = (1 - hit) * (0.5 / len(names) + 0.5 * mix)
        p[j] += 1 - p.sum()
        named[j] = rng.multinomial(count, p)
        for k in np.flatnonzero(named[j]):
            confusion.append(
                {"cell_key": key, "true_cause": names[j], "top_cause": names[k], "count": int(named[j, k])}
            )
    top = named.sum(axis=0)
    for j, cause in enumerate(names):
        sensitivity = named[j, j] / true[j] if true[j] else np.nan
        causes.append(
            {
                "cell_key": key,
                "cause": cause,
                "group": CAUSES[cause],
                "n_true": int(true[j]),
                "sensitivity": sensitivity,
                "ppv": named[j, j] / top[j] if top[j] else np.nan,
                "csmf_true": true[j] / n,
                "csmf_top": top[j] / n,
                "csmf_mean": top[j] / n * 0.9 + 0.1 * mix[j],
                "csmf_model": top[j] / n * 0.8 + 0.2 * mix[j],
                "ccc": (sensitivity - 1 / 34) / (1 - 1 / 34) if true[j] else np.nan,
            }
        )
    for b in range(10):
        confidence = (b + 0.5) / 10
        count = int(n * rng.dirichlet(np.ones(10))[0])
        reliability.append(
            {
                "cell_key": key,
                "bin": b,
                "confidence": confidence,
                "accuracy": float(np.clip(confidence * (0.4 + top1) + rng.normal(0, 0.02), 0, 1)),
                "count": count,
            }
        )
