"""Small random campaigns in dyadic numbers (sums are exact in floats), and their optimum by enumeration.

The enumeration shares no code with the engine: menus as one price or none per bundle, offers as the product of every
customer's compatible sets, rules from their definitions.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem, MenuCount, Options, Parity, Rules


def _dyadic(rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
    return (rng.integers(int(low * 64), int(high * 64) + 1, shape) / 64).astype(np.float32)


def random_campaign(seed: int, *, bundles: int = 4, customers: int = 3, items: int = 5) -> CampaignProblem:
    """A campaign with tight rules drawn at random; customers differ, bundles overlap."""
    rng = np.random.default_rng(seed)
    sets = list(combinations(range(items), 2)) + list(combinations(range(items), 3))
    picked = [sets[i] for i in sorted(rng.choice(len(sets), bundles, replace=False))]
    shelf = rng.integers(4, 17, items) * 25
    rows, bundle, price = [], [], []
    for b, members in enumerate(picked):
        list_value = int(shelf[list(members)].sum())
        for cut in sorted(set(rng.choice([25, 50, 100], int(rng.integers(1, 3)), replace=False).tolist())):
            rows.append(list(members) + [-1] * (3 - len(members)))
            bundle.append(b)
            price.append(list_value - cut)
    table = np.array(rows, dtype=np.int32)
    cents = np.array(price, dtype=np.int64)
    list_value = np.where(table >= 0, shelf[table], 0).sum(1)
    count = len(table)
    options = Options(
        bundle_ids=np.array([f"b{n}" for n in range(bundles)], dtype=object),
        item_ids=np.array([f"i{n}" for n in range(items)], dtype=object),
        items=table,
        bundle=np.array(bundle, dtype=np.int32),
        price_cents=cents,
        list_value_cents=list_value.astype(np.int64),
        unit_spend=(list_value - cents) / 100,
        unit_margin=cents / 100 * 0.25 + rng.integers(-8, 9, count) / 16,
    )
    shape = (customers, count)
    units = _dyadic(rng, 0, 0.5, (*shape, 3)) * (table >= 0)
    return CampaignProblem(
        customer_ids=np.array([f"c{n}" for n in range(customers)], dtype=object),
        options=options,
        value=_dyadic(rng, -1, 3, shape),
        redemption=_dyadic(rng, 0, 0.8, shape),
        incremental_margin=_dyadic(rng, -1, 2, shape),
        units=units.astype(np.float32),
        segment=np.zeros(customers, dtype=np.int32),
        rules=random_rules(rng, items, bundles, shelf.astype(np.int64)),
    )


def random_rules(rng: np.random.Generator, items: int, bundles: int, shelf: np.ndarray) -> Rules:
    """Rules of which each is on with some chance, tight more often than not."""
    on = rng.random(12) < np.array([0.6, 0.5, 0.3, 0.4, 0.3, 0.3, 0.25, 0.3, 0.3, 0.6, 0.3, 0.5])
    return Rules(
        budget=float(rng.integers(0, 40) / 16) if on[0] else None,
        min_margin=float(rng.choice([0.125, 0.25, 0.3125])) if on[1] else None,
        category_min_margin={0: 0.25} if on[2] else {},
        min_incremental_margin=float(rng.integers(-8, 65) / 16) if on[3] else None,
        max_bundles=int(rng.integers(1, bundles + 1)),
        slots=int(rng.integers(1, 4)),
        category_cap=int(rng.integers(1, 3)) if on[4] else None,
        item_overlap=int(rng.integers(1, 3)) if on[5] else None,
        include=(int(rng.integers(0, bundles)),) if on[6] else (),
        item_category=rng.integers(0, 2, items).astype(np.int32),
        stock_slack=np.where(rng.random(items) < 0.5, rng.integers(0, 48, items) / 64, np.inf) if on[9] else None,
        substitutes=np.array([[0, 1]], dtype=np.int32) if on[7] else None,
        fixed_cost_per_bundle=0.5 if on[8] else 0.0,
        contact_cost=0.0625 if on[10] else 0.0,
        shelf_price_cents=shelf,
        no_arbitrage=bool(on[11]),
    )


def with_many_includes(problem: CampaignProblem, seed: int) -> CampaignProblem:
    """The same campaign with two to all bundles that must be on the menu, which then has room for them."""
    rng = np.random.default_rng([seed, 1])
    bundles = len(problem.options.bundle_ids)
    include = tuple(sorted(rng.choice(bundles, int(rng.integers(2, bundles + 1)), replace=False).tolist()))
    return with_rules(problem, include=include, max_bundles=int(rng.integers(len(include), bundles + 1)))


def with_more_rules(problem: CampaignProblem, seed: int) -> CampaignProblem:
    """The same campaign with further rules on: counts by attribute, churn, locks, exposure, parity, revenue."""
    rng = np.random.default_rng([seed, 2])
    options, bundles, customers = problem.options, len(problem.options.bundle_ids), len(problem.value)
    on = rng.random(8) < np.array([0.35, 0.25, 0.2, 0.2, 0.15, 0.3, 0.4, 0.3])
    brand = rng.integers(0, 2, len(options.item_ids))
    has = np.array([[any(i >= 0 and brand[i] == b for i in row) for row in options.items] for b in (0, 1)])
    counts = [MenuCount("cap:brand", has[b], most=1, label=f"brand={b}") for b in (0, 1)] if on[0] else []
    counts += [MenuCount("floor:brand", has[0], least=int(rng.integers(1, 3)), label="brand=0")] if on[1] else []
    counts += [MenuCount("include", np.asarray((options.items == 2).any(1)), least=1, label="i2")] if on[2] else []
    if on[3]:
        base = np.sort([rng.choice(np.flatnonzero(options.bundle == b)) for b in range(min(2, bundles))])
        held = np.isin(np.arange(len(options.bundle)), base)
        changes = int(rng.integers(0, 2))
        counts.append(MenuCount("max_churn", ~held, most=changes, label="new"))
        counts.append(MenuCount("max_churn", held, least=len(base) - changes, label="kept"))
    least = int(rng.integers(1, customers + 1)) if on[5] else None
    most = int(rng.integers(least or 1, customers + 1)) if on[6] else None
    group = rng.integers(0, 2, customers).astype(np.int32)
    parity = (Parity("kind", ("a", "b"), group, float(rng.choice([0.25, 0.5]))),) if on[7] else ()
    revenue = float(rng.integers(-8, 33) / 16) if rng.random() < 0.25 else None
    wider = replace(problem, incremental_revenue=_dyadic(rng, -1, 3, problem.value.shape))
    return with_rules(
        wider,
        menu_counts=tuple(counts),
        lock=(int(rng.integers(0, len(options.bundle))),) if on[4] else (),
        min_exposure=least,
        max_exposure=most,
        parity=parity,
        min_incremental_revenue=revenue,
    )


def with_shelf(problem: CampaignProblem, seed: int) -> CampaignProblem:
    """The same campaign in public redemption: what options do by standing on the shelf is the last row."""
    rng = np.random.default_rng([seed, 3])

    def joined(array: np.ndarray, low: float, high: float) -> np.ndarray:
        return np.concatenate([array, _dyadic(rng, low, high, (1, *array.shape[1:]))])

    units = joined(problem.units, 0, 0.5) * (problem.options.items >= 0)
    revenue = problem.incremental_revenue
    return replace(
        problem,
        value=joined(problem.value, -2, 4),
        redemption=joined(problem.redemption, 0, 1.5),
        incremental_margin=joined(problem.incremental_margin, -2, 3),
        incremental_revenue=None if revenue is None else joined(revenue, -2, 4),
        units=units.astype(np.float32),
        segment=np.append(problem.segment, 0).astype(np.int32),
        shelf=True,
    )


def _counts_ok(problem: CampaignProblem, menu: tuple[int, ...]) -> bool:
    rules = problem.rules
    for count in rules.menu_counts:
        load = sum(bool(count.member[o]) for o in menu)
        if load < (count.least or 0) or load > (len(menu) if count.most is None else count.most):
            return False
    return set(rules.lock) <= set(menu)


def _shown_ok(problem: CampaignProblem, offers: list[tuple[int, int]]) -> bool:
    """Exposure and parity of whole offers, counted in fractions."""
    rules, customers = problem.rules, problem.customers
    least = (rules.min_exposure or 0) if problem.shelf else (rules.min_exposure or 1)
    menu, offers = {o for _, o in offers}, [(u, o) for u, o in offers if u < customers]
    for o in menu:
        shown = sum(p == o for _, p in offers)
        if shown < least or shown > (rules.max_exposure or customers):
            return False
    for parity in rules.parity:
        tolerance = Fraction(parity.tolerance)
        for code in range(len(parity.labels)):
            part = Fraction(int((parity.group == code).sum()), customers) * len(offers)
            got = sum(int(parity.group[u]) == code for u, _ in offers)
            if part and not (1 - tolerance) * part <= got <= (1 + tolerance) * part:
                return False
    return True


def _menu_ok(problem: CampaignProblem, menu: tuple[int, ...]) -> bool:
    rules, options = problem.rules, problem.options
    sets = [frozenset(int(i) for i in options.items[o] if i >= 0) for o in menu]
    if len(menu) > rules.max_bundles or not set(rules.include) <= {int(options.bundle[o]) for o in menu}:
        return False
    if not _counts_ok(problem, menu):
        return False
    if rules.item_overlap is not None and any(sum(i in s for s in sets) > rules.item_overlap for i in range(9)):
        return False
    if rules.category_cap is not None:
        category = rules.item_category
        if any(sum(any(category[i] == c for i in s) for s in sets) > rules.category_cap for c in range(3)):
            return False
    return not rules.no_arbitrage or all(_no_cheaper_cover(problem, menu, sets, at) for at in range(len(menu)))


def _no_cheaper_cover(problem: CampaignProblem, menu: tuple[int, ...], sets: list[frozenset[int]], at: int) -> bool:
    shelf, price = problem.rules.shelf_price_cents, problem.options.price_cents
    goods = [(frozenset((i,)), int(shelf[i])) for i in sets[at]]
    goods += [(sets[j], int(price[o])) for j, o in enumerate(menu) if j != at]
    if any(int(shelf[i]) > int(price[menu[at]]) for i in sets[at]):
        return False  # an item dearer on the shelf than in the bundle
    for size in range(1, len(goods) + 1):
        for cover in combinations(goods, size):
            covered = frozenset().union(*(s for s, _ in cover))
            if sets[at] <= covered and sum(p for _, p in cover) < int(price[menu[at]]):
                return False
    return True


def _compatible(problem: CampaignProblem, offers: tuple[int, ...]) -> bool:
    sets = [frozenset(int(i) for i in problem.options.items[o] if i >= 0) for o in offers]
    pairs = problem.rules.substitutes if problem.rules.substitutes is not None else []
    for a, b in combinations(sets, 2):
        if a & b or any((i in a and j in b) or (j in a and i in b) for i, j in pairs):
            return False
    return True


def _columns(problem: CampaignProblem, menu: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [s for size in range(problem.rules.slots + 1) for s in combinations(menu, size) if _compatible(problem, s)]


def row_table(problem: CampaignProblem) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (rows, U, O) and limits of all coupling rows, from their definitions."""
    rules, options = problem.rules, problem.options
    red = problem.redemption.astype(np.float64)
    price = options.price_cents / 100
    out, limit = [], []
    if rules.budget is not None:
        out.append(red * options.unit_spend)
        limit.append(rules.budget)
    if rules.min_margin is not None:
        out.append(red * (rules.min_margin * price - options.unit_margin))
        limit.append(0.0)
    for category, share in rules.category_min_margin.items():
        inside = (options.items >= 0) & (rules.item_category[options.items] == category)
        weight = np.where(inside, rules.shelf_price_cents[options.items], 0).sum(1) / options.list_value_cents
        out.append(red * (weight * (share * price - options.unit_margin)))
        limit.append(0.0)
    if rules.min_incremental_margin is not None:
        out.append(-problem.incremental_margin.astype(np.float64))
        limit.append(-rules.min_incremental_margin)
    if rules.min_incremental_revenue is not None:
        out.append(-problem.incremental_revenue.astype(np.float64))
        limit.append(-rules.min_incremental_revenue)
    if rules.stock_slack is not None:
        for item, slack in enumerate(rules.stock_slack):
            out.append((problem.units * (options.items == item)).sum(2).astype(np.float64))
            limit.append(slack)
    return np.array(out).reshape(len(out), *problem.value.shape), np.array(limit)


