"""Eighty columns are enough: no line is longer, no number is broken, whatever the names are."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from bundleopt.cli import compare as compare_command
from bundleopt.cli import runs as runs_command
from bundleopt.cli import whatif as whatif_command
from bundleopt.cli.flags import CommonFlags
from bundleopt.cli.output import PIPE_WIDTH, Output
from bundleopt.cli.summary import next_steps, print_summary
from bundleopt.comparison.difference import difference
from bundleopt.plan import tables
from bundleopt.scenarios.grid import Scenario
from bundleopt.scenarios.outcome import ScenarioOutcome
from bundleopt.verbs.solve import SolveResult
from bundleopt.verbs.whatif import WhatIfResult
from tests.bundleopt.small_plan import small_document, small_valued_plan

LONG = tuple(
    f"ORGANIC STONE-GROUND WHOLEGRAIN SOURDOUGH BREAD, SLICED, {size} GRAM FAMILY PACK" for size in (1, 2, 3, 4)
)
RULES = [
    {"name": "budget", "limit": 2e6, "value": 1999999.98, "slack": 0.02, "binding": True, "shadow_price": 12345.67},
    {
        "name": "cap:category:FROZEN VEGETABLES AND FRUITS OF THE SEASON=3",
        "limit": 3.0,
        "value": 3.0,
        "slack": 0.0,
        "binding": True,
        "shadow_price": 0.5,
    },
]


def _result(**totals: float) -> SolveResult:
    valued = small_valued_plan(LONG)
    bundles = tables.bundles_table(valued, cannibalised=np.zeros(4), reasons={})
    document = small_document(valued) | {"rules": RULES}
    for name, value in totals.items():
        document["totals"][name]["value"] = value
    return SolveResult(
        Path("/srv/pricing/runs/0012-2024-10-07"),
        document,
        bundles,
        tables.offers_table(valued),
        tables.inventory_table(valued),
    )


def _page(show: Any, width: int = 80) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=width, highlight=False, color_system=None))
    return stream.getvalue().splitlines()


def _whatif() -> WhatIfResult:
    points = [
        ScenarioOutcome(
            Scenario((("budget", "1250000"), ("min_margin", "0.25")), ("price:FROZEN VEGETABLES=+10%", "demand:*=-5%")),
            objective=1e6,
            bound=1.1e6,
            gap=0.09,
            incremental_revenue=1234567.89,
            incremental_margin=-123456.78,
            promo_spend=1234567.0,
            bundles=30,
            offers=9,
            customers=9,
            binding=("budget", "slots"),
            shadow_prices={"budget": 12.3},
        ),
        ScenarioOutcome(Scenario((("budget", "0"),)), conflict=("budget", "include 001+002 of the season")),
    ]
    base = replace(points[0], scenario=Scenario(()))
    return WhatIfResult(base=base, outcomes=tuple(points), objective="revenue", week="2024-10-07")


_RUNS = [
    {
        "run": "0012-2024-10-07",
        "week": "2024-10-07",
        "status": "interrupted",
        "bundles": 30,
        "offers": 123456,
        "incremental_revenue": 1234567.89,
        "incremental_margin": -1234.5,
        "promo_spend": 1e6,
        "gap": 0.0123,
        "approved_by": "Augusta Ada King, Countess of Lovelace",
        "label": "spring, with the wine that the supplier pays for",
    }
]
_COMPARED = SimpleNamespace(before=_result(), after=_result(incremental_revenue=1234567.89))
_COMPARED.changes = difference(_COMPARED.before, _COMPARED.after)
SHOWN = {
    "solve": lambda console: print_summary(console, _result(incremental_revenue=1234567.89)),
    "whatif": lambda console: whatif_command._render(console, _whatif(), []),
    "runs list": lambda console: console.print(runs_command._runs_table(_RUNS, console.width)),
    "compare": lambda console: compare_command.print_difference(console, _COMPARED),
}


@pytest.mark.parametrize("name", SHOWN)
def test_eighty_columns_hold_every_table(name: str) -> None:
    page = _page(SHOWN[name])
    assert not [line for line in page if len(line) > 80]
    text = "\n".join(page)
    assert re.search(r"1,234,567\.89", text), text


@pytest.mark.parametrize("name", SHOWN)
def test_no_number_is_broken_or_cut(name: str) -> None:
    wide, narrow = ("\n".join(_page(SHOWN[name], width)) for width in (200, 80))
    found = set(re.findall(r"(?<![\w.,])\d{1,3}(?:,\d{3})*\.\d\d\b", narrow))
    assert found
    assert found <= set(re.findall(r"\d{1,3}(?:,\d{3})*\.\d\d\b", wide))


def test_a_pipe_has_its_own_width_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert Output(CommonFlags()).console.width == PIPE_WIDTH
    monkeypatch.setenv("COLUMNS", "80")
    assert Output(CommonFlags()).console.width == 80


def test_what_to_do_next_is_said_with_this_plan_s_own_figures() -> None:
    result = _result()
    first, second, third = next_steps(result)
    assert "whatif --budget 5,10" in first
    assert any(f"explain {bundle}" in second for bundle in result.bundles["bundle_id"])
    assert "export 0012 --xlsx" in third


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Green and yellow on a terminal, neither with NO_COLOR nor in a pipe; the words are the same everywhere."""
    colour, any_code = re.compile(r"\x1b\[[0-9;]*3[0-7]m"), re.compile(r"\x1b\[[0-9;]*m")
    monkeypatch.setenv("TERM", "xterm-256color")
    seen = {}
    for wanted, is_terminal in (("", True), ("1", True), ("", False)):
        monkeypatch.delenv("NO_COLOR", raising=False)
        if wanted:
            monkeypatch.setenv("NO_COLOR", wanted)
        stream = io.StringIO()
        print_summary(Console(file=stream, width=80, highlight=False, force_terminal=is_terminal), _result())
        seen[wanted, is_terminal] = stream.getvalue()
    assert colour.search(seen["", True])
    assert not colour.search(seen["1", True])
    assert not any_code.search(seen["", False])
    assert len({any_code.sub("", text) for text in seen.values()}) == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_verbs(shell: str) -> None:
    instruction = f"complete_{shell}"
    settings = os.environ | {"_BUNDLEOPT_COMPLETE": instruction, "COMP_WORDS": "bundleopt wh", "COMP_CWORD": "1"}
    settings |= {"_TYPER_COMPLETE_ARGS": "bundleopt wh", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    code = "from bundleopt.cli.main import app; app(prog_name='bundleopt')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=settings)
    assert "whatif" in done.stdout
