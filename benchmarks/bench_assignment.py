"""Times offers for very many customers, beside linear programming and a bisection where the budget is the only rule.

python benchmarks/bench_assignment.py                                  10,000 customers, with the peers
python benchmarks/bench_assignment.py --sizes 10000,100000,1000000 --slots 1,3 --peers none
python benchmarks/bench_assignment.py --device cuda

The instance is written to disk first and read from there; that is not part of the time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from bundleopt_solvers.large_assignment.assign import AssignSettings, assign_offers
from bundleopt_solvers.large_assignment.chunks import ShardChunks, write_shards
from bundleopt_solvers.large_assignment.offer_rules import OfferRules, clashes

MOST_LP_CELLS = 1_500_000
CHUNK = 65_536
MIN_MARGIN = 0.25


class Instance:
    """A menu of random bundles, customers with random tastes: a tenth of the stock rows and the budget bind.

    Probabilities are logistic in normal tastes, the value of an offer is the margin it adds over what would be bought
    anyway; budget 0.3 % of the spend of showing everything to everybody, stock 2 % of the units.
    """

    def __init__(self, customers: int, *, options: int = 50, items: int = 300, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.customers, self.options, self.seed = customers, options, seed
        self.contains = np.zeros((options, items))
        for option, size in enumerate(rng.integers(2, 5, options)):
            self.contains[option, rng.choice(items, size, replace=False)] = 1
        self.discount = rng.uniform(0.3, 2.3, options)
        self.price = rng.uniform(5, 20, options)
        self.unit_margin = 0.35 * self.price - self.discount

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(value (n, O), channels (1, n, O)) pairs; the only channel is the redemption probability."""
        for start in range(0, self.customers, CHUNK):
            rng = np.random.default_rng([self.seed, start])
            shape = (min(CHUNK, self.customers - start), self.options)
            probability = 1 / (1 + np.exp(-rng.normal(-3, 1.2, shape)))
            anyway = probability * (0.2 + 0.6 * rng.random(shape))
            value = probability * self.unit_margin - anyway * (self.unit_margin + self.discount)
            yield value.astype("f4"), probability.astype("f4")[None]

    def rules(self, slots: int, *, budget_only: bool = False) -> OfferRules:
        """Budget, margin floor and stock; or the budget alone."""
        use = sum(channels[0].sum(0, dtype=float) for _, channels in self.chunks())
        budget = 0.15 * float(use @ self.discount) / self.options
        rows = [self.discount, MIN_MARGIN * self.price - self.unit_margin, *self.contains.T]
        limit = np.array([budget, 0.0, *(0.02 * (use @ self.contains) + 20)])
        names = ("budget", "margin", *(f"stock:{item}" for item in range(self.contains.shape[1])))
        if budget_only:
            rows, limit, names = rows[:1], limit[:1], names[:1]
        conflict = clashes(np.zeros_like(self.contains) if budget_only else self.contains)
        return OfferRules(names, limit, np.array(rows)[:, None, :], conflict, slots)


def ours(source: ShardChunks, rules: OfferRules, settings: AssignSettings) -> dict[str, object]:
    """Assign and measure."""
    offers = 0

    def count(customer: np.ndarray, _option: np.ndarray) -> None:
        nonlocal offers
        offers += len(customer)

    cpu = time.process_time()
    result = assign_offers(source, rules, settings, sink=count)
    return {
        "solver": f"bundleopt ({settings.device})",
        "value": result.value,
        "bound": result.bound,
        "gap": result.gap,
        "offers": offers,
        "least_slack": float(result.slack.min()),
        "points": result.points,
        "kept": result.kept,
        "seconds": round(result.seconds, 2),
        "processor_seconds": round(time.process_time() - cpu, 2),
        "peak_mib": result.peak_bytes >> 20,
    }


