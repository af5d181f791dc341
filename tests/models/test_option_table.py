from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_data.errors import UsageError
from bundleopt_models.option_table import option_table, shelf_margin
from bundleopt_models.synthetic_week import synthetic_week


@pytest.fixture
def campaign():
    """Item 0: 4.00, tax 25 %, cost 2.00, funding 50 %. Item 1: 6.00, no tax, cost 3.00, no funding."""
    return replace(
        synthetic_week(3, 4)[1],
        shelf_price_cents=np.array([400, 600, 100, 100]),
        tax_rate=np.array([0.25, 0.0, 0.0, 0.0]),
        unit_cost_cents=np.array([200, 300, 50, 50]),
        funding_share=np.array([0.5, 0.0, 0.0, 0.0]),
    )


def test_margin_and_spend_by_hand(campaign) -> None:
    """At 8.00 for 10.00: parts 3.20 and 4.80, discounts 0.80 and 1.20; the supplier pays half of 0.80."""
    table = option_table([(0, 1)], [[800]], campaign)
    assert table.unit_margin[0] == pytest.approx((3.20 / 1.25 - 2.00 + 0.40) + (4.80 - 3.00))
    assert table.unit_spend[0] == pytest.approx(2.00 - 0.40)
    assert shelf_margin(campaign)[:2] == pytest.approx([4.00 / 1.25 - 2.00, 3.00])


def test_at_shelf_price_nothing_is_spent_and_the_margin_is_the_shelf_margin(campaign) -> None:
    table = option_table([(0, 1)], [[1000]], campaign)
    assert table.unit_spend[0] == 0.0
    assert table.unit_margin[0] == pytest.approx(shelf_margin(campaign)[:2].sum())


def test_options_of_a_bundle_are_adjacent_by_descending_price_without_repeats(campaign) -> None:
    table = option_table([(3, 1, 0), (2,)], [[900, 1000, 900], [80, 90]], campaign)
    assert table.bundle.tolist() == [0, 0, 1, 1]
    assert table.price_cents.tolist() == [1000, 900, 90, 80]
    assert table.items.tolist() == [[0, 1, 3], [0, 1, 3], [2, -1, -1], [2, -1, -1]]
    assert table.list_value_cents.tolist() == [1100, 1100, 100, 100]


def test_padding_is_ignored_and_an_empty_table_is_a_table(campaign) -> None:
    table = option_table(np.array([[0, 1, -1, -1]], np.int32), [[900]], campaign)
    assert table.items.tolist() == [[0, 1]]
    assert option_table([], [], campaign).items.shape == (0, 1)


@pytest.mark.parametrize(
    ("bundles", "prices", "message"),
    [
        ([(0, 0)], [[100]], "distinct items"),
        ([()], [[100]], "distinct items"),
        ([(0, 1, 2, 3, 0)], [[100]], "distinct items"),
        ([(0, 1)], [[1001]], "sum of its shelf prices"),
        ([(0, 1)], [[0]], "drop the price point"),
        ([(0, 1)], [], "price points for 0"),
    ],
)
def test_refuses_what_is_no_option(campaign, bundles, prices, message) -> None:
    with pytest.raises(UsageError, match=message):
        option_table(bundles, prices, campaign)
