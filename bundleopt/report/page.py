"""The report page, made from what a run folder holds: the plan document and its tables."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from bundleopt.plan import sentences
from bundleopt.report import formats, model_quality, svg

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

TEMPLATE = "report.html.j2"
# What fits one screen of bars; the table below holds every bundle.
BARS_SHOWN = 15
_DISCOUNT_BIN = 0.05


def render_report(document: dict[str, Any], tables: dict[str, pd.DataFrame]) -> str:
    """Return the whole page as HTML.

    Every text of the data is escaped by the template engine; the page has no script, and loads nothing.

    Args:
        document: `plan.json`.
        tables: `bundles`, `offers` and `inventory`.
    """
    return environment().get_template(TEMPLATE).render(**page_values(document, tables))


def environment() -> jinja2.Environment:
    """Return the template engine of all pages: it escapes every text, and refuses a name that nobody gave."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("bundleopt.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.filters |= {
        "money": formats.money,
        "share": formats.share,
        "fine_share": formats.fine_share,
        "count": formats.count,
        "number": formats.number,
    }
    return made


def page_values(document: dict[str, Any], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what the template shows."""
    bundles = _records(tables["bundles"])
    return {
        "plan": document,
        "bundles": bundles,
        "cards": _cards(document),
        "bound_sentence": sentences.bound_sentence(document),
        "status_sentence": sentences.status_sentence(document),
        "notices": sentences.notices(document),
        "held_out": sentences.held_out_sentences(document),
        "waterfall": _waterfall(document["decomposition"], document, "incremental_revenue"),
        "margin_waterfall": _waterfall(document["margin_decomposition"], document, "incremental_margin"),
        "value_bars": _value_bars(bundles),
        "discounts": _discounts(bundles),
        "slots": _slots(tables["offers"]),
        "budget": _budget(document),
        "rules": _rules(document),
        "tight_stock": _tight_stock(tables["inventory"]),
        "quality": model_quality.section(document.get("model_quality")),
        "currency": document["config"].get("data.currency", ""),
    }


def _cards(document: dict[str, Any]) -> list[dict[str, str]]:
    totals = document["totals"]
    rows = (
        ("incremental_revenue", "incremental revenue", formats.money),
        ("incremental_margin", "incremental margin", formats.money),
        ("promo_spend", "promo spend", formats.money),
        ("redemptions", "redemptions", formats.count),
        ("customers_reached", "customers reached", formats.count),
    )
    cards = []
    for name, label, write in rows:
        total = totals[name]
        spread = f"{write(total['low'])} to {write(total['high'])}" if total["low"] != total["high"] else ""
        expectation = total.get("expectation") or {}
        known = expectation.get("low") is not None
        sure = f"{write(expectation['low'])} to {write(expectation['high'])}" if known else ""
        cards.append({"label": label, "value": write(total["value"]), "spread": spread, "expectation": sure})
    return cards


def _waterfall(parts: dict[str, float], document: dict[str, Any], total: str) -> str:
    steps = [
        (sentences.DECOMPOSITION_LABELS.get(name, name.replace("_", " ")), amount)
        for name, amount in parts.items()
        if amount is not None
    ]
    return svg.waterfall(steps, (total.replace("_", " "), document["totals"][total]["value"]))


def _value_bars(bundles: list[dict[str, Any]]) -> str:
    ranked = sorted(bundles, key=lambda row: -row["incremental_revenue"])[:BARS_SHOWN]
    rows = [(" + ".join(row["item_names"]), row["incremental_revenue"]) for row in ranked]
    return svg.bars(rows, title="Incremental revenue of each bundle")


def _discounts(bundles: list[dict[str, Any]]) -> str:
    bins: dict[int, int] = {}
    for row in bundles:
        step = round(row["discount"] / _DISCOUNT_BIN)
        bins[step] = bins.get(step, 0) + 1
    steps = range(min(bins), max(bins) + 1) if bins else range(0)
    rows = [(f"{step * _DISCOUNT_BIN:.0%}", bins.get(step, 0)) for step in steps]
    return svg.histogram(rows, title="Bundles by discount")


def _slots(offers: pd.DataFrame) -> str:
    held = Counter(Counter(offers["customer_id"]).values())
    rows = [(f"{number} offer{'s' if number > 1 else ''}", held[number]) for number in sorted(held)]
    return svg.histogram(rows, title="Customers by number of offers")


def _budget(document: dict[str, Any]) -> str | None:
    limit = document["config"].get("solve.budget")
    spend = document["totals"]["promo_spend"]["value"]
    return svg.gauge(spend, limit, title="Promo spend of the budget") if limit else None


def _rules(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules for people: all that are not about the stock of one item, and the stock rules that bind."""
    return [rule for rule in document["rules"] if rule["binding"] or not rule["name"].startswith("stock")]


def _tight_stock(inventory: pd.DataFrame) -> list[dict[str, Any]]:
    touched = inventory[(inventory["incremental_units"] > 0) & inventory["slack"].notna()]
    return _records(touched.sort_values(["slack", "item_id"]).head(10))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]
