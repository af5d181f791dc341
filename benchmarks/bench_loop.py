"""Do plans that learn from their own campaigns get better? Twelve weeks of markets with known truth.

    python benchmarks/bench_loop.py                        # prints the tables; about 2 s of processor time a week
    python benchmarks/bench_loop.py --kinds equation agent --write        # and writes tables and charts

Every week each shop plans for incremental revenue on its own log, its offers are played in its own market, and what the
shop's systems saw goes back into its log. The model is trained once, on the weeks before the first campaign; histories
go on. There is no budget: a shop that underrates its customers would break it unknowingly, and look the better for it.

    learns            price sensitivities planted at half (or twice) what the model found; feedback after every week,
                      with a control group (10 %) and drawn prices (10 % of the offers), their cost in its uplift
    never learns      the same start, no feedback, nobody held out
    not misjudged     the model as it was trained, no feedback, nobody held out

Uplift is the mean over draws of the week that no shop lived through: revenue with the plan less revenue without it, on
common random numbers. Shops are cached by their settings, so that a run which was cut goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from line_chart import Series, line_chart
from tables import markdown_table, write_block

from bundleopt.campaign_results.learned import Learned, Lesson, document_of, response_of, write_learned
from bundleopt.verbs.approve import approve
from bundleopt.verbs.feedback import feedback
from bundleopt.verbs.initialise import initialise
from bundleopt.verbs.solve import solve
from bundleopt.verbs.train import train
from bundleopt.workspace import Workspace
from bundleopt_data.simulator import storage
from bundleopt_data.simulator.catalogue import draw_catalogue
from bundleopt_data.simulator.history import live_through, monday_of_week
from bundleopt_data.simulator.knobs import MarketKind, MarketKnobs
from bundleopt_data.simulator.market import _MAKERS, Market
from bundleopt_data.simulator.offers import OfferList, no_offers, offers_from_frame
from bundleopt_data.simulator.results import Till, results_tables, write_results
from bundleopt_data.simulator.shelf import ShelfPlan, draw_shelf
from bundleopt_data.simulator.till import WeekSales, settle
from bundleopt_data.simulator.truth import Blueprint, Truth, plant
from bundleopt_models.offer_response import Belief, OfferResponse

SIZES = {"customers": 240, "items": 24, "categories": 4}
BEFORE, WEEKS, DRAWS = 40, 12, 16
FACTORS = (0.5, 2.0)  # of the sensitivities that the model found
SHOPS = (
    *((arm, factor) for factor in FACTORS for arm in ("learns", "never learns")),
    ("not misjudged", 1.0),
)
RULES: dict[str, Any] = {"max_bundles": 8, "candidates": 40, "bundle_size": "2", "time_limit": 8,
                         "gap": "2%"}  # fmt: skip
EXPERIMENT = {"holdout": "10%", "explore": "10%"}


@dataclass
class Shop:
    """One life of the market: its truth as it stands, its log, its workspace."""

    truth: Truth
    root: Path
    tables: dict[str, pd.DataFrame]

    @property
    def workspace(self) -> Path:
        return self.root / "shop"

    @property
    def data(self) -> Path:
        return self.root / "data"


@dataclass(frozen=True)
class Start:
    """The market before the first campaign; the shelf reaches over all campaign weeks."""

    kind: MarketKind
    knobs: MarketKnobs
    seed: int
    shelf: ShelfPlan
    market: Market


def start_of(kind: str, seed: int) -> Start:
    knobs = MarketKnobs(**SIZES, weeks=BEFORE + WEEKS)
    catalogue = draw_catalogue(knobs, np.random.default_rng([seed, 1]))
    planted = plant(knobs, catalogue, np.random.default_rng([seed, 2]))
    shelf = draw_shelf(knobs, catalogue, seed)
    truth = _MAKERS[MarketKind(kind)](Blueprint(knobs, catalogue, planted), np.random.default_rng([seed, 3]))
    log, truth = live_through(truth, shelf, BEFORE, seed)
    on_hand = np.full(catalogue.n_items, -1, dtype=np.int64)
    market = Market(MarketKind(kind), knobs, seed, catalogue, shelf, truth, on_hand, log)
    return Start(MarketKind(kind), knobs, seed, shelf, market)


def opened(start: Start, root: Path) -> Shop:
    """A shop with the log of the weeks before; stock has no end here."""
    tables = storage.tables(start.market)
    del tables["inventory"]
    shop = Shop(start.market.truth, root, tables)
    write_data(shop, BEFORE)
    return shop


def write_data(shop: Shop, week: int) -> None:
    """The data folder as it stands before a week: prices and promotions are known up to it, sales before it."""
    shutil.rmtree(shop.data, ignore_errors=True)
    shop.data.mkdir(parents=True)
    monday = monday_of_week(week)
    for name, table in shop.tables.items():
        known = table[table["week"] <= monday] if name in ("prices", "promotions") else table
        if len(known):
            known.to_parquet(shop.data / f"{name}.parquet", index=False)


def plan_week(shop: Shop, arm: str) -> Any:
    extra = EXPERIMENT if arm == "learns" else {}
    run = solve(shop.workspace, **RULES, **extra)
    approve(run.folder, by="the shop", workspace=shop.workspace)
    return run


def live(start: Start, shop: Shop, run: Any, week: int) -> dict[str, float]:
    """Play a plan on fresh draws for its uplift, then live one more draw: its sales go into the log."""
    market = start.market
    shown = run.offers[~run.offers["holdout"]]
    offers = offers_from_frame(shown, market.customer_ids, market.catalogue.item_ids) if len(shown) else no_offers()
    prices = start.shelf.price_cents[week].astype(np.int64)
    revenue, margin = [], []
    for draw in range(1, DRAWS + 1):
        pair = [_sold(start, shop, one, (week, draw)) for one in (offers, no_offers())]
        revenue.append((pair[0].revenue_cents - pair[1].revenue_cents) / 100)
        margin.append((pair[0].margin_cents - pair[1].margin_cents) / 100)
    sales = _sold(start, shop, offers, (week, 0))
    till = Till(monday_of_week(week), market.customer_ids, market.catalogue.item_ids, prices)
    tables = results_tables(
        sales, offers, till, campaign_id=run.folder.name, propensity=shown["propensity"].to_numpy(dtype=np.float64)
    )
    write_results(tables, shop.root / "results")
    lines = tables["transactions"].assign(list_price=np.nan)
    shop.tables["transactions"] = pd.concat([shop.tables["transactions"], lines.drop(columns="list_price")])
    if "offers_log" in tables:
        shop.tables["offers_log"] = pd.concat([shop.tables.get("offers_log", tables["offers_log"].iloc[:0]),
                                               tables["offers_log"]])  # fmt: skip
    shop.truth = shop.truth.after(sales.units)
    return {
        "uplift": float(np.mean(revenue)),
        "error": float(np.std(revenue, ddof=1) / math.sqrt(DRAWS)),
        "margin": float(np.mean(margin)),
        "offers": float(len(offers)),
        "redeemed": float(sales.redeemed.sum()),
    }


def _sold(start: Start, shop: Shop, offers: OfferList, which: tuple[int, int]) -> WeekSales:
    """One draw of a week of the shop's market."""
    week, draw = which
    wants = shop.truth.wants(start.shelf.week(week), (start.seed, 31, week, draw), offers)
    market, prices = start.market, start.shelf.price_cents[week].astype(np.int64)
    return settle(wants, offers, market.catalogue, prices, market.on_hand)


