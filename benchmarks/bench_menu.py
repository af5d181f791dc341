"""The menu at scale: value, bound, gap and time of the menu engine beside HiGHS, SCIP, CBC and CP-SAT in one run.

python benchmarks/bench_menu.py                                         all sizes, all solvers, 10, 30 and 120 s
python benchmarks/bench_menu.py --sizes 200,500 --times 10,30           a quick look
python benchmarks/bench_menu.py --instance sample --sizes 400           a menu built from the sample data
python benchmarks/bench_menu.py --five-times 2000                       HiGHS with five times the longest time as well
python benchmarks/bench_menu.py --write                                 writes BENCHMARKS.md and docs/bench/*.svg

bundleopt uses two cores, `--threads 1` takes one from it; every peer has one thread, in a child process, one run for
each time. Results are kept in a file as they come, so that a run that was broken off goes on where it stopped;
`--fresh` forgets them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path

import torch
from menu_instances import MenuShape, reference_menu, sample_menu
from menu_peers import PEERS, exported, run_peer
from menu_report import write_report

from bundleopt_solvers.menu_engine import solve_menu
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings
from bundleopt_solvers.worker_pool import shared_pool

Result = dict[str, float | str | int | None]
OURS = "bundleopt"


class Results:
    """Measured rows, one JSON object a line, added to a file as they come."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        """Read what is there, unless it shall be forgotten."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.unlink(missing_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.rows: list[Result] = [json.loads(line) for line in lines]

    def has(self, **key: object) -> bool:
        """Whether a row with these fields is there."""
        return any(all(row.get(name) == value for name, value in key.items()) for row in self.rows)

    def add(self, row: Result) -> None:
        """Keep and print one row."""
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def measure_ours(problem: CampaignProblem, times: list[float], settings: EngineSettings) -> list[Result]:
    """One run to the longest time; what was known at each of `times`, and when a gap of 1 % was proven."""
    seen: list[tuple[float, float, float]] = []

    def note(_stage: str, value: float, bound: float, seconds: float) -> None:
        seen.append((seconds, value, bound))

    begun = processor_seconds()
    found = solve_menu(problem, settings, progress=note)
    spent = processor_seconds() - begun
    seen.append((found.seconds, found.value, found.bound))
    proven = next((round(t, 1) for t, v, b in seen if v > 0 and (b - v) / b <= 0.01), None)
    rows: list[Result] = []
    for limit in times:
        known = [(v, b) for t, v, b in seen if t <= limit + 1.0]
        value = max((v for v, _ in known), default=0.0)
        bound = min((b for _, b in known), default=float("inf"))
        row: Result = {"time": limit, "value": value, "bound": bound if bound < float("inf") else None}
        rows.append(row | {"seconds": round(min(found.seconds, limit), 1), "status": found.reason.value})
    rows[-1] |= {"work": found.work, "seconds_to_1_percent": proven, "cuts": len(found.cuts)}
    rows[-1] |= {
        "processor_seconds": round(spent, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return rows


def processor_seconds() -> float:
    """Of this process and of its solver children, which are ended so that theirs count."""
    shared_pool().close()
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> None:
    """Measure what is not known yet, then print or write the tables."""
    asked = _arguments()
    torch.set_num_threads(1)
    results, begun = Results(asked.results, fresh=asked.fresh), time.monotonic()
    times = [float(part) for part in asked.times.split(",")]
    for size in [int(part) for part in asked.sizes.split(",")]:
        _measure_size(results, size, times, (asked, begun))
    text = write_report(results.rows, times, write=asked.write, root=Path(__file__).parents[1])
    print(text)


def _measure_size(results: Results, size: int, times: list[float], run: tuple[argparse.Namespace, float]) -> None:
    asked, begun = run
    solvers = asked.solvers.split(",")
    jobs = [(solver, limit) for solver in solvers if solver != OURS for limit in times]
    if str(size) in asked.five_times.split(","):
        jobs.append(("highs", 5 * max(times)))
    key = {"instance": asked.instance, "bundles": size}
    open_ = [job for job in jobs if not results.has(**key, solver=job[0], time=job[1])]
    ours = OURS in solvers and not results.has(**key, solver=OURS, time=max(times))
    if not open_ and not ours:
        return
    problem = reference_menu(MenuShape(bundles=size)) if asked.instance == "reference" else sample_menu(size)
    if ours and _has_time(begun, max(times), asked.budget_minutes):
        settings = EngineSettings(gap=asked.gap, time_limit=max(times), threads=asked.threads)
        for row in measure_ours(problem, times, settings):
            results.add(key | {"solver": OURS} | row)
    program = exported(problem) if open_ else None
    for solver, limit in open_:
        if program is None or not _has_time(begun, limit, asked.budget_minutes):
            print(f"left out for lack of time: {solver} at {limit:g} s, {size} bundles", flush=True)
            continue
        results.add(key | {"solver": solver, "time": limit} | run_peer(program, solver, limit, asked.gap))


def _has_time(begun: float, seconds: float, minutes: float) -> bool:
    return time.monotonic() - begun + 1.15 * seconds + 10 <= 60 * minutes


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instance", choices=("reference", "sample"), default="reference")
    parser.add_argument("--sizes", default="200,500,1000,2000,5000", help="bundles, each with six prices")
    parser.add_argument("--times", default="10,30,120", help="seconds")
    parser.add_argument("--solvers", default=",".join((OURS, *PEERS)))
    parser.add_argument("--five-times", default="", metavar="SIZES", help="give HiGHS five times the longest time here")
    parser.add_argument("--threads", type=int, default=2, help="of bundleopt: nodes and neighbourhoods side by side")
    parser.add_argument("--gap", type=float, default=1e-3, help="at which a solver may stop before its time")
    parser.add_argument("--budget-minutes", type=float, default=90.0, help="start nothing that would end later")
    parser.add_argument("--results", type=Path, default=Path("build/bench_menu.jsonl"))
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--write", action="store_true", help="write BENCHMARKS.md and docs/bench")
    return parser.parse_args()


if __name__ == "__main__":
    main()
