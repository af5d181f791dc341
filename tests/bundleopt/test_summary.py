"""What the terminal shows of a plan: short, nothing twice, and plain about what is not proven."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from bundleopt.cli.bundle_names import fit_names
from bundleopt.cli.summary import print_summary
from bundleopt.plan import sentences
from bundleopt.plan.tables import BUNDLE_COLUMNS
from bundleopt.verbs.solve import SolveResult
from tests.bundleopt.small_plan import small_document, small_valued_plan

WIDTH = 110


def _bundles(number: int) -> pd.DataFrame:
    names = [
        "FLUID MILK WHITE ONLY, 1 GA",
        "BANANAS, 40 LB",
        "POTATOES RUSSET (BULK&BAG), 10 LB",
        "GRAPES WHITE, 18 LB",
    ]
    row = dict.fromkeys(BUNDLE_COLUMNS, 1.0) | {"item_names": names, "discount": 0.3}
    return pd.DataFrame([row | {"bundle_id": f"B{k}", "incremental_revenue": float(k)} for k in range(number)])


def _page(document: dict[str, Any], bundles: pd.DataFrame) -> list[str]:
    text = io.StringIO()
    result = SolveResult(Path("plan"), document, bundles, pd.DataFrame(), pd.DataFrame())
    print_summary(Console(file=text, width=WIDTH, highlight=False), result)
    return text.getvalue().splitlines()


def test_ten_bundles_are_shown_best_first_and_the_others_added_up() -> None:
    document = small_document(small_valued_plan()) | {"menu": {"bundles": 30, "offers": 30}}
    page = _page(document, _bundles(30))
    shown = [line for line in page if ": FLUID MILK" in line]
    assert [line.split(":")[0] for line in shown] == [f"B{k}" for k in range(29, 19, -1)]  # same names: told apart
    assert len(shown) == 10
    assert [line.split()[-3] for line in shown] == [f"{k:.2f}" for k in range(29, 19, -1)]
    (others,) = [line for line in page if "and 20 more in report.html and bundles.csv" in line]
    assert others.split()[-3] == f"{sum(range(20)):.2f}"
    assert max(map(len, page)) <= WIDTH


def test_a_gap_that_was_not_reached_is_said_in_money() -> None:
    document = small_document(small_valued_plan())
    sentence = sentences.status_sentence(document)
    open_money = document["bound"] - document["objective"]["value"]
    assert sentence.startswith("Not proven as asked")
    assert f"{open_money:.2f} is open" in sentence
    assert "--time-limit" in sentence
    proven = document | {"status": "optimal"}
    assert sentences.status_sentence(proven).startswith("Proven after")


def test_only_binding_rules_and_the_budget_are_shown() -> None:
    rule = {"limit": 3.0, "value": 3.0, "slack": 0.0, "shadow_price": 0.0}
    rules = [
        rule | {"name": "budget", "binding": False},
        rule | {"name": "slots", "binding": True},
        rule | {"name": "no_arbitrage", "binding": True},
        *(rule | {"name": f"stock:{k}", "binding": False} for k in range(5)),
    ]
    document = small_document(small_valued_plan()) | {"rules": rules}
    page = "\n".join(_page(document, _bundles(2)))
    assert "slots (binding)" in page
    assert "The other 5 rules hold" in page
    assert "stock:" not in page
    assert "no_arbitrage" not in page
    assert "a unit looser is worth" not in page  # nothing is worth a cent
    rules[1] |= {"name": "min_margin", "limit": 0.3, "shadow_price": 200.64}
    page = "\n".join(_page(document, _bundles(2)))
    assert ("30.0 %" in page, "2.01 a point" in page) == (True, True)
    assert "a unit looser is worth" in page


def test_long_lists_of_assumptions_are_cut_and_no_line_stands_twice() -> None:
    assumed = ("Shares: " + ", ".join(f"category {k}" for k in range(99)), *(f"Assumption {k}." for k in range(11)))
    left_out = {"not promotable": ["1"], "expected to sell out without any campaign": ["2", "3"]}
    page = _page(small_document(small_valued_plan(), assumptions=assumed, excluded=left_out), _bundles(2))
    assert sum("Assumption" in line for line in page) == 7
    assert sum("category" in line for line in page) == 2
    assert any("(whole in report.html)" in line for line in page)
    assert any("and 4 more in report.html" in line for line in page)
    assert any("3 items may not be in a bundle: 1 not promotable, 2 expected to sell out" in line for line in page)
    said = [line.strip() for line in page if line.startswith("  ")]
    assert len(set(said)) == len(said)


def test_an_item_that_was_asked_for_is_told_with_the_bundle_that_stands_in() -> None:
    row = {"bundle_id": "B1", "item_names": ["Milk", "Tea"], "why": "the best bundle with 1", "stands_in": True}
    document = small_document(small_valued_plan(), included=[row, row | {"stands_in": False}])
    assert sentences.included_sentences(document) == ["Milk + Tea (B1) is the best bundle with 1."]


@pytest.mark.parametrize("width", [10, 24, 47, 80])
def test_names_keep_to_their_lines(width: int) -> None:
    names = ["FLUID MILK WHITE ONLY, 1 GA", "BANANAS, 40 LB", "SODA", "SODA"]
    lines = fit_names(names, width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 2 or width < 24
    assert fit_names(["Tea"], width) == "Tea"


def test_break_even_is_only_told_where_sensitivity_is_what_lacks() -> None:
    row = {"item_names": ["Milk", "Tea"], "price": 2.0, "discount": 0.2, "factor": 2.0, "largest_factor": 50.0}
    document = small_document(small_valued_plan(offers=False), break_even=[row])
    assert any("would break even" in line for line in _page(document, _bundles(0)))
    document = small_document(small_valued_plan(offers=False), break_even=[row | {"factor": 1.0}])
    assert not any("would break even" in line for line in _page(document, _bundles(0)))
