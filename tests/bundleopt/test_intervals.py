from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt.plan import cents, intervals, plan_draws
from bundleopt.plan.plan_draws import PlanDraws
from bundleopt.plan.totals import all_totals
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt.stages.draws import selection_optimism
from bundleopt_models.draw_values import DrawValues
from bundleopt_models.uncertainty import Uncertainty
from tests.bundleopt.small_plan import small_valued_plan


@pytest.mark.parametrize("offers", [40, 400])
def test_the_interval_holds_the_outcomes_it_should(offers: int) -> None:
    draw = np.random.default_rng(3)
    probability = draw.uniform(0.01, 0.3, offers)
    amount = draw.gamma(2.0, 2.0, offers)
    interval = intervals.outcome_interval(probability, amount, level=0.9)
    outcomes = (draw.random((40_000, offers)) < probability) @ amount
    inside = np.mean((outcomes >= interval.low) & (outcomes <= interval.high))
    assert inside == pytest.approx(0.9, abs=0.02)


def test_the_interval_stays_in_the_range_and_holds_its_mean() -> None:
    probability, amount = np.array([0.01, 0.02]), np.array([5.0, 5.0])
    interval = intervals.outcome_interval(probability, amount, level=0.8)
    assert 0.0 <= interval.low <= 0.15 <= interval.high <= 10.0


def test_nothing_random_has_a_point_as_interval() -> None:
    interval = intervals.outcome_interval(np.array([1.0]), np.array([3.0]), level=0.9, offset=2.0)
    assert (interval.low, interval.high) == (5.0, 5.0)
    empty = intervals.outcome_interval(np.zeros(0), np.zeros(0), level=0.9)
    assert (empty.low, empty.high) == (0.0, 0.0)


def test_what_a_redemption_adds_is_zero_where_nobody_redeems() -> None:
    amount = intervals.amount_per_redemption(np.array([2.0, 1.0]), np.array([0.5, 0.0]))
    assert amount.tolist() == [4.0, 0.0]


@given(st.lists(st.floats(-1e5, 1e5, allow_nan=False), max_size=60))
def test_rows_in_cents_add_up_to_the_total_and_stay_within_a_cent(amounts: list[float]) -> None:
    array = np.array(amounts, dtype=np.float64)
    total = cents.total_in_cents(array)
    rows = cents.rows_in_cents(array, total)
    assert int(rows.sum()) == (total if len(array) else 0)
    assert np.all(np.abs(rows - array * 100) <= 1.0 + 1e-6)


def still_draws(valued: ValuedPlan, *, week: float = 0.0) -> PlanDraws:
    """Draws that move nothing, with a shock of the week."""
    each = {
        "redemption": valued.redemption,
        "promo_spend": valued.promo_spend,
        "incremental_revenue": valued.incremental_revenue,
        "incremental_margin": valued.incremental_margin,
        "units": valued.units.sum(1),
    }
    items = len(valued.stock.baseline)
    nothing = dict.fromkeys(("level", "category_level", "slope", "category_slope", "item_week"), np.zeros(items, "f4"))
    spreads = nothing | {"units_square": np.ones(items, np.float32)}
    return PlanDraws(
        values=DrawValues(**{name: np.repeat(part[None], 80, axis=0) for name, part in each.items()}),
        level=np.zeros((80, items), np.float32),
        units=np.ones(items, np.float32),
        uncertainty=Uncertainty.of(spreads, {"common_level": 0.0, "common_slope": 0.0, "week": week}),
        seed=(1,),
    )


def test_draws_that_agree_leave_the_expectation_a_point_and_the_outcome_to_chance() -> None:
    valued = small_valued_plan()
    found = plan_draws.spreads(valued, still_draws(valued), level=0.8)
    for name in ("incremental_revenue", "redemptions", "promo_spend"):
        inside = found[name].expectation
        assert inside.high - inside.low == pytest.approx(0.0, abs=1e-9)
        assert found[name].mean == pytest.approx(inside.low)
        assert found[name].outcome.low < found[name].outcome.high
    redeemed = found["redemptions"].outcome
    outcomes = (np.random.default_rng(0).random((50_000, len(valued.redemption))) < valued.redemption).sum(1)
    assert (redeemed.low, redeemed.high) == tuple(np.quantile(outcomes, [0.1, 0.9]))


def test_a_shock_of_the_week_widens_the_outcome_and_not_the_expectation() -> None:
    valued = small_valued_plan()
    calm, wild = (plan_draws.spreads(valued, still_draws(valued, week=week), level=0.8) for week in (0.0, 0.5))
    assert wild["revenue"].expectation == calm["revenue"].expectation
    width = [found["revenue"].outcome.high - found["revenue"].outcome.low for found in (calm, wild)]
    assert width[1] > 1.5 * width[0]


def test_draws_that_differ_widen_both_intervals() -> None:
    valued = small_valued_plan()
    still = still_draws(valued)
    factor = np.random.default_rng(2).lognormal(0.0, 0.4, (80, 1))
    moved = replace(still, values=DrawValues(**{name: part * factor for name, part in vars(still.values).items()}))
    one, other = (plan_draws.spreads(valued, draws, level=0.9)["promo_spend"] for draws in (still, moved))
    total = moved.values.promo_spend.sum(1)
    assert other.expectation.high - other.expectation.low == pytest.approx(2 * 1.6449 * total.std(ddof=1), rel=1e-3)
    assert one.expectation.high - one.expectation.low == pytest.approx(0.0, abs=1e-9)
    assert other.outcome.high - other.outcome.low >= one.outcome.high - one.outcome.low


def test_totals_of_a_plan_with_draws_tell_both_intervals_apart() -> None:
    valued = small_valued_plan()
    document = all_totals(valued, level=0.9, draws=still_draws(valued, week=0.2))["promo_spend"].document()
    assert document["interval_of"] == "outcome"
    assert "parameters" in str(document["expectation"])
    assert document["held_out_draws"] == document["value"]
    plain = all_totals(valued, level=0.9)["promo_spend"].document()
    assert plain["held_out_draws"] is None


def test_choosing_among_sure_candidates_is_no_optimism_and_among_unsure_ones_it_is() -> None:
    worth, bundle = np.full(200, 5.0), np.repeat(np.arange(100), 2)
    assert selection_optimism(worth, np.ones((4, 200)), bundle, 10) == 0.0
    factor = np.exp(np.random.default_rng(0).normal(0, 0.3, (40, 200)) - 0.045)
    measured = selection_optimism(worth, factor, bundle, 10)
    # The ten best bundles of 100, each the better of two options: what they look like in the same draws.
    best = np.sort(factor.reshape(40, 100, 2).max(2), axis=1)[:, -10:]
    assert measured == pytest.approx(1 - 400 / best.sum(), abs=1e-9)
    assert 0.3 < measured < 0.6
