"""Stock by store: read, planned, reported and checked on the small shop; offers against enumeration."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from bundleopt.verbs.initialise import initialise
from bundleopt.verbs.train import train
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_stores import check_stores, store_lines
from bundleopt_solvers.large_assignment.assign import AssignSettings, assign_offers
from bundleopt_solvers.large_assignment.campaign import fixed_menu
from bundleopt_solvers.large_assignment.rule_prices import RulePrices, reduced_worth
from bundleopt_solvers.problem import CampaignProblem, StoreStock
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.small_market import write_small_market
from tests.solvers.small_campaigns import random_campaign

STORES = ("north", "south")


def _with_stores(seed: int) -> tuple[CampaignProblem, np.ndarray]:
    """A small campaign with tight stock by store, and a menu of one option a bundle."""
    rng = np.random.default_rng([seed, 11])
    problem = random_campaign(seed, bundles=3, customers=4, items=5)
    items = len(problem.options.item_ids)
    slack = np.where(rng.random((items, 2)) < 0.7, rng.integers(0, 24, (items, 2)) / 64, np.inf)
    stores = StoreStock(np.array(STORES, dtype=object), rng.integers(-1, 2, 4).astype(np.int32), slack)
    rules = replace(
        problem.rules,
        include=(),
        min_margin=None,
        category_min_margin={},
        min_incremental_margin=None,
        fixed_cost_per_bundle=0.0,
        stores=stores,
    )
    menu = np.flatnonzero(np.diff(problem.options.bundle, prepend=-1))
    return replace(problem, rules=rules), menu


def _best(problem: CampaignProblem, menu: np.ndarray) -> float:
    """The best offers of the menu by going through all of them, rules from their definitions."""
    rules, options, stores = problem.rules, problem.options, problem.rules.stores
    assert stores is not None
    _, offer_rules = fixed_menu(problem, menu)
    clash = offer_rules.conflict
    sets = [
        chosen
        for chosen in product((False, True), repeat=len(menu))
        if sum(chosen) <= rules.slots
        and not any(clash[a, b] for a in range(len(menu)) for b in range(a) if chosen[a] and chosen[b])
    ]
    best = 0.0
    for plan in product(sets, repeat=len(problem.value)):
        offers = [(u, int(menu[m])) for u, chosen in enumerate(plan) for m, is_in in enumerate(chosen) if is_in]
        spend = sum(float(problem.redemption[u, o]) * options.unit_spend[o] for u, o in offers)
        used = np.zeros(stores.slack.shape)
        pooled = np.zeros(len(stores.slack))
        for u, o in offers:
            for place, item in enumerate(options.items[o].tolist()):
                if item >= 0:
                    pooled[item] += float(problem.units[u, o, place])
                    if stores.customer[u] >= 0:
                        used[item, stores.customer[u]] += float(problem.units[u, o, place])
        fits = rules.budget is None or spend <= rules.budget
        fits = fits and bool((used <= stores.slack).all())
        if rules.stock_slack is not None:
            fits = fits and bool((pooled <= np.where(stores.tracked, np.inf, rules.stock_slack)).all())
        if fits:
            best = max(best, sum(float(problem.value[u, o]) - rules.contact_cost for u, o in offers))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_offers_by_store_are_kept_and_bounded(seed: int) -> None:
    problem, menu = _with_stores(seed)
    best = _best(problem, menu)
    source, rules = fixed_menu(problem, menu)
    result = assign_offers(source, rules, AssignSettings(threads=1))
    assert result.value <= best + 1e-9
    assert result.bound >= best - 1e-9
    assert result.value >= 0.5 * best - 1e-9
    assert (result.slack >= 0).all()
    # Prices of stores reach the worth of offers, so that the bound of menu and offers is about the same rules.
    whole = np.arange(len(problem.options.bundle))
    every, every_rules = fixed_menu(problem, whole)
    price = np.linspace(0.1, 1.0, len(every_rules.limit))
    worth, _ = reduced_worth(problem, RulePrices.of_rows(problem, every.rows, price))
    chunk = next(every.chunks())
    cost = np.einsum("r,rco,cuo->uo", price, every_rules.coefficient, chunk.channels.astype(float))
    assert np.allclose(worth, chunk.value.astype(float) - cost, atol=1e-5)


def _shop(folder: Path) -> Path:
    """The small shop with two stores: every third customer shops in the south, which has little of two items."""
    data = write_small_market(folder / "data")
    log = pd.read_csv(data / "transactions.csv", dtype=str, keep_default_na=False)
    log["store_id"] = [STORES[int(one[1:]) % 3 == 0] for one in log["customer_id"]]
    log.to_csv(data / "transactions.csv", index=False)
    with (data / "inventory.csv").open(encoding="utf-8") as stream:
        rows = [(row["item_id"], int(row["on_hand"])) for row in csv.DictReader(stream)]
    with (data / "inventory.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["item_id", "on_hand", "store_id"])
        for item, units in rows:
            writer.writerow([item, units, "north"])
            writer.writerow([item, 16 if item in ("001", "002") else units, "south"])
    return data


def test_a_plan_keeps_every_store_and_says_so(run: CommandLine, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    initialise(root, data=str(_shop(tmp_path)))
    train(root, fast=True)
    flags = ("--time-limit", "4", "--gap", "5%", "--max-bundles", "4", "--candidates", "20")
    outcome = run("solve", "-w", root, *flags, "--json")
    assert outcome.code == 0, outcome.err
    document = outcome.document
    assert any("leaves the store of most of the customer's visits" in text for text in document["assumptions"])
    table = parquet.read_table(Path(document["folder"]) / "store_inventory.parquet").to_pandas()
    assert (table["slack"] >= -1e-9).all()
    assert set(table["store_id"]) == set(STORES)
    named = [rule for rule in document["rules"] if "@" in rule["name"]]
    assert len(named) == len(table)
    assert document["objective"]["value"] <= document["bound"]
    refused = run("solve", "-w", root, *flags, "--min-exposure", "2")
    assert refused.code == 2
    assert "stock by store cannot be kept together with --min-exposure" in refused.err


def test_the_checker_adds_up_each_store_by_itself() -> None:
    offers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "item_ids": [("i", "k"), ("i",), ("i",)],
            "incremental_units": [(0.5, 0.25), (0.5,), (0.75,)],
            "holdout": [False, False, False],
        }
    )
    stores = pd.DataFrame(
        {
            "item_id": ["i", "i", "k"],
            "store_id": ["n", "s", "n"],
            "on_hand": [2.0, 1.0, np.inf],
            "baseline_units": [0.5, 0.25, 0.0],
            "safety_units": [0.5, 0.25, 0.0],
        }
    )
    owners = pd.DataFrame({"customer_id": ["a", "b", "c"], "store_id": ["n", "n", "s"]})
    lines = store_lines(offers, stores, owners)
    assert {name: (float(line.value), float(line.limit)) for name, line in lines.items()} == {
        "stock:i@n": (1.0, 1.0),
        "stock:i@s": (0.75, 0.5),
    }
    findings = Findings()
    check_stores(lines, findings)
    assert [violation.rule for violation in findings.violations] == ["stock by store"]
