"""A folder of Parquet or CSV files: `<table>.parquet`, `<table>.csv` or `<table>/` with several of one kind.

Each table goes through the same stages: found, staged as text, checked, typed, settled against the other tables,
written. Everything that is wrong in any table is collected before the folder is refused.
"""

from __future__ import annotations

import difflib
import shutil
import stat
from pathlib import Path

from bundleopt_data import duck
from bundleopt_data.errors import DataProblem
from bundleopt_data.manifest import PRICES_FROM_PURCHASES, Preparation
from bundleopt_data.readers.csv_text import stage_csv
from bundleopt_data.readers.parquet_text import stage_parquet
from bundleopt_data.readers.raw_table import FILE, ROW, RawTable, SourceFile
from bundleopt_data.readers.references import settle_references
from bundleopt_data.readers.typed_table import TypedTable
from bundleopt_data.readers.workbench import Workbench
from bundleopt_data.rejects import RejectLog
from bundleopt_data.schema import REQUIRED_TABLES, TABLES

FORMATS = ("parquet", "csv")
_STAGERS = {"csv": stage_csv, "parquet": stage_parquet}


def find_files(folder: Path) -> tuple[list[SourceFile], list[str]]:
    """Return the input files of a data folder, and the names of entries that are no table and stay unread."""
    found: list[SourceFile] = []
    ignored: list[str] = []
    for path in sorted(folder.iterdir()):
        name, dot, suffix = path.name.partition(".")
        if path.is_dir() and path.name in TABLES:
            inside = sorted(path.iterdir())
            found += [
                SourceFile(name, f"{name}/{p.name}", p) for p in inside if p.suffix.lower().lstrip(".") in FORMATS
            ]
            ignored += [f"{name}/{p.name}" for p in inside if p.suffix.lower().lstrip(".") not in FORMATS]
        elif dot and name in TABLES and suffix.lower() in FORMATS:
            found.append(SourceFile(name, path.name, path))
        elif not path.name.startswith("."):
            ignored.append(path.name)
    return found, ignored


def write_tables(folder: Path, bench: Workbench, *, required: tuple[str, ...] = REQUIRED_TABLES) -> Preparation:
    """Read a data folder into `bench.folder` as canonical tables.

    Args:
        folder: holds the files.
        bench: what to read with.
        required: tables that must be there.

    Raises:
        DataRefusedError: any table breaks the contract; the rejected rows are in `bench.rejects`.
    """
    log = RejectLog(bench.connection)
    files, ignored = find_files(folder)
    if ignored:
        names = ", ".join(ignored[:5]) + (f" and {len(ignored) - 5} more" if len(ignored) > 5 else "")
        log.warnings.append(f"Not part of the data contract and not read: {names}.")
    _check_presence(folder, files, ignored, log, required)
    tables = {}
    for number, name in enumerate(sorted({file.table for file in files})):
        bench.progress(f"reading {name}", number / len(TABLES))
        raw = _stage(name, [file for file in files if file.table == name], bench, log)
        if raw is not None:
            tables[name] = _type(raw, bench, log)
    log.raise_if_refused(bench.rejects)
    bench.progress("checking ids across tables", 0.8)
    settle_references(list(tables), bench.settings, log)
    log.raise_if_refused(bench.rejects)
    for name, table in tables.items():
        _write(name, table, bench)
    log.raise_if_refused(bench.rejects)
    log.write(bench.folder / "rejects.csv")
    return _report(tables, bench, log)


def _check_presence(
    folder: Path, files: list[SourceFile], ignored: list[str], log: RejectLog, required: tuple[str, ...]
) -> None:
    """Refuse missing tables, tables that are given twice, and files that are no regular files."""
    for name in required:
        if not any(file.table == name for file in files):
            near = difflib.get_close_matches(name, [entry.partition(".")[0].casefold() for entry in ignored], n=1)
            hint = next((entry for entry in ignored if near and entry.casefold().startswith(near[0])), None)
            fix = f"is it {hint!r}? name it {name}.csv" if hint else f"add {name}.csv or {name}.parquet"
            log.refuse(DataProblem(name, "", "the table is missing", 0, (f"in {folder}",), fix))
    for name in sorted({file.table for file in files}):
        labels = [file.label for file in files if file.table == name]
        whole = [label for label in labels if "/" not in label]
        kinds = {label.rpartition(".")[2].lower() for label in labels}
        if len(whole) > 1 or (whole and len(labels) > 1) or len(kinds) > 1:
            fix = "keep one file, or one folder with files of one format"
            log.refuse(DataProblem(name, "", "the table is given more than once", len(labels), tuple(labels), fix))


def _stage(name: str, files: list[SourceFile], bench: Workbench, log: RejectLog) -> RawTable | None:
    """Write the files of one table as text columns; None where any of them is refused."""
    staged: list[Path] = []
    columns: tuple[str, ...] | None = None
    raw = bench.folder / "raw"
    raw.mkdir(exist_ok=True)
    for number, file in enumerate(files):
        target = raw / f"{name}-{number}.parquet"
        found = _STAGERS[file.format](file, target, bench.settings, log) if _is_regular(file, log) else None
        if found is None:
            return None
        if columns is not None and set(found) != set(columns):
            shown = (f"{files[0].label}: {', '.join(columns)}", f"{file.label}: {', '.join(found)}")
            log.refuse(DataProblem(name, "", "files of one table have different columns", 0, shown, "align them"))
            return None
        columns = columns or found
        staged.append(target)
    return RawTable(name, tuple(staged), columns) if columns is not None else None


def _is_regular(file: SourceFile, log: RejectLog) -> bool:
    try:
        mode = file.path.stat().st_mode
        with_content = stat.S_ISREG(mode)
        if with_content:
            file.path.open("rb").close()
            return True
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    except OSError as error:
        kind = error.strerror or "unreadable"
    log.refuse(DataProblem(file.table, "", f"the file cannot be read: {kind}", 0, (file.label,), "give a regular file"))
    return False


def _type(raw: RawTable, bench: Workbench, log: RejectLog) -> TypedTable:
    table = TypedTable(raw, bench.settings, log)
    if table.is_complete():
        problems = len(log.problems)
        table.check()
        if len(log.problems) == problems:
            table.type()
    return table


def _write(name: str, table: TypedTable, bench: Workbench) -> None:
    """Write one canonical table; lines get the Monday of their week."""
    columns = [duck.identifier(column) for column in table.typed_columns]
    if name == "transactions":
        columns.append("date_trunc('week', timestamp)::DATE AS week")
    order = ", ".join(duck.identifier(column) for column in (FILE, ROW))
    target = duck.quoted(str(bench.folder / f"{name}.parquet"))
    source = duck.identifier(f"typed_{name}")
    bench.connection.execute(_COPY.format(columns=", ".join(columns), source=source, order=order, target=target))


_COPY = "COPY (SELECT {columns} FROM {source} ORDER BY {order}) TO {target} (FORMAT parquet)"


def _report(tables: dict[str, TypedTable], bench: Workbench, log: RejectLog) -> Preparation:
    shutil.rmtree(bench.folder / "raw", ignore_errors=True)
    for name, table in tables.items():
        if table.extra and name != "customers":
            log.warnings.append(f"{name}: columns kept as attributes: {', '.join(table.extra[:20])}.")
    if "prices" not in tables:
        log.assumptions.append(PRICES_FROM_PURCHASES)
    return Preparation(
        "folder", tuple(log.mended), tuple(log.assumptions), tuple(log.warnings), timezone=bench.settings.timezone
    )
