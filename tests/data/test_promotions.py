"""Display and mailer by store: shares of tracked stores, favourite stores, and repeated rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from bundleopt_data import promotions
from bundleopt_data.panel import Panel

LINES = [  # customer, store, day, basket
    ("c0", "s1", "2024-01-01", "b1"),
    ("c0", "s1", "2024-01-02", "b2"),
    ("c0", "s2", "2024-01-03", "b3"),
    ("c1", "s2", "2024-01-01", "b4"),
    ("c1", "s1", "2024-01-02", "b5"),
    ("c2", "s9", "2024-01-02", "b6"),
    ("c3", "s2", "2024-01-09", "b7"),
]
PROMOTIONS = [
    "a,2024-01-01,true,false,s1",
    "a,2024-01-01,false,true,s1",
    "a,2024-01-01,true,false,s3",
    "a,2024-01-08,false,true,s2",
    "zz,2024-01-08,true,true,s4",
    "a,2024-01-15,true,true,s1",
]


def _panel(shop: Any, rows: list[str], fit_until: date = date(2024, 1, 15)) -> Panel:
    for name in list(shop.tables):
        (shop.folder / f"{name}.csv").unlink(missing_ok=True)
    lines = [f"{customer},a,{day},1,2.0,{store},{basket}" for customer, store, day, basket in LINES]
    header = "customer_id,item_id,timestamp,quantity,unit_price,store_id,basket_id\n"
    shop.write("transactions", header + "\n".join(lines) + "\n")
    shop.write("items", "item_id,name,category,list_price\na,A,tea,2.00\nzz,Z,tea,2.00\n")
    shop.write("promotions", "item_id,week,display,mailer,store_id\n" + "\n".join(rows) + "\n")
    panel: Panel = shop.prepare().panel(fit_until=fit_until)
    return panel


def _merged(rows: list[str]) -> list[str]:
    """The rows without the contradicting repeat of one key, which a folder refuses."""
    return [rows[0].replace("true,false", "true,true"), *rows[2:]]


def test_shares_are_of_tracked_stores_and_rows_outside_the_panel_are_left_out(shop: Any) -> None:
    panel = _panel(shop, _merged(PROMOTIONS))
    assert panel.item_ids.tolist() == ["a"]
    np.testing.assert_allclose(panel.promotions.display[:, 0], [2 / 4, 0])
    np.testing.assert_allclose(panel.promotions.mailer[:, 0], [1 / 4, 1 / 4])


def test_favourite_stores_are_the_tracked_ones_with_most_baskets_before_the_cut(shop: Any) -> None:
    panel = _panel(shop, _merged(PROMOTIONS), fit_until=date(2024, 1, 8))
    assert panel.customer_ids.tolist() == ["c0", "c1", "c2", "c3"]
    # c0: s1 twice; c1: a tie, the smaller id; c2: an untracked store; c3: only after the cut. Only s1 occurs.
    assert panel.promotions.store_group.tolist() == [0, 0, -1, -1]
    assert panel.promotions.store_display[:, 0, 0].tolist() == [1, 0]
    assert panel.promotions.store_mailer[:, 0, 0].tolist() == [1, 0]


def test_the_store_flags_stay_within_their_memory(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotions, "STORE_FLAG_BYTES", 1)
    panel = _panel(shop, _merged(PROMOTIONS))
    # Two of the three customers with a tracked store favour s1; only the most popular store is kept.
    assert panel.promotions.store_display.shape == (2, 1, 1)
    assert panel.promotions.store_group.tolist() == [0, 0, -1, -1]


def test_a_row_without_store_holds_in_every_store(shop: Any) -> None:
    panel = _panel(shop, [*_merged(PROMOTIONS), "a,2024-01-08,true,false,"])
    assert panel.promotions.display[1, 0] == 1.0
    assert panel.promotions.store_display[1].all()
