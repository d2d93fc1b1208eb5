"""LCVA: a Bayesian nested latent class model for several sites (Li, Wu, Chen and Clark 2021, arXiv:2112.12186)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from va_experiments import callbacks, seeds
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction
from va_experiments.models.lcva.prediction import TARGETS, Target, TargetDraws, sample_targets
from va_experiments.models.lcva.training import Priors, TrainingDraws, sample_training

__all__ = ["LCVA"]

_SETS_AT_ONCE = 50  # test sets that share the likelihood of a training draw: bounds the memory


class LCVA(Model):
    """Latent classes of each cause, shared by the sites; their weights differ by cause and site.

    Symptoms are independent given the cause and its class; a missing answer is skipped. Most classes of a cause share
    the cause's baseline probability of a symptom. The training stage samples classes, weights and profiles; the
    prediction stage samples the causes, the cause fractions and the class weights of the test site, and does not
    change the profiles. The causes of one death therefore depend on the other test deaths.

    Parameters
    ----------
    classes : int
        Latent classes of each cause.
    target : {"D", "DC", "N", "C"}
        Class weights at the test site. ``D``: a mixture of the training sites' weights, the same for all causes.
        ``DC``: a mixture for each cause, in which a site counts by its share of the cause's training deaths. ``N``:
        weights of its own. ``C``: all training deaths are one domain, and so is the test site.
    n_iterations, burn_in, thin : int
        Iterations of the training stage, those thrown away at the start, and how many to one draw that is kept.
    n_prediction, prediction_burn_in : int
        Sweeps over the test deaths, each with one training draw, and those thrown away at the start.
    n_chains : int
        Chains of the training stage; their draws are pooled with equal weights.
    alpha_pi, alpha_eta : float
        Dirichlet priors of the cause fractions, and of the weights of the training sites.

    Attributes
    ----------
    draws_ : TrainingDraws
    trained_ : int array, shape (n_trained,)
        The causes that occur in training; the others get probability 0.
    """

    depends_on_test_set: ClassVar[bool] = True
    prediction_share: ClassVar[float] = 0.2

    def __init__(
        self,
        *,
        classes: int = 10,
        target: str = "D",
        n_iterations: int = 600,
        burn_in: int = 300,
        thin: int = 3,
        n_prediction: int = 300,
        prediction_burn_in: int = 100,
        n_chains: int = 1,
        alpha_pi: float = 1.0,
        alpha_eta: float = 0.1,
    ) -> None:
        self.classes = classes
        self.target = target
        self.n_iterations = n_iterations
        self.burn_in = burn_in
        self.thin = thin
        self.n_prediction = n_prediction
        self.prediction_burn_in = prediction_burn_in
        self.n_chains = n_chains
        self.alpha_pi = alpha_pi
        self.alpha_eta = alpha_eta

    @property
    def prediction_is_costly(self) -> bool:
        """Whether each test set becomes its own task: no, as the training stage costs as much."""
        return False

    def check_parameters(self) -> None:
        """Check every parameter."""
        self.check_choice("target", TARGETS)
        counts = {name: getattr(self, name) for name in ("classes", "thin", "n_chains", "n_iterations", "n_prediction")}
        self.check(
            [
                *((n >= 1, f"{name} is {n!r}; expected 1 or more") for name, n in counts.items()),
                (
                    0 <= self.burn_in <= self.n_iterations - self.thin,
                    f"burn_in is {self.burn_in!r}; expected 0 to n_iterations - thin = {self.n_iterations - self.thin}",
                ),
                (
                    0 <= self.prediction_burn_in < self.n_prediction,
                    f"prediction_burn_in is {self.prediction_burn_in!r}; expected 0 to below n_prediction = "
                    f"{self.n_prediction}",
                ),
                (self.alpha_pi > 0, f"alpha_pi is {self.alpha_pi!r}; expected above 0"),
                (self.alpha_eta > 0, f"alpha_eta is {self.alpha_eta!r}; expected above 0"),
            ]
        )

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        """Sample classes, weights and profiles on the training deaths."""
        self.check_parameters()
        labels = self.validate_train(train)
        self.trained_, cause = np.unique(labels, return_inverse=True)
        domain = np.zeros(len(train), dtype=np.int64) if self.target == "C" else np.asarray(train.site, dtype=np.int64)
        _, site = np.unique(domain, return_inverse=True)
        chains, parts = [], callbacks.Parts([1.0] * self.n_chains)
        for number in range(self.n_chains):
            with parts.next(chain=number):
                chain = sample_training(
                    train.symptoms,
                    cause,
                    site,
                    n_classes=self.classes,
                    n_iterations=self.n_iterations,
                    burn_in=self.burn_in,
                    thin=self.thin,
                    priors=Priors(),
                    rng=seeds.generator(seed, f"chain {number}"),
                )
            chains.append(chain)
        self.draws_ = TrainingDraws(
            *(np.concatenate([getattr(chain, name) for chain in chains]) for name in ("logit", "weight", "free"))
        )
        deaths = np.zeros((len(self.trained_), int(site.max()) + 1))
        np.add.at(deaths, (cause, site), 1)
        self.share_ = deaths / deaths.sum(axis=1, keepdims=True)
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        """Sample causes and cause fractions of these deaths together."""
        return next(self.predict_sets(test, [np.arange(len(test))], seed=seed))

    def predict_sets(
        self, test: Deaths, sets: Sequence[npt.NDArray[np.intp]], *, seed: int = 0
    ) -> Iterator[Prediction]:
        """Yield the prediction of each test set; only the prediction stage is repeated."""
        self.validate_test(test)
        target = Target(self.target, self.alpha_pi, self.alpha_eta, self.share_, Priors())
        for start in range(0, len(sets), _SETS_AT_ONCE):
            draws_of_sets = sample_targets(
                test.symptoms,
                sets[start : start + _SETS_AT_ONCE],
                self.draws_,
                target,
                n_draws=self.n_prediction,
                burn_in=self.prediction_burn_in,
                seed=seed,
            )
            yield from (self._prediction(test, draws) for draws in draws_of_sets)

    def _prediction(self, test: Deaths, target: TargetDraws) -> Prediction:
        """Spread what was sampled over the declared causes."""
        n_causes, columns = len(test.causes), self.trained_
        probability, draws = np.zeros((len(target.probability), n_causes)), np.zeros((len(target.csmf), n_causes))
        probability[:, columns] = target.probability
        probability /= np.maximum(probability.sum(axis=1, keepdims=True), 1e-300)
        draws[:, columns] = target.csmf
        diagnostics = {
            "target": self.target,
            "classes": self.classes,
            "training_draws": len(self.draws_.weight),
            "free_cells": float(self.draws_.free.mean()),
        }
        if target.eta.shape[1]:
            diagnostics["largest_site_weight"] = float(target.eta.max())
        return Prediction(probability, draws.mean(axis=0), draws, diagnostics=diagnostics)
