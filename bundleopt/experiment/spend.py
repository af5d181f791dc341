"""Weekly spend of customers from the log: what an experiment compares, and what it takes noise out with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset

Values = npt.NDArray[np.float64]

MEASURED_WEEKS, EARLIER_WEEKS = 8, 8
"""Weeks whose noise is measured, and weeks before them that explain a part of it."""


def weekly_spend(dataset: Dataset, customer_ids: npt.NDArray[np.object_], before: date, weeks: int) -> Values:
    """(W, U) money that each customer paid in each of the `weeks` weeks before a Monday, oldest first."""
    query = """
        SELECT customer_id, date_diff('week', $1::DATE, date_trunc('week', timestamp)::DATE) AS place,
            sum(quantity * unit_price)
        FROM transactions WHERE timestamp >= $1::DATE AND timestamp < $2::DATE GROUP BY ALL
    """
    first = before - timedelta(weeks=weeks)
    with dataset.connect() as connection:
        rows = connection.execute(query, [first, before]).fetchall()
    place = {str(name): code for code, name in enumerate(customer_ids)}
    spend = np.zeros((weeks, len(customer_ids)))
    for customer, week, money in rows:
        if customer in place and 0 <= week < weeks:
            spend[week, place[customer]] += money
    return spend