def best_by_enumeration(problem: CampaignProblem) -> float | None:
    """The optimum over all menus and all customer offers; None where no plan keeps the rules."""
    rules, bundle = problem.rules, problem.options.bundle
    table, limit = row_table(problem)
    worth = problem.value.astype(np.float64)
    worth[: problem.customers] -= rules.contact_cost
    best: float | None = None
    choices = [[None, *np.flatnonzero(bundle == b).tolist()] for b in range(len(problem.options.bundle_ids))]
    for picked in product(*choices):
        menu = tuple(o for o in picked if o is not None)
        if _menu_ok(problem, menu):
            found = _best_offers(problem, menu, (table, limit), worth)
            if found is not None and (best is None or found > best):
                best = found
    return best


def all_plans(problem: CampaignProblem) -> list[list[tuple[int, int]]]:
    """Every plan that keeps all rules, as lists of (customer, option); only for the smallest campaigns."""
    bundle, (table, limit) = problem.options.bundle, row_table(problem)
    choices = [[None, *np.flatnonzero(bundle == b).tolist()] for b in range(len(problem.options.bundle_ids))]
    found = []
    for picked in product(*choices):
        menu = tuple(o for o in picked if o is not None)
        if not _menu_ok(problem, menu):
            continue
        for held in product(_columns(problem, menu), repeat=len(problem.value)):
            offers = [(u, o) for u, column in enumerate(held) for o in column]
            used = np.array([sum(row[u, o] for u, o in offers) for row in table])
            if {o for _, o in offers} == set(menu) and (used <= limit).all() and _shown_ok(problem, offers):
                found.append(offers)
    return found


