"""Averages with similar test deaths, by hand and against a plain loop."""

from __future__ import annotations

import numpy as np

from va_experiments.data.deaths import Deaths
from va_experiments.models.ensembles import neighbours
from va_experiments.models.ensembles.neighbours import average_with_neighbours, similarity_weights


def drawn(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.dirichlet(np.ones(4), size=n), rng.random((n, 9)) < 0.4, rng.random(9)


def plain(p: np.ndarray, present: np.ndarray, weights: np.ndarray, k: int, share: float) -> np.ndarray:
    rows = []
    for i in range(len(p)):
        similar = []
        for j in range(len(p)):
            a, b = present[i] * weights, present[j] * weights
            size = np.linalg.norm(a) * np.linalg.norm(b)
            similar.append((a @ b / size if size else 0.0) * np.sqrt(p[i] * p[j]).sum())
        nearest = sorted((j for j in range(len(p)) if j != i), key=lambda j: -similar[j])[:k]
        rows.append((1 - share) * p[i] + share * p[nearest].mean(axis=0))
    return np.array(rows)


def test_equals_a_plain_loop_in_one_block_and_in_many(monkeypatch):
    p, present, weights = drawn(40)
    expected = plain(p, present, weights, 5, 0.3)
    for block in (512, 7):
        monkeypatch.setattr(neighbours, "_BLOCK", block)
        assert np.allclose(average_with_neighbours(p, present, weights, neighbours=5, share=0.3), expected)


def test_two_alike_deaths_share_their_mean_and_a_third_takes_from_the_nearer_one():
    p = np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])
    present = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=bool)
    averaged = average_with_neighbours(p, present, np.ones(3), neighbours=1, share=0.5)
    assert np.allclose(averaged, [[0.6, 0.4], [0.6, 0.4], [0.45, 0.55]])


def test_copies_of_a_death_are_not_its_neighbours_and_undetermined_deaths_take_no_part():
    p, present, weights = drawn(12)
    once = average_with_neighbours(p, present, weights, neighbours=3, share=0.4)
    rows = np.array([0, 0, 0, *range(12)])
    averaged = average_with_neighbours(p[rows], present[rows], weights, neighbours=3, share=0.4)
    assert np.array_equal(averaged, once[rows])
    p[4] = 0
    averaged = average_with_neighbours(p, present, weights, neighbours=3, share=0.4)
    rest = np.arange(12) != 4
    assert (averaged[4] == 0).all()
    assert np.array_equal(
        averaged[rest], average_with_neighbours(p[rest], present[rest], weights, neighbours=3, share=0.4)
    )
    assert (average_with_neighbours(p[:1], present[:1], weights, neighbours=3, share=0.4) == p[:1]).all()


def test_of_many_deaths_neighbours_are_sought_among_some(monkeypatch):
    p, present, weights = drawn(30)
    monkeypatch.setattr(neighbours, "LARGEST_POOL", 6)
    averaged = average_with_neighbours(p, present, weights, neighbours=2, share=1.0)
    means = {(a, b): p[[a, b]].mean(axis=0) for a in range(30) for b in range(a)}
    used = {k for row in averaged for pair, mean in means.items() if np.allclose(row, mean) for k in pair}
    assert 2 < len(used) <= 6


def test_weights_are_stability_times_rarity(small_deaths: Deaths):
    similarity = similarity_weights(small_deaths)
    present = (small_deaths.symptoms == 1).sum(axis=0)
    rarity = np.log((1 + len(small_deaths)) / (1 + present)) + 1
    assert similarity.shape == (small_deaths.n_symptoms,)
    assert (similarity <= rarity + 1e-12).all()
    assert (similarity >= 0).all()
