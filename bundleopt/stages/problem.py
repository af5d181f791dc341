"""The campaign problem: options, values and rules as the engine takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt.config import Redemption, SolveConfig
from bundleopt.experiment.held_out import without_held_out
from bundleopt.stages import candidates, menu_counts, multi_buy
from bundleopt.stages.draws import offer_draws
from bundleopt.stages.item_choice import ItemChoice
from bundleopt.stages.public import ITEM_OVERLAP
from bundleopt.stages.rule_inputs import RuleInputs
from bundleopt.stages.week import PlannedWeek
from bundleopt_data import digests
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.offer_values import OfferValues, OptionTable
from bundleopt_solvers.plan import RuleReport
from bundleopt_solvers.problem import CampaignProblem, Options, Risk, Rules


@dataclass(frozen=True)
class BuiltProblem:
    """The problem, and the bundles that must be on the menu.

    Attributes:
        problem: see CampaignProblem. forced: bundle index -> why it must be on the menu, in words.
    """

    problem: CampaignProblem
    forced: dict[int, str]

    def family(self, candidates: str) -> str:
        """Return what the bound speaks of, in words: the candidates, and the bundles that every plan has to hold."""
        if not self.forced:
            return candidates
        held = ", ".join(
            f"{self.problem.options.bundle_ids[bundle]} ({why})" for bundle, why in sorted(self.forced.items())
        )
        return f"{candidates}; only plans whose menu holds {held}"


def build_problem(
    valued: tuple[OptionTable, OfferValues],
    week: PlannedWeek,
    choice: ItemChoice,
    settings: SolveConfig,
    inputs: RuleInputs | None = None,
) -> BuiltProblem:
    """Assemble the problem.

    Args:
        valued: options and their values.
        week: prices, demand and stock of the campaign week.
        choice: which items may and must be bundled.
        settings: objective and rules.
        inputs: attributes and an earlier plan; without them the rules that need them are left off.

    Raises:
        UsageError: a category with a margin floor, or a value of a cap or floor, is unknown.
    """
    table, values = valued
    campaign, forecast = week.campaign, week.forecast
    objective = eligible_objective(valued, settings, inputs)
    forced = forced_bundles(table, choice)
    options = campaign_options(table, campaign)
    rules = campaign_rules(week, settings, include=tuple(sorted(forced)))
    if inputs is not None:
        rules = with_menu_rules(rules, options, choice, inputs, settings)
    problem = CampaignProblem(
        customer_ids=forecast.customer_ids,
        options=options,
        value=objective,
        redemption=values.redemption,
        incremental_margin=values.incremental_margin,
        units=values.units,
        segment=_segments(objective, table, week, settings),
        rules=rules,
        draws=offer_draws(week, table, settings) if needs_draws(settings) else None,
        incremental_revenue=None if settings.min_incremental_revenue is None else values.incremental_revenue,
        shelf=settings.redemption is Redemption.PUBLIC,
    )
    return BuiltProblem(without_held_out(problem, inputs.holdout if inputs is not None else None), forced)


def _segments(
    objective: npt.NDArray[np.float32], table: OptionTable, week: PlannedWeek, settings: SolveConfig
) -> npt.NDArray[np.int32]:
    if settings.redemption is Redemption.PUBLIC:
        return np.zeros(len(objective), dtype=np.int32)  # no segment model is made of a public campaign
    return segments(objective, table, settings) if week.groups is None else week.groups.segment


def item_overlap(settings: SolveConfig) -> int | None:
    """Most bundles with one item: one in public redemption, or fewer where asked."""
    if settings.redemption is not Redemption.PUBLIC:
        return settings.item_overlap
    return ITEM_OVERLAP if settings.item_overlap is None else min(settings.item_overlap, ITEM_OVERLAP)


def needs_draws(settings: SolveConfig) -> bool:
    """Whether a rule asks for draws of demand."""
    return settings.risk is not None or (settings.budget_confidence is not None and settings.budget is not None)


def objective_values(values: OfferValues, settings: SolveConfig) -> npt.NDArray[np.float32]:
    """(U, O) the objective per offer, money."""
    weight = candidates.revenue_weight(settings)
    if weight in (0.0, 1.0):
        return values.incremental_revenue if weight == 1.0 else values.incremental_margin
    mixed = weight * values.incremental_revenue + (1.0 - weight) * values.incremental_margin
    return mixed.astype(np.float32)


def eligible_objective(
    valued: tuple[OptionTable, OfferValues], settings: SolveConfig, inputs: RuleInputs | None
) -> npt.NDArray[np.float32]:
    """(U, O) the objective, forbidden offers at a loss; the control group as if it were none."""
    table, values = valued
    objective = objective_values(values, settings)
    return objective if inputs is None else inputs.eligibility.masked(objective, table)


def campaign_options(table: OptionTable, campaign: CampaignWeek) -> Options:
    """Return the options with ids; a bundle's id depends on its items alone, so it is the same in every run."""
    item_ids = campaign.item_ids
    firsts = np.flatnonzero(np.diff(table.bundle, prepend=-1))
    bundles = multi_buy.bundles_of(table)
    bundle_ids = [bundle_id([str(item_ids[i]) for i in bundles[o]]) for o in firsts]
    return Options(
        bundle_ids=np.array(bundle_ids, dtype=object),
        item_ids=item_ids,
        items=table.items,
        bundle=table.bundle,
        price_cents=table.price_cents,
        list_value_cents=table.list_value_cents,
        unit_spend=table.unit_spend,
        unit_margin=table.unit_margin,
        quantity=table.quantity,
    )


