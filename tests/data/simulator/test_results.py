"""What a simulated week leaves behind: money and units of the till, log and stock, readable as results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt_data.errors import DataRefusedError, UsageError
from bundleopt_data.results import read_results
from bundleopt_data.settings import SourceSettings
from bundleopt_data.simulator.knobs import MarketKind, MarketKnobs
from bundleopt_data.simulator.market import Market, simulate_market
from bundleopt_data.simulator.offers import OfferList, no_offers, offers_from_frame
from bundleopt_data.simulator.results import Till, results_tables, write_results

SMALL = MarketKnobs(customers=120, items=24, weeks=20, categories=6)


@pytest.fixture(scope="module", params=list(MarketKind))
def market(request: pytest.FixtureRequest) -> Market:
    return simulate_market(request.param, SMALL, 4)


def offers_of(market: Market) -> OfferList:
    ids, pair = market.catalogue.item_ids, [2, 20]
    price = market.price_cents[pair].sum() * 0.7 / 100
    rows = [{"customer_id": who, "item_ids": list(ids[pair]), "price": price} for who in market.customer_ids[:90]]
    return offers_from_frame(pd.DataFrame(rows), market.customer_ids, ids)


def till_of(market: Market) -> Till:
    return Till(market.week, market.customer_ids, market.catalogue.item_ids, market.price_cents)


def tables_of(market: Market, draw: int = 0) -> dict[str, pd.DataFrame]:
    offers = offers_of(market)
    return results_tables(
        market.sell(offers, draw), offers, till_of(market), campaign_id="one", propensity=np.full(len(offers), 0.9)
    )


def test_lines_hold_the_money_and_the_units_of_the_till(market: Market) -> None:
    offers, redeemed = offers_of(market), 0
    for draw in range(5):
        sales, tables = market.sell(offers, draw), tables_of(market, draw)
        lines = tables["transactions"]
        assert (lines["quantity"] * lines["unit_price"]).sum() == pytest.approx(sales.revenue_cents / 100)
        assert lines["quantity"].sum() == sales.sold.sum()
        assert tables["offers_log"]["redeemed"].sum() == sales.redeemed.sum()
        stock = tables["inventory"].set_index("item_id")["on_hand"]
        assert stock.sum() + sales.sold.sum() == market.on_hand.sum()
        redeemed += int(sales.redeemed.sum())
    assert redeemed > 0


def test_a_week_without_a_campaign_has_no_log(market: Market) -> None:
    none = no_offers()
    tables = results_tables(
        market.sell(none, 0), none, till_of(market), campaign_id="none", propensity=np.zeros(0)
    )  # fmt: skip
    assert "offers_log" not in tables


def test_results_are_read_like_any_tables(market: Market, tmp_path: Path) -> None:
    write_results(tables_of(market), tmp_path / "results")
    read = read_results(tmp_path / "results", tmp_path / "cache", settings=SourceSettings())
    assert set(read.tables) == {"inventory", "offers_log", "transactions"}
    with read.connect() as connection:
        (rows,) = connection.execute("SELECT count(*) FROM offers_log WHERE propensity = 0.9").fetchall()[0]
    assert rows == 90


def test_the_log_alone_is_read_under_any_name(market: Market, tmp_path: Path) -> None:
    table = tables_of(market)["offers_log"]
    table.assign(item_ids=table["item_ids"].str.join("|")).to_csv(tmp_path / "week 41.csv", index=False)
    read = read_results(tmp_path / "week 41.csv", tmp_path / "cache", settings=SourceSettings())
    assert read.tables == ("offers_log",)


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results"):
        read_results(tmp_path / "nowhere", tmp_path / "cache", settings=SourceSettings())
    (tmp_path / "log.txt").write_text("x")
    with pytest.raises(UsageError, match=r"csv or \.parquet"):
        read_results(tmp_path / "log.txt", tmp_path / "cache", settings=SourceSettings())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataRefusedError, match="offers_log"):
        read_results(tmp_path / "empty", tmp_path / "cache", settings=SourceSettings())
