"""Assortment under substitution: us beside plain HiGHS, SCIP and choice-learn, in one run.

python benchmarks/bench_assortment.py --instances mmnl_u_rs2.json.gz --write BENCHMARKS.md
python benchmarks/bench_assortment.py --sizes 50x10x10,100x20x20 --limit 20

The public set is the group RS2 of github.com/wch444/Assortment-Benchmark. Plain solvers get the textbook's linear form
(Mendez-Diaz et al. 2014), without our bounds, cuts and starts. choice-learn runs in an environment of its own:
python -m venv CL && CL/bin/pip install choice-learn ortools, then --choice-learn CL/bin/python.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from assortment_instances import Known, public_set, random_problem
from tables import markdown_table, write_block

from bundleopt_solvers.assortment.linear_form import linear_form
from bundleopt_solvers.assortment.local_search import search
from bundleopt_solvers.assortment.problem import AssortmentProblem
from bundleopt_solvers.assortment.revenue import money
from bundleopt_solvers.assortment.search import solve_assortment
from bundleopt_solvers.assortment.settings import AssortmentSettings
from bundleopt_solvers.child import solve_model

# The published values are rounded to nine digits.
PUBLISHED = 1e-9


@dataclass(frozen=True)
class Outcome:
    """What one method gave on one instance; value -inf where it gave nothing, bound inf where it proves nothing."""

    value: float
    bound: float
    seconds: float


Method = Callable[[AssortmentProblem, float], Outcome]


def ours(problem: AssortmentProblem, limit: float) -> Outcome:
    plan = solve_assortment(problem, AssortmentSettings(time_limit=limit))
    return Outcome(plan.headline.value, plan.headline.bound, plan.seconds)


def ours_without_counting(problem: AssortmentProblem, limit: float) -> Outcome:
    """Local search and tight linear form, as if no two items were alike enough to be counted."""
    plan = solve_assortment(problem, AssortmentSettings(time_limit=limit, enumerate_cells=0, enumerate_rest=0))
    return Outcome(plan.headline.value, plan.headline.bound, plan.seconds)


def search_alone(problem: AssortmentProblem, limit: float) -> Outcome:
    begun = time.perf_counter()
    empty = np.zeros(problem.items, np.bool_)
    found = search(problem, empty, AssortmentSettings(), is_over=lambda: time.perf_counter() - begun > limit)
    return Outcome(found.money, np.inf, time.perf_counter() - begun)


def plain(solver: str) -> Method:
    def solve(problem: AssortmentProblem, limit: float) -> Outcome:
        begun = time.perf_counter()
        result = solve_model(linear_form(problem, is_tight=False).model, solver=solver, time_limit=limit)
        value = -np.inf
        if result.values is not None:
            value = float(money(problem, result.values[None, : problem.items] > 0.5)[0])
        return Outcome(value, result.bound, time.perf_counter() - begun)

    return solve


def choice_learn(python: Path) -> Method:
    def solve(problem: AssortmentProblem, limit: float) -> Outcome:
        most = problem.items if problem.rules.max_items is None else problem.rules.max_items
        asked = {
            "ratio": problem.ratio.tolist(),
            "share": problem.occasions.tolist(),
            "value": problem.value.tolist(),
            "most": most,
            "limit": limit,
        }
        script = Path(__file__).with_name("assortment_choice_learn.py")
        try:
            done = subprocess.run(
                [python, script],
                input=json.dumps(asked),
                capture_output=True,
                text=True,
                timeout=limit + 90,
                check=True,
            )
            answer = json.loads(done.stdout.splitlines()[-1])
        except (subprocess.SubprocessError, ValueError, IndexError):
            return Outcome(-np.inf, np.inf, limit)
        if answer["listed"] is None or sum(answer["listed"]) > most:
            return Outcome(-np.inf, np.inf, answer["seconds"])
        return Outcome(float(money(problem, np.array([answer["listed"]]))[0]), np.inf, answer["seconds"])

    return solve


def known_rows(known: Iterable[Known], methods: dict[str, Method], arguments: argparse.Namespace) -> list[list[object]]:
    """One row a method: gaps to the best published revenue, certificates, seconds; peers on a few of each group."""
    every = list(known)
    first = {id(one): [k for k in every if k.group == one.group].index(one) for one in every}
    rows = []
    for name, method in methods.items():
        is_peer = name not in ("bundleopt", "its search alone")
        chosen = [one for one in every if not is_peer or first[id(one)] < arguments.peers_per_group]
        found = [(one, method(one.problem, arguments.limit)) for one in chosen]
        rows.append(_known_row(name, found))
        print(*rows[-1], flush=True)
    return rows


def _known_row(name: str, found: list[tuple[Known, Outcome]]) -> list[object]:
    answered = [(one, out) for one, out in found if out.value > 0]
    behind = [(one.best - out.value) / one.best for one, out in answered]
    proven = [(one, out) for one, out in answered if np.isfinite(out.bound)]
    valid = sum(out.bound >= one.best * (1 - PUBLISHED) - PUBLISHED for one, out in proven)
    seconds = [out.seconds for _, out in found]
    return [
        name,
        len(found),
        len(found) - len(answered),
        sum(gap <= 1e-7 for gap in behind),
        f"{max(float(np.mean(behind)), 0.0):.4%}" if behind else "-",
        f"{max(*behind, 0.0):.4%}" if behind else "-",
        f"{valid} of {len(proven)}" if proven else "none given",
        f"{max((out.bound - out.value) / out.bound for _, out in proven):.4%}" if proven else "-",
        f"{np.mean(seconds):.2f}",
        f"{max(seconds):.2f}",
    ]


KNOWN_HEAD = (
    "method", "instances", "no list", "best known reached", "mean gap to it", "worst", "valid certificates",
    "largest proven gap", "mean s", "worst s",
)  # fmt: skip


def random_rows(sizes: list[str], methods: dict[str, Method], limit: float) -> list[list[object]]:
    """One row a size and method: gap to the best value anybody found, own proven gap, seconds."""
    rows: list[list[object]] = []
    for size in sizes:
        items, segments, most = (int(part) for part in size.split("x"))
        problem = random_problem(0, items=items, segments=segments, most=most or None)
        outcomes = {name: method(problem, limit) for name, method in methods.items()}
        best = max(out.value for out in outcomes.values())
        lowest = min(out.bound for out in outcomes.values())
        for name, out in outcomes.items():
            behind = "no list" if out.value <= 0 else f"{max(0.0, 1 - out.value / best):.4%}"
            gap = "-" if not np.isfinite(out.bound) or out.value <= 0 else f"{1 - out.value / out.bound:.4%}"
            valid = "" if out.bound >= best * (1 - 1e-7) else " (wrong)"
            rows.append([f"{items} x {segments}, {most or 'all'}", name, behind, gap + valid, f"{out.seconds:.1f}"])
            print(*rows[-1], flush=True)
        print(f"best {best:.6f}, lowest bound {lowest:.6f}", flush=True)
    return rows


RANDOM_HEAD = ("items x segments, listed", "method", "gap to the best found", "own proven gap", "s")


def main() -> None:
    """Print the tables, and write them between their markers where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=Path, help="the public set")
    parser.add_argument("--sizes", default="", help="random problems, items x segments x most listed (0: all)")
    parser.add_argument("--limit", type=float, default=10.0, help="seconds for each method and instance")
    parser.add_argument("--peers-per-group", type=int, default=1, help="instances of each group that peers get")
    parser.add_argument("--choice-learn", type=Path, help="Python of an environment with choice-learn")
    parser.add_argument("--write", type=Path, help="file with the markers assortment and assortment-growth")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    peers: dict[str, Method] = {"HiGHS": plain("highs"), "SCIP": plain("scip")}
    if arguments.choice_learn:
        peers["choice-learn"] = choice_learn(arguments.choice_learn)
    solve_model(linear_form(random_problem(1, items=5, segments=2, most=2)).model, time_limit=20)  # starts the child
    if arguments.instances:
        methods = {
            "bundleopt": ours,
            "its search alone": search_alone,
            "without counting": ours_without_counting,
            **peers,
        }
        table = markdown_table(KNOWN_HEAD, known_rows(public_set(arguments.instances), methods, arguments))
        _say("assortment", table, arguments.write)
    if arguments.sizes:
        rows = random_rows(arguments.sizes.split(","), {"bundleopt": ours, **peers}, arguments.limit)
        _say("assortment-growth", markdown_table(RANDOM_HEAD, rows, texts=2), arguments.write)


def _say(name: str, table: str, path: Path | None) -> None:
    print(table)
    if path:
        write_block(path, name, table)


if __name__ == "__main__":
    main()
