"""Hazards, lifts and the memory of promotions against a plain recount of the log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_models.features import OWN_FEATURES, PAIR_FEATURES, FeatureBuilder
from bundleopt_models.model import plan_for
from bundleopt_models.promotion_memory import (
    CHAIN_SHARE,
    DEAL_DEPTH,
    MEMORY_FEATURES,
    NO_GAP,
    PLAIN_BOUGHT,
    PLAIN_PRIOR,
    RATE_PRIOR,
)
from bundleopt_models.repeats import (
    AGES,
    CATEGORY_PRIOR,
    FIRST_HAZARD,
    HAZARD_DECAY,
    ITEM_PRIOR,
    REPEAT_FEATURES,
    Lift,
    ages,
)
from bundleopt_models.week_tables import build_week_tables

WEEK = 15


@pytest.fixture(scope="module")
def builder(market):
    found = FeatureBuilder(market.panel, build_week_tables(market.panel))
    found.move_to(WEEK)
    return found


def baskets(panel):
    """(T, U, I) purchases."""
    bought = np.zeros((panel.n_weeks, panel.n_customers, panel.n_items), bool)
    bought[panel.purchase_week, panel.purchase_customer, panel.purchase_item] = True
    return bought


def meetings(panel, week):
    """(week, customer, item, age, bought) of every known item at every visit before `week`, one by one."""
    bought, came = baskets(panel), panel.trips > 0
    for customer in range(panel.n_customers):
        for item in range(panel.n_items):
            since = None
            for now in range(week):
                if not came[now, customer]:
                    continue
                if since is not None:
                    age = max(place for place, edge in enumerate(AGES) if edge <= since)
                    yield now, customer, item, age, bool(bought[now, customer, item])
                    since += 1
                if bought[now, customer, item]:
                    since = 0


def test_hazards_are_the_shrunk_shares_of_meetings_that_ended_in_a_purchase(market, builder):
    panel = market.panel
    met, hit = np.zeros((panel.n_items, len(AGES))), np.zeros((panel.n_items, len(AGES)))
    for now, _, item, age, is_bought in meetings(panel, WEEK):
        weight = HAZARD_DECAY ** (WEEK - 1 - now)
        met[item, age] += weight
        hit[item, age] += weight * is_bought
    everything = (hit.sum(axis=0) + FIRST_HAZARD) / (met.sum(axis=0) + 1)
    category = panel.items.category
    total_met, total_hit = (np.stack([part[category == code].sum(axis=0) for code in range(category.max() + 1)])
                            for part in (met, hit))  # fmt: skip
    expected = (total_hit + CATEGORY_PRIOR * everything) / (total_met + CATEGORY_PRIOR)
    items, categories, all_ages = builder.repeats.hazards()
    np.testing.assert_allclose(all_ages, everything, rtol=1e-9)
    np.testing.assert_allclose(categories, expected, rtol=1e-9)
    np.testing.assert_allclose(items, (hit + ITEM_PRIOR * expected[category]) / (met + ITEM_PRIOR), rtol=1e-9)


def test_a_lift_is_the_log_ratio_of_decayed_counts():
    lift = Lift.of(2, decay=0.5, prior=1.0)
    lift.learn(np.array([0, 0, 1]), np.array([0.2, 0.2, 0.5]), np.array([True, True, False]))
    lift.learn(np.array([0]), np.array([0.3]), np.array([True]))
    expected = np.log([(1 + 0.5 * 2 + 1) / (0.5 * 0.4 + 0.3 + 1), 1 / (0.5 * 0.5 + 1)])
    np.testing.assert_allclose(lift.log(np.array([0, 1])), expected, rtol=1e-6)


def test_repeat_features_tell_regulars_from_strangers(market, builder):
    """Chances of pairs with history rank what is bought next better than a coin."""
    panel, state = market.panel, builder.history.item
    pair = np.flatnonzero((state.count > 0) & (panel.trips[WEEK] > 0)[state.level.customer])
    found = builder.repeats.features(builder.history, pair, WEEK)
    bought = baskets(panel)[WEEK, state.level.customer[pair], state.level.group[pair]]
    assert found.shape == (len(pair), len(REPEAT_FEATURES))
    score = found[:, REPEAT_FEATURES.index("hazard_item")]
    better = (score[bought][:, None] > score[~bought][None]).mean() + 0.5 * (
        score[bought][:, None] == score[~bought][None]
    ).mean()
    assert better > 0.6
    later = ages(builder.history, pair, panel.n_weeks + 3)
    assert (later >= ages(builder.history, pair, WEEK)).all()


def test_memory_recounts_what_was_bought_under_which_promotion(market, builder):
    panel, state = market.panel, builder.history.item
    promotions, bought, came = panel.promotions, baskets(panel), panel.trips > 0
    planned = plan_for(panel, WEEK, None, (None, None))
    reference = panel.prices.log_reference
    paid = np.full(bought.shape, np.nan)
    paid[panel.purchase_week, panel.purchase_customer, panel.purchase_item] = panel.purchase_log_price
    flags = ((promotions.mailer, promotions.store_mailer), (promotions.display, promotions.store_display))
    shown_now = [(planned.mailer, planned.store_mailer), (planned.display, planned.store_display)]
    pairs = np.flatnonzero(state.count > 0)[::5]
    customer, item = state.level.customer[pairs], state.level.group[pairs]
    found = builder.rows(customer, item, planned).pair[:, len(OWN_FEATURES) + len(REPEAT_FEATURES) :]
    column = {name: found[:, place] for place, name in enumerate(MEMORY_FEATURES)}
    for row, (u, i) in enumerate(zip(customer, item, strict=True)):
        group = promotions.store_group[u]
        weeks = np.flatnonzero(bought[:WEEK, u, i])
        visits = np.flatnonzero(came[weeks[0] : WEEK, u]) + weeks[0]
        for place, (chain, store) in enumerate(flags):
            is_on = (chain[:, i] >= CHAIN_SHARE) | ((store[:, group, i] > 0) & (group >= 0))
            kind = ("mailer", "display")[place]
            assert column[f"last_{kind}"][row] == is_on[weeks[-1]]
            np.testing.assert_allclose(column[f"{kind}_share"][row], is_on[weeks].mean(), rtol=1e-5)
            share, flag = shown_now[place]
            now = bool(share[i] >= CHAIN_SHARE or (group >= 0 and flag[group, i] > 0))
            assert column[f"now_{kind}"][row] == now
            plain = (len(weeks) + PLAIN_BOUGHT) / (len(visits) + PLAIN_PRIOR)
            alike = (is_on[weeks] == now).sum(), (is_on[visits] == now).sum()
            rate = np.clip((alike[0] + RATE_PRIOR * plain) / (alike[1] + RATE_PRIOR), 1e-4, 0.99)
            np.testing.assert_allclose(column[f"odds_{kind}"][row], np.log(rate / (1 - rate)), rtol=1e-3, atol=1e-4)
        deals = paid[weeks, u, i] - reference[weeks, i] < DEAL_DEPTH
        np.testing.assert_allclose(column["deal_share"][row], deals.mean(), atol=1e-6)
        order = [int(np.flatnonzero(visits == week)[0]) for week in weeks]
        gaps = np.diff(order)
        expected = np.log1p([gaps[-1] if len(gaps) else 0, gaps[-2] if len(gaps) > 1 else 0])
        np.testing.assert_allclose([column["log_gap_1"][row], column["log_gap_2"][row]], expected, rtol=1e-5)
        np.testing.assert_allclose(column["least_gap"][row], np.log1p(gaps.min() if len(gaps) else NO_GAP), rtol=1e-5)


def test_a_promoted_campaign_week_changes_the_odds_of_those_who_buy_on_promotion(market, builder):
    panel, state = market.panel, builder.history.item
    builder.move_to(panel.n_weeks)
    pairs = np.flatnonzero(state.count > 1)
    customer, item = state.level.customer[pairs], state.level.group[pairs]
    off, on = (
        plan_for(panel, panel.n_weeks, None, (None, np.full(panel.n_items, share, np.float32))) for share in (0.0, 1.0)
    )
    place = PAIR_FEATURES.index("now_mailer")
    assert not builder.rows(customer, item, off).pair[:, place].any()
    assert builder.rows(customer, item, on).pair[:, place].all()
    builder.move_to(WEEK)


def test_customers_without_a_store_see_the_chain_only(market):
    panel = market.panel
    promotions = replace(panel.promotions, store_group=np.full(panel.n_customers, -1, np.int32))
    other = replace(panel, promotions=promotions)
    builder = FeatureBuilder(other, build_week_tables(other))
    builder.move_to(WEEK)
    state = builder.history.item
    pairs = np.flatnonzero(state.count > 0)
    chain = [np.zeros(panel.n_items, np.float32)] * 2
    store = [np.ones((2, panel.n_items), np.uint8)] * 2
    assert not builder.memory.promoted(state, pairs, chain, store).any()
