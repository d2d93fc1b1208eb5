"""The kinds of bad input, as the table groups them."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS: dict[str, str] = {
    "typo": "A key that does not exist",
    "name": "An unknown model, site, cause or metric",
    "size": "A number of deaths that is no whole number",
    "yaml11": "Words that YAML takes for something else",
    "yaml": "Files of the configuration that cannot be read",
    "code": "A configuration that would run code or give a secret away",
    "outputs": "A folder that cannot be written",
    "grid": "An empty, impossible or boundless grid",
    "value": "A value out of range",
    "columns": "Missing and look-alike columns",
    "header": "A column twice",
    "ids": "Ids",
    "answers": "Answers that are not mapped",
    "na": "NA, None, nan and null as text",
    "label": "Rows without a cause or site",
    "form": "Files of another form",
    "odk": "ODK exports of the WHO 2016 questionnaire",
    "blank": "Empty cells that can mean two things",
    "leak": "Columns that tell the cause",
    "twice": "Deaths that occur twice",
    "person": "Age and sex",
    "empty": "Nothing to read",
    "rare": "Too little to train on",
    "constant": "Columns and rows without information",
    "range": "Numbers in the table",
    "decimal": "Separators and decimal commas",
    "encoding": "Encodings",
    "binary": "Files that are no text",
    "ragged": "Rows too short or too long",
    "quote": "Quotes and huge fields",
    "unicode": "Names that differ only in what nobody sees",
    "archive": "Archives",
    "path": "What is no regular file",
    "changed": "A file that changes",
    "formula": "Cells that a spreadsheet would run",
    "parquet": "Parquet",
    "outside": "Causes from another program",
}
"""Row -> its heading."""
