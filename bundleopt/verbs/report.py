"""Reads a run folder back, and writes its report page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.approval import refuse_frozen
from bundleopt.run_registry import find_run
from bundleopt.stages import model_quality
from bundleopt.workspace import find_workspace
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.verbs.solve import SolveResult

TABLES = ("bundles", "offers", "inventory")


def read_result(run: Path | str | None = None, *, workspace: Path | str | None = None) -> SolveResult:
    """Open a published run.

    Args:
        run: a run folder, the name or the number of a run; None means the latest.
        workspace: its folder; None finds it.

    Raises:
        UsageError: there is no such run, or its files are damaged.
    """
    from bundleopt.rundir.writer import changed_files
    from bundleopt.verbs.solve import SolveResult

    # A run folder given by path needs no workspace.
    found = find_run(find_workspace(Path(workspace) if workspace else None), str(run) if run is not None else None)
    changed = changed_files(found.folder)
    damaged = [name for name in changed if name in {"plan.json", *(f"{table}.parquet" for table in TABLES)}]
    if damaged:
        raise UsageError(f"{found.folder}: changed since it was published: {', '.join(damaged)}")
    tables = {name: _read_table(found.folder / f"{name}.parquet") for name in TABLES}
    return SolveResult(found.folder, found.document, **tables)


def write_report(
    run: Path | str | None = None, *, workspace: Path | str | None = None, out: Path | str | None = None
) -> Path:
    """Write the HTML page of a run and return its path; see `read_result` for the arguments."""
    from bundleopt.report.page import render_report

    result = read_result(run, workspace=workspace)
    if out is None:
        refuse_frozen(result.folder)
    path = Path(out) if out is not None else result.folder / "report.html"
    tables = {"bundles": result.bundles, "offers": result.offers, "inventory": result.inventory}
    # An evaluation may be newer than the plan; it counts where it was made on the plan's own data.
    found = find_workspace(Path(workspace) if workspace else None)
    newest = model_quality.read(found, result.document["inputs"])
    document = result.document | ({"model_quality": newest} if newest is not None else {})
    atomic.write_text(path, render_report(document, tables))
    return path


def _read_table(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    table: Any = parquet.read_table(path, page_checksum_verification=True)
    frame: pd.DataFrame = table.to_pandas()
    for field in table.schema:
        if pa.types.is_list(field.type):
            frame[field.name] = [cell.tolist() for cell in frame[field.name]]
    return frame
