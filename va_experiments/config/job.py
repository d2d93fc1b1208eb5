"""Define `JobConfig`: the model, data, sites, protocol, test sets and scoring of one job of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from va_experiments.config.calibration import CalibrationOptions
from va_experiments.config.data import DATA, DataOptions
from va_experiments.config.fields import MODEL_NAME, Group, NotNegative, Size, Text, TextList
from va_experiments.config.problems import check
from va_experiments.config.protocols import PROTOCOLS, ProtocolOptions, SiteNames
from va_experiments.config.testsets import TESTSETS, TestsetOptions
from va_experiments.errors import InputError, shown

__all__ = ["FeatureOptions", "JobConfig", "ModelOptions", "Resources", "SiteOptions"]


class Resources(Group):
    """What one fit may use on the machine that runs it."""

    num_cpus: NotNegative = 1
    """Logical cores that Ray reserves; the numerical libraries still use one thread, so results do not depend on it."""
    num_gpus: NotNegative = 0
    """GPUs (or a share of one)."""
    memory: Size | None = None
    """Bytes that must be free before the fit starts; null: no reservation."""


def _check_name(name: str) -> str:
    if not MODEL_NAME.fullmatch(name):
        raise InputError(f"name is {shown(name)}; expected at most 64 letters, digits, spaces and _ . - in it")
    return name


class ModelOptions(Group):
    """A model: its name, its class, its resources; all other keys are parameters of the class."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[Text, AfterValidator(_check_name)]
    """Name in tables and reports."""
    label: Annotated[Text, AfterValidator(_check_name)] | None = None
    """Another name in tables and reports."""
    target: Annotated[Text | None, Field(alias="_target_")] = None
    """Dotted path of the class."""
    resources: Resources | None = None
    """What one fit may use."""


def _check_model(tree: dict[str, Any]) -> dict[str, Any]:
    check(ModelOptions, {k: v for k, v in tree.items() if k != "resources"}, "model")
    return tree


class SiteOptions(Group):
    """Which sites are tested."""

    name: Text
    """Name of the choice."""
    test_sites: SiteNames = "all"
    """all, or a list of site names."""


class FeatureOptions(Group):
    """Which symptoms models see."""

    name: Text
    """Feature level: no_hce, hce (with recall of health care experience) or hce_words (with words of the narrative)."""


if TYPE_CHECKING:
    DataChoice = DataOptions
    ProtocolChoice = ProtocolOptions
    TestsetChoice = TestsetOptions
else:
    DataChoice = Union[tuple(DATA.values())]  # noqa: UP007
    ProtocolChoice = Union[tuple(PROTOCOLS.values())]  # noqa: UP007
    TestsetChoice = Union[tuple(TESTSETS.values())]  # noqa: UP007


class JobConfig(Group):
    """What one job is. Every key can be swept."""

    model: Annotated[
        dict[str, Any],
        AfterValidator(_check_model),
        WithJsonSchema({"type": "object"}),
    ]
    """``name``, ``_target_``, ``resources`` and the parameters of the model."""
    data: Annotated[DataChoice, Field(discriminator="name")]
    """``name`` of the reader and its options."""
    site: SiteOptions
    features: FeatureOptions
    protocol: Annotated[ProtocolChoice, Field(discriminator="name")]
    """``name`` and the options of the protocol."""
    testset: Annotated[TestsetChoice, Field(discriminator="name")]
    """``name`` and the options of the design of test sets."""
    seed: Size = 1
    """Everything random follows from it and from the content of the cell."""
    n_bootstrap: Size = 100
    """Bootstrap resamples of the deaths for the intervals of a cell; 0: none."""
    csmf: Text = "model"
    """Estimator of the CSMF behind ``csmf_accuracy_model``: the ``model``'s own, vacalibration, or one of
    `metrics.quantification`."""
    csmf_interval: Literal["model", "conformal"] = "model"
    """Intervals of the CSMF: the ``model``'s own draws, where it has them; conformal: for any model, as wide as the
    errors at training sites that are predicted without themselves (one more fit for each)."""
    calibration: CalibrationOptions = Field(default_factory=CalibrationOptions)
    """Options of csmf=vacalibration."""
    score_at: TextList = ()
    """Cause lists at which cells are scored, each by itself: names of ``conf/cause_list``, or ``broad``; none: the list
    of the data."""
    cause_maps: TextList = ()
    """Tables with the columns ``source`` and ``target``, as ``list=FILE``: mappings of one's own to the list."""
    baselines: TextList = ("prior", "uniform")
    """Baselines (models that look at no symptom) shown beside every comparison."""
