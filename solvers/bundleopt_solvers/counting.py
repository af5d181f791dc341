"""Contradictions that counting shows, without any search: what rules ask at least against what others allow."""

from __future__ import annotations

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
    return _too_few(menu, bundle, usable)


def _overfull(problem: CampaignProblem, menu: MenuRules, usable: Indices) -> list[str]:
    """Caps that the bundles which must be there exceed, whatever their prices."""
    bundle = problem.options.bundle
    load = np.zeros(len(menu.cap))
    for asked in menu.include:
        load += menu.member[:, usable[bundle[usable] == asked]].min(1, initial=np.inf)
    found = ["max_bundles"] if len(menu.include) > menu.max_bundles else []
    return found + [name for name, over in zip(menu.names, (load > menu.cap) & ~menu.is_floor, strict=True) if over]


def _too_few(menu: MenuRules, bundle: npt.NDArray[np.int32], usable: Indices) -> str:
    """A floor that asks for more bundles than there are, or than the menu has room for."""
    for floor in np.flatnonzero(menu.is_floor):
        asked = int(-menu.cap[floor])
        inside = len(np.unique(bundle[usable[menu.member[floor, usable] < 0]]))
        if min(inside, menu.max_bundles) < asked:
            room = f"the candidates hold {inside}" if inside < asked else f"the menu has room for {menu.max_bundles}"
            return f"{menu.names[floor]} asks for {asked} bundles, {room}"
    return ""
