"""Declared Arrow types of the run folder's tables: an empty plan has the same columns and types as a full one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_TEXT, _TEXTS, _NUMBER, _NUMBERS, _COUNT, _FLAG = "text", "texts", "number", "numbers", "count", "flag"

_KINDS: dict[str, str] = {
    "bundle_id": _TEXT,
    "item_id": _TEXT,
    "store_id": _TEXT,
    "customer_id": _TEXT,
    "reason": _TEXT,
    "item_ids": _TEXTS,
    "item_names": _TEXTS,
    "incremental_units": _NUMBERS,
    "shelf_units": _NUMBERS,
    "customers": _COUNT,
    "quantity": _COUNT,
    "holdout": _FLAG,
    "cold_start": _FLAG,
    "segment": _COUNT,
    "stratum": _COUNT,
    "segment_name": _TEXT,
    "interests": _TEXTS,
    "offers": _COUNT,
}


def as_arrow(name: str, table: pd.DataFrame) -> Any:
    """Return the table as `pyarrow.Table` with declared types; columns that are not listed are float64.

    Args:
        name: `bundles`, `offers` or `inventory`; `incremental_units` is a number in the last, a list in `offers`.
        table: the data frame. NaN becomes null.
    """
    import pyarrow as pa

    types = {
        _TEXT: pa.string(),
        _TEXTS: pa.list_(pa.string()),
        _NUMBER: pa.float64(),
        _NUMBERS: pa.list_(pa.float64()),
        _COUNT: pa.int64(),
        _FLAG: pa.bool_(),
    }
    kinds = _KINDS | ({"incremental_units": _NUMBER} if name.endswith("inventory") else {})
    columns = {
        str(column): pa.array(table[column].tolist(), type=types[kinds.get(str(column), _NUMBER)], from_pandas=True)
        for column in table.columns
    }
    return pa.table(columns)
