"""`bundleopt assort`: which items of a category to list or feature."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.assortment.result import AssortResult

_DROPPED_SHOWN = 10
_LISTED_SHOWN = 40

Text = str | None
Texts = list[str] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AssortFlags(CommonFlags):
    """Flags of `assort`; values stay texts, one place reads them."""

    category: Annotated[Text, typer.Option("--category", metavar="NAME", help="A category of the workspace.")] = None
    preferences: Annotated[
        Path | None,
        typer.Option(
            "--preferences",
            metavar="FILE",
            help="Instead: segment, item_id, weight, price; cost, space, brand, name, stock, share, outside.",
        ),
    ] = None
    objective: Annotated[Text, typer.Option("--objective", metavar="revenue|margin", help="What to maximise.")] = None
    max_items: Annotated[Text, typer.Option("--max-items", metavar="N", help="Most items on the list.")] = None
    space: Annotated[Text, typer.Option("--space", metavar="UNITS", help="Space at hand, like the column space.")] = (
        None
    )
    keep: Annotated[Texts, typer.Option("--keep", metavar="ITEM", help="Must be listed; may repeat.")] = None
    drop: Annotated[Texts, typer.Option("--drop", metavar="ITEM", help="Must not be listed; may repeat.")] = None
    cover: Annotated[
        Texts,
        typer.Option(
            "--cover",
            metavar="brand:N|tier:N|brand=NAME:N",
            help="At least N of every brand, of every third by price, or of one; may repeat.",
        ),
    ] = None
    segments: Annotated[Text, typer.Option("--segments", metavar="N", help="Groups of customers [20].")] = None
    time_limit: Annotated[Text, typer.Option("--time-limit", metavar="SECONDS", help="Time to optimise [60].")] = None
    gap: Annotated[Text, typer.Option("--gap", metavar="SHARE", help="Proven gap at which to stop [0.01%].")] = None
    solver: Annotated[Text, typer.Option("--solver", metavar="NAME", help="Backend of the linear form [auto].")] = None
    seed: Annotated[Text, typer.Option("--seed", metavar="N", help="Seed of the search [0].")] = None
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The list; `solve --items` reads it.")] = (
        None
    )

    def wishes(self) -> dict[str, Any]:
        """Return what was asked for."""
        names = (
            "objective",
            "max_items",
            "space",
            "keep",
            "drop",
            "cover",
            "segments",
            "time_limit",
            "gap",
            "solver",
            "seed",
        )
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@takes(AssortFlags)
def assort(flags: AssortFlags) -> None:
    """Choose which items of a category to list or feature, under substitution, with a proof of how good the list is.

    Customers who miss an item take another one or nothing: what they like comes from the trained network, or from a
    file of preference weights.
    """
    from bundleopt.verbs.assort import assort as run

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = run(
            flags.category,
            preferences=flags.preferences,
            out=flags.out,
            workspace=flags.workspace,
            progress=progress,
            **flags.wishes(),
        )
    output.result(result.document(), lambda console: print_assortment(console, result))


def print_assortment(console: Console, result: AssortResult) -> None:
    """Print the list, its proof, the rules, and what the dropped items lose."""
    from bundleopt.cli.tables import plain_table

    listed = result.items[result.items["listed"]]
    _line(console, _title(result), style="bold")
    _line(console, result.bound_sentence(), style="bold green")
    _line(console, f"{'Proven' if result.plan.optimal else 'Not proven as asked'} by: {result.plan.method}.")
    console.print(plain_table(("item", "name", "brand", "#price", "#sales", "#revenue"), _rows(result, listed)))
    if len(listed) > _LISTED_SHOWN:
        _line(console, f"... and {len(listed) - _LISTED_SHOWN} more")
    _print_dropped(console, result)
    _print_rules(console, result)
    for text in (result.substitution, f"Preferences: {result.table.source}.", *result.table.assumptions):
        if text:
            _line(console, text)
    if result.out is not None:
        _line(console, f"The list: {result.out}")


def _title(result: AssortResult) -> str:
    listed = int(result.items["listed"].sum())
    period = " a week" if result.table.is_money and result.substitution else ""
    whole = f"all {len(result.items)} listed, rules aside: {_amount(result, result.all_listed)}"
    return (
        f"{listed} of {len(result.items)} items, expected {result.objective} "
        f"{_amount(result, result.value)}{period} ({whole})"
    )


def _rows(result: AssortResult, frame: Any) -> list[tuple[str, ...]]:
    return [
        (
            str(row.item_id),
            str(row.name),
            str(row.brand),
            f"{row.price:,.2f}",
            _amount(result, row.sales),
            _amount(result, row.revenue),
        )
        for row in frame.head(_LISTED_SHOWN).itertuples(index=False)
    ]


def _print_dropped(console: Console, result: AssortResult) -> None:
    from bundleopt.cli.tables import plain_table

    dropped: Any = result.items[~result.items["listed"]]
    if not len(dropped):
        return
    lost = float(dropped["sales_if_all_listed"].sum())
    _line(
        console,
        f"{len(dropped)} items are dropped: they would sell {_amount(result, lost)} with everything listed; "
        f"the listed items take over {result.kept_share:.0%} of it.",
    )
    rows = [
        (
            str(row.item_id),
            str(row.name),
            f"{row.price:,.2f}",
            _amount(result, row.sales_if_all_listed),
            _amount(result, row.change_if_switched),
        )
        for row in dropped.head(_DROPPED_SHOWN).itertuples(index=False)
    ]
    head = ("dropped", "name", "#price", "#sales if all listed", f"#{result.objective} if listed too")
    console.print(plain_table(head, rows))


def _print_rules(console: Console, result: AssortResult) -> None:
    from bundleopt.cli.tables import plain_table

    rules = [rule for rule in result.plan.rules if not rule.name.startswith(("keep ", "drop "))]
    if rules:
        rows = [(rule.name, f"{rule.limit:g}", f"{rule.value:g}", f"{rule.slack:g}") for rule in rules]
        console.print(plain_table(("rule", "#limit", "#value", "#slack"), rows))


def _amount(result: AssortResult, value: float) -> str:
    from bundleopt.report import formats

    return formats.money(value) if result.table.is_money else f"{value:.4g}"


def _line(console: Console, text: str, style: str | None = None) -> None:
    from bundleopt.cli.failures import printable

    console.print(printable(text), markup=False, style=style)
