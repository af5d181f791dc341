"""The verbs around solve: check, predict, score, report, runs, evaluate, train."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from bundleopt.stages import model_quality
from bundleopt.verbs.evaluate import evaluate
from bundleopt.workspace import Workspace
from tests.bundleopt.command_line import CommandLine

QUICK = ("--time-limit", "6", "--gap", "10%", "--max-bundles", "4")


@pytest.fixture
def with_a_run(run: CommandLine, workspace: Path) -> Path:
    """A workspace with one published run."""
    assert run("solve", "-w", workspace, *QUICK).code == 0
    return workspace


def test_check_profiles_and_judges(run: CommandLine, workspace: Path) -> None:
    outcome = run("check", "-w", workspace, "--json")
    assert outcome.code == 0
    assert outcome.document["verdict"] in {"PASS", "REVIEW"}
    assert outcome.document["profile"]["customers"] == 50
    assert outcome.document["profile"]["items_sold"] == 12
    page = run("check", "-w", workspace).out
    assert "2024-01-01 to 2024-10-06" in page
    assert any("UTC" in sentence for sentence in outcome.document["assumptions"])


def test_the_summary_reads_as_a_plan(run: CommandLine, with_a_run: Path) -> None:
    page = run("runs", "show", "-w", with_a_run).out
    assert "Campaign of the week of 2024-10-07" in page
    assert "No plan over these candidates can beat this" in page or "Proven best" in page
    assert "incremental revenue" in page
    assert "This rests on" in page
    assert "report.html" in page


def test_runs_are_listed_oldest_first_and_shown_by_number(run: CommandLine, with_a_run: Path) -> None:
    assert run("solve", "-w", with_a_run, *QUICK, "--slots", "1").code == 0
    listed = run("runs", "list", "-w", with_a_run, "--json").document["runs"]
    assert [row["run"] for row in listed] == ["0001-2024-10-07", "0002-2024-10-07"]
    shown = run("runs", "show", "1", "-w", with_a_run, "--json").document
    assert Path(shown["folder"]).name == "0001-2024-10-07"
    missing = run("runs", "show", "9", "-w", with_a_run)
    assert (missing.code, "no run '9'" in missing.err) == (2, True)


def test_a_run_that_was_changed_is_not_shown_as_published(run: CommandLine, with_a_run: Path) -> None:
    path = next((with_a_run / "runs").iterdir()) / "bundles.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    outcome = run("report", "-w", with_a_run)
    assert (outcome.code, "changed since it was published" in outcome.err) == (2, True)


def test_report_writes_the_page_of_the_run_again(run: CommandLine, with_a_run: Path) -> None:
    folder = next((with_a_run / "runs").iterdir())
    outcome = run("report", folder, "--out", with_a_run / "page.html", "-w", with_a_run, "--json")
    assert outcome.document == {"report": str(with_a_run / "page.html")}
    assert (with_a_run / "page.html").read_bytes() == (folder / "report.html").read_bytes()


def test_predict_keeps_rows_order_and_columns(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "note": ["x", "y", "z"],
            "customer_id": ["C001", "C000", "C001"],
            "item_id": ["NA", "1e5", "NA"],
            "week": ["2024-10-07"] * 3,
            "price": ["2.10", "", "1.05"],
        }
    )
    rows.to_csv(tmp_path / "rows.csv", index=False)
    outcome = run("predict", "--at", tmp_path / "rows.csv", "--out", tmp_path / "out.csv", "-w", workspace, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.document["rows"] == 3
    found = pd.read_csv(tmp_path / "out.csv", dtype={"customer_id": str, "item_id": str}, keep_default_na=False)
    assert found["note"].tolist() == ["x", "y", "z"]
    assert found["item_id"].tolist() == ["NA", "1e5", "NA"]
    assert found["probability"].between(0, 1, inclusive="neither").all()
    assert found["probability"][2] > found["probability"][0]


def test_predict_refuses_ids_it_has_never_heard_of(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("customer_id,item_id,week\nC001,nope,2024-10-07\nnobody,001,2024-10-07\n")
    outcome = run("predict", "--at", path, "--out", tmp_path / "out.csv", "-w", workspace)
    assert outcome.code == 3
    assert "'nope'" in outcome.err
    assert "'nobody'" in outcome.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("at", "text", "refusal"),
    [
        ("rows.txt", "", (2, "must end in .csv or .parquet")),
        ("missing.csv", None, (2, "there is no file")),
        ("rows.csv", "customer_id,item_id\nC001,001\n", (3, "week")),
        ("rows.csv", "customer_id,item_id,week\nC001,001,soon\n", (3, "week")),
        ("rows.csv", "customer_id,item_id,week,price\nC001,001,2024-10-07,-1\n", (3, "price")),
        ("rows.csv", "", (3, "cannot be read")),
    ],
)
def test_predict_refuses_what_it_cannot_read(
    run: CommandLine, workspace: Path, tmp_path: Path, at: str, text: str | None, refusal: tuple[int, str]
) -> None:
    if text is not None:
        (tmp_path / at).write_text(text)
    outcome = run("predict", "--at", tmp_path / at, "--out", tmp_path / "out.csv", "-w", workspace)
    assert outcome.code == refusal[0], outcome.err
    assert refusal[1] in outcome.err


def test_without_a_model_predict_says_how_to_make_one(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    (workspace / "models" / "current.json").unlink()
    (tmp_path / "rows.csv").write_text("customer_id,item_id,week\nC001,001,2024-10-07\n")
    outcome = run("predict", "--at", tmp_path / "rows.csv", "--out", tmp_path / "out.csv", "-w", workspace)
    assert (outcome.code, "bundleopt train" in outcome.err) == (9, True)


def test_score_gives_a_solved_plan_its_own_figures(run: CommandLine, with_a_run: Path) -> None:
    folder = next((with_a_run / "runs").iterdir())
    plan = json.loads((folder / "plan.json").read_text())
    for kind in ("parquet", "csv"):
        outcome = run("score", folder / f"offers.{kind}", "-w", with_a_run, "--max-bundles", "4", "--json")
        assert outcome.code == 0, outcome.err
        assert outcome.document["violations"] == []
        assert outcome.document["keeps_every_rule"] is True
        for name in ("incremental_revenue", "incremental_margin", "promo_spend", "redemptions"):
            assert outcome.document["totals"][name]["value"] == pytest.approx(plan["totals"][name]["value"], abs=0.01)


def test_score_names_the_rules_that_a_written_plan_breaks(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("customer_id,item_ids,price\nC001,001|002,4.50\nC001,002|003,6.90\nC002,001|002,4.50\n")
    outcome = run("score", path, "-w", workspace, "--slots", "1", "--budget", "0", "--json")
    assert outcome.code == 0, outcome.err
    broken = {violation["rule"] for violation in outcome.document["violations"]}
    assert {"slots", "budget", "item-disjoint offers"} <= broken
    assert "breaks slots" in run("score", path, "-w", workspace, "--slots", "1").out


def test_people_set_prices_between_the_steps_but_inside_the_band(
    run: CommandLine, workspace: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plan.csv"
    path.write_text("customer_id,item_ids,price\nC001,001|002,4.57\n")
    assert run("score", path, "-w", workspace, "--json").document["violations"] == []
    page = run("score", path, "-w", workspace, "--max-discount", "5%").out
    assert "breaks price band: 4.57" in page
    assert "(001|002)" in page
    assert "1 bundle, 1 offer to 1 customer" in page


def test_score_offers_written_bundles_to_whom_they_suit(run: CommandLine, workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "bundles.csv"
    path.write_text("item_ids,price\n001|002,4.56\nNA|1e5,4.00\n")
    outcome = run("score", path, "-w", workspace, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.document["bundles"] <= 2
    assert outcome.document["totals"]["incremental_revenue"]["value"] >= 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item_ids\n001|002\n", "price: this column is missing"),
        ("item_ids,price\n", "holds no rows"),
        ("item_ids,price\n001|nope,3\n", "unknown 'nope'"),
        ("item_ids,price\n001|001,3\n", "distinct items"),
        ("item_ids,price\n001|002,nan\n", "must be above 0"),
        ("item_ids,price\n001|002,3\n002|001,4\n", "one price for everybody"),
        ("customer_id,item_ids,price\nX,001|002,3\n", "unknown customer"),
        ("customer_id,item_ids,price\nC001,001|002,3\nC001,001|002,3\n", "same bundle twice"),
    ],
)
def test_a_written_plan_that_cannot_be_read_is_refused(
    run: CommandLine, workspace: Path, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "plan.csv").write_text(text)
    outcome = run("score", tmp_path / "plan.csv", "-w", workspace)
    assert outcome.code == 3, outcome.err
    assert message in outcome.err


def test_evaluate_puts_the_model_beside_its_rivals(workspace: Path) -> None:
    result = evaluate(workspace, fast=True)
    models = [row[0] for row in result.text_rows()]
    assert {"bundleopt", "popularity"} <= set(models)
    assert "log loss" in result.columns
    document = result.document()
    assert document["test_weeks"] >= 1
    assert all(len(row) == len(result.columns) + 1 for row in result.text_rows())
    assert len(result.sentences) == 3
    kept = model_quality.read(Workspace(workspace), result.inputs)
    assert kept is not None
    assert kept["units"] == document["units"]
    # Its price response is that of the model that plans are made with: the workspace has one.
    assert kept["price_response"]["is_shipped"]
    assert {"probability", "department", "visits in 13 weeks"} <= set(kept["reliability"])


def test_train_until_bounds_what_is_seen_and_is_used_from_then_on(run: CommandLine, workspace: Path) -> None:
    outcome = run("train", "--fast", "--until", "2024-08-26", "-w", workspace, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.document["data seen"] == "before 2024-08-26"
    record = json.loads((Workspace(workspace).models / "current.json").read_text())
    assert (record["name"], record["bounded"]) == ("fast-2024-08-26", True)
    wrong = run("train", "--until", "soon", "-w", workspace)
    assert (wrong.code, "--until 'soon'" in wrong.err) == (2, True)
    wrong = run("train", "--device", "abacus", "-w", workspace)
    assert (wrong.code, "auto, cpu, cuda, mps" in wrong.err) == (2, True)


def test_offers_table_is_typed_text(with_a_run: Path) -> None:
    folder = next((with_a_run / "runs").iterdir())
    schema = parquet.read_schema(folder / "offers.parquet")
    assert str(schema.field("customer_id").type) == "string"
    assert str(schema.field("item_ids").type).startswith("list<")
