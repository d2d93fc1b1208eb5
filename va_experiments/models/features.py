"""Make the numbers that a general classifier learns from: symptoms, and age where the data have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError

__all__ = ["ENCODINGS", "FeatureEncoder"]

ENCODINGS = ("present", "one_hot", "ordinal", "nan")
"""How a symptom becomes columns.

``present``: 1 if present, 0 if absent or missing. ``one_hot``: one column for present, one for missing. ``ordinal``: -1
missing, 0 absent, 1 present. ``nan``: 1, 0, NaN, for trees that send missing values their own way. Which questions are
left unanswered differs more between sites than between causes, so that everything but ``present`` tends to learn the
site (docs/models/classifiers.md has the figures).
"""


@dataclass(frozen=True, eq=False)
class FeatureEncoder:
    """The columns learned from a training set; `encode` applies them to any deaths with the same symptoms.

    Parameters
    ----------
    encoding : str
        One of `ENCODINGS`.
    covariates : tuple of str
        Numeric covariates used: those asked for that the training data have.
    centre, scale : float64 array, shape (n_covariates,)
        A covariate enters as ``(value - centre) / scale``; a missing value as `centre`, the training median.
    """

    encoding: str
    covariates: tuple[str, ...]
    centre: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    @classmethod
    def learn(cls, train: Deaths, *, encoding: str, covariates: tuple[str, ...], standardise: bool) -> FeatureEncoder:
        """Return the encoder for these training deaths; covariates that they do not have are ignored."""
        used = tuple(c for c in covariates if c in train.covariates and np.isfinite(train.covariates[c]).any())
        values = [train.covariates[c] for c in used]
        centre = np.array([np.nanmedian(np.where(np.isfinite(v), v, np.nan)) for v in values])
        spread = np.array([np.nanstd(np.where(np.isfinite(v), v, np.nan)) for v in values])
        scale = np.where(spread > 0, spread, 1.0) if standardise else np.ones(len(used))
        return cls(encoding, used, centre, scale)

    def encode(self, deaths: Deaths, rows: npt.NDArray[np.intp] | slice) -> npt.NDArray[np.float32]:
        """Return the features of these rows, float32, shape (n_rows, n_features)."""
        if absent := [c for c in self.covariates if c not in deaths.covariates]:
            raise InputError(
                f"data '{deaths.name}' has no covariate '{absent[0]}', which the training data had; expected the same "
                f"covariates, or a model with covariates=()"
            )
        symptoms = deaths.symptoms[rows]
        n, s = symptoms.shape
        width = 2 * s if self.encoding == "one_hot" else s
        features = np.empty((n, width + len(self.covariates)), dtype=np.float32)
        if self.encoding == "present":
            np.equal(symptoms, 1, out=features[:, :s], casting="unsafe")
        elif self.encoding == "one_hot":
            np.equal(symptoms, 1, out=features[:, :s], casting="unsafe")
            np.equal(symptoms, -1, out=features[:, s:width], casting="unsafe")
        else:
            features[:, :s] = symptoms
            if self.encoding == "nan":
                features[:, :s][symptoms < 0] = np.nan
        for k, covariate in enumerate(self.covariates):
            value = deaths.covariates[covariate][rows]
            known = np.where(np.isfinite(value), value, self.centre[k])
            features[:, width + k] = (known - self.centre[k]) / self.scale[k]
        return features
