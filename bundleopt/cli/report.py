"""`bundleopt report`: writes the page of a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportFlags(CommonFlags):
    """Flags of `report`."""

    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Run folder or its number; default the latest.")
    ] = None
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to; default in the run folder.")] = (
        None
    )


@takes(ReportFlags)
def report(flags: ReportFlags) -> None:
    """Write one self-contained HTML page of a run: no scripts, nothing loaded, ready to mail or print."""
    from bundleopt.verbs.report import write_report

    path = write_report(flags.run, workspace=flags.workspace, out=flags.out)

    def render(console: Console) -> None:
        console.print(f"Report: {path}", markup=False)

    Output(flags).result({"report": str(path)}, render)
