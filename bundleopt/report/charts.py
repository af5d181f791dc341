"""The charts of the report, each made from the plan document and the tables of the run folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundleopt.plan import sentences
from bundleopt.report import curves, formats, svg

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

Row = dict[str, Any]

# What fits one screen; the tables hold every bundle.
BARS_SHOWN, RESPONSES_SHOWN, STOCK_SHOWN, LABELS_SHOWN = 12, 8, 10, 8
_DISCOUNT_BIN = 0.05


def waterfall(document: Row, of: str) -> Markup:
    """Draw where incremental `revenue` or `margin` comes from."""
    parts = document["decomposition" if of == "revenue" else "margin_decomposition"]
    steps = [
        (sentences.DECOMPOSITION_LABELS.get(name, name.replace("_", " ")), amount)
        for name, amount in parts.items()
        if amount is not None
    ]
    return svg.waterfall(steps, (f"incremental {of}", document["totals"][f"incremental_{of}"]["value"]))


def value_bars(bundles: list[Row]) -> Markup:
    """Draw the incremental revenue of the bundles that bring most."""
    rows = [(f"{row['number']}  {_named(row)}", row["incremental_revenue"]) for row in bundles[:BARS_SHOWN]]
    return svg.bars(rows, title="Incremental revenue of each bundle")


def discounts(bundles: list[Row]) -> Markup:
    """Draw how many bundles have which discount."""
    bins = Counter(round(row["discount"] / _DISCOUNT_BIN) for row in bundles)
    steps = range(min(bins), max(bins) + 1) if bins else range(0)
    rows = [(formats.whole_share(step * _DISCOUNT_BIN), bins[step]) for step in steps]
    return svg.histogram(rows, title="Bundles by discount")


def slots(offers: pd.DataFrame) -> Markup:
    """Draw how many customers hold how many offers."""
    shown = offers[~offers["holdout"].astype(bool)]
    held = Counter(Counter(shown["customer_id"]).values())
    rows = [(sentences.counted(number, "offer"), held[number]) for number in sorted(held)]
    return svg.histogram(rows, title="Customers by number of offers")


def budget(document: Row) -> Markup | None:
    """Draw how much of the budget is spent; None without one."""
    limit = document["config"].get("solve.budget")
    spend = document["totals"]["promo_spend"]["value"]
    return svg.gauge(spend, limit, title="Promo spend of the budget") if limit else None


@dataclass(frozen=True)
class Chart:
    """A chart with the heading that stands above it."""

    title: str
    drawing: Markup


def price_responses(document: Row, bundles: list[Row]) -> list[Chart]:
    """Draw, for the bundles that bring most, money over the discount: the same customers at every price."""
    found = {row["bundle_id"]: row for row in document.get("price_response") or ()}
    charts = []
    for row in bundles[:RESPONSES_SHOWN]:
        points = found.get(row["bundle_id"], {}).get("points", [])
        if len(points) < 2:
            continue
        series = [
            curves.Line("revenue", [(p["discount"], p["incremental_revenue"]) for p in points]),
            curves.Line("margin", [(p["discount"], p["incremental_margin"]) for p in points], "total"),
            curves.Line("spend", [(p["discount"], p["promo_spend"]) for p in points], "loss", dashed=True),
        ]
        title = f"{row['number']}. {_named(row)}"
        drawn = curves.xy_lines(
            series, title=f"{title}: money by discount", names=("discount", ""), marked=row["discount"], is_share=True
        )
        charts.append(Chart(title, drawn))
    return charts


def sensitivity(document: Row, bundles: list[Row]) -> Markup | None:
    """Draw each bundle's discount against the price sensitivity of who is shown it; None below two bundles."""
    found = {row["bundle_id"]: row["price_sensitivity"] for row in document.get("price_response") or ()}
    known = [row for row in bundles if found.get(row["bundle_id"]) is not None]
    if len(known) < 2:
        return None
    most = max(row["customers"] for row in known) or 1
    # Numbers of the bundles with most customers: all of them would cover each other.
    named = {row["number"] for row in sorted(known, key=lambda row: -row["customers"])[:LABELS_SHOWN]}
    points = [
        curves.Point(
            str(row["number"]) if row["number"] in named else "",
            found[row["bundle_id"]],
            row["discount"],
            row["customers"] / most,
        )
        for row in known
    ]
    slope = sum(_centred([p.x for p in points], [p.y for p in points]))
    word = "more" if slope > 1e-9 else "less" if slope < -1e-9 else "no more"
    return curves.scatter(
        points,
        title="Discount against price sensitivity",
        names=("price sensitivity of its customers (all customers: 1)", "discount"),
        desc=(
            "One mark a bundle, the largest audiences numbered as in the menu. "
            f"More sensitive audiences get {word} discount."
        ),
    )


