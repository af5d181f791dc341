"""The bench of the learning loop starts a market as it says, and writes its table and chart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

CODE = """
import sys
sys.path.insert(0, {folder!r})
import bench_loop as bench
rows = [
    {{"uplift": 10.0 + week, "error": 0.5, "factor": 0.5 + week / 24, "forecast": 9.0}} for week in range(bench.WEEKS)
]
cache = {{bench.key_of("equation", 1, *who): rows for who in bench.SHOPS}}
print(bench.table_of(cache, "equation", 1))
print(bench.chart_of(cache, "equation", 1))
start = bench.start_of("equation", 1)
print(start.market.log.week.max(), len(start.shelf.price_cents))
"""


def test_the_table_holds_means_and_the_chart_every_shop() -> None:
    command = [sys.executable, "-c", CODE.format(folder=str(BENCHMARKS))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "| 1 to 3 | 11.0 |" in done.stdout
    assert "15.5 \u00b1 0.1" in done.stdout
    assert done.stdout.count("<polyline") == 5
    # The shop sees forty weeks, and the shelf is drawn for all of those in which it plans.
    assert lines[-1] == "39 53"
