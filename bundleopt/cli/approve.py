"""`bundleopt approve`: freezes a plan."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApproveFlags(CommonFlags):
    """Flags of `approve`."""

    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Run folder or its number; default the latest.")
    ] = None
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who approves.")]
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept with the approval.")] = ""
    replace: Annotated[bool, typer.Option("--replace", help="End the approval of another run of that week.")] = False


@takes(ApproveFlags)
def approve(flags: ApproveFlags) -> None:
    """Freeze a plan under a name, the time and a hash; from then on no command changes it."""
    from bundleopt.verbs.approve import approve as approve_plan

    result = approve_plan(flags.run, by=flags.by, note=flags.note, replace=flags.replace, workspace=flags.workspace)

    def render(console: Console) -> None:
        lines = [
            f"{result.run.name} is approved by {result.approval.by} at {result.approval.at}.",
            f"sha256 of its manifest: {result.approval.manifest}",
        ]
        if result.replaced:
            lines.append(f"It takes the place of {result.replaced}.")
        lines.append(f"next: bundleopt export {result.run.name.split('-')[0]} --to campaign")
        for line in lines:
            console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    Output(flags).result(result.document(), render)
