"""What a reader works with: a connection, the folder to fill, the settings, and where rejected rows go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from bundleopt_data.progress import Progress
from bundleopt_data.settings import SourceSettings


@dataclass(frozen=True)
class Workbench:
    """The tools of one reading.

    Attributes:
        connection: DuckDB with bounded memory. folder: takes the canonical `<table>.parquet` files.
        settings: how to read. rejects: file for the rows of a refusal, or None for none.
        progress: told what is being done.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    settings: SourceSettings
    rejects: Path | None
    progress: Progress
