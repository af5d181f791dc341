"""Plans a made-up shop of very many customers from its log to the checked run folder: seconds, memory, gap.

python benchmarks/bench_crowd.py                           100,000 customers, 60 items, 16 weeks
python benchmarks/bench_crowd.py --customers 20000 --engine whole,chunks

Each engine plans the same trained workspace in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

FIRST_MONDAY = date(2024, 1, 1)
CATEGORIES = 12


def write_shop(folder: Path, customers: int, items: int, weeks: int, seed: int = 0) -> Path:
    """Write items, inventory, prices and transactions as Parquet; tastes, visits and prices are drawn at random."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    ids = np.array([f"i{item:04d}" for item in range(items)])
    price = np.round(rng.uniform(1.5, 9.0, items), 2)
    ratio = np.where(rng.random((weeks, items)) < 0.2, rng.choice([0.7, 0.8, 0.9], (weeks, items)), 1.0)
    shelf = np.round(price * ratio, 2)
    popularity, category = rng.normal(-2.8, 0.7, items), np.arange(items) % CATEGORIES
    taste = rng.normal(0.0, 1.0, (customers, CATEGORIES)).astype(np.float32)
    parts = [
        _week(rng, week, (popularity - 4.0 * np.log(ratio[week]), taste, category), shelf[week], ids)
        for week in range(weeks)
    ]
    log = pd.concat(parts, ignore_index=True)
    log.to_parquet(folder / "transactions.parquet", index=False)
    kinds = [f"category {code:02d}" for code in category]
    frame = {"item_id": ids, "name": ids, "category": kinds, "list_price": price, "unit_cost": np.round(0.4 * price, 2)}
    pd.DataFrame(frame).to_parquet(folder / "items.parquet", index=False)
    sold = log.groupby("item_id")["quantity"].sum().reindex(ids, fill_value=0).to_numpy() / weeks
    stock = np.ceil(sold * rng.choice([1.15, 1.5, 3.0], items)).astype(int)
    pd.DataFrame({"item_id": ids, "on_hand": stock}).to_parquet(folder / "inventory.parquet", index=False)
    mondays = [str(FIRST_MONDAY + timedelta(weeks=week)) for week in range(weeks)]
    prices = {"item_id": np.tile(ids, weeks), "week": np.repeat(mondays, items), "price": shelf.ravel()}
    pd.DataFrame(prices).to_parquet(folder / "prices.parquet", index=False)
    return folder


def _week(
    rng: np.random.Generator,
    week: int,
    appeal: tuple[np.ndarray, np.ndarray, np.ndarray],
    shelf: np.ndarray,
    ids: np.ndarray,
) -> pd.DataFrame:
    """The lines of one week: six customers in ten come, and buy each item with a logistic chance."""
    popularity, taste, category = appeal
    who = np.flatnonzero(rng.random(len(taste)) < 0.6)
    odds = popularity.astype(np.float32) + taste[who][:, category]
    customer, item = np.nonzero(rng.random(odds.shape, dtype=np.float32) < 1 / (1 + np.exp(-odds)))
    day = rng.integers(0, 7, len(who))[customer]
    monday = np.datetime64(FIRST_MONDAY) + np.timedelta64(7 * week, "D")
    return pd.DataFrame(
        {
            "customer_id": np.char.add("c", np.char.zfill(who[customer].astype(str), 7)),
            "item_id": ids[item],
            "timestamp": (monday + day).astype("datetime64[us]") + np.timedelta64(10, "h"),
            "quantity": 1,
            "unit_price": shelf[item],
        }
    )


def plan(workspace: Path, engine: str, budget: float) -> dict[str, object]:
    """Plan in this process, and return a row of the table."""
    from bundleopt.verbs.solve import solve

    begin, used = time.perf_counter(), time.process_time()
    result = solve(workspace, engine=engine, budget=budget)
    parts = result.document["seconds"]
    return {
        "engine": engine,
        "customers": result.document["model"]["customers"],
        "bundles": len(result.bundles),
        "offers": len(result.offers),
        "value": round(result.document["objective"]["value"], 2),
        "bound": round(result.bound, 2),
        "gap": f"{result.gap:.2%}",
        "optimise s": round(parts["optimise"], 1),
        "seconds": round(time.perf_counter() - begin, 1),
        "processor s": round(time.process_time() - used, 1),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Write the shop, train once, plan with each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--weeks", type=int, default=16)
    parser.add_argument("--engine", default="chunks")
    parser.add_argument("--budget", type=float, default=None)
    parser.add_argument("--workspace", type=Path, default=None, help="keep it here, and use it again")
    parser.add_argument("--plan", default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    budget = given.budget if given.budget is not None else 0.05 * given.customers
    if given.plan is not None:
        sys.stdout.write(json.dumps(plan(given.workspace, given.plan, budget)) + "\n")
        return
    with tempfile.TemporaryDirectory() as scratch:
        workspace = given.workspace or Path(scratch) / "shop"
        if not workspace.exists():
            _train(workspace, given)
        for engine in given.engine.split(","):
            command = [
                sys.executable,
                __file__,
                "--workspace",
                str(workspace),
                "--plan",
                engine,
                "--budget",
                str(budget),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
            sys.stdout.write(done.stdout)
            sys.stdout.flush()


def _train(workspace: Path, given: argparse.Namespace) -> None:
    from bundleopt.verbs.initialise import initialise
    from bundleopt.verbs.train import train

    begin = time.perf_counter()
    data = write_shop(workspace.parent / f"{workspace.name}-data", given.customers, given.items, given.weeks)
    sys.stdout.write(f"log written: {time.perf_counter() - begin:.0f} s\n")
    initialise(workspace, data=str(data))
    train(workspace, fast=True)
    sys.stdout.write(f"prepared and trained: {time.perf_counter() - begin:.0f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
