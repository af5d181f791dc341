"""No own purchase shapes the price it is predicted from: the leak tests, and the order of the fallbacks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from bundleopt_data.panel import Panel
from bundleopt_data.prices import PRICE_GUARD, fold_of, reference_prices

HEADER = "customer_id,item_id,timestamp,quantity,unit_price,list_price\n"
ITEMS = "item_id,name,category,list_price\na,A,tea,2.00\nb,B,tea,4.00\n"


def _customers_of_fold(fold: int, count: int) -> list[str]:
    names = [f"c{n}" for n in range(200)]
    return [name for name, own in zip(names, fold_of(names), strict=True) if own == fold][:count]


ZERO, ONE = _customers_of_fold(0, 4), _customers_of_fold(1, 4)


def _panel(shop: Any, rows: list[tuple[str, str, int, float]], *, list_price: str = "2.50") -> Panel:
    """A panel from (customer, item, week, price) rows, without prices or promotions tables."""
    for name in list(shop.tables):
        (shop.folder / f"{name}.csv").unlink(missing_ok=True)
    days = [date(2024, 1, 1) + timedelta(weeks=week) for _, _, week, _ in rows]
    lines = [f"{c},{i},{day},1,{price},{list_price}" for (c, i, _, price), day in zip(rows, days, strict=True)]
    shop.write("transactions", HEADER + "\n".join(lines) + "\n")
    shop.write("items", ITEMS)
    panel: Panel = shop.prepare().panel(fit_until=date(2030, 1, 7))
    return panel


BASE = [
    (ZERO[0], "a", 0, 2.0),
    (ONE[0], "a", 0, 1.8),
    (ZERO[1], "a", 1, 1.5),
    (ONE[1], "a", 3, 1.9),
    (ZERO[0], "b", 2, 4.0),
    (ONE[0], "b", 3, 3.5),
]


def test_folds_are_stable_and_about_even() -> None:
    names = [str(n) for n in range(4000)]
    folds = fold_of(names)
    assert abs(folds.mean() - 0.5) < 0.03
    assert fold_of(names[:5]).tolist() == folds[:5].tolist()
    assert fold_of(["1", "2", "3", "1023"]).tolist() == fold_of(["1023", "3", "2", "1"])[::-1].tolist()


@pytest.mark.parametrize("price", [0.01, 2.6])
@pytest.mark.parametrize("row", range(len(BASE)))
def test_a_row_never_changes_the_price_it_is_predicted_from(shop: Any, row: int, price: float) -> None:
    base = _panel(shop, BASE)
    customer, item, week, _ = BASE[row]
    changed = _panel(shop, [*BASE[:row], (customer, item, week, price), *BASE[row + 1 :]])
    kept = [entry for number, entry in enumerate(BASE) if number != row]
    without = _panel(shop, [*kept, (customer, item, 4, 2.2)])  # bought later instead: the week's purchase is gone
    own, code = int(fold_of([customer])[0]), ["a", "b"].index(item)
    seen = base.prices.fold_log_price[own, : week + 1, code]
    assert (changed.prices.fold_log_price[own, : week + 1, code] == seen).all()
    assert (without.prices.fold_log_price[own, : week + 1, code] == seen).all()
    np.testing.assert_array_equal(
        changed.prices.log_reference[week, code], base.prices.log_reference[week, code], strict=True
    )
    assert (changed.prices.fold_log_price[own] == base.prices.fold_log_price[own]).all()


def test_a_fold_sees_the_other_folds_price_then_the_last_one_then_the_catalogue(shop: Any) -> None:
    prices = _panel(shop, BASE).prices
    expected_zero = [1.8, 1.8, 1.8, 1.9]  # fold 0 sees fold 1: week 0, carried twice, week 3
    expected_one = [2.0, 1.5, 1.5, 1.5]
    np.testing.assert_allclose(np.exp(prices.fold_log_price[0, :, 0]), expected_zero, rtol=1e-6)
    np.testing.assert_allclose(np.exp(prices.fold_log_price[1, :, 0]), expected_one, rtol=1e-6)
    np.testing.assert_allclose(np.exp(prices.fold_log_price[0, :, 1]), [4.0, 4.0, 4.0, 3.5], rtol=1e-6)
    assert prices.observed[:, 0].tolist() == [True, True, False, True]
    assert not prices.independent


def test_the_mean_over_everybody_is_geometric_and_carried_forward(shop: Any) -> None:
    prices = _panel(shop, BASE).prices
    expected = [np.sqrt(2.0 * 1.8), 1.5, 1.5, 1.9]
    np.testing.assert_allclose(np.exp(prices.log_price[:, 0]), expected, rtol=1e-6)


def test_prices_beyond_the_guard_shape_nothing(shop: Any) -> None:
    wild = 2.0 * np.exp(PRICE_GUARD) * 1.2
    rows = [(customer, "a", 0, 2.0) for customer in (*ZERO, *ONE)]
    assert (
        _panel(shop, [*rows, (ZERO[0], "a", 1, wild)]).prices.fold_log_price[1, :, 0] == np.float32(np.log(2.0))
    ).all()
    within = _panel(shop, [*rows, (ZERO[0], "a", 1, 4.0)])
    np.testing.assert_allclose(np.exp(within.prices.fold_log_price[1, 1, 0]), 4.0, rtol=1e-6)


def test_the_reference_is_the_trailing_median_and_never_looks_ahead() -> None:
    seen = np.log(np.array([[2.0], [1.0], [2.0], [3.0], [np.nan], [9.0]]))
    catalogue, category = np.array([np.nan]), np.zeros(1, dtype=np.int32)
    got = np.exp(reference_prices(seen, seen, catalogue, category))[:, 0]
    # Week 0 has no past: the first price of a later week stands in. Then medians of weeks before.
    expected = [1.0, 2.0, np.sqrt(2.0), 2.0, 2.0, 2.0, 2.0]
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    for week in range(6):
        changed = seen.copy()
        changed[week] = 5.0
        again = np.exp(reference_prices(changed, changed, catalogue, category))[:, 0]
        np.testing.assert_array_equal(again[1 : week + 1], got[1 : week + 1])
        assert again[week] == got[week]


def test_without_list_prices_the_reference_passes_over_promotions() -> None:
    seen = np.log(np.array([[2.0], [2.0], [1.5], [1.5], [2.0], [2.0]]))
    nothing = np.full_like(seen, np.nan)
    got = np.exp(reference_prices(nothing, seen, np.array([np.nan]), np.zeros(1, dtype=np.int32)))[:, 0]
    np.testing.assert_allclose(got[2:], [2.0, 2.0, 2.0, 2.0, 2.0], rtol=1e-6)


def test_an_item_without_any_price_takes_its_categorys_mean() -> None:
    seen = np.log(np.array([[2.0, np.nan, 8.0], [2.0, np.nan, 8.0]]))
    category = np.array([0, 0, 1], dtype=np.int32)
    got = np.exp(reference_prices(seen, seen, np.full(3, np.nan), category))
    np.testing.assert_allclose(got[:, 1], 2.0)
    catalogue = np.log(np.array([np.nan, 3.0, np.nan]))
    np.testing.assert_allclose(np.exp(reference_prices(seen, seen, catalogue, category))[:, 1], 3.0)
