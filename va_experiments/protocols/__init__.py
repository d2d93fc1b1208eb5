"""Divide deaths into training and test sets: options in, an ordered list of `Split` out; rows are drawn later.

>>> options = protocol_options({"name": "leave_one_site_out"})          # doctest: +SKIP
>>> for split in splits(options, deaths, "all"):                         # doctest: +SKIP
...     train, test = split.indices(deaths)
"""

from va_experiments.config.protocols import (
    PROTOCOLS,
    Assign,
    Combined,
    InDomain,
    LeaveOneCountryOut,
    LeaveOneSiteOut,
    LeaveTwoSitesOut,
    OneToOne,
    Pooled,
    ProtocolOptions,
    protocol_options,
)
from va_experiments.protocols.columns import Splits
from va_experiments.protocols.designs import most_splits, splits
from va_experiments.protocols.sites import resolve_site, resolve_sites
from va_experiments.protocols.split import Split

__all__ = [
    "PROTOCOLS",
    "Assign",
    "Combined",
    "InDomain",
    "LeaveOneCountryOut",
    "LeaveOneSiteOut",
    "LeaveTwoSitesOut",
    "OneToOne",
    "Pooled",
    "ProtocolOptions",
    "Split",
    "Splits",
    "most_splits",
    "protocol_options",
    "resolve_site",
    "resolve_sites",
    "splits",
]
