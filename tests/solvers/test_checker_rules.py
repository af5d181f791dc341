"""The checker's own sums for rules that count and rules over draws: kept, broken, misreported, left out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bundleopt_solvers.checker import CheckInputs, check_run
from tests.solvers.run_folder import Run, example

BRANDS = {"a": "Acme", "b": "Best", "c": "Acme", "d": "Best", "e": "", "f": "Wine"}
# u6 holds the control group's offer, u7 and u8 get nothing; five of eight are men and hold three of six offers.
SEX = {"u1": "f", "u2": "f", "u3": "m", "u4": "m", "u5": "m", "u6": "m", "u7": "m", "u8": "f"}
PRICES = {"B1": (("a", "b"), 8.99), "B2": (("c", "d"), 4.99), "B3": (("a", "c", "e"), 7.99)}

CASES = [
    # limits, name of the line, limit, value, slack
    ({"caps": {"brand:Acme": 3}}, "cap:brand:Acme", 3, 3, 0),
    ({"caps": {"brand": 3}}, "cap:brand", 3, 3, 0),
    ({"floors": {"brand:Best": 2}}, "floor:brand:Best", 2, 2, 0),
    ({"min_exposure": 2}, "min_exposure", 2, 2, 0),
    ({"max_exposure": 2}, "max_exposure", 2, 2, 0),
    ({"lock": (PRICES["B1"],)}, "lock", 1, 1, 0),
    ({"base": tuple(PRICES.values())[:2], "base_size": 3, "max_churn": 1}, "max_churn", 1, 1, 0),
    ({"min_incremental_revenue": 8.0}, "min_incremental_revenue", 8.0, 8.745, 0.745),
]
BROKEN = [
    {"caps": {"brand:Acme": 2}},
    {"caps": {"brand": 2}},
    {"floors": {"brand:Best": 3}},
    {"floors": {"brand:Wine": 1}},
    {"min_exposure": 3},
    {"max_exposure": 1},
    {"lock": ((("a", "b"), 8.95),)},
    {"lock": ((("b", "c"), 8.0),)},
    {"base": tuple(PRICES.values())[:2], "base_size": 3, "max_churn": 0},
    {"base": tuple(PRICES.values())[:1], "base_size": 3, "max_churn": 1},
    {"min_incremental_revenue": 9.0},
]


def _run(**limits: object) -> Run:
    run = example().copy()
    run.items["attribute:brand"] = run.items["item_id"].map(BRANDS)
    run.limits = replace(run.limits, **limits)
    return run


def _with_line(run: Run, name: str, limit: float, value: float, slack: float) -> Run:
    line = {"name": name, "limit": limit, "value": value, "slack": slack, "binding": False, "shadow_price": None}
    run.plan["rules"].append(line)
    return run


def _found(run: Run, folder, **inputs: object) -> set[str]:
    return {violation.rule for violation in check_run(folder, replace(run.write(folder), **inputs))}


@pytest.mark.parametrize(("limits", "name", "limit", "value", "slack"), CASES)
def test_a_rule_that_is_kept_passes_and_must_be_reported_right(limits, name, limit, value, slack, tmp_path):
    assert _found(_with_line(_run(**limits), name, limit, value, slack), tmp_path) == set()
    assert _found(_with_line(_run(**limits), name, limit, value + 1, slack), tmp_path) == {"rules"}
    expected = set() if name == "cap:brand" else {"rules"}  # a count over every value may have no case at all
    assert _found(_run(**limits), tmp_path) == expected


@pytest.mark.parametrize("limits", BROKEN)
def test_a_rule_that_is_broken_is_found_by_its_name(limits, tmp_path):
    found = _found(_run(**limits), tmp_path) - {"rules"}
    (name,) = found
    assert name.partition(":")[0] in {"cap", "floor", *limits}


def _customers() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(SEX), "sex": list(SEX.values())})


def _parity_lines(run: Run) -> Run:
    _with_line(run, "parity:sex=f", 0.4, 3 / (6 * 3 / 8) - 1, 0.4 - (3 / (6 * 3 / 8) - 1))
    return _with_line(run, "parity:sex=m", 0.4, 1 - 3 / (6 * 5 / 8), 0.4 - (1 - 3 / (6 * 5 / 8)))


def test_groups_are_treated_alike_within_the_tolerance(tmp_path):
    run = _parity_lines(_run(fairness={"sex": 0.4}))
    assert _found(run, tmp_path, customers=_customers()) == set()
    assert "rules" in _found(_run(fairness={"sex": 0.4}), tmp_path, customers=_customers())
    tight = _found(_run(fairness={"sex": 0.3}), tmp_path, customers=_customers())
    assert "parity:sex=f" in tight
    assert "parity:sex=m" not in tight


def test_customers_outside_the_table_of_groups_are_found(tmp_path):
    run = _parity_lines(_run(fairness={"sex": 0.4}))
    assert "fairness" in _found(run, tmp_path, customers=_customers().iloc[1:])
    twice = pd.concat([_customers(), _customers().iloc[:1]])
    assert "fairness" in _found(run, tmp_path, customers=twice)


def test_prices_of_an_earlier_plan_may_be_off_the_band_others_not(tmp_path):
    run = _run(min_discount=0.11)
    assert "price band" in _found(run, tmp_path)
    kept = _run(min_discount=0.11, base=tuple(PRICES.values()))
    assert "price band" not in _found(kept, tmp_path)
    other = _run(min_discount=0.11, base=tuple((items, price + 0.01) for items, price in PRICES.values()))
    assert "price band" in _found(other, tmp_path)


def _draws() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [(name, draw, *rng.gamma(4, 0.25, 2)) for name in PRICES for draw in range(10)]
    return pd.DataFrame(rows, columns=["bundle_id", "draw", "value", "redemption"])


def _by_draw(run: Run, draws: pd.DataFrame) -> np.ndarray:
    shown = run.offers[~run.offers["holdout"].astype(bool)]
    gain = shown.groupby("bundle_id")["incremental_revenue"].sum()
    table = draws.pivot(index="draw", columns="bundle_id", values="value")
    return (table[gain.index] * gain).sum(axis=1).to_numpy()


def test_the_worst_draws_have_their_weight_in_the_objective(tmp_path):
    run, draws = _run(risk_share=0.25, risk_weight=0.5), _draws()
    values = np.sort(_by_draw(run, draws))
    worst = (values[0] + values[1] + 0.5 * values[2]) / 2.5
    value = 0.5 * run.plan["objective"]["value"] + 0.5 * worst
    bound = value + 1
    run.plan["objective"]["value"], run.plan["bound"], run.plan["gap"] = value, bound, 1 / abs(bound)
    assert _found(run, tmp_path, draws=draws) == set()
    assert "objective" in _found(run, tmp_path, draws=draws.assign(value=draws["value"] * 1.1))
    assert "draws" in _found(run, tmp_path)


def _chance(run: Run, draws: pd.DataFrame, budget: float) -> float:
    shown = run.offers[~run.offers["holdout"].astype(bool)]
    unit = shown["promo_spend"] / shown["redemption_probability"]
    total = 0.0
    for _, part in draws.groupby("draw"):
        factor = shown["bundle_id"].map(part.set_index("bundle_id")["redemption"])
        chance = np.minimum(shown["redemption_probability"] * factor, 1)
        mean, spread = (unit * chance).sum(), math.sqrt((unit**2 * chance * (1 - chance)).sum())
        total += 0.5 * (1 + math.erf((budget - mean) / spread / math.sqrt(2))) / 10
    return total


def test_the_chance_to_stay_in_the_budget_is_recomputed(tmp_path):
    run, draws = _run(budget_confidence=0.5), _draws()
    chance = _chance(run, draws, run.limits.budget)
    assert 0.5 < chance < 0.9
    kept = _with_line(run, "budget_confidence", 0.5, chance, chance - 0.5)
    assert _found(kept, tmp_path, draws=draws) == set()
    assert "budget_confidence" in _found(_run(budget_confidence=0.9), tmp_path, draws=draws)
    assert "rules" in _found(_run(budget_confidence=0.5), tmp_path, draws=draws)


def test_inputs_of_the_new_rules_are_off_by_default():
    inputs = CheckInputs(items=pd.DataFrame(), valuations=pd.DataFrame(), limits=example().limits)
    assert inputs.customers is None
    assert inputs.draws is None
