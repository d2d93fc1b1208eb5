"""Describe who trains and who is tested as a `Split`; the rows follow from it and the data alone."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from va_experiments.data.deaths import Deaths
from va_experiments.errors import InputError
from va_experiments.protocols.label_sample import draw_labelled, label_sample
from va_experiments.protocols.stratify import stratified_folds, stratified_order
from va_experiments.seeds import content_hash, generator, integer_seed

__all__ = ["Rows", "Split"]

Rows = npt.NDArray[np.int32]
"""Row numbers of a data set, in the order of the death ids, so that the row order of a file plays no part."""

_by_id: weakref.WeakKeyDictionary[Deaths, npt.NDArray[np.int32]] = weakref.WeakKeyDictionary()


def _rows_by_id(deaths: Deaths) -> npt.NDArray[np.int32]:
    """Sort all rows by id; the result is stored as long as the data set exists."""
    rows = _by_id.get(deaths)
    if rows is None:
        rows = _by_id[deaths] = np.argsort(deaths.id, kind="stable").astype(np.int32)
    return rows


@dataclass(frozen=True, slots=True)
class Split:
    """Who trains and who is tested, as a specification made by `splits`; the same for every model.

    Parameters
    ----------
    protocol : str
        Name of the protocol it belongs to.
    train_sites : tuple of str
        Sites of the training deaths; empty if nothing is trained.
    test_site : str
        Label of the tested sites in tables: ``"AP"``, ``"AP+UP"``, ``"all"``.
    repeat, fold, n_folds : int
        `n_folds` > 0: test on fold `fold` of `n_folds` stratified folds of the sites, in their `repeat`-th arrangement.
    train_size : str
        ``"all"``, ``"n=500"`` or ``"share=0.25"``: how many of the training deaths are used. Subsets of one
        `replicate` are nested, and keep the cause mix.
    seed : int
        0 if nothing is drawn at random.
    test_share : float
        > 0: test on this share of the sites' deaths, drawn stratified, the `repeat`-th time; train on the others.
    replicate : int
        Number of the training subset, where `train_size` is not ``"all"``.
    test_sites : tuple of str
        Sites of the test deaths; ``()`` means ``(test_site,)``.
    stratified : bool
        Whether the draw of `test_share` keeps the cause mix; folds and training subsets always do.
    target_labels : str
        ``"n=100 random copies=5"``: so many deaths of the test set are labelled, as the `replicate`-th sample of that
        kind; they leave the test set and count so often among the training deaths. Samples of one replicate are
        nested. Empty: none.
    """

    protocol: str
    train_sites: tuple[str, ...]
    test_site: str
    repeat: int = 0
    fold: int = 0
    n_folds: int = 0
    train_size: str = "all"
    seed: int = 0
    test_share: float = 0.0
    replicate: int = 0
    test_sites: tuple[str, ...] = ()
    stratified: bool = True
    target_labels: str = ""

    def __post_init__(self) -> None:
        if not self.test_sites:
            object.__setattr__(self, "test_sites", (self.test_site,))

    @property
    def divides_sites(self) -> bool:
        """Whether training and test deaths come from the same sites, divided at random."""
        return self.n_folds > 0 or self.test_share > 0

    def spec(self) -> dict[str, Any]:
        """Return the specification as plain data, which the key of a cell hashes. `from_spec` reads it back."""
        spec: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        spec["train_sites"], spec["test_sites"] = list(self.train_sites), list(self.test_sites)
        if not self.target_labels:
            del spec["target_labels"]  # keys of splits without labelled deaths do not know of the option
        return spec

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Split:
        """Make the split of a specification that `spec` returned."""
        sites = {name: tuple(spec[name]) for name in ("train_sites", "test_sites")}
        return cls(**{**spec, **sites})

    def _division(self) -> dict[str, Any]:
        """Return what the random division of the deaths depends on (not the fold: folds are one partition)."""
        if not self.divides_sites:
            return {}
        return {
            "sites": sorted(self.train_sites),
            "n_folds": self.n_folds,
            "test_share": self.test_share,
            "repeat": self.repeat,
            "seed": self.seed,
        } | ({} if self.stratified else {"stratified": False})

    def _training_pool(self) -> dict[str, Any]:
        """Return what the set of possible training deaths depends on, before `train_size` takes a part of it."""
        return {"sites": sorted(self.train_sites), "division": self._division(), "fold": self.fold}

    def train_key(self) -> str:
        """Return a key of the training rows alone: splits with the same key train on the same deaths.

        It does not contain the protocol and the test sites: one fit serves ``one_to_one`` from AP to every other site,
        and leaving out a country with one site is the same fit as leaving out the site.
        """
        content = self._training_pool()
        if self.train_size != "all":
            content |= {"size": self.train_size, "replicate": self.replicate, "seed": self.seed}
        if self.target_labels and label_sample(self.target_labels).copies:
            content |= {"target_labels": self.target_labels, "sample": self._label_content()}
        return content_hash(content)

    def indices(self, deaths: Deaths) -> tuple[Rows, Rows]:
        """Return the rows to train on and the rows to test on, each in the order of the death ids.

        The rows depend on this specification and the content of `deaths` only, not on the model or the order of rows
        in the file.

        Raises
        ------
        InputError
            If a site is unknown or has no deaths, causes are not known, or there are too few deaths to divide, to
            take `train_size` of or to label.
        """
        train, test = self._divided(deaths)
        train = self._subset(deaths, train)
        if self.target_labels:
            labelled = self._labelled(deaths, test)
            test = test[~np.isin(test, labelled)]
            train = np.concatenate([train, np.repeat(labelled, label_sample(self.target_labels).copies)])
        return train, test

    def labelled(self, deaths: Deaths) -> Rows:
        """Return the rows of the labelled deaths of `target_labels`, in the order of the death ids."""
        return self._labelled(deaths, self._divided(deaths)[1])

    def _divided(self, deaths: Deaths) -> tuple[Rows, Rows]:
        if unknown := sorted({*self.train_sites, *self.test_sites} - set(deaths.sites)):
            raise InputError(f"split names a site that data '{deaths.name}' does not have: {', '.join(unknown)}")
        if self.train_sites and deaths.cause is None:
            raise InputError(f"data '{deaths.name}' has no causes: only protocol=assign can use them")
        rows = _rows_by_id(deaths)
        train = self._of_sites(deaths, rows, self.train_sites)
        if self.divides_sites:
            in_test = self._drawn_for_test(deaths, train)
            train, test = train[~in_test], train[in_test]
            if self.test_sites != self.train_sites:
                test = test[np.isin(test, self._of_sites(deaths, rows, self.test_sites))]
        else:
            test = self._of_sites(deaths, rows, self.test_sites)
        return train, test

    def _labelled(self, deaths: Deaths, test: Rows) -> Rows:
        assert deaths.cause is not None
        sample = label_sample(self.target_labels)
        if sample.n >= len(test):
            raise InputError(f"target_labels.n {sample.n} leaves none of the {len(test)} deaths of {self.test_site}")
        rng = generator(integer_seed(self._label_content(), "labels"), "labels")
        return test[draw_labelled(deaths.cause[test], sample.n, sample.mix, rng)]

    def _label_content(self) -> dict[str, Any]:
        """Return what the choice of the labelled deaths depends on: neither the model nor the sites trained on."""
        return {
            "test_sites": sorted(self.test_sites),
            "division": self._division(),
            "fold": self.fold,
            "mix": label_sample(self.target_labels).mix,
            "replicate": self.replicate,
            "seed": self.seed,
        }

    def hash(self, deaths: Deaths, rows: tuple[Rows, Rows] | None = None) -> str:
        """Hash the ids of the training and test deaths with SHA-256; 64 hexadecimal digits.

        Parameters
        ----------
        deaths : Deaths
        rows : tuple of int arrays, optional
            The result of `indices`, if it was computed before.
        """
        digest = hashlib.sha256()
        for part, chosen in zip(("train", "test"), rows or self.indices(deaths), strict=True):
            digest.update("\x00".join([part, *deaths.id[chosen].tolist(), "\x01"]).encode("utf-8"))
        return digest.hexdigest()

    def _of_sites(self, deaths: Deaths, rows: Rows, sites: tuple[str, ...]) -> Rows:
        is_chosen = np.array([s in sites for s in deaths.sites], dtype=bool)
        selected = rows[is_chosen[deaths.site[rows]]]
        for site in sites:
            if not (deaths.site == deaths.sites.index(site)).any():
                raise InputError(f"site '{site}' of data '{deaths.name}' has 0 rows; nothing to train or test on")
        return selected

    def _drawn_for_test(self, deaths: Deaths, rows: Rows) -> npt.NDArray[np.bool_]:
        assert deaths.cause is not None
        cause = deaths.cause[rows]
        rng = generator(integer_seed(self._division(), "division"), "division")
        if self.n_folds:
            if len(rows) < self.n_folds:
                raise InputError(
                    f"{'+'.join(self.train_sites)} has {len(rows)} deaths: too few for {self.n_folds} folds"
                )
            return stratified_folds(cause, self.n_folds, rng) == self.fold
        n_test = round(len(rows) * self.test_share)
        if not 0 < n_test < len(rows):
            raise InputError(
                f"{'+'.join(self.train_sites)} has {len(rows)} deaths: a test share of {self.test_share} leaves "
                f"{len(rows) - n_test} to train on and {n_test} to test on"
            )
        in_test = np.zeros(len(rows), dtype=bool)
        order = stratified_order(cause, rng) if self.stratified else rng.permutation(len(cause))
        in_test[order[:n_test]] = True
        return in_test

    def _subset(self, deaths: Deaths, train: Rows) -> Rows:
        if self.train_size == "all":
            return train
        kind, _, number = self.train_size.partition("=")
        n = int(number) if kind == "n" else max(1, round(float(number) * len(train)))
        if n > len(train):
            raise InputError(
                f"train_size {n} is more than the {len(train)} training deaths of {'+'.join(self.train_sites)}"
            )
        assert deaths.cause is not None
        # the seed depends neither on the size (subsets are nested) nor on the test sites (one fit serves all)
        content = {**self._training_pool(), "replicate": self.replicate, "seed": self.seed}
        order = stratified_order(deaths.cause[train], generator(integer_seed(content, "subset"), "subset"))
        return train[np.sort(order[:n])]
