"""A table as it was found: every value as text with the file and row it came from, before any type is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FILE, ROW = "#file", "#row"


@dataclass(frozen=True)
class SourceFile:
    """One input file of a table; `label` is how messages call it, relative to the data folder."""

    table: str
    label: str
    path: Path

    @property
    def format(self) -> str:
        """The format: "csv" or "parquet"."""
        return self.path.suffix.lower().lstrip(".")


@dataclass(frozen=True)
class RawTable:
    """Text columns of a table in one or more staged Parquet files.

    Attributes:
        name: of the table. files: staged files, all with the same columns besides `#file` and `#row`.
        columns: column names after mapping, in the order of the file.
    """

    name: str
    files: tuple[Path, ...]
    columns: tuple[str, ...]


def map_columns(table: str, names: Sequence[str], column_map: Mapping[str, str]) -> list[str]:
    """Apply the configured renaming ("table.name in the file" or just the name) to the columns of a file."""
    return [column_map.get(f"{table}.{name}", column_map.get(name, name)) for name in names]


def repeated_names(names: Sequence[str]) -> list[str]:
    """Return names that occur more than once, letter case aside: later tools could not tell them apart."""
    seen: set[str] = set()
    repeated = []
    for name in names:
        if name.casefold() in seen:
            repeated.append(name)
        seen.add(name.casefold())
    return repeated
