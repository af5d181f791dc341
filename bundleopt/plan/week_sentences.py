"""The forecast of the campaign week against the weeks before it, in words."""

from __future__ import annotations

from typing import Any

from bundleopt.report import formats

_MEAN_OF = 4


def week_sentences(document: dict[str, Any]) -> list[str]:
    """Return what the forecast says beside recent sales; nothing where the plan holds no recent weeks."""
    found = document.get("recent_weeks") or {}
    if not found.get("weeks"):
        return []
    return [_against_last(found), *_year_before(found), _campaign(document, found)]


def _against_last(found: dict[str, Any]) -> str:
    last = [week["units"] for week in found["weeks"][-_MEAN_OF:]]
    mean, expected = sum(last) / len(last), found["forecast"]["units"]
    how = f"the mean of the last {len(last)} weeks ({formats.count(mean)})"
    told = f"Without the campaign, {formats.count(expected)} units are expected in the week"
    return f"{told}, {_change(expected, mean)} {how}." if mean > 0 else f"{told}."


def _year_before(found: dict[str, Any]) -> list[str]:
    year = found.get("year_before")
    if not year or not year["units"]:
        return []
    change = _change(found["forecast"]["units"], year["units"])
    return [f"That is {change} the same week a year before, from {year['week']} ({formats.count(year['units'])})."]


def _campaign(document: dict[str, Any], found: dict[str, Any]) -> str:
    base, extra = found["forecast"]["units"], found["forecast"]["extra_units"]
    share = f" ({formats.share(extra / base)})" if base else ""
    gain = formats.priced(document["totals"]["incremental_revenue"]["value"])
    return f"The campaign adds {formats.number(round(extra, 1))} units{share} and {gain} of revenue to it."


def _change(value: float, base: float) -> str:
    change = value / base - 1.0
    if abs(change) < 0.0005:
        return "as many as"
    return f"{formats.share(abs(change))} {'above' if change > 0 else 'below'}"
