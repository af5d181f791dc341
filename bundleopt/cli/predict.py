"""`bundleopt predict`: purchase probabilities for given rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictFlags(CommonFlags):
    """Flags of `predict`."""

    at: Annotated[
        Path, typer.Option("--at", metavar="FILE", help="CSV or Parquet with customer_id, item_id, week; price, ....")
    ]
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Same rows with a column probability.")]


@takes(PredictFlags)
def predict(flags: PredictFlags) -> None:
    """Predict the chance of a purchase for each row of a file.

    Rows need customer_id, item_id and week; price, display and mailer are optional.
    """
    from bundleopt.verbs.predict import predict_file

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        rows = predict_file(flags.at, flags.out, workspace=flags.workspace, progress=progress)

    def render(console: Console) -> None:
        console.print(f"Wrote {rows:,} rows to {flags.out}", markup=False)

    output.result({"out": str(flags.out), "rows": rows}, render)
