"""The bound for all pairs against the best plan over all pairs, found by enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings
from bundleopt_solvers.candidate_money import item_money
from bundleopt_solvers.candidate_screen import screen_pairs
from bundleopt_solvers.pair_family import PairPrices, PairScorer, Restricted, bound_family

RATIOS = np.array([0.9, 0.7])
CUSTOMERS, ITEMS = 3, 4
PAIRS = np.array(list(combinations(range(ITEMS), 2)), dtype=np.int64)


def market(seed: int) -> CandidateInputs:
    """Items with nothing between them but what a customer's week shares, for every other seed."""
    rng = np.random.default_rng(seed)
    visit = rng.uniform(0.4, 1.0, CUSTOMERS)
    price = np.round(rng.uniform(2, 6, ITEMS), 2)
    return CandidateInputs(
        probability=(visit[:, None] * rng.uniform(0.05, 0.5, (CUSTOMERS, ITEMS))).astype(np.float32),
        visit=visit.astype(np.float32),
        slope=rng.uniform(1, 7, (CUSTOMERS, ITEMS)).astype(np.float32),
        ratios=RATIOS,
        price_lift=np.repeat(-np.log(RATIOS)[None, :], ITEMS, axis=0),
        shelf_price=price,
        unit_cost=np.round(0.3 * price, 2),
        tax_rate=np.zeros(ITEMS),
        funding_share=np.zeros(ITEMS),
        eligible=np.ones(ITEMS, dtype=bool),
        category=np.zeros(ITEMS, dtype=np.int32),
        pair_shift=rng.normal(0, 0.8, CUSTOMERS).astype(np.float32) if seed % 2 else None,
    )


def bought_together(first: float, second: float, log_odds: float) -> float:
    """P(both) of the 2 x 2 table with these marginals and log odds ratio, by halving."""
    low, high = max(0.0, first + second - 1.0), min(first, second)
    for _ in range(80):
        both = 0.5 * (low + high)
        ahead = both * (1 - first - second + both) > np.exp(log_odds) * (first - both) * (second - both)
        low, high = (low, both) if ahead else (both, high)
    return both


def values(inputs: CandidateInputs) -> tuple[np.ndarray, np.ndarray]:
    """(U, pairs, D) value and promo spend of every offer; a price that is not admissible is worth nothing."""
    visit = inputs.visit.astype(float)
    x = inputs.probability.astype(float) / visit[:, None]
    value = np.full((CUSTOMERS, len(PAIRS), len(RATIOS)), -1e9)
    spend = np.zeros_like(value)
    for p, (i, j) in enumerate(PAIRS.tolist()):
        shelf = inputs.shelf_price[[i, j]]
        shift = np.zeros(CUSTOMERS) if inputs.pair_shift is None else inputs.pair_shift.astype(float)
        both = np.array([bought_together(x[u, i], x[u, j], shift[u]) for u in range(CUSTOMERS)])
        for d, ratio in enumerate(RATIOS):
            if ratio * shelf.sum() < shelf.max():
                continue
            multiplier = np.exp((inputs.slope[:, i] + inputs.slope[:, j]).astype(float) * -np.log(ratio))
            scale = 1 + (multiplier - 1) * both
            single = (x[:, i] - both) * shelf[0] + (x[:, j] - both) * shelf[1]
            with_offer = (single + multiplier * both * ratio * shelf.sum()) / scale
            value[:, p, d] = visit * (with_offer - single - both * shelf.sum())
            spend[:, p, d] = visit * multiplier * both / scale * (1 - ratio) * shelf.sum()
    return value, spend


