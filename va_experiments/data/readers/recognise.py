"""Recognise a table by its header: PHMRC, an export of a WHO questionnaire, input of InterVA, or none of them.

In: the names of the columns. Out: a `Form` with the one next step, or None. A form is named only where its own columns
leave no doubt.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Form", "recognise"]

_MOST = 0.6
"""Share of a form's columns from which on a table is that form: the PHMRC modules share at most .39 of theirs."""

_QUESTIONS = 20
"""Numbered questions from which on a table is an export of a questionnaire."""

_WHO2016 = re.compile(r"(?:^|[^a-z0-9])id[_ ]?(10\d{3})(?![0-9])", re.IGNORECASE)
_WHO2012 = re.compile(r"(?:^|[^a-z0-9])(?:id|q)?([1-5][a-f]\d{3})(?![0-9])", re.IGNORECASE)
_FIRST_OF_2022 = 10488
"""First number of a question that the questionnaire of 2016 does not have, in any of its versions."""

_INTERVA4 = ("elder", "midage", "adult", "child", "under5", "infant", "neonate", "male", "female")
_INTERVA4_WIDTH = range(245, 248)


@dataclass(frozen=True)
class Form:
    """A form of verbal autopsy data.

    Parameters
    ----------
    what : str
        What the file is, as in "this is …".
    reader : str
        Name in ``data=`` of the reader for it; empty where none reads it as it is.
    step : str
        The one next step; FILE stands for the path.
    """

    what: str
    reader: str
    step: str

    def sentence(self, where: str, path: object) -> str:
        """Return the file, what it is, and the next step."""
        return f"{where} is {self.what}; {self.step.replace('FILE', shlex.quote(str(path)))}"


def recognise(header: Sequence[str]) -> Form | None:
    """Return the form that a table with these columns is; None where no form is certain.

    Parameters
    ----------
    header : sequence of str
        Names of the columns; case does not matter.
    """
    names = {c.strip().casefold() for c in header}
    return _questionnaire(header) or _interva5(names) or _interva4(names, len(header)) or _phmrc(names)


def _read_with(reader: str) -> str:
    return f"read it with data={reader} data.path=FILE"


def _questionnaire(header: Sequence[str]) -> Form | None:
    new = {number for c in header for number in _WHO2016.findall(c)}
    if len(new) >= _QUESTIONS:
        if any(int(number) >= _FIRST_OF_2022 for number in new):
            return Form(
                f"an export of the WHO 2022 questionnaire ({len(new)} questions)",
                "",
                "no reader takes this form as it is: convert it to the 353 indicators of InterVA-5 and read them with "
                "data=who2016, or make a table with one yes/no column for each symptom and read it with data=csv",
            )
        return Form(
            f"an ODK export of the WHO 2016 questionnaire ({len(new)} questions with numbers such as Id{min(new)})",
            "who2016_odk",
            _read_with("who2016_odk"),
        )
    old = {m.group(1).casefold() for c in header if (m := _WHO2012.search(c))}
    if len(old) >= _QUESTIONS:
        return Form(
            f"an export of the WHO 2012 questionnaire ({len(old)} questions with numbers such as {min(old).upper()})",
            "",
            "no reader takes this form as it is: make a table with one yes/no column for each symptom and read it with "
            "data=csv",
        )
    return None


def _interva5(names: set[str]) -> Form | None:
    from va_experiments.data.probbase import read_probbase

    indicators = read_probbase().indicators
    n_present = sum(c.casefold() in names for c in indicators)
    if n_present < _MOST * len(indicators):
        return None
    return Form(
        f"input of InterVA-5, as pyCrossVA writes it ({n_present} of its {len(indicators)} indicators)",
        "who2016",
        _read_with("who2016") + " (data.id=COLUMN names the column of the ids)",
    )


def _interva4(names: set[str], width: int) -> Form | None:
    if width not in _INTERVA4_WIDTH or not set(_INTERVA4) <= names:
        return None
    return Form(
        "input of InterVA-4 (245 indicators, Y or blank)",
        "",
        "read it as a table of symptoms: data=csv data.path=FILE data.blank=absent data.site=null, with "
        "data.id=COLUMN, and data.cause=COLUMN where causes are known (data.cause=null where not)",
    )


def _phmrc(names: set[str]) -> Form | None:
    from va_experiments.data.readers.phmrc_modules import MODULES, module_of

    share = {}
    for module in MODULES:
        needed = {c for rule in module_of(module).rules for c in rule.columns}
        share[module] = len(needed & names) / len(needed)
    best = max(share, key=lambda m: share[m])
    if share[best] < _MOST:
        return None
    return Form(f"the PHMRC file of the {best} module", f"phmrc_{best}", _read_with(f"phmrc_{best}"))
