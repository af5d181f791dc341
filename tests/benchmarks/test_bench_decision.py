"""The league on markets of a second: true values against the play-out, rules, resuming, lists by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt_data.simulator.knobs import MarketKnobs
from bundleopt_data.simulator.market import Market, simulate_market
from bundleopt_data.simulator.offers import OfferList, offers_from_frame

FOLDER = Path(__file__).parents[2] / "benchmarks"
KNOBS = MarketKnobs(customers=120, items=16, weeks=16, categories=4, stock_weeks=50, complements=2, substitutes=1)


@pytest.fixture(scope="module", autouse=True)
def _benchmarks_on_the_path():
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module", params=["equation", "agent"])
def market(request) -> Market:
    return simulate_market(request.param, KNOBS, 4)


@pytest.fixture(scope="module")
def log(market: Market):
    from policies.interface import read_log

    return read_log(market, Path("nowhere"), 4)


@pytest.mark.parametrize(("pair", "ratio"), [([1, 9], 0.7), ([1, 2], 0.75), ([5, 6], 0.35)])
def test_true_values_are_what_the_play_out_brings(market: Market, pair: list[int], ratio: float) -> None:
    from policies.true_values import true_values

    everybody, draws = np.arange(120), 250
    price = int(market.price_cents[pair].sum() * ratio)
    told = true_values(market, np.array([pair]), np.array([[price]]))
    offers = OfferList(
        everybody,
        np.tile(pair, (120, 1)),
        np.full(120, price),
        np.zeros(120, np.int64),
        np.full(120, "b", dtype=object),
    )
    seen = market.play(offers, draws=draws)
    for values, expected in (
        (seen.incremental_revenue, told.revenue.sum()),
        (seen.incremental_margin, told.margin.sum()),
        (seen.draws_of("redemptions"), told.redemption.sum()),
    ):
        error = values.std(ddof=1) / np.sqrt(draws)
        assert abs(values.mean() - expected) < 4 * error + 0.05 * abs(told.redemption.sum())


def test_the_clairvoyant_plan_keeps_the_rules_and_beats_counting(market: Market, log) -> None:
    from bench_decision import violations
    from policies.clairvoyant import clairvoyant_plan
    from policies.co_purchase import CoPurchase

    best, value = clairvoyant_plan(market, log)
    assert violations(log, best) == 0
    counted = CoPurchase().plan(log)
    assert violations(log, counted) == 0
    uplift = []
    for plan in (best, counted):
        listed = offers_from_frame(plan, market.customer_ids, market.catalogue.item_ids)
        uplift.append(market.play(listed, draws=60).incremental_revenue.mean())
    assert uplift[0] > uplift[1]
    assert value > 0


def test_broken_rules_are_counted(log) -> None:
    from bench_decision import violations
    from policies.interface import offers_frame

    value = int(log.price_cents[[0, 5]].sum())
    fair = [(0, (0, 5), value - 10)]
    assert violations(log, offers_frame(log, fair)) == 0
    assert violations(log, offers_frame(log, [(0, (0, 5), value)])) == 1  # no discount
    assert violations(log, offers_frame(log, [*fair, (1, (0, 5), value - 20)])) == 1  # two prices
    assert (
        violations(log, offers_frame(log, [*fair, (0, (0, 6), int(log.price_cents[[0, 6]].sum()) - 5)])) == 1
    )  # item 0


@pytest.mark.parametrize(
    ("module", "name"),
    [("association", "AssociationRules"), ("factorisation", "Factorisation"), ("graph", "GraphNetwork"),
     ("greedy", "GreedyPurchase"), ("bandit", "ThompsonBandit"), ("two_tower", "TwoTower"), ("reinforce", "Reinforce")],
)  # fmt: skip
def test_every_policy_makes_a_plan_within_the_rules(log, module: str, name: str, monkeypatch) -> None:
    import importlib

    from bench_decision import violations

    part = importlib.import_module(f"policies.{module}")
    for setting, small in (("STEPS", 20), ("ROUNDS", 10), ("BATCH", 64)):
        monkeypatch.setattr(part, setting, small, raising=False)
    plan, ranking = getattr(part, name)().plan(log), getattr(part, name)().rank(log)
    assert violations(log, plan) == 0
    assert len(plan)
    assert ranking.items.shape == log.shape
    assert ranking.bundles.shape == (log.shape[0], len(ranking.pairs))
    again = getattr(part, name)().plan(log)
    pd.testing.assert_frame_equal(plan, again)


def test_list_figures_by_hand() -> None:
    from policies.interface import MarketLog, Ranking
    from policies.quality import bundle_quality

    bought = np.zeros((3, 2, 4), dtype=bool)
    bought[:, 0, 0] = True
    log = MarketLog(
        folder=Path(), customer_ids=np.array(["a", "b"]), item_ids=np.array(list("wxyz")),
        category=np.array([0, 0, 1, 1]), bought=bought, came=bought.any(2), relative=np.zeros((3, 4)),
        shown=np.zeros((3, 4), bool), price_cents=np.ones(4, int), cost_cents=np.ones(4, int), budget=1.0, seed=0,
    )  # fmt: skip
    later = np.zeros((1, 2, 4), dtype=bool)
    later[0, 0, [0, 2]] = True
    pairs = np.array([[0, 1], [0, 2], [1, 3], [2, 3]])
    scores = np.array([[4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]])
    found = bundle_quality(Ranking(np.zeros((2, 4)), pairs, scores), log, later)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1.0)
    assert found.f1 == pytest.approx(2 / 4)
    assert found.ndcg == pytest.approx(1 / np.log2(3))
    assert found.coverage == pytest.approx(1.0)


def test_a_broken_off_run_goes_on(tmp_path: Path) -> None:
    from bench_decision import Cache

    path = tmp_path / "rows.jsonl"
    Cache(path).add({"what": "plan", "kind": "agent", "seed": 1, "policy": "x", "revenue": 1.0})
    with path.open("a") as stream:
        stream.write('{"what": "plan", "kind": "ag')
    again = Cache(path)
    assert again.has("plan", "agent", 1, "x")
    assert not again.has("plan", "agent", 2, "x")
    again.add({"what": "plan", "kind": "agent", "seed": 2, "policy": "x", "revenue": 2.0})
    assert Cache(path).has("plan", "agent", 2, "x")