def best_plan(tables: tuple[np.ndarray, np.ndarray], allowed: list[int], rules: tuple[int, int, float]) -> float:
    """The best menu of `allowed` pairs with the best offers, by enumeration; rules: bundles, slots, budget."""
    value, spend = tables
    most, slots, budget = rules
    best = 0.0
    for size in range(1, most + 1):
        for menu in combinations(allowed, size):
            sets = [
                chosen
                for count in range(slots + 1)
                for chosen in combinations(menu, count)
                if len({item for p in chosen for item in PAIRS[p]}) == 2 * len(chosen)
            ]
            for price in product(range(len(RATIOS)), repeat=size):
                at = dict(zip(menu, price, strict=True))
                gains = np.array([[sum(value[u, p, at[p]] for p in s) for s in sets] for u in range(CUSTOMERS)])
                costs = np.array([[sum(spend[u, p, at[p]] for p in s) for s in sets] for u in range(CUSTOMERS)])
                for pick in product(range(len(sets)), repeat=CUSTOMERS):
                    who = np.arange(CUSTOMERS)
                    if costs[who, pick].sum() <= budget:
                        best = max(best, float(gains[who, pick].sum()))
    return best


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.integers(1, 2), slots=st.integers(1, 2), paid=st.booleans())
def test_no_plan_over_all_pairs_beats_the_bound(seed: int, most: int, slots: int, *, paid: bool) -> None:
    inputs, rng = market(seed), np.random.default_rng(seed)
    tables = values(inputs)
    budget = float(tables[1].max(2).sum() * rng.uniform(0.05, 0.5))
    inside = sorted(rng.choice(len(PAIRS), 3, replace=False).tolist())
    outside = [p for p in range(len(PAIRS)) if p not in inside]
    prices = PairPrices(
        budget=float(rng.uniform(0, 1)),
        fixed_cost=0.0,
        slot=rng.uniform(0, 0.2, CUSTOMERS) * paid,
        toll=rng.uniform(0, 0.2, (ITEMS, CUSTOMERS)) * paid,
    )
    toll = prices.slot[:, None] + (prices.toll[PAIRS[:, 0]] + prices.toll[PAIRS[:, 1]]).T
    reduced = np.maximum(tables[0] - prices.budget * tables[1] - toll[:, :, None], 0).sum(0).max(1)
    chosen = np.sort(reduced[inside])[::-1][:most]
    constant = prices.budget * budget + slots * prices.slot.sum() + prices.toll.sum()
    lagrangian = float(constant + chosen.sum())
    exact = best_plan(tables, inside, (most, slots, budget))
    search = CandidateSettings(max_size=2, budget_prices=(prices.budget,))
    screened = screen_pairs(inputs, search, item_money(inputs, search)).bound[0].numpy()[PAIRS[:, 0], PAIRS[:, 1]]
    scorer = PairScorer(inputs, search, prices)
    np.testing.assert_allclose(scorer.scores(PAIRS), reduced, rtol=1e-5, atol=1e-6)
    restricted = Restricted(exact, lagrangian, float(chosen[-1]), most)
    truth = best_plan(tables, list(range(len(PAIRS))), (most, slots, budget))
    for seconds in (np.inf, -1.0):
        listed = (PAIRS[outside], screened[outside].astype(float), 0.0)
        found = bound_family(scorer, listed, restricted, seconds=seconds)
        assert found.bound >= truth - 1e-6
        assert found.bound >= exact
    # Pairs that the list leaves out are covered by the bound on every other pair.
    short = (PAIRS[outside[:1]], screened[outside[:1]].astype(float), float(screened[outside[1:]].max()))
    assert bound_family(scorer, short, restricted).bound >= truth - 1e-6


def test_pairs_that_can_not_enter_leave_the_bound_as_it_is() -> None:
    inputs = market(1)
    search = CandidateSettings(max_size=2, budget_prices=(0.0,))
    dear = PairPrices(0.0, 0.0, np.full(CUSTOMERS, 100.0), np.zeros((ITEMS, CUSTOMERS)))
    scorer = PairScorer(inputs, search, dear)
    found = bound_family(scorer, (PAIRS, np.full(len(PAIRS), 5.0), 0.0), Restricted(10.0, 10.1, 1.0, 3))
    assert found.bound == 10.0
    assert found.gain == pytest.approx(-1.0)
    assert found.valued == len(PAIRS)
    assert not len(found.pairs)
    costly = PairScorer(inputs, search, replace(dear, fixed_cost=2.0))
    assert (costly.scores(PAIRS) == pytest.approx(-2.0)) if len(PAIRS) else False