def _best_offers(
    problem: CampaignProblem, menu: tuple[int, ...], rows: tuple[np.ndarray, np.ndarray], worth: np.ndarray
) -> float | None:
    """Best offers that use every bundle of the menu, so that the menus partition the plans."""
    table, limit = rows
    every = _columns(problem, menu)
    total, use = np.zeros(1), np.zeros((len(limit), 1))
    shown, plans = np.zeros((len(menu), 1), dtype=bool), [()]
    for u in range(len(worth)):
        columns = every if u < problem.customers else [menu]
        gain = np.array([sum(worth[u, o] for o in c) for c in columns])
        cost = np.array([table[:, u, list(c)].sum(1) for c in columns]).reshape(len(columns), len(limit)).T
        has = np.array([[o in c for c in columns] for o in menu], dtype=bool).reshape(len(menu), len(columns))
        total = (total[:, None] + gain).ravel()
        use = (use[:, :, None] + cost[:, None, :]).reshape(len(limit), len(total))
        shown = (shown[:, :, None] | has[:, None, :]).reshape(len(menu), len(total))
        plans = [(*plan, *((u, o) for o in c)) for plan in plans for c in columns]
    ok = (use <= limit[:, None] + 1e-13).all(0) & shown.all(0)
    counts_offers = problem.rules.parity or problem.rules.min_exposure or problem.rules.max_exposure
    for at in sorted(np.flatnonzero(ok).tolist(), key=lambda at: -total[at]):
        if not counts_offers or _shown_ok(problem, list(plans[at])):
            return float(total[at]) - problem.rules.fixed_cost_per_bundle * len(menu)
    return None


