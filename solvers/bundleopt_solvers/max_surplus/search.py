"""Solve bundle pricing: local search for prices, the linear model for the bound and for better ones."""

from __future__ import annotations

import time

import numpy as np

from bundleopt_solvers.backends.backend import Effort
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.max_surplus.choice import choices, profit
from bundleopt_solvers.max_surplus.covers import arbitrage
from bundleopt_solvers.max_surplus.linear_form import price_form
from bundleopt_solvers.max_surplus.price_search import search_prices
from bundleopt_solvers.max_surplus.problem import Cents, MenuPrices, Offering, WillingnessProblem
from bundleopt_solvers.plan import Certificate

FAMILY = "all prices of these bundles, each segment buying what leaves it most"
# Solvers keep rows to about 1e-6 of their limit; their word on a bound is taken with this share on top.
SOLVER_ALLOWANCE = 1e-6


def solve_prices(
    problem: WillingnessProblem,
    offering: Offering = Offering.MIXED,
    *,
    gap: float = 1e-4,
    time_limit: float = 60.0,
    solver: str = "auto",
) -> MenuPrices:
    """Find the most profitable prices for one way of selling, with a proven bound.

    Args:
        problem: willingness to pay, sizes and costs.
        offering: components, the pure bundle, or every bundle.
        gap: proven relative gap at which to stop.
        time_limit: seconds of wall clock.
        solver: backend, "auto" picks.

    Raises:
        ValueError: components are asked for but an item has no price of its own, or the pure bundle is not there.
    """
    begun = time.monotonic()
    form = price_form(problem, offering)
    price = search_prices(problem, offering)
    effort = Effort(time_limit=time_limit, gap=gap / 2)
    result = solve_with_effort(form.model, effort, solver=solver, start=form.start(price))
    if result.values is not None:
        price = _better(problem, price, form.prices(result.values))
    value, ceiling = profit(problem, price), _everything(problem)
    bound = min(result.bound * (1 + SOLVER_ALLOWANCE) if np.isfinite(result.bound) else np.inf, ceiling)
    certificate = Certificate(value, max(bound, value), FAMILY)
    bought, surplus = choices(problem, price)
    return MenuPrices(
        offering=offering,
        price=price,
        bought=bought,
        surplus=surplus,
        headline=certificate,
        optimal=certificate.gap <= gap,
        solver=result.solver,
        seconds=time.monotonic() - begun,
        incidents=result.incidents,
    )


def _better(problem: WillingnessProblem, known: Cents, found: Cents) -> Cents:
    """The more profitable of two price lists; a found one whose rounding to cents opens arbitrage does not count."""
    if arbitrage(problem.bundles, found) or profit(problem, found) <= profit(problem, known):
        return known
    return found


def _everything(problem: WillingnessProblem) -> float:
    """Profit if every segment paid its whole willingness for the best bundle: no prices earn more."""
    surplus = np.maximum(problem.willingness - problem.cost, 0).max(axis=1, initial=0)
    return float((problem.size * surplus).sum() / 100.0) * (1 + 1e-12)
