"""`bundleopt init`: makes a workspace."""

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
class InitFlags(CommonFlags):
    """Flags of `init`."""

    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; it may exist, without settings.")]
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="Folder of CSV or Parquet files, or Ta Feng's CSV.")
    ] = None
    sample: Annotated[bool, typer.Option("--sample", help="Use the Complete Journey sample.")] = False


@takes(InitFlags)
def init(flags: InitFlags) -> None:
    """Make a workspace: bundleopt.toml with every key explained, runs/ and models/."""
    from bundleopt.verbs.initialise import initialise

    made = initialise(flags.folder, data=flags.data, sample=flags.sample)

    def render(console: Console) -> None:
        console.print(f"Made the workspace {made.workspace.root}", markup=False)
        for sentence in made.assumptions:
            console.print(f"  assumed: {sentence}", markup=False)
        console.print(f"Next: bundleopt check -w {made.workspace.root}", markup=False)

    Output(flags).result({"workspace": str(made.workspace.root), "assumptions": list(made.assumptions)}, render)