def with_rules(problem: CampaignProblem, **changes: object) -> CampaignProblem:
    """The same campaign under other rules."""
    return replace(problem, rules=replace(problem.rules, **changes))


def breaks_a_rule(problem: CampaignProblem, plan: CampaignPlan) -> str:
    """Name the first rule that `plan` breaks by exact sums, "" where it keeps all."""
    offers = [(int(u), int(o)) for u, o in zip(plan.offer_customer, plan.offer_option, strict=True)]
    menu = tuple(plan.menu.tolist())
    standing = tuple(o for u, o in offers if u == problem.customers)
    if menu != (standing if problem.shelf else tuple(sorted({o for _, o in offers}))):
        return "the menu is not what is offered, or not what is on the shelf"
    if not _menu_ok(problem, menu):
        return "menu"
    for u in range(problem.customers):
        held = tuple(o for v, o in offers if v == u)
        if len(held) > problem.rules.slots or not _compatible(problem, held):
            return f"customer {u}"
    if not _shown_ok(problem, offers):
        return "exposure or parity"
    table, limit = row_table(problem)
    used = np.array([sum(row[u, o] for u, o in offers) for row in table])
    if (used > limit).any():
        return f"coupling rows {np.flatnonzero(used > limit)}"
    gain = sum(float(problem.value[u, o]) for u, o in offers)
    gain -= problem.rules.contact_cost * sum(u < problem.customers for u, _ in offers)
    gain -= problem.rules.fixed_cost_per_bundle * len(menu)
    return "" if abs(gain - plan.headline.value) < 1e-12 else "value"


