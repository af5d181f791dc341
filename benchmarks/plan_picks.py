"""Is the forecast right where money is spent: on the customer-item pairs that the optimiser would offer?

A maximiser picks over-estimates. For each test week a campaign is planned with a model that has seen nothing of the
test weeks; predicted purchases of the offered pairs, without any offer, stand beside those that happened.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bundleopt
from bundleopt.session import Session
from bundleopt_data.panel import Panel
from bundleopt_models.protocol import protocol_weeks

BUDGET = 2000
TIME_LIMIT = 30


def measure_picks(session: Session, panel: Panel, *, fast: bool, tell: Callable[[str, float], None]) -> dict[str, Any]:
    """Predicted and observed purchases of offered pairs, by week.

    The model that chooses the pairs also predicts them, at last week's prices: so no price gives the outcome away.
    """
    weeks = protocol_weeks(panel.n_weeks).test
    rows = []
    with _home_of_its_own(session):
        bundleopt.train(fast=fast, until=_monday(panel, weeks[0]), progress=tell)
        for week in weeks:
            plan = bundleopt.solve(budget=BUDGET, week=_monday(panel, week), time_limit=TIME_LIMIT, progress=tell)
            rows.append({"week": _monday(panel, week)} | _compare(panel, week, plan.offers))
    total = {name: float(sum(row[name] for row in rows)) for name in ("pairs", "predicted", "observed", "variance")}
    ratio = total["predicted"] / max(total["observed"], 1e-12)
    error = total["variance"] ** 0.5 / max(total["observed"], 1e-12)
    return {"weeks": rows, "predicted_over_observed": ratio, "error": error} | total


def _monday(panel: Panel, week: int) -> str:
    return str(panel.weeks[week].astype("datetime64[D]"))


def _compare(panel: Panel, week: int, offers: pd.DataFrame) -> dict[str, float]:
    pairs = offers[["customer_id", "item_ids"]].explode("item_ids").rename(columns={"item_ids": "item_id"})
    pairs = pairs.drop_duplicates().reset_index(drop=True)
    price = pd.Series(np.exp(panel.prices.log_price[week - 1].astype(np.float64)), index=panel.item_ids.astype(str))
    pairs = pairs[pairs["item_id"].isin(price.index)]
    rows = pairs.assign(week=_monday(panel, week), price=pairs["item_id"].map(price))
    predicted = bundleopt.predict(rows)["probability"].to_numpy()
    now = panel.purchase_week == week
    bought = pd.MultiIndex.from_arrays(
        [panel.customer_ids[panel.purchase_customer[now]], panel.item_ids[panel.purchase_item[now]]]
    )
    observed = pd.MultiIndex.from_frame(rows[["customer_id", "item_id"]]).isin(bought)
    # Pairs of one customer hang together by the visit: the error is that of sums over customers.
    gap = pd.Series(predicted - observed).groupby(rows["customer_id"].to_numpy()).sum()
    return {
        "pairs": len(rows),
        "predicted": float(predicted.sum()),
        "observed": float(observed.sum()),
        "variance": float((gap**2).sum()),
    }


class _home_of_its_own:  # noqa: N801 - used as a statement
    """The sample in a temporary folder, so that the user's own model stays the current one."""

    def __init__(self, session: Session) -> None:
        self._prepared = session.dataset.folder

    def __enter__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._before = os.environ.get("BUNDLEOPT_HOME")
        cache = Path(self._folder.name) / "sample" / ".cache"
        cache.mkdir(parents=True)
        (cache / self._prepared.name).symlink_to(self._prepared, target_is_directory=True)
        os.environ["BUNDLEOPT_HOME"] = self._folder.name

    def __exit__(self, *_error: object) -> None:
        if self._before is None:
            del os.environ["BUNDLEOPT_HOME"]
        else:
            os.environ["BUNDLEOPT_HOME"] = self._before
        self._folder.cleanup()
