"""Times the campaign engine: value, bound, gap, seconds and memory on grocery-shaped instances of several sizes.

python benchmarks/bench_solver.py                      the default size
python benchmarks/bench_solver.py --sizes all          growth with customers and bundles
python benchmarks/bench_solver.py --rules budget,slots,margin,stock
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace
from pathlib import Path

import torch
from campaign_instances import Shape, campaign

from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings

SIZES = {
    "small": Shape(customers=500, bundles=200, items=200),
    "default": Shape(),
    "wide": Shape(bundles=1000, points=6),
    "many": Shape(customers=32_000, bundles=210, items=300),
}


def variants(problem: CampaignProblem) -> dict[str, CampaignProblem]:
    """The same campaign under other rules."""
    rules = problem.rules
    changed = {
        "base": {},
        "budget": {"budget": (rules.budget or 0.0) / 3},
        "free": {"budget": None, "stock_slack": None},
        "slots": {"slots": 1},
        "menu5": {"max_bundles": 5},
        "overlap": {"item_overlap": 3},
        "margin": {"min_margin": 0.31},
        "stock": {"stock_slack": None if rules.stock_slack is None else 0.3 * rules.stock_slack},
        "fixed": {"fixed_cost_per_bundle": 2.0},
    }
    return {name: replace(problem, rules=replace(rules, **change)) for name, change in changed.items()}


def measure(problem: CampaignProblem, settings: EngineSettings) -> dict[str, object]:
    """Solve once; the time to the first plan within 2 % and 1 % of the bound is read from the progress."""
    seen: list[tuple[float, float, float]] = []
    start = time.perf_counter()
    plan = solve_campaign(problem, settings, progress=lambda _s, v, b, t: seen.append((t, v, b)))
    within = {
        f"seconds_to_{share:.0%}": next((round(t, 2) for t, v, b in seen if b > 0 and (b - v) / b <= share), None)
        for share in (0.02, 0.01)
    }
    return {
        "customers": len(problem.value),
        "options": problem.value.shape[1],
        "value": round(plan.headline.value, 4),
        "bound": round(plan.headline.bound, 4),
        "gap": round(plan.headline.gap, 6),
        "assignment_gap": round(plan.certificates["assignment"].gap, 6),
        "reason": plan.reason.value,
        "work": plan.work,
        "seconds": round(time.perf_counter() - start, 2),
        **within,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Print one line per instance, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="default", help=f"all, or some of {','.join(SIZES)}")
    parser.add_argument("--rules", default="base", help="all, or some of base,budget,free,slots,...")
    parser.add_argument("--gap", type=float, default=0.005)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    settings = EngineSettings(gap=asked.gap, time_limit=asked.time_limit, threads=asked.threads)
    rows = []
    for size in SIZES if asked.sizes == "all" else asked.sizes.split(","):
        problems = variants(campaign(SIZES[size]))
        for name in problems if asked.rules == "all" else asked.rules.split(","):
            row = {"size": size, "rules": name, **measure(problems[name], settings)}
            rows.append(row)
            print(json.dumps(row), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
