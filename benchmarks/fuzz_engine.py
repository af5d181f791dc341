"""Solve random campaigns exactly and hold plan, bound and every rule against enumeration of menus x customer offers.

    python benchmarks/fuzz_engine.py --instances 2000 --start 100000

All rules random and tight, several includes, every seventh campaign in public redemption. "No plan" is held against
the enumeration too: the search and its second confirmation on every such campaign, the smallest conflict and the
relaxations on every twentieth, as that search costs more than the rest.

Prints one line of counts for every thousand; exit code 1 and the seeds where anything disagrees. CI runs a small part
of the same check in `tests/solvers/test_engine.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError
from bundleopt_solvers.conflicts import Question, confirm, find_plan
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import (
    best_by_enumeration,
    breaks_a_rule,
    random_campaign,
    with_many_includes,
    with_more_rules,
    with_shelf,
)

CLOSE = 1e-6
PUBLIC, INCLUDES, PLAIN = 7, 5, 3  # every so many campaigns are public, have many includes, have no further rules
EXPLAINED = 20  # every so many campaigns without a plan are explained
SLICE = 1_000  # campaigns a line of counts


def campaign(seed: int) -> CampaignProblem:
    """The campaign of a seed: 2 to 5 bundles, 1 to 3 customers."""
    public = seed % PUBLIC == 0
    problem = random_campaign(seed, bundles=2 + seed % (3 if public else 4), customers=1 + seed % (2 if public else 3))
    if seed % INCLUDES == 0:
        problem = with_many_includes(problem, seed)
    if seed % PLAIN:
        problem = with_more_rules(problem, seed)
    return with_shelf(problem, seed) if public else problem


def verdict(seed: int, settings: EngineSettings) -> str:
    """Name what the engine did: `exact`, `bracketed`, `no plan` are right, `unsettled` is no answer, else wrong."""
    problem = campaign(seed)
    best = best_by_enumeration(problem)
    if best is None and seed % EXPLAINED:
        return _asked_only(problem, settings)
    try:
        plan = solve_campaign(problem, settings)
    except InfeasiblePlanError:
        return "no plan, explained" if best is None else "WRONG: infeasible"
    except NoPlanInTimeError:
        return "unsettled" if best is None else "unsettled: a plan exists"
    if best is None or (broken := breaks_a_rule(problem, plan)):
        return "WRONG: rule broken" + (f" {broken}" if best is not None else "")
    if plan.headline.value > best + CLOSE or plan.headline.bound < best - CLOSE:
        return "WRONG: certificate"
    return "exact" if plan.headline.bound - plan.headline.value <= CLOSE else "bracketed"


def _asked_only(problem: CampaignProblem, settings: EngineSettings) -> str:
    """The question that decides over "infeasible", and its second confirmation, without the explanation."""
    question = Question(problem, settings)
    found, state = find_plan(question)
    if found.plan is not None:
        return "WRONG: a plan where there is none"
    return "no plan, confirmed" if found.proven and confirm(question, state) else "unsettled"


def main() -> int:
    """Run the instances and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--start", type=int, default=100_000)
    arguments = parser.parse_args()
    settings = EngineSettings(gap=1e-9, time_limit=120, threads=1)
    counts: Counter[str] = Counter()
    for number in range(arguments.instances):
        found = verdict(arguments.start + number, settings)
        counts[found] += 1
        if found.startswith(("WRONG", "unsettled")):
            print(f"seed {arguments.start + number}: {found}", file=sys.stderr, flush=True)
        if (number + 1) % SLICE == 0 or number + 1 == arguments.instances:
            print(", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())), flush=True)
    return int(any(name.startswith("WRONG") for name in counts))


if __name__ == "__main__":
    sys.exit(main())
