"""Candidates by pricing: a bound for all pairs of the catalogue, and the pairs that could still make a better plan.

After the engine every pair of allowed items is judged at the prices of its bound (solvers/CANDIDATES.md): two proven
screens, then the values of offers themselves at the pair's own price points. What can't be valued in time counts with
its screened bound. Pairs that score above the last bundle of the menu become candidates, and the campaign is solved
again from the plan at hand, as long as time is left.

Letters: `U` customers, `I` items, `O` options, `G` intervals of price ratios.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt.config import Objective, SolveConfig
from bundleopt.prepared import Prepared
from bundleopt.session import Progress
from bundleopt.stages import candidates, optimise
from bundleopt.stages.candidates import PricedCandidates
from bundleopt.stages.item_choice import ItemChoice
from bundleopt.stages.pair_halo import outside_gain
from bundleopt.stages.problem import build_problem, objective_values
from bundleopt.stages.valuation import value_candidates
from bundleopt.stages.week import PlannedWeek
from bundleopt_models.offer_values import OfferValues, OptionTable
from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings
from bundleopt_solvers.pair_family import FamilyBound, Pairs, bound_family
from bundleopt_solvers.pair_prices import EntryPrices, entry_prices
from bundleopt_solvers.pair_screen import MOST_PAIRS, RatioIntervals, ScreenedPairs, screen_scores
from bundleopt_solvers.plan import CampaignPlan, Certificate, StopReason
from bundleopt_solvers.price_points import price_endings

Floats64 = npt.NDArray[np.float64]
# Certificates of a plan by this name speak of candidates and pairs together.
PAIRS = "pairs"
# Steps of the ladder that share a screening interval: each costs two products of the whole catalogue.
_INTERVALS = 2
# Pairs that become candidates in a round; valuing them and solving again stays cheap.
MOST_NEW = 200
_PAIRS_PER_CHUNK = 128
# Share of a round's time that must be left to begin another one.
_LEAST_OF_A_ROUND = 0.6
# A limit counts as exceeded by so much of it, as in the engine.
_NEARLY = 1e-6
# float64 sums over customers; so much of their absolute terms is granted to rounding.
_ROUNDING = 1e-11


def refusal(prepared: Prepared, plan: CampaignPlan, settings: SolveConfig) -> str | None:
    """Say why no bound for pairs can be proven here; None where one can."""
    rules = prepared.built.problem.rules
    low, high = settings.bundle_size
    reasons = {
        "there are too many customers to plan at once": prepared.crowd is not None,
        "there is no candidate bundle": plan.prices is None and rules.risk is None and rules.budget_confidence is None,
        "pairs are no bundles of the allowed size": not low <= 2 <= high,
        "public redemption": prepared.built.problem.shelf,
        "risk and budget confidence judge draws of demand": rules.risk is not None
        or rules.budget_confidence is not None,
        "two objectives": settings.objective in (Objective.REVENUE_MARGIN, Objective.MARGIN_REVENUE),
        "bundles that must be on the menu": bool(rules.include)
        or bool(rules.lock)
        or any((count.least or 0) > 0 for count in rules.menu_counts),
        "the solve was interrupted": plan.reason is StopReason.INTERRUPTED,
    }
    return next((why for why, holds in reasons.items() if holds), None)


def certify_pairs(
    prepared: Prepared, plan: CampaignPlan, settings: SolveConfig, progress: Progress
) -> tuple[Prepared, CampaignPlan]:
    """Bound all plans over candidates and pairs; take up pairs that can improve the plan, and solve again.

    Returns:
        The problem and the plan, with the last round's candidates; the certificate `pairs` speaks of the whole family.
    """
    why = refusal(prepared, plan, settings)
    if why is not None:
        return prepared, replace(plan, incidents=(*plan.incidents, f"not certified for pairs: {why}"))
    left, best = settings.certify_pairs or 0.0, None
    for rounds in range(settings.pair_rounds + 1):
        start = time.monotonic()
        found, screened = PairSearch(prepared, plan, settings).bound(left, progress)
        took = time.monotonic() - start
        left -= took
        # Every round's bound speaks of all plans of the same family, so the least one holds.
        if best is None or found.bound < best[0].bound:
            best = (found, screened)
        is_proven = best[0].bound <= plan.headline.value + settings.gap * abs(best[0].bound)
        wider = None if is_proven or rounds == settings.pair_rounds else with_pairs(prepared, found.pairs, settings)
        if wider is None:
            break
        prepared = wider
        family = prepared.built.family(prepared.found.family)
        plan = optimise.optimise(prepared.built.problem, settings, family, progress, plan)
        # A round that could only screen would prove little.
        if left < _LEAST_OF_A_ROUND * took or plan.reason is StopReason.INTERRUPTED:
            break
    return prepared, _certified(plan, best)


def _certified(plan: CampaignPlan, best: tuple[FamilyBound, ScreenedPairs] | None) -> CampaignPlan:
    if best is None:
        return plan
    found, screened = best
    left = f", {found.left:,} left with a screened bound for lack of time" if found.left else ""
    family = (
        f"every menu of the candidates and of those of {screened.screened:,} pairs of items that the filters allow, "
        f"at the prices of the ladder, with every compatible set of 0/1 offers; {len(screened.pairs):,} pairs looked "
        f"at customer by customer, {found.valued:,} of them valued{left}"
    )
    certificate = Certificate(plan.headline.value, max(found.bound, plan.headline.value), family)
    return replace(plan, certificates=plan.certificates | {PAIRS: certificate})


@dataclass(frozen=True)
class PairSearch:
    """One round at the prices of one plan."""

    prepared: Prepared
    plan: CampaignPlan
    settings: SolveConfig

    def bound(self, seconds: float, progress: Progress) -> tuple[FamilyBound, ScreenedPairs]:
        """The bound for candidates and pairs, and what was screened; `seconds` end the valuing of single pairs."""
        start = time.monotonic()
        entry, screened, outside = self.screened(progress)
        listed = (screened.pairs[outside], screened.bound[outside], screened.rest)
        scorer = OfferScorer(self.prepared, entry, self.settings)
        left = seconds - (time.monotonic() - start)
        found = bound_family(
            scorer,
            listed,
            entry.restricted,
            seconds=left,
            progress=lambda share: progress("valuing pairs at the plan's prices", share),
        )
        return found, screened

    def best(self, *, looked_at: int, valued: int, progress: Progress) -> Pairs:
        """(n, 2) pairs outside that score above the last bundle of the menu, best first; no bound is proven.

        Args:
            looked_at: pairs of the largest first bounds that are bounded customer by customer.
            valued: of those, how many are valued.
            progress: told the share of the screening.
        """
        entry, screened, outside = self.screened(progress, most=looked_at)
        pairs, bound = screened.pairs[outside], screened.bound[outside]
        first = np.argsort(-bound, kind="stable")[:valued]
        score = OfferScorer(self.prepared, entry, self.settings).scores(pairs[first])
        order = np.argsort(-score, kind="stable")
        return np.asarray(pairs[first][order[score[order] > entry.restricted.threshold]])

    def screened(
        self, progress: Progress, *, most: int = MOST_PAIRS
    ) -> tuple[EntryPrices, ScreenedPairs, npt.NDArray[np.bool_]]:
        """What pairs have to earn, those that may earn it, and which of them are no candidates."""
        entry = entry_prices(self.prepared.built.problem, self.plan, twins=self.settings.allow_twins)
        if entry is None:
            raise ValueError("a plan without prices has no bound for pairs")
        inputs, how = self.inputs()
        screened = screen_scores(
            inputs,
            how,
            self.ratios(),
            (entry.prices, entry.restricted.threshold),
            most=most,
            progress=lambda share: progress("screening pairs at the plan's prices", share),
        )
        known = {bundle for bundle in self.prepared.found.bundles if len(bundle) == 2}
        outside = np.array([tuple(pair) not in known for pair in screened.pairs.tolist()], dtype=bool)
        return entry, screened, outside

    def inputs(self) -> tuple[CandidateInputs, CandidateSettings]:
        """What the screens read: the search's own inputs, with all that an offer may bring outside its bundle."""
        week, settings = self.prepared.week, self.settings
        inputs = candidates.candidate_inputs(week.forecast, week.campaign, self.prepared.choice, settings)
        weight = candidates.revenue_weight(settings)
        how = CandidateSettings(
            objective_revenue=weight,
            max_size=2,
            category_rule=candidates.CATEGORY_RULES[settings.same_category],
            allow_below_cost=settings.below_cost,
        )
        halo = outside_gain(week.forecast, week.campaign, weight)
        return replace(inputs, outside=halo if inputs.outside is None else halo + inputs.outside), how

    def ratios(self) -> RatioIntervals:
        """The ratios that price points can have: ladder steps, moved to a cent or to an ending inside the band."""
        forecast, policy = self.prepared.week.forecast, candidates.price_policy(self.settings)
        ladder = np.sort([1.0 - float(discount) for discount in policy.ladder])
        parts = np.array_split(ladder, min(_INTERVALS, len(ladder)))
        shelf = self.prepared.week.campaign.shelf_price_cents / 100.0
        # An ending lies less than its modulus beside a step, and the band is rounded to cents.
        slack = (max(modulus for _, modulus in price_endings(policy.price_ending)) + 1) / 100.0
        moved = slack / (shelf + shelf.min())
        low = np.stack([np.maximum(part[0] - moved, 1.0 - policy.max_discount) for part in parts], 1)
        high = np.stack([np.minimum(part[-1] + moved, 1.0 - policy.min_discount) for part in parts], 1)
        lift = np.maximum(forecast.item_lift(np.arange(len(shelf), dtype=np.int32)[:, None], low), 0.0)
        return RatioIntervals(low, high, lift, slack, np.array([part[-1] for part in parts]))


