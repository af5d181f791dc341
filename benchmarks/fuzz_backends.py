"""Hold every solver backend on this machine against brute force on random models, and print what each one did.

    python benchmarks/fuzz_backends.py --instances 10000

Whole-number models of 4 to 9 variables with money up to 1e12, every fourth with a share beside them, and linear ones
for GLOP and PDLP. Refused models don't count: each backend is judged on as many as asked. A backend is wrong where it
calls a plan that isn't one a plan, a bound that a better plan beats a bound, or a worse plan optimal. Rows of linear
models are kept within the tolerance that the guards grant, so a plan may be worth what that is worth, and no more.
What the guards drop or refuse is counted apart. Exit code 1 and the seeds where anything is wrong. CI runs a small part
of it in `tests/solvers/test_backends.py` and `test_fuzz_backends.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from itertools import count as count_up

import numpy as np

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.backends.result import BackendResult, check_answer
from bundleopt_solvers.backends.table import BACKENDS
from bundleopt_solvers.linear_model import ROW_TOLERANCE, LinearModel, Reals
from bundleopt_solvers.worker_pool import WorkerPool
from tests.solvers.random_models import brute_force, linear_optimum, random_linear, random_model

GAP, CLOSE = 1e-9, 1e-6
SIZES = (100.0, 1e4, 1e6, 1e9, 1e12)
MIXED = 4  # every so many models have a share beside their whole numbers


def instance(seed: int, *, linear: bool) -> tuple[LinearModel, float]:
    """A model and its optimum, found without any solver."""
    rng = np.random.default_rng(seed)
    if linear:
        model = random_linear(rng)
        return model, linear_optimum(model)
    model = random_model(rng, money=SIZES[seed % len(SIZES)], continuous=seed % MIXED == 0)
    return model, brute_force(model)


def verdict(pool: WorkerPool, name: str, model: LinearModel, best: float) -> str:
    """Name what a backend did on one model; `WRONG` is a false word that passed the guards."""
    if pool.table[name].refuses(model):
        return "refused"
    outcome = pool.run(name, model, Effort(time_limit=10.0, gap=GAP))
    result = check_answer(model, outcome.answer, solver=name, seconds=outcome.seconds, gap=GAP)
    most = best
    if result.values is not None and model.is_continuous and np.isfinite(best):
        most = linear_optimum(_loosened(model, result.values))
    return _judged(result, best, most)


def _loosened(model: LinearModel, values: Reals) -> LinearModel:
    """The model with the tolerance of `values` added to its limits."""
    row, own = model.row_tolerance(values), ROW_TOLERANCE * np.maximum(1.0, np.abs(values))
    wide = model.with_bounds(model.lower - own, model.upper + own)
    return replace(wide, row_lower=model.row_lower - row, row_upper=model.row_upper + row)


def _judged(result: BackendResult, best: float, most: float) -> str:
    if result.status in (SolveStatus.LIED, SolveStatus.CRASHED, SolveStatus.HUNG, SolveStatus.UNKNOWN):
        return f"caught: {result.status.value}"
    if result.status is SolveStatus.INFEASIBLE:
        return "infeasible" if best == -np.inf else "WRONG: infeasible"
    close = CLOSE * max(1.0, abs(best)) if np.isfinite(best) else 0.0
    if result.objective > most + close:
        return "WRONG: no such plan"
    if result.bound < best - close:
        return "WRONG: bound"
    worse = result.objective < best - close
    return "WRONG: optimal" if worse and result.status is SolveStatus.OPTIMAL else str(result.status.value)


def fuzz(instances: int, start: int, names: list[str]) -> dict[str, Counter[str]]:
    """Counts of verdicts by backend; absent backends are left out."""
    pool = WorkerPool()
    counts: dict[str, Counter[str]] = {}
    try:
        for name in names:
            if reason := pool.missing(name):
                print(f"{name}: {reason}", file=sys.stderr)
                continue
            counts[name] = Counter()
            linear = bool(getattr(pool.table[name], "linear", False))
            seeds = count_up(start)
            while counts[name].total() - counts[name]["refused"] < instances:
                seed = next(seeds)
                found = verdict(pool, name, *instance(seed, linear=linear))
                counts[name][found] += 1
                if found.startswith(("WRONG", "caught")):
                    print(f"{name}, seed {seed}: {found}", file=sys.stderr, flush=True)
            words = ", ".join(f"{word} {count:,}" for word, count in sorted(counts[name].items()))
            print(f"{name}: {words}", flush=True)
    finally:
        pool.close()
    return counts


def main() -> int:
    """Run the instances and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--solvers", default=",".join(BACKENDS))
    asked = parser.parse_args()
    counts = fuzz(asked.instances, asked.start, asked.solvers.split(","))
    return int(any(word.startswith("WRONG") for count in counts.values() for word in count))


if __name__ == "__main__":
    sys.exit(main())
