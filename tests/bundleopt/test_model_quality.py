"""An evaluation in words and in the report: what is said follows from the figures, and nothing is said without them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from bundleopt.plan import quality_sentences
from bundleopt.report import curves, model_quality
from bundleopt.stages import model_quality as kept
from bundleopt.workspace import Workspace


def group(name: str, predicted: float, observed: float) -> dict:
    ratio = predicted / observed if observed else None
    return {"group": name, "cells": 1000.0, "predicted": predicted, "observed": observed, "ratio": ratio, "error": 0.1}


def department(name: str, items: int, elasticity: float) -> dict:
    return {
        "department": name, "items": items, "regressed": items, "elasticity": elasticity, "low": elasticity - 0.2,
        "high": elasticity + 0.2, "log_log": -1.4, "log_log_promotions": -1.0, "buyers": [1.5, 1.3, 1.12, 1.0, 0.9],
    }  # fmt: skip


def unit_error(name: str, weighted: float) -> dict:
    return {
        "forecast": name, "predicted_over_sold": 1.0, "absolute_error": 1.0, "weighted_error": weighted,
        "deviance": 1.0, "items_better": 0.5,
    }  # fmt: skip


def model_row(name: str, recall: float | None, note: str = "") -> dict:
    return {
        "model": name, "log_loss": 0.007355, "pr_auc": 0.12, "recall": recall, "ndcg": 0.3, "new_item_recall": None,
        "predicted_over_observed": 1.01, "z": -4.2, "note": note,
    }  # fmt: skip


@pytest.fixture
def quality() -> dict:
    return {
        "rows": [model_row("personal frequency", 0.193), model_row("bundleopt", 0.218), model_row("LightGBM", None)],
        "reference": "LightGBM", "cells": 1e6, "base_rate": 0.001, "test_weeks": 2, "first_test_week": "2024-01-01",
        "fast": False, "inputs": {"transactions": "abc"},
        "reliability": {"probability": [group("group 1", 5, 4), group("group 2", 5, 6), group("empty", 0, 0)],
                        "department": [group("<dairy>", 9, 10)]},
        "units": {"errors": [unit_error("bundleopt", 0.5), unit_error("mean of the last 4 weeks", 0.6)],
                  "weeks": ["2024-01-01", "2024-01-08"], "predicted": [100.0, 110.0], "sold": [100.0, 105.0],
                  "average": [90.0, 95.0], "weight": 0.2},
        "price_response": {"price_ratios": [0.7, 0.8, 0.9, 1.0, 1.1], "is_shipped": True,
                           "departments": [department("all", 40, -1.1), department("DAIRY", 20, -0.7),
                                           department("<b>MEAT", 20, -1.6)]},
    }  # fmt: skip


def test_three_sentences_answer_the_three_questions(quality: dict) -> None:
    better, totals, price = quality_sentences.three_sentences(quality)
    assert better.startswith("It is better than what is easy to do without it")
    assert "21.8 %" in better
    assert "19.3 %" in better
    assert "50 % of sales" in better
    assert totals.startswith("Its totals are right")
    assert "210 units and 205 were sold (+2.4 %)" in totals
    assert "2024-01-08 (+4.8 %)" in totals
    assert "12.0 % more buyers" in price
    assert "from \u22120.70 in DAIRY to \u22121.60 in <b>MEAT" in price
    assert "only a test can settle it" in price
    assert "trained for the test" not in price
    quality["price_response"]["is_shipped"] = False
    assert "trained for the test" in quality_sentences.price_sentence(quality)


def test_a_worse_model_is_called_worse(quality: dict) -> None:
    worse = copy.deepcopy(quality)
    worse["rows"][1]["recall"] = 0.15
    worse["units"]["predicted"] = [130.0, 130.0]
    better, totals, _ = quality_sentences.three_sentences(worse)
    assert better.startswith("It is not better throughout")
    assert "15.0 % of the week's basket, no better than the 19.3 %" in better
    assert totals.startswith("Its totals are too high")
    worse["units"]["sold"] = [0.0, 0.0]
    assert "cannot be said" in quality_sentences.totals_sentence(worse)


def test_the_section_escapes_and_draws_what_is_known(quality: dict) -> None:
    shown = model_quality.section(quality)
    assert shown["reliability"].count("<circle") == 2
    assert "&lt;b&gt;MEAT" in shown["response"]
    assert "<b>" not in shown["response"]
    assert shown["weeks"].count("<polyline") == 3
    assert shown["rows"][2]["cells"][2] == "\u2013"
    assert model_quality.section(None) == {"command": "bundleopt evaluate"}


def test_charts_put_values_where_the_axes_say() -> None:
    drawn = curves.reliability_curve([(0.01, 0.01), (0.1, 0.1), (0.0, 0.5)], title="a & b")
    assert "a &amp; b" in drawn
    assert "1 %" in drawn
    flat = curves.lines([curves.Line("x", [(0, 5.0)])], title="t", labels=["w"], names=("", "units"))
    assert "<circle" in flat
    assert "<circle" not in curves.ranges([], title="t", note="n")


def test_figures_of_other_data_are_not_shown(quality: dict, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.make_folders()
    assert kept.read(workspace, {"transactions": "abc"}) is None
    kept.keep(workspace, quality)
    found = kept.read(workspace, {"transactions": "abc", "forecast": "x"})
    assert found is not None
    assert found["units"] == quality["units"]
    assert kept.read(workspace, {"transactions": "other"}) is None
    (workspace.models / kept.FILE).write_text(json.dumps([1]))
    assert kept.read(workspace, {}) is None
    (workspace.models / kept.FILE).write_text("{")
    assert kept.read(workspace, {}) is None
