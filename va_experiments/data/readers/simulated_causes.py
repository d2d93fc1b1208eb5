"""Define the 34 causes of the simulated deaths: their probbase columns, how common they are, and whom they affect.

Weights, sex shares and ages are round numbers chosen for a plausible adult mortality; they do not come from any data.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CAUSES", "SITES", "SimulatedCause", "Site"]


@dataclass(frozen=True)
class SimulatedCause:
    """One simulated cause.

    Parameters
    ----------
    outputs : tuple of str
        InterVA-5 probbase columns; several are averaged.
    weight : float
        Relative frequency before a site's own mix.
    female : float
        Share of women.
    age, spread : float
        Mean and standard deviation, years.
    group : str
        Broad group.
    """

    outputs: tuple[str, ...]
    weight: float
    female: float
    age: float
    spread: float
    group: str


@dataclass(frozen=True)
class Site:
    """One simulated site: deaths by default, causes that occur, mean share of missing answers."""

    deaths: int
    n_causes: int
    missing: float


SITES: dict[str, Site] = {
    "AP": Site(1554, 34, 0.11),
    "Bohol": Site(1259, 32, 0.16),
    "Dar": Site(1726, 33, 0.17),
    "Mexico": Site(1586, 31, 0.11),
    "Pemba": Site(297, 17, 0.15),
    "UP": Site(1419, 30, 0.12),
}
"""Names, sizes and numbers of causes of the PHMRC adult sites."""

_INFECTIOUS, _NCD, _HEART, _EXTERNAL = "infectious", "ncd", "circulatory", "external"


def _cause(outputs: str, weight: float, female: float, age: float, spread: float, group: str) -> SimulatedCause:
    return SimulatedCause(tuple(f"b_{o}" for o in outputs.split()), weight, female, age, spread, group)


CAUSES: dict[str, SimulatedCause] = {
    "AIDS": _cause("0103", 6, 0.5, 37, 10, _INFECTIOUS),
    "Asthma": _cause("0502", 1, 0.55, 52, 16, _NCD),
    "Bite of Venomous Animal": _cause("1206", 1, 0.4, 38, 15, _EXTERNAL),
    "Breast Cancer": _cause("0204", 2.5, 0.99, 52, 13, _NCD),
    "Cervical Cancer": _cause("0205", 2, 1, 51, 13, _NCD),
    "Cirrhosis": _cause("0602", 4, 0.3, 51, 13, _NCD),
    "Colorectal Cancer": _cause("0202 0601", 1.5, 0.45, 58, 14, _NCD),
    "COPD": _cause("0501", 2.5, 0.4, 69, 11, _NCD),
    "Diabetes": _cause("0303", 5, 0.5, 59, 12, _NCD),
    "Diarrhea/Dysentery": _cause("0104", 3, 0.5, 52, 20, _INFECTIOUS),
    "Drowning": _cause("1204", 1.5, 0.3, 34, 16, _EXTERNAL),
    "Epilepsy": _cause("0801", 1, 0.4, 35, 14, _NCD),
    "Esophageal Cancer": _cause("0201 0202", 1, 0.4, 58, 13, _NCD),
    "Falls": _cause("1203", 2.5, 0.35, 54, 20, _EXTERNAL),
    "Fires": _cause("1205", 2, 0.65, 35, 15, _EXTERNAL),
    "Homicide": _cause("1209", 2.5, 0.15, 34, 13, _EXTERNAL),
    "Acute Myocardial Infarction": _cause("0401", 5, 0.35, 60, 14, _HEART),
    "Leukemia/Lymphomas": _cause("0299", 2, 0.45, 44, 18, _NCD),
    "Lung Cancer": _cause("0203", 1.5, 0.3, 62, 12, _NCD),
    "Malaria": _cause("0105", 1.5, 0.5, 42, 18, _INFECTIOUS),
    "Maternal": _cause("0901 0902 0903 0904 0905 0906 0907 0999", 5, 1, 28, 7, "maternal"),
    "Other Cardiovascular Diseases": _cause("0499", 5, 0.5, 58, 17, _HEART),
    "Other Infectious Diseases": _cause("0199 0101 0107", 3.5, 0.45, 44, 18, _INFECTIOUS),
    "Other Injuries": _cause("1202 1299", 1.5, 0.25, 40, 17, _EXTERNAL),
    "Other Non-communicable Diseases": _cause("9800 0601", 7, 0.5, 54, 18, _NCD),
    "Pneumonia": _cause("0102", 6, 0.45, 59, 19, _INFECTIOUS),
    "Poisonings": _cause("1207", 1.2, 0.35, 37, 15, _EXTERNAL),
    "Prostate Cancer": _cause("0205 0701", 1, 0, 71, 10, _NCD),
    "Renal Failure": _cause("0701", 5, 0.45, 52, 17, _NCD),
    "Road Traffic": _cause("1201", 3, 0.2, 40, 17, _EXTERNAL),
    "Stomach Cancer": _cause("0202", 1.2, 0.45, 58, 14, _NCD),
    "Stroke": _cause("0402", 8, 0.5, 64, 14, _HEART),
    "Suicide": _cause("1208", 1.7, 0.4, 34, 15, _EXTERNAL),
    "TB": _cause("0109", 3.5, 0.35, 46, 16, _INFECTIOUS),
}
"""PHMRC's adult cause names -> what is drawn for them.

A probbase column may serve two causes (digestive and reproductive neoplasms): each gets its own, seeded, deviation."""
