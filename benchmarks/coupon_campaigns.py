"""Real coupon campaigns of Complete Journey against the model's ranking of who likes what.

The tables say who received a campaign, which items a coupon was for, and who redeemed which coupon on which day; not
which coupons a household of a type A campaign got, nor what a coupon was worth. So this is a description, not a test
of the forecast under an offer: among the recipients of a campaign, did those who redeemed rank higher, before it began,
by what the model expected them to buy of the coupon's items? Beside it stands ranking by own purchases of those items,
and by visits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bundleopt_data.panel import Panel
from bundleopt_models.model import DemandModel

LEAST_REDEEMERS = 5
RANKINGS = ("model: expected purchases", "own past purchases", "visits in 13 weeks")


@dataclass(frozen=True)
class Coupons:
    """The four tables, ids as texts."""

    recipients: pd.DataFrame
    items: pd.DataFrame
    redemptions: pd.DataFrame
    campaigns: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Coupons:
        names = ("campaigns", "coupons", "coupon_redemptions", "campaign_descriptions")
        return cls(*(pd.read_parquet(folder / f"{name}.parquet") for name in names))


def area(score: np.ndarray, is_hit: np.ndarray) -> float:
    """Chance that a redeemer ranks above a non-redeemer; ties count half (Mann & Whitney 1947)."""
    ranks = pd.Series(score).rank().to_numpy()
    hits = int(is_hit.sum())
    return float((ranks[is_hit].sum() - hits * (hits + 1) / 2) / (hits * (len(score) - hits)))


def describe(panel: Panel, model: DemandModel, coupons: Coupons, *, first_week: int) -> pd.DataFrame:
    """One row a (level, campaign or coupon) with an area for each of RANKINGS.

    Campaigns that start before `first_week`, the first that fitting did not see, are left out.
    """
    rows = []
    for campaign in coupons.campaigns.itertuples():
        week = panel.week_index(pd.Timestamp(campaign.start_date).date())
        if not first_week <= week < panel.n_weeks:
            continue
        rows += list(
            _campaign_rows(panel, model, coupons, str(campaign.campaign_id), str(campaign.campaign_type), week)
        )
    return pd.DataFrame(rows)


def _campaign_rows(
    panel: Panel, model: DemandModel, coupons: Coupons, campaign: str, kind: str, week: int
) -> Iterator[dict[str, object]]:
    customers = pd.Index(panel.customer_ids.astype(str))
    recipients = coupons.recipients[coupons.recipients["campaign_id"].astype(str) == campaign]["customer_id"]
    asked = customers.get_indexer(recipients.astype(str))
    asked = np.unique(asked[asked >= 0])
    lists = coupons.items[coupons.items["campaign_id"].astype(str) == campaign]
    place = pd.Index(panel.item_ids.astype(str)).get_indexer(lists["item_id"].astype(str))
    known = place >= 0
    redeemed = coupons.redemptions[coupons.redemptions["campaign_id"].astype(str) == campaign]
    who = customers.get_indexer(redeemed["customer_id"].astype(str))
    scores = _scores(panel, model, week, asked)

    def row(level: str, name: str, items: np.ndarray, hits: np.ndarray) -> dict[str, object] | None:
        is_hit = np.isin(asked, hits)
        if is_hit.sum() < LEAST_REDEEMERS or is_hit.all() or not len(items):
            return None
        areas = [area(score[:, items].sum(axis=1) if score.ndim > 1 else score, is_hit) for score in scores]
        facts = {"level": level, "campaign": campaign, "type": kind, "coupon": name, "week": week}
        counts = {"recipients": len(asked), "redeemers": int(is_hit.sum()), "items": len(items)}
        return facts | counts | dict(zip(RANKINGS, areas, strict=True))

    found = [row("campaign", "", np.unique(place[known]), who)]
    codes = lists["coupon_id"].astype(str).to_numpy()
    for coupon, chosen in redeemed.groupby(redeemed["coupon_id"].astype(str)):
        items = np.unique(place[known & (codes == coupon)])
        found.append(row("coupon", str(coupon), items, customers.get_indexer(chosen["customer_id"].astype(str))))
    yield from (one for one in found if one is not None)


def _scores(panel: Panel, model: DemandModel, week: int, asked: np.ndarray) -> list[np.ndarray]:
    """(A, I) expected purchases, (A, I) weeks of own purchases before, (A,) visits."""
    grid, _ = model.weekly_grid(panel, week, log_price=panel.prices.log_price[max(week - 1, 0)])
    before = panel.purchase_week < week
    pair = panel.purchase_customer[before].astype(np.int64) * panel.n_items + panel.purchase_item[before]
    counts = np.bincount(pair, minlength=panel.n_customers * panel.n_items).reshape(panel.n_customers, panel.n_items)
    visits = (panel.trips[max(0, week - 13) : week] > 0).sum(axis=0)
    return [grid[asked], counts[asked].astype(np.float32), visits[asked].astype(np.float64)]


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean areas by level, weighted by redeemers."""
    rows = []
    for level, part in table.groupby("level", sort=True):
        weight = part["redeemers"].to_numpy(np.float64)
        areas = {name: float(np.average(part[name], weights=weight)) for name in RANKINGS}
        rows.append({"level": level, "number": len(part), "redeemers": int(weight.sum())} | areas)
    return pd.DataFrame(rows)
