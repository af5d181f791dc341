"""Explaining a plan: figures against the plan's own, and counterfactuals against plans that are really solved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bundleopt.explanation.customer import sentence
from bundleopt.verbs.explain import BundleExplanation, CustomerExplanation, RuleExplanation, explain
from bundleopt.verbs.report import read_result
from bundleopt.verbs.solve import solve
from bundleopt_data.errors import UsageError
from tests.bundleopt.command_line import CommandLine

BUDGET = 6


@pytest.fixture(scope="module")
def planned(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one plan of three bundles under a budget that binds; no test changes it."""
    root = tmp_path_factory.mktemp("explained") / "shop"
    shutil.copytree(trained_workspace, root)
    solve(root, budget=BUDGET, max_bundles=3, gap="5%", time_limit=4, candidates=60)
    return root


def _bundle(target: str, planned: Path, *, solve_again: bool = False) -> BundleExplanation:
    found = explain(target, workspace=planned, solve_again=solve_again)
    assert isinstance(found, BundleExplanation)
    return found


def test_a_bundle_of_the_plan_is_taken_apart_to_its_published_money(planned: Path) -> None:
    run = read_result(workspace=planned)
    for row in run.bundles.to_dict("records"):
        shape = _bundle(row["bundle_id"], planned).anatomy
        assert shape is not None
        assert shape.on_menu
        assert (shape.customers, shape.price) == (row["customers"], row["price"])
        assert shape.item_names == tuple(row["item_names"])
        revenue = sum(pair[0] for pair in shape.decomposition.values())
        margin = sum(pair[1] for pair in shape.decomposition.values())
        assert revenue == pytest.approx(row["incremental_revenue"], abs=0.011)
        assert margin == pytest.approx(row["incremental_margin"], abs=0.011)
        assert all(lift > 1 for lift in shape.odds_lift)


def test_items_are_found_by_id_and_by_words_of_their_names(planned: Path) -> None:
    by_id, by_name = _bundle("001+003", planned), _bundle("parm+PASTA", planned)
    assert by_id.anatomy is not None
    assert by_name.anatomy is not None
    assert by_id.anatomy == by_name.anatomy
    assert set(by_name.anatomy.item_names) == {"Pasta", "Parmesan"}
    assert by_name.matches == (1, 1)


def test_what_is_left_of_a_bundle_outside_the_plan_only_shrinks(planned: Path) -> None:
    run = read_result(workspace=planned)
    on_menu = {frozenset(items) for items in run.bundles["item_ids"]}
    outside = next(f"{a}+{b}" for a in ("001", "002", "004") for b in ("006", "010") if {a, b} not in on_menu)
    shape = _bundle(outside, planned).anatomy
    assert shape is not None
    assert not shape.on_menu
    left = [amount for _, amount in shape.steps]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(sum(pair[0] for pair in shape.decomposition.values()), rel=1e-4)


def test_forcing_a_bundle_in_costs_what_a_solved_plan_loses(planned: Path) -> None:
    run = read_result(workspace=planned)
    on_menu = {frozenset(items) for items in run.bundles["item_ids"]}
    outside = next(f"{a}+{b}" for a in ("005", "NA") for b in ("006", "003") if {a, b} not in on_menu)
    other = _bundle(outside, planned, solve_again=True).counterfactual
    assert other is not None
    assert other.change == "include"
    assert 0 <= other.least_cost <= other.most_cost
    solved = solve(
        planned,
        budget=BUDGET,
        max_bundles=3,
        gap="5%",
        time_limit=4,
        candidates=60,
        include=[outside],
        out=planned / "forced",
    )
    assert other.least_cost <= run.bound - solved.incremental_revenue + 1e-6
    assert other.most_cost >= run.incremental_revenue - solved.bound - 1e-6


def test_leaving_out_the_best_bundle_costs_something(planned: Path) -> None:
    run = read_result(workspace=planned)
    best = run.bundles.sort_values("incremental_revenue").iloc[-1]
    other = _bundle(best["bundle_id"], planned, solve_again=True).counterfactual
    assert other is not None
    assert other.change == "exclude"
    assert other.value <= run.bound + 1e-6
    assert other.most_cost > 0


def test_a_bundle_that_no_plan_can_hold_says_why(planned: Path) -> None:
    run = read_result(workspace=planned)
    root = planned.parent / "stern"
    if not root.exists():
        shutil.copytree(planned, root)
        solve(root, budget=BUDGET, max_bundles=3, gap="5%", time_limit=4, candidates=60, exclude=["001"])
    found = explain("001+002", workspace=root)
    assert isinstance(found, BundleExplanation)
    assert found.counterfactual is None
    assert found.refusal is not None
    assert "exclude" in found.refusal
    assert run.document["rules"]


def test_a_rule_is_told_with_its_worth(planned: Path, run: CommandLine) -> None:
    found = explain("budget", workspace=planned)
    assert isinstance(found, RuleExplanation)
    rule = next(one for one in read_result(workspace=planned).document["rules"] if one["name"] == "budget")
    assert found.rule["shadow_price"] == rule["shadow_price"]
    text = run("explain", "max-bundles", "-w", planned)
    assert text.code == 0
    assert "max_bundles: the limit is 3" in text.out


def test_a_customer_gets_sentences_without_figures_about_them(planned: Path, run: CommandLine) -> None:
    offers = read_result(workspace=planned).offers
    customer = str(offers["customer_id"].iloc[0])
    found = explain(customer=customer, workspace=planned)
    assert isinstance(found, CustomerExplanation)
    assert len(found.offers) == int((offers["customer_id"] == customer).sum())
    for one in found.offers:
        assert all(name in one.sentence for name in one.item_names)
        assert "%" not in one.sentence
        assert f"{one.list_value - one.price:.2f}" in one.sentence
    assert run("explain", "--customer", customer, "-w", planned).code == 0


def test_sentences_fit_what_the_customer_knows() -> None:
    assert sentence(["A", "B", "C"], [0.5, 0.5, 0.5], 1) == "Three of your favourites together, A, B and C: save 1.00."
    assert sentence(["A", "B"], [0.0, 0.0], 1) == "A and B: together you save 1.00."
    assert sentence(["A"], [0.9], 1) == "One of your favourites, A: save 1.00."
    assert sentence(["A", "B", "C"], [0.5, 0.5, 0.0], 1) == "You like A and B. Try them with C and save 1.00."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a bundle"),
        (("001+002", "--customer", "C001"), "name a bundle"),
        (("001+zzzzz",), "no item has the id"),
        (("Pasto+002",), "did you mean 'pasta'"),
        (("001+001",), "different items"),
        (("--customer", "nobody"), "knows no customer"),
    ],
)
def test_questions_about_nothing_are_refused(
    planned: Path, run: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    seen = run("explain", *arguments, "-w", planned)
    assert seen.code == 2
    assert message in seen.err


def test_the_page_of_an_explanation_and_its_document_say_the_same(planned: Path, run: CommandLine) -> None:
    name = str(read_result(workspace=planned).bundles["bundle_id"].iloc[0])
    text = run("explain", name, "-w", planned)
    assert text.code == 0
    told = " ".join(text.out.split())  # lines break where the names leave room
    assert "on the menu" in told
    assert "The best plan found without it" in told
    document = run("explain", name, "-w", planned, "--no-solve", "--json").document
    assert document["bundle"]["on_menu"]
    assert document["counterfactual"] is None


def test_a_workspace_without_a_model_says_what_to_do(planned: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(planned, bare)
    (bare / "models" / "current.json").unlink()
    with pytest.raises(UsageError, match="bundleopt train"):
        explain("001+002", workspace=bare)
