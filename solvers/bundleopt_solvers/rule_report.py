"""Every rule as it stands in a plan: limit, value, slack, whether it binds, and its shadow price in money."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.arbitrage import broken_covers
from bundleopt_solvers.lagrangian import DualPoint, Multipliers
from bundleopt_solvers.menu_rules import build_menu_rules
from bundleopt_solvers.plan import RuleReport
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, category_share, floor_values

Indices = npt.NDArray[np.int64]
TIGHT = 1e-3  # share of a limit that may be left when a rule counts as binding
# The same where a further unit of the limit has a price: offers are whole, so a budget is never used to the last cent.
PRICED_TIGHT = 1e-2


def _line(name: str, limit: float, value: float, slack: float, price: float | None) -> RuleReport:
    share = PRICED_TIGHT if price is not None and price > 0 else TIGHT
    binding = slack <= share * max(abs(limit), abs(value), 1e-12)
    return RuleReport(name, float(limit), float(value), float(slack), bool(binding), price)


def _products(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> float:
    return math.fsum(a * b for a, b in zip(left.astype(np.float64).tolist(), right.tolist(), strict=True))


def _margin_line(
    problem: CampaignProblem,
    offers: tuple[Indices, Indices],
    rule: tuple[str, float, float],
    weight: npt.NDArray[np.float64],
) -> RuleReport:
    """A margin floor as shares; its shadow price is money per unit of share (0.01 is one percentage point)."""
    name, share, price = rule
    customer, option = offers
    sold = problem.redemption[customer, option]
    revenue = _products(sold, weight[option] * problem.options.price_cents[option] / 100.0)
    margin = _products(sold, weight[option] * problem.options.unit_margin[option])
    reached = margin / revenue if revenue > 0 else share
    line = _line(name, share, reached, reached - share, price * revenue)
    return line if revenue > 0 else RuleReport(name, share, share, 0.0, binding=False, shadow_price=0.0)


def coupling_lines(
    problem: CampaignProblem, rows: CouplingRows, offers: tuple[Indices, Indices], row_price: npt.NDArray[np.float64]
) -> list[RuleReport]:
    """Rules that add up over customers; stock lines for items in the plan and for items whose stock could run out."""
    rules, options = problem.rules, problem.options
    price = dict(zip(rows.names, row_price.tolist(), strict=True))
    customer, option = offers
    lines = []
    if rules.budget is not None:
        spend = _products(problem.redemption[customer, option], options.unit_spend[option])
        lines.append(_line("budget", rules.budget, spend, rules.budget - spend, price["budget"]))
    if rules.min_margin is not None:
        rule = ("min_margin", rules.min_margin, price["min_margin"])
        lines.append(_margin_line(problem, offers, rule, np.ones(len(options.bundle))))
    for category, share in sorted(rules.category_min_margin.items()):
        name = f"min_margin:{category}"
        lines.append(_margin_line(problem, offers, (name, share, price[name]), category_share(problem, category)))
    for name in rows.floors:
        least = float(getattr(rules, name))
        money = math.fsum(floor_values(problem, name)[customer, option].astype(np.float64).tolist())
        lines.append(_line(name, least, money, money - least, price[name]))
    shown = customer[customer < problem.customers]
    return [*lines, *_parity_lines(problem, shown, price), *_stock_lines(problem, rows, offers, price)]


def _parity_lines(problem: CampaignProblem, customer: Indices, price: dict[str, float]) -> list[RuleReport]:
    """How far the offers per customer of each group are from those of all, as a share of them."""
    lines = []
    for parity in problem.rules.parity:
        for code, label in enumerate(parity.labels):
            size = int((parity.group == code).sum())
            name = f"parity:{parity.name}={label}"
            if not size:
                continue
            fair = len(customer) * size / len(parity.group)
            away = abs(int((parity.group[customer] == code).sum()) / fair - 1) if fair else 0.0
            worth = (price[f"{name}:most"] + price[f"{name}:least"]) * fair
            line = _line(name, parity.tolerance, away, parity.tolerance - away, worth)
            lines.append(line if fair else replace(line, binding=False))
    return lines


def _stock_lines(
    problem: CampaignProblem, rows: CouplingRows, offers: tuple[Indices, Indices], price: dict[str, float]
) -> list[RuleReport]:
    slack = problem.rules.stock_slack
    if slack is None:
        return []
    customer, option = offers
    items = problem.options.items[option]
    listed = np.union1d(rows.stock, items[items >= 0])
    lines = []
    for item in listed.tolist():
        if not np.isfinite(slack[item]):
            continue
        offer, place = np.nonzero(items == item)
        used = math.fsum(problem.units[customer[offer], option[offer], place].astype(np.float64).tolist())
        name = f"stock:{problem.options.item_ids[item]}"
        lines.append(_line(name, slack[item], used, slack[item] - used, price.get(name, 0.0)))
    return lines


def menu_lines(
    problem: CampaignProblem, offers: tuple[Indices, Indices], prices: Multipliers, point: DualPoint
) -> list[RuleReport]:
    """Rules of the menu and of single customers."""
    rules, options = problem.rules, problem.options
    customer, option = offers
    menu = np.unique(option)
    bundles = np.unique(options.bundle[menu])
    shown = customer < problem.customers
    customer = customer[shown]
    threshold = point.choice.threshold if np.isfinite(point.choice.threshold) else None
    most = int(np.bincount(customer).max()) if len(customer) else 0
    lines = [
        _line("max_bundles", rules.max_bundles, len(bundles), rules.max_bundles - len(bundles), threshold),
        _line("slots", rules.slots, most, rules.slots - most, float(prices.slot.sum())),
    ]
    lines += _exposure_lines(problem, menu, option[shown])
    counted = build_menu_rules(problem)
    toll = dict(zip(counted.names, prices.menu.tolist(), strict=True))
    lines += _count_lines(problem, menu, toll)
    items = [{int(i) for i in row if i >= 0} for row in options.items[menu]]
    for label, cap, kinds in _caps(problem, items):
        load = max(kinds.values(), default=0)
        price = sum(value for name, value in toll.items() if name.startswith(label))
        lines.append(_line(label, cap, load, cap - load, price))
    lines += _asked_lines(problem, menu)
    if rules.no_arbitrage:
        broken = len(broken_covers(problem, menu.astype(np.int64)))
        lines.append(_line("no_arbitrage", 0, broken, -broken, None))
    return lines


def _asked_lines(problem: CampaignProblem, menu: Indices) -> list[RuleReport]:
    """Includes (bundles, and items that any bundle may bring) and locks."""
    rules = problem.rules
    held = set(problem.options.bundle[menu].tolist())
    items = [count for count in rules.menu_counts if count.name == "include"]
    asked = len(set(rules.include)) + len(items)
    missing = len(set(rules.include) - held) + sum(not count.member[menu].any() for count in items)
    lines = [_line("include", asked, asked - missing, -missing, None)] if asked else []
    if rules.lock:
        loose = len(set(rules.lock) - set(menu.tolist()))
        lines.append(_line("lock", len(set(rules.lock)), len(set(rules.lock)) - loose, -loose, None))
    return lines


def _exposure_lines(problem: CampaignProblem, menu: Indices, option: Indices) -> list[RuleReport]:
    """Least and most offers of a bundle on the menu."""
    rules = problem.rules
    offers = np.bincount(option, minlength=len(problem.options.bundle))[menu].tolist()
    lines = []
    if rules.min_exposure is not None:
        least = min(offers, default=rules.min_exposure)
        lines.append(_line("min_exposure", rules.min_exposure, least, least - rules.min_exposure, None))
    if rules.max_exposure is not None:
        most = max(offers, default=0)
        lines.append(_line("max_exposure", rules.max_exposure, most, rules.max_exposure - most, None))
    return lines


def _count_lines(problem: CampaignProblem, menu: Indices, toll: dict[str, float]) -> list[RuleReport]:
    """Caps and floors by attribute: of every rule the case nearest to its limit, and the shadow prices of all."""
    nearest: dict[str, RuleReport] = {}
    for count in problem.rules.menu_counts:
        if count.name == "include":
            continue
        load = int(count.member[menu].sum())
        limit = count.most if count.most is not None else count.least or 0
        slack = limit - load if count.most is not None else load - limit
        worth = toll.get(f"{count.name}:{count.label}" if count.label else count.name, 0.0)
        line, known = _line(count.name, limit, load, slack, worth), nearest.get(count.name)
        if known is not None:
            line = replace(
                line if line.slack < known.slack else known, shadow_price=worth + (known.shadow_price or 0.0)
            )
        nearest[count.name] = line
    return list(nearest.values())


def _caps(problem: CampaignProblem, items: list[set[int]]) -> list[tuple[str, int, dict[int, int]]]:
    rules = problem.rules
    out = []
    if rules.category_cap is not None and rules.item_category is not None:
        counts: dict[int, int] = {}
        for members in items:
            for category in {int(rules.item_category[i]) for i in members}:
                counts[category] = counts.get(category, 0) + 1
        out.append(("category_cap", rules.category_cap, counts))
    if rules.item_overlap is not None:
        counts = {}
        for members in items:
            for item in members:
                counts[item] = counts.get(item, 0) + 1
        out.append(("item_overlap", rules.item_overlap, counts))
    return out
