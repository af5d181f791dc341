"""The plan as the terminal shows it: totals with their bound, the best bundles, the rules that bind, what it rests on.

It fits one screen or two; the report and the tables of the run folder hold every line.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from bundleopt.cli.bundle_names import fit_names
from bundleopt.cli.failures import printable
from bundleopt.cli.tables import plain_table
from bundleopt.experiment.sentences import experiment_sentences
from bundleopt.plan import sentences
from bundleopt.report import formats

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from rich.console import Console

    from bundleopt.verbs.solve import SolveResult

# What fits one screen; the files hold the rest.
_BUNDLES_SHOWN = 10
_RULES_SHOWN = 12
_ASSUMPTIONS_SHOWN = 8
_NARROWEST_NAMES = 24
# A rule that counts broken cases says nothing in a table of limits: a plan with one is never published.
_UNSAID = frozenset({"no_arbitrage"})
_COLUMN_GAP = 3

_TOTALS = (
    ("incremental_revenue", "incremental revenue", formats.money),
    ("incremental_margin", "incremental margin", formats.money),
    ("promo_spend", "promo spend", formats.money),
    ("redemptions", "redemptions", formats.count),
)


def print_summary(console: Console, result: SolveResult) -> None:
    """Print the whole summary, in the number format of the plan's configuration."""
    with formats.written_as(formats.format_of(result.document["config"])):
        _print_all(console, result)


def _print_all(console: Console, result: SolveResult) -> None:
    document = result.document
    _line(console)
    _line(console, _title(document), style="bold")
    _line(console)
    console.print(totals_table(document))
    _line(console)
    _line(console, sentences.bound_sentence(document), style="bold green")
    for text in sentences.pairs_sentences(document):
        _line(console, text)
    _line(console, sentences.status_sentence(document))
    for text in sentences.held_out_sentences(document):
        _line(console, text)
    for text in experiment_sentences(document):
        _line(console, text)
    for text in sentences.notices(document):
        _line(console, text, style="yellow")
    if document["menu"]["bundles"]:
        _line(console)
        console.print(_menu(result, console.width))
    _print_break_even(console, document)
    _print_rules(console, document)
    _print_pareto(console, document)
    _print_notes(console, document)
    _line(console)
    _line(console, f"Run folder: {result.folder}")
    _line(console, f"Report:     {result.folder / 'report.html'}")
    for text in next_steps(result):
        _line(console, text)


def next_steps(result: SolveResult) -> list[str]:
    """Name the commands that people reach for after a plan, with this plan's own figures in them."""
    document, number = result.document, result.folder.name.partition("-")[0]
    if not document["menu"]["bundles"]:
        return []
    budget = document["config"].get("solve.budget")
    best = result.bundles["bundle_id"].iloc[int(result.bundles["incremental_revenue"].argmax())]
    half = f"bundleopt whatif --budget {budget / 2:.10g},{budget:.10g}" if budget else ""
    steps = (half, f"bundleopt explain {best}", f"bundleopt export {number} --xlsx plan-to-review.xlsx")
    is_numbered = result.folder.parent.name == "runs"
    return [f"{'next:' if place == 0 else '':<12}{step}" for place, step in enumerate(filter(None, steps))][
        : None if is_numbered else 2
    ]


def _title(document: dict[str, Any]) -> str:
    menu, reached = document["menu"], document["totals"]["customers_reached"]["value"]
    offers = sentences.counted(menu["offers"], "offer")
    bundles, customers = sentences.counted(menu["bundles"], "bundle"), sentences.counted(reached, "customer")
    if document["config"].get("solve.redemption") == "public":
        bundles = f"{bundles} on the shelf for everybody"
    return f"Campaign of the week of {document['week']}: {bundles}, {offers} to {customers}"


def totals_table(document: dict[str, Any]) -> Any:
    """The totals of a plan document with the intervals of their expectations and of their outcomes."""
    totals = document["totals"]
    level = totals["incremental_revenue"]["level"]
    rows: list[tuple[str, ...]] = []
    revenue = ("revenue", _revenue_label(document), formats.money)
    for name, label, write in (*_TOTALS, revenue):
        one = totals[name]
        spread = f"{write(one['low'])} to {write(one['high'])}" if one["low"] != one["high"] else ""
        rows.append((label, write(one["value"]), _expectation(one, write), spread))
    head: tuple[str, ...] = ("", "#expected", f"#{level:.0%} of expectations", f"#{level:.0%} of outcomes")
    if not any(row[2] for row in rows):
        # A plan without draws has one interval only.
        head, rows = (*head[:2], head[3]), [(*row[:2], row[3]) for row in rows]
    return plain_table(head, rows)


def _expectation(total: dict[str, Any], write: Callable[[float], str]) -> str:
    """The interval of the expectation, "" where the model gave no draws."""
    interval = total.get("expectation") or {}
    return "" if interval.get("low") is None else f"{write(interval['low'])} to {write(interval['high'])}"


def _revenue_label(document: dict[str, Any]) -> str:
    items = document["model"].get("items")
    return f"revenue of {items:,} items" if items else "revenue of the week"


