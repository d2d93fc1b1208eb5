"""Hold the cells that stand for a site or cause that is not known: words in several languages, and numbers."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["NO_LABEL", "NO_LABEL_CODES", "NO_SITE", "codes_far_above"]

NO_LABEL = frozenset(
    {
        *("", ".", "-", "--", "?", "na", "n/a", "nan", "none", "null", "#n/a", "unknown", "unk", "not known"),
        *("missing", "dk", "don't know", "99", "999", "9999", "-1", "-9", "-99", "n/k", "nk", "not stated"),
        *("not specified", "unspecified", "not available", "not recorded", "no data", "not applicable"),
        *(
            "sin dato",
            "sin datos",
            "s/d",
            "sem dados",
            "a definir",
            "por definir",
            "à définir",
            "non renseigné",
            "n.d.",
        ),
        *("tbd", "to be determined", "pending", "not yet known", "other unknown", "other/unknown", "unknown/other"),
        *("undetermined", "indeterminate", "not determined", "ill-defined", "ill defined", "<na>", "nil", "r99"),
        *("cause unknown", "unknown cause", "cause of death unknown", "unknown cause of death", "cause not known"),
        *("undetermined cause", "cause undetermined", "ill-defined cause", "ill-defined causes", "ill defined cause"),
        *("inconnu", "inconnue", "cause inconnue", "indéterminé", "indéterminée", "non précisé", "desconocido"),
        *("desconocida", "causa desconocida", "indeterminado", "indeterminada", "no especificado", "sin especificar"),
        *("desconhecido", "desconhecida", "ignorado", "haijulikani", "#null!", "#value!", "#ref!", "#name?", "#div/0!"),
    }
)
"""Causes, in any case, that stand for "not known" unless they are declared."""

NO_SITE = NO_LABEL - {"na"}
"""The same for sites, among which ``NA`` is a name that some have."""

NO_LABEL_CODES = frozenset({"77", "88", "97", "98", "777", "888", "997", "998", "7777", "8888"})
"""Numbers that stand for "not known" where they are far above all others."""


def codes_far_above(names: Sequence[str]) -> frozenset[str]:
    """Return the numbers such as 88 that stand far above all others where every name is a number."""
    numbers = [n for n in names if n.casefold() not in NO_LABEL]
    if len(numbers) < 3 or not all(n.isdecimal() for n in numbers):
        return frozenset()
    most = max((int(n) for n in numbers if n not in NO_LABEL_CODES), default=1000)
    return frozenset(n for n in numbers if n in NO_LABEL_CODES and int(n) > 2 * most)
