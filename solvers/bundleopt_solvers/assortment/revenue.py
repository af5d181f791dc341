"""What assortments earn: expected sales and money under the mixed multinomial logit, many assortments at once.

sales_i = x_i min(stock_i, sum_s occasions_s weight_si / (outside_s + sum_j weight_sj x_j)),
money = sum_i value_i sales_i.
Demand beyond the stock is lost: nobody who meets an empty shelf is assumed to take something else, so the money is
never overstated.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Reals


def expected_sales(problem: AssortmentProblem, listed: Flags) -> Reals:
    """Units sold of every item, (N, I), for assortments `listed` (N, I)."""
    chosen = listed.astype(np.float64)
    total = problem.outside + chosen @ problem.weight.T
    demand = chosen * ((problem.occasions / total) @ problem.weight)
    return np.minimum(demand, problem.stock)


def money(problem: AssortmentProblem, listed: Flags) -> Reals:
    """Expected money, (N,), of assortments `listed` (N, I)."""
    return np.asarray(expected_sales(problem, listed) @ problem.value)


def most_demand(problem: AssortmentProblem) -> Reals:
    """(I,) demand of each item were it listed alone: no assortment sells more of it."""
    share = problem.weight / (problem.outside[:, None] + problem.weight)
    return np.asarray(problem.occasions @ share)


def without_idle_stock(problem: AssortmentProblem) -> AssortmentProblem:
    """The same problem without the stock limits that no assortment reaches; nothing else changes."""
    if not problem.has_stock:
        return problem
    stock = np.where(problem.stock >= most_demand(problem) * (1 + 1e-9), np.inf, problem.stock)
    limited = stock if np.isfinite(stock).any() else None
    return replace(problem, rules=replace(problem.rules, stock=limited))
