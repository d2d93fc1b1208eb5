"""Let mappings of cells and names be written as they are printed in messages: ``'data.site_map={"nan": null}'``.

Hydra's grammar knows no quoted keys, and Hydra refuses keys that a file does not have. Such a mapping is handed over
as text, which the schema reads (`va_experiments.config.fields.Mapping`). It then stands in place of the whole mapping
of the file; ``+data.site_map={...}`` adds to it, by Hydra's own rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from va_experiments.config.data import DATA
from va_experiments.config.fields import mapping_options
from va_experiments.config.mapping_text import read_value

__all__ = ["with_whole_mappings"]

_WORD = re.compile(r"data\.(\w+)=(\{.*\})", re.DOTALL)


def with_whole_mappings(overrides: Sequence[str]) -> list[str]:
    """Return the overrides, mappings of `DATA` as quoted text; what is no mapping is left to Hydra.

    Parameters
    ----------
    overrides : sequence of str
        As they were typed.
    """
    names = {name for options in DATA.values() for name in mapping_options(options)}
    return [_as_text(word, names) for word in overrides]


def _as_text(word: str, names: set[str]) -> str:
    match = _WORD.fullmatch(word)
    if match is None or match[1] not in names:
        return word
    try:
        mapping = read_value(match[2])
    except ValueError:
        return word
    # neither a quote nor a dollar sign, which Hydra would take for the end of the text or an interpolation
    text = json.dumps(mapping).replace("'", "\\u0027").replace("$", "\\u0024")
    return f"++data.{match[1]}='{text}'"
