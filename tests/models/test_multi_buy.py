"""n units of one item: the law of units, limits that must hold, and the offer's value against a simulated week."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_data.errors import UsageError
from bundleopt_models.additivity import held_offer, measure_additivity, values_together
from bundleopt_models.decomposition import Offers, decompose
from bundleopt_models.draw_values import value_offers_under_draws
from bundleopt_models.forecast import PullForward
from bundleopt_models.multi_buy import MAX_QUANTITY, unit_law
from bundleopt_models.offer_values import DECOMPOSITION
from bundleopt_models.option_table import option_table, shelf_margin
from bundleopt_models.relations import no_relations
from bundleopt_models.synthetic_week import synthetic_week
from bundleopt_models.uncertainty import ParameterDraws
from bundleopt_models.valuation import option_money, value_offers

UNITS = (2, 3, 1, 2)
ITEMS = ((0,), (0,), (1,), (2,))


@pytest.fixture(scope="module", name="week")
def _week():
    forecast, campaign = synthetic_week(25, 30, pairs=120, popularity=-1.5)
    kappa = np.linspace(1.0, 2.5, 30).astype(np.float32)[::-1].copy()
    tax, funding = np.full(30, 0.1), np.full(30, 0.25)
    return replace(forecast, units=kappa), replace(campaign, tax_rate=tax, funding_share=funding)


def table_of(campaign, items=ITEMS, units=UNITS, ratios=(0.9, 0.75)):
    worth = [int(campaign.shelf_price_cents[one[0]]) * count for one, count in zip(items, units, strict=True)]
    return option_table(items, [[int(value * ratio) for ratio in ratios] for value in worth], campaign, quantity=units)


@given(kappa=st.floats(1.0, 8.0), count=st.integers(1, MAX_QUANTITY))
@settings(max_examples=60, deadline=None)
def test_unit_law_is_the_geometric_one(kappa: float, count: int) -> None:
    law = unit_law(torch.tensor([kappa], dtype=torch.float64), np.array([count]))
    units = np.arange(1, 2000)
    chance = (1 - 1 / kappa) ** (units - 1) / kappa
    assert float(law.at_least) == pytest.approx(chance[units >= count].sum(), abs=1e-9)
    assert float(law.held) == pytest.approx((np.minimum(units, count) * chance).sum(), abs=1e-9)
    if count == 1:
        assert (float(law.at_least), float(law.held)) == (1.0, 1.0)


def test_one_unit_is_the_plain_promotion_bit_for_bit(week) -> None:
    forecast, campaign = week
    single = option_table([(1,), (2,)], [[int(campaign.shelf_price_cents[i] * 0.8)] for i in (1, 2)], campaign)
    among = table_of(campaign, items=((0,), (1,), (2,)), units=(2, 1, 1), ratios=(0.8,))
    assert single.quantity is None
    assert among.unit_margin[1:] == pytest.approx(single.unit_margin, abs=0)
    alone, together = value_offers(forecast, campaign, single), value_offers(forecast, campaign, among)
    for name in ("redemption", "baseline", "incremental_revenue", "incremental_margin", "units"):
        assert np.array_equal(getattr(alone, name), getattr(together, name)[:, 1:]), name


def test_at_the_shelf_price_nothing_changes_and_a_deaf_customer_only_gets_the_discount(week) -> None:
    forecast, campaign = week
    full = table_of(campaign, ratios=(1.0,))
    values = value_offers(forecast, campaign, full)
    assert not values.incremental_revenue.any()
    assert not values.units.any()
    deaf = replace(forecast, slope=np.zeros_like(forecast.slope))
    table = table_of(campaign)
    rows = decompose(deaf, campaign, table, Offers(np.arange(25), np.zeros(25, np.int64)))
    other = [row for row, name in enumerate(DECOMPOSITION) if name != "certain_buyer_discount"]
    assert not rows.revenue[:, other].any()
    anyway = deaf.probability[:, 0] * (1 - 1 / deaf.units[0])
    given_away = (table.list_value_cents[0] - table.price_cents[0]) / 100
    assert rows.revenue.sum(1) == pytest.approx(-anyway * given_away, rel=1e-5)


def test_money_of_several_units_is_that_of_one_times_their_number(week) -> None:
    campaign = week[1]
    table = table_of(campaign, items=((0,),), units=(3,), ratios=(0.8,))
    shelf = 3 * int(campaign.shelf_price_cents[0])
    price = int(shelf * 0.8)
    assert table.list_value_cents.tolist() == [shelf]
    discount = (shelf - price) / 100
    assert table.unit_spend[0] == pytest.approx(discount * 0.75)
    cost = 3 * campaign.unit_cost_cents[0] / 100
    assert table.unit_margin[0] == pytest.approx(price / 110 - cost + 0.25 * discount)


def test_against_a_simulated_week(week) -> None:
    """Draw visits and units, let the offer tilt {N >= n}, and count money and units up to n."""
    campaign = week[1]
    forecast = replace(week[0], relations=no_relations(), pull_forward=PullForward(np.zeros(30, np.float32), 0.0))
    table = table_of(campaign, items=((0,),), units=(2,), ratios=(0.75,))
    values, money = value_offers(forecast, campaign, table), option_money(forecast, campaign, table)
    rng, size, count = np.random.default_rng(1), 400_000, 2
    shelf = np.array([campaign.shelf_price_cents[0] / 100, shelf_margin(campaign)[0]])
    for customer in (0, 7, 20):
        visit = float(forecast.visit_probability[customer])
        came = rng.random(size) < visit
        chance = float(forecast.probability[customer, 0]) / visit
        units = np.where(came & (rng.random(size) < chance), rng.geometric(1 / forecast.units[0], size), 0)
        full, capped = units >= count, np.minimum(units, count)
        weight = np.where(full, np.exp(forecast.slope[customer, 0] * money.log_lift[0, 0]), 1.0)
        weight = np.where(came, weight / weight[came].mean(), 1.0)
        assert values.redemption[customer, 0] == pytest.approx((weight * full).mean(), rel=0.02)
        assert values.units[customer, 0, 0] == pytest.approx((weight * capped - capped).mean(), rel=0.04)
        for kind, total in enumerate((values.incremental_revenue, values.incremental_margin)):
            after = np.where(full, money.earned[kind, 0], capped * shelf[kind])
            change = (weight * after - capped * shelf[kind]).mean()
            assert total[customer, 0] == pytest.approx(change, abs=0.02 * values.redemption[customer, 0] * shelf[0] * 2)


def test_rows_sum_to_the_totals_and_more_units_are_borrowed_from_later(week) -> None:
    forecast, campaign = week
    table = table_of(campaign)
    offers = Offers(np.repeat(np.arange(25), len(table.bundle)), np.tile(np.arange(len(table.bundle)), 25))
    values = value_offers(forecast, campaign, table, reach=0.9, salience=1.2)
    rows = decompose(forecast, campaign, table, offers, reach=0.9, salience=1.2)
    scale = np.abs(rows.revenue).sum(1)
    for part, total in ((rows.revenue, values.incremental_revenue), (rows.margin, values.incremental_margin)):
        assert (np.abs(part.sum(1) - total[offers.customer, offers.option]) <= 1e-6 * scale + 1e-9).all()
    sign = dict(zip(DECOMPOSITION, rows.revenue[offers.option == 0].T, strict=True))
    assert (sign["upsell"] > 0).all()
    assert (sign["cannibalised"] < 0).all()
    pulled = DECOMPOSITION.index("pull_forward")
    share = np.nan_to_num(forecast.pull_forward.share[0], nan=forecast.pull_forward.assumed_share)
    mine = offers.option == 0
    expected = -share * values.units[:, 0, 0] * campaign.shelf_price_cents[0] / 100
    assert rows.revenue[mine, pulled] == pytest.approx(expected, rel=1e-4)


def test_draws_and_the_joint_value_agree_with_the_valuation(week) -> None:
    forecast, campaign = week
    table = table_of(campaign, ratios=(0.8,))
    offers = Offers(np.repeat(np.arange(25), 2), np.tile([0, 3], 25))
    values = value_offers(forecast, campaign, table)
    still = ParameterDraws(
        level=np.zeros((1, 30), np.float32),
        slope=np.ones((1, 30), np.float32),
        gamma=np.zeros((1, len(forecast.relations.first)), np.float32),
    )
    drawn = value_offers_under_draws(forecast, campaign, table, offers, still)
    at = offers.customer, offers.option
    assert drawn.incremental_revenue[0] == pytest.approx(values.incremental_revenue[at], rel=1e-4, abs=1e-6)
    assert drawn.units[0] == pytest.approx(values.units[at].sum(1), rel=1e-5)
    money = option_money(forecast, campaign, table)
    rows = decompose(forecast, campaign, table, Offers(np.array([3]), np.array([0])))
    held = held_offer(forecast, campaign, table, money, (3, 0, 1.0))
    alone, together = values_together([held], float(forecast.visit_probability[3]), forecast.relations)
    assert together == pytest.approx([rows.revenue[0, :4].sum(), rows.margin[0, :4].sum()], rel=1e-5)
    assert alone[0] == pytest.approx(together)
    assert measure_additivity(forecast, campaign, table, offers).customers == 25


@pytest.mark.parametrize(
    ("items", "units", "message"),
    [
        ([(0, 1)], [2], "units of one item"),
        ([(0,)], [0], "units of one item"),
        ([(0,)], [MAX_QUANTITY + 1], "units of one item"),
        ([(0,)], [2, 2], "quantities for 2"),
    ],
)
def test_refuses_what_is_no_multi_buy(week, items, units, message) -> None:
    with pytest.raises(UsageError, match=message):
        option_table(items, [[100]], week[1], quantity=units)
