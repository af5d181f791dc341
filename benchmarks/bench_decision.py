"""The league: ten ways of planning a campaign, played in markets with known truth, beside the plan that knows it.

python benchmarks/bench_decision.py --seeds 4                  both mechanisms, seeds 101 to 104, rows kept in a cache
python benchmarks/bench_decision.py --seeds 4 --quality 2      and what recommenders are compared by, on two seeds
python benchmarks/bench_decision.py --seeds 4 --write          the tables go into BENCHMARKS.md, between their markers

A run that is broken off goes on where it stood: every market and policy is one row of the cache.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from policies import POLICIES
from policies.clairvoyant import clairvoyant_plan
from policies.interface import LARGEST_DISCOUNT, MOST_BUNDLES, SLOTS, MarketLog, read_log
from policies.ours import forecast_of, ranking_of
from policies.quality import ListQuality, bundle_quality, item_quality
from tables import markdown_table, write_block

from bundleopt_data.simulator.knobs import MarketKnobs
from bundleopt_data.simulator.market import Market, simulate_market
from bundleopt_data.simulator.offers import no_offers, offers_from_frame
from bundleopt_data.simulator.play import summarise
from bundleopt_data.simulator.till import WeekSales

BENCHMARKS = Path(__file__).parent.parent / "BENCHMARKS.md"
KINDS = ("equation", "agent")
FIRST_SEED = 101
SIZE: dict[str, Any] = {"customers": 240, "items": 40, "weeks": 45, "categories": 8}
DRAWS = 150
FIRST_DRAW = 10_000
"""No plan is made on draws; these are far from those of other uses."""

HELD_OUT = 4
REFERENCE = "clairvoyant"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4, help="markets of each mechanism")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="first seed; those below 101 are for trying out")
    parser.add_argument("--kind", choices=KINDS, help="one mechanism only")
    parser.add_argument("--policy", help="one policy only")
    parser.add_argument("--quality", type=int, default=0, help="seeds whose recommendations are judged, too")
    parser.add_argument("--cache", type=Path, default=Path("build/bench-decision.jsonl"), help="rows already measured")
    parser.add_argument("--write", action="store_true", help="into BENCHMARKS.md")
    asked = parser.parse_args()
    cache = Cache(asked.cache)
    for seed in range(asked.first, asked.first + asked.seeds):
        for kind in KINDS if asked.kind is None else (asked.kind,):
            measure_market(kind, seed, cache, asked.policy)
            if seed < asked.first + asked.quality:
                measure_quality(kind, seed, cache)
    rows = [row for row in cache.rows if asked.first <= row["seed"] < asked.first + asked.seeds]
    blocks = {"decision": league_table(rows), "recommendation": quality_table(rows)}
    for name, block in blocks.items():
        print(block, end="\n\n")
        if asked.write:
            write_block(BENCHMARKS, name, block)


class Cache:
    """Rows of a JSON-lines file; each is written as soon as it is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole = [line for line in text.splitlines(keepends=True) if line.endswith("}\n")]
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in whole]
        if text != "".join(whole):  # the last line was cut off
            path.write_text("".join(whole), encoding="utf-8")

    def has(self, what: str, kind: str, seed: int, policy: str) -> bool:
        return any(
            (row["what"], row["kind"], row["seed"], row["policy"]) == (what, kind, seed, policy) for row in self.rows
        )

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


def measure_market(kind: str, seed: int, cache: Cache, only: str | None) -> None:
    """Play every policy that the cache has no row of in one market."""
    planners: dict[str, Callable[[Market, MarketLog], pd.DataFrame]] = {
        REFERENCE: lambda market, log: clairvoyant_plan(market, log)[0]
    }
    planners |= {policy.name: (lambda _, log, policy=policy: policy().plan(log)) for policy in POLICIES}
    missing = [
        name
        for name in planners
        if not cache.has("plan", kind, seed, name) and (only is None or name in (only, REFERENCE))
    ]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        market = simulate_market(kind, MarketKnobs(**SIZE), seed)
        market.write(Path(folder) / "market")
        log = read_log(market, Path(folder) / "market", seed)
        plain = [market.sell(no_offers(), draw) for draw in range(FIRST_DRAW, FIRST_DRAW + DRAWS)]
        for name in missing:
            start = time.process_time()
            offers = planners[name](market, log)
            seconds = time.process_time() - start
            row = played(market, log, offers, plain) | {"seconds": seconds}
            cache.add({"what": "plan", "kind": kind, "seed": seed, "policy": name} | row)
            print(
                kind,
                seed,
                name,
                {key: round(value, 2) for key, value in row.items() if isinstance(value, float)},
                flush=True,
            )


