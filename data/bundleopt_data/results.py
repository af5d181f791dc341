"""What happened in a campaign week: a folder of the contract's tables that needs no catalogue, or one offers log."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bundleopt_data import duck
from bundleopt_data.errors import UsageError
from bundleopt_data.progress import Progress, silent
from bundleopt_data.readers import folder as folder_reader
from bundleopt_data.readers.workbench import Workbench
from bundleopt_data.settings import SourceSettings

OFFERS_LOG = "offers_log"


@dataclass(frozen=True)
class WeekResults:
    """Tables of one week in canonical types, one `<table>.parquet` each.

    Attributes:
        folder: where they lie. tables: their names.
    """

    folder: Path
    tables: tuple[str, ...]

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB connection in which every table is a view of the same name. The caller closes it."""
        connection = duck.connect(spill=self.folder / "spill")
        for name in self.tables:
            path = self.folder / f"{name}.parquet"
            connection.execute(f"CREATE VIEW {duck.identifier(name)} AS FROM {duck.parquet(path)}")
        return connection


def read_results(
    source: Path,
    folder: Path,
    *,
    settings: SourceSettings,
    rejects: Path | None = None,
    progress: Progress = silent,
) -> WeekResults:
    """Read the results of a week.

    Args:
        source: a folder that holds `offers_log` and what else there is of the week (`transactions`, `events`,
            `inventory`), or the offers log alone, a CSV or Parquet file of any name.
        folder: takes the canonical tables; it is emptied first.
        settings: how the files are read.
        rejects: file for the rows of a refusal.
        progress: told what is being done.

    Raises:
        UsageError: there is no such folder or file. DataRefusedError: a table breaks the contract.
    """
    if not source.exists():
        raise UsageError(f"there are no results at {source}; give a folder with offers_log.csv, or that file")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    given = source if source.is_dir() else _as_folder(source, folder / "given")
    with duck.connect(spill=folder / "spill") as connection:
        bench = Workbench(connection, folder, settings, rejects, progress)
        folder_reader.write_tables(given, bench, required=(OFFERS_LOG,))
    return WeekResults(folder, tuple(sorted(path.stem for path in folder.glob("*.parquet"))))


def _as_folder(file: Path, folder: Path) -> Path:
    """A folder in which the file is the offers log."""
    if file.suffix.lower().lstrip(".") not in folder_reader.FORMATS:
        raise UsageError(f"{file}: an offers log is a .csv or .parquet file")
    folder.mkdir()
    shutil.copyfile(file, folder / f"{OFFERS_LOG}{file.suffix.lower()}")
    return folder
