"""The plan as the terminal shows it: totals with their bound, the menu, the rules, what it rests on, where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt.cli.failures import printable
from bundleopt.cli.tables import plain_table
from bundleopt.plan import sentences
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.solve import SolveResult

# A rule that counts broken cases says nothing in a table of limits: a plan with one is never published.
_UNSAID = frozenset({"no_arbitrage"})

_TOTALS = (
    ("incremental_revenue", "incremental revenue", formats.money),
    ("incremental_margin", "incremental margin", formats.money),
    ("promo_spend", "promo spend", formats.money),
    ("redemptions", "redemptions", formats.count),
    ("customers_reached", "customers reached", formats.count),
    ("revenue", "revenue of the week", formats.money),
)


def print_summary(console: Console, result: SolveResult) -> None:
    """Print the whole summary."""
    document = result.document
    menu = document["menu"]
    _line(console)
    _line(
        console,
        f"Campaign of the week of {document['week']}: {menu['bundles']:,} bundles, {menu['offers']:,} offers",
        style="bold",
    )
    _line(console)
    console.print(_totals(document))
    _line(console)
    _line(console, sentences.bound_sentence(document), style="bold green")
    _line(console, sentences.status_sentence(document))
    for text in (sentences.margin_sentence(document), sentences.empty_sentence(document)):
        if text:
            _line(console, text, style="yellow")
    if menu["bundles"]:
        _line(console)
        console.print(_menu(result))
    _print_break_even(console, document)
    _line(console)
    console.print(_rules(document))
    _print_notes(console, document)
    _line(console)
    _line(console, f"Run folder: {result.folder}")
    _line(console, f"Report:     {result.folder / 'report.html'}")


def _totals(document: dict[str, Any]) -> Any:
    totals = document["totals"]
    level = totals["incremental_revenue"]["level"]
    rows = []
    for name, label, write in _TOTALS:
        one = totals[name]
        spread = f"{write(one['low'])} to {write(one['high'])}" if one["low"] != one["high"] else ""
        rows.append((label, write(one["value"]), spread))
    return plain_table(("", "#expected", f"#{level:.0%} of outcomes"), rows)


def _menu(result: SolveResult) -> Any:
    rows = [_menu_row(row) for row in result.bundles.to_dict("records")]
    head = ("bundle", "#shelf", "#price", "#off", "#shown to", "#redeemed", "#revenue", "#margin", "#spend")
    return plain_table(head, rows)


def _menu_row(row: dict[Any, Any]) -> tuple[str, ...]:
    return (
        " + ".join(row["item_names"]),
        formats.money(row["list_value"]),
        formats.money(row["price"]),
        f"{row['discount']:.0%}",
        formats.count(row["customers"]),
        formats.number(round(row["redemptions"], 1)),
        formats.money(row["incremental_revenue"]),
        formats.money(row["incremental_margin"]),
        formats.money(row["promo_spend"]),
    )


def _rules(document: dict[str, Any]) -> Any:
    rows = [
        (
            rule["name"] + (" (binding)" if rule["binding"] else ""),
            formats.number(rule["limit"]),
            formats.number(rule["value"]),
            formats.number(rule["slack"]),
            formats.money(rule["shadow_price"]),
        )
        for rule in document["rules"]
        if (rule["binding"] or not rule["name"].startswith("stock")) and rule["name"] not in _UNSAID
    ]
    return plain_table(("rule", "#limit", "#plan", "#slack", "#one more is worth"), rows)


def _print_break_even(console: Console, document: dict[str, Any]) -> None:
    if not document["break_even"]:
        return
    rows = []
    for row in document["break_even"][:10]:
        largest = row["largest_factor"]
        factor = f"never up to {largest:g}x" if row["factor"] is None else f"{row['factor']:g}x"
        rows.append((" + ".join(row["item_names"]), formats.money(row["price"]), f"{row['discount']:.0%}", factor))
    _line(console)
    console.print(plain_table(("would break even", "#price", "#off", "#at price sensitivity"), rows))


def _print_notes(console: Console, document: dict[str, Any]) -> None:
    for title, lines in (("Note", document["warnings"]), ("This rests on", document["assumptions"])):
        if lines:
            _line(console)
            _line(console, title, style="bold")
        for line in lines:
            _line(console, f"  {line}")
    for reason, items in document["excluded_items"].items():
        if items:
            _line(console, f"  {len(items):,} items were left out: {reason}.")


def _line(console: Console, text: str = "", *, style: str | None = None) -> None:
    console.print(printable(text), style=style, markup=False, highlight=False)
