"""The search for candidates against direct enumeration of the joint law, and its bound against every pair."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_data.errors import UsageError
from bundleopt_solvers.candidate_money import item_money
from bundleopt_solvers.candidate_screen import screen_pairs
from bundleopt_solvers.candidate_value import BundleValuer
from bundleopt_solvers.candidates import CandidateInputs, CandidateSettings, CategoryRule, find_candidates

RATIOS = np.array([0.95, 0.85, 0.7])


def market(seed: int, customers: int = 7, items: int = 6, *, related: bool = True, outside: bool = False):
    """A random market with steep and flat customers, complements and substitutes, thin and negative margins."""
    rng = np.random.default_rng(seed)
    visit = rng.uniform(0.3, 1.0, customers)
    probability = visit[:, None] * np.exp(rng.uniform(-6, -0.7, (customers, items)))
    price = np.round(rng.uniform(1, 9, items), 2)
    pairs = np.array(list(combinations(range(items), 2)), dtype=np.int32)
    chosen = pairs[rng.random(len(pairs)) < 0.5] if related else pairs[:0]
    return CandidateInputs(
        probability=probability.astype(np.float32),
        visit=visit.astype(np.float32),
        slope=np.exp(rng.normal(0.3, 0.8, (customers, items))).astype(np.float32),
        ratios=RATIOS,
        price_lift=-np.log(RATIOS) * rng.uniform(0.5, 1.5, (items, 1)),
        shelf_price=price,
        unit_cost=np.round(price * rng.uniform(0.4, 1.05, items), 2),
        tax_rate=rng.choice([0.0, 0.07, 0.19], items),
        funding_share=rng.choice([0.0, 0.5, 1.0], items),
        eligible=np.ones(items, dtype=bool),
        category=rng.integers(0, 3, items).astype(np.int32),
        related_first=chosen[:, 0],
        related_second=chosen[:, 1],
        gamma=rng.normal(0, 1.5, len(chosen)).astype(np.float32),
        background=float(rng.choice([0.0, 0.4, -0.3])) if related else 0.0,
        pair_shift=rng.normal(0, 0.7, customers).astype(np.float32) if related and seed % 3 else None,
        outside=rng.normal(0, 0.5, (customers, items)).astype(np.float32) if outside else None,
        reach=float(rng.choice([1.0, 0.6])),
        salience=float(rng.choice([1.0, 1.3])),
    )


def fitted_law(marginals, gammas, steps: int = 60) -> dict[tuple[int, ...], float]:
    """P(T | visit) by iterative proportional fitting over all subsets, plain floats."""
    size = len(marginals)
    subsets = [tuple(k for k in range(size) if mask >> k & 1) for mask in range(1 << size)]
    law = {t: float(np.exp(sum(gammas.get(pair, 0.0) for pair in combinations(t, 2)))) for t in subsets}
    for _ in range(steps if len(marginals) > 1 else 1):
        for k, target in enumerate(marginals):
            inside = sum(weight for t, weight in law.items() if k in t)
            outside = sum(weight for t, weight in law.items() if k not in t)
            factor = target / (1 - target) * outside / inside
            law = {t: weight * factor if k in t else weight for t, weight in law.items()}
    total = sum(law.values())
    return {t: weight / total for t, weight in law.items()}


def gammas_of(inputs: CandidateInputs, bundle, customer: int) -> dict[tuple[int, int], float]:
    shift = 0.0 if inputs.pair_shift is None else float(inputs.pair_shift[customer])
    listed = zip(inputs.related_first.tolist(), inputs.related_second.tolist(), inputs.gamma.tolist(), strict=True)
    known = {(min(i, j), max(i, j)): gamma for i, j, gamma in listed}
    pairs = combinations(range(len(bundle)), 2)
    return {(a, b): known.get((bundle[a], bundle[b]), inputs.background) + shift for a, b in pairs}


def value_by_enumeration(inputs: CandidateInputs, bundle, step: int, weight: float, budget_price: float) -> float:
    """Sum of positive values: expected money with the offer less without it, over all subsets that may be bought."""
    items, ratio = list(bundle), inputs.ratios[step]
    price = inputs.shelf_price[items]
    net, funding = price / (1 + inputs.tax_rate[items]), inputs.funding_share[items]
    at_shelf = weight * price + (1 - weight) * (net - inputs.unit_cost[items])
    margin = float((ratio * net - inputs.unit_cost[items] + funding * (1 - ratio) * price).sum())
    at_offer = weight * ratio * price.sum() + (1 - weight) * margin
    spend = float(((1 - funding) * (1 - ratio) * price).sum())
    total = 0.0
    for u, visit in enumerate(inputs.visit.astype(float)):
        owned = inputs.probability[u, items].astype(float)
        law = fitted_law(owned / visit, gammas_of(inputs, bundle, u))
        lifted = inputs.slope[u, items].astype(float) * inputs.price_lift[items, step]
        full = tuple(range(len(items)))
        offered = law | {full: law[full] * np.exp(lifted.sum()) * inputs.salience}
        scale = sum(offered.values())
        offered = {t: chance / scale for t, chance in offered.items()}
        money = {t: float(at_shelf[list(t)].sum()) for t in law}
        value = sum(offered[t] * (at_offer if t == full else money[t]) - law[t] * money[t] for t in law)
        if inputs.outside is not None:
            induced = [sum(offered[t] - law[t] for t in law if k in t) for k in range(len(items))]
            value += float(np.dot(induced, inputs.outside[u, items]))
        total += visit * max(0.0, value - budget_price * spend * offered[full])  # nobody comes for an offer
    return total * inputs.reach


def admissible(inputs: CandidateInputs, bundle, step: int) -> bool:
    items, ratio = list(bundle), inputs.ratios[step]
    price = inputs.shelf_price[items]
    net = price / (1 + inputs.tax_rate[items])
    margin = ratio * net - inputs.unit_cost[items] + inputs.funding_share[items] * (1 - ratio) * price
    dearest = len(items) == 1 or price.max() <= ratio * price.sum() + 0.005
    return bool(dearest and margin.sum() >= -0.005)


def best_by_enumeration(inputs, bundle, weight=1.0, budget_price=0.0) -> float:
    steps = [step for step in range(len(inputs.ratios)) if admissible(inputs, bundle, step)]
    return max((value_by_enumeration(inputs, bundle, step, weight, budget_price) for step in steps), default=0.0)


def valuer(inputs, steering) -> BundleValuer:
    return BundleValuer(inputs, steering, item_money(inputs, steering))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weight", [1.0, 0.0, 0.4])
def test_pairs_are_valued_as_by_enumeration_of_the_joint_law(seed, weight):
    inputs = market(seed, outside=seed % 2 == 1)
    steering = CandidateSettings(objective_revenue=weight, budget_prices=(0.0, 0.8))
    pairs = np.array(list(combinations(range(6), 2)))
    scores = valuer(inputs, steering).scores(pairs)
    for place, price in enumerate(steering.budget_prices):
        direct = [best_by_enumeration(inputs, pair, weight, price) for pair in pairs.tolist()]
        np.testing.assert_allclose(scores.score[place], direct, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("size", [1, 3, 4])
def test_other_sizes_are_exact_where_items_are_independent(size):
    inputs = market(11, related=False)
    bundles = list(combinations(range(6), size))
    scores = valuer(inputs, CandidateSettings()).scores(np.array(bundles))
    direct = [best_by_enumeration(inputs, bundle) for bundle in bundles]
    np.testing.assert_allclose(scores.score[0], direct, rtol=2e-4, atol=2e-6)


def test_triples_of_related_items_are_valued_closely_enough_to_be_ranked():
    inputs = replace(market(5, customers=12, items=8), background=0.2)
    bundles = list(combinations(range(8), 3))
    scores = valuer(inputs, CandidateSettings()).scores(np.array(bundles)).score[0]
    direct = np.array([best_by_enumeration(inputs, bundle) for bundle in bundles])
    assert np.corrcoef(scores, direct)[0, 1] > 0.95


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from([1.0, 0.0, 0.5]),
    st.sampled_from([0.0, 0.7, 3.0]),
    st.booleans(),
    st.booleans(),
)
def test_the_bound_of_a_pair_is_never_below_its_value(seed, weight, price, outside, below_cost):
    inputs = market(seed, outside=outside)
    steering = CandidateSettings(objective_revenue=weight, budget_prices=(price,), allow_below_cost=below_cost)
    money = item_money(inputs, steering)
    bound = screen_pairs(inputs, steering, money).bound[0].numpy()
    pairs = np.array(list(combinations(range(6), 2)))
    value = BundleValuer(inputs, steering, money).scores(pairs).score[0]
    assert (bound[pairs[:, 0], pairs[:, 1]] * (1 + 1e-5) + 1e-7 >= value).all()


def test_the_bound_is_close_where_customers_agree_that_the_offer_pays():
    inputs = market(3, customers=400, items=30, related=False)
    inputs = replace(
        inputs, slope=inputs.slope * 0 + 2, funding_share=inputs.funding_share * 0, salience=1.0,
        probability=inputs.probability * 0.02,
    )  # fmt: skip
    steering = CandidateSettings(budget_prices=(0.0,))
    money = item_money(inputs, steering)
    bound = screen_pairs(inputs, steering, money).bound[0].numpy()
    pairs = np.array(list(combinations(range(30), 2)))
    value = BundleValuer(inputs, steering, money).scores(pairs).score[0]
    positive = value > 0
    assert positive.sum() > 100
    assert np.median(bound[pairs[positive, 0], pairs[positive, 1]] / value[positive]) < 1.05


@pytest.mark.parametrize("seed", range(3))
def test_the_best_pairs_of_the_catalogue_are_found(seed):
    inputs = market(seed, customers=10, items=11)
    steering = CandidateSettings(max_size=2, total=25, per_item=1000, budget_prices=(0.0,), pool=40)
    found = find_candidates(inputs, steering)
    values = {pair: best_by_enumeration(inputs, pair) for pair in combinations(range(11), 2)}
    best = sorted(values, key=lambda pair: -values[pair])[:25]
    proven = [pair for pair in best if values[pair] > found.excluded_bound]
    assert found.screened == 55
    assert set(proven) <= set(found.bundles)
    assert list(found.score) == sorted(found.score, reverse=True)
    np.testing.assert_allclose(found.score, [values[pair] for pair in found.bundles], rtol=2e-4, atol=2e-6)


def test_a_pool_of_all_pairs_gives_exactly_the_best():
    inputs = market(21, customers=10, items=11)
    steering = CandidateSettings(max_size=2, total=10, per_item=1000, budget_prices=(0.0,), pool=1000)
    found = find_candidates(inputs, steering)
    values = {pair: best_by_enumeration(inputs, pair) for pair in combinations(range(11), 2)}
    assert found.excluded_bound == 0.0
    assert set(found.bundles) == set(sorted(values, key=lambda pair: -values[pair])[:10])


def every(inputs, **steering):
    return find_candidates(inputs, CandidateSettings(**{"total": 400, "per_item": 400, "beam": 400} | steering))


def test_filters_are_kept_at_every_size():
    inputs = market(8, customers=15, items=10, related=False)
    inputs = replace(
        inputs,
        eligible=np.arange(10) != 4,
        substitutes=np.array([[3, 1], [0, 2]], dtype=np.int32),
        excluded=frozenset({frozenset({5, 6}), frozenset({5, 6, 7}), frozenset({9})}),
    )
    found = every(inputs, min_size=1)
    sets = [set(bundle) for bundle in found.bundles]
    assert {len(bundle) for bundle in sets} == {1, 2, 3, 4}
    assert all(list(bundle) == sorted(set(bundle)) for bundle in found.bundles)
    assert len(set(found.bundles)) == len(found.bundles)
    assert not any(4 in bundle or {1, 3} <= bundle or {0, 2} <= bundle for bundle in sets)
    assert not any(bundle in ({5, 6}, {5, 6, 7}, {9}) for bundle in sets)


@pytest.mark.parametrize("rule", list(CategoryRule))
def test_category_rules_hold_at_every_size(rule):
    inputs = replace(market(2, customers=15, items=12, related=False), category=np.arange(12, dtype=np.int32) % 4)
    found = every(inputs, category_rule=rule)
    kinds = [len({int(inputs.category[item]) for item in bundle}) for bundle in found.bundles]
    assert found.bundles
    if rule is CategoryRule.SAME:
        assert set(kinds) == {1}
    elif rule is CategoryRule.CROSS:
        assert kinds == [len(bundle) for bundle in found.bundles]
    else:
        assert 1 in kinds
        assert 2 in kinds


def test_sizes_support_and_caps_are_kept():
    inputs = market(4, customers=25, items=16, related=False)
    pairs = every(inputs, max_size=2)
    assert {len(bundle) for bundle in pairs.bundles} == {2}
    support = valuer(inputs, CandidateSettings()).scores(np.array(pairs.bundles)).support
    least = float(np.median(support))
    fewer = every(inputs, max_size=2, min_support=least)
    assert set(fewer.bundles) == {b for b, s in zip(pairs.bundles, support, strict=True) if s >= least}
    capped = every(inputs, max_size=2, per_item=3)
    assert max(sum(item in bundle for bundle in capped.bundles) for item in range(16)) <= 3
    assert every(inputs, min_size=3, max_size=3).bundles
    assert {len(bundle) for bundle in every(inputs, min_size=3, max_size=3).bundles} == {3}


def test_a_small_catalogue_fills_the_list_although_variety_is_asked_for():
    inputs = market(4, customers=25, items=12, related=False)
    found = find_candidates(inputs, CandidateSettings(max_size=2, total=100))
    assert set(found.bundles) == set(every(inputs, max_size=2).bundles)
    assert len(found.bundles) > 20


def test_included_bundles_come_first_whatever_they_are_worth():
    inputs = replace(market(6, items=9), included=((7, 2), (0, 1, 3, 5), (8,)))
    found = every(inputs, max_size=2)
    assert found.bundles[:3] == ((0, 1, 3, 5), (2, 7), (8,))
    assert len(set(found.bundles)) == len(found.bundles)


def test_an_included_bundle_without_an_admissible_price_has_no_score():
    inputs = market(6, items=4, related=False)
    inputs = replace(inputs, shelf_price=np.array([100.0, 1.0, 1.0, 1.0]), unit_cost=np.zeros(4), included=((0, 1),))
    found = every(inputs, max_size=2)
    assert found.bundles[0] == (0, 1)
    assert np.isnan(found.score[0])
    assert not any(0 in bundle for bundle in found.bundles[1:])


def test_the_search_is_deterministic_and_does_not_depend_on_the_order_of_items():
    inputs = market(9, customers=30, items=12)
    again = every(inputs)
    assert every(inputs).bundles == again.bundles
    order = np.random.default_rng(1).permutation(12)
    place = np.argsort(order)
    moved = replace(
        inputs,
        **{name: getattr(inputs, name)[:, order] for name in ("probability", "slope")},
        **{
            name: getattr(inputs, name)[order]
            for name in ("price_lift", "shelf_price", "unit_cost", "tax_rate", "funding_share", "eligible", "category")
        },
        related_first=place[inputs.related_first].astype(np.int32),
        related_second=place[inputs.related_second].astype(np.int32),
    )
    back = {tuple(sorted(int(order[item]) for item in bundle)) for bundle in every(moved).bundles}
    assert back == set(again.bundles)


def test_thrifty_pairs_get_their_share_when_budget_money_has_a_price():
    inputs = market(13, customers=30, items=20, related=False)
    rich = every(inputs, max_size=2, total=20, budget_prices=(0.0,))
    both = every(inputs, max_size=2, total=20, budget_prices=(0.0, 2.0))
    thrifty = every(inputs, max_size=2, total=20, budget_prices=(2.0,))
    assert set(both.bundles) & set(rich.bundles)
    assert set(both.bundles) & (set(thrifty.bundles) - set(rich.bundles))


def test_the_family_says_what_was_proven_and_what_was_searched():
    inputs = market(1)
    assert every(inputs, max_size=2).family.endswith("bundles: pairs screened from 15")
    assert every(inputs).family.endswith("pairs screened from 15; triples and quadruples as far as searched by beam")
    assert "single items: all" in every(inputs, min_size=1).family


def test_progress_is_told_for_every_step():
    steps = []
    find_candidates(market(1), CandidateSettings(), progress=lambda step, share: steps.append((step, share)))
    assert ("screening pairs", 1.0) in steps
    assert {"valuing pairs", "growing bundles of 3", "growing bundles of 4"} <= {step for step, _ in steps}


def test_nothing_to_offer_gives_no_candidates():
    inputs = replace(market(1), eligible=np.zeros(6, dtype=bool))
    assert every(inputs, min_size=1).bundles == ()


@pytest.mark.parametrize(
    "steering",
    [
        {"min_size": 0}, {"max_size": 5}, {"min_size": 3, "max_size": 2}, {"objective_revenue": 1.5}, {"total": 0},
        {"budget_prices": ()}, {"budget_prices": (-1.0,)}, {"min_support": -0.1}, {"beam": 0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(steering):
    with pytest.raises(UsageError, match=r"must|is a weight|needs at least"):
        CandidateSettings(**steering)


def test_inputs_that_do_not_fit_together_are_refused():
    with pytest.raises(UsageError, match="shelf_price has shape"):
        replace(market(1), shelf_price=np.ones(5))
    with pytest.raises(UsageError, match="price ratios"):
        replace(market(1), ratios=np.array([1.1, 0.9, 0.8]))
