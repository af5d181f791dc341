"""Reads a run folder for the checker: files, columns, types, keys, finite numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckInputs

TEXT, TEXTS, NUMBER, NUMBERS, COUNT, FLAG = "string", "list<string>", "double", "list<double>", "int64", "bool"

# The contract of section 7, kept here a second time on purpose: the writer's copy is not evidence about itself.
SCHEMA: dict[str, dict[str, str]] = {
    "bundles": {
        "bundle_id": TEXT,
        "item_ids": TEXTS,
        "item_names": TEXTS,
        "list_value": NUMBER,
        "price": NUMBER,
        "discount": NUMBER,
        "customers": COUNT,
        "redemptions": NUMBER,
        "incremental_revenue": NUMBER,
        "incremental_margin": NUMBER,
        "promo_spend": NUMBER,
        "cannibalised_revenue": NUMBER,
        "reason": TEXT,
    },
    "offers": {
        "customer_id": TEXT,
        "bundle_id": TEXT,
        "item_ids": TEXTS,
        "list_value": NUMBER,
        "price": NUMBER,
        "redemption_probability": NUMBER,
        "baseline_probability": NUMBER,
        "incremental_units": NUMBERS,
        "redemption_revenue": NUMBER,
        "redemption_margin": NUMBER,
        "incremental_revenue": NUMBER,
        "incremental_margin": NUMBER,
        "promo_spend": NUMBER,
        "propensity": NUMBER,
        "holdout": FLAG,
    },
    "inventory": {
        "item_id": TEXT,
        "on_hand": NUMBER,
        "baseline_units": NUMBER,
        "incremental_units": NUMBER,
        "slack": NUMBER,
        "shadow_price": NUMBER,
    },
}
# Marks that a run may have beside them; nothing is computed from them.
MARKS: dict[str, dict[str, str]] = {"bundles": {"cold_start": FLAG}, "offers": {"cold_start": FLAG}, "inventory": {}}
# What the shelf does in public redemption; there wholly or not at all.
SHELF: dict[str, str] = {
    "shelf_redemptions": NUMBER,
    "shelf_units": NUMBERS,
    "shelf_redemption_revenue": NUMBER,
    "shelf_redemption_margin": NUMBER,
    "shelf_revenue": NUMBER,
    "shelf_margin": NUMBER,
    "shelf_spend": NUMBER,
}
# A run may say how many units of its items an offer sells; without it, one of each.
QUANTITY: dict[str, dict[str, str]] = {"bundles": {"quantity": COUNT}, "offers": {"quantity": COUNT}, "inventory": {}}
KEYS = {"bundles": ["bundle_id"], "offers": ["customer_id", "bundle_id"], "inventory": ["item_id"]}
# Empty where stock is unlimited.
MAY_BE_EMPTY = {("inventory", "on_hand"), ("inventory", "slack")}
PLAN_KEYS = (
    "status",
    "objective",
    "bound",
    "gap",
    "certificates",
    "totals",
    "decomposition",
    "rules",
    "assumptions",
    "config",
    "inputs",
    "versions",
    "seeds",
    "seconds",
)
ITEM_COLUMNS = (
    "item_id",
    "shelf_price",
    "unit_cost",
    "tax_rate",
    "funding_share",
    "category",
    "promotable",
    "on_hand",
    "baseline_units",
    "safety_units",
)
FORECAST_NUMBERS = ("redemption_probability", "baseline_probability", "incremental_revenue", "incremental_margin")
FORECAST_COLUMNS = ("customer_id", "bundle_id", *FORECAST_NUMBERS, "incremental_units")


@dataclass(frozen=True)
class RunTables:
    """A run folder as read; list columns hold tuples."""

    plan: dict[str, Any]
    bundles: pd.DataFrame
    offers: pd.DataFrame
    inventory: pd.DataFrame


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame, columns as attributes."""
    return frame.itertuples(index=False)


def read_run(folder: Path, findings: Findings) -> RunTables | None:
    """Read the four files; None where one cannot be read as the contract says."""
    before = len(findings.violations)
    plan = _read_plan(folder / "plan.json", findings)
    tables = {name: _read_table(folder / f"{name}.parquet", name, findings) for name in SCHEMA}
    if plan is None or len(findings.violations) > before:
        return None
    return RunTables(plan=plan, **{name: table for name, table in tables.items() if table is not None})


