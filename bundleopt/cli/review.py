"""`bundleopt review`: reads decisions back from a workbook and plans again around them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.compare import print_difference
from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReviewFlags(CommonFlags):
    """Flags of `review`."""

    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="A workbook of export --xlsx, filled in.")]
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Run folder; default runs/<id>.")] = None
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run in the workspace.")] = False


@takes(ReviewFlags)
def review(flags: ReviewFlags) -> None:
    """Read the keep, ban and price decisions of a workbook, plan again around them, and show what they cost."""
    from bundleopt.verbs.review import review as review_plan
    from bundleopt.verbs.review import sentences

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = review_plan(flags.file, workspace=flags.workspace, out=flags.out, wait=flags.wait, progress=progress)

    def render(console: Console) -> None:
        for line in sentences(result):
            console.print(printable(line), markup=False, highlight=False)
        print_difference(console, result)
        number = result.after.folder.name.split("-")[0]
        console.print(f"next: bundleopt approve {number} --by NAME", markup=False, highlight=False)

    output.result(result.document(), render)
