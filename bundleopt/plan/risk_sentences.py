"""What could go wrong with a plan, in words: a bad week, an overspent budget, an optimistic choice, tight stock."""

from __future__ import annotations

from typing import Any

from bundleopt.plan import sentences
from bundleopt.report import formats

_CENT = 0.01


def risk_sentences(document: dict[str, Any]) -> list[str]:
    """Return the risks of a plan with offers, the one that costs most first; none for an empty plan."""
    if not document["menu"]["offers"]:
        return []
    found = [
        _bad_week(document),
        _overspend(document),
        *sentences.held_out_sentences(document),
        _tight(document),
        _additivity(document),
    ]
    return [text for text in found if text]


def _bad_week(document: dict[str, Any]) -> str:
    """The lower ends of the outcome intervals: half of what lies outside an interval lies below it."""
    revenue, margin = (document["totals"][name] for name in ("incremental_revenue", "incremental_margin"))
    odds = _one_in((1 - revenue["level"]) / 2)
    low, worst = formats.priced(revenue["low"]), formats.priced(margin["low"])
    told = f"A bad week: in one of {odds}, the campaign brings less than {low} of incremental revenue"
    if margin["low"] < 0:
        return f"{told}; in one of {odds} it loses more than {formats.priced(-margin['low'])} of margin."
    return f"{told}; in one of {odds}, less than {worst} of incremental margin."


def _overspend(document: dict[str, Any]) -> str | None:
    budget, spend = document["config"].get("solve.budget"), document["totals"]["promo_spend"]
    if budget is None or spend["high"] <= budget + _CENT:
        return None
    odds = _one_in((1 - spend["level"]) / 2)
    if document["config"].get("solve.budget_confidence"):
        kept = formats.whole_share(document["config"]["solve.budget_confidence"])
        return f"The budget of {formats.priced(budget)} is kept with a chance of {kept}, as was asked."
    return (
        f"The budget of {formats.priced(budget)} holds for expected spend; in one week of {odds}, customers redeem "
        f"more than {formats.priced(spend['high'])} of discounts. Plan with --budget-confidence 95% to keep a reserve."
    )


def _tight(document: dict[str, Any]) -> str | None:
    tight = [rule["name"] for rule in document["rules"] if rule["binding"] and rule["name"].startswith("stock")]
    if not tight:
        return None
    items = ", ".join(name.partition(":")[2] or name for name in tight[:5])
    return f"The plan sells {sentences.counted(len(tight), 'item')} down to the safety stock: {items}."


def _additivity(document: dict[str, Any]) -> str | None:
    found = document.get("additivity") or {}
    return str(found["sentence"]) if "sentence" in found else None


def _one_in(chance: float) -> str:
    return formats.count(1 / chance) if chance > 0 else "very many"