def played(market: Market, log: MarketLog, offers: pd.DataFrame, plain: list[WeekSales]) -> dict[str, Any]:
    """True uplifts, spend, stock-outs and broken rules of a plan; `plain` are the same draws without a campaign."""
    listed = offers_from_frame(offers, market.customer_ids, market.catalogue.item_ids) if len(offers) else None
    broken = violations(log, offers)
    if listed is None:
        return dict.fromkeys(("revenue", "margin", "spend", "redemptions", "stock_outs"), 0.0) | {
            "revenue_error": 0.0, "margin_error": 0.0, "offers": 0, "budget": log.budget, "broken": broken, "told": 0.0,
        }  # fmt: skip
    weeks = [(market.sell(listed, FIRST_DRAW + number), without) for number, without in enumerate(plain)]
    result = summarise(weeks, len(listed))
    root = np.sqrt(DRAWS)
    told = float(offers["incremental_revenue"].sum()) if "incremental_revenue" in offers else float("nan")
    return {
        "revenue": float(result.incremental_revenue.mean()),
        "revenue_error": float(result.incremental_revenue.std(ddof=1) / root),
        "margin": float(result.incremental_margin.mean()),
        "margin_error": float(result.incremental_margin.std(ddof=1) / root),
        "spend": float(result.draws_of("promo_spend").mean()),
        "redemptions": float(result.draws_of("redemptions").mean()),
        "stock_outs": float((result.draws_of("stock_outs") - result.draws_of("plain_stock_outs")).mean()),
        "offers": len(offers),
        "budget": log.budget,
        "broken": broken,
        "told": told,
    }


def violations(log: MarketLog, offers: pd.DataFrame) -> int:
    """Rules broken by a plan on paper: slots, bundles, shared items, two prices, discounts, prices below cost."""
    if not len(offers):
        return 0
    place = {name: code for code, name in enumerate(log.item_ids)}
    items = [tuple(sorted(place[str(item)] for item in cell)) for cell in offers["item_ids"]]
    price = np.rint(offers["price"].to_numpy() * 100).astype(int)
    frame = pd.DataFrame({"customer": offers["customer_id"].to_numpy(), "bundle": items, "price": price})
    value = np.array([log.price_cents[list(bundle)].sum() for bundle in items])
    cost = np.array([log.cost_cents[list(bundle)].sum() for bundle in items])
    held = pd.DataFrame(
        {"customer": np.repeat(frame["customer"], [len(b) for b in items]), "item": [i for b in items for i in b]}
    )
    return int(
        (frame.groupby("customer").size() > SLOTS).sum()
        + max(0, frame["bundle"].nunique() - MOST_BUNDLES)
        + held.duplicated().sum()
        + (frame.groupby("bundle")["price"].nunique() > 1).sum()
        + (price >= value).sum()
        + (price < np.floor(value * (1 - LARGEST_DISCOUNT)) - 1).sum()
        + (price < cost).sum()
    )


