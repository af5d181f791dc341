from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_models.additivity import joint_value, measure_additivity
from bundleopt_models.decomposition import Offers, decompose
from bundleopt_models.option_table import option_table
from bundleopt_models.relations import no_relations
from bundleopt_models.synthetic_week import synthetic_week
from bundleopt_models.valuation import option_money


@pytest.fixture(scope="module")
def case():
    forecast, campaign = synthetic_week(30, 12, pairs=30, popularity=-2.5)
    shelf = campaign.shelf_price_cents
    bundles = [(0, 1), (2, 3), (4, 5, 6, 7), (8,)]
    table = option_table(bundles, [[int(shelf[list(bundle)].sum() * 0.75)] for bundle in bundles], campaign)
    return forecast, campaign, table


def test_one_offer_is_its_own_joint_value(case) -> None:
    forecast, campaign, table = case
    money = option_money(forecast, campaign, table)
    for option in range(4):
        rows = decompose(*case, Offers(np.array([3]), np.array([option])), salience=1.5)
        joint = joint_value(forecast, campaign, table, money, (3, np.array([option]), 1.5))
        assert joint == pytest.approx([rows.revenue[0, :4].sum(), rows.margin[0, :4].sum()], rel=1e-6)


def test_offers_of_independent_items_add_up_when_everybody_visits(case) -> None:
    forecast, campaign, table = case
    calm = replace(forecast, relations=no_relations(), visit_probability=np.ones(30, np.float32))
    offers = Offers(np.repeat(np.arange(30), 3), np.tile([0, 1, 3], 30))
    result = measure_additivity(calm, campaign, table, offers)
    assert result.customers == 30
    assert np.abs(result.relative_error).max() < 1e-4


def test_a_shared_visit_makes_the_sum_a_lower_bound(case) -> None:
    forecast, campaign, table = case
    rare = replace(forecast, relations=no_relations(), visit_probability=np.full(30, 0.95, np.float32))
    offers = Offers(np.repeat(np.arange(30), 2), np.tile([0, 1], 30))
    result = measure_additivity(rare, campaign, table, offers, sample=10)
    assert result.customers == 10
    assert result.relative_error[0] < 0.0  # either offer brings the visit in which the other is redeemed


def test_too_many_items_and_single_offers_are_left_out(case) -> None:
    result = measure_additivity(*case, Offers(np.arange(5), np.zeros(5, np.int64)))
    assert result.customers == 0
    assert result.relative_error == pytest.approx([0.0, 0.0])
