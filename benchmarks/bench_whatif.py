"""What a sweep costs beside one solve, on the sample: `make bench-whatif`.

    BUNDLEOPT_HOME=... python benchmarks/bench_whatif.py --budget 5:100:5

The solve runs first, so that both find data, forecast and candidates in the cache. `--processor-clock` lets all limits
count the processor time of their own thread: on a busy machine they then mean what they mean on a quiet one, and the
wall clock of the sweep is read as processor time over the number of workers.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time


def _processor_seconds() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def main() -> None:
    """Time a solve and a sweep, and print both with the gaps of the points."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", default="5:100:5", help="the sweep; twenty points")
    parser.add_argument("--workspace", help="default the sample")
    parser.add_argument("--processor-clock", action="store_true", help="limits count processor time")
    given = parser.parse_args()
    if given.processor_clock:
        time.monotonic = time.thread_time
    from bundleopt.verbs.solve import solve
    from bundleopt.verbs.whatif import whatif

    solve(given.workspace, budget=given.budget.split(":")[1])
    figures = {}
    for name, job in (
        ("solve", lambda: solve(given.workspace, budget=given.budget.split(":")[1])),
        ("whatif", lambda: whatif(given.workspace, sweeps={"budget": given.budget})),
    ):
        wall, processor = time.perf_counter(), _processor_seconds()
        result = job()
        figures[name] = (time.perf_counter() - wall, _processor_seconds() - processor, result)
    cores = os.cpu_count() or 1
    for name, (wall, processor, _) in figures.items():
        print(f"{name}: {wall:.1f} s, {processor:.1f} s of processor time")
    solved, swept = figures["solve"], figures["whatif"]
    print(f"sweep / solve: {swept[0] / solved[0]:.2f} by the clock")
    print(f"sweep / {cores} cores / solve: {swept[1] / cores / solved[1]:.2f} by processor time")
    gaps = [one.gap for one in swept[2].outcomes if one.gap is not None]
    print(
        f"points {len(gaps)}, gap mean {sum(gaps) / len(gaps):.2%}, largest {max(gaps):.2%}; solve {solved[2].gap:.2%}"
    )


if __name__ == "__main__":
    sys.exit(main())
