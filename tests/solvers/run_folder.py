"""A small valid run folder, built from a few plain numbers, for tests that break it."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bundleopt_solvers.checker import CheckInputs, CheckLimits, valuations_sha256

TYPES = {
    "bundle_id": pa.string(),
    "item_id": pa.string(),
    "customer_id": pa.string(),
    "reason": pa.string(),
    "item_ids": pa.list_(pa.string()),
    "item_names": pa.list_(pa.string()),
    "customers": pa.int64(),
    "holdout": pa.bool_(),
}


@dataclass
class Run:
    """The files of a run folder and what the checker is told."""

    plan: dict
    bundles: pd.DataFrame
    offers: pd.DataFrame
    inventory: pd.DataFrame
    items: pd.DataFrame
    valuations: pd.DataFrame
    limits: CheckLimits
    types: dict = field(default_factory=dict)

    def write(self, folder: Path) -> CheckInputs:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plan.json").write_text(json.dumps(self.plan))
        for name in ("bundles", "offers", "inventory"):
            frame = getattr(self, name)
            kinds = (
                TYPES | {"incremental_units": pa.list_(pa.float64()) if name == "offers" else pa.float64()} | self.types
            )
            columns = {
                column: pa.array(frame[column].tolist(), type=kinds.get(column, pa.float64()), from_pandas=True)
                for column in frame.columns
            }
            parquet.write_table(pa.table(columns), folder / f"{name}.parquet", write_page_checksum=True)
        return CheckInputs(items=self.items, valuations=self.valuations, limits=self.limits)

    def copy(self) -> Run:
        frames = {
            name: getattr(self, name).copy() for name in ("bundles", "offers", "inventory", "items", "valuations")
        }
        return replace(self, plan=copy.deepcopy(self.plan), types={}, **frames)


def items_frame(rows: list[tuple]) -> pd.DataFrame:
    """Rows of (id, shelf price, cost, tax, funding, category, promotable, on_hand, baseline, safety)."""
    columns = [
        "item_id", "shelf_price", "unit_cost", "tax_rate", "funding_share", "category", "promotable", "on_hand",
        "baseline_units", "safety_units",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def unit_values(items: pd.DataFrame, members: list[str], price: float) -> tuple[float, float, float]:
    """List value, unit spend and unit margin in plain floats."""
    rows = items.set_index("item_id").loc[list(members)]
    total = round(float(rows["shelf_price"].sum()), 2)
    share = rows["shelf_price"] / total
    spend = float(((1 - rows["funding_share"]) * share * (total - price)).sum())
    funded = rows["funding_share"] * share * (total - price)
    margin = float((price * share / (1 + rows["tax_rate"]) - rows["unit_cost"] + funded).sum())
    return total, spend, margin


def build(items: pd.DataFrame, menu: dict, offers: list[tuple], limits: CheckLimits) -> Run:
    """Compute every file from items, menu {bundle_id: (members, price)} and offers.

    An offer is (customer, bundle, redemption, baseline, units, incremental revenue, incremental margin, holdout).
    """
    rows = []
    for customer, bundle, redemption, baseline, units, revenue, margin, holdout in offers:
        members, price = menu[bundle]
        total, spend, unit_margin = unit_values(items, members, price)
        rows.append(
            {
                "customer_id": customer, "bundle_id": bundle, "item_ids": list(members), "list_value": total,
                "price": price, "redemption_probability": redemption, "baseline_probability": baseline,
                "incremental_units": list(units), "redemption_revenue": redemption * price,
                "redemption_margin": redemption * unit_margin, "incremental_revenue": revenue,
                "incremental_margin": margin, "promo_spend": redemption * spend, "propensity": 1.0, "holdout": holdout,
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    shown = table[~table["holdout"].astype(bool)]
    valuations = table[
        ["customer_id", "bundle_id", "redemption_probability", "baseline_probability", "incremental_units",
         "incremental_revenue", "incremental_margin"]
    ].copy()  # fmt: skip
    inventory = inventory_frame(items, shown)
    bundles = bundles_frame(items, menu, shown)
    plan = plan_document(items, shown, menu, limits, inventory)
    plan["inputs"]["forecast"] = valuations_sha256(valuations)
    return Run(plan, bundles, table, inventory, items, valuations, limits)


def inventory_frame(items: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    used: dict[str, list[float]] = {}
    for row in shown.itertuples(index=False):
        for item, unit in zip(row.item_ids, row.incremental_units, strict=True):
            used.setdefault(item, []).append(unit)
    units = [math.fsum(used.get(item, [])) for item in items["item_id"]]
    left = np.maximum(0.0, items["on_hand"] - items["baseline_units"] - items["safety_units"])
    limited = np.isfinite(items["on_hand"])
    return pd.DataFrame(
        {
            "item_id": items["item_id"],
            "on_hand": np.where(limited, items["on_hand"], np.nan),
            "baseline_units": items["baseline_units"],
            "incremental_units": units,
            "slack": np.where(limited, left - units, np.nan),
            "shadow_price": 0.0,
        }
    )


def bundles_frame(items: pd.DataFrame, menu: dict, shown: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for bundle, (members, price) in menu.items():
        own = shown[shown["bundle_id"] == bundle]
        total = unit_values(items, members, price)[0]
        rows.append(
            {
                "bundle_id": bundle, "item_ids": list(members), "item_names": [f"name {i}" for i in members],
                "list_value": total, "price": price, "discount": 1 - price / total, "customers": len(own),
                "redemptions": math.fsum(own["redemption_probability"]),
                "incremental_revenue": math.fsum(own["incremental_revenue"]),
                "incremental_margin": math.fsum(own["incremental_margin"]),
                "promo_spend": math.fsum(own["promo_spend"]), "cannibalised_revenue": 0.0, "reason": "because",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def total(value: float) -> dict:
    return {"value": value, "low": value - 1, "high": value + 1, "level": 0.9}


def plan_document(items, shown, menu, limits, inventory) -> dict:
    gain, margin = math.fsum(shown["incremental_revenue"]), math.fsum(shown["incremental_margin"])
    spend = math.fsum(shown["promo_spend"])
    baseline = math.fsum(items["baseline_units"] * items["shelf_price"])
    bound = gain + 1.0
    claim = {"value": gain, "bound": bound, "gap": (bound - gain) / abs(bound), "family": "these candidates"}
    return {
        "status": "optimal", "objective": {"name": "revenue", "value": gain}, "bound": bound, "gap": claim["gap"],
        "family": "all menus", "certificates": {"menu": dict(claim), "assignment": dict(claim)},
        "totals": {
            "revenue": total(round(baseline + gain, 2)), "incremental_revenue": total(round(gain, 2)),
            "incremental_margin": total(round(margin, 2)), "promo_spend": total(round(spend, 2)),
            "redemptions": total(math.fsum(shown["redemption_probability"])),
            "customers_reached": total(float(shown["customer_id"].nunique())),
        },
        "decomposition": {"new": round(gain + 0.5, 2), "cannibalised": -0.5},
        "rules": rules(items, shown, menu, limits, inventory),
        "assumptions": [], "config": {}, "inputs": {"data": "0" * 64}, "versions": {}, "seeds": {}, "seconds": {},
    }  # fmt: skip


def rules(items, shown, menu, limits, inventory) -> list[dict]:
    """The rules as an engine would report them, in plain floats; slack is limit - value, or the other way round."""
    floors = [(name, limit, value, value - limit) for name, limit, value in margin_floors(items, shown, menu, limits)]
    caps = [("no_arbitrage", 0, 0), *menu_caps(items, shown, menu, limits)]
    if limits.budget is not None:
        caps.append(("budget", limits.budget, math.fsum(shown["promo_spend"])))
    limited = inventory[inventory["slack"].notna()].itertuples(index=False)
    caps += [(f"stock:{row.item_id}", row.slack + row.incremental_units, row.incremental_units) for row in limited]
    asked = len(limits.include) + len(limits.include_items)
    floors += [("include", asked, asked, 0)] if asked else []
    lines = floors + [(name, limit, value, limit - value) for name, limit, value in caps]
    keys = ("name", "limit", "value", "slack")
    return [dict(zip(keys, line, strict=True), binding=False, shadow_price=None) for line in lines]


def margin_floors(items, shown, menu, limits) -> list[tuple]:
    revenue, margin = shown["redemption_revenue"], shown["redemption_margin"]
    lines = []
    if limits.min_margin is not None:
        lines.append(("min_margin", limits.min_margin, math.fsum(margin) / math.fsum(revenue)))
    by_id = items.set_index("item_id")
    for category, share in limits.category_min_margin.items():
        weight = {
            name: by_id.loc[[i for i in members if by_id.loc[i, "category"] == category], "shelf_price"].sum()
            / by_id.loc[list(members), "shelf_price"].sum()
            for name, (members, _) in menu.items()
        }
        weights = shown["bundle_id"].map(weight)
        reached = math.fsum(weights * margin) / math.fsum(weights * revenue)
        lines.append((f"min_margin:{category}", share, reached))
    if limits.min_incremental_margin is not None:
        least = limits.min_incremental_margin
        lines.append(("min_incremental_margin", least, math.fsum(shown["incremental_margin"])))
    return lines


def menu_caps(items, shown, menu, limits) -> list[tuple]:
    by_id = items.set_index("item_id")
    sets = [set(members) for members, _ in menu.values()]
    kinds = [{by_id.loc[item, "category"] for item in members} for members in sets]
    values = {
        "max_bundles": len(menu),
        "slots": int(shown["customer_id"].value_counts().max()),
        "category_cap": max(sum(kind in row for row in kinds) for kind in set(items["category"])),
        "item_overlap": max(sum(item in members for members in sets) for item in items["item_id"]),
    }
    return [(name, getattr(limits, name), value) for name, value in values.items() if getattr(limits, name) is not None]


def example() -> Run:
    """Three bundles, six customers, every rule asked for and kept with little room."""
    items = items_frame(
        [
            ("a", 4.00, 2.00, 0.00, 0.5, "dairy", True, 50.0, 10.0, 1.0),
            ("b", 6.00, 3.10, 0.07, 0.0, "bread", True, 20.0, 8.0, 0.5),
            ("c", 3.00, 1.20, 0.00, 0.5, "fruit", True, np.inf, 30.25, 0.0),
            ("d", 2.50, 1.00, 0.19, 0.25, "fruit", True, 9.0, 5.0, 1.0),
            ("e", 1.99, 0.80, 0.00, 0.0, "sweets", True, np.inf, 3.0, 0.0),
            ("f", 5.00, 2.00, 0.00, 0.0, "wine", False, np.inf, 2.0, 0.0),
        ]
    )
    menu = {"B1": (("a", "b"), 8.99), "B2": (("c", "d"), 4.99), "B3": (("a", "c", "e"), 7.99)}
    offers = [
        ("u1", "B1", 0.40, 0.05, (0.30, 0.28), 2.51, 0.91, False),
        ("u1", "B2", 0.31, 0.02, (0.22, 0.24), 0.87, 0.31, False),
        ("u2", "B2", 0.25, 0.01, (0.21, 0.20), 0.76, 0.22, False),
        ("u3", "B3", 0.125, 0.03, (0.10, 0.09, 0.11), 0.375, 0.1, False),
        ("u4", "B1", 0.55, 0.10, (0.41, 0.39), 3.33, 1.07, False),
        ("u5", "B3", 0.2, 0.02, (0.15, 0.15, 0.16), 0.9, -0.05, False),
        ("u6", "B1", 0.30, 0.02, (0.25, 0.25), 1.9, 0.6, True),
    ]
    limits = CheckLimits(
        budget=1.60,
        min_margin=0.42,
        category_min_margin={"fruit": 0.4},
        min_incremental_margin=2.5,
        max_bundles=3,
        slots=2,
        category_cap=2,
        item_overlap=2,
        min_discount=0.05,
        max_discount=0.2,
        price_step=0.05,
        price_ending=".99",
        bundle_size=(2, 3),
        include=(("a", "b"),),
        include_items=("e",),
        exclude_items=("f",),
        exclude_bundles=(("a", "d"),),
        substitutes=(("b", "e"), ("d", "e")),
    )
    return build(items, menu, offers, limits)
