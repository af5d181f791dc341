"""Votes of like-minded customers against a plain recount, one customer and item at a time."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models import like_minded
from bundleopt_models.features import FeatureBuilder
from bundleopt_models.history import DECAYS
from bundleopt_models.like_minded import LIKE_FEATURES, REFRESH_WEEKS, SHRINKAGE, TASTE_DECAY, VOTES, LikeMinded
from bundleopt_models.week_tables import build_week_tables

WEEK = 18


@pytest.fixture(scope="module")
def builder(market):
    found = FeatureBuilder(market.panel, build_week_tables(market.panel))
    found.move_to(WEEK)
    return found


def every_cell(panel):
    return np.divmod(np.arange(panel.n_customers * panel.n_items), panel.n_items)


def decayed(panel, week, decay):
    """(U, I) purchases before `week`, faded."""
    total = np.zeros((panel.n_customers, panel.n_items))
    known = panel.purchase_week < week
    age = week - 1 - panel.purchase_week[known]
    np.add.at(total, (panel.purchase_customer[known], panel.purchase_item[known]), float(decay) ** age)
    return total


def test_votes_equal_a_plain_recount(market, builder, monkeypatch):
    monkeypatch.setattr(like_minded, "NEIGHBOURS", 7)
    panel, anchor = market.panel, WEEK - WEEK % REFRESH_WEEKS
    taste = np.log1p(decayed(panel, anchor, TASTE_DECAY))
    taste *= np.maximum(np.log(panel.n_customers / ((taste > 0).sum(axis=0) + 5.0)), 0.1)
    taste /= np.maximum(np.linalg.norm(taste, axis=1, keepdims=True), 1e-6)
    near = taste @ taste.T
    np.fill_diagonal(near, 0.0)
    votes = [decayed(panel, WEEK, DECAYS[place]) for place in VOTES]
    found = LikeMinded(panel).rows(builder.history.item, WEEK, *every_cell(panel))
    found = found.reshape(panel.n_customers, panel.n_items, len(LIKE_FEATURES))
    for customer in range(panel.n_customers):
        chosen = np.argsort(-near[customer], kind="stable")[:7]
        weight = near[customer, chosen] ** 2
        weight /= max(weight.sum(), 1e-9)
        for place, faded in enumerate(votes):
            mean = faded.mean(axis=0)
            prior = SHRINKAGE * mean + 1e-5
            expected = np.log((weight @ faded[chosen] + prior) / (mean + prior))
            np.testing.assert_allclose(found[customer, :, place], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("week", [0, 1, WEEK])
def test_blocks_and_rows_agree(market, week):
    panel = market.panel
    builder = FeatureBuilder(panel, build_week_tables(panel))
    builder.move_to(week)
    rows = builder.like_minded.rows(builder.history.item, week, *every_cell(panel))
    block = LikeMinded(panel).block(builder.history.item, week, 10, 35)
    shape = (panel.n_customers, panel.n_items, len(LIKE_FEATURES))
    np.testing.assert_allclose(block, rows.reshape(shape)[10:35].transpose(2, 0, 1), rtol=1e-4, atol=1e-5)
    assert np.isfinite(block).all()


def test_own_purchases_never_vote_and_the_path_does_not_matter(market, builder):
    panel = market.panel
    there = LikeMinded(panel)
    first = there.rows(builder.history.item, WEEK, *every_cell(panel))
    own = np.arange(panel.n_customers)
    place = there._reference[there._neighbour]  # the codes of the neighbours
    assert not ((place == own[:, None]) & (there._weight > 0)).any()
    walked = FeatureBuilder(panel, build_week_tables(panel))
    for week in (3, 21, 9, WEEK):
        walked.move_to(week)
        walked.like_minded.rows(walked.history.item, week, own[:5], own[:5] % panel.n_items)
    again = walked.like_minded.rows(walked.history.item, WEEK, *every_cell(panel))
    np.testing.assert_array_equal(first, again)


def test_one_customer_has_no_neighbours(make_market):
    panel = make_market(1, 3, 8).panel
    builder = FeatureBuilder(panel, build_week_tables(panel))
    builder.move_to(6)
    found = builder.like_minded.rows(builder.history.item, 6, np.zeros(3, np.int64), np.arange(3))
    assert np.isfinite(found).all()
