"""What the checker is told: the items, the model's forecast for the delivered offers, and the rules the user asked for.

The checker shares no code and no type with the engine, the candidate search or the writer of the run folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

PricedBundle = tuple[tuple[str, ...], float]  # item ids and price


@dataclass(frozen=True)
class CheckLimits:
    """The rules as the user asked for them; None means the rule is off. Money in currency units, shares in [0, 1].

    A float is read as the decimal it prints, so 0.3 is 3/10.

    Attributes:
        budget: promo spend. min_margin: least margin of bundle sales as a share of their revenue.
        category_min_margin: category -> share, bundle sales pro rata to shelf price.
        min_incremental_margin, min_incremental_revenue: money.
        max_bundles, slots, category_cap, item_overlap: counts.
        min_discount, max_discount: band after rounding. price_step: checks that every price belongs to the ladder.
        price_ending: ".99", "0.95", "9", or several separated by commas.
        allow_below_cost: off means that no unit margin at the bundle price, funding included, is negative.
        bundle_size: least and most items of a bundle. multi_buy: most units of one item that are sold together; such
            bundles are named below by their item as many times.
        include: item id sets that must be on the menu with an offer.
        include_items: items that must be in a bundle with an offer.
        exclude_items: items in no bundle. exclude_bundles: item id sets that may not be on the menu.
        substitutes: item id pairs that one customer may not get in two different offers.
        no_arbitrage: whether covers and nested bundles are checked.
        objective_revenue: weight of incremental revenue in the objective, the rest is margin.
        fixed_cost_per_bundle: money per bundle on the menu. contact_cost: money per offer.
        caps, floors: most and least bundles on the menu with an item of an attribute: "brand" for each of its values,
            "brand:Acme" for one. min_exposure, max_exposure: offers of a bundle on the menu.
        lock: bundles that are on the menu at this price. base: bundles of an earlier plan, whose prices may be off
            ladder and band; base_size: how many it had; max_churn: how many may come, go or change price.
        risk_share: of the draws that count as worst; risk_weight: of their mean in the objective.
        budget_confidence: chance, over draws and redemption counts, that promo spend stays within the budget.
        bands: item -> least and largest discount of bundles with it. lowest_price: item -> lowest price before the
            week, which bundles must stay below in sum; empty where that rule is off.
        fairness: customer attribute -> how far, as a share, a group's offers per customer may be from those of all.
        held_out: customers of the drawn control group: all their offers are would-be ones, and nobody else's
            are; None where the checker is not told who was drawn.
        is_public: whether everybody can redeem; what the shelf redeems then counts in every sum, and the forecast has
            rows of the customer "" for it, expected redemptions in place of a probability.
    """

    budget: float | None = None
    min_margin: float | None = None
    category_min_margin: dict[str, float] = field(default_factory=dict)
    min_incremental_margin: float | None = None
    max_bundles: int | None = None
    slots: int | None = None
    category_cap: int | None = None
    item_overlap: int | None = None
    min_discount: float = 0.0
    max_discount: float = 1.0
    price_step: float | None = None
    price_ending: str | None = None
    allow_below_cost: bool = False
    bundle_size: tuple[int, int] = (2, 4)
    multi_buy: int = 1
    include: tuple[tuple[str, ...], ...] = ()
    include_items: tuple[str, ...] = ()
    exclude_items: tuple[str, ...] = ()
    exclude_bundles: tuple[tuple[str, ...], ...] = ()
    substitutes: tuple[tuple[str, str], ...] = ()
    no_arbitrage: bool = True
    objective_revenue: float = 1.0
    fixed_cost_per_bundle: float = 0.0
    contact_cost: float = 0.0
    min_incremental_revenue: float | None = None
    caps: dict[str, int] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    min_exposure: int | None = None
    max_exposure: int | None = None
    lock: tuple[PricedBundle, ...] = ()
    base: tuple[PricedBundle, ...] = ()
    base_size: int = 0
    max_churn: int | None = None
    fairness: dict[str, float] = field(default_factory=dict)
    bands: dict[str, tuple[float, float]] = field(default_factory=dict)
    lowest_price: dict[str, float] = field(default_factory=dict)
    risk_share: float | None = None
    risk_weight: float = 1.0
    budget_confidence: float | None = None
    held_out: tuple[str, ...] | None = None
    is_public: bool = False


@dataclass(frozen=True)
class CheckInputs:
    """Everything beside the run folder.

    Attributes:
        items: one row per item of the panel: item_id, shelf_price, unit_cost, tax_rate, funding_share, category,
            promotable, on_hand (inf or NaN where unlimited), baseline_units, safety_units; attributes that a rule
            names as `attribute:<name>`, "" where there is none.
        valuations: the model's forecast of the delivered offers, a frame or a Parquet file: customer_id, bundle_id,
            redemption_probability, baseline_probability, incremental_units (list), incremental_revenue,
            incremental_margin.
        limits: see CheckLimits.
        forecast_sha256: what `inputs.forecast` of the plan must say; None takes the digest of `valuations`: of the
            file where it is one, else `valuations_sha256`.
        ineligible: forbidden pairs: customer_id and item_id, "" for all customers or all items.
        customers: one row per customer, shown an offer or not: customer_id and the attributes that `fairness` names,
            "" where there is none.
        stores: a row per item and store: item_id, store_id, on_hand (inf where unlimited), baseline_units,
            safety_units. customer_store: customer_id and store_id, "" for a customer of no store that lists stock.
        draws: a row per bundle of the menu and draw: bundle_id, draw, value, redemption, factors on the means.
    """

    items: pd.DataFrame
    valuations: pd.DataFrame | Path
    limits: CheckLimits
    forecast_sha256: str | None = None
    customers: pd.DataFrame | None = None
    ineligible: pd.DataFrame | None = None
    draws: pd.DataFrame | None = None
    stores: pd.DataFrame | None = None
    customer_store: pd.DataFrame | None = None
