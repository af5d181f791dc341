"""The preference table of a category from the trained network, for one campaign week."""

from __future__ import annotations

import difflib

import numpy as np
import numpy.typing as npt

from bundleopt.assortment.preference_table import PreferenceTable
from bundleopt.session import Session
from bundleopt.stages import findings
from bundleopt.stages.model import ensure_model
from bundleopt.stages.week import PlannedWeek, plan_week
from bundleopt_data.errors import UsageError
from bundleopt_models.preferences import preference_weights
from bundleopt_models.substitution import SubstitutionCheck, check_substitution

SPACE_COLUMN = "space"


def category_preferences(
    session: Session, category: str, *, segments: int, seed: int
) -> tuple[PreferenceTable, SubstitutionCheck]:
    """Group the customers by what they choose in `category`, and measure substitution on the log.

    Raises:
        UsageError: there is no such category among the modelled items. DataRefusedError: the data has a FAIL finding.
    """
    findings.refuse_failed(session)
    trained = ensure_model(session)
    week = plan_week(session, trained)
    items = _items_of(category, week)
    session.progress("grouping customers", 0.0)
    found = preference_weights(week.forecast, items, segments=segments, seed=seed)
    campaign = week.campaign
    price = campaign.shelf_price_cents[items] / 100
    margin = price / (1 + campaign.tax_rate[items]) - campaign.unit_cost_cents[items] / 100
    space, notes = _space(session, campaign.item_ids[items])
    table = PreferenceTable(
        item_ids=campaign.item_ids[items],
        names=campaign.names[items],
        brands=campaign.brand[items],
        price=price,
        margin=margin,
        space=space,
        units=week.forecast.units[items].astype(np.float64),
        stock=campaign.on_hand[items].astype(np.float64),
        segment_ids=np.array([f"segment {n + 1}" for n in range(len(found.customers))], dtype=object),
        weight=found.weight,
        outside=np.ones(len(found.customers)),
        occasions=found.occasions,
        source=f"the trained network, week of {campaign.week}, {len(found.customers)} segments of customers",
        is_money=True,
        assumptions=tuple(_assumptions(week, items, notes)),
    )
    session.progress("checking substitution on the log", 0.0)
    return table, check_substitution(trained.panel)


def _items_of(category: str, week: PlannedWeek) -> npt.NDArray[np.int64]:
    names = week.campaign.category.astype(str)
    wanted = category.strip().casefold()
    items = np.flatnonzero(np.char.lower(names.astype(np.str_)) == wanted)
    if not len(items):
        known = sorted(set(names.tolist()))
        near = difflib.get_close_matches(category.upper(), [name.upper() for name in known], n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are {', '.join(known[:8])}, ..."
        raise UsageError(f"--category {category}: no modelled item is in it; {hint}")
    return items.astype(np.int64)


def _space(session: Session, item_ids: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Space of the items from an extra column of the items table, else one place each."""
    if not session.dataset.has_column("items", SPACE_COLUMN):
        return np.ones(len(item_ids)), ["Every item takes a space of 1: the items table has no column space."]
    connection = session.dataset.connect()
    try:
        rows = connection.execute("SELECT item_id, try_cast(space AS DOUBLE) FROM items").fetchall()
    finally:
        connection.close()
    known = {str(item): space for item, space in rows}
    space = np.array([known.get(str(item)) or np.nan for item in item_ids], np.float64)
    missing = int(np.isnan(space).sum())
    note = [f"{missing} items without a space count as 1."] if missing else []
    return np.where(np.isnan(space), 1.0, space), note


def _assumptions(week: PlannedWeek, items: npt.NDArray[np.int64], notes: list[str]) -> list[str]:
    assumed = int(week.campaign.cost_is_assumed[items].sum())
    found = list(notes)
    if assumed:
        found.append(f"The cost of {assumed} of {len(items)} items rests on the assumed margin.")
    if not np.isfinite(week.campaign.on_hand[items]).any():
        found.append("Stock is unlimited: no inventory is known.")
    found.append("Demand beyond an item's stock is lost, not passed on to others.")
    return found