def bundle_id(item_ids: list[str]) -> str:
    """Return the id of a bundle: `B` and the first ten digits of a hash of its item ids, order left aside.

    An item that is sold several times is named as often.
    """
    return f"B{digests.sha256_of_parts(sorted(item_ids))[:10]}"


def campaign_rules(week: PlannedWeek, settings: SolveConfig, *, include: tuple[int, ...] = ()) -> Rules:
    """Return the rules of the settings over the items of the week."""
    campaign, forecast, stock = week.campaign, week.forecast, week.stock
    return Rules(
        budget=settings.budget,
        min_margin=settings.min_margin,
        min_incremental_margin=settings.min_incremental_margin,
        min_incremental_revenue=settings.min_incremental_revenue,
        risk=None if settings.risk is None else Risk(settings.risk, settings.risk_weight),
        budget_confidence=None if settings.budget is None else settings.budget_confidence,
        max_bundles=settings.max_bundles,
        slots=settings.slots,
        category_min_margin=_category_margins(campaign, forecast, settings),
        category_cap=settings.category_cap,
        item_overlap=item_overlap(settings),
        include=include,
        item_category=forecast.category.astype(np.int32),
        stock_slack=stock.slack if np.isfinite(stock.slack).any() else None,
        substitutes=candidates.substitute_pairs(forecast),
        fixed_cost_per_bundle=settings.fixed_cost_per_bundle,
        contact_cost=settings.contact_cost,
        shelf_price_cents=campaign.shelf_price_cents,
        no_arbitrage=True,
        stores=None if week.stores is None else week.stores.rules(),
    )


def with_menu_rules(
    rules: Rules, options: Options, choice: ItemChoice, inputs: RuleInputs, settings: SolveConfig
) -> Rules:
    """Return the rules with those that count bundles and offers."""
    return replace(
        rules,
        menu_counts=menu_counts.menu_counts(options, choice, inputs, settings),
        lock=menu_counts.locked_options(options, inputs),
        min_exposure=settings.min_exposure,
        max_exposure=settings.max_exposure,
        parity=menu_counts.parities(inputs, settings),
    )


def forced_bundles(table: OptionTable, choice: ItemChoice) -> dict[int, str]:
    """Return the bundles that must be on the menu because they were asked for by name."""
    firsts = np.flatnonzero(np.diff(table.bundle, prepend=-1))
    sets = [bundle for o, bundle in enumerate(multi_buy.bundles_of(table)) if o in set(firsts.tolist())]
    return {sets.index(items): "asked for by name" for items in choice.must_bundles}


def segments(objective: npt.NDArray[np.float32], table: OptionTable, settings: SolveConfig) -> npt.NDArray[np.int32]:
    """(U,) segment codes where no groups are known: customers whom the same bundles are worth much to."""
    from bundleopt_solvers.segments import segment_customers, value_features

    if not len(table.bundle):
        return np.zeros(len(objective), dtype=np.int32)
    features = value_features(objective, table.bundle, seed=settings.seed)
    return segment_customers(features, settings.segments, seed=settings.seed)


def _category_margins(campaign: CampaignWeek, forecast: DemandForecast, settings: SolveConfig) -> dict[int, float]:
    floors: dict[int, float] = {}
    for name, share in settings.category_min_margin.items():
        codes = np.unique(forecast.category[campaign.category == name])
        if not len(codes):
            raise UsageError(f"[solve.category_min_margin] {name!r}: no modelled item is in this category")
        floors |= {int(code): share for code in codes}
    return floors


def named_rules(rules: tuple[RuleReport, ...], week: PlannedWeek) -> tuple[RuleReport, ...]:
    """Give margin floors of categories the category's name in place of its code."""
    names = {f"min_margin:{code}": week.campaign.category[k] for k, code in enumerate(week.forecast.category.tolist())}
    return tuple(replace(rule, name=f"min_margin:{names[rule.name]}") if rule.name in names else rule for rule in rules)