class OfferScorer:
    """Scores of pairs by the valuation of offers, at the pair's own price points: what the engine would see of them."""

    def __init__(self, prepared: Prepared, entry: EntryPrices, settings: SolveConfig) -> None:
        self._prepared, self._entry, self._settings = prepared, entry, settings

    def scores(self, pairs: Pairs) -> Floats64:
        """(n,) money at the best price point; -inf for a pair that has none."""
        parts = [self._chunk(pairs[at : at + _PAIRS_PER_CHUNK]) for at in range(0, len(pairs), _PAIRS_PER_CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _chunk(self, pairs: Pairs) -> Floats64:
        prepared, settings, entry = self._prepared, self._settings, self._entry
        week = prepared.week
        bundles = [(int(one), int(other)) for one, other in pairs]
        priced = candidates.with_prices(bundles, week.campaign, settings, family="", choice=prepared.choice)
        best = np.full(len(pairs), -np.inf)
        if not priced.bundles:
            return best
        table, values = value_candidates(week.forecast, week.campaign, priced, settings)
        objective = prepared.inputs.eligibility.masked(objective_values(values, settings), table)
        net = objective.astype(np.float64)
        net[self._too_much(table, values)] = 0.0
        size = np.abs(net).sum(0)
        net -= entry.prices.budget * table.unit_spend * values.redemption
        for place in range(2):
            item = table.items[:, place]
            net -= entry.stock[item] * values.units[:, :, place]
            net -= entry.prices.toll[item].T
        net -= entry.prices.slot[:, None]
        score = np.maximum(net, 0.0).sum(0) + _ROUNDING * size - entry.prices.fixed_cost
        place_of: dict[tuple[int, ...], int] = {bundle: place for place, bundle in enumerate(bundles)}
        owner = np.array([place_of[bundle] for bundle in priced.bundles], dtype=np.int64)[table.bundle]
        np.maximum.at(best, owner, score)
        return best

    def _too_much(self, table: OptionTable, values: OfferValues) -> npt.NDArray[np.bool_]:
        """(U, O) offers that alone exceed the budget or the stock: no plan makes them."""
        rules = self._prepared.built.problem.rules
        limit = np.inf if rules.budget is None else rules.budget
        over = np.asarray(values.redemption * table.unit_spend > limit * (1 + _NEARLY))
        if rules.stock_slack is not None:
            for place in range(2):
                over |= values.units[:, :, place] > rules.stock_slack[table.items[:, place]] * (1 + _NEARLY)
        return over


def with_pairs(prepared: Prepared, pairs: Pairs, settings: SolveConfig) -> Prepared | None:
    """Append the best pairs outside to the candidates, options at hand keep their place; None where there is none."""
    week = prepared.week
    wider = joined(prepared.found, pairs[:MOST_NEW], week, prepared.choice, settings)
    if wider is None:
        return None
    table, values = value_candidates(week.forecast, week.campaign, wider, settings)
    built = build_problem((table, values), week, prepared.choice, settings, prepared.inputs)
    return replace(prepared, found=wider, table=table, values=values, built=built)


def joined(
    found: PricedCandidates, pairs: Pairs, week: PlannedWeek, choice: ItemChoice, settings: SolveConfig
) -> PricedCandidates | None:
    """The candidates and the pairs (n, 2) that have a price; None where none has."""
    bundles = [(int(one), int(other)) for one, other in pairs]
    more = candidates.with_prices(bundles, week.campaign, settings, family="", choice=choice)
    if not more.bundles:
        return None
    return replace(
        found,
        bundles=found.bundles + more.bundles,
        prices=found.prices + more.prices,
        family=f"{found.family}; {len(more.bundles):,} more pairs by the prices of a plan",
    )