def _menu(result: SolveResult, width: int) -> Any:
    """The bundles that bring most, and one line that adds up the others."""
    bundles = result.bundles.sort_values("incremental_revenue", ascending=False, kind="stable")
    shown, others = bundles.head(_BUNDLES_SHOWN), bundles.iloc[_BUNDLES_SHOWN:]
    rows = [_menu_numbers(row) for row in shown.to_dict("records")]
    head = ("price", "off", "shown to", "redeemed", "revenue", "margin", "spend")
    if len(others):
        summed = ("customers", "redemptions", "incremental_revenue", "incremental_margin", "promo_spend")
        rows.append(_menu_numbers({name: others[name].sum() for name in summed}))
    taken = sum(max(len(name), *(len(row[k]) for row in rows)) for k, name in enumerate(head))
    room = max(_NARROWEST_NAMES, width - taken - _COLUMN_GAP * len(head))
    names = [fit_names(held, room) for held in _told_apart(shown)]
    names += [f"and {len(others):,} more in report.html and bundles.csv"] if len(others) else []
    return plain_table(
        ("bundle", *(f"#{name}" for name in head)), [(n, *row) for n, row in zip(names, rows, strict=True)]
    )


def _told_apart(bundles: pd.DataFrame) -> list[list[str]]:
    """The names of each bundle's items; bundles of products that share their names begin with their id."""
    held = [[printable(name) for name in names] for names in bundles["item_names"]]
    return [
        [f"{bundle_id}: {names[0]}", *names[1:]] if held.count(names) > 1 else names
        for bundle_id, names in zip(bundles["bundle_id"], held, strict=True)
    ]


def _menu_numbers(row: dict[Any, Any]) -> tuple[str, ...]:
    return (
        formats.money(row["price"]) if "price" in row else "",
        f"{row['discount']:.0%}" if "discount" in row else "",
        formats.count(row["customers"]),
        formats.number(round(row["redemptions"], 1)),
        formats.money(row["incremental_revenue"]),
        formats.money(row["incremental_margin"]),
        formats.money(row["promo_spend"]),
    )


def _print_rules(console: Console, document: dict[str, Any]) -> None:
    """The budget and the rules that bind; the others only by their number."""
    rules = [rule for rule in document["rules"] if rule["name"] not in _UNSAID]
    shown = [rule for rule in rules if rule["binding"] or rule["name"] == "budget"][:_RULES_SHOWN]
    _line(console)
    if shown:
        has_price = any(sentences.has_worth(rule["shadow_price"]) for rule in shown)
        head = ("rule", "#limit", "#plan", "#left") + (("#a unit looser is worth",) if has_price else ())
        console.print(plain_table(head, [_rule_row(rule)[: len(head)] for rule in shown]))
    if others := len(rules) - len(shown):
        _line(console, sentences.slack_rules(others, is_all=not shown))


def _print_pareto(console: Console, document: dict[str, Any]) -> None:
    """Revenue against margin, where that was asked for."""
    rows = document.get("pareto") or []
    if not rows:
        return
    head = ("#at least this margin", "#revenue", "#no plan brings more than", "#gap", "#spend", "#bundles")
    names = ("least_margin", "incremental_revenue", "bound")
    lines = [
        (
            *(formats.money(row[name]) for name in names),
            formats.fine_share(row["gap"]),
            formats.money(row["promo_spend"]),
            formats.count(row["bundles"]),
        )
        for row in rows
    ]
    _line(console)
    console.print(plain_table(head, lines))


def _rule_row(rule: dict[str, Any]) -> tuple[str, ...]:
    name = rule["name"] + (" (binding)" if rule["binding"] else "")
    # A margin floor is a share: a whole unit of it is no step anybody takes, one percentage point is.
    is_share = rule["name"].partition(":")[0] == "min_margin"
    write = formats.fine_share if is_share else formats.number
    price = rule["shadow_price"]
    price = price / 100 if is_share and price is not None else price
    worth = formats.money(price) + (" a point" if is_share else "") if sentences.has_worth(price) else ""
    return (name, *(write(rule[key]) for key in ("limit", "value", "slack")), worth)


def _print_break_even(console: Console, document: dict[str, Any]) -> None:
    # Where a bundle earns its discount and only the rules keep it out, sensitivity is not the question.
    if not document["break_even"] or any(
        row["factor"] is not None and row["factor"] <= 1 for row in document["break_even"]
    ):
        return
    rows = []
    for row in document["break_even"][:10]:
        largest = row["largest_factor"]
        factor = f"never up to {largest:g}x" if row["factor"] is None else f"{row['factor']:g}x"
        names = fit_names([printable(name) for name in row["item_names"]], console.width // 2)
        rows.append((names, formats.money(row["price"]), f"{row['discount']:.0%}", factor))
    _line(console)
    console.print(plain_table(("would break even", "#price", "#off", "#at price sensitivity"), rows))


def _print_notes(console: Console, document: dict[str, Any]) -> None:
    assumed = document["assumptions"]
    more = len(assumed) - _ASSUMPTIONS_SHOWN
    # A line that says "one more" would take the room of that one.
    rests = assumed if more <= 1 else [*assumed[:_ASSUMPTIONS_SHOWN], f"and {more} more in report.html."]
    left_out = sentences.left_out(document)
    for title, lines in (("Note", [*document["warnings"], *left_out]), ("This rests on", rests)):
        if lines:
            _line(console)
            _line(console, title, style="bold")
        for line in lines:
            _line(console, _indented(line, console.width))


def _indented(text: str, width: int) -> str:
    """One or two lines; a longer sentence is cut, and stands whole in the report."""
    text = textwrap.shorten(text, 2 * width - 20, placeholder=" ... (whole in report.html)")
    return textwrap.fill(
        text, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def _line(console: Console, text: str = "", *, style: str | None = None) -> None:
    console.print(printable(text), style=style, markup=False, highlight=False)
