"""A backtest in words: what it showed, and what no backtest on such data can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from bundleopt.past_weeks.drawn_prices import NOT_DRAWN
from bundleopt.report import formats

CAN_SHOW = (
    "What this can show: whether demand without a campaign is forecast rightly, for all items and customers and for "
    "the customers and bundles that plans choose; and how steady plans are."
)
CANNOT_SHOW = (
    "What it cannot show: what the offers would have earned. None was made in these weeks, and customers who met low "
    "prices then differ from those who did not. Hold customers out (solve --holdout 5%) and bring the results back "
    "(bundleopt feedback)."
)


def summary(document: dict[str, Any]) -> list[str]:
    """Return the sentences of the whole backtest."""
    found = [_demand(document["weeks"]), _choice(document["weeks"])]
    if document["stability"]:
        found.append(_steadiness(document["stability"]))
    found += [CAN_SHOW, CANNOT_SHOW]
    if document["drawn_prices"] is None:
        found.append(NOT_DRAWN)
    return found


def _demand(weeks: list[dict[str, Any]]) -> str:
    ratios = [week["items"]["ratio"] for week in weeks if week["items"]["ratio"] is not None]
    if not ratios:
        return "Nothing was sold in these weeks."
    expected = sum(week["items"]["expected_units"] for week in weeks)
    sold = sum(week["items"]["sold_units"] for week in weeks)
    worst = max(ratios, key=lambda ratio: abs(np.log(max(ratio, 1e-9))))
    return (
        f"Over {_weeks(len(weeks))}, {formats.count(expected)} units were expected and {formats.count(sold)} sold "
        f"({expected / max(sold, 1e-9):.1%}); the worst week was off by {abs(worst - 1):.0%}."
    )


def _choice(weeks: list[dict[str, Any]]) -> str:
    expected = sum(week["plan"]["bought_anyway_expected"] for week in weeks)
    bought = sum(week["plan"]["bought_anyway"] for week in weeks)
    variance = sum(
        ((week["plan"]["bought_anyway"] - week["plan"]["bought_anyway_expected"]) / week["plan"]["z"]) ** 2
        for week in weeks
        if week["plan"]["z"]
    )
    judged = "no more than chance" if abs(bought - expected) <= 2 * np.sqrt(max(variance, 1.0)) else "more than chance"
    return (
        f"Of the customers and bundles that the plans chose, {expected:,.1f} were expected to buy the whole set "
        f"anyway, without an offer, and {bought:,} did: {judged} makes of it."
    )


def _steadiness(rows: list[dict[str, Any]]) -> str:
    def mean(name: str) -> str:
        values = [row[name] for row in rows if row[name] is not None]
        return formats.share(float(np.mean(values))) if values else "\u2013"

    return (
        f"From week to week, {mean('bundles_alike')} of the bundles that either plan holds stand in both, "
        f"{mean('same_price')} of those at the same price; {mean('customers_alike')} of the customers and "
        f"{mean('offers_alike')} of the offers."
    )


def _weeks(count: int) -> str:
    return "one week" if count == 1 else f"{count} weeks"
