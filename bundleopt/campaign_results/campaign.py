"""A campaign that has run: the plan, the log of its offers, and the lines of its week, laid side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundleopt_data.errors import DataProblem, DataRefusedError

if TYPE_CHECKING:
    from bundleopt.session import Session
    from bundleopt.verbs.solve import SolveResult
    from bundleopt_data.results import WeekResults

KEY = ["customer_id", "bundle_id"]
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class RunCampaign:
    """Plan and results of one week.

    Attributes:
        run: the plan.
        log: offers that were shown in its week, a row per customer and bundle: price, redeemed, how often `shown`.
        outside: log rows of other weeks.
        lines: customer_id, item_id, units, spend of the week.
        events: customer_id, item_id, type, value of the week.
        on_hand: item_id -> units left after it; empty where unknown.
    """

    run: SolveResult
    log: pd.DataFrame
    outside: pd.DataFrame
    lines: pd.DataFrame
    events: pd.DataFrame
    on_hand: dict[str, float]

    @property
    def week(self) -> date:
        """Monday of the campaign."""
        return date.fromisoformat(self.run.document["week"])

    @cached_property
    def planned(self) -> pd.DataFrame:
        """Offers that were to be shown."""
        return self.run.offers[~self.run.offers["holdout"].astype(bool)].reset_index(drop=True)

    @cached_property
    def would_be(self) -> pd.DataFrame:
        """Offers that held-out customers would have got, and whether they bought the full set all the same."""
        held = self.run.offers[self.run.offers["holdout"].astype(bool)].reset_index(drop=True)
        lines = self.lines
        pairs = zip(lines["customer_id"].astype(str), lines["item_id"].astype(str), strict=True)
        bought = dict(zip(pairs, lines["units"].astype(float), strict=True))
        whole = [
            all(bought.get((str(customer), str(item)), 0.0) >= quantity for item in items)
            for customer, items, quantity in zip(held["customer_id"], held["item_ids"], held["quantity"], strict=True)
        ]
        return held.assign(bought=np.array(whole, dtype=bool))

    @cached_property
    def arms(self) -> pd.DataFrame | None:
        """The table of customers with their arm; None where the plan has no control group."""
        path = self.run.folder / "experiment.parquet"
        return pd.read_parquet(path) if path.is_file() else None

    @cached_property
    def joined(self) -> pd.DataFrame:
        """Planned offers beside the log: `shown`, `redeemed` and `price_charged`, 0 and NaN if not."""
        log = self.log.rename(columns={"price": "price_charged"})[[*KEY, "price_charged", "redeemed", "shown"]]
        joined = self.planned.merge(log, on=KEY, how="left")
        joined["redeemed"] = joined["redeemed"].fillna(0).astype(bool)
        joined["shown"] = joined["shown"].fillna(0).astype(np.int64)
        return joined

    def spend_of(self, customer_ids: npt.NDArray[np.object_], items: set[str] | None = None) -> npt.NDArray[np.float64]:
        """(U,) money that customers paid in the week, on some items alone where they are named."""
        lines = self.lines if items is None else self.lines[self.lines["item_id"].isin(items)]
        total = lines.groupby("customer_id")["spend"].sum()
        return np.asarray(total.reindex(customer_ids).fillna(0.0).to_numpy(), dtype=np.float64)

    @property
    def campaign_items(self) -> set[str]:
        """Items of the menu."""
        return {str(item) for items in self.run.bundles["item_ids"] for item in items}


def lay_side_by_side(run: SolveResult, results: WeekResults, session: Session) -> RunCampaign:
    """Read the log of a plan's week, and the lines of that week from the results or else from the workspace's data.

    Raises:
        DataRefusedError: no row of the log is of the week, or nobody has its transactions.
    """
    monday = date.fromisoformat(run.document["week"])
    span = [monday, monday + _WEEK]
    with results.connect() as connection:
        log = connection.execute(_LOG).df()
        lines = _frame(connection, _LINES, span) if "transactions" in results.tables else None
        events = _frame(connection, _EVENTS, span) if "events" in results.tables else _no_events()
        left = connection.execute(_LEFT).fetchall() if "inventory" in results.tables else []
    if lines is None or not len(lines):
        with session.dataset.connect() as connection:
            lines = _frame(connection, _LINES, span)
    inside = (log["shown_at"] >= pd.Timestamp(monday)) & (log["shown_at"] < pd.Timestamp(monday + _WEEK))
    _refuse_other_weeks(monday, len(log), shown=int(inside.sum()), lines=len(lines))
    shown = log[inside].groupby(KEY, as_index=False).agg(
        price=("price", "last"), lowest=("price", "min"), highest=("price", "max"),
        redeemed=("redeemed", "max"), shown=("redeemed", "size"),
    )  # fmt: skip
    on_hand = {str(item): float(units) for item, units in left}
    return RunCampaign(run, shown, log[~inside].reset_index(drop=True), lines, events, on_hand)


_LOG = (
    "SELECT customer_id, bundle_id, price, shown_at, redeemed FROM offers_log ORDER BY customer_id, bundle_id, shown_at"
)
_LINES = """
    SELECT customer_id, item_id, sum(quantity) AS units, sum(quantity * unit_price) AS spend,
        max(unit_price) AS highest_price
    FROM transactions WHERE timestamp >= $1::DATE AND timestamp < $2::DATE
    GROUP BY ALL ORDER BY ALL
"""
_EVENTS = """
    SELECT customer_id, item_id, lower(type) AS type, {value} AS value FROM events
    WHERE timestamp >= $1::DATE AND timestamp < $2::DATE ORDER BY ALL
"""
_LEFT = "SELECT item_id, sum(on_hand) FROM inventory GROUP BY item_id"


def _frame(connection: Any, query: str, span: list[date]) -> pd.DataFrame:
    if "{value}" in query:
        columns = [row[0] for row in connection.execute("DESCRIBE events").fetchall()]
        query = query.replace("{value}", "value" if "value" in columns else "NULL::DOUBLE")
    frame: pd.DataFrame = connection.execute(query, span).df()
    return frame


def _no_events() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [], "item_id": [], "type": [], "value": []})


def _refuse_other_weeks(monday: date, rows: int, *, shown: int, lines: int) -> None:
    if not shown:
        check = f"no offer was shown in the week of {monday}, which the plan is for"
        fix = "name the run of that week with --run"
        raise DataRefusedError([DataProblem("offers_log", "shown_at", check, rows, fix=fix)])
    if not lines:
        check = f"neither the results nor the workspace's data hold sales of the week of {monday}"
        raise DataRefusedError([DataProblem("transactions", "timestamp", check, 0, fix="add transactions.csv to them")])
