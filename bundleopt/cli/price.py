"""`bundleopt price`: bundle prices from willingness to pay."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.price import PriceResult

_SHOWN = 40


@dataclasses.dataclass(frozen=True, kw_only=True)
class PriceFlags(CommonFlags):
    """Flags of `price`."""

    willingness: Annotated[
        Path, typer.Option("--willingness", metavar="FILE", help="segment, items (A|B), willingness; size, cost.")
    ]
    bundle_size: Annotated[
        str | None, typer.Option("--bundle-size", metavar="MIN:MAX", help="Add all bundles of so many items.")
    ] = None
    gap: Annotated[str | None, typer.Option("--gap", metavar="SHARE", help="Proven gap to stop at [0.01%].")] = None
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", metavar="SECONDS", help="For each way of selling [60].")
    ] = None
    solver: Annotated[str | None, typer.Option("--solver", metavar="NAME", help="Backend [auto].")] = None
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The mixed prices, CSV or Parquet.")] = None


@takes(PriceFlags)
def price(flags: PriceFlags) -> None:
    """Price bundles when every segment buys what leaves it most: items alone, one bundle of all, and mixed.

    FILE says what each segment would pay for each bundle. Nobody gains by buying several bundles instead of one.
    """
    from bundleopt.verbs.price import price as run

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = run(
            flags.willingness,
            bundle_size=flags.bundle_size,
            gap=flags.gap,
            time_limit=flags.time_limit,
            solver=flags.solver,
            out=flags.out,
            progress=progress,
        )
    output.result(result.document(), lambda console: print_prices(console, result))


def print_prices(console: Console, result: PriceResult) -> None:
    """Print profit and bound of each way of selling, then the mixed prices and who buys what."""
    from bundleopt.cli.tables import plain_table
    from bundleopt.report import formats

    rows = [
        (
            way.value,
            formats.money(found.headline.value),
            formats.money(found.headline.bound),
            formats.fine_share(found.headline.gap),
        )
        for way, found in result.ways.items()
    ]
    console.print(plain_table(("sold as", "#profit", "#no prices earn more than", "#gap"), rows))
    _print_menu(console, result)
    for text in result.willingness.assumptions:
        console.print(text, markup=False)
    if result.out is not None:
        console.print(f"The mixed prices: {result.out}", markup=False)


def _print_menu(console: Console, result: PriceResult) -> None:
    from bundleopt.cli.tables import plain_table
    from bundleopt.report import formats

    prices, choices = result.prices(), result.choices()
    sold = prices.sort_values("profit", ascending=False, kind="stable").head(_SHOWN)
    rows = [
        (str(row[0]), *(formats.money(row[n]) for n in (1, 2)), formats.number(row[3]), formats.money(row[4]))
        for row in sold.itertuples(index=False, name=None)
    ]
    console.print(plain_table(("mixed: bundle", "#price", "#cost", "#customers", "#profit"), rows))
    buys = [
        (str(row[0]), formats.number(row[1]), str(row[2]), formats.money(row[3]), formats.money(row[4]))
        for row in choices.head(_SHOWN).itertuples(index=False, name=None)
    ]
    console.print(plain_table(("segment", "#customers", "buys", "#pays", "#keeps as surplus"), buys))
    if len(choices) > _SHOWN:
        console.print(f"... and {len(choices) - _SHOWN} more segments", markup=False)
