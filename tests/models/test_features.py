"""Features against a plain recount, and against a log whose future was replaced."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.corpus import Vocabulary, pooled_history
from bundleopt_models.features import GROUP_FEATURES, PAIR_FEATURES, FeatureBuilder, StorePopularity, schema_hash
from bundleopt_models.history import DECAYS, LAGS, History, group_items, visit_weeks_before
from bundleopt_models.model import plan_for
from bundleopt_models.text import BUCKETS, hashed_ngrams, ngram_bags
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES, build_week_tables, eligible

WEEK = 17


@pytest.fixture(scope="module")
def tables(market):
    return build_week_tables(market.panel)


def purchase_weeks(panel, customer, items, week):
    """Distinct weeks before `week` in which the customer bought any of `items`."""
    chosen = (panel.purchase_customer == customer) & np.isin(panel.purchase_item, items)
    return sorted(set(panel.purchase_week[chosen & (panel.purchase_week < week)].tolist()))


@pytest.mark.parametrize("level", ["item", "category", "family", "brand"])
def test_states_equal_a_recount(market, level):
    panel, history = market.panel, History(market.panel)
    history.move_to(WEEK)
    state, groups = getattr(history, level), group_items(panel)
    code = np.arange(panel.n_items) if level == "item" else getattr(groups, level)
    visits = visit_weeks_before(panel)
    for pair in range(0, len(state.level.key), 7):
        customer = state.level.customer[pair]
        weeks = purchase_weeks(panel, customer, np.flatnonzero(code == state.level.group[pair]), WEEK)
        assert state.count[pair] == len(weeks)
        expected = [sum(decay ** (WEEK - 1 - week) for week in weeks) for decay in DECAYS.astype(float)]
        np.testing.assert_allclose(state.decayed[pair], expected, rtol=1e-4, atol=1e-6)
        if weeks:
            assert state.last[pair] == weeks[-1]
            assert state.visits_at_last[pair] == visits[weeks[-1] + 1, customer]
            assert state.visits_at_first[pair] == visits[weeks[0] + 1, customer]


def test_lags_are_the_last_weeks_one_by_one(market, tables):
    panel = market.panel
    builder = FeatureBuilder(panel, tables)
    first = PAIR_FEATURES.index("lag_1")
    planned = plan_for(panel, WEEK, None, (None, None))
    pairs = History(panel).item.level
    customer, item = pairs.customer[::11], pairs.group[::11]
    for week in (WEEK, panel.n_weeks, panel.n_weeks + 2):
        builder.move_to(week)
        found = builder.rows(customer, item, planned).pair[:, first : first + LAGS]
        for row, (u, i) in enumerate(zip(customer, item, strict=True)):
            weeks = set(purchase_weeks(panel, u, [i], week))
            assert found[row].tolist() == [float(week - lag in weeks) for lag in range(1, LAGS + 1)]


def test_going_back_and_forth_changes_nothing(market):
    there, back = History(market.panel), History(market.panel)
    there.move_to(9)
    back.move_to(20)
    back.move_to(9)
    np.testing.assert_array_equal(there.item.decayed, back.item.decayed)
    np.testing.assert_array_equal(there.family.count, back.family.count)
    there.move_to(99)
    assert there.week == market.panel.n_weeks


def test_rows_know_nothing_of_the_week_itself(market, shuffled_future, tables):
    other = shuffled_future(market.panel, WEEK)
    customer = np.repeat(np.arange(60), 15)
    item = np.tile(np.arange(15), 60)
    planned = plan_for(market.panel, WEEK, None, (None, None))
    found = []
    for panel, table in ((market.panel, tables), (other, build_week_tables(other))):
        builder = FeatureBuilder(panel, table)
        builder.move_to(WEEK)
        found.append(vars(builder.rows(customer, item, planned)))
        np.testing.assert_array_equal(table.customer[WEEK], tables.customer[WEEK])
        np.testing.assert_allclose(table.item[WEEK], tables.item[WEEK], rtol=1e-5, atol=1e-6)
    for name in found[0]:
        np.testing.assert_array_equal(found[0][name], found[1][name], err_msg=name)


def test_pairs_without_history_have_zero_features(market, tables):
    builder = FeatureBuilder(market.panel, tables)
    builder.move_to(WEEK)
    state = builder.history.item
    customer, item = np.divmod(np.arange(60 * 15), 15)
    features = builder.rows(customer, item, plan_for(market.panel, WEEK, None, (None, None)))
    known = np.zeros(60 * 15, bool)
    pairs = np.flatnonzero(state.count > 0)
    known[state.level.customer[pairs] * 15 + state.level.group[pairs]] = True
    assert features.pair.shape == (900, len(PAIR_FEATURES))
    np.testing.assert_array_equal(features.pair[:, 0] > 0, known)
    assert not features.pair[~known].any()
    assert features.category.shape[1] == len(GROUP_FEATURES)
    assert np.isfinite(features.pair).all()


def test_customer_table_counts_visits(market, tables):
    panel = market.panel
    came = panel.trips > 0
    for name, weeks in (("visits_1", 1), ("visits_4", 4), ("visits_13", 13)):
        column = tables.customer[WEEK, :, CUSTOMER_FEATURES.index(name)]
        np.testing.assert_array_equal(column, came[WEEK - weeks : WEEK].sum(axis=0))
    np.testing.assert_array_equal(eligible(panel, WEEK), came[:WEEK].any(axis=0))
    assert np.isfinite(tables.customer).all()
    assert tables.customer.shape[0] == panel.n_weeks + 1


def test_item_table_counts_buyers(market, tables):
    panel = market.panel
    recent = (panel.purchase_week >= WEEK - 4) & (panel.purchase_week < WEEK)
    buyers = np.bincount(panel.purchase_item[recent], minlength=panel.n_items)
    visits = (panel.trips[WEEK - 4 : WEEK] > 0).sum()
    expected = np.log(buyers + 0.5) - np.log(visits + 1)
    np.testing.assert_allclose(tables.item[WEEK, :, ITEM_FEATURES.index("popularity_4")], expected, rtol=1e-5)


def test_store_popularity_is_one_without_stores(make_market):
    stores = StorePopularity(make_market(30, 8, 12, stores=0).panel)
    stores.move_to(9)
    assert stores.log_lift().shape == (1, 8)
    np.testing.assert_allclose(stores.log_lift(), 0, atol=1e-5)


def test_pooled_history_has_rows_of_length_one(market, tables):
    builder = FeatureBuilder(market.panel, tables)
    builder.move_to(WEEK)
    dense = pooled_history(builder).to_dense().numpy()
    length = np.sqrt((dense**2).sum(axis=1))
    np.testing.assert_allclose(length[length > 0], 1, rtol=1e-5)
    assert (dense >= 0).all()


def test_families_join_sizes_of_one_product(make_market):
    panel = make_market(10, 4, 6).panel
    panel.items.text[:] = ["Cola 1.5 L", "cola 330 ml", "Lemonade 1 L", "Cola 2 L"]
    panel.items.category[:] = [0, 0, 0, 0]
    family = group_items(panel).family
    assert family[0] == family[1] == family[3] != family[2]


@pytest.mark.parametrize("text", ["", " ", "Milch 1,5 %", "牛乳 1L", "\u202eabc", "x" * 10_000])
def test_ngrams_of_any_text_are_buckets(text):
    buckets = hashed_ngrams(text)
    assert ((buckets >= 0) & (buckets < BUCKETS)).all()
    assert (np.diff(buckets) > 0).all()
    starts, columns, weights = ngram_bags([text, "tea"])
    assert len(columns) == len(weights) == starts[-1]
    assert hashed_ngrams("  MILCH  1,5 % ").tolist() == hashed_ngrams("milch 1,5 %").tolist()


def test_unknown_ids_get_code_zero(market, make_market):
    vocabulary = Vocabulary.of(market.panel)
    wider = make_market(70, 20, 6).panel
    codes = vocabulary.customer_codes(wider)
    assert codes[:60].tolist() == list(range(1, 61))
    assert not codes[60:].any()
    assert not vocabulary.catalogue(wider).item[15:].any()


def test_schema_hash_is_stable():
    assert schema_hash() == schema_hash()
    assert len(schema_hash()) == 64
