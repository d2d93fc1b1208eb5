"""A model whose answer depends on every death it saw and on its seed, in as many steps and seconds as asked for."""

import os
import time
from typing import Self

import numpy as np

from va_experiments import callbacks
from va_experiments.data.deaths import Deaths
from va_experiments.models.base import Model, Prediction, labels_of
from vatoys.misbehave import note, perhaps


class Steady(Model):
    """Shares and words of the training deaths, stirred by the seed; can go on from the middle."""

    depends_on_test_set = True

    def __init__(self, *, seconds: float = 0.0, steps: int = 1, level: int = 0) -> None:
        self.seconds = seconds
        self.steps = steps
        self.level = level

    def fit(self, train: Deaths, *, seed: int = 0) -> Self:
        self.weight_ = np.bincount(labels_of(train), minlength=len(train.causes)) + 1.0
        return self

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        sites = [test.sites[s] for s in np.unique(test.site)]
        rng = np.random.Generator(np.random.Philox(seed))
        total, first = np.zeros((len(test), len(self.weight_))), 0
        saved = callbacks.resume()
        if saved is not None:
            total, first = saved["total"], int(saved["step"])
            rng.bit_generator.state = {
                **rng.bit_generator.state,
                "state": {"counter": saved["counter"], "key": saved["key"]},
                "buffer": saved["buffer"],
                "buffer_pos": saved["buffer_pos"],
            }
        note(event="begin", seed=seed, sites=sites, step=first)
        for step in range(first, self.steps):
            time.sleep(self.seconds / self.steps)
            total += rng.dirichlet(self.weight_, size=len(test)) * (1 + (test.symptoms == 1).sum(1, keepdims=True))
            callbacks.progress(step + 1, self.steps)
            state = rng.bit_generator.state
            place = {name: state[name] for name in ("buffer", "buffer_pos")}
            callbacks.checkpoint({"total": total, "step": step + 1, **state["state"], **place})
            perhaps("step", sites, seed * 1000 + step)
        perhaps("predict", sites, seed)
        probability = total / total.sum(1, keepdims=True)
        note(event="end", seed=seed, sites=sites)
        return Prediction(probability, probability.mean(0))


class Wobbly(Steady):
    """Not deterministic: says something else whenever ``VA_TOY_WOBBLE`` says something else."""

    def predict(self, test: Deaths, *, seed: int = 0) -> Prediction:
        return super().predict(test, seed=seed + int(os.environ.get("VA_TOY_WOBBLE", "0")))
