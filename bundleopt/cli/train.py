"""`bundleopt train`: fits the demand model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import plain_table

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainFlags(CommonFlags):
    """Flags of `train`."""

    fast: Annotated[bool, typer.Option("--fast", help="The quick model: two minutes on the sample.")] = False
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="See nothing on or after this day.")] = (
        None
    )
    resume: Annotated[bool, typer.Option("--resume", help="Continue a training that was stopped.")] = False
    device: Annotated[
        str | None, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to train [auto].")
    ] = None


@takes(TrainFlags)
def train(flags: TrainFlags) -> None:
    """Fit the demand model of a workspace; solve uses the one that was trained last."""
    from bundleopt.verbs.train import train as run

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = run(
            flags.workspace,
            fast=flags.fast,
            until=flags.until,
            resume=flags.resume,
            device=flags.device,
            progress=progress,
        )

    def render(console: Console) -> None:
        rows = [(str(name), str(value)) for name, value in result.facts.items()]
        console.print(plain_table(("model", ""), rows))
        if result.sentence:
            console.print(result.sentence, markup=False)
        console.print(f"Model: {result.folder}", markup=False)

    output.result({"folder": str(result.folder)} | result.facts, render)
