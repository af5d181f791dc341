"""The assortment benchmark runs on small instances and writes its tables."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bench_assortment.py"


def _tiny_set(path: Path) -> None:
    """One instance of the public form: one segment, of which the dearer item alone is best (2 / 3 against 2.5 / 4)."""
    data = {"u": [[2.0, 1.0]], "price": [[1.0, 0.5]], "v0": [1.0], "omega": [1.0]}
    path.write_bytes(gzip.compress(json.dumps({"2_1": {"max_rev": [2 / 3], "data": [data]}}).encode()))


def test_both_tables_are_written(tmp_path: Path) -> None:
    page, instances = tmp_path / "page.md", tmp_path / "set.json.gz"
    names = ("assortment", "assortment-growth")
    page.write_text("".join(f"<!-- table: {n} -->\n<!-- end of table: {n} -->\n" for n in names), encoding="utf-8")
    _tiny_set(instances)
    command = [sys.executable, str(SCRIPT), "--instances", str(instances), "--sizes", "6x2x3", "--limit", "20"]
    done = subprocess.run([*command, "--write", str(page)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    known = {row[0].strip(): [cell.strip() for cell in row] for row in rows if len(row) == 10}
    assert known["bundleopt"][1:7] == ["1", "0", "1", "0.0000%", "0.0000%", "1 of 1"]
    assert known["HiGHS"][3] == known["SCIP"][3] == "1"
    growth = {row[1].strip(): row[2].strip() for row in rows if len(row) == 5 and row[0].strip().startswith("6 x 2")}
    assert growth == {"bundleopt": "0.0000%", "HiGHS": "0.0000%", "SCIP": "0.0000%"}
