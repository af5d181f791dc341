"""Which customers and items of a week the model knows too little of to trust by themselves."""

from __future__ import annotations

from datetime import date

import numpy as np

from bundleopt.plan.valued_plan import ColdStarts, ValuedPlan
from bundleopt.report import formats
from bundleopt_data.panel import Panel

# One visit says little of habits; a handful of purchases says little of an item's level.
LEAST_VISITS, LEAST_PURCHASES = 2, 5


def cold_starts(panel: Panel, until: date) -> ColdStarts:
    """Return who came in fewer than two weeks, and what was bought fewer than five times, before `until`.

    Args:
        panel: of the model.
        until: the campaign week, or the day that bounded the fitting, whichever is earlier.
    """
    week = min(max(panel.week_index(until), 0), panel.n_weeks)
    before = panel.purchase_week < week
    bought = np.bincount(panel.purchase_item[before], minlength=panel.n_items)
    return ColdStarts(
        customer=(panel.trips[:week] > 0).sum(axis=0) < LEAST_VISITS,
        item=bought < LEAST_PURCHASES,
    )


def cold_start_sentences(valued: ValuedPlan) -> list[str]:
    """Say how many offers rest on cold starts; no sentence where none does."""
    cold, offers = valued.cold_start & valued.is_shown, int(valued.is_shown.sum())
    if not cold.any():
        return []
    customers = (
        int(valued.cold.customer[np.unique(valued.customer[valued.is_shown])].sum()) if valued.cold is not None else 0
    )
    money = float(valued.incremental_revenue[cold].sum())
    sentence = (
        f"{formats.count(int(cold.sum()))} of {formats.count(offers)} offers ({formats.money(money)} of incremental "
        f"revenue) rest on cold starts: {formats.count(customers)} customers with fewer than {LEAST_VISITS} weeks of "
        "visits, or items bought fewer than "
        f"{LEAST_PURCHASES} times; they are marked in the column cold_start."
    )
    return [sentence]
