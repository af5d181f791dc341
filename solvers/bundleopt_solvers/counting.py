"""Contradictions that counting shows, without any search: what rules ask at least against what others allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.arbitrage import dear_options
from bundleopt_solvers.menu_rules import MenuRules, build_menu_rules, fixed_prices
from bundleopt_solvers.problem import CampaignProblem

Indices = npt.NDArray[np.int64]


def counting_conflict(problem: CampaignProblem) -> str:
    """Say in words why what must be on a menu can't all be there, by counting alone; "" where it finds nothing."""
    usable = np.flatnonzero(~(dear_options(problem) | fixed_prices(problem)))
    menu, bundle = build_menu_rules(problem), problem.options.bundle
    missing = [str(problem.options.bundle_ids[b]) for b in menu.include if b not in bundle[usable]]
    if missing:
        return f"no admissible price for the included {', '.join(missing[:5])}"
    broken = _overfull(problem, menu, usable)
    if broken:
        return f"{len(menu.include)} included bundles break {', '.join(broken)}"
    return _too_few(menu, bundle, usable) or _too_many_offers(problem, menu) or _too_dear(problem, menu, usable)


def _overfull(problem: CampaignProblem, menu: MenuRules, usable: Indices) -> list[str]:
    """Caps that the bundles which must be there exceed, whatever their prices."""
    bundle = problem.options.bundle
    load = np.zeros(len(menu.cap))
    for asked in menu.include:
        load += menu.member[:, usable[bundle[usable] == asked]].min(1, initial=np.inf)
    found = ["max_bundles"] if len(menu.include) > menu.max_bundles else []
    return found + [name for name, over in zip(menu.names, (load > menu.cap) & ~menu.is_floor, strict=True) if over]


def _too_few(menu: MenuRules, bundle: npt.NDArray[np.int32], usable: Indices) -> str:
    """A floor that asks for more bundles than there are, than the menu has room for, or than a cap on all of them."""
    for floor in np.flatnonzero(menu.is_floor):
        asked = int(-menu.cap[floor])
        inside = len(np.unique(bundle[usable[menu.member[floor, usable] < 0]]))
        if min(inside, menu.max_bundles) < asked:
            room = f"the candidates hold {inside}" if inside < asked else f"the menu has room for {menu.max_bundles}"
            return f"{menu.names[floor]} asks for {asked} bundles, {room}"
        for cap in np.flatnonzero(~menu.is_floor):
            if int(menu.cap[cap]) < asked and (menu.member[cap, menu.member[floor] < 0] > 0).all():
                most = int(menu.cap[cap])
                return f"{menu.names[floor]} asks for {asked} bundles, {menu.names[cap]} allows {most} of them"
    return ""


def _too_many_offers(problem: CampaignProblem, menu: MenuRules) -> str:
    """Offers that bundles on the menu must have, against customers, slots, and one offer with an item a customer."""
    rules, options, customers = problem.rules, problem.options, problem.customers
    least = problem.least_offers
    asked = max(len(menu.include), int(max(-menu.cap.min(initial=0.0), 0.0)))
    if not asked:
        return ""
    if least > customers:
        return f"min_exposure asks for {least} offers of a bundle, there are {customers} customers"
    if asked * least > customers * rules.slots:
        return f"{asked} bundles with {least} offers each need more than {rules.slots} slots of {customers} customers"
    for item in np.unique(options.items[options.items >= 0]).tolist():
        held = len(np.intersect1d(menu.include, options.bundle[(options.items == item).any(1)]))
        if held * least > customers:
            name = options.item_ids[item]
            return f"{held} included bundles hold {name}, which a customer may be offered once: {customers} customers"
    return ""


def _too_dear(problem: CampaignProblem, menu: MenuRules, usable: Indices) -> str:
    """What bundles on the menu use at least, to whomever they cost least, against budget and stock."""
    rules, options = problem.rules, problem.options
    asked = np.isin(options.bundle, menu.include) | (menu.member[menu.is_floor] < 0).any(0)
    columns = usable[asked[usable]]
    if not len(columns):
        return ""
    if rules.budget is not None and (options.unit_spend >= 0).all():
        need = _least_use(problem, menu, columns, problem.redemption[:, columns] * options.unit_spend[columns])
        if need > rules.budget * (1 + 1e-9) + 1e-9:
            return f"what must be on the menu spends {need:,.2f} at least, the budget is {rules.budget:,.2f}"
    included = columns[np.isin(options.bundle[columns], menu.include)]
    named = np.unique(options.items[included][options.items[included] >= 0])
    for item in named.tolist() if rules.stock_slack is not None else []:
        holding = columns[(options.items[columns] == item).any(1)]
        left = float(np.asarray(rules.stock_slack)[item])
        need = _least_use(
            problem, menu, holding, (problem.units[:, holding] * (options.items[holding] == item)).sum(2).clip(0)
        )
        if need > left * (1 + 1e-9) + 1e-9:
            name = options.item_ids[item]
            return f"what must be on the menu takes {need:,.2f} units of {name} at least, {left:,.2f} are left"
    return ""


def _least_use(
    problem: CampaignProblem, menu: MenuRules, columns: Indices, use: npt.NDArray[np.floating[Any]]
) -> float:
    """Least use of something by the bundles that must be there, each with its least number of offers; never too much.

    Args:
        problem: rules and options.
        menu: its counts.
        columns: (n,) options that use it; bundles without any of them use nothing.
        use: (U, n) at least 0, of one offer of each.
    """
    customers, bundle = use[: problem.customers].astype(np.float64), problem.options.bundle[columns]
    rows = min(problem.least_offers, len(customers))
    cheapest = np.partition(customers, max(rows - 1, 0), axis=0)[:rows].sum(0)
    cheapest += use[problem.customers :].sum(0)  # the shelf uses what it uses
    by_bundle = np.zeros(len(problem.options.bundle_ids))
    by_bundle[bundle] = np.inf
    np.minimum.at(by_bundle, bundle, cheapest)
    needs = [float(by_bundle[list(menu.include)].sum())]
    for floor in np.flatnonzero(menu.is_floor):
        inside = np.unique(problem.options.bundle[menu.member[floor] < 0])
        needs.append(float(np.sort(by_bundle[inside])[: int(-menu.cap[floor])].sum()))
    return max(needs)