def linear_program(source: ShardChunks, rules: OfferRules, solver: str, seconds: float) -> dict[str, object]:
    """The relaxation of the whole problem on an OR-Tools solver: x in [0, 1], slots, clashing pairs, all rules."""
    from ortools.math_opt.python import mathopt

    value, channels = (np.concatenate(parts, axis) for parts, axis in zip(_parts(source), (0, 1), strict=True))
    begin = time.perf_counter()
    model = mathopt.Model()
    customers, options = value.shape
    offers = [[model.add_variable(lb=0, ub=1) for _ in range(options)] for _ in range(customers)]
    for row in offers:
        model.add_linear_constraint(mathopt.fast_sum(row) <= rules.slots)
    pairs = np.argwhere(np.triu(rules.conflict, 1)).tolist()
    for row in offers:
        for first, second in pairs:
            model.add_linear_constraint(row[first] + row[second] <= 1)
    for coefficient, limit in zip(rules.coefficient[:, 0], rules.limit, strict=True):
        used = np.flatnonzero(coefficient)
        terms = [float(coefficient[o] * channels[0, u, o]) * offers[u][o] for o in used for u in range(customers)]
        model.add_linear_constraint(mathopt.fast_sum(terms) <= float(limit))
    model.maximize(
        mathopt.fast_sum(
            [float(v) * x for vs, xs in zip(value, offers, strict=True) for v, x in zip(vs, xs, strict=True)]
        )
    )
    built = time.perf_counter() - begin
    # Through MathOpt, HiGHS takes no number of threads.
    threads = None if solver == "HIGHS" else 1
    parameters = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds), threads=threads)
    result = mathopt.solve(model, getattr(mathopt.SolverType, solver), params=parameters)
    best = result.termination.objective_bounds
    return {
        "solver": f"{solver} (LP)",
        "value": best.primal_bound,
        "bound": best.dual_bound,
        "why": result.termination.reason.name,
        "seconds": round(result.solve_time().total_seconds(), 2),
        "seconds_to_build": round(built, 2),
    }


def bisection(source: ShardChunks, rules: OfferRules, rounds: int = 60) -> dict[str, object]:
    """One price of the budget, halved until its use fits; no item clashes, so a customer takes the dearest offers."""
    begin = time.perf_counter()
    cost, budget = rules.coefficient[0, 0], float(rules.limit[0])
    low, high = 0.0, 100.0

    def use_at(price: float) -> tuple[float, float, float]:
        total = spend = bound = 0.0
        for chunk in source.chunks():
            worth = chunk.value - price * cost * chunk.channels[0]
            best = np.argpartition(-worth, rules.slots - 1, axis=1)[:, : rules.slots]
            gain = np.take_along_axis(worth, best, 1)
            shown = gain > 0
            total += float(np.take_along_axis(chunk.value, best, 1)[shown].sum(dtype=float))
            spend += float(np.take_along_axis(cost * chunk.channels[0], best, 1)[shown].sum(dtype=float))
            bound += float(gain[shown].sum(dtype=float))
        return total, spend, bound + price * budget

    for _ in range(rounds):
        middle = (low + high) / 2
        low, high = (middle, high) if use_at(middle)[1] > budget else (low, middle)
    value, _, bound = use_at(high)
    return {"solver": "bisection", "value": value, "bound": bound, "seconds": round(time.perf_counter() - begin, 2)}


def _parts(source: ShardChunks) -> tuple[list[np.ndarray], list[np.ndarray]]:
    chunks = list(source.chunks())
    return [chunk.value for chunk in chunks], [chunk.channels for chunk in chunks]


def main() -> None:
    """Print one line of JSON per solve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000")
    parser.add_argument("--slots", default="3")
    parser.add_argument("--peers", default="HIGHS,PDLP,bisection", help="none, or some of HIGHS, PDLP, GLOP, bisection")
    parser.add_argument("--peer-seconds", type=float, default=120.0)
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    settings = AssignSettings(gap=given.gap, device=given.device, threads=given.threads)
    for size in map(int, given.sizes.split(",")):
        instance = Instance(size)
        with tempfile.TemporaryDirectory() as folder:
            source = write_shards(Path(folder), instance.chunks())
            for slots in map(int, given.slots.split(",")):
                for line in _solves(instance, source, slots, (settings, given)):
                    print(json.dumps({"customers": size, "slots": slots} | line), flush=True)


def _solves(
    instance: Instance, source: ShardChunks, slots: int, how: tuple[AssignSettings, argparse.Namespace]
) -> Iterator[dict[str, object]]:
    settings, given = how
    rules = instance.rules(slots)
    yield ours(source, rules, settings)
    peers = [] if given.peers == "none" else given.peers.split(",")
    for peer in [name for name in peers if name != "bisection"]:
        if instance.customers * instance.options <= MOST_LP_CELLS:
            yield linear_program(source, rules, peer, given.peer_seconds)
    if "bisection" in peers:
        alone = instance.rules(slots, budget_only=True)
        yield ours(source, alone, settings) | {"rules": "budget alone"}
        yield bisection(source, alone) | {"rules": "budget alone"}


if __name__ == "__main__":
    main()
