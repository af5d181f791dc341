"""Has the independent checker read a written run folder back before anything is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bundleopt.config import Redemption, SolveConfig
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt.stages import candidates
from bundleopt.stages.item_choice import NOT_LISTED
from bundleopt.stages.multi_buy import is_multi_buy
from bundleopt.stages.problem import item_overlap
from bundleopt.stages.rule_inputs import RuleInputs
from bundleopt.stages.week import PlannedWeek
from bundleopt_data.errors import VerificationError, Violation
from bundleopt_solvers.checker_inputs import CheckInputs, CheckLimits

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt.stages.price_limits import PriceLimits


def verify(folder: Path, prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> None:
    """Check every file, total and rule of a written run folder.

    Raises:
        VerificationError: something is broken or does not agree.
    """
    found = violations(folder, prepared, valued, settings)
    if found:
        raise VerificationError(found)


def violations(folder: Path, prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> list[Violation]:
    """Return everything that the checker finds in a written run folder."""
    from bundleopt_solvers.checker import check_run

    inputs = CheckInputs(
        items=item_facts(prepared.week, prepared.inputs),
        valuations=valuations(valued),
        limits=limits(prepared, settings),
        customers=customer_facts(prepared),
        ineligible=prepared.inputs.eligibility.frame(
            prepared.week.forecast.customer_ids, prepared.week.campaign.item_ids
        ),
        draws=draw_factors(valued),
        stores=store_facts(prepared.week),
        customer_store=store_customers(prepared.week),
    )
    return list(check_run(folder, inputs))


def store_facts(week: PlannedWeek) -> pd.DataFrame | None:
    """Return one row per item and store; None where stock is not known by store."""
    if week.stores is None:
        return None
    stores, items = week.stores, week.campaign.item_ids
    count = len(stores.store_ids)
    return pd.DataFrame(
        {
            "item_id": np.repeat(items, count),
            "store_id": np.tile(stores.store_ids, len(items)),
            "on_hand": stores.on_hand.ravel(),
            "baseline_units": stores.baseline.ravel(),
            "safety_units": stores.safety.ravel(),
        }
    )


def store_customers(week: PlannedWeek) -> pd.DataFrame | None:
    """Return the store of each customer, "" for none; None where stock is not known by store."""
    if week.stores is None:
        return None
    named = np.append(week.stores.store_ids, "")
    return pd.DataFrame(
        {"customer_id": week.forecast.customer_ids.astype(str), "store_id": named[week.stores.customer]}
    )


def draw_factors(valued: ValuedPlan) -> pd.DataFrame | None:
    """Return one row per bundle of the menu and draw: how many times its means it is worth and redeemed."""
    draws, options = valued.problem.draws, valued.problem.options
    if draws is None:
        return None
    menu = valued.plan.menu
    count = len(draws.value)
    return pd.DataFrame(
        {
            "bundle_id": np.repeat(options.bundle_ids[options.bundle[menu]], count),
            "draw": np.tile(np.arange(count), len(menu)),
            "value": draws.value[:, menu].T.ravel(),
            "redemption": draws.redemption[:, menu].T.ravel(),
        }
    )


def customer_facts(prepared: Prepared) -> pd.DataFrame | None:
    """Return one row per customer with the attributes that rules name; None where none does."""
    attributes = prepared.inputs.customers
    if not attributes:
        return None
    return pd.DataFrame({"customer_id": prepared.week.forecast.customer_ids.astype(str)} | attributes)


def item_facts(week: PlannedWeek, inputs: RuleInputs) -> pd.DataFrame:
    """Return one row per item: prices, costs and stock of the week, and the attributes that rules name."""
    campaign, stock = week.campaign, week.stock
    return pd.DataFrame(
        {
            "item_id": campaign.item_ids,
            "shelf_price": campaign.shelf_price_cents / 100.0,
            "unit_cost": campaign.unit_cost_cents / 100.0,
            "tax_rate": campaign.tax_rate,
            "funding_share": campaign.funding_share,
            "funding_per_unit": campaign.unit_funding_cents / 100.0,
            "category": campaign.category,
            "promotable": campaign.promotable,
            "on_hand": stock.on_hand,
            "baseline_units": stock.baseline,
            "safety_units": stock.safety,
        }
        | {f"attribute:{name}": values for name, values in inputs.items.items()}
    )


def valuations(valued: ValuedPlan) -> pd.DataFrame:
    """Return the model's forecast of all offers, would-be ones too, as it was valued; the shelf is customer ""."""
    options, ids, values = valued.problem.options, np.append(valued.problem.customer_ids, ""), valued.values
    customer = np.concatenate([valued.customer, valued.experiment.customer])
    option = np.concatenate([valued.option, valued.experiment.option])
    at, held = (customer, option), (options.items[option] >= 0).sum(axis=1)
    return pd.DataFrame(
        {
            "customer_id": ids[customer],
            "bundle_id": options.bundle_ids[options.bundle[option]],
            "redemption_probability": values.redemption[at].astype(np.float64),
            "baseline_probability": values.baseline[at].astype(np.float64),
            "incremental_units": [
                units[:size].tolist() for units, size in zip(values.units[at].astype(np.float64), held, strict=True)
            ],
            "incremental_revenue": values.incremental_revenue[at].astype(np.float64),
            "incremental_margin": values.incremental_margin[at].astype(np.float64),
        }
    )


