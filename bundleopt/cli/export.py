"""`bundleopt export`: writes a plan for the systems and the people who run it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

_ALL = "csv,xlsx,parquet,prices"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportFlags(CommonFlags):
    """Flags of `export`."""

    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Run folder or its number; default the latest.")
    ] = None
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Folder for the tables and price list.")] = None
    formats: Annotated[str, typer.Option("--format", metavar=_ALL, help="Which of them to write to DIR.")] = _ALL
    xlsx: Annotated[
        Path | None, typer.Option("--xlsx", metavar="FILE", help="Workbook with columns to keep, ban or re-price.")
    ] = None


@takes(ExportFlags)
def export(flags: ExportFlags) -> None:
    """Write a plan as CSV, Excel, Parquet and a price list, or as a workbook to decide in and read back."""
    from bundleopt.verbs.export import export as export_plan

    formats = [name.strip() for name in flags.formats.split(",") if name.strip()]
    result = export_plan(flags.run, to=flags.to, xlsx=flags.xlsx, formats=formats, workspace=flags.workspace)

    def render(console: Console) -> None:
        for path in result.files:
            console.print(printable(str(path)), markup=False, highlight=False, soft_wrap=True)
        if not result.approved:
            console.print(f"{result.run.name} is a draft: bundleopt approve freezes it", markup=False, highlight=False)
        if flags.xlsx is not None:
            console.print(f"next: fill it in, then bundleopt review {flags.xlsx}", markup=False, highlight=False)

    document = {"run": str(result.run), "files": [str(path) for path in result.files], "approved": result.approved}
    Output(flags).result(document, render)
