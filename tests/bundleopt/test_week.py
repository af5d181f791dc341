"""An analyst's week from Monday to Monday, played command by command on the small shop."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from benchmarks.play_week import Week, play
from bundleopt.run_registry import all_runs
from bundleopt.verbs.initialise import initialise
from bundleopt.workspace import find_workspace
from tests.bundleopt.command_line import CommandLine, Outcome


def test_the_week_from_monday_to_monday(
    market: Path, tmp_path: Path, run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CANDIDATES": "30", "GAP": "5%", "TIME_LIMIT": "20"}.items():
        monkeypatch.setenv(f"BUNDLEOPT_{name}", value)
    initialise(tmp_path / "shop", data=str(market))
    week = Week(tmp_path / "shop", "2024-09-30", "2024-10-07", budget=20, bundles=5)
    seen: dict[str, list[Outcome]] = {}

    def command(words: Sequence[str]) -> None:
        found = run(*words, "-w", week.workspace)
        assert found.code == 0, f"{words}\n{found.err}\n{found.out}"
        seen.setdefault(words[0], []).append(found)

    play(week, command)
    _monday(seen)
    _tuesday(week, seen)
    _wednesday(week)
    _next_monday(week, seen)


def _monday(seen: dict[str, list[Outcome]]) -> None:
    assert "PASS: a plan can rest on this data." in seen["check"][0].out
    assert "No plan over these candidates can beat this by more than" in seen["solve"][0].out
    assert "budget 10" in seen["whatif"][0].out


def _tuesday(week: Week, seen: dict[str, list[Outcome]]) -> None:
    for understood in ("row 2: keep", "row 3: ban", "row 4: sell"):
        assert understood in seen["review"][0].out
    rows = _sheet(week.decided)
    prices = {row["bundle_id"]: float(row["price"]) for row in _campaign(week)}
    assert prices[rows[0]["bundle_id"]] == rows[0]["price"]
    assert rows[1]["bundle_id"] not in prices
    assert prices[rows[2]["bundle_id"]] == pytest.approx(rows[2]["override_price"])


def _wednesday(week: Week) -> None:
    _, reviewed, last = all_runs(find_workspace(week.workspace))
    assert reviewed.approved_by == "Ada Lovelace"
    assert last.approved_by is None
    assert json.loads((reviewed.folder / "approval.json").read_text())["note"] == "after the review"
    assert {path.suffix for path in week.campaign.iterdir()} >= {".csv", ".xlsx", ".parquet"}


def _next_monday(week: Week, seen: dict[str, list[Outcome]]) -> None:
    _, reviewed, last = all_runs(find_workspace(week.workspace))
    assert (reviewed.document["week"], last.document["week"]) == (week.first, week.second)
    before, after = (_menu(one.folder / "bundles.csv") for one in (reviewed, last))
    kept = before.items() & after.items()  # at the same price
    assert len(after) - len(kept) <= 0.6 * len(before)
    assert len(kept) >= 0.4 * len(before)
    compared = seen["compare"][0].out
    assert f"{last.name} (week of {week.second}) against {reviewed.name}" in compared
    assert "the calendar: another week's demand" in compared
    assert any(reviewed.name in text for text in last.document["assumptions"])


def _sheet(path: Path) -> list[dict[str, Any]]:
    head, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("bundles").to_python()
    return [dict(zip(head, row, strict=True)) for row in rows]


def _campaign(week: Week) -> list[dict[str, str]]:
    with (week.campaign / "bundles.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _menu(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as stream:
        return {row["bundle_id"]: row["price"] for row in csv.DictReader(stream)}
