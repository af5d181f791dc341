from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.decomposition import Offers, decompose
from bundleopt_models.offer_values import DECOMPOSITION
from bundleopt_models.option_table import option_table
from bundleopt_models.synthetic_week import synthetic_bundles, synthetic_week
from bundleopt_models.valuation import value_offers


@pytest.fixture(scope="module")
def case():
    forecast, campaign = synthetic_week(50, 80, pairs=500, popularity=-3.0)
    table = option_table(*synthetic_bundles(forecast, campaign, [1, 2, 2, 3, 4, 4], among=40), campaign)
    return forecast, campaign, table


def test_rows_sum_to_the_incremental_totals(case) -> None:
    rng = np.random.default_rng(0)
    offers = Offers(rng.integers(0, 50, 400), rng.integers(0, len(case[2].bundle), 400))
    values = value_offers(*case, reach=0.9, salience=1.2)
    rows = decompose(*case, offers, reach=0.9, salience=1.2)
    scale = np.abs(rows.revenue).sum(1)
    for part, total in ((rows.revenue, values.incremental_revenue), (rows.margin, values.incremental_margin)):
        assert (np.abs(part.sum(1) - total[offers.customer, offers.option]) <= 1e-6 * scale).all()


def test_signs_of_the_rows(case) -> None:
    offers = Offers(np.arange(50), np.full(50, 10))
    rows = decompose(*case, offers)
    sign = dict(zip(DECOMPOSITION, np.sign(rows.revenue).T, strict=True))
    assert (sign["new"] > 0).all()
    assert (sign["upsell"] > 0).all()
    for name in ("cannibalised", "certain_buyer_discount", "pull_forward"):
        assert (sign[name] < 0).all(), name


def test_a_single_item_has_neither_upsell_nor_cannibalised_sales(case) -> None:
    totals = decompose(*case, Offers(np.arange(50), np.zeros(50, np.int64))).totals()
    assert tuple(totals) == DECOMPOSITION
    assert totals["upsell"] == pytest.approx((0.0, 0.0), abs=1e-9)
    assert totals["cannibalised"] == pytest.approx((0.0, 0.0), abs=1e-9)


def test_no_offers_no_rows(case) -> None:
    none = np.zeros(0, np.int64)
    assert decompose(*case, Offers(none, none)).revenue.shape == (0, 6)
