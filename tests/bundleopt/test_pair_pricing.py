"""The bound for all pairs, through the real stage, against the best plan over all pairs found by enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bundleopt.config import SolveConfig
from bundleopt.explanation.counterfactual import _most
from bundleopt.plan.sentences import pairs_sentences
from bundleopt.plan.valued_plan import Stock
from bundleopt.prepared import Prepared
from bundleopt.stages import candidates, optimise, pair_pricing
from bundleopt.stages.item_choice import ItemChoice
from bundleopt.stages.pair_halo import outside_gain
from bundleopt.stages.problem import build_problem
from bundleopt.stages.rule_inputs import RuleInputs
from bundleopt.stages.valuation import value_candidates
from bundleopt.stages.week import PlannedWeek
from bundleopt_models.forecast import PairRelations
from bundleopt_models.fullness import Fullness
from bundleopt_models.market import build_market
from bundleopt_models.synthetic_week import synthetic_week
from bundleopt_solvers.pair_prices import entry_prices
from bundleopt_solvers.pair_screen import screen_scores
from bundleopt_solvers.plan import Certificate

CUSTOMERS, ITEMS = 3, 5
PAIRS = tuple(combinations(range(ITEMS), 2))
Bundles = tuple[tuple[int, ...], ...]


def small_week(seed: int) -> PlannedWeek:
    """Five popular items of which some are strongly related, within and across bundles; prices of any cents."""
    rng = np.random.default_rng(seed)
    forecast, campaign = synthetic_week(CUSTOMERS, ITEMS, seed=seed, popularity=-1.6)
    drawn = [PAIRS[place] for place in sorted(rng.choice(len(PAIRS), 4, replace=False))]
    relations = PairRelations(
        first=np.array([pair[0] for pair in drawn], dtype=np.int32),
        second=np.array([pair[1] for pair in drawn], dtype=np.int32),
        gamma=rng.choice([-1.5, 1.2, 2.5], 4).astype(np.float32),
        standard_error=np.full(4, 0.1, np.float32),
        background=0.3,
        # Every other week has customers whose small baskets relate all pairs, some of them strongly.
        fullness=Fullness(spread=float(rng.uniform(0.5, 4.0)), power=1.0, least=0.1) if seed % 2 else None,
    )
    category = rng.integers(0, 2, ITEMS).astype(np.int32)
    slope = (forecast.slope * rng.uniform(2.0, 5.0)).astype(np.float32)
    campaign = replace(
        campaign, unit_cost_cents=np.round(campaign.shelf_price_cents * rng.uniform(0.2, 0.5, ITEMS)).astype(np.int64)
    )
    slack = np.where(rng.random(ITEMS) < 0.5, rng.uniform(0.0, 0.4, ITEMS), np.inf)
    stock = Stock(on_hand=slack, baseline=np.zeros(ITEMS), safety=np.zeros(ITEMS), slack=slack)
    return PlannedWeek(campaign, replace(forecast, relations=relations, category=category, slope=slope), stock)


def prepared_with(week: PlannedWeek, bundles: Bundles, settings: SolveConfig) -> Prepared:
    """What the stages hand on where the search had found `bundles`."""
    choice = ItemChoice(np.ones(ITEMS, dtype=bool), {}, (), (), frozenset())
    found = candidates.with_prices(bundles, week.campaign, settings, family="some pairs", choice=choice)
    table, values = value_candidates(week.forecast, week.campaign, found, settings)
    built = build_problem((table, values), week, choice, settings)
    return Prepared(cast("Any", SimpleNamespace()), week, choice, found, table, values, built, RuleInputs())


def allowed_pairs(week: PlannedWeek, settings: SolveConfig) -> Bundles:
    """Pairs that the filters allow."""
    apart = {tuple(pair) for pair in candidates.substitute_pairs(week.forecast).tolist()}
    return tuple(pair for pair in PAIRS if settings.allow_twins or pair not in apart)


def best_plan(prepared: Prepared) -> float:
    """The best menu and offers, by going through all of them; rules from their definitions."""
    problem = prepared.built.problem
    options, rules = problem.options, problem.rules
    twins = [] if rules.substitutes is None else [set(pair) for pair in rules.substitutes.tolist()]
    held = [set(row[row >= 0].tolist()) for row in options.items]

    def apart(one: int, other: int) -> bool:
        both = held[one] | held[other]
        return not held[one] & held[other] and not any(
            pair <= both and pair & held[one] and pair & held[other] for pair in twins
        )

    best = 0.0
    for size in range(1, rules.max_bundles + 1):
        for menu in combinations(range(len(held)), size):
            if len({int(options.bundle[o]) for o in menu}) == size:
                best = max(best, _best_offers(prepared, menu, apart))
    return best


def _best_offers(prepared: Prepared, menu: tuple[int, ...], apart: Any) -> float:
    """The best offers of a menu on which every option has one; covers are left out, which only raises it."""
    problem = prepared.built.problem
    options, rules = problem.options, problem.rules
    sets = [
        chosen
        for count in range(min(rules.slots, len(menu)) + 1)
        for chosen in combinations(menu, count)
        if all(apart(one, other) for one, other in combinations(chosen, 2))
    ]
    value = problem.value.astype(float) - rules.contact_cost
    spend = problem.redemption.astype(float) * options.unit_spend
    use = np.zeros((CUSTOMERS, len(sets), ITEMS))
    for place, chosen in enumerate(sets):
        for option in chosen:
            for k, item in enumerate(options.items[option].tolist()):
                if item >= 0:
                    use[:, place, item] += problem.units[:, option, k]
    gains = np.array([[value[u, list(s)].sum() for s in sets] for u in range(CUSTOMERS)])
    costs = np.array([[spend[u, list(s)].sum() for s in sets] for u in range(CUSTOMERS)])
    pick = np.stack(np.meshgrid(*[np.arange(len(sets))] * CUSTOMERS, indexing="ij"), -1).reshape(-1, CUSTOMERS)
    who = np.arange(CUSTOMERS)
    fits = np.ones(len(pick), dtype=bool)
    if rules.budget is not None:
        fits &= costs[who, pick].sum(1) <= rules.budget
    if rules.min_margin is not None:
        short = problem.redemption * (rules.min_margin * options.price_cents / 100 - options.unit_margin)
        lacks = np.array([[short[u, list(s)].sum() for s in sets] for u in range(CUSTOMERS)])
        fits &= lacks[who, pick].sum(1) <= 0
    if rules.stock_slack is not None:
        fits &= (use[who, pick].sum(1) <= rules.stock_slack).all(1)
    bundles = len(menu)
    return float(gains[who, pick].sum(1)[fits].max(initial=-np.inf)) - rules.fixed_cost_per_bundle * bundles


def drawn_settings(rng: np.random.Generator, **more: object) -> SolveConfig:
    """Rules that bind."""
    asked: dict[str, object] = {
        "budget": float(rng.choice([0.05, 0.3, 2.0])) if rng.random() < 0.7 else None,
        "max_bundles": int(rng.integers(1, 3)),
        "slots": int(rng.integers(1, 3)),
        "min_margin": float(rng.choice([0.3, 0.5])) if rng.random() < 0.5 else None,
        "price_step": 0.15,
        "objective": str(rng.choice(["revenue", "margin", "mix"])),
        "price_ending": rng.choice(["none", ".99", ".49,.99", "5"]),
        "contact_cost": float(rng.choice([0.0, 0.02])),
        "fixed_cost_per_bundle": float(rng.choice([0.0, 0.05])),
        "allow_twins": bool(rng.random() < 0.3),
        "pair_rounds": 0,
        "certify_pairs": 60,
        "gap": "0.1%",
    }
    return SolveConfig(**(asked | more))


def certified(prepared: Prepared, settings: SolveConfig) -> tuple[Any, Prepared]:
    plan = optimise.optimise(prepared.built.problem, settings, "some pairs", lambda _what, _share: None)
    prepared, plan = pair_pricing.certify_pairs(prepared, plan, settings, lambda _what, _share: None)
    return plan, prepared


@pytest.mark.parametrize("seed", range(6))
def test_no_plan_over_all_pairs_beats_the_stated_bound(seed: int) -> None:
    rng, week = np.random.default_rng(seed), small_week(seed)
    settings = drawn_settings(rng)
    family = allowed_pairs(week, settings)
    known = tuple(family[place] for place in sorted(rng.choice(len(family), 3, replace=False)))
    truth = best_plan(prepared_with(week, family, settings))
    prepared = prepared_with(week, known, settings)
    if not len(prepared.built.problem.options.bundle):
        return
    plan, _ = certified(prepared, settings)
    assert plan.certificates["pairs"].bound >= truth - 1e-9
    # Without time for single pairs the bound is the screened one.
    hasty, _ = certified(prepared, settings.model_copy(update={"certify_pairs": 1e-9}))
    assert hasty.certificates["pairs"].bound >= plan.certificates["pairs"].bound - 1e-9
    wider, _ = certified(prepared, settings.model_copy(update={"pair_rounds": 2}))
    assert truth - 1e-9 <= wider.certificates["pairs"].bound <= plan.certificates["pairs"].bound + 1e-9
    assert wider.headline.value >= plan.headline.value - 1e-9


def test_screens_are_above_the_values_of_offers_at_every_price_point() -> None:
    for seed in range(40, 48):
        rng, week = np.random.default_rng(seed), small_week(seed)
        if seed >= 46:  # rare purchases in tiny baskets, which full weeks relate strongly
            forecast = week.forecast
            fullness = Fullness(spread=6.0, power=1.0, least=0.1)
            week = replace(
                week,
                forecast=replace(
                    forecast,
                    probability=(forecast.probability * 0.1).astype(np.float32),
                    slope=(forecast.slope * 3).astype(np.float32),
                    relations=replace(forecast.relations, fullness=fullness),
                ),
            )
        settings = drawn_settings(rng, allow_twins=True)
        prepared = prepared_with(week, PAIRS[:3], settings)
        plan = optimise.optimise(prepared.built.problem, settings, "some pairs", lambda _what, _share: None)
        entry = entry_prices(prepared.built.problem, plan, twins=True)
        assert entry is not None
        search = pair_pricing.PairSearch(prepared, plan, settings)
        inputs, how = search.inputs()
        screened = screen_scores(inputs, how, search.ratios(), (entry.prices, 0.0))
        score = pair_pricing.OfferScorer(prepared, entry, settings).scores(np.array(PAIRS, dtype=np.int64))
        bound = {tuple(pair): worth for pair, worth in zip(screened.pairs.tolist(), screened.bound, strict=True)}
        assert (score > 0).any()
        for pair, worth in zip(PAIRS, score.tolist(), strict=True):
            assert worth <= bound.get(pair, screened.rest)


def test_what_a_bundle_brings_outside_is_at_most_the_gain_of_its_items() -> None:
    for seed in range(5):
        week = small_week(seed)
        items = np.arange(ITEMS, dtype=np.int32)[:, None]
        outside = build_market(week.forecast, week.campaign, items).outside
        for weight, effect in ((1.0, outside.revenue), (0.0, outside.margin)):
            gain = outside_gain(week.forecast, week.campaign, weight)
            assert (effect.numpy() - 1e-9 <= gain.T).all()
            assert gain.max() > 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"bundle_size": "3:4"}, "allowed size"),
        ({"objective": "revenue,margin"}, "two objectives"),
    ],
)
def test_what_can_not_be_certified_is_said(changes: dict[str, object], why: str) -> None:
    week, settings = small_week(1), SolveConfig(max_bundles=2, certify_pairs=5)
    prepared = prepared_with(week, PAIRS[:3], settings)
    plan = optimise.optimise(prepared.built.problem, settings, "some pairs", lambda _what, _share: None)
    asked = SolveConfig(max_bundles=2, certify_pairs=5, **changes)
    _, refused = pair_pricing.certify_pairs(prepared, plan, asked, lambda _what, _share: None)
    assert "pairs" not in refused.certificates
    (said,) = pairs_sentences({"certificates": {}, "solver": {"incidents": list(refused.incidents)}})
    assert said.startswith("Not certified for pairs")
    assert why in said


def test_the_terminal_says_the_bound_over_pairs_only_where_it_says_something() -> None:
    found = {"value": 90.0, "bound": 100.0, "gap": 0.1}
    (said,) = pairs_sentences({"certificates": {"pairs": found}})
    assert "10" in said
    assert "all pairs" in said
    (said,) = pairs_sentences({"certificates": {"pairs": {"value": 1.0, "bound": 100.0, "gap": 0.99}}})
    assert "says little" in said
    assert pairs_sentences({"certificates": {}}) == []


def test_the_cost_of_a_change_speaks_of_pairs_where_the_run_does() -> None:
    plan = SimpleNamespace(headline=Certificate(8.0, 9.0, "candidates"), certificates={})
    run = SimpleNamespace(document={"certificates": {}})
    assert _most(cast("Any", plan), cast("Any", run)) == 9.0
    run.document["certificates"]["pairs"] = {"bound": 12.0}
    assert _most(cast("Any", plan), cast("Any", run)) == 12.0
    plan.certificates["pairs"] = Certificate(8.0, 10.0, "pairs")
    assert _most(cast("Any", plan), cast("Any", run)) == 10.0
