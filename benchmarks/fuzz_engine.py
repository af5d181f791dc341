"""Solve random campaigns exactly and hold plan, bound and every rule against enumeration of menus x customer offers.

    python benchmarks/fuzz_engine.py --instances 2000 --start 100000

Prints one line of counts; exit code 1 and the seeds where anything disagrees. CI runs a small part of the same check in
`tests/solvers/test_engine.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import (
    best_by_enumeration,
    breaks_a_rule,
    random_campaign,
    with_many_includes,
    with_more_rules,
)

CLOSE = 1e-6


def verdict(seed: int, settings: EngineSettings) -> str:
    """Name what the engine did: `exact`, `bracketed`, `infeasible` are right, `unsettled` is no answer, else wrong."""
    problem = random_campaign(seed, bundles=2 + seed % 4, customers=1 + seed % 3)
    if seed % 5 == 0:
        problem = with_many_includes(problem, seed)
    if seed % 3:
        problem = with_more_rules(problem, seed)
    best = best_by_enumeration(problem)
    try:
        plan = solve_campaign(problem, settings)
    except InfeasiblePlanError:
        return "infeasible" if best is None else "WRONG: infeasible"
    except NoPlanInTimeError:
        return "unsettled" if best is None else "unsettled: a plan exists"
    if best is None or breaks_a_rule(problem, plan):
        return "WRONG: rule broken"
    if plan.headline.value > best + CLOSE or plan.headline.bound < best - CLOSE:
        return "WRONG: certificate"
    return "exact" if plan.headline.bound - plan.headline.value <= CLOSE else "bracketed"


def main() -> int:
    """Run the instances and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=100_000)
    arguments = parser.parse_args()
    settings = EngineSettings(gap=1e-9, time_limit=120, threads=1)
    counts: Counter[str] = Counter()
    for seed in range(arguments.start, arguments.start + arguments.instances):
        found = verdict(seed, settings)
        counts[found] += 1
        if found.startswith("WRONG"):
            print(f"seed {seed}: {found}", file=sys.stderr)
    print(", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())))
    return int(any(name.startswith("WRONG") for name in counts))


if __name__ == "__main__":
    sys.exit(main())
