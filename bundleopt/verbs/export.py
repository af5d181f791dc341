"""Writes a published plan for the systems and the people who run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bundleopt.approval import is_frozen, refuse_changed
from bundleopt.rundir import csv_files, excel_file, writer
from bundleopt.rundir.content import summary_rows
from bundleopt.verbs.report import TABLES, read_result
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.verbs.solve import SolveResult

FORMATS = ("csv", "xlsx", "parquet", "prices")
PRICE_LIST = "price_list.csv"
_WEEK = timedelta(days=6)

Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class ExportResult:
    """What was written. `approved` tells whether the plan is frozen: an export of a draft may differ tomorrow."""

    run: Path
    files: tuple[Path, ...]
    approved: bool


def export(
    run: Path | str | None = None,
    *,
    to: Path | str | None = None,
    xlsx: Path | str | None = None,
    formats: Sequence[str] = FORMATS,
    workspace: Path | str | None = None,
) -> ExportResult:
    """Write a plan as files, each whole or not at all; no text in them runs as a formula.

    Args:
        run: a run folder, the name or the number of a run; None means the latest.
        to: folder that gets the tables in each of `formats` and a price list; made when missing.
        xlsx: file that gets the workbook with columns for decisions, see `bundleopt.verbs.review`.
        formats: of `csv`, `xlsx`, `parquet`, `prices`.
        workspace: its folder; None finds it.

    Raises:
        UsageError: nothing to write was asked for, a format is unknown, or the run changed since it was published.
        StorageError: a file cannot be written.
    """
    _refuse(to, xlsx, formats)
    result = read_result(run, workspace=workspace)
    refuse_changed(result.folder)
    files = _write_folder(result, Path(to), formats) if to is not None else []
    if xlsx is not None:
        from bundleopt.round_trip.workbook import review_workbook

        atomic.write_bytes(Path(xlsx), review_workbook(result))
        files.append(Path(xlsx))
    return ExportResult(result.folder, tuple(files), is_frozen(result.folder))


def price_list(result: SolveResult) -> pd.DataFrame:
    """Return one row per bundle for the till: items, price, the days on which it holds, units of each item."""
    monday = date.fromisoformat(result.document["week"])
    columns = ["bundle_id", "item_ids", "item_names", "price", "list_value", "discount"]
    listed = result.bundles[columns].copy()
    listed["discount"] = listed["discount"].round(4)
    listed["quantity"] = result.bundles.get("quantity", 1)
    listed["valid_from"], listed["valid_to"] = monday.isoformat(), (monday + _WEEK).isoformat()
    return listed


def _refuse(to: Path | str | None, xlsx: Path | str | None, formats: Sequence[str]) -> None:
    if to is None and xlsx is None:
        raise UsageError("say where to: --to DIR for all files, --xlsx FILE for a workbook to review")
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise UsageError(f"--format {','.join(formats)}: choose from {', '.join(FORMATS)}")
    if xlsx is not None and Path(xlsx).suffix.lower() != ".xlsx":
        raise UsageError(f"--xlsx {xlsx}: the name must end in .xlsx")
    if to is not None and Path(to).exists() and not Path(to).is_dir():
        raise UsageError(f"--to {to} is a file; give a folder")


def _write_folder(result: SolveResult, folder: Path, formats: Sequence[str]) -> list[Path]:
    atomic.make_folder(folder)
    written = []
    for name in dict.fromkeys(formats):
        for file, content in _CONTENTS[name](result):
            atomic.write_bytes(folder / file, content)
            written.append(folder / file)
    return written


def _tables(result: SolveResult) -> dict[str, pd.DataFrame]:
    # Whoever sends these offers must not send the would-be ones of the control group; the run folder keeps them.
    shown = result.offers[~result.offers["holdout"].astype(bool)]
    return {name: getattr(result, name) for name in TABLES} | {"offers": shown}


def _csv(result: SolveResult) -> Files:
    for name, table in _tables(result).items():
        yield f"{name}.csv", csv_files.csv_text(table).encode()
    yield "dictionary.csv", writer.dictionary_csv().encode()


def _parquet(result: SolveResult) -> Files:
    for name, table in _tables(result).items():
        yield f"{name}.parquet", writer.parquet_bytes(name, table)


def _xlsx(result: SolveResult) -> Files:
    yield "plan.xlsx", excel_file.workbook_bytes(_tables(result), summary_rows(result.document))


def _prices(result: SolveResult) -> Files:
    yield PRICE_LIST, csv_files.csv_text(price_list(result)).encode()


_CONTENTS: dict[str, Callable[[SolveResult], Files]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "parquet": _parquet,
    "prices": _prices,
}
