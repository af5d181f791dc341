"""Writes a run folder: all files into a temporary sibling, which becomes the run folder only when a check passes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.rundir import csv_files, excel_file
from bundleopt.rundir.dictionary import DICTIONARY
from bundleopt_data import atomic, digests

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
PLAN = "plan.json"


@dataclass(frozen=True)
class RunContent:
    """Everything that stands in a run folder.

    Attributes:
        document: `plan.json`. bundles, offers, inventory: the tables. report: the HTML page.
        summary: rows (name, value) of the first sheet of the workbook.
        customers: a further table, None where nothing is known of groups.
        experiment: the arms of a control group, None where there is none.
        store_inventory: stock by store, None where the data has none.
    """

    document: dict[str, Any]
    bundles: pd.DataFrame
    offers: pd.DataFrame
    inventory: pd.DataFrame
    report: str
    summary: list[tuple[str, Any]]
    customers: pd.DataFrame | None = None
    experiment: pd.DataFrame | None = None
    store_inventory: pd.DataFrame | None = None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by file name."""
        always = {"bundles": self.bundles, "offers": self.offers, "inventory": self.inventory}
        further = {
            "customers": self.customers,
            "experiment": self.experiment,
            "store_inventory": self.store_inventory,
        }
        return always | {name: table for name, table in further.items() if table is not None}


def publish(content: RunContent, folder: Path, *, verify: Callable[[Path], None]) -> None:
    """Write all files and rename them into place as one folder.

    Args:
        content: what to write.
        folder: the run folder; an older one there is replaced.
        verify: reads the written files back and raises where they break a rule; then nothing is published.

    Raises:
        VerificationError: from `verify`. StorageError: the disk is full, or the folder cannot be written.
    """
    with atomic.writing(folder) as temporary:
        temporary.mkdir()
        write_files(content, temporary)
        verify(temporary)
        write_manifest(temporary)


def write_files(content: RunContent, folder: Path) -> None:
    """Write every file of a run into an existing folder, the manifest left out."""
    write_tables(content, folder)
    for name, table in content.tables.items():
        (folder / f"{name}.csv").write_text(csv_files.csv_text(table), encoding="utf-8")
    (folder / "dictionary.csv").write_text(dictionary_csv(), encoding="utf-8")
    (folder / "plan.xlsx").write_bytes(excel_file.workbook_bytes(content.tables, content.summary))
    (folder / "report.html").write_text(content.report, encoding="utf-8")


def write_tables(content: RunContent, folder: Path) -> None:
    """Write `plan.json` and the Parquet tables into an existing folder: what the checker reads."""
    _write_json(folder / PLAN, content.document)
    for name, table in content.tables.items():
        (folder / f"{name}.parquet").write_bytes(parquet_bytes(name, table))


def parquet_bytes(name: str, table: pd.DataFrame) -> bytes:
    """Return a table with declared types and page checksums; the same table gives the same bytes."""
    from pyarrow import parquet

    from bundleopt.rundir.schemas import as_arrow

    buffer = io.BytesIO()
    parquet.write_table(as_arrow(name, table), buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def write_manifest(folder: Path) -> None:
    """Write the SHA-256 of every file of the folder."""
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    _write_json(folder / MANIFEST, {"sha256": {path.name: digests.sha256_of_file(path) for path in files}})


def changed_files(folder: Path) -> list[str]:
    """Return the files of a run folder that are missing or differ from its manifest."""
    recorded = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
    return [
        name
        for name, digest in recorded.items()
        if not (folder / name).is_file() or digests.sha256_of_file(folder / name) != digest
    ]


def dictionary_csv() -> str:
    """Return the data dictionary as CSV."""
    rows = [
        f'{table},{column},"{meaning}"' for table, columns in DICTIONARY.items() for column, meaning in columns.items()
    ]
    return "\n".join(["table,column,meaning", *rows]) + "\n"


def _write_json(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
