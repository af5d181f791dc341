"""What-if shocks: the campaign week as it would be at other prices, costs, stock or demand."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.shock_texts import EVERYTHING, SCOPES, Shock, parse_shock
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt_data.campaign import CampaignWeek
    from bundleopt_models.forecast import DemandForecast
    from bundleopt_models.interest_groups import InterestGroups

Flags = npt.NDArray[np.bool_]

# No chance of buying an item is that of coming at all: beyond it more demand means more units, which are not modelled.
_OF_VISITS = 0.999


def shocked_week(campaign: CampaignWeek, texts: Iterable[str]) -> CampaignWeek:
    """Return the week with prices, costs and stock changed; demand shocks are left to `shocked_demand`.

    Prices and costs stay whole cents, prices at least one; stock stays whole units, rounded down.

    Raises:
        UsageError: a shock is about nothing in the catalogue.
    """
    changed = campaign
    for shock in map(parse_shock, texts):
        if shock.scope == "segment":
            continue
        hit = _items(shock, campaign)
        if shock.kind == "demand":
            continue
        if shock.kind == "stock":
            units = np.floor(changed.on_hand * shock.factor + 1e-9)
            changed = replace(changed, on_hand=np.where(hit, units, changed.on_hand))
            continue
        name = "shelf_price_cents" if shock.kind == "price" else "unit_cost_cents"
        cents = getattr(changed, name)
        moved = np.maximum(np.rint(cents * shock.factor).astype(np.int64), 1 if shock.kind == "price" else 0)
        changed = replace(changed, **{name: np.where(hit, moved, cents)})
    return changed


def shocked_demand(
    forecast: DemandForecast, campaign: CampaignWeek, groups: InterestGroups | None, texts: Iterable[str]
) -> DemandForecast:
    """Return the forecast with the purchase probabilities of some items, or of some customers, changed.

    Raises:
        UsageError: a shock is about nothing that is known.
    """
    shocks = [shock for shock in map(parse_shock, texts) if shock.kind == "demand"]
    if not shocks:
        return forecast
    probability = forecast.probability.copy()
    for shock in shocks:
        rows, columns = _demand(shock, campaign, groups, customers=len(probability))
        probability[np.ix_(rows, columns)] *= np.float32(shock.factor)
    ceiling = (forecast.visit_probability * np.float32(_OF_VISITS))[:, None]
    return replace(forecast, probability=np.minimum(probability, np.maximum(ceiling, forecast.probability)))


def _demand(
    shock: Shock, campaign: CampaignWeek, groups: InterestGroups | None, *, customers: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes of the customers and of the items whose demand moves."""
    if shock.scope != "segment":
        return np.arange(customers), np.flatnonzero(_items(shock, campaign))
    names = [] if groups is None else [group.name for group in groups.groups]
    if shock.target not in names:
        raise UsageError(f"--shock {shock.text}: no segment {shock.target!r}{_near(shock.target, names)}")
    assert groups is not None  # noqa: S101 - its names were found
    return np.flatnonzero(groups.segment == names.index(shock.target)), np.arange(len(campaign.item_ids))


def _items(shock: Shock, campaign: CampaignWeek) -> Flags:
    """(I,) items that a shock is about: by the scope that is written, else by the one in which the name is found."""
    if shock.target == EVERYTHING:
        return np.ones(len(campaign.item_ids), dtype=bool)
    columns = {
        "item": campaign.item_ids,
        "category": campaign.category,
        "brand": campaign.brand,
        "department": campaign.department,
    }
    found = {
        scope: np.asarray(columns[scope].astype(str) == shock.target)
        for scope in columns
        if shock.scope in (None, scope)
    }
    hits = {scope: flags for scope, flags in found.items() if flags.any()}
    if not hits:
        known = sorted({str(name) for scope in found for name in columns[scope]})
        what = shock.scope or "item, category, brand or department"
        raise UsageError(f"--shock {shock.text}: no {what} {shock.target!r}{_near(shock.target, known)}")
    distinct = {flags.tobytes() for flags in hits.values()}
    if len(distinct) > 1:
        ways = " or ".join(f"{shock.kind}:{scope}:{shock.target}" for scope in SCOPES if scope in hits)
        raise UsageError(f"--shock {shock.text} may mean several things: write {ways}")
    return next(iter(hits.values()))


def _near(name: str, known: list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else ""
