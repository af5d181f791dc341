"""Checks the offers: every row against the menu and the forecast, every customer against the rules for one customer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bundleopt_solvers.checker_exact import RELATIVE
from bundleopt_solvers.checker_files import FORECAST_NUMBERS, rows_of
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_menu import MenuBundle


def check_offers(
    offers: pd.DataFrame,
    menu: dict[str, MenuBundle],
    forecast: pd.DataFrame,
    limits: CheckLimits,
    findings: Findings,
) -> pd.DataFrame:
    """Check all offers; returns those of bundles that are on the menu."""
    stray = offers[~offers["bundle_id"].isin(list(menu))]
    findings.each("offers on the menu", limit="bundles of bundles.parquet", examples=_names(stray))
    known = offers[offers["bundle_id"].isin(list(menu))].reset_index(drop=True)
    _check_copies(known, menu, findings)
    _check_ranges(known, findings)
    _check_forecast(known, forecast, findings)
    _check_products(known, menu, findings)
    _check_customers(known, limits, findings)
    return known


def _names(rows: pd.DataFrame) -> list[str]:
    return [f"{row.customer_id} {row.bundle_id}" for row in rows_of(rows)]


def _check_copies(offers: pd.DataFrame, menu: dict[str, MenuBundle], findings: Findings) -> None:
    """Items, price and list value of an offer are those of its bundle; the price is one for everybody."""
    bundles = offers["bundle_id"]
    wrong = np.array([items != menu[name].items for items, name in zip(offers["item_ids"], bundles, strict=True)], bool)
    findings.each("offer items", limit="as in bundles.parquet", examples=_names(offers[wrong]))
    wrong = offers["quantity"].to_numpy() != np.array([menu[name].quantity for name in bundles], dtype=np.int64)
    findings.each("quantity", limit="as in bundles.parquet", examples=_names(offers[wrong]))
    for column, rule, values in (
        ("price", "one price per bundle", {name: bundle.price_cents / 100 for name, bundle in menu.items()}),
        ("list_value", "list value", {name: float(bundle.value.list_value) for name, bundle in menu.items()}),
    ):
        wrong = offers[column].to_numpy() != bundles.map(values).to_numpy(dtype=np.float64)
        findings.each(rule, limit="as in bundles.parquet", examples=_names(offers[wrong]))


def _check_ranges(offers: pd.DataFrame, findings: Findings) -> None:
    for column in ("redemption_probability", "baseline_probability"):
        wrong = offers[(offers[column] < 0) | (offers[column] > 1)]
        findings.each(column, limit="in [0, 1]", examples=_names(wrong))
    wrong = offers[(offers["propensity"] <= 0) | (offers["propensity"] > 1)]
    findings.each("propensity", limit="in (0, 1]", examples=_names(wrong))
    units = [
        f"{row.customer_id} {row.bundle_id}: {row.incremental_units!r}"
        for row in rows_of(offers)
        if len(row.incremental_units) != len(row.item_ids) or min(row.incremental_units, default=0) < 0
    ]
    findings.each("incremental units", limit="one number of at least 0 for each item", examples=units)


def _check_forecast(offers: pd.DataFrame, forecast: pd.DataFrame, findings: Findings) -> None:
    """Every forecast figure of an offer is the model's, bit for bit."""
    keys = ["customer_id", "bundle_id"]
    repeated = forecast[forecast.duplicated(keys)]
    findings.each("forecast", limit="one row per customer and bundle", examples=_names(repeated))
    joined = offers[keys].merge(forecast.drop_duplicates(keys), on=keys, how="left", indicator=True)
    absent = (joined["_merge"] != "both").to_numpy()
    findings.each("forecast", limit="a forecast for every offer", examples=_names(offers[absent]))
    for column in FORECAST_NUMBERS:
        wrong = (joined[column].to_numpy(dtype=np.float64) != offers[column].to_numpy()) & ~absent
        findings.each(f"forecast: {column}", limit="as the model forecast", examples=_names(offers[wrong]))
    pairs = zip(offers["incremental_units"], joined["incremental_units"], absent, strict=True)
    wrong = np.array([not none and tuple(map(float, theirs)) != ours for ours, theirs, none in pairs], dtype=bool)
    findings.each("forecast: incremental_units", limit="as the model forecast", examples=_names(offers[wrong]))


def _check_products(offers: pd.DataFrame, menu: dict[str, MenuBundle], findings: Findings) -> None:
    """Revenue, margin and spend are the redemption probability times the unit values of the bundle."""
    probability = offers["redemption_probability"].to_numpy()
    for column, unit in (
        ("redemption_revenue", "price"),
        ("redemption_margin", "unit_margin"),
        ("promo_spend", "unit_spend"),
    ):
        units = offers["bundle_id"].map({name: float(getattr(b.value, unit)) for name, b in menu.items()})
        exact = probability * units.to_numpy(dtype=np.float64)
        wrong = np.abs(offers[column].to_numpy() - exact) > RELATIVE * np.maximum(np.abs(exact), 1e-3)
        findings.each(column, limit=f"redemption probability x {unit}", examples=_names(offers[wrong]))


def _check_customers(offers: pd.DataFrame, limits: CheckLimits, findings: Findings) -> None:
    """Slots, disjoint items, known substitutes, holdout: would-be offers of the control group included."""
    customers = offers.groupby("customer_id", sort=True)["holdout"].agg(["size", "nunique"])
    if limits.slots is not None:
        crowded = customers[customers["size"] > limits.slots]
        findings.each("slots", limit=f"{limits.slots} offers a customer", examples=crowded.index.astype(str))
    mixed = customers[customers["nunique"] > 1]
    findings.each("holdout", limit="a customer is in the control group or not", examples=mixed.index.astype(str))
    if limits.held_out is not None:
        drawn = offers["customer_id"].isin(list(limits.held_out))
        wrong = offers[drawn != offers["holdout"].astype(bool)]
        findings.each("holdout", limit="the drawn control group and nobody else", examples=_names(wrong))
    held = offers[["customer_id", "bundle_id", "item_ids"]].explode("item_ids")
    shared = held[held.duplicated(["customer_id", "item_ids"])]
    findings.each(
        "item-disjoint offers",
        limit="each item at most once a customer",
        examples=[f"{row.customer_id}: {row.item_ids}" for row in rows_of(shared)],
    )
    findings.each("substitutes", limit="not in two offers of one customer", examples=_met(held, limits))


def _met(held: pd.DataFrame, limits: CheckLimits) -> list[str]:
    """Customers who got two substitutes in different offers; `held` has a row per offer and item."""
    pairs = pd.DataFrame(list(limits.substitutes), columns=["item_ids", "other"], dtype="object")
    touched = held.merge(pairs, on="item_ids")
    both = touched.merge(held, left_on=["customer_id", "other"], right_on=["customer_id", "item_ids"])
    both = both[both["bundle_id_x"] != both["bundle_id_y"]]
    return [f"{row.customer_id}: {row.item_ids_x} and {row.other}" for row in rows_of(both)]