def plant_belief(shop: Shop, factor: float) -> None:
    """Price sensitivities as a multiple of what the model found, believed as little as before any campaign."""
    response = OfferResponse(slope=Belief(math.log(factor), OfferResponse().slope.spread))
    document = document_of(response)
    write_learned(Workspace(shop.workspace), Learned((Lesson("planted", "before", {}, document),)))


def lives(kind: str, seed: int, cache: dict[str, Any], save: Callable[[], object]) -> None:
    """Live all weeks of all arms of one market."""
    start = start_of(kind, seed)
    with tempfile.TemporaryDirectory(prefix="bundleopt-loop-") as place:
        first = opened(start, Path(place) / "first")
        initialise(first.workspace, data=str(first.data))
        train(first.workspace, fast=True)
        for arm, factor in SHOPS:
            key = key_of(kind, seed, arm, factor)
            if len(cache.get(key, [])) < WEEKS:
                cache[key] = live_all(start, first, (arm, factor), Path(place) / key)
                save()


def live_all(start: Start, first: Shop, who: tuple[str, float], root: Path) -> list[dict[str, float]]:
    """All weeks of one shop, which begins as the trained shop `first`."""
    arm, factor = who
    shop = Shop(first.truth, root, dict(first.tables))
    shutil.copytree(first.root, shop.root)
    config = shop.workspace / "bundleopt.toml"
    config.write_text(config.read_text().replace(str(first.data), str(shop.data)))
    if factor != 1.0:
        plant_belief(shop, factor)
    rows = []
    for week in range(BEFORE, BEFORE + WEEKS):
        began = time.process_time()
        write_data(shop, week)
        run = plan_week(shop, arm)
        row = live(start, shop, run, week) | {"forecast": run.incremental_revenue, "factor": factor_of(run)}
        if arm == "learns" and row["offers"]:
            feedback(shop.root / "results", run=run.folder, workspace=shop.workspace)
        row["seconds"] = time.process_time() - began
        rows.append(row)
        print(root.name, week - BEFORE + 1, {name: round(value, 2) for name, value in row.items()}, flush=True)
    return rows


