"""Trains on a log many times the size of Complete Journey and measures the peak of its memory.

    python benchmarks/bench_size.py --copies 3                 three times the households
    python benchmarks/bench_size.py --copies 10 --keep DIR     the figure that is promised; the folder stays

Households are copied under new ids; in every copy a tenth of the lines go to another item of the same category, so
that no two copies are alike. The log is written as partitioned Parquet, read by `init` and `check` like any other
folder, and trained with `train --fast` in a process of its own, whose peak resident memory the system reports.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tables import markdown_table

from bundleopt.session import open_session

SWAPPED = 10
"""One line in so many goes to another item of its category in each copy."""

GIB = 1 << 20
"""Kibibytes of a gibibyte: the unit of `ru_maxrss` on Linux."""

_LINES = """
COPY (
    WITH ranked AS (
        SELECT item_id, category, row_number() OVER (PARTITION BY category ORDER BY item_id) - 1 AS place,
            count(*) OVER (PARTITION BY category) AS size
        FROM items WHERE item_id IN (SELECT item_id FROM transactions)
    )
    SELECT t.customer_id || '-{copy:02d}' AS customer_id,
        CASE WHEN {copy} > 0 AND hash(t.customer_id, t.item_id, t.timestamp, {copy}) % {swapped} = 0
            THEN other.item_id ELSE t.item_id END AS item_id,
        t.timestamp, t.quantity, t.unit_price, t.list_price, t.basket_id || '-{copy:02d}' AS basket_id, t.store_id
    FROM transactions t JOIN ranked own ON own.item_id = t.item_id
    JOIN ranked other ON other.category = own.category
        AND other.place = (own.place + hash(t.item_id, {copy}) % own.size) % own.size
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""


def write_log(folder: Path, copies: int) -> tuple[int, int]:
    """Write the folder; returns its lines and customers."""
    dataset = open_session(None).dataset
    (folder / "transactions").mkdir(parents=True)
    with dataset.connect() as connection:
        for copy in range(copies):
            target = folder / "transactions" / f"part-{copy:02d}.parquet"
            connection.execute(_LINES.format(copy=copy, target=target, swapped=SWAPPED))
        for table in ("items", "promotions"):
            connection.execute(f"COPY {table} TO '{folder / table}.parquet' (FORMAT parquet)")
        found = connection.execute(
            f"SELECT count(*), count(DISTINCT customer_id) FROM '{folder}/transactions/*.parquet'"  # noqa: S608
        ).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def run(*command: str) -> tuple[float, float, str]:
    """Run the program; seconds, peak resident memory in GiB, and what it said."""
    began = time.monotonic()
    program = [sys.executable, "-c", "from bundleopt.cli.main import run; run()"]
    done = subprocess.run([*program, *command], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-4000:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / GIB
    return time.monotonic() - began, peak, done.stderr


@contextlib.contextmanager
def workplace(keep: Path | None) -> Iterator[Path]:
    """A folder, removed afterwards unless it was named."""
    folder = keep or Path(tempfile.mkdtemp(prefix="size-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Write, prepare, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--keep", type=Path, help="folder for the log and its workspace, which stays")
    asked = parser.parse_args()
    with workplace(asked.keep) as folder:
        log, workspace = folder / "log", folder / "workspace"
        lines, customers = write_log(log, asked.copies) if not log.exists() else (0, 0)
        rows = []
        if not workspace.exists():
            seconds, peak, _ = run("init", str(workspace), "--data", str(log))
            rows.append(("init", f"{seconds:.0f}", f"{peak:.2f}"))
            seconds, peak, _ = run("check", "-w", str(workspace))
            rows.append(("check (reads the log)", f"{seconds:.0f}", f"{peak:.2f}"))
        seconds, peak, said = run("train", "--fast", "-w", str(workspace))
        rows.append(("train --fast", f"{seconds:.0f}", f"{peak:.2f}"))
        print(f"{lines:,} lines, {customers:,} customers; {os.cpu_count()} cores")
        print(markdown_table(("step", "seconds", "peak memory so far, GiB"), rows))
        print("\n".join(line for line in said.splitlines() if "GiB" in line))


if __name__ == "__main__":
    main()
