"""Weeks made of trips of different size: whose pairs meet more often than marginals say is found, and by how much."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bundleopt_models.bundle_terms import bundle_terms
from bundleopt_models.forecast import PairRelations
from bundleopt_models.fullness import (
    BasketMoments,
    Fullness,
    basket_moments,
    fit_fullness,
    mean_lift,
    week_size,
)
from bundleopt_models.joint_law import bundle_law
from bundleopt_models.market import Market
from bundleopt_models.outside import OutsideEffect
from bundleopt_models.relation_gate import measure_copurchases
from bundleopt_models.relations import fit_relations

CUSTOMERS, ITEMS, WEEKS = 2000, 24, 16


class Trips:
    """Poisson trips a week, each of a Gamma size: given the trips, items are bought independently.

    With intensity z a_ui of a week of total size z, P(i) = 1 - E[exp(-z a)], where z is the sum of the trips' sizes:
    E[exp(-z a)] = exp(-rate (1 - L(a))), L(a) = (1 + a / shape)^-shape, the transform of one trip of mean 1.
    """

    def __init__(self, shape: float) -> None:
        draw = np.random.default_rng(11)
        rate = np.exp(draw.uniform(np.log(0.15), np.log(6.0), CUSTOMERS))
        taste = draw.gamma(1.0, 0.03, (CUSTOMERS, ITEMS))
        self.visit = -np.expm1(-rate)
        self.chance = -np.expm1(-rate[:, None] * (1 - (1 + taste / shape) ** -shape))
        trips = draw.poisson(rate, (WEEKS, CUSTOMERS))
        size = draw.gamma(np.maximum(trips * shape, 1e-12), 1 / shape) * (trips > 0)
        bought = draw.random((WEEKS, CUSTOMERS, ITEMS)) < -np.expm1(-size[..., None] * taste)
        week, customer, item = bought.nonzero()
        self.panel = SimpleNamespace(
            n_customers=CUSTOMERS,
            n_items=ITEMS,
            n_weeks=WEEKS,
            trips=trips.astype(np.float32),
            purchase_week=week.astype(np.int32),
            purchase_customer=customer.astype(np.int32),
            purchase_item=item.astype(np.int32),
            items=SimpleNamespace(category=np.zeros(ITEMS, np.int32)),
        )

    def grid(self, _week: int) -> tuple[np.ndarray, np.ndarray]:
        return self.chance.astype(np.float32), self.visit.astype(np.float32)


@pytest.fixture(scope="module")
def trips() -> Trips:
    return Trips(shape=0.4)


def test_copurchases_are_foreseen_for_rare_and_for_frequent_visitors(trips) -> None:
    """What one background for everybody cannot do."""
    known = fit_relations(trips.panel, range(WEEKS), trips.grid)
    assert known.fullness is not None
    assert known.fullness.power > 0.1
    gate = measure_copurchases(trips.panel, range(WEEKS), trips.grid, known, groups=5, items=ITEMS)
    same = replace(known, fullness=None)
    plain = measure_copurchases(trips.panel, range(WEEKS), trips.grid, same, groups=5, items=ITEMS)
    # An error of the marginals, here of counting alone, enters squared.
    miss, plain_miss = (one.ratio / one.marginal_ratio**2 - 1.0 for one in (gate, plain))
    assert (np.abs(miss) < 3 * gate.standard_error).all()
    assert (np.abs(plain_miss) > 3 * plain.standard_error).any()
    assert np.abs(miss).mean() < 0.5 * np.abs(plain_miss).mean()


def planted(law: Fullness, size: np.ndarray, expected: np.ndarray, chance: float) -> BasketMoments:
    """Customer-weeks whose pairs, all of items with one chance, come as often as the law says."""
    drawn = np.full((len(size), 1), chance)
    even = BasketMoments(size, expected, expected, expected, drawn, drawn)
    return BasketMoments(size, expected * even.lift(law.log_odds(size)), expected, expected, drawn, drawn)


@pytest.mark.parametrize("chance", [1e-6, 0.1, 0.4])
def test_the_law_is_found_where_it_holds(chance) -> None:
    draw = np.random.default_rng(0)
    size, expected = np.maximum(draw.uniform(0.5, 60.0, 2000), 2.0), draw.uniform(0.2, 30.0, 2000)
    found = fit_fullness(planted(Fullness(2.0, 0.5, 2.0), size, expected, chance))
    assert (found.spread, found.power) == pytest.approx((2.0, 0.5), rel=1e-3)


def test_an_excess_that_does_not_fall_is_the_same_for_everybody() -> None:
    size, drawn = np.linspace(1.0, 40.0, 300), np.full((300, 1), 1e-6)
    expected = np.full(300, 5.0)
    for together in (1.4 * expected, expected * (1.0 + 0.01 * size), 0.8 * expected):
        found = fit_fullness(BasketMoments(size, together, expected, expected, drawn, drawn))
        assert found.power == 0.0
        log_odds = found.log_odds(size)
        assert np.ptp(log_odds) == 0.0
        assert np.exp(log_odds[0]) == pytest.approx(together.sum() / expected.sum(), rel=1e-4)


def test_the_mean_lift_is_weighted_by_expected_pairs() -> None:
    ones = np.ones(2)
    moments = BasketMoments(ones, ones, np.array([1.0, 3.0]), ones, ones[:, None], ones[:, None])
    assert mean_lift(moments, np.array([2.0, 1.0])) == pytest.approx(1.25)


def test_more_trips_and_more_items_never_add_to_it() -> None:
    law = Fullness(3.0, 0.6, 0.5)
    visit = np.linspace(1e-6, 1.0, 50)
    assert (np.diff(week_size(5.0, visit)) > 0).all()
    assert (np.diff(law.log_odds(week_size(5.0, visit))) <= 0).all()
    assert (np.diff(law.log_odds(np.linspace(0.0, 90.0, 200))) <= 0).all()
    assert week_size(5.0, 1e-12) == pytest.approx(5.0)
    assert week_size(1.0, 1.0 - np.exp(-2.0)) == pytest.approx(2.0 / (1.0 - np.exp(-2.0)))


def test_moments_by_hand() -> None:
    chance, bought = np.array([[0.2, 0.5, 0.1]]), np.array([[1.0, 0.0, 1.0]])
    moments = basket_moments(chance, bought, np.ones(1))
    assert moments.together == pytest.approx([1.0])
    assert moments.expected == pytest.approx([0.1 + 0.02 + 0.05])
    crossed = (0.2 * 0 + 0.5 * 1) + (0.2 * 1 + 0.1 * 1) + (0.5 * 1 + 0.1 * 0)
    assert moments.independent == pytest.approx([crossed - 0.17])
    assert set(np.r_[moments.one[0], moments.other[0]]) <= {0.2, 0.5, 0.1}
    assert (moments.one != moments.other).all()


def test_valuation_keeps_the_marginals_and_gives_each_customer_the_own_odds_ratio() -> None:
    nobody = np.zeros(0, np.int32)
    law = Fullness(3.0, 0.5, 0.1)
    relations = PairRelations(nobody, nobody, np.zeros(0, np.float32), np.zeros(0, np.float32), 0.4, fullness=law)
    visit, basket = np.array([0.2, 0.9]), np.array([2.0, 20.0])
    shift = relations.shift(basket, visit)
    assert 0.4 + shift == pytest.approx(law.log_odds(week_size(basket, visit)))
    x = torch.tensor([[0.1, 0.3], [0.2, 0.4], [0.05, 0.15]], dtype=torch.float64)
    zero = torch.zeros(3, 2, dtype=torch.float64)
    market = Market(
        place=np.arange(3),
        conditional=x,
        slope=zero + 1.0,
        visit=torch.as_tensor(visit),
        money=torch.ones(2, 3, dtype=torch.float64),
        pull=torch.zeros(3, dtype=torch.float64),
        outside=OutsideEffect(zero, zero, zero + 1.0, zero + 1.0, zero),
        relations=relations,
        causal=relations,
        category=np.arange(3, dtype=np.int32),
        kappa=torch.ones(3, dtype=torch.float64),
        shift=torch.as_tensor(shift),
    )
    quantity = np.ones(1, np.int32)
    for items in (np.array([[0, 1]], np.int32), np.array([[0, 1, 2]], np.int32)):
        cells = market.all_customers(items, quantity)
        of_bundle = bundle_law(cells.conditional, cells.gammas)
        for k in range(items.shape[1]):
            with_it = of_bundle[torch.as_tensor(np.arange(len(of_bundle)) >> k & 1 == 1)].sum(0)
            assert with_it[0].numpy() == pytest.approx(x[k].numpy(), abs=1e-9)
        odds = torch.log(of_bundle[0] * of_bundle[3] / of_bundle[1] / of_bundle[2])[0]
        assert odds.numpy() == pytest.approx(0.4 + shift, abs=1e-9)
        for customer in range(2):
            alone = bundle_terms(market.one_customer_each(items, quantity, np.array([customer])))
            assert float(alone.both[0]) == pytest.approx(float(bundle_terms(cells).both[0, customer]), rel=1e-12)
