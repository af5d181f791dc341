"""More customers than can be planned as a whole: the menu is chosen on a sample, its offers go to everybody in chunks.

1. Every k-th customer, with budget, stock and floors in proportion, is planned like a small campaign.
2. All customers get offers of that menu by the dual method of `bundleopt_solvers.large_assignment`, every rule exact.
3. One pass over all customers and all candidates at the prices of step 2 gives the headline bound: it speaks of every
   menu of the candidates and all customers, so what the sample may have cost is in the gap.

Letters: `U` customers, `O` options of the candidates, `M` options of the menu.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bundleopt.config import Engine, Objective, Redemption, SolveConfig
from bundleopt.plan.valued_plan import Stock
from bundleopt.stages import candidates, optimise
from bundleopt.stages.problem import build_problem, objective_values
from bundleopt.stages.valuation import value_candidates
from bundleopt_data.errors import NoPlanInTimeError, UsageError
from bundleopt_solvers.large_assignment.campaign import without_pooled_stock
from bundleopt_solvers.large_assignment.menu_bound import CustomerSums, MenuTable, answering_mixture
from bundleopt_solvers.large_assignment.rule_prices import RulePrices, reduced_worth
from bundleopt_solvers.menu_rules import build_menu_rules
from bundleopt_solvers.plan import CampaignPlan, Certificate, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import build_rows

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt.session import Progress
    from bundleopt.stages.candidates import PricedCandidates
    from bundleopt.stages.rule_inputs import RuleInputs
    from bundleopt.stages.week import PlannedWeek

Codes = npt.NDArray[np.int64]
# Customers x options that are valued at once; a dozen arrays of so many numbers are alive.
_CELLS_PER_CHUNK = 6_000_000
# Customers x options of the pass for the bound; 5 million take about a second of one core.
_MOST_CELLS = 600_000_000
# Of the time limit, what the campaign of the sample may take.
_SAMPLE_SHARE = 0.5
# Gap to which offers of the fixed menu are assigned; that of the menu is far wider.
_ASSIGNMENT_GAP = 1e-4


@dataclass(frozen=True)
class Crowd:
    """All customers of a week, of whom the stages before the optimisation saw only the sample `who`."""

    week: PlannedWeek
    inputs: RuleInputs
    who: Codes

    @property
    def share(self) -> float:
        """Customers of the sample over all."""
        return len(self.who) / len(self.week.forecast.customer_ids)

    def sampled_week(self) -> PlannedWeek:
        """The week of the sample's customers, stock in proportion."""
        week, stock, share = self.week, self.week.stock, self.share
        groups = week.groups
        return replace(
            week,
            forecast=week.forecast.of_customers(self.who),
            stock=Stock(stock.on_hand * share, stock.baseline * share, stock.safety * share, stock.slack * share),
            groups=None if groups is None else replace(groups, segment=groups.segment[self.who]),
            cold=None,
            stores=None,
        )

    def sampled_inputs(self) -> RuleInputs:
        """Attributes and eligibility of the sample's customers."""
        return self.inputs.of_customers(self.who)

    def sampled_settings(self, settings: SolveConfig) -> SolveConfig:
        """The settings with every sum over customers in proportion."""
        names = ("budget", "min_incremental_margin", "min_incremental_revenue", "fixed_cost_per_bundle")
        scaled = {name: getattr(settings, name) for name in names}
        return settings.model_copy(
            update={name: None if money is None else money * self.share for name, money in scaled.items()}
        )


