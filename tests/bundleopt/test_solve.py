import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

import bundleopt
from bundleopt.stages import verify
from bundleopt_data.errors import Violation
from bundleopt_solvers.plan import StopReason
from tests.bundleopt.command_line import CommandLine, Outcome

# Small, so that a busy machine still proves something; the laws below hold for any time limit.
QUICK = ("--time-limit", "6", "--gap", "5%", "--max-bundles", "6")


def _solve(run: CommandLine, workspace: Path, *flags: object) -> Outcome:
    outcome = run("solve", "-w", workspace, *QUICK, *flags, "--json")
    assert outcome.code == 0, outcome.err
    return outcome


def _total(document: dict[str, Any], name: str) -> float:
    return float(document["totals"][name]["value"])


def _offers(document: dict[str, Any]) -> list[dict[str, Any]]:
    table = parquet.read_table(Path(document["folder"]) / "offers.parquet")
    return list(table.to_pylist())


def _bundles(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(parquet.read_table(Path(document["folder"]) / "bundles.parquet").to_pylist())


@pytest.fixture(scope="module")
def plain_run(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The unconstrained plan, made once through the command line in a process of its own."""
    root = Path(shutil.copytree(trained_workspace, tmp_path_factory.mktemp("plain") / "shop"))
    words = ["solve", "-w", str(root), *QUICK, "--json"]
    code = f"from bundleopt.cli.main import run; run({words!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_json_alone_stands_on_stdout_and_the_run_folder_is_whole(plain_run: dict[str, Any]) -> None:
    folder = Path(plain_run["folder"])
    assert folder.name == "0001-2024-10-07"
    assert json.loads((folder / "plan.json").read_text(encoding="utf-8")) == {
        key: value for key, value in plain_run.items() if key != "folder"
    }
    assert {"bundles.parquet", "offers.csv", "inventory.parquet", "report.html", "plan.xlsx"} <= {
        path.name for path in folder.iterdir()
    }
    assert not [path.name for path in folder.parent.iterdir() if path.name.startswith(".")]


def test_the_plan_states_totals_bound_and_proof(plain_run: dict[str, Any]) -> None:
    assert plain_run["menu"]["bundles"] >= 1
    assert plain_run["objective"]["value"] <= plain_run["bound"] + 1e-6
    assert plain_run["objective"]["value"] == pytest.approx(_total(plain_run, "incremental_revenue"), abs=0.01)
    assert _total(plain_run, "customers_reached") <= 50
    assert sum(plain_run["decomposition"].values()) == pytest.approx(_total(plain_run, "incremental_revenue"), abs=1e-6)
    assert sum(plain_run["margin_decomposition"].values()) == pytest.approx(
        _total(plain_run, "incremental_margin"), abs=1e-6
    )
    for name in ("incremental_revenue", "promo_spend", "redemptions"):
        total = plain_run["totals"][name]
        assert total["low"] <= total["value"] <= total["high"]
        assert "who happens to redeem" in total["covers"]
        assert total["expectation"]["low"] <= total["value"] <= total["expectation"]["high"]
        assert "parameters of the demand model" in total["expectation"]["covers"]
        assert total["expectation"]["low"] <= total["held_out_draws"] <= total["expectation"]["high"]
    assert any("quick" in sentence for sentence in plain_run["warnings"])
    assert re.fullmatch(r"[0-9a-f]{64}", plain_run["inputs"]["forecast"])


def test_offers_keep_slots_and_disjoint_items(plain_run: dict[str, Any]) -> None:
    held: dict[str, list[str]] = {}
    count: dict[str, int] = {}
    for offer in _offers(plain_run):
        count[offer["customer_id"]] = count.get(offer["customer_id"], 0) + 1
        held.setdefault(offer["customer_id"], []).extend(offer["item_ids"])
        assert offer["propensity"] == 1.0
        assert offer["holdout"] is False
        assert len(offer["incremental_units"]) == len(offer["item_ids"])
    assert max(count.values()) <= 3
    assert all(len(items) == len(set(items)) for items in held.values())


def test_totals_agree_to_the_cent(plain_run: dict[str, Any]) -> None:
    offers, bundles = _offers(plain_run), _bundles(plain_run)
    for name in ("incremental_revenue", "incremental_margin", "promo_spend"):
        expected = round(_total(plain_run, name) * 100)
        assert round(math.fsum(offer[name] for offer in offers) * 100) == expected
        assert sum(round(bundle[name] * 100) for bundle in bundles) == expected


def test_hostile_ids_stay_text(plain_run: dict[str, Any]) -> None:
    inventory = parquet.read_table(Path(plain_run["folder"]) / "inventory.parquet").to_pylist()
    assert {row["item_id"] for row in inventory} >= {"001", "NA", "1e5"}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_budget_binds_spend(run: CommandLine, workspace: Path, plain_run: dict[str, Any], share: float) -> None:
    budget = round(_total(plain_run, "promo_spend") * share, 2)
    document = _solve(run, workspace, "--budget", budget).document
    assert 0 < _total(document, "promo_spend") <= budget
    assert _total(document, "incremental_revenue") <= plain_run["bound"] + 0.01


def test_a_budget_of_nothing_is_a_plan_of_nothing_or_of_free_offers(run: CommandLine, workspace: Path) -> None:
    document = _solve(run, workspace, "--budget", "0").document
    assert _total(document, "promo_spend") == 0.0


def test_menu_size_and_slots_change_the_plan(run: CommandLine, workspace: Path) -> None:
    document = _solve(run, workspace, "--max-bundles", "2", "--slots", "1").document
    assert document["menu"]["bundles"] <= 2
    customers = [offer["customer_id"] for offer in _offers(document)]
    assert len(customers) == len(set(customers))


def test_sizes_and_prices_are_as_asked(run: CommandLine, workspace: Path) -> None:
    flags = ("--bundle-size", "2:2", "--max-discount", "20%", "--price-ending", ".99")
    bundles = _bundles(_solve(run, workspace, *flags).document)
    assert bundles
    assert {len(bundle["item_ids"]) for bundle in bundles} == {2}
    assert all(round(bundle["price"] * 100) % 100 == 99 for bundle in bundles)
    assert max(bundle["discount"] for bundle in bundles) <= 0.2


def test_a_margin_floor_holds_for_bundle_sales(run: CommandLine, workspace: Path) -> None:
    document = _solve(run, workspace, "--min-margin", "50%").document
    offers = _offers(document)
    revenue = math.fsum(offer["redemption_revenue"] for offer in offers)
    assert math.fsum(offer["redemption_margin"] for offer in offers) >= 0.5 * revenue
    assert "min_margin" in {rule["name"] for rule in document["rules"]}


def test_the_margin_objective_brings_no_less_margin(
    run: CommandLine, workspace: Path, plain_run: dict[str, Any]
) -> None:
    document = _solve(run, workspace, "--objective", "margin").document
    assert document["objective"]["name"] == "margin"
    assert document["objective"]["value"] == pytest.approx(_total(document, "incremental_margin"), abs=0.01)
    assert _total(document, "incremental_margin") >= _total(plain_run, "incremental_margin") - 0.01


def test_where_margin_falls_the_best_plan_that_keeps_it_is_stated(plain_run: dict[str, Any]) -> None:
    neutral = plain_run["margin_neutral_plan"]
    assert (neutral is not None) == (_total(plain_run, "incremental_margin") < 0)
    if neutral is not None:
        assert neutral["incremental_margin"] >= 0


def test_excluded_items_and_bundles_are_gone(run: CommandLine, workspace: Path, plain_run: dict[str, Any]) -> None:
    first = _bundles(plain_run)[0]["item_ids"]
    other = "+".join(dict.fromkeys([*first[1:], "NA", "1e5"][:4]))
    document = _solve(run, workspace, "--exclude", first[0], "--exclude", other).document
    assert all(first[0] not in bundle["item_ids"] for bundle in _bundles(document))
    assert document["excluded_items"]["excluded by name"] == [first[0]]


def test_included_bundles_and_items_are_on_the_menu(run: CommandLine, workspace: Path) -> None:
    document = _solve(run, workspace, "--include", "005+006", "--include", "1e5").document
    bundles = [set(bundle["item_ids"]) for bundle in _bundles(document)]
    assert {"005", "006"} in bundles
    assert any("1e5" in items for items in bundles)
    asked = next(bundle for bundle in _bundles(document) if set(bundle["item_ids"]) == {"005", "006"})
    assert "asked for by name" in asked["reason"]
    stand_in = next(row for row in document["included_bundles"] if row["stands_in"])
    assert "1e5" in stand_in["item_ids"]
    assert stand_in["why"] == "the best bundle of the plan with 1e5, which was asked for by name"


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--include", "nope"), 2, "no item 'nope'"),
        (("--include", "001+001"), 2, "distinct items"),
        (("--include", "001", "--exclude", "001"), 4, "include 001, exclude 001"),
        (("--include", "001+002", "--max-discount", "0"), 4, "include 001+002"),
        (("--include", "001+002", "--bundle-size", "3:4"), 4, "include 001+002, bundle_size 3:4"),
        (("--week", "2031-01-06"), 2, "out of reach"),
        (("--write-model", "model.txt"), 2, "must end in .mps or .lp"),
        (("--out", "."), 2, "holds other files"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    run: CommandLine, workspace: Path, flags: tuple[str, ...], code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    outcome = run("solve", *QUICK, *flags)
    assert outcome.code == code, outcome.err
    assert message in outcome.err
    assert list((workspace / "runs").iterdir()) == []


def test_rules_that_contradict_each_other_exit_4_and_are_named(run: CommandLine, workspace: Path) -> None:
    flags = ("--include", "001+002", "--budget", "0", "--time-limit", "60")
    outcome = run("solve", "-w", workspace, *QUICK, *flags, "--json")
    assert outcome.code == 4
    assert set(outcome.document["conflict"]) == {"budget", "include"}
    assert outcome.document["relaxations"][0]["needed"] > 0
    assert json.loads((workspace / "conflict.json").read_text())["conflict"] == outcome.document["conflict"]
    assert list((workspace / "runs").iterdir()) == []


def test_a_gap_that_is_not_proven_exits_6_only_when_asked(
    run: CommandLine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(*arguments: Any, **named: Any) -> Any:
        from dataclasses import replace

        plan = original(*arguments, **named)
        headline = replace(plan.headline, bound=plan.headline.value * 2 + 1)
        return replace(plan, headline=headline, reason=reason[0])

    from bundleopt.stages import optimise

    original, reason = optimise.optimise, [StopReason.TIME_LIMIT]
    monkeypatch.setattr("bundleopt.stages.optimise.optimise", cut_short)
    outcome = run("solve", "-w", workspace, *QUICK, "--require-optimal", "--json")
    assert (outcome.code, outcome.document["status"]) == (6, "feasible")
    assert "larger than asked" in outcome.err
    assert Path(outcome.document["folder"]).is_dir()
    assert run("solve", "-w", workspace, *QUICK, "--json").code == 0
    reason[0] = StopReason.INTERRUPTED
    outcome = run("solve", "-w", workspace, *QUICK)
    assert outcome.code == 130
    assert "best plan so far is in" in outcome.err


def test_a_plan_that_fails_verification_is_never_published(
    run: CommandLine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "violations", lambda *_: [Violation("budget", "10", "11")])
    outcome = run("solve", "-w", workspace, *QUICK)
    assert outcome.code == 7
    assert "budget: 11, allowed 10" in outcome.err
    assert list((workspace / "runs").iterdir()) == []


def test_the_same_inputs_give_the_same_offers(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        _solve(run, workspace, "--gap", "30%", "--time-limit", "60", "--out", tmp_path / name)
    for name in ("offers.parquet", "offers.csv", "bundles.parquet", "inventory.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_the_segment_model_is_written_for_other_solvers(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    document = _solve(run, workspace, "--write-model", tmp_path / "menu.mps").document
    text = (tmp_path / "menu.mps").read_text(encoding="utf-8")
    assert text.startswith("NAME")
    assert text.rstrip().endswith("ENDATA")
    assert set(document["certificates"]) >= {"assignment"}


def test_a_full_disk_exits_11_and_leaves_nothing(
    run: CommandLine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_folder: Path, *_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(verify, "verify", full)
    outcome = run("solve", "-w", workspace, *QUICK)
    assert outcome.code == 11
    assert "no space left" in outcome.err
    assert list((workspace / "runs").iterdir()) == []


def test_a_corrupt_model_exits_9_and_says_how_to_train_again(run: CommandLine, workspace: Path) -> None:
    for path in (workspace / "models" / "fast-all").rglob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    outcome = run("solve", "-w", workspace, *QUICK)
    assert outcome.code == 9
    assert "bundleopt train" in outcome.err


def test_a_model_record_cannot_point_out_of_the_workspace(run: CommandLine, workspace: Path) -> None:
    path = workspace / "models" / "current.json"
    record = json.loads(path.read_text()) | {"name": "../elsewhere"}
    path.write_text(json.dumps(record))
    outcome = run("solve", "-w", workspace, *QUICK)
    assert (outcome.code, "not a model of this workspace" in outcome.err) == (9, True)


def test_python_does_it_in_one_call(workspace: Path) -> None:
    result = bundleopt.solve(workspace, budget=20, max_bundles=3, time_limit=6, gap="5%")
    assert result.status in {"optimal", "feasible"}
    assert result.incremental_revenue <= result.bound + 0.01
    assert len(result.bundles) <= 3
    assert len(result.offers) == result.document["menu"]["offers"]
    again = bundleopt.read_result(result.folder)
    assert again.document == result.document
    assert len(bundleopt.write_report(result.folder, out=workspace / "page.html").read_text()) > 5000
