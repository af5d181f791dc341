"""A market as a whole: twins, files, and campaigns on common random numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt_data.errors import UsageError
from bundleopt_data.prepare import prepare
from bundleopt_data.simulator.knobs import MarketKind, MarketKnobs
from bundleopt_data.simulator.market import Market, open_market, simulate_market
from bundleopt_data.simulator.offers import no_offers, offers_from_frame
from bundleopt_data.simulator.shelf import ShelfPlan

SMALL = MarketKnobs(customers=120, items=24, weeks=20, categories=6)


@pytest.fixture(scope="module", params=list(MarketKind))
def market(request: pytest.FixtureRequest) -> Market:
    return simulate_market(request.param, SMALL, 4)


@pytest.fixture(scope="module")
def folder(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("markets") / "one"
    market.write(target)
    return target


def _plan(market: Market) -> pd.DataFrame:
    ids, pair = market.catalogue.item_ids, [2, 20]
    price = market.price_cents[pair].sum() * 0.75 / 100
    rows = [{"customer_id": who, "item_ids": list(ids[pair]), "price": price} for who in market.customer_ids]
    return pd.DataFrame(rows)


def _depth(shelf: ShelfPlan) -> np.ndarray:
    return -np.log(shelf.price_cents / shelf.regular_cents)[:-1]


@pytest.mark.parametrize("kind", list(MarketKind))
def test_twins_differ_in_the_timing_of_promotions_alone(kind: MarketKind) -> None:
    knobs = MarketKnobs(customers=20, items=60, weeks=60)
    with_, without = (
        simulate_market(kind, MarketKnobs(**(knobs.as_record() | {"confounded": flag})), 1) for flag in (True, False)
    )
    for name in ("list_price_cents", "unit_cost_cents", "category"):
        assert np.array_equal(getattr(with_.catalogue, name), getattr(without.catalogue, name))
    assert np.array_equal(with_.shelf.season, without.shelf.season)
    assert np.array_equal(with_.shelf.regular_cents, without.shelf.regular_cents)
    own, other = with_.truth.arrays(), without.truth.arrays()
    assert np.array_equal(own["beta_item"], other["beta_item"])
    assert np.array_equal(own["taste"], other["taste"])
    assert (_depth(with_.shelf) > 0.05).sum() == (_depth(without.shelf) > 0.05).sum()
    season = with_.shelf.season[:-1][:, with_.catalogue.category].ravel()
    tied = [np.corrcoef(_depth(market.shelf).ravel(), season)[0, 1] for market in (with_, without)]
    shown = [np.corrcoef(_depth(m.shelf).ravel(), m.shelf.display[:-1].ravel())[0, 1] for m in (with_, without)]
    assert tied[0] > 0.2
    assert abs(tied[1]) < 0.08
    assert shown[0] > 0.4
    assert abs(shown[1]) < 0.08


def test_the_same_seed_gives_the_same_market(market: Market) -> None:
    again = simulate_market(market.kind, SMALL, 4)
    other = simulate_market(market.kind, SMALL, 5)
    assert market.log is not None
    assert again.log is not None
    assert other.log is not None
    assert np.array_equal(market.log.units, again.log.units)
    assert not np.array_equal(market.log.customer[:50], other.log.customer[:50])


def test_the_tables_keep_the_data_contract(market: Market, folder: Path, tmp_path: Path) -> None:
    dataset = prepare(folder, cache=tmp_path)
    assert dataset.mended == ()
    assert set(dataset.tables) >= {"transactions", "items", "inventory", "prices", "promotions", "customers"}
    assert dataset.default_week() == market.week
    panel = dataset.panel(fit_until=market.week)
    assert market.log is not None
    assert panel.prices.independent
    assert len(panel.purchase_item) == len(market.log.item)
    assert [f.code for f in dataset.check().findings if f.level == "FAIL"] == []


def test_a_market_comes_back_whole_from_its_folder(market: Market, folder: Path) -> None:
    again = open_market(folder)
    moves = [-0.3, 0.3]
    assert np.array_equal(again.own_price_units(moves), market.own_price_units(moves))
    offers = offers_from_frame(_plan(market), market.customer_ids, market.catalogue.item_ids)
    assert np.array_equal(again.play(offers, draws=3).figures, market.play(offers, draws=3).figures)
    assert again.week == market.week
    assert not list(folder.glob("**/*.pkl"))


def test_no_campaign_changes_nothing_and_draws_are_shared(market: Market) -> None:
    played = market.play(no_offers(), draws=4)
    assert (played.incremental_revenue == 0).all()
    assert (played.incremental_margin == 0).all()
    offers = offers_from_frame(_plan(market), market.customer_ids, market.catalogue.item_ids)
    campaign = market.play(offers, draws=6)
    assert np.array_equal(campaign.draws_of("plain_revenue")[:4], played.draws_of("revenue"))
    assert campaign.draws_of("redemptions").min() > 0
    alone = np.var(campaign.draws_of("revenue"), ddof=1)
    assert np.var(campaign.incremental_revenue, ddof=1) < alone
    document = campaign.document()
    assert document["draws"] == 6
    assert document["figures"]["promo_spend"]["mean"] > 0


def test_the_holdout_is_not_shown(market: Market) -> None:
    table = _plan(market).assign(holdout=True)
    assert len(offers_from_frame(table, market.customer_ids, market.catalogue.item_ids)) == 0


def test_offers_of_strangers_are_refused(market: Market) -> None:
    table = _plan(market).assign(customer_id="nobody")
    with pytest.raises(UsageError, match="nobody"):
        offers_from_frame(table, market.customer_ids, market.catalogue.item_ids)
    with pytest.raises(UsageError, match="column 'price'"):
        offers_from_frame(_plan(market).drop(columns="price"), market.customer_ids, market.catalogue.item_ids)


def test_wrong_knobs_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="customers of 1 or more"):
        MarketKnobs(customers=0)
    with pytest.raises(UsageError, match="cells"):
        MarketKnobs(customers=10_000_000)
    with pytest.raises(UsageError, match="promotion_share"):
        MarketKnobs(promotion_share=1.5)
    with pytest.raises(UsageError, match="no simulated market"):
        open_market(tmp_path)
    (tmp_path / "letter.txt").write_text("dear diary")
    with pytest.raises(UsageError, match="holds something"):
        simulate_market("equation", MarketKnobs(customers=5, items=4, weeks=2, categories=2), 0).write(tmp_path)
