"""The chart of a search: plan below, bound above, nothing outside the frame."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt.web.convergence import HEIGHT, WIDTH, chart, sentence
from bundleopt.web.job import Job, JobKind, Point

_AMOUNTS = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def searches(draw: st.DrawFn) -> list[Point]:
    """A search as engines run it: plans only get better, bounds only lower, and no plan beats a bound."""
    values = sorted(draw(st.lists(_AMOUNTS, min_size=1, max_size=12)))
    top = values[-1]
    gaps = sorted(draw(st.lists(st.floats(0, 1e7), min_size=len(values), max_size=len(values))), reverse=True)
    first = draw(st.integers(0, len(values)))
    return [
        Point(place * 0.7, value, top + gap if place >= first else None)
        for place, (value, gap) in enumerate(zip(values, gaps, strict=True))
    ]


@settings(max_examples=80, deadline=None)
@given(points=searches(), after=st.floats(0, 100))
def test_all_marks_stay_inside_and_the_bound_above_the_plan(points: list[Point], after: float) -> None:
    drawn = str(chart(points, points[-1].seconds + after))
    assert "nan" not in drawn
    for path in re.findall(r' d="([^"]+)"', drawn):
        for axis, number in re.findall(r"([MHVL,])(-?[\d.]+)", path):
            limit = WIDTH if axis in "MHL" else HEIGHT
            assert 0 <= float(number) <= limit
    ends = dict(re.findall(r'<circle class="(value|bound)" cx="[\d.]+" cy="([\d.]+)" r="4"/>(?!<text)', drawn))
    if points[-1].bound is not None:
        assert float(ends["bound"]) <= float(ends["value"]) + 0.1


def test_the_sentence_says_value_bound_and_gap() -> None:
    assert sentence([]) == "No plan yet."
    assert sentence([Point(1, 90.0, None)]) == "Best plan so far: 90.00; no bound yet."
    assert sentence([Point(1, 90.0, 100.0)]) == (
        "Best plan so far: 90.00. No plan brings more than 100.00 (gap 10.0 %)."
    )


def test_a_job_hears_a_search_and_the_next_one() -> None:
    job = Job(JobKind.PLAN, "x", {})
    for seconds, value, bound in (
        (0.1, None, None),
        (0.2, 5.0, None),
        (0.3, 5.0, 9.0),
        (0.4, 5.0, 9.0),
        (0.5, 6.0, 9.0),
    ):
        job.hear({"seconds": seconds, "value": value, "bound": bound})
    assert [(point.value, point.bound) for point in job.points] == [(5.0, None), (5.0, 9.0), (6.0, 9.0)]
    job.hear({"seconds": 0.1, "value": 1.0, "bound": 2.0})
    assert job.points == [Point(0.1, 1.0, 2.0)]
