"""What a change of plan is worth, by cause: the first plan is valued again in worlds that move step by step.

Incremental revenue (or margin) goes from the first plan's published figure to the second's through

    model      the first plan's offers in its own week, forecast by today's model
    calendar   the same offers and shelf prices in the second plan's week
    prices     the same offers at the second week's shelf prices; an offer that is no longer below them is void
    stock      the same offers, less the least valuable ones that the second week's stock cannot serve
    rules      the second plan itself: other rules where settings differ, and the new choice of bundles and customers

so the steps add up to the difference of the two published figures. The order is fixed and the steps depend on it, as
in every such walk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.plan.valued_plan import Stock
from bundleopt.stages.candidates import PricedCandidates
from bundleopt.stages.forecast import cached_forecast
from bundleopt.stages.multi_buy import bundle_of
from bundleopt.stages.valuation import value_candidates
from bundleopt.stages.week import PlannedWeek, plan_week
from bundleopt_data import money

if TYPE_CHECKING:
    from bundleopt.session import Session
    from bundleopt.stages.model import TrainedModel
    from bundleopt.verbs.solve import SolveResult
    from bundleopt_models.offer_values import OfferValues, OptionTable

STEPS = ("model", "calendar", "prices", "stock", "rules")
_FAMILY = "the offers of a published plan"

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cause:
    """One step of the walk: what it adds, money."""

    name: str
    revenue: float
    margin: float


@dataclass(frozen=True)
class _Offers:
    """The first plan's offers by code: (B,) bundles with prices in cents, and (F,) customers with their bundle."""

    bundles: tuple[tuple[int, ...], ...]
    price_cents: tuple[int, ...]
    customer: Codes
    bundle: Codes


@dataclass(frozen=True)
class _Worth:
    """(F,) money of the offers in one world, and (F, K) units; all 0 where an offer is void."""

    revenue: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]
    units: npt.NDArray[np.float64]
    items: npt.NDArray[np.int32]

    def total(self) -> tuple[float, float]:
        return float(self.revenue.sum()), float(self.margin.sum())


def causes(session: Session, trained: TrainedModel, before: SolveResult, after: SolveResult) -> tuple[Cause, ...]:
    """Walk from the first plan's figures to the second's.

    Args:
        session: the workspace of both plans.
        trained: its current model.
        before: a plan of this workspace's catalogue.
        after: another one.
    """
    first = plan_week(session, trained, date.fromisoformat(before.document["week"]))
    second = plan_week(session, trained, date.fromisoformat(after.document["week"]))
    offers = _coded(before, first)
    at_home = _worth(session, first, offers)
    moved = _worth(session, _at_prices_of(session, trained, second, first), offers)
    repriced = _worth(session, second, offers)
    served = _within_stock(repriced, second.stock)
    stations = [_published(before), at_home.total(), moved.total(), repriced.total(), served, _published(after)]
    return tuple(
        Cause(name, there[0] - here[0], there[1] - here[1])
        for name, here, there in zip(STEPS, stations[:-1], stations[1:], strict=True)
    )


def _published(result: SolveResult) -> tuple[float, float]:
    totals = result.document["totals"]
    return float(totals["incremental_revenue"]["value"]), float(totals["incremental_margin"]["value"])


def _coded(plan: SolveResult, week: PlannedWeek) -> _Offers:
    """Look the plan's items and customers up; offers of what today's model does not know are void and left out."""
    items = {str(item): code for code, item in enumerate(week.campaign.item_ids)}
    customers = {str(customer): code for code, customer in enumerate(week.forecast.customer_ids)}
    known = [row for row in plan.bundles.to_dict("records") if all(item in items for item in row["item_ids"])]
    place = {row["bundle_id"]: number for number, row in enumerate(known)}
    shown = plan.offers[~plan.offers["holdout"].astype(bool)]
    pairs = [
        (customers[str(customer)], place[bundle])
        for customer, bundle in zip(shown["customer_id"], shown["bundle_id"], strict=True)
        if str(customer) in customers and bundle in place
    ]
    coded = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return _Offers(
        bundles=tuple(bundle_of([items[item] for item in row["item_ids"]], row.get("quantity", 1)) for row in known),
        price_cents=tuple(money.to_cents(row["price"]) for row in known),
        customer=coded[:, 0],
        bundle=coded[:, 1],
    )


def _at_prices_of(session: Session, trained: TrainedModel, second: PlannedWeek, first: PlannedWeek) -> PlannedWeek:
    """The second week as it would be at the first week's shelf prices, costs and promotions."""
    if second.campaign.week == first.campaign.week:
        return first
    campaign = replace(first.campaign, week=second.campaign.week)
    return PlannedWeek(campaign, cached_forecast(session, trained, campaign), second.stock)


def _worth(session: Session, week: PlannedWeek, offers: _Offers) -> _Worth:
    """Value the offers in one world."""
    shelf = [int(week.campaign.shelf_price_cents[list(bundle)].sum()) for bundle in offers.bundles]
    valid = [number for number, price in enumerate(offers.price_cents) if price < shelf[number]]
    found = PricedCandidates(
        tuple(offers.bundles[number] for number in valid),
        tuple((offers.price_cents[number],) for number in valid),
        _FAMILY,
        0,
    )
    table, values = value_candidates(week.forecast, week.campaign, found, session.config.solve)
    return _picked(table, values, offers, np.array(valid, dtype=np.int64))


def _picked(table: OptionTable, values: OfferValues, offers: _Offers, valid: Codes) -> _Worth:
    option = np.full(len(offers.bundles), -1, dtype=np.int64)
    option[valid] = np.arange(len(valid))
    chosen, void = option[offers.bundle], option[offers.bundle] < 0
    customer, safe = offers.customer, np.where(void, 0, chosen)
    if not len(valid):
        nothing = np.zeros(len(customer))
        return _Worth(nothing, nothing, np.zeros((len(customer), 1)), np.full((len(customer), 1), -1, np.int32))

    def of(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.where(void, 0.0, matrix[customer, safe].astype(np.float64))

    units = np.where(void[:, None], 0.0, values.units[customer, safe].astype(np.float64))
    return _Worth(of(values.incremental_revenue), of(values.incremental_margin), units, table.items[safe])


def _within_stock(worth: _Worth, stock: Stock) -> tuple[float, float]:
    """Totals after the least valuable offers of every item that is drawn beyond its stock are left out."""
    kept = np.ones(len(worth.revenue), dtype=bool)
    held = worth.items >= 0
    drawn = np.zeros(len(stock.slack))
    np.add.at(drawn, worth.items[held], worth.units[held])
    order = np.lexsort((np.arange(len(kept)), worth.revenue))
    for item in np.flatnonzero(drawn > stock.slack + 1e-9):
        uses = np.where(held & (worth.items == item), worth.units, 0.0).sum(1)
        for offer in order[uses[order] > 0]:
            if uses[kept].sum() <= stock.slack[item] + 1e-9:
                break
            kept[offer] = False
    return float(worth.revenue[kept].sum()), float(worth.margin[kept].sum())
