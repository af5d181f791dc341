"""`bundleopt feedback`: what a campaign did, and what the next one learns from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.campaign_results import sentences
from bundleopt.cli.bundle_names import fit_names
from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import plain_table
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.feedback import FeedbackResult

# What fits eighty columns; JSON holds the full names.
_SHORT = {
    "difference in means": "difference",
    "regression-adjusted": "regression",
    "revenue of the campaign's items": "campaign items",
}
_BUNDLES_SHOWN, _CATEGORIES_SHOWN, _STOCK_SHOWN = 10, 6, 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeedbackFlags(CommonFlags):
    """Flags of `feedback`."""

    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="Folder with offers_log (and transactions, events), or the log alone."),
    ]
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="The plan; default the approved one of that week.")
    ] = None


@takes(FeedbackFlags)
def feedback(flags: FeedbackFlags) -> None:
    """Compare a week's results with its approved plan: lift, forecast, breaches; the next plan learns from it."""
    from bundleopt.verbs.feedback import feedback as take_in

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = take_in(flags.results, run=flags.run, workspace=flags.workspace, progress=progress)
    output.result(result.document(), lambda console: _render(console, result))


def _render(console: Console, result: FeedbackResult) -> None:
    content = result.content
    _line(console)
    _line(console, f"Campaign {content['run']}, week of {content['week']}", style="bold")
    _line(console)
    for sentence in sentences.summary(content):
        _line(console, sentence)
    if content["lift"]:
        _line(console)
        console.print(_lift(content["lift"]))
    if content["bundles"]:
        _line(console)
        console.print(_bundles(content["bundles"], console.width))
        _line(console)
        console.print(_calibration(content["calibration"]))
    _trouble(console, content)
    _line(console)
    console.print(_learned(content["learned"]["changes"]))
    _line(console, f"Kept in {result.file}; the next train and solve use it.")


def _lift(rows: list[dict[str, Any]]) -> Any:
    head = ("lift of", "by", "#a customer", f"#{rows[0]['level']:.0%} interval", "#in all", "#forecast")
    return plain_table(
        head,
        [
            (
                _SHORT.get(row["outcome"], row["outcome"]),
                _SHORT.get(row["estimator"], row["estimator"]),
                formats.money(row["effect"]),
                f"{formats.money(row['low'])} to {formats.money(row['high'])}",
                formats.money(row["total"]),
                formats.money(row["expected_total"]),
            )
            for row in rows
        ],
    )


def _bundles(rows: list[dict[str, Any]], width: int) -> Any:
    head = ("bundle", "#price", "#shown", "#expected", "#redeemed", "#z", "#spend")
    shown = rows[:_BUNDLES_SHOWN]
    room = max(24, width - 52)
    table = [
        (
            fit_names([printable(name) for name in row["item_names"]], room),
            formats.money(row["price"]),
            formats.count(row["shown"]),
            f"{row['expected']:,.1f}",
            formats.count(row["redeemed"]),
            formats.number(row["z"]),
            formats.money(row["promo_spend"]),
        )
        for row in shown
    ]
    if len(rows) > len(shown):
        rest = rows[len(shown) :]
        table.append(
            (
                f"and {len(rest)} more; --json lists all",
                "",
                formats.count(sum(row["shown"] for row in rest)),
                f"{sum(row['expected'] for row in rest):,.1f}",
                formats.count(sum(row["redeemed"] for row in rest)),
                "",
                formats.money(sum(row["promo_spend"] for row in rest)),
            )
        )
    return plain_table(head, table)


def _calibration(rows: list[dict[str, Any]]) -> Any:
    head = ("forecast chance", "#offers", "#expected", "#redeemed", "#ratio", "#chance alone")
    return plain_table(
        head,
        [
            (
                f"{row['chance_from']:.1%} to {row['chance_to']:.1%}",
                formats.count(row["offers"]),
                f"{row['expected']:,.1f}",
                formats.count(row["redeemed"]),
                formats.number(row["ratio"]),
                f"\u00b1{row['error']:.2f}" if row["error"] is not None else "",
            )
            for row in rows
        ],
    )


def _trouble(console: Console, content: dict[str, Any]) -> None:
    for title, lines in (
        ("Carried out otherwise than approved", sentences.breach_sentences(content)),
        ("Alarms", sentences.alarm_sentences(content)),
        ("Sold out", sentences.stock_sentences(content, most=_STOCK_SHOWN)),
        ("What customers said", sentences.satisfaction_sentences(content)),
    ):
        if lines:
            _line(console)
            _line(console, title, style="bold yellow" if title != "What customers said" else "bold")
        for line in lines:
            _line(console, f"  {line}")


def _learned(rows: list[dict[str, Any]]) -> Any:
    head = ("what the next plan uses", "#before", "#now", "#two thirds sure")
    shown = rows[: 3 + _CATEGORIES_SHOWN]
    return plain_table(
        head,
        [
            (
                row["name"],
                f"x {row['before']:.2f}",
                f"x {row['after']:.2f}",
                f"{row['low']:.2f} to {row['high']:.2f}",
            )
            for row in shown
        ],
    )


def _line(console: Console, text: str = "", *, style: str | None = None) -> None:
    console.print(printable(text), style=style, markup=False, highlight=False)
