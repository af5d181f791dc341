"""`bundleopt backtest`: plans of past weeks beside what happened."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import plain_table
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.backtest import BacktestResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class BacktestFlags(CommonFlags):
    """Flags of `backtest`."""

    weeks: Annotated[int, typer.Option("--weeks", metavar="N", help="How many of the last full weeks.")] = 4
    retrain: Annotated[int, typer.Option("--retrain", metavar="N", help="Train anew every N weeks.")] = 1
    full: Annotated[bool, typer.Option("--full", help="Train the full model instead of the quick one.")] = False
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="MONEY", help="Promo spend allowed; default no limit.")
    ] = None
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", metavar="SECONDS", help="Time to optimise each plan [60].")
    ] = None


@takes(BacktestFlags)
def backtest(flags: BacktestFlags) -> None:
    """Train on what was known before each of the last weeks, plan it, and compare with what happened."""
    from bundleopt.verbs.backtest import backtest as roll

    output = Output(flags)
    given = {"budget": flags.budget, "time_limit": flags.time_limit}
    settings = {name: value for name, value in given.items() if value is not None}
    with ProgressDisplay(output) as progress:
        result = roll(
            flags.workspace,
            weeks=flags.weeks,
            retrain=flags.retrain,
            fast=not flags.full,
            progress=progress,
            **settings,
        )
    output.result(result.document(), lambda console: _render(console, result))


def _render(console: Console, result: BacktestResult) -> None:
    from bundleopt.past_weeks import sentences

    content = result.content
    console.print(_demand(content["weeks"]))
    console.print()
    console.print(_plans(content))
    if content["drawn_prices"] is not None:
        console.print()
        console.print(_prices(content["drawn_prices"]))
    console.print()
    for sentence in sentences.summary(content):
        console.print(sentence, markup=False, highlight=False)
    console.print(f"Kept in {result.file}.", markup=False, highlight=False, soft_wrap=True)


def _demand(weeks: list[dict[str, Any]]) -> Any:
    head = ("demand of", "#expected", "#sold", "#ratio", "#item error", "#spend ratio", "#visitors")
    rows = []
    for week in weeks:
        items, customers = week["items"], week["customers"]
        visitors = f"{formats.count(customers['expected_visitors'])} / {formats.count(customers['visitors'])}"
        rows.append(
            (
                week["week"],
                formats.count(items["expected_units"]),
                formats.count(items["sold_units"]),
                formats.number(items["ratio"]),
                formats.number(items["weighted_error"]),
                formats.number(customers["ratio"]),
                visitors,
            )
        )
    return plain_table(head, rows)


def _plans(content: dict[str, Any]) -> Any:
    head = ("plan of", "#bundles", "#offers", "#forecast", "#bought", "#expected", "#z", "#kept")
    kept = {row["to"]: row["bundles_alike"] for row in content["stability"]}
    rows = []
    for week in content["weeks"]:
        plan = week["plan"]
        rows.append(
            (
                week["week"],
                formats.count(plan["bundles"]),
                formats.count(plan["offers"]),
                formats.money(plan["expected_incremental_revenue"]),
                formats.count(plan["bought_anyway"]),
                f"{plan['bought_anyway_expected']:,.1f}",
                formats.number(plan["z"]),
                formats.share(kept.get(week["week"])),
            )
        )
    return plain_table(head, rows)


def _prices(drawn: dict[str, Any]) -> Any:
    head = (f"revenue of an offer, {drawn['draws']} drawn prices", "estimator", "#value", "#95% interval")
    rows = [(row["policy"], row["estimator"], f"{row['value']:.3f}", _interval(row)) for row in drawn["values"]]
    return plain_table(head, rows)


def _interval(row: dict[str, Any]) -> str:
    if row["low"] is None or row["high"] is None:
        return "one draw says nothing of chance"
    return f"{row['low']:.3f} to {row['high']:.3f}"
