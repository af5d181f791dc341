"""Drafts and saved scenarios: a saved one is a run like any other, whole, named, and safe once approved."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from bundleopt import run_registry
from bundleopt.rundir.writer import changed_files
from bundleopt.verbs.approve import approve
from bundleopt.verbs.solve import solve
from bundleopt.web import limits
from bundleopt.web.page_view import select
from bundleopt.web.refusal import Refusal
from bundleopt.web.scenarios import Scenarios, draft_workspace, reference_of_draft
from bundleopt.workspace import Workspace
from bundleopt_data.errors import UsageError
from tests.bundleopt.command_line import CommandLine

QUICK = {"gap": "8%", "time_limit": 20, "candidates": 20, "max_bundles": 4, "bundle_size": "2:2"}


@pytest.fixture(scope="module")
def draft_folder(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One plan; tests take copies of it as drafts."""
    root = Path(shutil.copytree(trained_workspace, tmp_path_factory.mktemp("drafts") / "shop"))
    return solve(root, budget=15, out=root / "plan", **QUICK).folder


@pytest.fixture
def scenarios(draft_folder: Path, tmp_path: Path) -> Scenarios:
    """A workspace with two drafts."""
    root = tmp_path / "shop"
    workspace = Workspace(root)
    workspace.make_folders()
    (root / "bundleopt.toml").write_text("", encoding="utf-8")
    for number in (1, 2):
        shutil.copytree(draft_folder, draft_workspace(workspace).runs / f"000{number}-2024-10-07")
    return Scenarios(workspace)


def test_a_saved_scenario_is_a_run_of_the_command_line(scenarios: Scenarios, run: CommandLine) -> None:
    root = scenarios.workspace.root
    assert run("runs", "list", "-w", root, "--json").document == {"runs": []}
    draft = scenarios.find(reference_of_draft("0002-2024-10-07"))
    saved = scenarios.save(draft, "  half   the [red]budget[/red] ")
    assert (saved.reference, saved.title, saved.is_draft) == ("0001-2024-10-07", "half the [red]budget[/red]", False)
    (row,) = run("runs", "list", "--find", "HALF THE", "-w", root, "--json").document["runs"]
    assert row["label"] == "half the [red]budget[/red]"
    assert "[red]" in run("runs", "list", "-w", root).out
    assert not changed_files(saved.run.folder)
    assert [one.reference for one in scenarios.all()] == ["0001-2024-10-07", "draft-0001-2024-10-07"]
    assert run("approve", "1", "--by", "Ada", "-w", root).code == 0
    assert run("export", "1", "--to", root / "out", "-w", root).code == 0
    assert run("report", "1", "--out", root / "page.html", "-w", root).code == 0


def test_names_can_change_until_a_plan_is_approved(scenarios: Scenarios) -> None:
    saved = scenarios.save(scenarios.all()[0], "first")
    assert scenarios.save(saved, "second").title == "second"
    approve(saved.run.name, by="Ada", workspace=scenarios.workspace.root)
    with pytest.raises(UsageError, match="approved"):
        scenarios.save(saved, "third")
    with pytest.raises(UsageError, match="approved by Ada"):
        scenarios.remove(saved)
    assert scenarios.find(saved.reference).title == "second"
    for name in ("", "   ", "x" * 81):
        with pytest.raises(UsageError, match="name"):
            scenarios.save(scenarios.all()[-1], name)


def test_a_changed_draft_is_not_saved(scenarios: Scenarios) -> None:
    draft = scenarios.all()[0]
    path = draft.run.folder / "offers.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UsageError, match="changed since it was published"):
        scenarios.save(draft, "flipped")
    assert not list(scenarios.workspace.runs.iterdir())


def test_a_full_disk_loses_nothing(scenarios: Scenarios, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = scenarios.all()[0]

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(OSError, match="no space left"):
        scenarios.save(draft, "kept")
    assert scenarios.find(draft.reference).run.document == draft.run.document
    assert not list(scenarios.workspace.runs.iterdir())


def test_numbers_are_never_shared_with_a_plan_that_is_being_published(scenarios: Scenarios) -> None:
    with run_registry.numbering(scenarios.workspace):
        first = run_registry.next_folder(scenarios.workspace, date(2024, 10, 7))
        first.mkdir()
    assert scenarios.save(scenarios.all()[-1], "after").run.folder != first


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "draft-",
        "..",
        "../0001-2024-10-07",
        "0001-2024-10-07/..",
        "draft-../x",
        "0001-2024-10-07\n",
        "9" * 100,
        "0007-2024-10-07",
    ],
)
def test_only_names_of_plans_are_found(scenarios: Scenarios, reference: str) -> None:
    with pytest.raises(Refusal) as refused:
        scenarios.find(reference)
    assert refused.value.status == 404


def test_a_link_out_of_the_workspace_is_no_plan(scenarios: Scenarios, draft_folder: Path) -> None:
    (scenarios.workspace.runs / "0009-2024-10-07").symlink_to(draft_folder)
    with pytest.raises(Refusal):
        scenarios.find("0009-2024-10-07")


def test_old_drafts_go_and_the_one_in_use_stays(scenarios: Scenarios, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DRAFTS_KEPT", 1)
    oldest = scenarios.all()[-1]
    scenarios.forget_old_drafts(keep=frozenset({str(oldest.run.folder)}))
    assert len(scenarios.all()) == 2
    scenarios.forget_old_drafts()
    assert [one.reference for one in scenarios.all()] == ["draft-0002-2024-10-07"]


def test_the_base_is_the_approved_plan_then_a_saved_one(scenarios: Scenarios, draft_folder: Path) -> None:
    shown = scenarios.all()[0].reference
    assert select(scenarios, shown, "").base == scenarios.find("draft-0001-2024-10-07")
    saved = scenarios.save(scenarios.find("draft-0001-2024-10-07"), "saved")
    assert select(scenarios, shown, "").base == saved
    shutil.copytree(draft_folder, scenarios.workspace.runs / "0002-2024-10-07")
    approve("2", by="Ada", workspace=scenarios.workspace.root)
    base = select(scenarios, shown, "").base
    assert base is not None
    assert base.reference == "0002-2024-10-07"
    assert select(scenarios, shown, saved.reference).base == saved
    assert json.loads((saved.run.folder / "label.json").read_text()) == {"name": "saved"}
