"""Fits choice-learn's basket model; runs in an environment of its own, and talks through files.

    pip install choice-learn tensorflow-cpu
    python choice_library_worker.py baskets.npz utilities.npz

AleaCarta (Desir, Auriau, Mozina & Malherbe 2025, ECML PKDD): item intercepts, preferences, price effects, seasons and
interactions inside the basket. Its "store" is the household: preferences and price effects are then personal. What is
written are its utilities of every household, item and week with an empty basket.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

GRID = (
    {"latent": 4, "epochs": 8, "lr": 1e-2, "l2": 0.0, "season": False},
    {"latent": 8, "epochs": 8, "lr": 1e-2, "l2": 1e-5, "season": False},
    {"latent": 8, "epochs": 8, "lr": 1e-2, "l2": 1e-4, "season": True},
)
BATCH = 64  # the library unrolls a batch into its graph: a larger one takes minutes to trace
NEGATIVES = 8


def dataset(data: dict[str, np.ndarray]) -> object:
    """One trip a household-week, of the items it bought."""
    from choice_learn.basket_models.data import Trip, TripDataset

    n_items = data["log_price"].shape[1]
    owner = data["week"].astype(np.int64) * (int(data["customer"].max()) + 1) + data["customer"]
    order = np.argsort(owner, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(owner[order]) > 0))
    trips = []
    for rows in np.split(order, starts[1:]):
        week = int(data["week"][rows[0]])
        trips.append(
            Trip(
                purchases=data["item"][rows].astype(np.int32),
                prices=np.exp(data["log_price"][week]).astype(np.float32),
                assortment=0,
                store=int(data["customer"][rows[0]]),
                week=week % 52,
            )
        )
    return TripDataset(trips, np.ones((1, n_items), dtype=np.float32))


def utilities(model: object, data: dict[str, np.ndarray], week: int) -> np.ndarray:
    """(U, I) utilities with an empty basket at last week's prices."""
    n_customers, n_items = int(data["n_customers"]), data["log_price"].shape[1]
    price = np.exp(data["log_price"][max(week - 1, 0)]).astype(np.float32)
    items = np.tile(np.arange(n_items, dtype=np.int32), (n_customers, 1))
    found = model.compute_batch_utility(  # type: ignore[attr-defined]
        item_batch=items,
        basket_batch=np.full((n_customers, 1), -1, np.int32),
        store_batch=np.arange(n_customers, dtype=np.int32),
        week_batch=np.full(n_customers, week % 52, np.int32),
        price_batch=np.tile(price, (n_customers, 1)),
        available_item_batch=np.ones((n_customers, n_items), np.float32),
        user_batch=np.zeros(n_customers, np.int32),
    )
    return np.asarray(found, dtype=np.float32)


def area(score: np.ndarray, bought: np.ndarray) -> float:
    """Area under the receiver operating curve."""
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    hits = int(bought.sum())
    return float((ranks[bought].sum() - hits * (hits + 1) / 2) / max(hits * (len(score) - hits), 1))


def fit(data: dict[str, np.ndarray], setting: dict[str, object]) -> tuple[object, float, int]:
    """A fitted model, its seconds, its rows."""
    from choice_learn.basket_models import AleaCarta

    began = time.perf_counter()
    latent = int(setting["latent"])  # type: ignore[call-overload]
    model = AleaCarta(
        item_intercept=True,
        price_effects=True,
        seasonal_effects=bool(setting["season"]),
        latent_sizes={"preferences": latent, "price": 4, "season": 4},
        n_negative_samples=NEGATIVES,
        lr=setting["lr"],
        epochs=setting["epochs"],
        batch_size=BATCH,
        l2_regularization=setting["l2"],
    )
    trips = dataset(data)
    model.instantiate(n_items=data["log_price"].shape[1], n_stores=int(data["n_customers"]))
    # The library asks `instantiate` for users that this model does not have; done above, it is skipped.
    model.instantiated = True
    model.fit(trips)
    return model, time.perf_counter() - began, len(data["item"]) * int(setting["epochs"])  # type: ignore[call-overload]


def main() -> None:
    import resource

    import choice_learn
    import tensorflow as tf

    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.random.set_seed(0)
    with np.load(source) as stored:
        data = {name: stored[name] for name in stored.files}
    tried = []
    for setting in GRID[: int(sys.argv[4]) if len(sys.argv) > 4 else None]:
        model, seconds, rows = fit(data, setting)
        areas = [area(utilities(model, data, int(w))[data["active"]].ravel(), data[f"bought_{w}"].ravel())
                 for w in data["validation"]]  # fmt: skip
        print(setting, "validation ROC-AUC", round(float(np.mean(areas)), 4), f"{seconds:.0f} s", flush=True)
        tried.append((float(np.mean(areas)), model, setting, seconds, rows))
    _, model, setting, seconds, rows = max(tried, key=lambda one: one[0])
    weeks = [*data["validation"].tolist(), *data["test"].tolist()]
    about = {
        "setting": setting, "seconds": seconds, "rows": rows, "version": choice_learn.__version__,
        "tensorflow": tf.__version__, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip
    np.savez(target, weeks=weeks, about=json.dumps(about), utility=np.stack([utilities(model, data, w) for w in weeks]))


if __name__ == "__main__":
    main()
