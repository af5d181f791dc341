"""The equation-based truth against enumeration, closed forms and its own draws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bundleopt_data.simulator import equation_law as law
from bundleopt_data.simulator.equation import EquationTruth
from bundleopt_data.simulator.knobs import MarketKnobs
from bundleopt_data.simulator.market import Market, simulate_market
from bundleopt_data.simulator.offers import OfferList, no_offers
from bundleopt_data.simulator.truth import PlantedRelations, mean_units


@pytest.fixture(scope="module")
def market() -> Market:
    return simulate_market("equation", MarketKnobs(customers=300, items=16, weeks=4, categories=4, complements=4), 3)


def _truth(market: Market) -> EquationTruth:
    assert isinstance(market.truth, EquationTruth)
    return market.truth


def test_states_of_a_group_follow_the_multivariate_logit() -> None:
    planted = PlantedRelations(np.array([0, 1]), np.array([1, 2]), np.array([1.3, -0.7]))
    groups = law.group_items(4, planted)
    utility = np.array([[-1.0, 0.4, -0.3, -2.0]])
    chances = law.state_chances(utility, groups, law.interaction(groups, planted))[0, 0]
    weights = {}
    for basket in itertools.product((0, 1), repeat=4):
        score = float(np.dot(basket, utility[0])) + 1.3 * basket[0] * basket[1] - 0.7 * basket[1] * basket[2]
        weights[basket] = np.exp(score)
    total = sum(weights.values())
    assert groups.tolist() == [[0, 1, 2, 3]]
    for state, held in enumerate(law.STATES):
        assert chances[state] == pytest.approx(weights[tuple(held.astype(int))] / total, rel=1e-12)


def test_no_group_loses_an_item_and_chains_stay_together() -> None:
    planted = PlantedRelations(np.array([0, 0, 5]), np.array([7, 9, 6]), np.ones(3))
    groups = law.group_items(11, planted)
    assert sorted(groups[groups >= 0].tolist()) == list(range(11))
    row = {int(item): place for place, group in enumerate(groups) for item in group if item >= 0}
    assert row[0] == row[7] == row[9]
    assert row[5] == row[6]


def test_expected_units_are_the_mean_of_the_draws(market: Market) -> None:
    shelf = market.shelf.week(market.knobs.weeks)
    drawn = np.array([market.truth.wants(shelf, (9, k), no_offers()).units.sum(axis=0) for k in range(400)])
    error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    assert np.abs((drawn.mean(axis=0) - market.expected_units()) / error).max() < 4.0


def test_moving_one_price_agrees_with_the_whole_price_vector(market: Market) -> None:
    prices = market.price_cents.copy()
    item = 5
    prices[item] = round(prices[item] * 0.8)
    move = prices[item] / market.price_cents[item] - 1.0
    both = market.expected_units(prices)
    assert market.own_price_units([move])[0, item] == pytest.approx(both[item], rel=1e-9)


def test_demand_falls_in_the_own_price_and_complements_follow(market: Market) -> None:
    units = market.own_price_units(np.linspace(-0.5, 0.5, 11))
    assert (np.diff(units, axis=0) < 0).all()
    planted = market.truth.planted
    first, second = int(planted.first[planted.effect > 0][0]), int(planted.second[planted.effect > 0][0])
    prices = market.price_cents.copy()
    prices[first] //= 2
    assert market.expected_units(prices)[second] > market.expected_units()[second]


def test_one_offer_is_redeemed_as_the_tilted_law_says(market: Market) -> None:
    truth, shelf = _truth(market), market.shelf.week(market.knobs.weeks)
    customer, items = int(np.argmax(truth.visit)), np.array([[2, 9]])
    price = np.array([int(0.7 * market.price_cents[items[0]].sum())])
    offers = OfferList(np.array([customer]), items, price, np.array([0]), np.array(["b"], dtype=object))
    wants = [truth.wants(shelf, (4, k), offers) for k in range(1500)]
    chances = law.state_chances(truth.utility(shelf, slice(customer, customer + 1)), truth.groups, truth.bonus)
    both = law.holds(truth.masks(items))[0]
    before = float((chances[0] * both).sum(axis=1).prod()) / (1 + np.exp(-truth.visit[customer]))
    slope = float(truth.beta_customer[customer] * truth.beta_item[items[0]].sum())
    multiplier = np.exp(-slope * np.log(price[0] / market.price_cents[items[0]].sum()))
    told = multiplier * before / (1 + (multiplier - 1) * before)
    seen = np.array([week.redeemed[0] for week in wants])
    assert seen.mean() == pytest.approx(told, abs=4 * np.sqrt(told / len(seen)))
    held = np.array([(week.units[customer, items[0]] > 0).all() for week in wants])
    assert np.array_equal(held, seen)
    kept = np.array([(week.units == week.plain).all() for week in wants])
    changed = told - before
    assert 1 - kept.mean() == pytest.approx(changed, abs=4 * np.sqrt(changed / len(kept)))


@pytest.mark.parametrize("brings_visits", [False, True])
def test_who_stays_at_home_is_brought_only_where_the_knob_says_so(*, brings_visits: bool) -> None:
    knobs = MarketKnobs(customers=300, items=16, weeks=2, categories=4, brings_visits=brings_visits)
    market = simulate_market("equation", knobs, 3)
    truth, shelf = _truth(market), market.shelf.week(market.knobs.weeks)
    everybody = np.arange(300)
    items = np.tile([2, 9], (300, 1))
    price = np.full(300, int(0.6 * market.price_cents[[2, 9]].sum()))
    offers = OfferList(everybody, items, price, np.zeros(300, np.int64), np.full(300, "b", dtype=object))
    visit = 1 / (1 + np.exp(-truth.visit))
    both = (
        (
            law.state_chances(truth.utility(shelf, slice(0, 300)), truth.groups, truth.bonus)
            * law.holds(truth.masks(items))
        )
        .sum(2)
        .prod(1)
    )
    before = both * visit if brings_visits else both
    slope = truth.beta_customer * truth.beta_item[[2, 9]].sum()
    multiplier = np.exp(-slope * np.log(price / market.price_cents[[2, 9]].sum()))
    told = multiplier * before / (1 + (multiplier - 1) * before) * (1.0 if brings_visits else visit)
    redeemed, draws = np.zeros(300), 200
    for k in range(draws):
        redeemed += truth.wants(shelf, (4, k), offers).redeemed
    assert redeemed.sum() == pytest.approx(draws * told.sum(), abs=4 * np.sqrt(draws * told.sum()))


def test_the_rest_of_the_basket_follows_the_law_given_the_bundle(market: Market) -> None:
    """A bundle of one half of a planted pair brings the other half with the conditional chance."""
    truth, shelf = _truth(market), market.shelf.week(market.knobs.weeks)
    planted = truth.planted
    pair = int(np.argmax(planted.effect))
    one, other = int(planted.first[pair]), int(planted.second[pair])
    n_customers = market.knobs.customers
    price = np.full(n_customers, int(0.3 * market.price_cents[one]))
    offers = OfferList(
        np.arange(n_customers), np.full((n_customers, 1), one), price, np.zeros(n_customers, np.int64),
        np.full(n_customers, "b", dtype=object),
    )  # fmt: skip
    chances = law.state_chances(truth.utility(shelf, slice(0, n_customers)), truth.groups, truth.bonus)
    row, slot = np.argwhere(truth.groups == one)[0]
    mate = int(np.flatnonzero(truth.groups[row] == other)[0])
    given = chances[:, row] * law.STATES[:, slot]
    conditional = (given * law.STATES[:, mate]).sum(axis=1) / given.sum(axis=1)
    told, seen, count = 0.0, 0, 0
    for number in range(40):
        wants = truth.wants(shelf, (6, number), offers)
        told += conditional[wants.redeemed].sum()
        seen += int((wants.units[wants.redeemed, other] > 0).sum())
        count += int(wants.redeemed.sum())
    assert count > 500
    assert seen == pytest.approx(told, abs=4 * np.sqrt(told))


def test_basket_size_does_not_depend_on_the_catalogue() -> None:
    for items in (40, 120):
        market = simulate_market("equation", MarketKnobs(customers=200, items=items, weeks=2), 1)
        truth = _truth(market)
        given = truth.purchase_chance(market.shelf.week(2)).sum() / (1 / (1 + np.exp(-truth.visit))).sum()
        assert 5 < given < 13
    assert mean_units(np.array([0.5]))[0] == 1.75
