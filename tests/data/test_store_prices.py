"""The named rule at store-week level: its order, and that no own purchase moves the price it is predicted from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from bundleopt_data.dataset import Dataset
from bundleopt_data.prices import fold_of
from bundleopt_data.store_prices import PriceSource, ShelfRows, shelf_prices

NAMES = [f"c{n}" for n in range(60)]
ZERO = [name for name, fold in zip(NAMES, fold_of(NAMES), strict=True) if fold == 0]
ONE = [name for name, fold in zip(NAMES, fold_of(NAMES), strict=True) if fold == 1]
MONDAY = date(2024, 1, 1)

Line = tuple[str, str, str, int, float]

BASE: list[Line] = [
    (ONE[0], "a", "s1", 0, 2.0),
    (ONE[1], "a", "s1", 0, 1.5),
    (ONE[0], "a", "s2", 0, 1.0),
    (ZERO[0], "a", "s1", 0, 1.2),
    (ONE[0], "a", "s2", 2, 1.8),
    (ZERO[1], "b", "s1", 1, 4.0),
]


def _dataset(shop: Any, lines: list[Line], prices: str | None = None) -> Dataset:
    for name in list(shop.tables):
        (shop.folder / f"{name}.csv").unlink(missing_ok=True)
    rows = [f"{c},{i},{MONDAY + timedelta(weeks=w)},1,{p},{s}" for c, i, s, w, p in lines]
    header = "customer_id,item_id,timestamp,quantity,unit_price,store_id\n"
    shop.write("transactions", header + "\n".join(rows) + "\n")
    shop.write("items", "item_id,name,category,list_price\na,A,tea,2.22\nb,B,tea,4.44\n")
    if prices:
        shop.write("prices", prices)
    dataset: Dataset = shop.prepare()
    return dataset


def _rows(*wanted: tuple[str, str, str, int]) -> ShelfRows:
    customers, items, stores, weeks = (np.array(column, dtype=object) for column in zip(*wanted, strict=True))
    mondays = np.array([MONDAY + timedelta(weeks=int(week)) for week in weeks], dtype="datetime64[D]")
    return ShelfRows(customers, items, stores, mondays)


def test_the_rule_goes_from_the_store_to_the_chain_to_the_past_to_the_catalogue(shop: Any) -> None:
    dataset = _dataset(shop, BASE)
    found = shelf_prices(
        dataset,
        _rows(
            (ZERO[0], "a", "s1", 0),
            (ZERO[0], "a", "s3", 0),
            (ZERO[0], "a", "s1", 1),
            (ZERO[0], "a", "s1", 2),
            (ZERO[0], "b", "s1", 1),
            (ONE[0], "b", "s1", 1),
            (ONE[0], "a", "", 0),
        ),
    )
    chain = np.exp(np.mean(np.log([2.0, 1.5, 1.0])))
    np.testing.assert_allclose(found.price, [np.sqrt(3.0), chain, chain, 1.8, 4.44, 4.0, 1.2], rtol=1e-9)
    assert found.source == (
        PriceSource.STORE_WEEK,
        PriceSource.CHAIN_WEEK,
        PriceSource.LAST_SEEN,
        PriceSource.CHAIN_WEEK,
        PriceSource.CATALOGUE,
        PriceSource.STORE_WEEK,
        PriceSource.CHAIN_WEEK,
    )


@pytest.mark.parametrize("price", [1.9, 400.0])
@pytest.mark.parametrize("row", range(len(BASE)))
def test_a_row_never_changes_the_price_it_is_predicted_from(shop: Any, row: int, price: float) -> None:
    customer, item, store, week, _ = BASE[row]
    wanted = _rows((customer, item, store, week), (customer, item, "s9", week), (customer, item, store, week + 1))
    before = shelf_prices(_dataset(shop, BASE), wanted)
    changed = [*BASE[:row], (customer, item, store, week, price), *BASE[row + 1 :]]
    after = shelf_prices(_dataset(shop, changed), wanted)
    assert after.source == before.source
    np.testing.assert_array_equal(after.price, before.price)


def test_a_prices_table_wins_and_stores_win_over_the_chain(shop: Any) -> None:
    prices = "item_id,week,price,store_id\na,2024-01-01,3.00,s1\na,2024-01-01,5.00,s2\n"
    found = shelf_prices(_dataset(shop, BASE, prices), _rows((ZERO[0], "a", "s1", 0), (ZERO[0], "a", "s3", 0)))
    np.testing.assert_allclose(found.price, [3.0, np.sqrt(15.0)], rtol=1e-9)
    assert found.source == (PriceSource.STORE_TABLE, PriceSource.CHAIN_TABLE)


def test_what_nobody_knows_is_nan_and_says_so(shop: Any) -> None:
    found = shelf_prices(_dataset(shop, BASE), _rows((ZERO[0], "zzz", "s1", 0)))
    assert np.isnan(found.price).all()
    assert found.source == (PriceSource.UNKNOWN,)