def measure_quality(kind: str, seed: int, cache: Cache) -> None:
    """Rank on the log without its last weeks, and look at those."""
    rankers = [policy for policy in POLICIES if policy.name != "no campaign"]
    missing = [policy for policy in rankers if not cache.has("rank", kind, seed, policy.name)]
    if not missing:
        return
    whole = simulate_market(kind, MarketKnobs(**SIZE), seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market"
        short = simulate_market(kind, MarketKnobs(**SIZE), seed)
        short.write(path)
        everything = read_log(whole, path, seed)
        log, later = everything.until(len(everything.bought) - HELD_OUT), everything.bought[-HELD_OUT:]
        for policy in missing:
            ranking = policy().rank(log)
            if ranking is None:
                ranking = ranking_of(_earlier_forecast(path, len(log.bought)), log)
            for part, quality in (("items", item_quality), ("bundles", bundle_quality)):
                row = {"what": "rank", "kind": kind, "seed": seed, "policy": policy.name, "part": part}
                cache.add(row | vars(quality(ranking, log, later)))


def _earlier_forecast(path: Path, weeks: int) -> Any:
    """bundleopt's forecast of the first held-out week, from a folder whose tables end before it."""
    from bundleopt.verbs.initialise import initialise
    from bundleopt_data.simulator.history import monday_of_week

    end = pd.Timestamp(monday_of_week(weeks))
    for name, column in (("transactions", "timestamp"), ("prices", "week"), ("promotions", "week")):
        table = pd.read_parquet(path / f"{name}.parquet")
        last = end if name == "transactions" else end + pd.Timedelta(days=1)
        table[pd.to_datetime(table[column]) < last].to_parquet(path / f"{name}.parquet", index=False)
    home = path.parent / "short-plans"
    initialise(home, data=str(path))
    return forecast_of(str(home))


def league_table(rows: Iterable[dict[str, Any]]) -> str:
    """Policies by mean true uplift of revenue over all markets."""
    plans = pd.DataFrame([row for row in rows if row["what"] == "plan"])
    plans["market"] = plans["kind"] + plans["seed"].astype(str)
    pivot = plans.pivot_table(index="market", columns="policy", values="revenue")
    share = _shares(plans)
    order = list(pivot.mean().sort_values(ascending=False).index)
    lines = []
    for name in order:
        mine = plans[plans["policy"] == name]
        ahead = (pivot["bundleopt"] - pivot[name]).to_numpy() if "bundleopt" in pivot else np.zeros(1)
        losing = int(((mine["revenue"] + 1.96 * mine["revenue_error"]) < 0).sum())
        spent = mine["spend"] / mine["budget"]
        lines.append(
            (
                name,
                *(f"{mine[mine['kind'] == kind]['revenue'].mean():.2f}" for kind in KINDS),
                *(f"{mine[mine['kind'] == kind]['margin'].mean():.2f}" for kind in KINDS),
                *(f"{share[kind].get(name, float('nan')):.0%}" for kind in KINDS),
                _interval(ahead) if name != "bundleopt" else "",
                f"{losing} of {len(mine)}",
                *(f"{spent[mine['kind'] == kind].mean():.2f}" for kind in KINDS),
                int(mine["broken"].sum()),
                f"{mine['seconds'].mean():.1f}",
            )
        )
    head = (
        "policy", "revenue, equation", "revenue, agent", "margin, equation", "margin, agent", "of reference, equation",
        "of reference, agent", "bundleopt ahead (95 %)", "markets lost", "spend / budget, equation",
        "spend / budget, agent", "rules broken", "seconds",
    )  # fmt: skip
    return markdown_table(head, lines)


def _shares(plans: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Sum of uplifts over sum of the reference's, by mechanism."""
    out: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        totals = plans[plans["kind"] == kind].groupby("policy")["revenue"].sum()
        best = float(totals.get(REFERENCE, np.nan))
        out[kind] = {str(name): float(value) / best for name, value in totals.items()}
    return out


def _interval(difference: np.ndarray) -> str:
    """Mean and half width of a 95 % interval over markets (Student)."""
    from scipy.stats import t

    if len(difference) < 2:
        return f"{difference.mean():+.2f}"
    width = t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / np.sqrt(len(difference))
    return f"{difference.mean():+.2f} ± {width:.2f}"


def quality_table(rows: Iterable[dict[str, Any]]) -> str:
    """Lists of items and bundles on the held-out weeks."""
    ranks = pd.DataFrame([row for row in rows if row["what"] == "rank"])
    if not len(ranks):
        return "not measured"
    figures = list(ListQuality.__dataclass_fields__)
    lines = []
    for part in ("items", "bundles"):
        means = ranks[ranks["part"] == part].groupby("policy")[figures].mean().sort_values("ndcg", ascending=False)
        lines += [
            (part, name, *(f"{value:.3f}" for value in row))
            for name, row in zip(means.index, means.to_numpy(), strict=True)
        ]
    return markdown_table(("lists of", "policy", *figures), lines, texts=2)


if __name__ == "__main__":
    main()
