"""An evaluation in words: is the forecast better than what one does now, are its totals right, how sure is price."""

from __future__ import annotations

import math
from typing import Any

from bundleopt.report import formats

OURS = "bundleopt"
HABIT = "personal frequency"
"""What a team does that sends everybody what they bought most often."""

AVERAGE = "mean of the last 4 weeks"
LARGE_GAP = 0.03
"""Totals further off than this are not called right."""

SOME_ITEMS = 10


def three_sentences(document: dict[str, Any]) -> list[str]:
    """Return the answers to the three questions, in this order."""
    return [better_sentence(document), totals_sentence(document), price_sentence(document)]


def better_sentence(document: dict[str, Any]) -> str:
    """Say whether the model beats counting past purchases and the moving average."""
    rows = {row["model"]: row for row in document["rows"]}
    ours, habit = rows[OURS], rows.get(HABIT)
    parts = []
    if habit and _known(ours["recall"]) and _known(habit["recall"]):
        word = _compare(ours["recall"], habit["recall"])
        parts.append(
            f"its ten likeliest products for a customer hold {_share(ours['recall'])} of the week's basket, {word} the "
            f"{_share(habit['recall'])} of ranking by past purchases"
        )
    errors = {error["forecast"]: error for error in document["units"]["errors"]}
    mine, theirs = errors[OURS]["weighted_error"], errors[AVERAGE]["weighted_error"]
    if _known(mine) and _known(theirs):
        parts.append(
            f"its weekly units per item are off by {_share(mine, 0)} of sales, {_compare(-mine, -theirs)} the "
            f"{_share(theirs, 0)} of the four-week average"
        )
    verdicts = [_known(mine) and mine < theirs]
    if habit:
        verdicts.append(_known(ours["recall"]) and ours["recall"] > habit["recall"])
    lead = "It is better than what is easy to do without it" if all(verdicts) else "It is not better throughout"
    return f"{lead}: {'; '.join(parts)}." if parts else f"{lead}: too little was bought to compare."


def _compare(left: float, right: float) -> str:
    return "against" if left > right else "no better than"


def totals_sentence(document: dict[str, Any]) -> str:
    """Say how near predicted units are to sold ones, in all and in the worst week."""
    units = document["units"]
    predicted, sold = sum(units["predicted"]), sum(units["sold"])
    if not sold:
        return "Whether its totals are right cannot be said: nothing was sold in the test weeks."
    gap = predicted / sold - 1
    lead = "Its totals are right" if abs(gap) <= LARGE_GAP else f"Its totals are too {'high' if gap > 0 else 'low'}"
    weekly = [p / s - 1 for p, s in zip(units["predicted"], units["sold"], strict=True) if s]
    worst = max(range(len(weekly)), key=lambda place: abs(weekly[place]))
    return (
        f"{lead}: over {len(weekly)} weeks it expected {predicted:,.0f} units and {sold:,.0f} were sold "
        f"({_signed_share(gap)}); the week furthest off is that of {units['weeks'][worst]} "
        f"({_signed_share(weekly[worst])})."
    )


def price_sentence(document: dict[str, Any]) -> str:
    """Say how demand answers a price cut, how that spreads, and how far a regression is from it."""
    response = document["price_response"]
    rows = response["departments"]
    overall = rows[0]
    some = [row for row in rows[1:] if row["items"] >= SOME_ITEMS] or rows[1:]
    weak, strong = max(some, key=_elasticity), min(some, key=_elasticity)
    lift = overall["buyers"][response["price_ratios"].index(0.9)] - 1
    text = f"Of price it is least sure: 10 % off brings {_share(lift)} more buyers "
    text += f"(elasticity {_number(overall['elasticity'])}"
    if len(some) > 1:
        text += (
            f"; from {_number(weak['elasticity'])} in {weak['department']} to {_number(strong['elasticity'])} in "
            f"{strong['department']}"
        )
    text += ")"
    if _known(overall["log_log_promotions"]):
        text += (
            f", where a regression of weekly sales says {_number(overall['log_log'])}, and "
            f"{_number(overall['log_log_promotions'])} once display and mailer are held fixed"
        )
    if not response["is_shipped"]:
        text += "; this is the model trained for the test, which knew last week's prices only"
    return text + "; no prices were varied at random, so only a test can settle it."


def _elasticity(row: dict[str, Any]) -> float:
    return float(row["elasticity"])


def _share(value: float, digits: int = 1) -> str:
    return _number(value * 100, digits) + " %"


def _signed_share(value: float) -> str:
    return ("+" if value >= 0 else "") + _share(value)


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", formats.MINUS)


def _known(value: Any) -> bool:
    return value is not None and math.isfinite(value)
