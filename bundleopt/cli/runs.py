"""`bundleopt runs`: the registry of runs."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output
from bundleopt.cli.tables import plain_table
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 100

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The runs of a workspace.",
    epilog="Example: bundleopt runs list",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListFlags(CommonFlags):
    """Flags of `runs list`."""

    find: Annotated[
        str | None, typer.Option("--find", metavar="TEXT", help="Only runs that mention it: week, setting, item, name.")
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShowFlags(CommonFlags):
    """Flags of `runs show`."""

    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Run folder or its number; default the latest.")
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoveFlags(CommonFlags):
    """Flags of `runs rm`."""

    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders or their numbers.")]
    force: Annotated[bool, typer.Option("--force", help="Remove approved runs as well.")] = False


@app.command("list", epilog="Example: bundleopt runs list")
@takes(ListFlags)
def list_runs(flags: ListFlags) -> None:
    """List the runs of the workspace, oldest first."""
    from bundleopt.run_registry import all_runs, search
    from bundleopt.workspace import find_workspace

    runs = all_runs(find_workspace(flags.workspace))
    rows = [run.row() for run in (search(runs, flags.find) if flags.find else runs)]

    Output(flags).result({"runs": rows}, lambda console: console.print(_runs_table(rows, console.width)))


def _runs_table(rows: list[dict[str, Any]], width: int) -> Table:
    """One line a run; a narrow terminal leaves out what `runs show` tells."""
    is_wide = width >= _WIDE
    head = ("#run", "status", *(("#bundles", "#offers") if is_wide else ()), "#revenue", "#margin")
    head += (*(("#spend",) if is_wide else ()), "#gap", "approved by")
    lines = []
    for row in rows:
        counts = [formats.count(row[name]) for name in ("bundles", "offers")] if is_wide else []
        amounts = ["incremental_revenue", "incremental_margin", *(["promo_spend"] if is_wide else [])]
        money = [formats.money(row[name]) for name in amounts]
        gap = formats.fine_share(row["gap"])
        # The name that somebody gave stands below: a column of its own would be empty for most.
        named = "\n".join([row["run"], *textwrap.wrap(row["label"] or "", len(row["run"]))])
        lines.append((named, row["status"], *counts, *money, gap, row["approved_by"] or ""))
    return plain_table(head, lines)


@app.command("show", epilog="Example: bundleopt runs show 1")
@takes(ShowFlags)
def show_run(flags: ShowFlags) -> None:
    """Show a run again, as solve printed it."""
    from bundleopt.cli.summary import print_summary
    from bundleopt.verbs.report import read_result

    result = read_result(flags.run, workspace=flags.workspace)
    Output(flags).result(
        result.document | {"folder": str(result.folder)}, lambda console: print_summary(console, result)
    )


@app.command("rm", epilog="Example: bundleopt runs rm 1 2")
@takes(RemoveFlags)
def remove_runs(flags: RemoveFlags) -> None:
    """Remove runs; all of those named, or none where one of them may not go."""
    from bundleopt.run_registry import remove
    from bundleopt.workspace import find_workspace

    gone = remove(find_workspace(flags.workspace), flags.runs, force=flags.force)

    def render(console: Console) -> None:
        for name in gone:
            console.print(f"removed {name}", markup=False, highlight=False)

    Output(flags).result({"removed": gone}, render)
