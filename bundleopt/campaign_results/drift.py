"""Alarms: has the market moved away from what the plan was made on, in demand, prices or catalogue."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.campaign_results.campaign import RunCampaign

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.session import Session
    from bundleopt_data.campaign import CampaignWeek

COMMON_SHOCK, ITEM_SHOCK = 0.07, 0.3
"""Spread of a usual week's demand for everything, and of an item's, as measured on Complete Journey."""

ALARM_AT, ITEM_ALARM_AT = 3.0, 4.0
"""Spreads beyond which a week, and one of thousands of items, is no usual one any more."""

PRICE_MOVE, LEAST_LINES = 0.05, 3
NEW_SHARE = 0.02
"""Share of the week's spend on unknown items or by unknown customers from which the model is blind to much of it."""

_NAMED = 5


@dataclass(frozen=True)
class Alarm:
    """One alarm: of which kind, in words, with the figure behind it and the cases that move most."""

    kind: str
    sentence: str
    figure: float
    cases: tuple[str, ...] = ()


def alarms(campaign: RunCampaign, session: Session, prices: CampaignWeek | None) -> list[Alarm]:
    """Return every alarm; empty where the week was as usual weeks are."""
    found = [_level(campaign), _items(campaign), _catalogue(campaign, session), _customers(campaign, session)]
    if prices is not None:
        found.append(_prices(campaign, prices))
    return [alarm for alarm in found if alarm is not None]


def demand_table(campaign: RunCampaign) -> list[dict[str, Any]]:
    """Return one row per modelled item: expected with the campaign, sold, and the difference in spreads."""
    sold = campaign.lines.groupby("item_id")["units"].sum()
    rows = []
    for row in campaign.run.inventory.to_dict("records"):
        expected = float(row["baseline_units"] + row["incremental_units"])
        units = float(sold.get(row["item_id"], 0.0))
        spread = math.sqrt(max(expected, 1.0) + (ITEM_SHOCK * expected) ** 2)
        rows.append({"item_id": str(row["item_id"]), "expected": expected, "sold": units,
                     "z": (units - expected) / spread})  # fmt: skip
    return rows


def _level(campaign: RunCampaign) -> Alarm | None:
    rows = demand_table(campaign)
    expected, sold = (sum(row[name] for row in rows) for name in ("expected", "sold"))
    if expected <= 0:
        return None
    spread = math.sqrt(COMMON_SHOCK**2 + 2.0 / expected)
    ratio = sold / expected
    if abs(math.log(max(ratio, 1e-9))) <= ALARM_AT * spread:
        return None
    sentence = f"All items together sold {sold:,.0f} units where {expected:,.0f} were expected ({ratio:.0%})"
    return Alarm("demand", f"{sentence}: train again, and look for a holiday or missing data.", ratio)


def _items(campaign: RunCampaign) -> Alarm | None:
    rows = [row for row in demand_table(campaign) if abs(row["z"]) > ITEM_ALARM_AT]
    if not rows:
        return None
    rows.sort(key=lambda row: (-abs(row["z"]), row["item_id"]))
    cases = tuple(
        f"{row['item_id']}: {row['sold']:,.0f} sold, {row['expected']:,.1f} expected" for row in rows[:_NAMED]
    )
    many = f"{len(rows)} item{' sells' if len(rows) == 1 else 's sell'}"
    return Alarm("demand", f"{many} far from the forecast, beyond what chance does.", float(len(rows)), cases)


def _prices(campaign: RunCampaign, prices: CampaignWeek) -> Alarm | None:
    """Items whose usual price of the week is not the shelf price that was planned."""
    shelf = dict(zip(prices.item_ids, prices.shelf_price_cents / 100.0, strict=True))
    seen = _without_bundles(campaign).groupby("item_id")["highest_price"].agg(["median", "size"])
    moved = []
    for item, paid, lines in zip(seen.index, seen["median"], seen["size"], strict=True):
        planned = shelf.get(item)
        if planned and lines >= LEAST_LINES and abs(math.log(paid / planned)) > PRICE_MOVE:
            moved.append((abs(math.log(paid / planned)), f"{item}: {paid:.2f} paid, {planned:.2f} planned"))
    if not moved:
        return None
    moved.sort(key=lambda one: (-one[0], one[1]))
    many = f"{len(moved)} item{' was' if len(moved) == 1 else 's were'}"
    sentence = f"{many} sold at another shelf price than planned: discounts and forecasts of them were off."
    return Alarm("price", sentence, float(len(moved)), tuple(text for _, text in moved[:_NAMED]))


def _without_bundles(campaign: RunCampaign) -> pd.DataFrame:
    """Lines of customers who redeemed no bundle with the item: what they paid is the shelf's price."""
    redeemed = campaign.joined[campaign.joined["redeemed"]][["customer_id", "item_ids"]].explode("item_ids")
    pairs = set(zip(redeemed["customer_id"], redeemed["item_ids"], strict=True))
    lines = campaign.lines
    kept = [pair not in pairs for pair in zip(lines["customer_id"], lines["item_id"], strict=True)]
    return lines[np.array(kept, dtype=bool)]


def _catalogue(campaign: RunCampaign, session: Session) -> Alarm | None:
    with session.dataset.connect() as connection:
        known = {row[0] for row in connection.execute("SELECT item_id FROM items").fetchall()}
    spend = campaign.lines.groupby("item_id")["spend"].sum()
    new = spend[~spend.index.isin(known)].sort_values(ascending=False)
    share = float(new.sum() / spend.sum()) if float(spend.sum()) > 0 else 0.0
    if share < NEW_SHARE:
        return None
    many = f"{len(new)} item{' that the catalogue does' if len(new) == 1 else 's that the catalogue does'}"
    sentence = f"{many} not hold made {share:.1%} of the week's spend: add them to items and train again."
    return Alarm("catalogue", sentence, share, tuple(str(item) for item in new.index[:_NAMED]))


def _customers(campaign: RunCampaign, session: Session) -> Alarm | None:
    with session.dataset.connect() as connection:
        query = "SELECT DISTINCT customer_id FROM transactions WHERE timestamp < $1::DATE"
        known = {row[0] for row in connection.execute(query, [campaign.week]).fetchall()}
    spend = campaign.lines.groupby("customer_id")["spend"].sum()
    new = spend[~spend.index.isin(known)]
    share = float(new.sum() / spend.sum()) if float(spend.sum()) > 0 else 0.0
    if share < NEW_SHARE:
        return None
    sentence = f"{len(new)} customers whom the log did not know made {share:.1%} of the week's spend: train again."
    return Alarm("catalogue", sentence, share)


def forecast_ratio(campaign: RunCampaign) -> float | None:
    """Return units sold over units expected of all modelled items; None where nothing was expected."""
    rows = demand_table(campaign)
    expected = float(np.sum([row["expected"] for row in rows]))
    return float(np.sum([row["sold"] for row in rows])) / expected if expected > 0 else None
