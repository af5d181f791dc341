"""Mutation tests: the unbroken run passes, and every single break is found, by the rule that it breaks."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_solvers import checker
from bundleopt_solvers.checker import CheckLimits, check_run, valuations_sha256
from bundleopt_solvers.checker_exact import decimal, exact_sum, whole_cents
from tests.solvers.run_folder import Run, build, example, items_frame

ITEMS, MENU, OFFERS = 0, 1, 2


def found(run: Run, folder) -> set[str]:
    return {violation.rule for violation in check_run(folder, run.write(folder))}


def parts() -> tuple[pd.DataFrame, dict, list]:
    run = example()
    menu = {row.bundle_id: (tuple(row.item_ids), row.price) for row in run.bundles.itertuples(index=False)}
    offers = [
        (
            row.customer_id, row.bundle_id, row.redemption_probability, row.baseline_probability,
            tuple(row.incremental_units), row.incremental_revenue, row.incremental_margin, row.holdout,
        )
        for row in run.offers.itertuples(index=False)
    ]  # fmt: skip
    return run.items, menu, offers


def rebuilt(items=None, menu=None, offers=None, **limits) -> Run:
    """The example with consistent files after a change, so that nothing but the rule itself is broken."""
    old_items, old_menu, old_offers = parts()
    return build(
        old_items if items is None else items,
        old_menu | (menu or {}),
        old_offers if offers is None else offers,
        replace(example().limits, **limits),
    )


def items_with(**columns) -> pd.DataFrame:
    """Example items with cells replaced: column={item: value}."""
    frame = example().items
    for column, cells in columns.items():
        for item, value in cells.items():
            frame.loc[frame["item_id"] == item, column] = value
    return frame


def offers_with(position: int, **changes) -> list[tuple]:
    names = ["customer", "bundle", "redemption", "baseline", "units", "revenue", "margin", "holdout"]
    rows = parts()[OFFERS]
    rows[position] = tuple(changes.get(name, old) for name, old in zip(names, rows[position], strict=True))
    return rows


def plus(*rows: tuple) -> list[tuple]:
    return [*parts()[OFFERS], *rows]


def test_the_unbroken_run_passes(tmp_path):
    run = example()
    assert check_run(tmp_path, run.write(tmp_path)) == []


def test_an_empty_plan_passes(tmp_path):
    run = example()
    for name in ("bundles", "offers"):
        setattr(run, name, getattr(run, name).iloc[:0])
    run.valuations = run.valuations.iloc[:0]
    run.limits = replace(run.limits, include=(), include_items=(), min_incremental_margin=None)
    run.inventory["slack"] += run.inventory["incremental_units"]
    run.inventory["incremental_units"] = 0.0
    baseline = float((run.items["baseline_units"] * run.items["shelf_price"]).sum())
    for name, entry in run.plan["totals"].items():
        entry |= {"value": round(baseline, 2) if name == "revenue" else 0.0}
        entry |= {"low": entry["value"], "high": entry["value"]}
    nothing = {"value": 0.0, "bound": 0.0, "gap": 0.0, "family": "nothing"}
    run.plan |= {"objective": {"name": "revenue", "value": 0.0}, "bound": 0.0, "gap": 0.0, "decomposition": {}}
    run.plan["certificates"] = {"menu": nothing}
    run.plan["inputs"]["forecast"] = valuations_sha256(run.valuations)
    lines = {"budget": (1.6, 0), "min_margin": (0.42, 0.42), "min_margin:fruit": (0.4, 0.4), "max_bundles": (3, 0)}
    lines |= {"slots": (2, 0), "category_cap": (2, 0), "item_overlap": (2, 0)}
    run.plan["rules"] = [
        {"name": name, "limit": limit, "value": value, "slack": limit - value, "binding": False, "shadow_price": None}
        for name, (limit, value) in lines.items()
    ]
    assert check_run(tmp_path, run.write(tmp_path)) == []


RULES = {
    "budget": lambda: rebuilt(budget=1.14),
    "min_margin": lambda: rebuilt(min_margin=0.47),
    "min_margin:fruit": lambda: rebuilt(category_min_margin={"fruit": 0.54}),
    "min_incremental_margin": lambda: rebuilt(min_incremental_margin=2.5600001),
    "max_bundles": lambda: rebuilt(max_bundles=2),
    "slots": lambda: rebuilt(slots=1),
    "category_cap": lambda: rebuilt(category_cap=1),
    "item_overlap": lambda: rebuilt(item_overlap=1),
    "bundle size": lambda: rebuilt(bundle_size=(2, 2)),
    "price band": lambda: rebuilt(menu={"B2": (("c", "d"), 3.99)}, max_discount=0.2, price_step=None),
    "price band ": lambda: rebuilt(min_discount=0.12, price_step=None),
    "price ending": lambda: rebuilt(menu={"B2": (("c", "d"), 4.95)}, price_step=None),
    "price ladder": lambda: rebuilt(price_step=0.01, price_ending=None),
    "dearest item": lambda: rebuilt(
        items=items_with(shelf_price={"b": 9.50}, unit_cost={"b": 1.0}), menu={"B1": (("a", "b"), 8.99)},
        max_discount=0.5, price_step=None, min_margin=None, budget=9.0, category_cap=3,
    ),
    "below cost": lambda: rebuilt(
        items=items_with(unit_cost={"a": 7.8}), min_margin=None, category_min_margin={},
    ),
    "promotable": lambda: rebuilt(items=items_with(promotable={"c": False})),
    "include": lambda: rebuilt(include=(("a", "b"), ("c", "e"))),
    "include ": lambda: rebuilt(include_items=("e", "f")),
    "exclude": lambda: rebuilt(exclude_items=("e", "f")),
    "exclude ": lambda: rebuilt(exclude_bundles=(("d", "c"),)),
    "substitutes": lambda: rebuilt(substitutes=(("d", "b"),)),
    "item-disjoint offers": lambda: rebuilt(
        offers=plus(("u3", "B1", 0.01, 0.0, (0.0, 0.0), 0.0, 0.0, False)), substitutes=()
    ),
    "stock": lambda: rebuilt(items=items_with(on_hand={"d": 6.4})),
    "stock ": lambda: rebuilt(items=items_with(on_hand={"b": 7.0})),
    "no_arbitrage": lambda: rebuilt(
        menu={"B4": (("c", "e"), 3.99)}, max_bundles=4, category_cap=3, item_overlap=3, max_discount=0.25,
        price_step=None,
        items=items_with(shelf_price={"a": 3.5}, unit_cost={"a": 1.5}), min_discount=0.05,
    ),
    "nested bundles": lambda: rebuilt(
        menu={"B4": (("c", "e"), 4.75), "B3": (("a", "c", "e"), 4.5)}, max_bundles=4, category_cap=3,
        item_overlap=3, budget=9.0, max_discount=0.6,
        price_step=None, price_ending=None, min_margin=None, category_min_margin={}, min_discount=0.0,
    ),
    "one price per bundle": lambda: rebuilt(
        menu={"B4": (("e", "c", "a"), 7.99)}, max_bundles=4, category_cap=3, item_overlap=3
    ),
    "holdout": lambda: rebuilt(offers=plus(("u6", "B2", 0.1, 0.0, (0.1, 0.1), 0.2, 0.1, False)), substitutes=()),
    "redemption_probability": lambda: rebuilt(offers=offers_with(2, redemption=1.01)),
    "baseline_probability": lambda: rebuilt(offers=offers_with(2, baseline=-0.01)),
    "incremental units": lambda: rebuilt(offers=offers_with(2, units=(0.2, -0.001))),
    "bundle items": lambda: rebuilt(menu={"B3": (("a", "c", "c"), 7.99)}),
}  # fmt: skip


# What follows from a broken rule by arithmetic: the report of the rule is then wrong as well, and so on.
COMPANIONS = {
    "nested bundles": {"no_arbitrage", "rules"},
    "no_arbitrage": {"rules"},
    "include": {"rules"},
    "bundle items": {"offers on the menu", "rules"},
    "stock": {"inventory figures", "rules"},
}


@pytest.mark.parametrize("rule", list(RULES), ids=lambda rule: rule.replace(" ", "_"))
def test_a_plan_that_breaks_one_rule_is_caught_by_that_rule(rule, tmp_path):
    try:
        run = RULES[rule]()
    except KeyError:
        pytest.fail("the run could not be built")
    rules = found(run, tmp_path)
    assert rule.strip() in rules
    assert rules <= {rule.strip()} | COMPANIONS.get(rule.strip(), set())


def cell(table: str, column: str, value, row: int = 0):
    def mutate(run: Run) -> None:
        frame = getattr(run, table)
        frame[column] = [value(old) if n == row else old for n, old in enumerate(frame[column])]

    return mutate


def plan(change):
    def mutate(run: Run) -> None:
        change(run.plan)

    return mutate


def rule_line(name: str, key: str, value):
    def mutate(run: Run) -> None:
        line = next(line for line in run.plan["rules"] if line["name"] == name)
        line[key] = value(line[key])

    return mutate


def drop_row(table: str, row: int):
    def mutate(run: Run) -> None:
        frame = getattr(run, table)
        setattr(run, table, frame.drop(index=row).reset_index(drop=True))

    return mutate


def repeat_row(table: str):
    def mutate(run: Run) -> None:
        frame = getattr(run, table)
        setattr(run, table, pd.concat([frame, frame.iloc[:1]], ignore_index=True))

    return mutate


def drop_column(table: str, column: str):
    def mutate(run: Run) -> None:
        setattr(run, table, getattr(run, table).drop(columns=column))

    return mutate


def more_column(table: str):
    def mutate(run: Run) -> None:
        getattr(run, table)["extra"] = 1.0

    return mutate


def retype(column: str, kind):
    def mutate(run: Run) -> None:
        run.types[column] = kind

    return mutate


def hike(by: float):
    return lambda old: old + by


def total_value(name: str, key: str, by: float):
    def change(document) -> None:
        document["totals"][name][key] += by

    return plan(change)


def setting(*path, value):
    def change(document) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value(document.get(path[-1])) if callable(value) else value

    return plan(change)


def without(*path):
    def change(document) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return plan(change)


def forecast_row(column: str, value):
    return f"offers.{column}", cell("offers", column, value), f"forecast: {column}"


TAMPERED = [
    ("offers.price", cell("offers", "price", hike(0.01)), "one price per bundle"),
    ("offers.price all", cell("bundles", "price", hike(-1.0)), "one price per bundle"),
    ("bundles.price in half cents", cell("bundles", "price", hike(0.005)), "whole cents"),
    ("bundles.price a hair off", cell("bundles", "price", hike(1e-12)), "whole cents"),
    ("offers.list_value", cell("offers", "list_value", hike(0.01)), "list value"),
    ("bundles.list_value", cell("bundles", "list_value", hike(0.01)), "list value"),
    ("bundles.discount", cell("bundles", "discount", hike(1e-6)), "discount"),
    ("bundles.item_names", cell("bundles", "item_names", lambda old: old[:-1]), "item names"),
    ("offers.item_ids", cell("offers", "item_ids", lambda old: old[::-1]), "offer items"),
    ("bundles.item_ids unknown", cell("bundles", "item_ids", lambda _: ["a", "zz"]), "bundle items"),
    ("offers.bundle_id stray", cell("offers", "bundle_id", lambda _: "B9"), "offers on the menu"),
    forecast_row("redemption_probability", hike(1e-12)),
    forecast_row("baseline_probability", hike(1e-12)),
    forecast_row("incremental_revenue", hike(1e-9)),
    forecast_row("incremental_margin", hike(1e-9)),
    forecast_row("incremental_units", lambda units: [units[0] + 1e-9, units[1]]),
    ("offers.redemption_revenue", cell("offers", "redemption_revenue", hike(1e-6)), "redemption_revenue"),
    ("offers.redemption_margin", cell("offers", "redemption_margin", hike(1e-6)), "redemption_margin"),
    ("offers.promo_spend", cell("offers", "promo_spend", hike(-1e-6)), "promo_spend"),
    ("offers.propensity 0", cell("offers", "propensity", lambda _: 0.0), "propensity"),
    ("offers.propensity 2", cell("offers", "propensity", lambda _: 2.0), "propensity"),
    ("offers.holdout shown", cell("offers", "holdout", lambda _: False, row=6), "totals: promo_spend"),
    ("offers.holdout hidden", cell("offers", "holdout", lambda _: True, row=2), "bundle figures"),
    ("offers lose a row", drop_row("offers", 3), "totals: redemptions"),
    ("offers repeat a row", repeat_row("offers"), "files: key of offers.parquet"),
    ("bundles repeat a row", repeat_row("bundles"), "files: key of bundles.parquet"),
    ("bundles lose a row", drop_row("bundles", 1), "offers on the menu"),
    ("bundles.customers", cell("bundles", "customers", hike(1)), "bundle figures"),
    ("bundles.redemptions", cell("bundles", "redemptions", hike(1e-6)), "bundle figures"),
    ("bundles.incremental_revenue", cell("bundles", "incremental_revenue", hike(0.02)), "bundle figures"),
    ("bundles.incremental_margin", cell("bundles", "incremental_margin", hike(-0.02)), "bundle figures"),
    ("bundles.promo_spend", cell("bundles", "promo_spend", hike(0.009)), "totals: promo_spend"),
    ("inventory repeats a row", repeat_row("inventory"), "files: key of inventory.parquet"),
    ("inventory loses a row", drop_row("inventory", 0), "inventory"),
    ("inventory.item_id", cell("inventory", "item_id", lambda _: "zz", row=5), "inventory"),
    ("inventory.on_hand", cell("inventory", "on_hand", hike(1.0)), "inventory figures"),
    ("inventory.on_hand invented", cell("inventory", "on_hand", lambda _: 5.0, row=2), "inventory figures"),
    ("inventory.on_hand emptied", cell("inventory", "on_hand", lambda _: np.nan), "inventory figures"),
    ("inventory.baseline_units", cell("inventory", "baseline_units", hike(0.1)), "inventory figures"),
    ("inventory.incremental_units", cell("inventory", "incremental_units", hike(1e-6)), "inventory figures"),
    ("inventory.slack", cell("inventory", "slack", hike(0.01)), "inventory figures"),
    ("offers NaN", cell("offers", "promo_spend", lambda _: np.nan), "files: values of offers.parquet"),
    ("offers inf", cell("offers", "incremental_revenue", lambda _: np.inf), "files: values of offers.parquet"),
    ("units inf", cell("offers", "incremental_units", lambda _: [np.inf, 0.1]), "files: values of offers.parquet"),
    ("customer empty", cell("offers", "customer_id", lambda _: None), "files: values of offers.parquet"),
    ("holdout empty", cell("offers", "holdout", lambda _: None), "files: values of offers.parquet"),
    ("shadow price NaN", cell("inventory", "shadow_price", lambda _: np.nan), "files: values of inventory.parquet"),
    ("column lost", drop_column("offers", "propensity"), "files"),
    ("column added", more_column("bundles"), "files"),
    ("column of another type", retype("redemption_probability", pa.float32()), "files"),
    ("count as float", retype("customers", pa.float64()), "files"),
    ("total revenue", total_value("revenue", "value", 0.01), "totals: revenue"),
    ("total incremental revenue", total_value("incremental_revenue", "value", -0.01), "totals: incremental_revenue"),
    ("total incremental margin", total_value("incremental_margin", "value", 0.01), "totals: incremental_margin"),
    ("total spend", total_value("promo_spend", "value", -0.01), "totals: promo_spend"),
    ("total not in cents", total_value("promo_spend", "value", 0.0001), "totals: promo_spend"),
    ("total redemptions", total_value("redemptions", "value", 1e-6), "totals: redemptions"),
    ("total customers", total_value("customers_reached", "value", 1.0), "totals: customers_reached"),
    ("interval upside down", total_value("revenue", "low", 5.0), "totals: revenue"),
    ("level of 2", total_value("revenue", "level", 1.1), "totals: revenue"),
    ("total missing", without("totals", "redemptions"), "totals: redemptions"),
    ("total None", setting("totals", "revenue", "value", value=None), "totals: revenue"),
    ("objective", setting("objective", "value", value=hike(0.01)), "objective"),
    ("objective None", setting("objective", "value", value=None), "objective"),
    ("objective without a name", without("objective", "name"), "objective"),
    ("bound below the value", setting("bound", value=hike(-1.01)), "certificate: headline"),
    ("gap too small", setting("gap", value=lambda old: old * 0.99), "certificate: headline"),
    ("menu bound", setting("certificates", "menu", "bound", value=hike(-2.0)), "certificate: menu"),
    ("assignment gap", setting("certificates", "assignment", "gap", value=0.0), "certificate: assignment"),
    ("family unnamed", setting("certificates", "menu", "family", value=""), "certificate: menu"),
    ("decomposition", setting("decomposition", "new", value=hike(0.02)), "decomposition"),
    ("decomposition no number", setting("decomposition", "new", value="1"), "decomposition"),
    ("rule limit", rule_line("budget", "limit", hike(1.0)), "rules"),
    ("rule value", rule_line("min_margin", "value", hike(0.001)), "rules"),
    ("rule slack", rule_line("stock:a", "slack", hike(0.001)), "rules"),
    ("rule renamed", rule_line("slots", "name", lambda _: "slotz"), "rules"),
    ("rule binding a number", rule_line("slots", "binding", lambda _: 1), "rules"),
    ("rule price a text", rule_line("slots", "shadow_price", lambda _: "1"), "rules"),
    ("rules no list", setting("rules", value="all kept"), "rules"),
    ("rule twice", plan(lambda document: document["rules"].append(document["rules"][0])), "rules"),
    ("rule gone", plan(lambda document: document["rules"].pop(0)), "rules"),
    ("digest", setting("inputs", "forecast", value="1" * 64), "inputs: forecast"),
    ("digest absent", without("inputs", "forecast"), "inputs: forecast"),
    ("digest odd", setting("inputs", "data", value="sha1:abc"), "inputs"),
    ("key missing", without("seeds"), "files"),
    ("NaN in the plan", setting("bound", value=float("nan")), "files"),
]  # fmt: skip


@pytest.mark.parametrize(("mutate", "rule"), [row[1:] for row in TAMPERED], ids=[row[0] for row in TAMPERED])
def test_a_tampered_figure_is_caught(mutate, rule, tmp_path):
    run = example()
    mutate(run)
    assert rule in found(run, tmp_path)


def test_more_than_a_hundred_breaks_are_tried():
    assert len(RULES) + len(TAMPERED) > 100


@pytest.mark.parametrize("name", ["plan.json", "offers.parquet", "bundles.parquet", "inventory.parquet"])
@pytest.mark.parametrize("damage", ["absent", "torn"])
def test_a_missing_or_torn_file_is_a_finding_not_a_crash(name, damage, tmp_path):
    inputs = example().write(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    if damage == "torn":
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert {violation.rule for violation in check_run(tmp_path, inputs)} == {"files"}


def test_a_flipped_bit_of_a_page_is_found(tmp_path):
    inputs = example().write(tmp_path)
    content = bytearray((tmp_path / "offers.parquet").read_bytes())
    content[len(content) // 4] ^= 4
    (tmp_path / "offers.parquet").write_bytes(bytes(content))
    assert check_run(tmp_path, inputs)


def test_the_forecast_may_be_a_file_and_is_hashed_as_one(tmp_path):
    run = example()
    inputs = run.write(tmp_path)
    path = tmp_path / "forecast.parquet"
    run.valuations.to_parquet(path)
    rules = {violation.rule for violation in check_run(tmp_path, replace(inputs, valuations=path))}
    assert rules == {"inputs: forecast"}
    named = replace(inputs, valuations=path, forecast_sha256=run.plan["inputs"]["forecast"])
    assert check_run(tmp_path, named) == []


def test_a_forecast_that_lacks_an_offer_or_repeats_one_is_found(tmp_path):
    run = example()
    for valuations in (run.valuations.iloc[1:], pd.concat([run.valuations, run.valuations.iloc[:1]])):
        run.plan["inputs"]["forecast"] = valuations_sha256(valuations)
        inputs = replace(run.write(tmp_path), valuations=valuations)
        assert {violation.rule for violation in check_run(tmp_path, inputs)} == {"forecast"}


def test_the_digest_of_a_forecast_does_not_depend_on_the_order_of_rows():
    valuations = example().valuations
    assert valuations_sha256(valuations) == valuations_sha256(valuations.iloc[::-1])
    other = valuations.copy()
    other.loc[0, "incremental_margin"] = np.nextafter(other.loc[0, "incremental_margin"], 9.0)
    assert valuations_sha256(valuations) != valuations_sha256(other)


def test_a_cover_of_three_pieces_is_an_arbitrage(tmp_path):
    items = items_frame([(name, 5.0, 1.0, 0.0, 0.0, name, True, np.inf, 1.0, 0.0) for name in "abcd"])
    offers = [("u", "quad", 0.1, 0.0, (0.1,) * 4, 1.0, 0.5, False)]
    limits = CheckLimits(max_discount=0.3)
    menu = {"quad": (("a", "b", "c", "d"), 18.0), "pair": (("b", "c"), 7.99)}
    assert found(build(items, menu, offers, limits), tmp_path) == {"no_arbitrage", "rules"}
    menu["pair"] = (("b", "c"), 8.0)
    assert found(build(items, menu, offers, limits), tmp_path) == set()


@st.composite
def small_plans(draw):
    """A random valid plan of disjoint bundles, its limits met with nothing to spare where they are exact."""
    count = draw(st.integers(2, 9))
    cents = [draw(st.integers(100, 2000)) for _ in range(count)]
    share = st.sampled_from([0.0, 0.07, 0.19, 0.5])
    items = items_frame(
        [
            (f"i{n}", c / 100, draw(st.integers(0, c // 4)) / 100, draw(share), draw(share), "x", True,
             draw(st.sampled_from([np.inf, 40.0])), draw(st.floats(0, 5)), 0.5)
            for n, c in enumerate(cents)
        ]
    )  # fmt: skip
    menu, offers = {}, []
    chance, amount = st.floats(0, 1), st.floats(-5, 20)
    for b, start in enumerate(range(0, count - 1, 2)):
        members = [start, start + 1]
        low = max(cents[n] for n in members)
        total = sum(cents[n] for n in members)
        menu[f"B{b}"] = (tuple(f"i{n}" for n in members), draw(st.integers(low, total - 1)) / 100)
        for u in range(draw(st.integers(0, 4))):
            units = (draw(chance), draw(chance))
            offers.append((f"u{u}", f"B{b}", draw(chance), 0.0, units, draw(amount), draw(amount), u == 3))
    if not any(not offer[-1] for offer in offers):
        offers.append(("u0", "B0", 0.5, 0.0, (0.5, 0.5), 1.0, 0.5, False))
    run = build(items, menu, offers, CheckLimits(max_discount=0.99, allow_below_cost=True))
    spend = exact_sum(run.offers.loc[~run.offers["holdout"], "promo_spend"].to_numpy())
    return run, spend


@settings(deadline=None, max_examples=25)
@given(small_plans())
def test_random_valid_plans_pass_and_a_budget_a_hair_below_their_spend_is_broken(plan):
    run, spend = plan
    with TemporaryDirectory() as name:
        folder = Path(name)
        assert check_run(folder, run.write(folder)) == []
        budget = float(spend)
        for limit in (np.nextafter(budget, np.inf), np.nextafter(budget, -np.inf)):
            broken = spend > decimal(limit)
            inputs = replace(run.write(folder), limits=replace(run.limits, budget=float(limit)))
            assert ("budget" in {violation.rule for violation in check_run(folder, inputs)}) == broken


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60))
def test_exact_sums_are_exact(values):
    assert exact_sum(np.array(values)) == sum((Fraction(value) for value in values), Fraction(0))


@given(st.integers(-(10**12), 10**12))
def test_whole_cents_reads_every_cent_and_nothing_between(cents):
    assert whole_cents(cents / 100) == cents
    assert whole_cents(np.nextafter(cents / 100, np.inf)) is None


def test_the_checker_imports_nothing_of_the_engine():
    folder = Path(checker.__file__).parent
    for path in folder.glob("checker*.py"):
        imported = set(re.findall(r"from (bundleopt\w*[.\w]*) import", path.read_text(encoding="utf-8")))
        assert all(re.fullmatch(r"bundleopt_data\.errors|bundleopt_solvers\.checker\w*", name) for name in imported)
