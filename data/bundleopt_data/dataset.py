"""A prepared source: canonical tables on disk, and the arrays that the other rooms ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from bundleopt_data import duck
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.manifest import Manifest, Mending
from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress, silent
from bundleopt_data.settings import CampaignSettings
from bundleopt_data.weeks import monday_after

if TYPE_CHECKING:
    from bundleopt_data.check import CheckReport


@dataclass(frozen=True)
class Dataset:
    """A source after `prepare`: every table in canonical types, as Parquet files in one folder.

    Attributes:
        folder: where the tables lie, one `<table>.parquet` each.
        manifest: what was read, hashed, mended and assumed.
    """

    folder: Path
    manifest: Manifest

    @property
    def kind(self) -> str:
        """The kind of source: "complete-journey", "ta-feng" or "folder"."""
        return self.manifest.preparation.kind

    @property
    def notice(self) -> str:
        """What must be printed when the source is used; "" for none."""
        return self.manifest.preparation.notice

    @property
    def mended(self) -> tuple[Mending, ...]:
        """Rows dropped, merged or changed, by named rules."""
        return self.manifest.preparation.mended

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Sentences about the reading of the data that every output resting on them repeats."""
        return self.manifest.preparation.assumptions

    @property
    def input_hashes(self) -> dict[str, str]:
        """SHA-256 of every input file, by label."""
        return dict(self.manifest.inputs)

    @property
    def last_day(self) -> date:
        """Local day of the last transaction."""
        return self.manifest.last_day

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are there."""
        return tuple(self.manifest.tables)

    @property
    def rejects(self) -> Path | None:
        """CSV of the rows that were dropped while reading, None where none were."""
        path = self.folder / "rejects.csv"
        return path if path.is_file() else None

    def default_week(self) -> date:
        """Return the Monday after the last transaction."""
        return monday_after(self.last_day)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB connection in which every table is a view of the same name. The caller closes it."""
        connection = duck.connect(spill=self.folder / "spill")
        for name in self.tables:
            path = self.folder / f"{name}.parquet"
            connection.execute(f"CREATE VIEW {duck.identifier(name)} AS FROM {duck.parquet(path)}")
        return connection

    def has_column(self, table: str, column: str) -> bool:
        """Tell whether a table is there and has the column."""
        entry = self.manifest.tables.get(table)
        return entry is not None and column in entry.columns

    def panel(self, *, fit_until: date, max_items: int | None = None, progress: Progress = silent) -> Panel:
        """Return the customer x item x week arrays, from the cache where they were built before.

        Args:
            fit_until: the modelled items are the top items by lines strictly before this day; it also bounds the
                choice of each customer's favourite store. The arrays themselves run to the last transaction.
            max_items: how many items to model; None takes the source's default.
            progress: told what is being done.
        """
        from bundleopt_data import panel_cache

        return panel_cache.load_or_build(
            self, fit_until=fit_until, max_items=max_items or self.manifest.preparation.max_items, progress=progress
        )

    def panel_of(self, item_ids: Sequence[str], *, fit_until: date, progress: Progress = silent) -> Panel:
        """Return the arrays of given items, ascending and distinct; customers and weeks are those of `panel`.

        Args:
            item_ids: ids of the transactions or the catalogue.
            fit_until: as in `panel`.
            progress: told what is being done.
        """
        from bundleopt_data import panel_builder

        return panel_builder.build(self, fit_until=fit_until, max_items=0, items=item_ids, progress=progress)

    def check(self, *, today: date | None = None) -> CheckReport:
        """Return profile, findings, mended rows and assumptions; see `check`."""
        from bundleopt_data import check

        return check.check(self, today=today)

    def campaign_week(self, monday: date, panel: Panel, settings: CampaignSettings) -> CampaignWeek:
        """Return what is known of a campaign week before it begins; see `campaign_builder`."""
        from bundleopt_data import campaign_builder

        return campaign_builder.build(self, monday, panel, settings)
