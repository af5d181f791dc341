"""Checks stock by store: what the offers to a store's customers induce, against what the store has left."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd

from bundleopt_solvers.checker_counts import Line, most
from bundleopt_solvers.checker_exact import exact_sums, money
from bundleopt_solvers.checker_files import rows_of
from bundleopt_solvers.checker_findings import Findings


def store_lines(
    offers: pd.DataFrame, stores: pd.DataFrame | None, customer_store: pd.DataFrame | None
) -> dict[str, Line]:
    """The rule `stock:ITEM@STORE` of every item with an offer and every store that limits it."""
    if stores is None or customer_store is None:
        return {}
    own = dict(zip(customer_store["customer_id"].astype(str), customer_store["store_id"].astype(str), strict=True))
    shown = offers[~offers["holdout"]]
    keys, units = [], []
    for row in rows_of(shown):
        for item, unit in zip(row.item_ids, row.incremental_units, strict=True):
            keys.append((str(item), own.get(str(row.customer_id), "")))
            units.append(float(unit))
    used = exact_sums(np.array(units, dtype=np.float64), keys)
    offered = {item for item, _ in keys}
    lines = {}
    for row in rows_of(stores):
        if str(row.item_id) in offered and math.isfinite(row.on_hand):
            left = (
                Fraction(float(row.on_hand)) - Fraction(float(row.baseline_units)) - Fraction(float(row.safety_units))
            )
            key = (str(row.item_id), str(row.store_id))
            lines[f"stock:{key[0]}@{key[1]}"] = most(max(Fraction(0), left), used.get(key, Fraction(0)))
    return lines


def check_stores(lines: dict[str, Line], findings: Findings) -> None:
    """No store sells more than it has."""
    over = [
        f"{name.removeprefix('stock:')}: {money(line.value)} of {money(line.limit)}"
        for name, line in sorted(lines.items())
        if line.value > line.limit
    ]
    findings.each("stock by store", limit="on hand less baseline and safety of the store", examples=over)
