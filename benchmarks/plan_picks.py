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

import bundleopt
from bundleopt.session import Session
from bundleopt_data.panel import Panel
from bundleopt_models.model import DemandModel
from bundleopt_models.protocol import protocol_weeks
from bundleopt_models.settings import TrainSettings

BUDGET = 2000
TIME_LIMIT = 30


def measure_picks(
    session: Session, panel: Panel, model: DemandModel, settings: TrainSettings, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Predicted and observed purchases of offered pairs, by week; `model` predicts, at last week's prices."""
    weeks = protocol_weeks(panel.n_weeks).test
    until = str(panel.weeks[weeks[0]].astype("datetime64[D]"))
    customers, items = _places(panel.customer_ids), _places(panel.item_ids)
    rows = []
    with _home_of_its_own(session):
        bundleopt.train(fast=settings.fast, until=until, progress=tell)
        for week in weeks:
            monday = str(panel.weeks[week].astype("datetime64[D]"))
            plan = bundleopt.solve(budget=BUDGET, week=monday, time_limit=TIME_LIMIT, progress=tell)
            pairs = {
                (customers[row.customer_id], items[item])
                for row in plan.offers.itertuples()
                for item in row.item_ids
                if row.customer_id in customers and item in items
            }
            rows.append({"week": monday} | _compare(panel, model, week, np.array(sorted(pairs)).reshape(-1, 2)))
    total = {name: float(sum(row[name] for row in rows)) for name in ("pairs", "predicted", "observed", "variance")}
    ratio = total["predicted"] / max(total["observed"], 1e-12)
    error = total["variance"] ** 0.5 / max(total["observed"], 1e-12)
    return {"weeks": rows, "predicted_over_observed": ratio, "error": error} | total


def _places(ids: np.ndarray) -> dict[str, int]:
    return {str(name): place for place, name in enumerate(ids)}


def _compare(panel: Panel, model: DemandModel, week: int, pairs: np.ndarray) -> dict[str, float]:
    grid, _ = model.weekly_grid(panel, week, log_price=panel.prices.log_price[week - 1])
    bought = np.zeros(grid.shape, bool)
    now = panel.purchase_week == week
    bought[panel.purchase_customer[now], panel.purchase_item[now]] = True
    customer, item = pairs[:, 0], pairs[:, 1]
    gap = grid[customer, item] - bought[customer, item]
    # Pairs of one customer hang together by the visit: the error is that of sums over customers.
    by_customer = np.bincount(customer, gap, minlength=1) if len(pairs) else np.zeros(1)
    return {
        "pairs": len(pairs),
        "predicted": float(grid[customer, item].sum()),
        "observed": float(bought[customer, item].sum()),
        "variance": float((by_customer**2).sum()),
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
