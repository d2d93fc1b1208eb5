"""Find symptom columns that can be read, but may not say what they seem to: copies, empty ones, codes of their own.

In: the names of the columns and the symptoms as they were read. Out: problems, and entries of the ledger with the
action `DOUBTFUL`, each of which is one warning before a run.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import ABSENT, DOUBTFUL, MISSING, PRESENT, LedgerEntry
from va_experiments.data.text_source import TextSource
from va_experiments.errors import shown

__all__ = [
    "ENOUGH_DEATHS",
    "MANY_DEATHS",
    "columns_and",
    "copied_columns",
    "ids_alone",
    "mixed_codes",
    "original_name",
    "without_content",
]

_COPY = re.compile(
    r"(.+?)(?:\.\d{1,2}|\.\.\.\d{1,4}|[_ .-]?\(\d{1,2}\)|[_ .-](?:copy|copie|copia|dup|duplicate|x|y|bis)\d?)",
    re.IGNORECASE,
)
"""Names that programs and people give to a second column of one name: ``s1.1``, ``s1...5``, ``s1 (2)``, ``s1_copy``."""
ENOUGH_DEATHS = 20
"""Deaths (with each answer) from which on empty or equal columns are no chance."""
MANY_DEATHS = 2000
"""Deaths from which on a symptom that nobody has is remarkable."""
_MOST_SHOWN = 5
Matrix = npt.NDArray[np.int8]


def columns_and(names: Sequence[str], one: str, several: str) -> str:
    """Return names of columns with a verb: ``column 'a' is``, ``columns 'a', 'b' are``."""
    listed = ", ".join(map(shown, names[:_MOST_SHOWN])) + (", ..." if len(names) > _MOST_SHOWN else "")
    return f"column {listed} {one}" if len(names) == 1 else f"{len(names)} columns ({listed}) {several}"


def original_name(column: str, header: Collection[str]) -> str | None:
    """Return the column of a table of which another one is a copy by its name; None where there is none."""
    match = _COPY.fullmatch(column.strip())
    if match is None:
        return None
    base = match[1]
    for candidate in (base, f"{base}_x", f"{base}.x", f"{base}...1"):
        if candidate != column and candidate in header:
            return candidate
    return None


def copied_columns(
    names: Sequence[str], matrix: Matrix, where: str, excluded: Sequence[str], ledger: list[LedgerEntry]
) -> list[str]:
    """List symptom columns that are there twice: with the names of a copy, or in another case.

    A column with the same answers as one of another name is entered in the ledger, so is a copy by its name with
    other answers.

    Parameters
    ----------
    names : sequence of str
    matrix : int8 array, shape (n_deaths, n_symptoms)
    where : str
        The file, as messages name it.
    excluded : sequence of str
        Columns that are left out already, for the option that leaves out more.
    ledger : list of LedgerEntry
    """
    equal = _equal_columns(names, matrix)
    problems, other_answers, copies = [], [], set[str]()
    first: dict[str, str] = {}
    for name in names:
        twin = first.setdefault(name.strip().casefold(), name)
        if twin != name:
            copies.add(name)
            same = equal.get(name) == equal.get(twin, twin)
            problems.append(
                f"{where}: columns {shown(twin)} and {shown(name)} differ only in case, and hold "
                f"{'the same' if same else 'other'} answers; {_way_out(name, excluded)}, or rename it"
            )
        elif (base := original_name(name, names)) is not None:
            if equal.get(name, name) == equal.get(base, base):
                copies.add(name)
                problems.append(
                    f"{where}: column {shown(name)} has the name of a copy of {shown(base)}, and the same answers: a "
                    f"model would count them twice; {_way_out(name, excluded)}"
                )
            else:
                other_answers.append(name)
    if other_answers:
        reason = f"{columns_and(other_answers, 'has', 'have')} the name of a copy, but other answers; each is a symptom"
        ledger.append(LedgerEntry(DOUBTFUL, other_answers[0], len(other_answers), reason))
    rest = [name for name, base in equal.items() if name != base and name not in copies]
    if rest:
        pairs = ", ".join(f"{shown(n)} and {shown(equal[n])}" for n in rest[:3]) + (", ..." if len(rest) > 3 else "")
        reason = f"columns {pairs} have the same answers at every death; models count them twice"
        ledger.append(LedgerEntry(DOUBTFUL, rest[0], len(rest), reason))
    return problems


def _equal_columns(names: Sequence[str], matrix: Matrix) -> dict[str, str]:
    """Return the first column with the same answers for each that is no chance."""
    yes, no = (matrix == PRESENT).sum(axis=0).tolist(), (matrix == ABSENT).sum(axis=0).tolist()
    least = min(ENOUGH_DEATHS, len(matrix) // 5)
    candidates = Counter((y, n) for y, n in zip(yes, no, strict=True) if y >= least and n >= least)
    first: dict[bytes, str] = {}
    return {
        name: first.setdefault(matrix[:, j].tobytes(), name)
        for j, name in enumerate(names)
        if candidates[yes[j], no[j]] > 1
    } | {  # columns of rare answers count as equal only by their names
        name: base
        for j, name in enumerate(names)
        if not (yes[j] >= least and no[j] >= least)
        and (base := original_name(name, names) or _in_other_case(name, names)) is not None
        and np.array_equal(matrix[:, j], matrix[:, names.index(base)])
    }


def _in_other_case(name: str, names: Sequence[str]) -> str | None:
    folded = name.strip().casefold()
    found = next(n for n in names if n.strip().casefold() == folded)
    return None if found == name else found


def _way_out(column: str, excluded: Sequence[str]) -> str:
    listed = ", ".join(json.dumps(c, ensure_ascii=False) for c in [*excluded, column])
    return f"leave it out with {shlex.quote(f'data.exclude=[{listed}]')}"


def mixed_codes(
    said: Mapping[str, Collection[str]], unless: str = ", unless data.value_map says otherwise"
) -> list[LedgerEntry]:
    """Return an entry for the columns that say yes and no in numbers where most say it otherwise.

    Parameters
    ----------
    said : mapping
        Column -> its cells that say yes or no, as `normalised` returns them.
    unless : str
        End of the sentence.
    """
    coding = {column: _coding(cells) for column, cells in said.items()}
    counts = Counter(code for code in coding.values() if code)
    if len(counts) < 2:
        return []
    usual = max(counts, key=lambda code: (counts[code], code))
    entries = []
    for code in sorted({*counts} - {usual, "words"}):
        columns = [c for c, own in coding.items() if own == code]
        numbers = "0 and 1" if code == "0/1" else "1 and 2"
        no = numbers.replace("1", "").replace(" and ", "")
        reason = (
            f"{columns_and(columns, 'says', 'say')} yes and no with {numbers}, most others with "
            f"{'words' if usual == 'words' else usual.replace('/', ' and ')}; 1 is read as yes, {no} as no{unless}"
        )
        entries.append(LedgerEntry(DOUBTFUL, columns[0], len(columns), reason))
    return entries


def _coding(cells: Collection[str]) -> str:
    """Return how a column says yes and no: in words, with 0 and 1, or with 1 and 2; "" where it is not known."""
    if any(not c.isdecimal() for c in cells):
        return "words"
    return "1/2" if "2" in cells else "0/1" if "0" in cells else ""


def ids_alone(
    empty: npt.NDArray[np.int32], n_symptoms: int, rows: npt.NDArray[np.bool_], source: TextSource
) -> list[LedgerEntry]:
    """Return an entry for rows with an id in which every symptom is empty: notes and totals below a table.

    Parameters
    ----------
    empty : int array, shape (n_rows,)
        Empty cells of each row.
    n_symptoms : int
    rows : bool array, shape (n_rows,)
        Rows to look at.
    source : TextSource
    """
    alone = np.flatnonzero(rows & (empty == n_symptoms))
    if not len(alone):
        return []
    listed = ", ".join(map(str, source.lines_of([int(r) + 2 for r in alone[:_MOST_SHOWN]])))
    one = len(alone) == 1
    reason = (
        f"{len(alone)} {'row has' if one else 'rows have'} an id and no answer ({'line' if one else 'lines'} {listed}"
        f"{'' if len(alone) <= _MOST_SHOWN else ', ...'}); if it is a note or a total and no death, remove it"
    )
    return [LedgerEntry(DOUBTFUL, "*", len(alone), reason)]


def without_content(
    names: Sequence[str],
    matrix: Matrix,
    filled: npt.NDArray[np.int64],
    unsaid: npt.NDArray[np.int64],
    *,
    one_answer: bool = True,
) -> list[LedgerEntry]:
    """Return entries for columns that are empty, have one answer only, or say a few times yes and never no.

    Parameters
    ----------
    names : sequence of str
    matrix : int8 array, shape (n_deaths, n_symptoms)
    filled : int array, shape (n_symptoms,)
        Cells that are not empty.
    unsaid : int array, shape (n_symptoms,)
        Cells that may say no: empty ones, and ``none``.
    one_answer : bool
        Whether columns that say only yes, or only no, are doubtful; classes of age and sex may do so.
    """
    n = len(matrix)
    if n < ENOUGH_DEATHS:
        return []
    yes, no = (matrix == PRESENT).sum(axis=0), (matrix == ABSENT).sum(axis=0)
    missing = (matrix == MISSING).sum(axis=0)
    blank = (yes > 0) & (no == 0) & (unsaid > 0.2 * n)
    entries = []
    for mask, one, several, reason in (
        (filled == 0, "is", "are", "empty at every death"),
        (blank, "says", "say", "yes or nothing, and never no; if an empty cell means no, write no in it"),
        (
            one_answer & (no == 0) & (yes > 0) & ~blank & (missing < 0.5 * n),
            "says",
            "say",
            "yes at every death that has an answer",
        ),
        (
            one_answer & (yes == 0) & (no > 0) & (n >= MANY_DEATHS),
            "says",
            "say",
            "no at every death that has an answer",
        ),
    ):
        if mask.any():
            columns = [names[j] for j in np.flatnonzero(mask).tolist()]
            entries.append(
                LedgerEntry(DOUBTFUL, columns[0], len(columns), f"{columns_and(columns, one, several)} {reason}")
            )
    return entries
