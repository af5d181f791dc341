"""`bundleopt evaluate`: the metric table against baselines."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import NUMBER, plain_table

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateFlags(CommonFlags):
    """Flags of `evaluate`."""

    fast: Annotated[bool, typer.Option("--fast", help="Evaluate the quick training.")] = False
    device: Annotated[
        str | None, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to train [auto].")
    ] = None


@takes(EvaluateFlags)
def evaluate(flags: EvaluateFlags) -> None:
    """Train on the earlier weeks, forecast the later ones, and compare with simple and strong rivals."""
    from bundleopt.verbs.evaluate import evaluate as run

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = run(flags.workspace, fast=flags.fast, device=flags.device, progress=progress)

    def render(console: Console) -> None:
        for number, sentence in enumerate(result.sentences, 1):
            console.print(f"{number}. {sentence}", markup=False, highlight=False)
        console.print()
        head = ("model", *(NUMBER + name for name in result.columns))
        console.print(plain_table(head, result.text_rows()))
        for note in result.notes:
            console.print(note, markup=False, highlight=False)
        console.print("Charts: bundleopt report shows them beside the latest plan.", markup=False)

    output.result(result.document(), render)
