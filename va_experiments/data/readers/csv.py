"""Read a study's own table into `Deaths`: columns of sites, causes and symptoms, under any names and codes.

In: a path and the meaning of columns and cells. Out: `Deaths`. Cells are text until the mapping gives them a meaning.
All problems of a file are reported together, with line and column. The table is read in blocks, so that a million
deaths take one byte of memory for each symptom.
"""

from __future__ import annotations

import os
from typing import Any

from va_experiments.data.deaths import Deaths
from va_experiments.data.readers.csv_options import CsvOptions
from va_experiments.data.readers.csv_roles import find_roles
from va_experiments.data.readers.csv_table import CsvTable
from va_experiments.data.text_source import open_source
from va_experiments.errors import InputError, shown

__all__ = ["read_csv_deaths"]


def read_csv_deaths(path: str | os.PathLike[str] | None, *, label: str = "csv", **options: Any) -> Deaths:
    """Read a table with one row for each death.

    Parameters
    ----------
    path : path
        ``.csv``, ``.csv.gz`` or ``.zip`` with one file.
    label : str
        Name of the study.
    **options
        Those of `CsvOptions`.

    Returns
    -------
    Deaths
        Rows sorted by id.

    Raises
    ------
    InputError
        Listing every problem.
    """
    chosen = CsvOptions(**options)
    if not path:
        raise InputError("data=csv needs a file: set data.path")
    if chosen.decimal not in (".", ","):
        raise InputError(f"decimal: {shown(chosen.decimal)} must be '.' or ','")
    codes = chosen.value_codes()
    source = open_source(path, sep=chosen.sep, encoding=chosen.encoding, fix_encoding=chosen.fix_encoding)
    table = CsvTable(source, find_roles(source, chosen), chosen, codes)
    table.read_blocks()
    table.note_names_and_empty_rows()
    table.name_sites()
    table.name_causes()
    table.check_cells()
    table.name_rows()
    table.find_repeated_rows()
    table.read_strata()
    table.list_excluded_rows()
    table.check_ids()
    table.check_groups()
    table.raise_problems()
    table.sort_rows()
    table.check_symptoms()
    table.add_words()
    return table.deaths(label)
