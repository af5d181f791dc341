"""Public redemption of the small shop: from the flag to the checked run folder, and what the checker finds broken."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from bundleopt import pipeline
from bundleopt.plan.tables import SHELF_COLUMNS
from bundleopt.session import open_session
from bundleopt.stages import verify
from bundleopt.stages.stopwatch import Stopwatch
from tests.bundleopt.command_line import CommandLine, Outcome

QUICK = ("--time-limit", "6", "--gap", "2%", "--max-bundles", "5", "--max-discount", "30%")
SETTINGS: dict[str, Any] = {"redemption": "public", "max_bundles": 4, "gap": "2%", "time_limit": "5", "candidates": 30}


def _solve(run: CommandLine, workspace: Path, *flags: object) -> dict[str, Any]:
    outcome: Outcome = run("solve", "-w", workspace, *QUICK, "--redemption", "public", *flags, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.document


def _table(document: dict[str, Any], name: str) -> pd.DataFrame:
    return parquet.read_table(Path(document["folder"]) / f"{name}.parquet").to_pandas()


def test_the_shelf_sells_without_any_offer(run: CommandLine, workspace: Path) -> None:
    document = _solve(run, workspace, "--budget", "60")
    bundles = _table(document, "bundles")
    assert document["menu"]["bundles"] >= 1
    assert document["menu"]["offers"] == 0
    assert document["totals"]["customers_reached"]["value"] == 0
    assert not len(_table(document, "offers"))
    assert (bundles["customers"] == 0).all()
    for total, column in (("incremental_revenue", "shelf_revenue"), ("promo_spend", "shelf_spend")):
        value = document["totals"][total]["value"]
        assert value == pytest.approx(bundles[column].sum(), abs=0.00501)
        assert value == pytest.approx(bundles[total].sum(), abs=1e-9)
    assert document["totals"]["promo_spend"]["value"] <= 60
    assert document["totals"]["redemptions"]["value"] == pytest.approx(bundles["shelf_redemptions"].sum())
    items = [item for row in bundles["item_ids"] for item in row]
    assert len(items) == len(set(items))
    assert sum(document["decomposition"].values()) == pytest.approx(document["totals"]["incremental_revenue"]["value"])
    assert document["objective"]["value"] <= document["bound"]
    assert any("Redemption is public" in sentence for sentence in document["assumptions"])
    assert "segments" in document
    low, high = (document["totals"]["incremental_revenue"][side] for side in ("low", "high"))
    assert low < document["totals"]["incremental_revenue"]["value"] < high


def test_an_offer_adds_what_attention_adds(run: CommandLine, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNDLEOPT_SALIENCE", "1.5")
    document = _solve(run, workspace, "--shelf-reach", "0.4", "--budget", "60")
    bundles, offers = _table(document, "bundles"), _table(document, "offers")
    assert document["menu"]["offers"] == len(offers) > 0
    for column, shelf in (("incremental_revenue", "shelf_revenue"), ("incremental_margin", "shelf_margin")):
        total = math.fsum([*offers[column], *bundles[shelf]])
        assert document["totals"][column]["value"] == pytest.approx(total, abs=0.00501)
    assert (offers["redemption_probability"] >= 0).all()
    assert min(min(units) for units in offers["incremental_units"]) >= 0
    assert sum(document["decomposition"].values()) == pytest.approx(document["totals"]["incremental_revenue"]["value"])


def test_rules_that_need_draws_or_segments_are_refused(run: CommandLine, workspace: Path) -> None:
    flags = ("--redemption", "public", "--risk", "10%", "--json")
    assert run("solve", "-w", workspace, *QUICK, *flags).code == 2
    outcome = run(
        "solve", "-w", workspace, *QUICK, "--redemption", "public", "--write-model", workspace / "m.mps", "--json"
    )
    assert outcome.code == 2
    assert "no segment model of public redemption" in outcome.err + outcome.out


def test_what_the_shelf_does_is_the_sum_of_all_customers(workspace: Path) -> None:
    public = pipeline.prepare(open_session(workspace, flags=SETTINGS | {"shelf_reach": 0.5}), Stopwatch())
    like_public = {"redemption": "targeted", "price_pairs": False}  # in public mode no pairs are priced
    targeted = pipeline.prepare(open_session(workspace, flags=SETTINGS | like_public), Stopwatch())
    assert public.table.price_cents.tolist() == targeted.table.price_cents.tolist()
    for name in ("redemption", "incremental_revenue", "incremental_margin", "units"):
        one, all_ = getattr(public.values, name), getattr(targeted.values, name).astype(np.float64)
        assert one[-1] == pytest.approx(0.5 * all_.sum(0), rel=1e-5, abs=1e-5)
        assert one[:-1] == pytest.approx(0.5 * all_, rel=1e-4, abs=1e-5)


@pytest.fixture(scope="module")
def published(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any, Any]:
    """A public run with offers, as written and as the checker was given it."""
    root = Path(shutil.copytree(trained_workspace, tmp_path_factory.mktemp("public") / "shop"))
    session = open_session(root, flags=SETTINGS | {"shelf_reach": 0.5, "salience": 1.5, "budget": 60})
    watch = Stopwatch()
    prepared = pipeline.prepare(session, watch)
    solved = pipeline.solve(session, prepared, watch)
    folder, _ = pipeline.publish(session, solved, out=root / "runs" / "public")
    return folder, prepared, solved.valued, session.config.solve


def _found(published: tuple[Path, Any, Any, Any], tmp_path: Path, change: Any) -> set[str]:
    folder, *told = published
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    change(copy)
    return {violation.rule for violation in verify.violations(copy, *told)}


def _rewrite(copy: Path, column: str, value: Any) -> None:
    table = parquet.read_table(copy / "bundles.parquet")
    cells = table.column(column).to_pylist()
    cells[0] = value(cells[0])
    at = table.schema.get_field_index(column)
    import pyarrow as pa

    changed = table.set_column(at, table.schema.field(at), pa.array(cells, type=table.schema.field(at).type))
    parquet.write_table(changed, copy / "bundles.parquet", write_page_checksum=True)


def test_the_unbroken_run_passes(published: tuple[Path, Any, Any, Any], tmp_path: Path) -> None:
    assert _found(published, tmp_path, lambda _: None) == set()


@pytest.mark.parametrize("column", SHELF_COLUMNS)
def test_each_figure_of_the_shelf_that_is_misstated_is_found(
    published: tuple[Path, Any, Any, Any], tmp_path: Path, column: str
) -> None:
    def change(old: Any) -> Any:
        return [unit + 0.01 for unit in old] if column == "shelf_units" else old + 0.02

    found = _found(published, tmp_path, lambda copy: _rewrite(copy, column, change))
    assert f"shelf: {column}" in found


def test_a_missing_shelf_and_a_shelf_of_a_targeted_run_are_found(
    published: tuple[Path, Any, Any, Any], tmp_path: Path
) -> None:
    def drop(copy: Path) -> None:
        table = parquet.read_table(copy / "bundles.parquet").drop_columns(list(SHELF_COLUMNS))
        parquet.write_table(table, copy / "bundles.parquet", write_page_checksum=True)

    assert "shelf" in _found(published, tmp_path, drop)
    folder, prepared, valued, settings = published
    targeted = settings.model_copy(update={"redemption": "targeted"})
    assert "shelf" in {violation.rule for violation in verify.violations(folder, prepared, valued, targeted)}


def test_a_total_without_the_shelf_is_found(published: tuple[Path, Any, Any, Any], tmp_path: Path) -> None:
    def change(copy: Path) -> None:
        plan = json.loads((copy / "plan.json").read_text())
        offers = parquet.read_table(copy / "offers.parquet").to_pandas()
        plan["totals"]["promo_spend"]["value"] = round(float(offers["promo_spend"].sum()), 2)
        (copy / "plan.json").write_text(json.dumps(plan))

    assert "totals: promo_spend" in _found(published, tmp_path, change)


def test_other_verbs_read_a_public_plan(run: CommandLine, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (("TIME_LIMIT", "3"), ("GAP", "5%"), ("MAX_BUNDLES", "3"), ("REDEMPTION", "public")):
        monkeypatch.setenv(f"BUNDLEOPT_{key}", value)
    document = _solve(run, workspace, "--budget", "60")
    best = _table(document, "bundles")["bundle_id"].iloc[0]
    explained = run("explain", "-w", workspace, best, "--json")
    assert explained.code == 0, explained.err
    assert run("report", "-w", workspace).code == 0
    file = Path(document["folder"]) / "bundles.csv"
    scored = run("score", "-w", workspace, file, "--json")
    assert scored.code == 0, scored.err
    swept = run("whatif", "-w", workspace, "--budget", "60", "--json")
    assert swept.code == 0, swept.err
