"""Comparing plans: every figure against what the two run folders hold, and causes that add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bundleopt.comparison.difference import difference
from bundleopt.verbs.compare import compare
from bundleopt.verbs.report import read_result
from bundleopt.verbs.solve import SolveResult, solve
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.small_plan import small_document, small_valued_plan


def _plan(tmp_path: Path, prices: dict[str, float], offers: list[tuple[str, str]], **config: Any) -> SolveResult:
    """A plan of two-item bundles by id, and offers (customer, bundle)."""
    bundles = pd.DataFrame(
        {
            "bundle_id": list(prices),
            "item_names": [["a", name] for name in prices],
            "price": list(prices.values()),
            "customers": [sum(bundle == name for _, bundle in offers) for name in prices],
            "incremental_revenue": [float(len(name)) for name in prices],
            "incremental_margin": [0.5 for _ in prices],
        }
    )
    shown = pd.DataFrame(
        {
            "customer_id": [customer for customer, _ in offers],
            "bundle_id": [bundle for _, bundle in offers],
            "price": [prices[bundle] for _, bundle in offers],
            "holdout": [False for _ in offers],
        }
    )
    document = small_document(small_valued_plan(), config={"solve.budget": 10.0} | config)
    return SolveResult(tmp_path, document, bundles, shown, pd.DataFrame())


def test_bundles_and_customers_are_told_apart(tmp_path: Path) -> None:
    before = _plan(tmp_path, {"A": 3.0, "B": 4.0, "C": 5.0}, [("u", "A"), ("v", "B"), ("w", "C"), ("x", "A")])
    after = _plan(
        tmp_path, {"A": 3.0, "B": 3.5, "D": 6.0}, [("u", "A"), ("v", "B"), ("y", "D"), ("x", "A"), ("x", "D")]
    )
    found = difference(before, after)
    assert {one.bundle_id: one.change for one in found.bundles} == {
        "A": "kept",
        "B": "re-priced",
        "C": "out",
        "D": "in",
    }
    assert found.churn == pytest.approx(2 / 3)
    assert found.customers == {"no longer reached": 1, "newly reached": 1, "other offers": 2, "same offers": 1}
    assert found.offers == (4, 5)
    assert found.offers_kept == 2  # u and x keep A; v's B has another price


def test_a_price_that_differs_below_a_cent_is_the_same_price(tmp_path: Path) -> None:
    before, after = (_plan(tmp_path, {"A": price}, [("u", "A")]) for price in (0.1 + 0.2, 0.3))
    assert difference(before, after).of("kept")
    assert difference(before, after).churn == 0


def test_settings_and_inputs_that_differ_are_named(tmp_path: Path) -> None:
    before, after = _plan(tmp_path, {}, []), _plan(tmp_path, {}, [], **{"solve.budget": 5.0, "solve.slots": 2})
    after.document["inputs"] = {"transactions.csv": "1" * 64, "model/weights": "2"}
    found = difference(before, after)
    assert found.settings == {"solve.budget": (10.0, 5.0), "solve.slots": (None, 2)}
    assert found.inputs == ("transactions.csv", "the model")
    assert found.churn == 0


def test_a_plan_against_itself_with_other_rules_and_prices(workspace: Path, run: CommandLine) -> None:
    solve(workspace, budget=20, gap="5%", seed=1)
    solve(workspace, budget=5, max_bundles=2, gap="5%", seed=1)
    seen = run("compare", 1, 2, "-w", workspace, "--json")
    assert seen.code == 0
    document = seen.document
    totals = document["totals"]["incremental_revenue"]
    assert sum(cause["revenue"] for cause in document["causes"]) == pytest.approx(totals["change"], abs=0.011)
    by_name = {cause["name"]: cause["revenue"] for cause in document["causes"]}
    # Same data, same model, same week: only the rules differ, and the first plan is worth what it was published with.
    assert [by_name[name] for name in ("calendar", "prices", "stock")] == pytest.approx([0.0] * 3, abs=1e-9)
    assert by_name["model"] == pytest.approx(0.0, abs=0.006)
    assert document["settings"]["solve.budget"] == {"before": 20.0, "after": 5.0}
    changes = [one["change"] for one in document["bundles"]]
    assert changes.count("kept") + changes.count("re-priced") + changes.count("in") <= 2
    text = run("compare", 1, 2, "-w", workspace)
    assert "rules, and the new choice of bundles" in text.out
    assert "solve.budget" in text.out


def test_causes_follow_the_calendar_and_the_prices(workspace: Path) -> None:
    solve(workspace, budget=20, gap="5%", week="2024-09-30")
    solve(workspace, budget=20, gap="5%", week="2024-10-07")
    result = compare("1", "2", workspace=workspace)
    assert result.causes is not None
    change = result.after.incremental_revenue - result.before.incremental_revenue
    assert sum(cause.revenue for cause in result.causes) == pytest.approx(change, abs=0.011)
    assert any(abs(cause.revenue) > 0.01 for cause in result.causes if cause.name in {"calendar", "prices"})


def test_stock_that_fails_the_first_plan_costs_it_its_least_valuable_offers() -> None:
    import numpy as np

    from bundleopt.comparison.causes import _within_stock, _Worth

    valued = small_valued_plan()
    worth = _Worth(
        revenue=np.array([3.0, 1.0, 2.0]),
        margin=np.array([0.3, 0.1, 0.2]),
        units=np.array([[1.0, 0.5], [1.0, 0.5], [1.0, 0.5]]),
        items=np.array([[0, 1], [0, 1], [2, 3]], dtype=np.int32),
    )
    enough = replace(valued.stock, slack=np.array([2.0, 1.0, np.inf, 0.5]))
    assert _within_stock(worth, enough) == pytest.approx((6.0, 0.6))
    short = replace(valued.stock, slack=np.array([1.5, 9.0, np.inf, 0.5]))
    assert _within_stock(worth, short) == pytest.approx((5.0, 0.5))
    none = replace(valued.stock, slack=np.array([9.0, 9.0, 0.0, 9.0]))
    assert _within_stock(worth, none) == pytest.approx((4.0, 0.4))


def test_a_run_is_not_compared_with_itself(workspace: Path, run: CommandLine) -> None:
    solve(workspace, budget=0)
    seen = run("compare", 1, "-w", workspace)
    assert seen.code == 2
    assert "itself" in seen.err
    assert read_result(workspace=workspace).offers is not None