def stock_use(bundles: list[Row], inventory: pd.DataFrame) -> Markup | None:
    """Draw what the campaign leaves of the items that are nearest to selling out; None where stock is unlimited."""
    touched = inventory[(inventory["incremental_units"] > 0) & inventory["slack"].notna()].copy()
    if not len(touched):
        return None
    touched["share"] = touched["slack"] / touched["on_hand"]
    names = {item: name for row in bundles for item, name in zip(row["item_ids"], row["item_names"], strict=False)}
    ranked = touched.sort_values(["share", "item_id"]).head(STOCK_SHOWN)
    return svg.stock_bars(
        [
            svg.StockRow(
                names.get(row["item_id"], str(row["item_id"])),
                row["on_hand"],
                row["baseline_units"],
                row["incremental_units"],
                row["slack"],
            )
            for row in ranked.to_dict("records")
        ]
    )


def recent_weeks(document: Row) -> Markup | None:
    """Draw units of the last weeks and of the forecast; None where the plan holds no recent weeks."""
    found = document.get("recent_weeks") or {}
    if not found.get("weeks"):
        return None
    sold = [week["units"] for week in found["weeks"]]
    expected, place = found["forecast"]["units"], len(sold)
    labels = [week["week"][5:] for week in found["weeks"]] + [found["forecast"]["week"][5:]]
    series = [
        curves.Line("sold", list(enumerate(sold)), "total"),
        curves.Line("forecast without the campaign", [(place, expected)], "gain"),
    ]
    return curves.lines(series, title="Units a week before the campaign and in it", labels=labels, names=("", "units"))


def frontier(points: list[Row]) -> Markup | None:
    """Draw revenue, margin and the bound over the budget; None below two plans.

    Args:
        points: each with `budget`, `incremental_revenue` and `incremental_margin`; `incremental_revenue` is None
            where no plan keeps the rules.
    """
    known = [point for point in points if point["incremental_revenue"] is not None]
    if len(known) < 2:
        return None
    series = [
        curves.Line("revenue", [(p["budget"], p["incremental_revenue"]) for p in known]),
        curves.Line("margin", [(p["budget"], p["incremental_margin"]) for p in known], "total"),
    ]
    return curves.xy_lines(series, title="What each budget brings", names=("budget", "incremental money"))


def pareto(points: list[Row]) -> Markup | None:
    """Draw the most revenue for each least margin, and its bound; None below two points.

    Args:
        points: by rising margin, each with `incremental_margin`, `incremental_revenue` and `bound`.
    """
    if len(points) < 2:
        return None
    series = [
        curves.Line("revenue", [(p["incremental_margin"], p["incremental_revenue"]) for p in points]),
        curves.Line(
            "no plan brings more", [(p["incremental_margin"], p["bound"]) for p in points], "total", dashed=True
        ),
    ]
    names = ("incremental margin", "incremental revenue")
    return curves.xy_lines(series, title="What margin costs in revenue", names=names)


def _centred(xs: list[float], ys: list[float]) -> list[float]:
    left, right = sum(xs) / len(xs), sum(ys) / len(ys)
    return [(x - left) * (y - right) for x, y in zip(xs, ys, strict=True)]


def _named(row: Row) -> str:
    return " + ".join(row["item_names"])
