"""Name the causes of openVA's example deaths by EAVA, beside the fractions that its vignette prints.

``va-experiments reproduce eava_openva --data DataEAVA.csv``: the 1,736 simulated deaths that package ``EAVA`` 1.0.0
brings, in openVA 1.2.0's vignette.
"""

from __future__ import annotations

from pathlib import Path

from va_experiments.data import read_who2016
from va_experiments.data.readers.who2016 import WHO_VALUES
from va_experiments.errors import InputError
from va_experiments.models import EAVA

__all__ = ["PUBLISHED", "page"]

TEXT = """Printed by `python -m va_experiments.reproductions eava_openva --data FILE`, with the 1,736 simulated deaths
of package `EAVA` (`DataEAVA`, written as CSV; they are not part of this project). Published: the fractions in openVA
1.2.0's vignette, with the digits that it prints. Here: release 1.0.0 with the original's treatment of empty cells
(`model.version=1.0.0 model.reference_compat=true`, [EAVA](../models/eava.md))."""

PUBLISHED: dict[str, tuple[int, dict[str, float]]] = {
    "neonate": (
        4,
        {
            "Preterm": 0.2008,
            "Intrapartum": 0.1843,
            "Pneumonia": 0.1465,
            "Diarrhea": 0.1326,
            "Other": 0.1111,
            "Sepsis": 0.0808,
            "NNT": 0.0467,
            "Meningitis": 0.0354,
            "Unspecified": 0.0328,
            "Malformation": 0.0290,
        },
    ),
    "child": (
        9,
        {
            "AIDS": 0.083686441,
            "Diarrhea/Dysentery": 0.208686441,
            "Injury": 0.055084746,
            "Intrapartum": 0.003177966,
            "Malformation": 0.079449153,
            "Measles": 0.092161017,
            "Meningitis/Encephalitis": 0.116525424,
            "Other infections": 0.037076271,
            "Pneumonia": 0.096398305,
            "Preterm": 0.093220339,
            "Unspecified": 0.134533898,
        },
    ),
}
"""Age group -> digits printed, and the fractions of EAVA 1.0.0 in openVA 1.2.0's vignette."""


def page(data: str | None) -> str:
    """Return the table of published fractions and ours, with the original's treatment of empty cells.

    Parameters
    ----------
    data : str
        The file of the example deaths, or the folder of ``DataEAVA.csv`` or ``DataEAVA.csv.gz``.

    Raises
    ------
    InputError
        If no file is named, or it cannot be read.
    """
    if data is None:
        raise InputError(
            "reproduce_eava_openva: name the example deaths of package EAVA with --data FILE (DataEAVA as CSV)"
        )
    file = Path(data)
    if file.is_dir():
        names = ("DataEAVA.csv", "DataEAVA.csv.gz")
        file = next((file / name for name in names if (file / name).is_file()), file / names[0])
    deaths = read_who2016(file, value_map={**WHO_VALUES, "alive": "."}, eava_columns=True)
    lines = ["| age group | cause | published | here | difference |", "|---|---|---:|---:|---:|"]
    equal = total = 0
    for age_group, (digits, published) in PUBLISHED.items():
        fractions = EAVA(version="1.0.0", reference_compat=True).fractions(deaths, age_group)
        for cause in dict.fromkeys([*published, *fractions]):
            ours, theirs = round(fractions.get(cause, 0.0), digits), published.get(cause, 0.0)
            equal, total = equal + (ours == theirs), total + 1
            lines.append(f"| {age_group} | {cause} | {theirs:.{digits}f} | {ours:.{digits}f} | {ours - theirs:+.4f} |")
    head = f"EAVA 1.0.0 on {len(deaths):,} example deaths: {equal} of {total} fractions equal in every digit printed."
    return f"# EAVA in openVA's vignette\n\n{TEXT}\n\n**Result.** {head}\n\n" + "\n".join(lines) + "\n"
