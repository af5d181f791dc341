"""What a prepared source says about itself: tables, hashes, what was mended, what is assumed. Stored as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from bundleopt_data.digests import sha256_of_file

FILE_NAME = "manifest.json"

PRICES_FROM_PURCHASES = (
    "Shelf prices are derived from purchases, by a rule that keeps each customer's own purchases out of the prices "
    "it is predicted from."
)


@dataclass(frozen=True)
class Mending:
    """Rows that were changed or dropped by a named rule.

    Attributes:
        table: where; rule: its name, in words; count: rows; effect: "dropped", "merged", "changed" or "kept".
    """

    table: str
    rule: str
    count: int
    effect: str = "dropped"

    def __str__(self) -> str:
        """One sentence for the report."""
        return f"{self.table}: {self.count:,} row{'' if self.count == 1 else 's'} {self.effect} ({self.rule})"


@dataclass(frozen=True)
class TableFile:
    """One canonical table in the prepared folder."""

    rows: int
    columns: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Preparation:
    """What a reader reports besides the files it wrote.

    Attributes:
        kind: "complete-journey", "ta-feng" or "folder".
        mended, assumptions, warnings: sentences or records for `check`; warnings are REVIEW findings.
        notice: what the application must print when the source is used, "" for none.
        timezone: zone of the canonical timestamps.
        max_items: how many items the panel models unless told otherwise.
        list_price_from_purchases: True where the catalogue's list prices were derived from the lines themselves.
    """

    kind: str
    mended: tuple[Mending, ...] = ()
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notice: str = ""
    timezone: str = "UTC"
    max_items: int = 5000
    list_price_from_purchases: bool = False


@dataclass(frozen=True)
class Manifest:
    """The manifest of a prepared folder; `inputs` maps a label of each input file to its SHA-256."""

    preparation: Preparation
    inputs: dict[str, str]
    tables: dict[str, TableFile]
    first_time: datetime
    last_time: datetime

    @property
    def last_day(self) -> date:
        """Local day of the last transaction."""
        return self.last_time.date()

    def to_json(self) -> str:
        """Write as JSON text; see `from_json`."""
        return json.dumps(asdict(self), default=lambda value: value.isoformat(), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: not a manifest.
        """
        raw = json.loads(text)
        inner = raw["preparation"]
        inner["mended"] = tuple(Mending(**entry) for entry in inner["mended"])
        inner["assumptions"], inner["warnings"] = tuple(inner["assumptions"]), tuple(inner["warnings"])
        tables = {
            name: TableFile(entry["rows"], tuple(entry["columns"]), entry["sha256"])
            for name, entry in raw["tables"].items()
        }
        first, last = datetime.fromisoformat(raw["first_time"]), datetime.fromisoformat(raw["last_time"])
        return cls(Preparation(**inner), raw["inputs"], tables, first, last)

    def is_intact(self, folder: Path) -> bool:
        """Tell whether every table file in `folder` still has the content that was recorded."""
        paths = {name: folder / f"{name}.parquet" for name in self.tables}
        return all(path.is_file() and sha256_of_file(path) == self.tables[name].sha256 for name, path in paths.items())
