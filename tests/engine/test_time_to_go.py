"""The time to go: by model, with the progress inside fits, and without a rise that has no reason."""

from __future__ import annotations

import pytest

from benchmarks.event_streams import at_share, recorded_streams
from benchmarks.time_to_go import WITHIN, recorded_runs, replay
from va_experiments.engine.time_to_go import Shown, TimeToGo
from va_experiments.execute import Running
from va_experiments.typical_costs import usual_rate


def planned(*, recorded: bool = False) -> TimeToGo:
    left = TimeToGo()
    left.plan("a", "nbc", 10, 10.0, recorded=recorded)
    left.plan("b", "insilico", 2, 100.0, recorded=recorded)
    return left


def test_all_is_left_at_the_start() -> None:
    assert planned().left([], 0.0) == 110.0
    assert planned().uncertain == ("nbc", "insilico")
    assert planned(recorded=True).uncertain == ()


def test_finished_fits_correct_their_own_model() -> None:
    left = planned(recorded=True)
    for _ in range(9):
        left.done("a", 1.0, 2.0)
    assert left.left([], 0.0) == pytest.approx(2.0 + 100, rel=0.01), "insilico has its own record"
    assert left.slowest_change() == "nbc takes 2.0 times its estimate"


def test_typical_costs_follow_the_speed_of_the_machine() -> None:
    left = planned()
    for _ in range(9):
        left.done("a", 1.0, 2.0)
    assert 130 < left.left([], 0.0) < 200, "another model may be off by itself: the ratio of one is shrunken"
    assert left.uncertain == ("insilico",)


def test_the_first_fits_of_the_workers_count_little() -> None:
    left = planned(recorded=True)
    for seconds in (9.0, 1.0, 1.0):
        left.done("a", 1.0, seconds)
    assert left.left([], 0.0) == pytest.approx(7 + 100), "the first imported a library"


def test_progress_inside_a_fit_counts_from_its_first_note() -> None:
    left = planned(recorded=True)
    for seconds, done in ((60.0, 1), (70.0, 26)):  # a minute of compiling, then a quarter in 10 s
        shown = left.left([Running("k", "insilico · AP", started=0.0, done=done, total=100)], seconds)
    assert shown == pytest.approx(10 + 0.74 * 43 + 46, rel=0.1)
    assert left.uncertain == ()


def test_a_fit_without_notes_is_taken_to_need_more_when_it_is_overdue() -> None:
    left, silent = planned(recorded=True), Running("k", "insilico · AP", started=0.0)
    assert left.left([silent], 30.0) == pytest.approx(10 + 20 + 50)
    assert left.left([silent], 500.0) == pytest.approx(10 + 50 + 500), "as slow is the other; a tenth is always left"


def test_the_seconds_between_fits_count() -> None:
    left = TimeToGo()
    left.plan("a", "nbc", 100, 1.0, recorded=True)
    left.done("a", 0.01, 0.01)
    left.left([], 0.0)
    for _ in range(49):
        left.done("a", 0.01, 0.01)
    assert left.left([], 4.9) == pytest.approx(50 * 0.1), "a tenth of a second for each, of which the fit is a tenth"


def test_fits_to_come_are_placed_on_the_workers() -> None:
    left = planned(recorded=True)
    assert left.left([], 0.0, 2) == 55.0, "50 and five of 1"
    assert left.left([Running("k", "insilico · AP", started=0.0)], 20.0, 2) == 50.0, "the second takes longest"
    many = TimeToGo()
    many.plan("a", "nbc", 10_000, 10_000.0, recorded=True)
    assert many.left([], 0.0, 4) == 2500.0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("learn", [False, True], ids=["first run", "with the costs of the runs before"])
def test_at_half_time_of_ten_recorded_runs_the_estimate_is_within_its_bound(workers: int, learn: bool) -> None:
    runs = recorded_runs()
    assert len(runs) == 10
    for name, truth, shown in replay(runs, workers=workers, learn=learn):
        assert abs(shown - truth) <= WITHIN * truth, f"{name}: {shown:.2f} s shown, {truth:.2f} s true"


def test_models_of_one_name_are_told_apart_by_their_digest() -> None:
    left = TimeToGo()
    left.plan("a", "xgboost", 1, 10.0, recorded=True)
    left.plan("b", "xgboost", 1, 100.0, recorded=True)
    assert left.left([Running("k", "xgboost · AP", started=0.0, model="a")], 4.0) == 106.0


def test_nothing_is_left_at_the_end() -> None:
    left = planned()
    for _ in range(10):
        left.done("a", 1.0, 3.0)
    for _ in range(2):
        left.done("b", 50.0, 70.0)
    assert left.left([], 0.0) == pytest.approx(0.0)


def test_the_first_fits_of_a_model_without_a_record_compile() -> None:
    left = TimeToGo()
    left.plan("a", "lcva", 3, 30.0, recorded=False, start=6.0)
    assert left.left([], 0.0, 2) == 26.0, "both workers compile, one of them runs two fits"
    first = [Running("k", "lcva · AP", started=0.0), Running("l", "lcva · UP", started=0.0)]
    assert left.left(first, 4.0, 2) == pytest.approx(12 + 10)


def test_the_pause_of_the_first_fit_is_no_part_of_its_speed() -> None:
    left = planned(recorded=True)
    for seconds, done in ((1.0, 1), (13.0, 2), (23.0, 22), (33.0, 42)):  # twelve seconds to compile what predicts
        shown = left.left([Running("k", "insilico · AP", started=0.0, done=done, total=100)], seconds)
    assert shown == pytest.approx(10 + 0.58 * 50 + 50, rel=0.05)


def test_on_a_shared_machine_a_fit_alone_is_given_what_two_had() -> None:
    left = TimeToGo()
    left.plan("a", "nbc", 3, 30.0, recorded=True)
    assert left.left([], 0.0, 2) == 20.0
    assert left.left([], 0.0, 2, load=4.0) == pytest.approx(20 / 4 + 15 * 3 / 4)


def test_a_recorded_cost_leaves_out_the_first_fits_of_the_workers() -> None:
    assert usual_rate([28.0, 29.7, 4.0], 2) == 4.0
    assert usual_rate([5.0, 6.0], 2) == 5.0
    assert usual_rate([1.0, 2.0, 3.0, 9.0, 9.0], 2) == 2.0


def test_what_is_shown_does_not_rise_without_a_reason() -> None:
    shown = Shown()
    assert shown.update(100.0, 0.0, ()) == 100.0
    assert shown.update(98.0, 10.0, ()) == 90.0, "a small rise is not shown"
    assert shown.reason == ""
    assert shown.update(200.0, 20.0, ["", "insilico takes 2.0 times its estimate"]) == 200.0
    assert shown.reason == "insilico takes 2.0 times its estimate"
    assert shown.update(150.0, 30.0, ()) == 150.0
    assert shown.reason == "", "it has fallen again"
    assert shown.update(None, 40.0, ()) is None


def test_a_stream_of_events_is_replayed_with_the_same_figures() -> None:
    stream = recorded_streams()["05_tuned"]
    assert at_share(stream, {}, 0.5) == at_share(stream, {}, 0.5)
    assert at_share(stream, {}, 1.0)[0] == 0.0