def limits(prepared: Prepared, settings: SolveConfig) -> CheckLimits:
    """Return the rules as the user asked for them."""
    item_ids = [str(item) for item in prepared.week.campaign.item_ids]
    choice, inputs = prepared.choice, prepared.inputs
    pairs = candidates.substitute_pairs(prepared.week.forecast)
    return CheckLimits(
        budget=settings.budget,
        min_margin=settings.min_margin,
        category_min_margin=dict(settings.category_min_margin),
        min_incremental_margin=settings.min_incremental_margin,
        max_bundles=settings.max_bundles,
        slots=settings.slots,
        category_cap=settings.category_cap,
        item_overlap=item_overlap(settings),
        is_public=settings.redemption is Redemption.PUBLIC,
        min_discount=settings.min_discount,
        max_discount=settings.max_discount,
        price_step=settings.price_step,
        price_ending=settings.price_ending,
        allow_below_cost=settings.below_cost,
        bundle_size=_sizes((*choice.must_bundles, *choice.locked, *choice.known), settings),
        multi_buy=max(settings.multi_buy, _most_units((*choice.locked, *choice.known))),
        include=tuple(_names(items, item_ids) for items in choice.must_bundles),
        include_items=_names(choice.must_items, item_ids),
        exclude_items=(*choice.excluded["excluded by name"], *choice.excluded[NOT_LISTED]),
        exclude_bundles=tuple(_names(items, item_ids) for items in sorted(choice.banned_bundles)),
        substitutes=tuple((item_ids[first], item_ids[second]) for first, second in pairs.tolist()),
        objective_revenue=candidates.revenue_weight(settings),
        fixed_cost_per_bundle=settings.fixed_cost_per_bundle,
        contact_cost=settings.contact_cost,
        min_incremental_revenue=settings.min_incremental_revenue,
        caps=dict(settings.caps),
        floors=dict(settings.floors),
        min_exposure=settings.min_exposure,
        max_exposure=settings.max_exposure,
        lock=_priced(inputs.locked, item_ids),
        base=_priced(inputs.base, item_ids),
        base_size=inputs.base_size,
        max_churn=inputs.changes_allowed(settings),
        fairness=dict(settings.fairness),
        bands=_item_bands(choice.limits, item_ids),
        lowest_price=_lowest_prices(choice.limits, item_ids),
        risk_share=settings.risk,
        risk_weight=settings.risk_weight,
        budget_confidence=None if settings.budget is None else settings.budget_confidence,
        held_out=_held_out(prepared),
    )


def _held_out(prepared: Prepared) -> tuple[str, ...]:
    holdout = prepared.inputs.holdout
    return () if holdout is None else tuple(prepared.week.forecast.customer_ids[holdout.held].astype(str).tolist())


def _priced(bundles: dict[tuple[int, ...], int], item_ids: list[str]) -> tuple[tuple[tuple[str, ...], float], ...]:
    return tuple((_names(items, item_ids), cents / 100) for items, cents in bundles.items())


def _item_bands(limits: PriceLimits | None, item_ids: list[str]) -> dict[str, tuple[float, float]]:
    bands = {} if limits is None else limits.bands
    return {item_ids[item]: (float(low), float(high)) for item, (low, high) in bands.items()}


def _lowest_prices(limits: PriceLimits | None, item_ids: list[str]) -> dict[str, float]:
    lowest = {} if limits is None else limits.lowest_cents
    return {item_ids[item]: cents / 100 for item, cents in lowest.items()}


def _names(items: tuple[int, ...], item_ids: list[str]) -> tuple[str, ...]:
    return tuple(item_ids[item] for item in items)


def _most_units(earlier: tuple[tuple[int, ...], ...]) -> int:
    """Units of one item that a bundle of an earlier plan sells together."""
    return max((len(items) for items in earlier if is_multi_buy(items)), default=1)


def _sizes(must: tuple[tuple[int, ...], ...], settings: SolveConfig) -> tuple[int, int]:
    """The range of sizes; a bundle that was asked for by name widens it."""
    sizes = [len(items) for items in must if not is_multi_buy(items)]
    low, high = settings.bundle_size
    return min(low, *sizes) if sizes else low, max(high, *sizes) if sizes else high


def forecast_digest(valued: ValuedPlan) -> str:
    """Return the SHA-256 of the forecast that the checker takes as its input."""
    from bundleopt_solvers.checker_files import valuations_sha256

    return str(valuations_sha256(valuations(valued)))
