"""A second opinion on a bound, in plain numpy, customer by customer: it shares no arithmetic with the search.

Weak duality needs no trust in how multipliers were found, only in this sum; see `lagrangian.py` for the formula.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.cliques import exclusion_cliques
from bundleopt_solvers.groups import item_groups
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import MARGIN, REVENUE, floor_values
from bundleopt_solvers.search_state import SearchState

Floats64 = npt.NDArray[np.float64]


def second_bound(problem: CampaignProblem, state: SearchState) -> float:
    """Evaluate the bound at the best prices of `state`, from the definition of every rule."""
    if state.prices is None:
        return np.inf
    prices, rows, rules, options = state.prices.double(), state.relaxation.rows, problem.rules, problem.options
    row = dict(zip(rows.names, prices.row.numpy().tolist(), strict=True))
    limit = dict(zip(rows.names, rows.limit.tolist(), strict=True))
    group = _group_prices(problem, prices.group.numpy())
    link = prices.link.numpy()
    stock = np.where(
        options.items >= 0, np.zeros(1) if rules.stock_slack is None else rules.stock_slack[options.items], 0
    )
    score = np.where(link > 0, link * np.where(link > 0, stock, 0.0), 0.0).sum(1)
    net = np.zeros(problem.value.shape)
    for u in range(len(problem.value)):
        worth = problem.value[u].astype(np.float64) - (rules.contact_cost if u < problem.customers else 0.0)
        for name, price in row.items():
            if price:
                worth -= price * coefficient(problem, u, name)
        worth -= float(prices.slot[u]) + group[:, u] + (link * problem.units[u]).sum(1)
        net[u] = worth
    menu = state.relaxation.menu
    must = np.isin(options.bundle, menu.include)
    score += _best_offers(problem, net, must)
    total = sum(row[name] * limit[name] for name in row)
    total += rules.slots * float(prices.slot.sum()) + float(prices.group.sum())
    toll = prices.menu.numpy()
    score -= rules.fixed_cost_per_bundle + toll @ menu.member
    locked = options.bundle[list(rules.lock)]
    score[np.isin(options.bundle, locked) & ~np.isin(np.arange(len(score)), rules.lock)] = -np.inf
    peak = np.full(len(options.bundle_ids), -np.inf)
    np.maximum.at(peak, options.bundle, score)
    held = np.isin(np.arange(len(peak)), menu.include)
    best = np.sort(np.maximum(peak[~held], 0.0))[::-1][: max(rules.max_bundles - int(held.sum()), 0)]
    bound = total + float(toll @ menu.cap) + float(best.sum()) + float(peak[held].sum())
    if not np.isfinite(bound):
        return float(bound)  # a bundle that must be there has no offer left
    return float(bound + 1e-9 * (abs(bound) + abs(total) + float(np.abs(peak[held]).sum())))


def _best_offers(problem: CampaignProblem, net: Floats64, must: npt.NDArray[np.bool_]) -> Floats64:
    """Most that each option's offers can add up to, (O,), with as many of them as a bundle on the menu may have."""
    shelf, net = net[problem.customers :].sum(0), net[: problem.customers]
    least, most = problem.least_offers, problem.rules.max_exposure or len(net)
    if least > len(net):
        return np.full(net.shape[1], -np.inf)
    ranked = -np.sort(-net, axis=0)
    kept = np.maximum(ranked, 0.0)
    asked = must | (least > 1 - int(problem.shelf))
    kept[:least, asked] = ranked[:least, asked]
    return np.asarray(kept[:most].sum(0) + shelf)


def _group_prices(problem: CampaignProblem, price: Floats64) -> Floats64:
    """Sum of the group prices of every option, (O, U); groups within one bundle carry no price."""
    options = problem.options
    out = np.zeros((len(options.bundle), price.shape[1]))
    code = 0
    for group in item_groups(problem):
        inside = np.isin(options.items, sorted(group)).any(1)
        if len(np.unique(options.bundle[inside])) > 1:
            out[inside] += price[code]
            code += 1
    for clique in exclusion_cliques(problem):
        out[clique] += price[code]
        code += 1
    return out


def coefficient(problem: CampaignProblem, customer: int, name: str) -> Floats64:
    """Coefficients of one coupling row for one customer, (O,), from the definition of the rule."""
    rules, options = problem.rules, problem.options
    sold, price = problem.redemption[customer].astype(np.float64), options.price_cents / 100.0
    if name == "budget":
        return np.asarray(sold * options.unit_spend)
    if name == "min_margin":
        return np.asarray(sold * ((rules.min_margin or 0.0) * price - options.unit_margin))
    if name in (MARGIN, REVENUE):
        return np.asarray(-floor_values(problem, name)[customer].astype(np.float64))
    kind, which = name.split(":", 1)
    if kind == "parity":
        return np.full(len(sold), _parity_coefficient(problem, customer, which))
    if kind == "stock":
        item = int(np.flatnonzero(problem.options.item_ids == which)[0])
        return np.asarray((problem.units[customer].astype(np.float64) * (options.items == item)).sum(1))
    present = options.items >= 0
    shelf = np.where(present, np.asarray(rules.shelf_price_cents)[options.items], 0).astype(np.float64)
    inside = present & (np.asarray(rules.item_category)[options.items] == int(which))
    weight = (shelf * inside).sum(1) / np.maximum(shelf.sum(1), 1.0)
    return np.asarray(sold * weight * (rules.category_min_margin[int(which)] * price - options.unit_margin))


def _parity_coefficient(problem: CampaignProblem, customer: int, which: str) -> float:
    """Share of an offer to one customer in the rule `attribute=group:side`, less what the group may or must have."""
    for parity in problem.rules.parity:
        for code, label in enumerate(parity.labels):
            part = float(np.mean(parity.group == code))
            if customer >= len(parity.group):
                return 0.0  # the shelf
            here = float(parity.group[customer] == code)
            if which == f"{parity.name}={label}:most":
                return here - (1 + parity.tolerance) * part
            if which == f"{parity.name}={label}:least":
                return (1 - parity.tolerance) * part - here
    raise KeyError(which)
