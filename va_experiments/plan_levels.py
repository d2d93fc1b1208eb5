"""Find the levels of causes at which a job is scored, and how data and model map to them.

In: the options ``score_at`` and ``cause_maps``, the data and the model. Out: a `CauseLevel` for each level, None where
nothing is mapped; or an `InputError` with every cause that maps nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from va_experiments.cell import ModelSpec
from va_experiments.cell.cause_level import CauseLevel
from va_experiments.config.schema import JobConfig
from va_experiments.data.cause_lists import CauseMap, cause_list, map_causes
from va_experiments.data.deaths import Deaths
from va_experiments.data.name_tables import read_two_columns
from va_experiments.errors import InputError, shown
from va_experiments.models.own_cause_lists import SAVED, own_cause_list

__all__ = ["levels_of", "model_causes", "own_maps"]


def levels_of(config: JobConfig, model: ModelSpec, data: Deaths) -> list[CauseLevel | None]:
    """Return the levels at which a job's cells are scored.

    Parameters
    ----------
    config : JobConfig
    model : ModelSpec
    data : Deaths

    Raises
    ------
    InputError
        With the problems of all levels.
    """
    causes_of_model = model_causes(model)
    if not config.score_at:
        elsewhere = causes_of_model and model.any_protocol and not data.labelled and causes_of_model != data.causes
        return [CauseLevel("", causes_of_model, (), causes_of_model, causes_of_model) if elsewhere else None]
    maps = own_maps(config.cause_maps)
    levels: list[CauseLevel | None] = []
    problems: list[str] = []
    for name in config.score_at:
        try:
            levels.append(_level(name, data, model, causes_of_model, maps))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return levels


def _level(
    name: str, data: Deaths, model: ModelSpec, causes_of_model: Sequence[str], maps: Sequence[CauseMap]
) -> CauseLevel | None:
    target, truth, _ = map_causes(data.causes, name, maps, what=f"data '{data.name}'")
    differs = bool(causes_of_model) and tuple(causes_of_model) != data.causes
    if not differs and all(truth[c] == c for c in data.causes) and len(data.causes) == len(target.causes):
        return None  # the level is the list of the data
    by_data = tuple(truth[c] for c in data.causes)
    if not differs:
        return CauseLevel(target.name, target.causes, by_data)
    _, mapped, _ = map_causes(causes_of_model, target.name, maps, what=f"model '{model.name}'")
    return CauseLevel(
        target.name, target.causes, by_data, tuple(causes_of_model), tuple(mapped[c] for c in causes_of_model)
    )


def model_causes(model: ModelSpec) -> tuple[str, ...]:
    """Return the causes that a model predicts for any data; empty: those of the data."""
    if model.target == SAVED:
        return tuple(getattr(model.estimator(), "own_causes", ()))
    name = own_cause_list(model.target, model.params)
    return () if name is None else cause_list(name).causes


def own_maps(entries: Sequence[str]) -> list[CauseMap]:
    """Return the mappings that a person gave, as ``list=FILE``."""
    maps, problems = [], []
    for entry in entries:
        target, equals, path = entry.partition("=")
        if not equals or not path:
            problems.append(
                f"cause_maps: {shown(entry)} is no mapping; expected list=FILE, such as broad_child=map.csv"
            )
            continue
        try:
            cause_list(target)
            pairs: Mapping[str, str] = read_two_columns(path, "source", "target")
            maps.append(CauseMap("", target, pairs, path))
        except InputError as error:
            problems += [f"cause_maps: {p}" for p in error.problems]
    if problems:
        raise InputError(problems)
    return maps
