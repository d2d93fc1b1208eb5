"""Check before anything runs that the model, data, features, test sets and estimators of a job go together.

In: the options of a job, its model and its data. Out: an `InputError`, or nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from va_experiments.cell import ModelSpec
from va_experiments.cell.calibration import VACALIBRATION
from va_experiments.cell.csmf_correction import MODEL, NEEDS_NO_TRAINING, check_estimator
from va_experiments.cell.target_labels import GBQL
from va_experiments.config.protocols import Combined
from va_experiments.config.schema import JobConfig, RunConfig
from va_experiments.data.deaths import Deaths
from va_experiments.data.strata import strata_of
from va_experiments.data.strata_advice import strata_advice
from va_experiments.errors import InputError
from va_experiments.metrics.registry import check_metric
from va_experiments.metrics.testsets import check_causes
from va_experiments.plan_levels import levels_of, model_causes

__all__ = ["BASELINES", "check_job"]

BASELINES: Mapping[str, str] = {
    "prior": "va_experiments.models.priors.Prior",
    "uniform": "va_experiments.models.priors.Uniform",
    "majority": "va_experiments.models.majority.Majority",
}
"""Models without symptoms that are added to every comparison."""


def check_job(config: JobConfig, model: ModelSpec, data: Deaths, run: RunConfig) -> None:
    """Raise `InputError` for what cannot work together.

    Parameters
    ----------
    config : JobConfig
    model : ModelSpec
    data : Deaths
    run : RunConfig
        The objective.
    """
    level = config.features.name
    seen = data.with_features(level)
    if level == "hce_words" and "word" not in data.blocks:
        raise InputError(
            f"features=hce_words: the data '{data.name}' have no words of the narrative; choose features=hce, or "
            "name their columns (data.words of a table; the columns word_* of a PHMRC file)"
        )
    check_estimator(config.csmf)
    check_metric(run.objective, "objective")
    _check_strata(config, data, run)
    levels = levels_of(config, model, data)
    for scored_at in levels:
        check_causes(config.testset, data.causes if scored_at is None else scored_at.causes)
    if not model.trains and not model.any_protocol and config.protocol.name != "assign" and not config.score_at:
        raise InputError(
            f"model '{model.name}' has fixed knowledge and is not trained: choose protocol=assign, "
            f"or a model that trains; score_at= compares them at a common level of causes"
        )
    if model.trains and config.protocol.name == "assign" and not data.sites_to_train_on:
        raise InputError(
            f"model '{model.name}' has to be trained, but protocol=assign trains nothing on these data; name deaths "
            "with known causes too: data=train_and_assign data.train=FILE data.assign=FILE"
        )
    if not model.trains and config.csmf not in (MODEL, VACALIBRATION, GBQL, *NEEDS_NO_TRAINING):
        raise InputError(
            f"csmf={config.csmf} learns from training deaths, and model '{model.name}' is not "
            f"trained; choose csmf={MODEL}, {' or '.join(NEEDS_NO_TRAINING)}"
        )
    _check_labels(config, model, data)
    if unknown := [b for b in config.baselines if b not in BASELINES]:
        raise InputError(f"baselines: unknown '{unknown[0]}'; known: {', '.join(BASELINES)}")
    causes_of_model = model_causes(model)
    deaths = (
        dataclasses.replace(seen, causes=causes_of_model, cause=None, groups=())
        if any(v is not None and v.model_causes for v in levels)
        else seen
    )
    model.estimator().check_before_run(deaths.without_causes())
    if not model.trains and config.score_at:  # it says now what it cannot work with, not in each cell
        model.estimator().fit(deaths.take([]))


def _check_strata(config: JobConfig, data: Deaths, run: RunConfig) -> None:
    """Raise `InputError` for a column of strata that the data do not have; if the file has it, with the option."""
    for name in run.strata:
        try:
            strata_of(data, name)
        except InputError:
            known = {*data.strata_columns, *data.covariates, *data.symptom_names}
            if name not in known and (advice := strata_advice(config.data.name, config.data.model_dump(), name)):
                raise InputError(advice) from None
            raise


def _check_labels(config: JobConfig, model: ModelSpec, data: Deaths) -> None:
    """Raise `InputError` where labelled deaths and the rest of the job do not go together."""
    parts = [part for part, _ in config.protocol.each().values()] if isinstance(config.protocol, Combined) else []
    labels = [part.target_labels for part in parts or [config.protocol]]
    some, every = any(one.n for one in labels), all(one.n for one in labels)
    if some and config.testset.name != "natural":
        raise InputError(
            f"protocol.target_labels.n needs testset=natural; got testset={config.testset.name}: the labelled deaths "
            "are a sample of the test deaths as they are, not of resampled cause mixes"
        )
    if some and any(one.copies for one in labels) and not model.trains:
        raise InputError(
            f"protocol.target_labels.copies: model '{model.name}' is not trained; choose copies=0, with which the "
            "labelled deaths are used for the fractions alone"
        )
    if config.csmf == GBQL and (not every or any(one.copies for one in labels)):
        raise InputError(
            f"csmf={GBQL} learns the model's errors from deaths of the test site that the model has not seen: name "
            "them with protocol.target_labels.n=100 and leave protocol.target_labels.copies at 0"
        )
    if config.csmf_interval == "conformal" and (config.protocol.name == "assign" or not model.trains):
        raise InputError(
            "csmf_interval=conformal learns from training sites that are predicted without themselves, and is shown "
            f"where causes are known; it cannot be used with protocol={config.protocol.name} and model '{model.name}': "
            "leave it out"
        )
    if config.csmf == GBQL and config.score_at:
        raise InputError(f"csmf={GBQL} works with the causes of the data; leave score_at out")
    if config.csmf == GBQL and config.calibration.level == "group" and len(set(data.groups)) < 2:
        raise InputError(
            f"csmf={GBQL}: the causes of data '{data.name}' have no groups; declare them (data.groups), or choose "
            "calibration.level=cause"
        )
