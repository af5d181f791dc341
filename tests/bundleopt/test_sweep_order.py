"""The order of a sweep: every point once, after the points it begins with, and next to them at the end."""

from __future__ import annotations

import math

import pytest

from bundleopt.scenarios.order import waves


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 20, 64, 101])
def test_every_point_comes_once_and_after_those_it_begins_with(count: int) -> None:
    found = waves(count)
    places = [turn.place for wave in found for turn in wave]
    assert sorted(places) == list(range(count))
    assert len(found) == (math.floor(math.log2(count)) + 1 if count else 0)
    done: set[int] = set()
    for wave in found:
        for turn in wave:
            assert set(turn.earlier) <= done
            gaps = [abs(place - turn.place) for place in turn.earlier]
            assert gaps == sorted(gaps)
        done |= {turn.place for turn in wave}


@pytest.mark.parametrize("count", [3, 7, 20, 64])
def test_the_last_points_begin_with_their_very_neighbours(count: int) -> None:
    last = waves(count)[-1]
    assert all(abs(turn.earlier[0] - turn.place) == 1 for turn in last)
