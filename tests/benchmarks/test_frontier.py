import pytest

from benchmarks.frontier import Point, along, near_frontier, qps_at, unbeaten


def test_unbeaten_drops_points_that_another_beats_in_both():
    points = [Point(0.9, 100), Point(0.92, 90), Point(0.91, 80), Point(0.95, 95), Point(0.99, 10)]
    assert unbeaten(points) == [Point(0.9, 100), Point(0.95, 95), Point(0.99, 10)]


def test_unbeaten_keeps_the_faster_of_equal_recalls():
    assert unbeaten([Point(0.9, 1), Point(0.9, 2)]) == [Point(0.9, 2)]


def test_speed_is_interpolated_in_its_logarithm():
    curve = [Point(0.90, 10_000), Point(0.94, 100)]
    assert along(curve, 0.92) == pytest.approx(1000)
    assert along(curve, 0.91) == pytest.approx(10_000 * 10**-0.5)


def test_measured_points_are_read_as_they_are():
    curve = [Point(0.90, 500), Point(0.95, 300), Point(0.99, 100)]
    assert [along(curve, p.recall) for p in curve] == pytest.approx([500, 300, 100])


def test_below_the_lowest_recall_the_fastest_point_counts():
    assert along([Point(0.97, 70), Point(0.99, 50)], 0.90) == 70


def test_above_the_highest_recall_there_is_no_answer():
    assert along([Point(0.97, 70)], 0.971) is None
    assert along([], 0.9) is None
    assert qps_at([], 0.9) is None


def test_the_frontier_is_the_best_curve_and_never_joins_two():
    fast = [Point(0.90, 1000), Point(0.95, 800)]
    sure = [Point(0.951, 100), Point(0.99, 90)]
    assert qps_at([fast, sure], 0.95) == pytest.approx(800)
    assert qps_at([fast, sure], 0.955) == pytest.approx(along(sure, 0.955))


def test_only_points_near_the_frontier_are_worth_repeating():
    curves = [[Point(0.90, 1000), Point(0.99, 100)], [Point(0.95, 80)]]
    assert near_frontier(Point(0.90, 1000), curves, 0.7)
    assert not near_frontier(Point(0.95, 80), curves, 0.7)
