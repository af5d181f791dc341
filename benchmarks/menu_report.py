"""Tables and charts of the menu benchmark, from its measured rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from line_chart import Series, line_chart
from tables import markdown_table, write_block

BLOCK = "menu"
NAMES = {"bundleopt": "bundleopt", "highs": "HiGHS", "scip": "SCIP", "cbc": "CBC", "cp_sat": "CP-SAT"}
INSTANCES = {"reference": "Synthetic menu", "sample": "Menu from the sample data"}
WORST = 10.0  # a gap is drawn as at most this: the bound is eleven times the value, or there is no plan


def write_report(rows: Sequence[dict[str, Any]], times: Sequence[float], *, write: bool, root: Path) -> str:
    """The Markdown of all rows; with `write` also into BENCHMARKS.md and docs/bench."""
    parts = [_section(rows, name) for name in INSTANCES if any(row["instance"] == name for row in rows)]
    text = "\n\n".join(parts)
    if write:
        folder = root / "docs" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "menu_gap_over_time.svg").write_text(gap_chart(rows), encoding="utf-8")
        (folder / "menu_growth.svg").write_text(growth_chart(rows, max(times)), encoding="utf-8")
        charts = "![gap over time](docs/bench/menu_gap_over_time.svg)\n\n![growth](docs/bench/menu_growth.svg)"
        write_block(root / "BENCHMARKS.md", BLOCK, f"{text}\n\n{charts}")
    return text


def gap_of(row: dict[str, Any]) -> float | None:
    """(bound - value) / bound, None where one of them is missing."""
    value, bound = row.get("value"), row.get("bound")
    if value is None or bound is None or bound <= 0:
        return None
    return float(max(0.0, (bound - value) / bound))


def _section(rows: Sequence[dict[str, Any]], instance: str) -> str:
    mine = sorted(
        (row for row in rows if row["instance"] == instance),
        key=lambda row: (row["bundles"], list(NAMES).index(row["solver"]), row["time"]),
    )
    head = ["bundles", "solver", "time limit s", "value", "bound", "gap", "ended after s"]
    cells = [
        [row["bundles"], NAMES[row["solver"]], f"{row['time']:g}", *_figures(row), f"{row['seconds']:.1f}"]
        for row in mine
    ]
    lines = [f"**{INSTANCES[instance]}**, 20 segments, 6 prices a bundle; peers with one thread:", ""]
    lines += [markdown_table(head, cells, texts=2)]
    proven = [
        f"{row['bundles']:,} bundles after {row['seconds_to_1_percent']} s"
        + (f" ({row['processor_seconds']} processor seconds to the end)" if "processor_seconds" in row else "")
        for row in mine
        if row.get("seconds_to_1_percent") is not None
    ]
    if proven:
        lines += ["", f"bundleopt proves a gap of 1 %: {', '.join(proven)}."]
    return "\n".join(lines)


def _figures(row: dict[str, Any]) -> list[str]:
    gap = gap_of(row)
    value = "none" if row.get("value") is None else f"{row['value']:,.0f}"
    bound = "none" if row.get("bound") is None else f"{row['bound']:,.0f}"
    return [value, bound, "" if gap is None else f"{gap:.2%}"]


def _drawn(row: dict[str, Any]) -> float | None:
    """Gap in percent relative to the plan as drawn; the worst where there is no plan or no bound."""
    gap = gap_of(row)
    return 100 * min(WORST, WORST if gap is None else max(gap, 1e-5))


def gap_chart(rows: Sequence[dict[str, Any]]) -> str:
    """Gap against time at 2,000 bundles, or at the largest size measured."""
    mine = [row for row in rows if row["instance"] == "reference"]
    sizes = sorted({row["bundles"] for row in mine})
    size = 2000 if 2000 in sizes else (sizes or [0])[-1]
    series = [
        Series(
            name, sorted((row["time"], _drawn(row)) for row in mine if row["bundles"] == size and row["solver"] == key)
        )
        for key, name in NAMES.items()
    ]
    title = f"Gap between plan and bound, {size:,} bundles (1000 % = no plan or no bound)"
    return line_chart(series, title=title, across="seconds", up="gap in %", log_up=True)


def growth_chart(rows: Sequence[dict[str, Any]], limit: float) -> str:
    """Gap after the longest time against the number of bundles."""
    mine = [row for row in rows if row["instance"] == "reference" and row["time"] == limit]
    series = [
        Series(name, sorted((float(row["bundles"]), _drawn(row)) for row in mine if row["solver"] == key))
        for key, name in NAMES.items()
    ]
    title = f"Gap after {limit:g} s by size (1000 % = no plan or no bound)"
    return line_chart(series, title=title, across="bundles", up="gap in %", log_up=True)
