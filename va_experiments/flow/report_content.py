"""From a finished multirun to the plain tables that a report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from va_experiments.flow.multirun import Multirun
from va_experiments.flow.report_statistics import mean_ranks
from va_experiments.flow.report_tables import by_cause, individual_tables
from va_experiments.plan import Job
from va_experiments.report import ReportContent
from va_experiments.report.comparisons import paired_comparisons

__all__ = ["report_content"]


def report_content(run: Multirun, jobs: Sequence[Job], cells: pd.DataFrame, baselines: pd.DataFrame) -> ReportContent:
    """Return the content of the run's report."""
    from va_experiments.flow.finish import manifest

    both = pd.concat([cells, baselines], ignore_index=True) if len(baselines) else cells
    simulated = any(d.simulated for d in run.deaths.values())
    names = ", ".join(sorted({d.name for d in run.deaths.values()}))
    groups = {c: g for d in run.deaths.values() for c, g in zip(d.causes, d.groups, strict=True)}
    compared = run.config.objective in both and (both["status"] == "done").any()
    confusion, reliability = individual_tables(run.store, cells)
    return ReportContent(
        title=f"Verbal-autopsy comparison {run.run_id}" + (" (simulated data)" if simulated else f" ({names})"),
        cells=both,
        causes=by_cause(run.store, both, groups),
        confusion=confusion,
        reliability=reliability,
        comparisons=paired_comparisons(both, (run.config.objective,)) if compared else None,
        ranks=mean_ranks(both, run.config.objective) if compared else None,
        ledger=_ledger(run),
        config=_config_text(jobs),
        manifest=manifest(run, jobs, cells),
        methods=methods(jobs),
        primary_metric=run.config.objective,
        interval=f"95% bootstrap over deaths ({run.config.n_bootstrap} resamples)",
        allow_missing=run.config.allow_missing,
    )


def _ledger(run: Multirun) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {"data": d.name, "action": e.action, "column": e.column, "count": e.count, "reason": e.reason}
        for d in run.deaths.values()
        for e in d.ledger
    ]
    return pd.DataFrame(rows, columns=["data", "action", "column", "count", "reason"])


def _config_text(jobs: Sequence[Job]) -> str:
    import yaml

    from va_experiments.flow.finish import content_of

    return "\n".join(
        f"# job {j.number}: {j.label}\n{yaml.safe_dump(content_of(j), sort_keys=False, allow_unicode=True)}"
        for j in jobs[:20]
    )


def methods(jobs: Sequence[Job]) -> list[str]:
    """Return the sentences that name every choice of the comparison and where it comes from."""
    first = jobs[0].config
    models = ", ".join(dict.fromkeys(str(j.config.model["name"]) for j in jobs))
    protocols = ", ".join(dict.fromkeys(str(j.config.protocol["name"]) for j in jobs))
    return [
        f"Models: {models}; beside them the trivial models {', '.join(first.baselines)}, which look at no symptom.",
        f"Protocol: {protocols}; test sets: {first.testset['name']}; features: {first.features['name']}.",
        "CSMF accuracy is 1 - sum |p - q| / (2 (1 - min p)) over the declared cause list, the minimum taken "
        "over the whole list (Murray et al., Population Health Metrics 2011, 9:28). Three estimates of the fractions "
        "are scored: shares of top causes, mean probability, and the model's own.",
        "Chance-corrected concordance is averaged over the declared causes that have deaths (Murray et al. 2011).",
        f"Intervals of a cell are 95% bootstrap intervals over {first.n_bootstrap} resamples of its deaths: by "
        "inversion of a test for CSMF accuracies (Carpenter, J R Stat Soc B 1999, 61:159), which a small sample "
        "biases, and percentiles for the others. They do not cover the choice of site or split.",
        "Splits are drawn from seeds that depend on protocol, sites, size and repeat alone, so every model saw the "
        "same deaths; seeds of a model depend on the content of its cell.",
    ]
