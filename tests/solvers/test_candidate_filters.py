"""Filters of the search: what they leave out is counted right; a promotion of one item competes with bundles fairly."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from bundleopt_solvers.candidate_filters import pair_filters
from bundleopt_solvers.candidates import CandidateInputs, CandidateSettings, CategoryRule, find_candidates

RATIOS = np.array([0.95, 0.85, 0.7])


def market(seed: int, customers: int = 40, items: int = 14) -> CandidateInputs:
    """A market of independent items with room for a discount everywhere."""
    rng = np.random.default_rng(seed)
    visit = rng.uniform(0.4, 1.0, customers)
    price = np.round(rng.uniform(2, 6, items), 2)
    return CandidateInputs(
        probability=(visit[:, None] * rng.uniform(0.05, 0.4, (customers, items))).astype(np.float32),
        visit=visit.astype(np.float32),
        slope=rng.uniform(3, 6, (customers, items)).astype(np.float32),
        ratios=RATIOS,
        price_lift=np.repeat(-np.log(RATIOS)[None, :], items, axis=0),
        shelf_price=price,
        unit_cost=0.3 * price,
        tax_rate=np.zeros(items),
        funding_share=np.zeros(items),
        eligible=rng.random(items) < 0.9,
        category=rng.integers(0, 3, items).astype(np.int32),
        substitutes=np.array([[0, 1], [1, 0], [2, 5], [3, 3], [4, 9]], dtype=np.int32),
    )


@pytest.mark.parametrize("rule", list(CategoryRule))
@pytest.mark.parametrize("seed", [1, 2])
def test_filters_count_what_they_leave_out(rule: CategoryRule, seed: int) -> None:
    inputs = market(seed)
    settings = CandidateSettings(max_size=2, category_rule=rule, total=1000, per_item=1000)
    items = np.flatnonzero(inputs.eligible).tolist()
    twins = {tuple(sorted(pair)) for pair in inputs.substitutes.tolist()}
    pairs = list(combinations(items, 2))
    same = [pair for pair in pairs if inputs.category[pair[0]] == inputs.category[pair[1]]]
    other = [pair for pair in pairs if pair not in same]
    banned = {CategoryRule.ANY: [], CategoryRule.CROSS: same, CategoryRule.SAME: other}[rule]
    counts = pair_filters(inputs, settings)
    assert sum(count for why, count in counts.items() if "categor" in why) == len(banned)
    assert counts["pairs of twins (known substitutes)"] == len([p for p in pairs if p in twins and p not in banned])
    found = find_candidates(inputs, settings)
    assert not {*found.bundles} & ({*banned} | twins)
    assert len(found.bundles) == len(pairs) - len({*banned} | (twins & {*pairs}))
    assert found.removed == counts


def test_support_and_names_are_counted_bundle_by_bundle() -> None:
    inputs = replace(market(3), substitutes=np.zeros((0, 2), np.int32), excluded=frozenset({frozenset({6, 7, 8})}))
    free = find_candidates(inputs, CandidateSettings(max_size=2, total=1000, per_item=1000))
    rare = find_candidates(inputs, CandidateSettings(max_size=2, total=1000, per_item=1000, min_support=1.5))
    why = "valued, but with fewer than 1.5 buyers of the whole bundle a week"
    assert rare.removed[why] == len(free.bundles) - len(rare.bundles)
    assert 0 < rare.removed[why] < len(free.bundles)
    assert not free.removed


def test_filters_that_are_off_are_not_listed() -> None:
    plain = replace(market(1), substitutes=np.zeros((0, 2), np.int32))
    assert pair_filters(plain, CandidateSettings()) == {}
    assert pair_filters(market(1), CandidateSettings(min_size=1, max_size=1)) == {}


def test_a_promotion_of_one_item_wins_where_it_is_clearly_best() -> None:
    """One item that many buy, and more of them at a discount, among items that hardly anybody buys.

    A partner that many buy would add to a bundle even where it costs nothing to sell: the offer then multiplies the
    chance of buying both. So the single item is best where the whole bundle is rarely bought.
    """
    base = market(5)
    slope = np.full_like(base.slope, 0.2)
    slope[:, 3] = 9.0
    probability = 0.01 * base.probability
    probability[:, 3] = 0.2 * base.visit
    inputs = replace(
        base, slope=slope, probability=probability, eligible=np.ones(14, dtype=bool), substitutes=base.substitutes[:0]
    )
    found = find_candidates(inputs, CandidateSettings(min_size=1, max_size=4, total=60))
    assert found.bundles[0] == (3,)
    single = dict(zip(found.bundles, found.score, strict=True))
    others = [score for bundle, score in single.items() if len(bundle) > 1]
    assert others
    assert single[3,] > 1.5 * max(others)


def test_a_single_item_is_worth_what_the_formula_says() -> None:
    inputs = market(4)
    found = find_candidates(inputs, CandidateSettings(min_size=1, max_size=1, total=100, per_item=100))
    for (item,), score, ratio in zip(found.bundles, found.score, found.best_ratio, strict=True):
        visit = inputs.visit.astype(float)
        bought = inputs.probability[:, item].astype(float) / visit
        best = 0.0
        for candidate in RATIOS:
            multiplier = np.exp(inputs.slope[:, item].astype(float) * -np.log(candidate))
            redeemed = multiplier * bought / (1 + (multiplier - 1) * bought)
            gain = redeemed * candidate * inputs.shelf_price[item] - bought * inputs.shelf_price[item]
            best = max(best, float((visit * np.maximum(gain, 0)).sum()))
        assert score == pytest.approx(best, rel=1e-4)
        assert ratio in RATIOS
