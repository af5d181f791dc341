"""The delivered customer problem as one linear model: a second path for small problems, and for any other solver.

Variables: z_o (O) option on the menu, then x_uo (U x O, customer by customer) offer made, all 0/1. No-arbitrage rows
are added as a solution breaks them, because there are too many covers to list.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.arbitrage import Cover, broken_covers, dear_options
from bundleopt_solvers.backends.result import BackendResult
from bundleopt_solvers.child import solve_model
from bundleopt_solvers.confirmation import coefficient
from bundleopt_solvers.groups import item_groups
from bundleopt_solvers.linear_model import LinearModel, Row
from bundleopt_solvers.menu_rules import build_menu_rules, fixed_prices
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import build_rows

Indices = npt.NDArray[np.int64]
MOST_ROUNDS = 50  # rounds of covers; each forbids at least one menu


def build_customer_model(problem: CampaignProblem) -> LinearModel:
    """State the customer problem with every rule except no arbitrage between options."""
    customers, count = problem.value.shape
    rules = problem.rules
    cost = np.full(count, -rules.fixed_cost_per_bundle)
    worth = problem.value.astype(np.float64)
    worth[: problem.customers] -= rules.contact_cost
    upper = np.ones(count + customers * count)
    upper[:count][dear_options(problem) | fixed_prices(problem)] = 0.0
    empty = np.zeros(0, dtype=np.int64)
    model = LinearModel(
        objective=np.concatenate([cost, worth.ravel()]),
        lower=np.zeros(len(upper)),
        upper=upper,
        integer=np.ones(len(upper), dtype=bool),
        indptr=np.zeros(1, dtype=np.int64),
        indices=empty,
        coefficients=np.zeros(0),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
    )
    return model.with_rows([*_menu_rows(problem), *_customer_rows(problem), *_coupling_rows(problem)])


def _row(name: str, indices: Indices, coefficients: npt.NDArray[np.float64] | float, upper: float) -> Row:
    values = np.broadcast_to(np.asarray(coefficients, dtype=np.float64), indices.shape).copy()
    return Row(name, indices.astype(np.int64), values, -np.inf, upper)


def _menu_rows(problem: CampaignProblem) -> list[Row]:
    menu, bundle = build_menu_rules(problem), problem.options.bundle
    count, customers = len(bundle), len(problem.value)
    rows = [_row("max_bundles", np.arange(count), 1.0, float(problem.rules.max_bundles))]
    rows += [_row(f"one_price.{b}", np.flatnonzero(bundle == b), 1.0, 1.0) for b in np.unique(bundle)]
    for name, cap, member in zip(menu.names, menu.cap, menu.member, strict=True):
        inside = np.flatnonzero(member)
        rows.append(_row(name, inside, member[inside], float(cap)))
    for b in menu.include:
        offers = (count + np.arange(customers)[:, None] * count + np.flatnonzero(bundle == b)[None, :]).ravel()
        rows.append(_row(f"include.{b}", offers, -1.0, -1.0))
    return rows + _exposure_rows(problem)


def _exposure_rows(problem: CampaignProblem) -> list[Row]:
    """An option on the menu has at least one offer, or as many as asked, and no more than allowed."""
    customers, count = problem.customers, problem.value.shape[1]
    least, most = problem.least_offers, problem.rules.max_exposure
    rows = []
    for o in range(count):
        at = np.concatenate([[o], count + np.arange(customers) * count + o])
        rows.append(_row(f"min_exposure.{o}", at, np.append(float(least), -np.ones(customers)), 0.0))
        if most is not None:
            rows.append(_row(f"max_exposure.{o}", at, np.append(-float(most), np.ones(customers)), 0.0))
    return rows


def _customer_rows(problem: CampaignProblem) -> list[Row]:
    customers, count = problem.customers, problem.value.shape[1]
    members = [np.flatnonzero(np.isin(problem.options.items, sorted(g)).any(1)) for g in item_groups(problem)]
    rows = []
    for u in range(customers):
        start = count + u * count
        rows.append(_row(f"slots.{u}", start + np.arange(count), 1.0, float(problem.rules.slots)))
        rows += [_row(f"disjoint.{u}.{g}", start + at, 1.0, 1.0) for g, at in enumerate(members) if len(at) > 1]
        for o in range(count):
            rows.append(_row(f"on_menu.{u}.{o}", np.array([o, start + o]), np.array([-1.0, 1.0]), 0.0))
    if problem.shelf:  # what is on the menu is on the shelf
        pairs = [np.array([o, count + customers * count + o]) for o in range(count)]
        rows += [
            _row(f"shelf.{at[0]}.{sign:+.0f}", at, np.array([sign, -sign]), 0.0) for at in pairs for sign in (1.0, -1.0)
        ]
    return rows


def _coupling_rows(problem: CampaignProblem) -> list[Row]:
    customers, count = problem.value.shape
    rows = build_rows(problem)
    offers = count + np.arange(customers * count)
    out = []
    for name, limit in zip(rows.names, rows.limit, strict=True):
        values = np.concatenate([coefficient(problem, u, name) for u in range(customers)])
        used = np.flatnonzero(values)
        out.append(_row(name, offers[used], values[used], float(limit)))
    return out


def solve_customer_model(problem: CampaignProblem, *, time_limit: float, solver: str = "auto") -> BackendResult:
    """Solve the customer problem on a backend; covers are added until none is broken."""
    model = build_customer_model(problem)
    for _ in range(MOST_ROUNDS):
        result = solve_model(model, solver=solver, time_limit=time_limit)
        if result.values is None:
            return result
        menu = np.flatnonzero(result.values[: len(problem.options.bundle)] > 0.5)
        broken = broken_covers(problem, menu)
        if not broken:
            return result
        model = model.with_rows([_cover_row(cover) for cover in broken])
    return result


def _cover_row(cover: Cover) -> Row:
    members = np.array([cover.option, *cover.covering])
    return _row(f"no_arbitrage.{cover.option}", members, 1.0, float(len(members) - 1))
