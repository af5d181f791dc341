"""`bundleopt check`: validates and profiles the data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from rich.console import Console

DATA_REFUSED = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckFlags(CommonFlags):
    """Flags of `check`."""


@takes(CheckFlags)
def check(flags: CheckFlags) -> None:
    """Validate and profile the data: what was mended, what is assumed, and PASS, REVIEW or FAIL for each finding."""
    from bundleopt.verbs.check import check as run

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = run(flags.workspace, progress=progress)

    def render(console: Console) -> None:
        from bundleopt.cli.check_page import print_check

        print_check(console, result)

    output.result(result.document(), render)
    if result.verdict == "FAIL":
        raise typer.Exit(DATA_REFUSED)
