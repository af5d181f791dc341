"""Stages a Parquet file as text columns, so that one set of checks serves every format."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bundleopt_data import duck
from bundleopt_data.errors import DataProblem
from bundleopt_data.readers.raw_table import FILE, ROW, SourceFile, map_columns, repeated_names
from bundleopt_data.rejects import RejectLog
from bundleopt_data.schema import TABLES, ColumnType
from bundleopt_data.settings import SourceSettings

_COPY = """
COPY (
    SELECT {label} AS {file}, file_row_number + 1 AS {row}, {columns} FROM read_parquet({path}, file_row_number = true)
) TO {target} (FORMAT parquet, COMPRESSION lz4_raw)
"""


def stage_parquet(source: SourceFile, target: Path, settings: SourceSettings, log: RejectLog) -> tuple[str, ...] | None:
    """Write `source` to `target` with every column as text; returns the mapped column names, None where refused."""
    try:
        schema = pq.ParquetFile(source.path).schema_arrow
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        size = source.path.stat().st_size
        check = "the file is empty, 0 bytes" if size == 0 else "the file is not whole Parquet: truncated or damaged"
        shown = f"{source.label}: {size:,} bytes, {str(error).splitlines()[0][:100]}"
        log.refuse(DataProblem(source.table, "", check, 0, (shown,), "export the file again"))
        return None
    names = map_columns(source.table, schema.names, settings.column_map)
    repeated = repeated_names([*names, FILE, ROW])
    if repeated:
        shown = f"{source.label}: {', '.join(repeated)}"
        log.refuse(
            DataProblem(source.table, "", "column names must be distinct", len(repeated), (shown,), "rename them")
        )
        return None
    if _has_unsafe_ids(source, schema, names, log):
        return None
    try:
        _copy(source, target, schema, names, log)
    except duckdb.Error as error:
        shown = f"{source.label}: {str(error).splitlines()[0][:160]}"
        check = "the file is not whole Parquet: truncated or damaged"
        log.refuse(DataProblem(source.table, "", check, 0, (shown,), "export the file again"))
        return None
    return tuple(names)


def _has_unsafe_ids(source: SourceFile, schema: pa.Schema, names: list[str], log: RejectLog) -> bool:
    """Refuse ids that are stored as floating-point numbers: they have lost digits and zeros already."""
    table = TABLES[source.table]
    unsafe = []
    for name, field in zip(names, schema, strict=True):
        column = table.column(name)
        if column is not None and column.type is ColumnType.ID and pa.types.is_floating(field.type):
            unsafe.append(name)
    for name in unsafe:
        check = "ids must be texts or whole numbers, and are stored as floating-point numbers"
        fix = "export the column as text (a missing value makes pandas turn whole numbers into floats)"
        log.refuse(DataProblem(source.table, name, check, 0, (source.label,), fix))
    return bool(unsafe)


def _copy(source: SourceFile, target: Path, schema: pa.Schema, names: list[str], log: RejectLog) -> None:
    columns = ", ".join(
        f"{_as_text(field)} AS {duck.identifier(name)}" for name, field in zip(names, schema, strict=True)
    )
    log.connection.execute(
        _COPY.format(
            label=duck.quoted(source.label),
            file=duck.identifier(FILE),
            row=duck.identifier(ROW),
            columns=columns,
            path=duck.quoted(str(source.path)),
            target=duck.quoted(str(target)),
        )
    )


def _as_text(field: pa.Field) -> str:
    """SQL of a column as text: lists joined by "|", aware times with their offset (the connection is in UTC)."""
    name = duck.identifier(field.name)
    if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
        return f"array_to_string({name}::VARCHAR[], '|')"
    return f"{name}::VARCHAR"
