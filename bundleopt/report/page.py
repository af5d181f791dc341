"""The report page, made from what a run folder holds: the plan document and its tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from bundleopt.experiment.sentences import experiment_sentences
from bundleopt.plan import sentences
from bundleopt.plan.risk_sentences import risk_sentences
from bundleopt.plan.week_sentences import week_sentences
from bundleopt.report import charts, formats, model_quality

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

TEMPLATE = "report.html.j2"

# The questions of the page, in its order: (anchor, heading).
SECTIONS = (
    ("do", "What to do"),
    ("brings", "What it brings"),
    ("risks", "What could go wrong"),
    ("why", "Why each bundle"),
    ("rules", "Which rules bind"),
    ("weeks", "The forecast against the last weeks"),
    ("data", "Data quality and assumptions"),
    ("model", "Model quality"),
    ("made", "How it was made"),
)


def render_report(document: dict[str, Any], tables: dict[str, pd.DataFrame]) -> str:
    """Return the whole page as HTML, in the number format and the currency of the plan's configuration.

    Every text of the data is escaped by the template engine; the page has no script, and loads nothing.

    Args:
        document: `plan.json`; where it holds `frontier`, the plans of other budgets are drawn.
        tables: `bundles`, `offers` and `inventory`.
    """
    with formats.written_as(formats.format_of(document["config"])):
        return environment().get_template(TEMPLATE).render(**page_values(document, tables))


def environment() -> jinja2.Environment:
    """Return the template engine of all pages: it escapes every text, and refuses a name that nobody gave."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("bundleopt.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.filters |= {
        "money": formats.money,
        "priced": formats.priced,
        "share": formats.share,
        "fine_share": formats.fine_share,
        "count": formats.count,
        "number": formats.number,
    }
    return made


def page_values(document: dict[str, Any], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what the template shows."""
    bundles = numbered_bundles(tables["bundles"])
    return {
        "plan": document,
        "sections": SECTIONS,
        "days": _days(document["week"]),
        "bundles": bundles,
        "cards": _cards(document),
        "lead": lead_sentence(document),
        "bound_sentence": sentences.bound_sentence(document),
        "pairs": sentences.pairs_sentences(document),
        "status_sentence": sentences.status_sentence(document),
        "target": sentences.target_sentence(document),
        "empty": sentences.empty_sentence(document),
        "margin_notice": sentences.margin_sentence(document),
        "included": sentences.included_sentences(document),
        "risks": risk_sentences(document),
        "experiment": experiment_sentences(document),
        "weeks": week_sentences(document),
        "charts": _charts(document, tables, bundles),
        "rules": _rules(document),
        "frontier": document.get("frontier") or [],
        "pareto": document.get("pareto") or [],
        "tight_stock": _tight_stock(tables["inventory"]),
        "quality": model_quality.section(document.get("model_quality")),
        "currency": document["config"].get("data.currency", ""),
    }


def numbered_bundles(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the bundles as rows, the one that brings most first, each with its number on the page."""
    ranked = table.sort_values("incremental_revenue", ascending=False, kind="stable")
    return [row | {"number": place} for place, row in enumerate(_records(ranked), start=1)]


def _charts(document: dict[str, Any], tables: dict[str, pd.DataFrame], bundles: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "waterfall": charts.waterfall(document, "revenue"),
        "margin_waterfall": charts.waterfall(document, "margin"),
        "frontier": charts.frontier(document.get("frontier") or []),
        "pareto": charts.pareto(document.get("pareto") or []),
        "values": charts.value_bars(bundles),
        "responses": charts.price_responses(document, bundles),
        "sensitivity": charts.sensitivity(document, bundles),
        "discounts": charts.discounts(bundles),
        "slots": charts.slots(tables["offers"]),
        "budget": charts.budget(document),
        "stock": charts.stock_use(bundles, tables["inventory"]),
        "weeks": charts.recent_weeks(document),
    }


def _days(monday: str) -> str:
    first = date.fromisoformat(monday)
    return f"Monday {first} to Sunday {first + timedelta(days=6)}"


def lead_sentence(document: dict[str, Any]) -> str:
    """Return the plan in a sentence that can be acted on."""
    menu, reached = document["menu"], document["totals"]["customers_reached"]["value"]
    bundles = sentences.counted(menu["bundles"], "bundle")
    shown = f"{sentences.counted(menu['offers'], 'offer')} to {sentences.counted(reached, 'customer')}"
    if document["config"].get("solve.redemption") == "public":
        return f"Put {bundles} on the shelf for everybody, and draw attention to them with {shown}."
    return f"Sell {bundles} at the prices below, and show {shown}: offers.csv names who sees what."


def _cards(document: dict[str, Any]) -> list[dict[str, str]]:
    totals = document["totals"]
    rows = (
        ("incremental_revenue", "incremental revenue", formats.priced, formats.money),
        ("incremental_margin", "incremental margin", formats.priced, formats.money),
        ("promo_spend", "promo spend", formats.priced, formats.money),
        ("redemptions", "redemptions", formats.count, formats.count),
        ("customers_reached", "customers reached", formats.count, formats.count),
    )
    cards = []
    for name, label, write, write_end in rows:
        total = totals[name]
        spread = f"{write_end(total['low'])} to {write_end(total['high'])}" if total["low"] != total["high"] else ""
        expectation = total.get("expectation") or {}
        known = expectation.get("low") is not None
        sure = f"{write_end(expectation['low'])} to {write_end(expectation['high'])}" if known else ""
        cards.append({"label": label, "value": write(total["value"]), "spread": spread, "expectation": sure})
    return cards


def _rules(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules for people: those that bind first, of the stock rules of single items only those."""
    told = [rule for rule in document["rules"] if rule["binding"] or not rule["name"].startswith("stock")]
    return sorted(told, key=lambda rule: not rule["binding"])


def _tight_stock(inventory: pd.DataFrame) -> list[dict[str, Any]]:
    touched = inventory[(inventory["incremental_units"] > 0) & inventory["slack"].notna()]
    return _records(touched.sort_values(["slack", "item_id"]).head(10))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]
