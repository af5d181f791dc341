"""Checks what the shelf does in public redemption: every bundle's row against the forecast and its own products."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bundleopt_solvers.checker_exact import RELATIVE
from bundleopt_solvers.checker_files import SHELF, RunTables, rows_of
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_menu import MenuBundle

EVERYBODY = ""  # the customer whose forecast is that of the shelf
# Column of the shelf -> column of an offer that it adds to.
_OFFER_COLUMNS = {
    "shelf_redemptions": "redemption_probability",
    "shelf_units": "incremental_units",
    "shelf_redemption_revenue": "redemption_revenue",
    "shelf_redemption_margin": "redemption_margin",
    "shelf_revenue": "incremental_revenue",
    "shelf_margin": "incremental_margin",
    "shelf_spend": "promo_spend",
}
_FORECAST = ("shelf_redemptions", "shelf_revenue", "shelf_margin")
_PRODUCTS = (
    ("shelf_redemption_revenue", "price"),
    ("shelf_redemption_margin", "unit_margin"),
    ("shelf_spend", "unit_spend"),
)


def check_shelf(
    run: RunTables, menu: dict[str, MenuBundle], forecast: pd.DataFrame, limits: CheckLimits, findings: Findings
) -> pd.DataFrame | None:
    """Check the columns of the shelf; returns its rows, named and shaped like offers, None where there is no shelf."""
    has_shelf = all(column in run.bundles.columns for column in SHELF)
    asked = "there" if limits.is_public else "absent"
    findings.require(has_shelf == limits.is_public, "shelf", limit=f"columns of the shelf {asked}", value=has_shelf)
    odd = run.offers.loc[run.offers["customer_id"] == EVERYBODY, "bundle_id"]
    findings.each("shelf", limit="no offer to the customer without a name", examples=odd.astype(str))
    if not (limits.is_public and has_shelf):
        return None
    shelf = run.bundles[run.bundles["bundle_id"].isin(list(menu))].reset_index(drop=True)
    _check_forecast(shelf, forecast[forecast["customer_id"] == EVERYBODY], findings)
    for column, unit in _PRODUCTS:
        units = shelf["bundle_id"].map({name: float(getattr(b.value, unit)) for name, b in menu.items()})
        exact = shelf["shelf_redemptions"].to_numpy() * units.to_numpy(dtype=np.float64)
        wrong = np.abs(shelf[column].to_numpy() - exact) > RELATIVE * np.maximum(np.abs(exact), 1e-3)
        findings.each(f"shelf: {column}", limit=f"redemptions x {unit}", examples=_names(shelf[wrong]))
    broken = [
        str(row.bundle_id)
        for row in rows_of(shelf)
        if row.shelf_redemptions < 0 or len(row.shelf_units) != len(row.item_ids) or min(row.shelf_units, default=0) < 0
    ]
    findings.each("shelf", limit="redemptions and one number for each item, at least 0", examples=broken)
    return None if broken else shelf[["bundle_id", "item_ids", *_OFFER_COLUMNS]].rename(columns=_OFFER_COLUMNS)


def _names(rows: pd.DataFrame) -> list[str]:
    return [str(row.bundle_id) for row in rows_of(rows)]


def _check_forecast(shelf: pd.DataFrame, forecast: pd.DataFrame, findings: Findings) -> None:
    """Every forecast figure of the shelf is the model's, bit for bit."""
    joined = shelf[["bundle_id"]].merge(forecast.drop_duplicates("bundle_id"), on="bundle_id", how="left")
    absent = joined["redemption_probability"].isna().to_numpy()
    findings.each("shelf: forecast", limit="a forecast for every bundle", examples=_names(shelf[absent]))
    for column in _FORECAST:
        wrong = (joined[_OFFER_COLUMNS[column]].to_numpy(dtype=np.float64) != shelf[column].to_numpy()) & ~absent
        findings.each(f"shelf: {column}", limit="as the model forecast", examples=_names(shelf[wrong]))
    pairs = zip(shelf["shelf_units"], joined["incremental_units"], absent, strict=True)
    wrong = np.array([not none and tuple(map(float, theirs)) != ours for ours, theirs, none in pairs], dtype=bool)
    findings.each("shelf: shelf_units", limit="as the model forecast", examples=_names(shelf[wrong]))
