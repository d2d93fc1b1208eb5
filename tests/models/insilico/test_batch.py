"""The batched sampler (PyTorch) has the posterior of the compiled one. On the CPU; skipped without the extra 'gpu'."""

from __future__ import annotations

import numpy as np
import pytest

from va_experiments.errors import InputError
from va_experiments.models.empirical import to_levels
from va_experiments.models.insilico.batch import sample_batch
from va_experiments.models.insilico.chain import Run, Sampling
from va_experiments.models.insilico.problem import Problem, build_problem


def deaths(seed: int, n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    probability = rng.beta(0.6, 1.2, size=(20, 5))
    rng = np.random.default_rng(seed)
    cause = rng.choice(5, p=[0.45, 0.3, 0.15, 0.07, 0.03], size=n)
    symptoms = (rng.random((n, 20)) < probability[:, cause].T).astype(np.int8)
    symptoms[rng.random(symptoms.shape) < 0.1] = -1
    return symptoms[rng.integers(0, n, size=n)], probability  # resampled: some deaths occur several times


def problem(seed: int, *, update: bool = True, ruled: bool = False) -> Problem:
    symptoms, probability = deaths(seed)
    possible = None
    if ruled:
        possible = np.ones((len(symptoms), 5), dtype=bool)
        possible[symptoms[:, 0] == 1, 2] = False
        possible[:, 4] = False
    if not update:
        return build_problem(symptoms, probability=np.clip(probability, 1e-4, 0.999), possible=possible)
    level = to_levels(np.clip(probability, 1e-6, 1), "fixed").index
    return build_problem(symptoms, level=level, possible=possible, levels_strength=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("update", "ruled"), [(True, False), (False, False), (True, True)])
def test_batched_and_compiled_samplers_agree(update, ruled):
    pytest.importorskip("torch", reason="needs the extra 'gpu'")
    problems = [problem(k, update=update, ruled=ruled) for k in (1, 2)]
    batch = sample_batch([p for p in problems for _ in range(3)], Sampling(1800, 300), seed=1, device="cpu")
    for k, one in enumerate(problems):
        run = Run(one, Sampling(6000, 500), seed=2)
        run.sample(lambda run: True, 6000)
        ours = run.csmf_draws.reshape(-1, 5)
        theirs = batch.csmf_draws[3 * k : 3 * k + 3].reshape(-1, 5)
        np.testing.assert_allclose(theirs.mean(axis=0), ours.mean(axis=0), atol=0.008)
        np.testing.assert_allclose(theirs.std(axis=0), ours.std(axis=0), atol=0.004)
        n = len(one.arrays.profile)
        p = run.probability[:, :5] / run.probability.sum(axis=1, keepdims=True)
        q = batch.probability[3 * k : 3 * k + 3, :n].sum(axis=0)
        np.testing.assert_allclose(q / q.sum(axis=1, keepdims=True), p, atol=0.03)
        if update:
            np.testing.assert_allclose(
                batch.level_draws[3 * k : 3 * k + 3].mean(axis=(0, 1)), run.level_draws.mean(axis=(0, 1)), atol=0.01
            )


def test_a_batch_is_reproducible():
    pytest.importorskip("torch", reason="needs the extra 'gpu'")
    one = [problem(1)] * 3
    first, again = (sample_batch(one, Sampling(30, 10), seed=5, device="cpu") for _ in range(2))
    np.testing.assert_array_equal(first.csmf_draws, again.csmf_draws)
    assert not np.array_equal(first.csmf_draws[0], first.csmf_draws[1])


def test_many_test_sets_are_sampled_at_once(monkeypatch, small_deaths):
    pytest.importorskip("torch", reason="needs the extra 'gpu'")
    import va_experiments.models.insilico.batch as batch
    from va_experiments.models import InSilicoVA

    sizes = []

    def on_the_cpu(problems, sampling, *, seed, device):
        sizes.append(len(problems))
        return sample_batch(problems, sampling, seed=seed, device="cpu")

    monkeypatch.setattr(batch, "sample_batch", on_the_cpu)
    monkeypatch.setattr("va_experiments.models.insilico.insilico.require_device", lambda name, device: None)
    train, test = small_deaths.take(np.arange(200)), small_deaths.take(np.arange(200, 300)).without_causes()
    rng = np.random.default_rng(3)
    sets = [rng.integers(0, 100, size=n) for n in (100, 60, 100)]  # of different sizes
    options = {"n_iterations": 600, "burn_in": 200, "n_chains": 2, "auto_length": False}
    model = InSilicoVA(device="cuda", **options).fit(train, seed=1)
    predictions = list(model.predict_sets(test, sets, seed=2))
    assert sum(sizes) == 6
    assert len(sizes) < 6
    plain = InSilicoVA(**options).fit(train, seed=1)
    for rows, ours in zip(sets, predictions, strict=True):
        other = plain.predict(test.take(rows), seed=2)
        assert ours.probability.shape == (len(rows), 4)
        np.testing.assert_allclose(ours.csmf, other.csmf, atol=0.03)
        np.testing.assert_allclose(ours.probability, other.probability, atol=0.1)
        assert ours.diagnostics["n_chains"] == 2


def test_what_a_batch_cannot_take_is_named():
    pytest.importorskip("torch", reason="needs the extra 'gpu'")
    symptoms, probability = deaths(1)
    grouped = build_problem(symptoms, probability=np.clip(probability, 0.01, 0.99), group=np.arange(120) % 2)
    with pytest.raises(InputError, match="subpopulations"):
        sample_batch([grouped], Sampling(10, 1), seed=1, device="cpu")
    other = build_problem(symptoms, probability=np.clip(probability[:, :4], 0.01, 0.99))
    with pytest.raises(InputError, match="same causes"):
        sample_batch([problem(1), other], Sampling(10, 1), seed=1, device="cpu")


def test_a_missing_torch_or_gpu_is_named():
    with pytest.raises(InputError, match=r"extra 'gpu'|no CUDA device"):
        sample_batch([problem(1)], Sampling(10, 1), seed=1, device="cuda")
