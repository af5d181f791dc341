"""The report's section on the demand model: three sentences, the table, and three charts of the last evaluation."""

from __future__ import annotations

from typing import Any

from bundleopt.plan import quality_sentences
from bundleopt.report import curves

HOW_TO_GET_IT = "bundleopt evaluate"
CATEGORIES_SHOWN = 15
DEPARTMENTS_SHOWN = 16
RESPONSE_NOTE = "dot: all items together; bar: the middle half of the items; \u00d7: regression with display and mailer"

COLUMNS = (
    ("log_loss", "log loss", "{:.6f}"),
    ("pr_auc", "PR-AUC", "{:.4f}"),
    ("recall", "recall@10", "{:.4f}"),
    ("ndcg", "NDCG@10", "{:.4f}"),
    ("new_item_recall", "new items", "{:.4f}"),
    ("predicted_over_observed", "pred/obs", "{:.3f}"),
    ("z", "z", "{:.1f}"),
)


def section(quality: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the template shows; without an evaluation, how to get one."""
    if quality is None:
        return {"command": HOW_TO_GET_IT}
    return {
        "command": None,
        "sentences": quality_sentences.three_sentences(quality),
        "tested": f"{quality['test_weeks']} weeks from {quality['first_test_week']}",
        "training": "quick training" if quality["fast"] else "full training",
        "reference": quality["reference"],
        "heads": [label for _, label, _ in COLUMNS],
        "rows": [_row(row) for row in quality["rows"]],
        "reliability": _reliability(quality),
        "groups": {name: rows for name, rows in quality["reliability"].items() if name != "probability"},
        "weeks": _weeks(quality["units"]),
        "response": _response(quality["price_response"]),
        "categories": _categories(quality["price_response"].get("categories") or []),
        "response_note": f"{RESPONSE_NOTE[0].upper()}{RESPONSE_NOTE[1:]}.",
        "is_shipped": quality["price_response"]["is_shipped"],
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    cells = ["\u2013" if row[name] is None else form.format(row[name]) for name, _, form in COLUMNS]
    return {"model": row["model"], "cells": cells, "note": row["note"]}


def _reliability(quality: dict[str, Any]) -> Any:
    rows = quality["reliability"]["probability"]
    points = [(row["predicted"] / row["cells"], row["observed"] / row["cells"]) for row in rows if row["cells"]]
    return curves.reliability_curve(points, title="Share bought against predicted probability, ten groups")


def _weeks(units: dict[str, Any]) -> Any:
    series = [
        curves.Line("sold", list(enumerate(units["sold"])), "total"),
        curves.Line("forecast", list(enumerate(units["predicted"])), "gain"),
        curves.Line("mean of the last 4 weeks", list(enumerate(units["average"])), "loss", dashed=True),
    ]
    return curves.lines(
        series, title="Units a week, forecast against sold", labels=units["weeks"], names=("week", "units")
    )


def _response(response: dict[str, Any]) -> Any:
    ranked = sorted(response["departments"][1:], key=lambda row: -row["items"])[:DEPARTMENTS_SHOWN]
    rows = [
        (row["department"], row["low"], row["elasticity"], row["high"], row["log_log_promotions"])
        for row in [response["departments"][0], *ranked]
    ]
    return curves.ranges(rows, title="Price elasticity by department", note=RESPONSE_NOTE)


def _categories(rows: list[dict[str, Any]]) -> Any:
    """The categories that sell most; nothing where no regression says anything of one."""
    shown = [
        (row["department"], row["low"], row["elasticity"], row["high"], row["log_log_promotions"])
        for row in rows[:CATEGORIES_SHOWN]
    ]
    return curves.ranges(shown, title="Price elasticity by category", note=RESPONSE_NOTE) if shown else None
