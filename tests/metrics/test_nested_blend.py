"""The choice of the parameters of `quick_blend` without the left-out site, on scores whose answer is known."""

from __future__ import annotations

import numpy as np

from benchmarks.nested_blend import NEIGHBOURS, POSTERIOR_SHARES, Scores, candidate_by_site, single_death_accuracy
from va_experiments.models.ensembles.neighbours import average_with_neighbours


def scores(at_sites: list[list[float]]) -> Scores:
    """Scores of candidates that do as well at a site whatever they are trained on: rows are sites."""
    outer = np.array(at_sites)
    n = len(outer)
    inner = np.array([outer[np.arange(n) != left].mean(axis=0) for left in range(n)])
    return Scores(outer, inner, np.zeros_like(outer))


def test_a_candidate_that_only_the_left_out_site_likes_is_not_chosen_there():
    one = scores([[0.5, 0.9], [0.5, 0.4], [0.5, 0.4], [0.5, 0.4]])
    assert one.outer.mean(axis=0).argmax() == 1  # in hindsight the second
    assert candidate_by_site([one]).tolist() == [0, 1, 1, 1]


def test_files_choose_together_and_equals_go_to_the_first():
    first, second = scores([[0.1, 0.3, 0.2]] * 3), scores([[0.4, 0.1, 0.2]] * 3)
    assert candidate_by_site([first]).tolist() == [1, 1, 1]
    assert candidate_by_site([second]).tolist() == [0, 0, 0]
    assert candidate_by_site([first, second]).tolist() == [0, 0, 0]
    assert candidate_by_site([scores([[0.2, 0.2]] * 3)]).tolist() == [0, 0, 0]


def test_accuracy_of_every_candidate_equals_a_plain_loop():
    rng = np.random.default_rng(7)
    p, present, weights = rng.dirichlet(np.ones(3), size=50), rng.random((50, 6)) < 0.5, rng.random(6)
    truth = rng.integers(0, 3, size=50)
    expected = []
    for count, share in NEIGHBOURS:
        q = average_with_neighbours(p, present, weights, neighbours=count, share=share)
        counts = np.bincount(q.argmax(axis=1), minlength=3) / 50
        for a in POSTERIOR_SHARES:
            moved = q * ((1 - a) * q.mean(axis=0) + a * counts) / q.mean(axis=0)
            expected.append((moved.argmax(axis=1) == truth).mean())
    assert np.allclose(single_death_accuracy(p, truth, present, weights), expected)