def key_of(kind: str, seed: int, arm: str, factor: float) -> str:
    return f"{kind}-{seed}-{arm.replace(' ', '-')}-{factor:g}"


def factor_of(run: Any) -> float:
    """Mean factor on the price sensitivities that the plan was made with."""
    document = run.document["offer_response"]
    if not document:
        return 1.0
    response = response_of(document)
    names = list(response.category) or [""]
    return float(np.mean([response.slope_factor(name) for name in names]))


def named(arm: str, factor: float) -> str:
    """A shop as the table calls it."""
    start = {0.5: "half", 2.0: "twice"}.get(factor)
    return f"{arm}, {start}" if start else arm


def table_of(cache: dict[str, Any], kind: str, seed: int) -> str:
    """Weeks in quarters of the run: uplift of each shop, and the factors that the learning ones planned with."""
    parts = {named(*who): cache[key_of(kind, seed, *who)] for who in SHOPS}
    learners = [named("learns", factor) for factor in FACTORS]
    rows = []
    for first in range(0, WEEKS, 3):
        weeks = slice(first, first + 3)
        uplift = [f"{np.mean([one['uplift'] for one in part[weeks]]):,.1f}" for part in parts.values()]
        factor = [f"{np.mean([one['factor'] for one in parts[name][weeks]]):.2f}" for name in learners]
        rows.append([f"{first + 1} to {first + 3}", *uplift, *factor])
    rows.append(["all", *(_mean_of(part) for part in parts.values()), *[""] * len(learners)])
    head = ("weeks", *parts, *(f"factor, {name}" for name in learners))
    forecast = [f"{np.mean([one['forecast'] for one in part[-3:]]):,.1f}" for part in parts.values()]
    rows.append(["forecast of the last three", *forecast, *[""] * len(learners)])
    return markdown_table(head, rows)


def _mean_of(part: list[dict[str, float]]) -> str:
    error = math.sqrt(sum(one["error"] ** 2 for one in part)) / len(part)
    return f"{np.mean([one['uplift'] for one in part]):,.1f} \u00b1 {error:.1f}"


def chart_of(cache: dict[str, Any], kind: str, seed: int) -> str:
    series = [
        Series(named(*who), [(week + 1, row["uplift"]) for week, row in enumerate(cache[key_of(kind, seed, *who)])])
        for who in SHOPS
    ]
    title = f"Uplift of revenue by week ({kind})"
    return line_chart(series, title=title, across="week", up="money a week", log_across=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=["equation"], choices=[kind.value for kind in MarketKind])
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "bundleopt-bench-loop.json")
    parser.add_argument("--write", action="store_true", help="write BENCHMARKS.md and docs/bench")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cache = json.loads(asked.cache.read_text()) if asked.cache.is_file() else {}
    root = Path(__file__).resolve().parents[1]
    blocks = []
    for kind in asked.kinds:
        lives(kind, asked.seed, cache, lambda: asked.cache.write_text(json.dumps(cache)))
        blocks.append(f"{kind}, seed {asked.seed}:\n\n{table_of(cache, kind, asked.seed)}")
        if asked.write:
            chart = root / "docs" / "bench" / f"loop_{kind}.svg"
            chart.write_text(chart_of(cache, kind, asked.seed), encoding="utf-8")
            blocks.append(f"![Uplift by week, {kind}](docs/bench/{chart.name})")
    block = "\n\n".join(blocks)
    print(block)
    if asked.write:
        write_block(root / "BENCHMARKS.md", "loop", block)


if __name__ == "__main__":
    main()