def crowd_of(week: PlannedWeek, inputs: RuleInputs, settings: SolveConfig, *, in_chunks: bool = True) -> Crowd | None:
    """Return the customers as a crowd where they are too many to be planned as a whole, or where that is asked for.

    Stock by store is kept when offers are assigned to a menu, so it takes the same way, with everybody in the sample.

    Raises:
        UsageError: `engine = chunks`, or stock by store, meets a rule that it cannot keep.
    """
    if week.stores is not None:
        rule = whole_only(settings) if in_chunks else "this command, or these flags"
        if rule is not None:
            raise UsageError(
                f"stock by store cannot be kept together with {rule}; leave it out, or add the stores up with "
                "stock_by_store = false in bundleopt.toml"
            )
    elif not in_chunks:
        return None
    customers = len(week.forecast.customer_ids)
    steps = len(candidates.price_policy(settings).ladder)
    is_large = customers * settings.candidates * max(steps, 1) > settings.engine_cells
    if week.stores is not None and not is_large and settings.engine is not Engine.CHUNKS:
        return Crowd(week, inputs, np.arange(customers, dtype=np.int64))
    if week.stores is None and (settings.engine is Engine.WHOLE or (settings.engine is Engine.AUTO and not is_large)):
        return None
    rule = whole_only(settings)
    if rule is not None:
        if settings.engine is Engine.CHUNKS:
            raise UsageError(f"--engine chunks cannot keep {rule}; leave it out, or plan with --engine whole")
        return None
    step = max(1, customers // settings.engine_sample)
    return Crowd(week, inputs, np.arange(step // 2, customers, step, dtype=np.int64))


def whole_only(settings: SolveConfig) -> str | None:
    """Name a rule that needs all customers and the menu at once; None where there is none."""
    rules: dict[str, bool] = {
        "--include": bool(settings.include),
        "--lock": bool(settings.lock),
        "--max-churn": settings.max_churn is not None,
        "--floor": bool(settings.floors),
        "--min-exposure": settings.min_exposure is not None,
        "--max-exposure": settings.max_exposure is not None,
        "--risk": settings.risk is not None,
        "--budget-confidence": settings.budget_confidence is not None,
        "--holdout": settings.holdout is not None,
        "--explore": settings.explore is not None,
        "--goal": settings.goal is not None,
        "two objectives": settings.objective in (Objective.REVENUE_MARGIN, Objective.MARGIN_REVENUE),
        "--redemption public": settings.redemption is Redemption.PUBLIC,
    }
    return next((rule for rule, is_on in rules.items() if is_on), None)


def solve(prepared: Prepared, settings: SolveConfig, progress: Progress) -> tuple[Prepared, CampaignPlan]:
    """Plan the sample, and turn its plan into one for all customers with a headline bound over all of them.

    Args:
        prepared: the stages' results over the sample; `crowd` holds all customers.
        settings: those of the campaign, nothing in proportion.
        progress: told what is being done.

    Returns:
        The stages' results over all customers and the menu's options; the plan, its options numbered like them.
    """
    crowd = _crowd(prepared)
    how = settings.model_copy(update={"time_limit": settings.time_limit * _SAMPLE_SHARE})
    plan = optimise.optimise(prepared.built.problem, how, prepared.found.family, progress, gap_only=True)
    progress("offers to all customers", 0.0)
    whole = _with_menu(prepared, _menu_of(prepared, plan), settings)
    offers = _Offers.assigned(whole.built.problem)
    bounder = _Bounder(prepared, crowd, settings, plan)
    bound, sums = bounder.bound(offers, progress)
    if len(crowd.who) == len(crowd.week.forecast.customer_ids):
        bound = min(bound, plan.headline.bound)  # that of everybody, stores' stock together
    return whole, offers.plan(plan, (bound, sums), bounder.family(), settings.gap)


def keep_margin(problem: CampaignProblem, plan: CampaignPlan) -> CampaignPlan:
    """The best offers of the plan's own menu that lose no margin; the bound is that of the plan, which holds for it."""
    rules = replace(problem.rules, min_incremental_margin=0.0)
    offers = _Offers.assigned(replace(problem, rules=rules))
    headline = Certificate(offers.value, plan.headline.bound, plan.headline.family)
    return replace(
        plan, menu=offers.menu, offer_customer=offers.customer, offer_option=offers.option, headline=headline
    )


def _crowd(prepared: Prepared) -> Crowd:
    if prepared.crowd is None:
        raise ValueError("these results are of all customers; there is no crowd to plan")
    return prepared.crowd


def _menu_of(prepared: Prepared, plan: CampaignPlan) -> PricedCandidates:
    """The menu's bundles with their one price."""
    table = prepared.table
    bundles = [int(table.bundle[option]) for option in plan.menu]
    return replace(
        prepared.found,
        bundles=tuple(prepared.found.bundles[bundle] for bundle in bundles),
        prices=tuple((int(table.price_cents[option]),) for option in plan.menu),
    )


def _with_menu(prepared: Prepared, menu: PricedCandidates, settings: SolveConfig) -> Prepared:
    """The stages' results for all customers and the menu's options."""
    crowd = _crowd(prepared)
    week = crowd.week
    table, values = value_candidates(week.forecast, week.campaign, menu, settings)
    built = build_problem((table, values), week, prepared.choice, settings, crowd.inputs)
    return replace(prepared, week=week, found=menu, table=table, values=values, built=built, inputs=crowd.inputs)


def _kept_bundles(prepared: Prepared, plan: CampaignPlan) -> npt.NDArray[np.int64]:
    """Bundles of the candidates that the bound speaks of: all that can be valued for everybody, best scores first."""
    table, customers = prepared.table, len(_crowd(prepared).week.forecast.customer_ids)
    best = np.full(len(prepared.found.bundles), -np.inf)
    np.maximum.at(best, table.bundle, plan.reduced_value)
    best[table.bundle[plan.menu]] = np.inf
    options = max(1, len(table.bundle) // max(1, len(best)))
    room = max(candidates.LEAST_CANDIDATES, _MOST_CELLS // max(1, customers * options))
    return np.sort(np.argsort(-best, kind="stable")[:room])


def _menu_prices(prepared: Prepared, plan: CampaignPlan) -> dict[str, float]:
    """Prices of the menu's caps and floors by name, for the sample's customers."""
    if plan.prices is None:
        return {}
    names = build_menu_rules(prepared.built.problem).names
    return dict(zip(names, plan.prices.menu.double().tolist(), strict=True))


@dataclass(frozen=True)
class _Offers:
    """Offers of the menu to all customers."""

    problem: CampaignProblem
    worth: float
    bound: float
    customer: npt.NDArray[np.int32]
    option: npt.NDArray[np.int32]
    prices: RulePrices
    row_price: npt.NDArray[np.float64]

    @classmethod
    def assigned(cls, problem: CampaignProblem) -> _Offers:
        """Assign them.

        Raises:
            NoPlanInTimeError: repair found no offers that keep every rule exactly.
        """
        from bundleopt_solvers.large_assignment.assign import AssignSettings, assign_offers
        from bundleopt_solvers.large_assignment.campaign import fixed_menu

        if not len(problem.options.bundle):
            return cls.none(problem)
        parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]] = []
        source, rules = fixed_menu(problem, np.arange(len(problem.options.bundle)))
        settings = AssignSettings(gap=_ASSIGNMENT_GAP, threads=1)
        result = assign_offers(source, rules, settings, sink=lambda who, what: parts.append((who, what)))
        if not np.isfinite(result.value):
            raise NoPlanInTimeError("no offers to all customers were found that keep every rule; try --engine whole")
        customer = np.concatenate([np.zeros(0, np.int32), *(who.astype(np.int32) for who, _ in parts)])
        option = np.concatenate([np.zeros(0, np.int32), *(what for _, what in parts)])
        prices = RulePrices.of_rows(problem, source.rows, result.price)
        return cls(problem, result.value, result.bound, customer, option, prices, result.price)

    @classmethod
    def none(cls, problem: CampaignProblem) -> _Offers:
        """No offers, where the sample's menu is empty; every rule at the price 0."""
        rows = build_rows(without_pooled_stock(problem))
        nobody, free = np.zeros(0, dtype=np.int32), np.zeros(len(rows.limit))
        return cls(problem, 0.0, 0.0, nobody, nobody, RulePrices.of_rows(problem, rows, free), free)

    @property
    def menu(self) -> npt.NDArray[np.int32]:
        """Options with at least one offer: a bundle that nobody is shown is on no menu."""
        return np.unique(self.option).astype(np.int32)

    @property
    def value(self) -> float:
        """Money of the objective, the fixed costs of bundles taken off."""
        return self.worth - self.problem.rules.fixed_cost_per_bundle * len(self.menu)

    def plan(self, sample: CampaignPlan, proven: tuple[float, CustomerSums], family: str, gap: float) -> CampaignPlan:
        """The plan for all customers; what was counted on the sample stays as it is."""
        from bundleopt_solvers.large_assignment.report import plan_lines

        bound, sums = proven
        value = self.value
        headline = Certificate(value, max(bound, value), family)
        stopped = StopReason.WORK_LIMIT if sample.reason is StopReason.GAP_REACHED else sample.reason
        fixed = Certificate(value, max(self.bound, value), "every set of 0/1 offers of this menu at these prices")
        return replace(
            sample,
            menu=self.menu,
            offer_customer=self.customer,
            offer_option=self.option,
            headline=headline,
            certificates={"assignment": fixed},
            rules=plan_lines(self.problem, (self.customer, self.option), self.row_price, sums.slots),
            item_shadow_price=self.prices.by_item,
            reduced_value=np.zeros(len(self.problem.options.bundle)),
            reason=StopReason.GAP_REACHED if headline.gap <= gap else stopped,
            solver=f"{sample.solver} on a sample of customers; dual bundle method for the offers to all",
            prices=None,
        )


class _Bounder:
    """The headline bound over all customers and the candidates that can be valued for all of them."""

    def __init__(self, prepared: Prepared, crowd: Crowd, settings: SolveConfig, plan: CampaignPlan) -> None:
        found, kept = prepared.found, _kept_bundles(prepared, plan)
        self._crowd, self._settings, self._prepared = crowd, settings, prepared
        self._all = len(found.bundles)
        self._found = replace(
            found,
            bundles=tuple(found.bundles[bundle] for bundle in kept),
            prices=tuple(found.prices[bundle] for bundle in kept),
        )
        sample = self._valued(crowd.who)
        built = build_problem(sample, crowd.sampled_week(), prepared.choice, settings, crowd.sampled_inputs())
        self._template = built.problem
        self._toll = _menu_prices(prepared, plan)

    def family(self) -> str:
        """What the bound speaks of, in words."""
        kept = len(self._found.bundles)
        part = "" if kept == self._all else f"; {kept:,} bundles of them, the best on the sample, for so many customers"
        return (
            "every menu of the candidate options with every compatible set of 0/1 offers to each customer; candidates: "
            f"{self._prepared.found.family}, searched on a sample of {len(self._crowd.who):,} of "
            f"{len(self._crowd.week.forecast.customer_ids):,} customers{part}"
        )

    def bound(self, offers: _Offers, progress: Progress) -> tuple[float, CustomerSums]:
        """Find the mixture on the sample, then go through all customers once."""
        rules, share = build_menu_rules(self._template), self._crowd.share
        toll = np.array([self._toll.get(name, 0.0) / share for name in rules.names])
        table = MenuTable.of_problem(self._template, toll)
        weight = self._mixture(table.of_sample(share), offers)
        sums = CustomerSums(table, weight)
        customers = len(offers.problem.customer_ids)
        step = max(1, _CELLS_PER_CHUNK // max(1, len(table.bundle)))
        for start in range(0, customers, step):
            who = np.arange(start, min(start + step, customers), dtype=np.int64)
            worth, size = reduced_worth(self._chunk(who), offers.prices.of_sample(who, 1.0))
            sums.add(worth, size)
            progress("the bound over all customers", (start + len(who)) / customers)
        return sums.bound(offers.prices.constant)[0], sums

    def _mixture(self, table: MenuTable, offers: _Offers) -> npt.NDArray[np.float64]:
        prices = offers.prices.of_sample(self._crowd.who, self._crowd.share)
        worth, _ = reduced_worth(self._template, prices)
        options = self._template.options
        held = {
            (_items(offers.problem, option), int(offers.problem.options.price_cents[option])) for option in offers.menu
        }
        menu = [
            option
            for option in range(len(options.bundle))
            if (_items(self._template, option), int(options.price_cents[option])) in held
        ]
        return answering_mixture(table, worth, np.array(menu, dtype=np.int64), prices.constant)[0]

    def _valued(self, who: Codes) -> Any:
        forecast = self._crowd.week.forecast.of_customers(who)
        return value_candidates(forecast, self._crowd.week.campaign, self._found, self._settings)

    def _chunk(self, who: Codes) -> CampaignProblem:
        """The candidates' offers to the customers `who`."""
        table, values = self._valued(who)
        objective = objective_values(values, self._settings)
        inputs = self._crowd.inputs.of_customers(who)
        return replace(
            self._template,
            customer_ids=self._crowd.week.forecast.customer_ids[who],
            value=inputs.eligibility.masked(objective, table),
            redemption=values.redemption,
            incremental_margin=values.incremental_margin,
            incremental_revenue=values.incremental_revenue,
            units=values.units,
            segment=np.zeros(len(who), dtype=np.int32),
        )


def _items(problem: CampaignProblem, option: int) -> tuple[tuple[int, ...], int]:
    """Items and units of an option."""
    options = problem.options
    return tuple(sorted(int(item) for item in options.items[option] if item >= 0)), int(options.quantities[option])