def _picked(array: np.ndarray | None, who: np.ndarray, at: np.ndarray) -> np.ndarray | None:
    return None if array is None else array[np.ix_(who, at)]


def permuted(problem: CampaignProblem, seed: int) -> CampaignProblem:
    """The same campaign with customers and bundles in another order."""
    rng = np.random.default_rng(seed)
    options, rules = problem.options, problem.rules
    who = rng.permutation(len(problem.value))
    order = rng.permutation(len(options.bundle_ids))
    place = np.argsort(order)  # new index of an old bundle
    at = np.concatenate([np.flatnonzero(options.bundle == b) for b in order])
    return replace(
        problem,
        customer_ids=problem.customer_ids[who],
        value=problem.value[np.ix_(who, at)],
        redemption=problem.redemption[np.ix_(who, at)],
        incremental_margin=problem.incremental_margin[np.ix_(who, at)],
        incremental_revenue=None
        if problem.incremental_revenue is None
        else problem.incremental_revenue[np.ix_(who, at)],
        units=problem.units[np.ix_(who, at)],
        options=replace(
            options,
            bundle_ids=options.bundle_ids[order],
            items=options.items[at],
            bundle=place[options.bundle[at]].astype(np.int32),
            price_cents=options.price_cents[at],
            list_value_cents=options.list_value_cents[at],
            unit_spend=options.unit_spend[at],
            unit_margin=options.unit_margin[at],
        ),
        rules=replace(
            rules,
            include=tuple(int(place[b]) for b in rules.include),
            menu_counts=tuple(replace(count, member=count.member[at]) for count in rules.menu_counts),
            lock=tuple(int(np.flatnonzero(at == o)[0]) for o in rules.lock),
            parity=tuple(replace(parity, group=parity.group[who]) for parity in rules.parity),
        ),
    )
