"""Write the table that InterVA-5 writes: pregnancy status, up to three causes with likelihoods, circumstances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.probbase import CAUSES, CIRCUMSTANCES, PREGNANCY, Probbase
from va_experiments.models.interva.interva import CUTOFF, TIE, top_three

if TYPE_CHECKING:
    import pandas as pd

    from va_experiments.models.interva.whole_probability import WholeProbability

__all__ = ["table"]

_BLANK = " "


def table(
    ids: npt.NDArray[np.str_],
    result: WholeProbability,
    probbase: Probbase,
    *,
    hiv: str,
    malaria: str,
    whole: bool = False,
    exact: bool = False,
) -> pd.DataFrame:
    """Return one row for each assessed death, in InterVA-5's columns.

    ``ID, MALPREV, HIVPREV, PREGSTAT, PREGLIK, CAUSE1, LIK1, CAUSE2, LIK2, CAUSE3, LIK3, INDET, COMCAT, COMNUM``.
    Likelihoods are whole percentages as text, rounded half to even; a blank is one space, as in InterVA-5's files.

    Parameters
    ----------
    ids : array of str, shape (n_deaths,)
    result : WholeProbability
    probbase : Probbase
    hiv, malaria : str
        Written into the columns MALPREV and HIVPREV.
    whole : bool
        Append the 70 probabilities, under the outputs' names.
    exact : bool
        Compare the second and third cause with half the first to the last bit; by default a difference of less than
        1e-12 of it is a tie, and the cause is shown.
    """
    import pandas as pd

    accepted = np.flatnonzero(result.rejected == 0)
    probability = result.probability[accepted]
    columns: dict[str, object] = {"ID": ids[accepted], "MALPREV": malaria, "HIVPREV": hiv}
    columns |= _pregnancy(probability[:, PREGNANCY], result.reproductive[accepted], np.array(probbase.names[PREGNANCY]))
    columns |= _causes(probability[:, CAUSES], np.array(probbase.causes), 0.0 if exact else TIE)
    columns |= _circumstances(probability[:, CIRCUMSTANCES], np.array(probbase.names[CIRCUMSTANCES]))
    frame = pd.DataFrame(columns, index=range(len(accepted)))
    if whole:
        names = [*probbase.names]
        frame = pd.concat([frame, pd.DataFrame(probability, columns=names)], axis=1)
    return frame


def _percent(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.rint(100 * probability).astype(np.int64)


def _pregnancy(
    p: npt.NDArray[np.float64], reproductive: npt.NDArray[np.bool_], names: npt.NDArray[np.str_]
) -> dict[str, npt.NDArray[Any]]:
    total, best, top = p.sum(axis=1), p.max(axis=1), p.argmax(axis=1)
    clear = reproductive & (best >= 0.1)
    status = np.where(reproductive, np.where(clear, names[top], "indeterminate"), "n/a")
    likelihood = _percent(best / np.where(total > 0, total, 1)).astype(str)
    return {"PREGSTAT": status, "PREGLIK": np.where(clear, likelihood, _BLANK)}


def _causes(p: npt.NDArray[np.float64], names: npt.NDArray[np.str_], tie: float) -> dict[str, npt.NDArray[Any]]:
    index, value = top_three(p)
    named = value[:, 0] >= CUTOFF
    shown = np.zeros(len(p), dtype=np.int64)
    columns: dict[str, npt.NDArray[Any]] = {}
    for k in range(3):
        show = named & (value[:, k] >= value[:, 0] / 2 * (1 - tie))
        percent = _percent(value[:, k])
        shown += np.where(show, percent, 0)
        columns[f"CAUSE{k + 1}"] = np.where(show, names[index[:, k]], _BLANK)
        columns[f"LIK{k + 1}"] = np.where(show, percent.astype(str), _BLANK)
    columns["INDET"] = 100 - shown
    return columns


def _circumstances(p: npt.NDArray[np.float64], names: npt.NDArray[np.str_]) -> dict[str, npt.NDArray[Any]]:
    best, top = p.max(axis=1), p.argmax(axis=1)
    named = best >= 0.5
    return {
        "COMCAT": np.where(named, names[top], "Multiple"),
        "COMNUM": np.where(named, _percent(best).astype(str), _BLANK),
    }
