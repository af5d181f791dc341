"""The agent-based truth: expectations against draws, and what its shoppers do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_data.simulator.agents import AgentTruth
from bundleopt_data.simulator.knobs import MarketKnobs
from bundleopt_data.simulator.market import Market, simulate_market
from bundleopt_data.simulator.offers import OfferList, no_offers


@pytest.fixture(scope="module")
def market() -> Market:
    knobs = MarketKnobs(customers=300, items=24, weeks=8, categories=4, complements=3, relation=2.0)
    return simulate_market("agent", knobs, 5)


def _offers(market: Market, items: list[int], ratio: float) -> OfferList:
    n_customers = market.knobs.customers
    price = int(ratio * market.price_cents[items].sum())
    return OfferList(
        np.arange(n_customers), np.tile(items, (n_customers, 1)), np.full(n_customers, price),
        np.zeros(n_customers, np.int64), np.full(n_customers, "b", dtype=object),
    )  # fmt: skip


def test_expected_units_are_the_mean_of_the_draws(market: Market) -> None:
    shelf = market.shelf.week(market.knobs.weeks)
    drawn = np.array([market.truth.wants(shelf, (9, k), no_offers()).units.sum(axis=0) for k in range(600)])
    error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    assert np.abs((drawn.mean(axis=0) - market.expected_units()) / error).max() < 4.5


def test_moving_one_price_agrees_with_the_whole_price_vector(market: Market) -> None:
    prices = market.price_cents.copy()
    for item in (0, 13):
        prices[item] = round(prices[item] * 0.8)
    for item in (0, 13):
        move = prices[item] / market.price_cents[item] - 1.0
        # The other item is of another category: it changes this one through budgets and partners at most.
        told = market.own_price_units([move])[0, item]
        assert market.expected_units(prices)[item] == pytest.approx(told, rel=0.03)
        assert told > market.expected_units()[item]


def test_items_of_a_category_replace_each_other(market: Market) -> None:
    prices = market.price_cents.copy()
    category = market.catalogue.category
    prices[0] = prices[0] // 2
    change = market.expected_units(prices) - market.expected_units()
    mates = np.flatnonzero((category == category[0]) & (np.arange(len(category)) != 0))
    assert change[0] > 0
    assert (change[mates] < 0).all()


def test_planted_partners_meet_more_often(market: Market) -> None:
    truth = market.truth
    shelf = market.shelf.week(market.knobs.weeks)
    pair = int(np.argmax(truth.planted.effect))
    first, second = int(truth.planted.first[pair]), int(truth.planted.second[pair])
    assert isinstance(truth, AgentTruth)
    plain = replace(truth, planted=replace(truth.planted, effect=np.zeros_like(truth.planted.effect)))

    def together(mechanism: AgentTruth) -> int:
        weeks = [mechanism.wants(shelf, (2, k), no_offers()).units for k in range(60)]
        return sum(int(((units[:, first] > 0) & (units[:, second] > 0)).sum()) for units in weeks)

    assert together(truth) > 1.5 * together(plain)


def test_a_full_pantry_waits(market: Market) -> None:
    shelf = market.shelf.week(market.knobs.weeks)
    everything = np.ones((market.knobs.customers, market.knobs.items), dtype=np.int64)
    later = market.truth.after(everything).expected_units(shelf)
    nothing = market.truth.after(np.zeros_like(everything)).expected_units(shelf)
    assert later.sum() < 0.3 * nothing.sum()


def test_loyalty_grows_with_purchases_of_the_brand(market: Market) -> None:
    truth = market.truth
    assert isinstance(truth, AgentTruth)
    units = np.zeros((market.knobs.customers, market.knobs.items), dtype=np.int64)
    units[:, 0] = 1
    after = truth.after(units).loyalty
    same = (truth.brand == truth.brand[0]) & (truth.category == truth.category[0])
    assert (after[:, same] > truth.loyalty[:, same]).all()
    assert (
        after[:, truth.category != truth.category[0]] == truth.loyalty[:, truth.category != truth.category[0]]
    ).all()


def test_who_would_buy_the_bundle_anyway_redeems_and_nobody_comes_for_it(market: Market) -> None:
    shelf = market.shelf.week(market.knobs.weeks)
    items = [1, 14]
    rates = []
    for ratio in (0.95, 0.7, 0.4):
        wants = market.truth.wants(shelf, (8, 0), _offers(market, items, ratio))
        sure = (wants.plain[:, items] > 0).all(axis=1)
        assert wants.redeemed[sure].all()
        assert (wants.units[wants.redeemed][:, items] > 0).all()
        came = (wants.plain > 0).any(axis=1)
        untouched = ~wants.redeemed
        assert (wants.units[untouched] == wants.plain[untouched]).all()
        rates.append(wants.redeemed.mean())
        assert came.mean() < 1
    assert rates[0] < rates[1] < rates[2]


def test_an_offer_above_the_shelf_price_moves_nothing(market: Market) -> None:
    wants = market.truth.wants(market.shelf.week(market.knobs.weeks), (8, 0), _offers(market, [1, 14], 1.2))
    assert not wants.redeemed.any()
    assert (wants.units == wants.plain).all()