def read_forecast(inputs: CheckInputs, findings: Findings) -> tuple[pd.DataFrame, str]:
    """The forecast of the delivered offers and its digest."""
    source = inputs.valuations
    if isinstance(source, Path):
        frame, digest = pd.read_parquet(source), hashlib.sha256(source.read_bytes()).hexdigest()
    else:
        frame, digest = source, valuations_sha256(source)
    missing = [column for column in FORECAST_COLUMNS if column not in frame.columns]
    missing += [column for column in ITEM_COLUMNS if column not in inputs.items.columns]
    if missing:
        findings.add("checker inputs", limit="all columns", value=f"missing {', '.join(missing)}")
    return frame, inputs.forecast_sha256 or digest


def valuations_sha256(valuations: pd.DataFrame) -> str:
    """SHA-256 of the forecast columns, whatever the order of rows: ids as text, numbers as the bits of float64."""
    digest = hashlib.sha256()
    order = valuations.sort_values(["customer_id", "bundle_id"], kind="stable")
    for column in ("customer_id", "bundle_id"):
        for text in order[column]:
            digest.update(str(text).encode() + b"\0")
    for column in FORECAST_NUMBERS:
        digest.update(np.ascontiguousarray(order[column], dtype="<f8").tobytes())
    for units in order["incremental_units"]:
        digest.update(np.ascontiguousarray(units, dtype="<f8").tobytes() + b"\0")
    return digest.hexdigest()


def _read_plan(path: Path, findings: Findings) -> dict[str, Any] | None:
    try:
        plan = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, ValueError) as error:
        findings.add("files", limit="a readable plan.json", value=type(error).__name__, detail=str(error))
        return None
    missing = [key for key in PLAN_KEYS if key not in plan]
    if missing:
        findings.add("files", limit="every key of plan.json", value=f"missing {', '.join(missing)}")
        return None
    return dict(plan)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"plan.json holds {name}, which is no number")


def _read_table(path: Path, name: str, findings: Findings) -> pd.DataFrame | None:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path, page_checksum_verification=True)
    except (OSError, ArrowException) as error:
        findings.add("files", limit=f"a readable {name}.parquet", value=type(error).__name__, detail=str(error))
        return None
    found = {field.name: str(field.type).replace("large_", "").replace("element: ", "item: ") for field in table.schema}
    found = {column: kind.replace("list<item: ", "list<") for column, kind in found.items()}
    told = len(found)
    found = {column: kind for column, kind in found.items() if (MARKS[name] | QUANTITY[name]).get(column) != kind}
    schema = SCHEMA[name] | (SHELF if name == "bundles" and any(column in found for column in SHELF) else {})
    if found != schema or table.num_columns != told:
        wrong = sorted(set(found.items()) ^ set(schema.items()))
        findings.add("files", limit=f"the columns of {name}.parquet", value=f"differs in {wrong}")
        return None
    columns = {column: _cells(table.column(column), kind) for column, kind in schema.items()}
    for column, kind in QUANTITY[name].items():
        told_units = column in table.column_names
        columns[column] = _cells(table.column(column), kind) if told_units else pd.Series(1, range(table.num_rows))
    bad = [
        f"{column} row {row}"
        for column, cells in columns.items()
        if (name, column) not in MAY_BE_EMPTY
        for row in _broken(cells)
    ]
    findings.each(f"files: values of {name}.parquet", limit="present and finite", examples=bad)
    return None if bad else _keyed(columns, name, findings)


def _cells(column: Any, kind: str) -> pd.Series[Any]:
    """A column as a series; what is null becomes NaN in numbers and None in everything else."""
    if kind == NUMBER:
        return pd.Series(column.to_numpy(), dtype="float64")
    cells = column.to_pylist()
    if kind.startswith("list"):
        cells = [None if row is None else tuple(row) for row in cells]
    if column.null_count or kind not in (COUNT, FLAG):
        return pd.Series(cells, dtype="object")
    return pd.Series(cells, dtype="int64" if kind == COUNT else "bool")


def _broken(cells: pd.Series[Any]) -> list[int]:
    """Rows that are empty or not finite."""
    if cells.dtype != "object":
        return [int(row) for row in np.flatnonzero(~np.isfinite(cells.to_numpy(dtype=np.float64)))]
    return [row for row, value in enumerate(cells) if not _is_whole(value)]


def _keyed(columns: dict[str, pd.Series[Any]], name: str, findings: Findings) -> pd.DataFrame | None:
    """The frame, once its key is a key."""
    frame = pd.DataFrame(columns)
    repeated = frame[frame.duplicated(KEYS[name])]
    findings.each(
        f"files: key of {name}.parquet",
        limit=f"one row per {' and '.join(KEYS[name])}",
        examples=[" ".join(str(row[key]) for key in KEYS[name]) for _, row in repeated.iterrows()],
    )
    return None if len(repeated) else frame


def _is_whole(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_whole(inner) for inner in value)
    return value is not None and not (isinstance(value, float) and not np.isfinite(value))
