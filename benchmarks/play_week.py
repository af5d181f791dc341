"""Plays an analyst's week from Monday to Monday on the sample, as the documents tell it: `make week`.

The model is trained on what was known on the first Monday; every step is a command of the command line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook

Command = Callable[[Sequence[str]], None]
"""Runs one command line and raises where it fails."""


@dataclass(frozen=True)
class Week:
    """What is planned: two Mondays, a budget, and how large the menu may be."""

    workspace: Path
    first: str
    second: str
    budget: int
    bundles: int

    @property
    def review(self) -> Path:
        """The workbook that goes to the category managers."""
        return self.workspace / "plan-to-review.xlsx"

    @property
    def decided(self) -> Path:
        """The workbook as they send it back."""
        return self.workspace / "plan-reviewed.xlsx"

    @property
    def campaign(self) -> Path:
        """The folder for the systems that run the campaign."""
        return self.workspace / "campaign"


def play(week: Week, command: Command) -> None:
    """Play the week, step by step."""
    rules = ["--budget", str(week.budget), "--max-bundles", str(week.bundles)]
    half = f"{week.budget / 2:g},{week.budget}"
    command(["check"])
    command(["train", "--fast", "--until", week.first])
    command(["solve", "--week", week.first, *rules])
    command(["whatif", "--week", week.first, "--budget", half, "--max-bundles", str(week.bundles)])
    command(["export", "--xlsx", str(week.review)])
    decide(week.review, week.decided)
    command(["review", str(week.decided)])
    command(["approve", "--by", "Ada Lovelace", "--note", "after the review"])
    command(["export", "--to", str(week.campaign)])
    command(["solve", "--week", week.second, *rules, "--max-churn", "60%"])
    command(["compare"])


def decide(source: Path, target: Path) -> None:
    """Fill the workbook in as people would: keep the first bundle, ban the second, sell the third for 5 cents more."""
    book = CalamineWorkbook.from_path(str(source))
    with xlsxwriter.Workbook(str(target), {"strings_to_formulas": False, "strings_to_urls": False}) as copy:
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python()
            if name == "bundles":
                _decide_rows(rows)
            sheet = copy.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)


def _decide_rows(rows: list[list[Any]]) -> None:
    head = {str(name): place for place, name in enumerate(rows[0])}
    kept, banned, dearer = rows[1:4]
    kept[head["decision"]] = "keep"
    banned[head["decision"]] = "ban"
    dearer[head["override_price"]] = round(float(dearer[head["price"]]) + 0.05, 2)


def _shell(workspace: Path) -> Command:
    def run(words: Sequence[str]) -> None:
        print(f"\n$ bundleopt {' '.join(words)}", flush=True)
        started = time.monotonic()
        code = "import sys; from bundleopt.cli.main import run; run(sys.argv[1:])"
        subprocess.run([sys.executable, "-c", code, *words, "-w", str(workspace)], check=True)
        print(f"({time.monotonic() - started:.1f} s)", flush=True)

    return run


def main() -> None:
    """Make a workspace on the sample and play the week in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path, help="folder to make")
    workspace = parser.parse_args().workspace.resolve()
    shell = _shell(workspace)
    if not workspace.exists():
        code = "import sys; from bundleopt.cli.main import run; run(sys.argv[1:])"
        subprocess.run([sys.executable, "-c", code, "init", str(workspace), "--sample"], check=True)
    play(Week(workspace, "2017-12-25", "2018-01-01", budget=2000, bundles=20), shell)


if __name__ == "__main__":
    main()
