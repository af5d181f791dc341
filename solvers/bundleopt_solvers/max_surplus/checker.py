"""Checks prices by the choice rule written out in whole cents: it shares no code with the search."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

from bundleopt_data.errors import Violation
from bundleopt_solvers.max_surplus.problem import MenuPrices, WillingnessProblem

MOST_PARTS = 4


def check_prices(problem: WillingnessProblem, found: MenuPrices) -> tuple[Violation, ...]:
    """Return every segment that would rather buy something else, every arbitrage, and a profit that does not agree."""
    prices = [int(price) for price in found.price]
    return (*_regrets(problem, found, prices), *_arbitrage(problem, prices), *_wrong_profit(problem, found, prices))


def _regrets(problem: WillingnessProblem, found: MenuPrices, prices: list[int]) -> list[Violation]:
    wrong = []
    for k, name in enumerate(problem.segment_ids):
        left = {b: int(problem.willingness[k, b]) - price for b, price in enumerate(prices) if price >= 0}
        bought = int(found.bought[k])
        own = 0 if bought < 0 else left.get(bought, -1)
        best = max([0, *left.values()])
        if own != best:
            wrong.append(Violation(f"choice of {name}", str(best), str(own), "cents of surplus"))
    return wrong


def _arbitrage(problem: WillingnessProblem, prices: list[int]) -> list[Violation]:
    wrong = []
    offered = [b for b, price in enumerate(prices) if price >= 0]
    for whole in offered:
        target = set(problem.bundles[whole])
        inside = [b for b in offered if set(problem.bundles[b]) < target]
        for count in range(2, min(MOST_PARTS, len(target)) + 1):
            for parts in combinations(inside, count):
                cost = sum(prices[b] for b in parts)
                if cost < prices[whole] and set().union(*(problem.bundles[b] for b in parts)) == target:
                    wrong.append(Violation("no arbitrage", str(cost), str(prices[whole]), f"bundle {whole}"))
    return wrong


def _wrong_profit(problem: WillingnessProblem, found: MenuPrices, prices: list[int]) -> list[Violation]:
    earned, size = Fraction(0), Fraction(0)
    for k, bought in enumerate(found.bought.tolist()):
        if bought >= 0:
            term = Fraction(float(problem.size[k])) * (prices[bought] - int(problem.cost[bought])) / 100
            earned, size = earned + term, size + abs(term)
    said, bound = Fraction(found.headline.value), Fraction(found.headline.bound)
    wrong = []
    if abs(said - earned) > size / 10**9:
        wrong.append(Violation("profit", f"{float(earned):.9g}", f"{found.headline.value:.9g}"))
    if bound < said:
        wrong.append(Violation("bound", f"{found.headline.value:.9g}", f"{found.headline.bound:.9g}"))
    return wrong
