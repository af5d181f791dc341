"""`bundleopt score`: values a plan that the team wrote by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.score import ScoreResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoreFlags(CommonFlags):
    """Flags of `score`; the rules are those of the workspace, or given here."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="Columns of offers.parquet or of bundles.parquet.")]
    budget: Annotated[str | None, typer.Option("--budget", metavar="MONEY", help="Promo spend allowed.")] = None
    week: Annotated[str | None, typer.Option("--week", metavar="MONDAY", help="Campaign week.")] = None
    min_margin: Annotated[str | None, typer.Option("--min-margin", metavar="SHARE", help="Least margin.")] = None
    max_discount: Annotated[str | None, typer.Option("--max-discount", metavar="SHARE", help="Largest [30%].")] = None
    min_discount: Annotated[str | None, typer.Option("--min-discount", metavar="SHARE", help="Smallest [0].")] = None
    max_bundles: Annotated[str | None, typer.Option("--max-bundles", metavar="N", help="Most bundles [30].")] = None
    multi_buy: Annotated[str | None, typer.Option("--multi-buy", metavar="N", help="Units of one item [1].")] = None
    slots: Annotated[str | None, typer.Option("--slots", metavar="N", help="Most offers a customer [3].")] = None

    def settings(self) -> dict[str, Any]:
        """Return the `[solve]` keys that were given."""
        names = ("budget", "week", "min_margin", "max_discount", "min_discount", "max_bundles", "multi_buy", "slots")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@takes(ScoreFlags)
def score(flags: ScoreFlags) -> None:
    """Value a hand-written plan with the same model, and say which rules it breaks.

    FILE is CSV or Parquet: customer_id, item_ids (A|B), price for offers to customers; item_ids, price for bundles that
    everybody is shown; quantity where several units of one item are sold together.
    """
    from bundleopt.verbs.score import score as run

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = run(flags.file, workspace=flags.workspace, progress=progress, **flags.settings())

    def render(console: Console) -> None:
        from bundleopt.cli.summary import totals_table
        from bundleopt.plan.sentences import counted

        reached = counted(result.totals["customers_reached"], "customer")
        console.print(
            f"{counted(len(result.bundles), 'bundle')}, {counted(len(result.offers), 'offer')} to {reached}\n"
        )
        console.print(totals_table(result.plan))
        console.print("")
        if not result.violations:
            console.print("It keeps every rule.", style="green")
        for violation in result.violations:
            text = f"breaks {violation.rule}: {violation.value}, allowed {violation.limit}. {violation.detail}"
            console.print(printable(_with_items(text.rstrip(), result)), markup=False, style="yellow")

    output.result(result.document(), render)


def _with_items(text: str, result: ScoreResult) -> str:
    """Put the items beside the id of a bundle: who wrote the plan knows it by them."""
    for row in result.bundles.to_dict("records"):
        text = text.replace(str(row["bundle_id"]), f"{row['bundle_id']} ({'|'.join(row['item_ids'])})")
    return text
