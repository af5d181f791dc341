"""DuckDB connections: bounded memory, few threads, spill to a folder of our own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import duckdb

# Under the 3 GiB the data room promises: arrays of the panel live beside DuckDB in the same process.
MEMORY_LIMIT = "1536MB"
THREADS = min(4, os.cpu_count() or 1)


def connect(*, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database that cannot outgrow its memory; `spill` is where larger-than-memory work goes."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": THREADS,
        "memory_limit": MEMORY_LIMIT,
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if spill is not None:
        config["temp_directory"] = str(spill)
    connection = duckdb.connect(":memory:", config=config)
    # In a notebook without ipywidgets DuckDB refuses even to switch off the bar that it cannot draw there.
    with contextlib.suppress(duckdb.InvalidInputException):
        connection.execute("SET enable_progress_bar = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def parquet(path: Path) -> str:
    """Write the SQL table function that reads a Parquet file."""
    return f"read_parquet({quoted(str(path))})"


def quoted(text: str) -> str:
    """Write a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Write a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
