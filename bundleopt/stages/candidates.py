"""Candidate bundles and their price points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bundleopt.config import Objective, SameCategory, SolveConfig
from bundleopt.stages import candidate_search
from bundleopt.stages.cache import ArrayCache
from bundleopt.stages.item_choice import BUNDLE_SEPARATOR, ItemChoice
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_models.forecast import DemandForecast
from bundleopt_solvers import price_points
from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings, CategoryRule

# Customers x options that are valued at once: eight arrays of this many numbers fit into 2 GiB.
MOST_CELLS = 60_000_000
# However many customers there are, a menu needs this many bundles to choose from.
LEAST_CANDIDATES = 60
CATEGORY_RULES = {
    SameCategory.ALLOW: CategoryRule.ANY,
    SameCategory.FORBID: CategoryRule.CROSS,
    SameCategory.ONLY: CategoryRule.SAME,
}


@dataclass(frozen=True)
class PricedCandidates:
    """Bundles that have at least one admissible price.

    Attributes:
        bundles: B tuples of item codes. prices: their price points in cents, descending.
        family: what was searched, in words, for the certificate. pairs_screened: how many pairs were looked at.
        removed: filter in words -> how many bundles it left out.
    """

    bundles: tuple[tuple[int, ...], ...]
    prices: tuple[tuple[int, ...], ...]
    family: str
    pairs_screened: int
    removed: dict[str, int] = field(default_factory=dict)

    def sentence(self) -> str:
        """What the filters left out, in words; empty where none is on."""
        if not self.removed:
            return ""
        counts = ", ".join(f"{count:,} {why}" for why, count in self.removed.items())
        return f"Filters left out of the search for bundles: {counts}."


def revenue_weight(settings: SolveConfig) -> float:
    """Weight of incremental revenue in the objective; the rest is margin."""
    if settings.objective is Objective.MIX:
        return 1.0 - settings.mix_margin_weight
    return 1.0 if settings.objective in (Objective.REVENUE, Objective.REVENUE_MARGIN) else 0.0


def price_policy(settings: SolveConfig) -> price_points.PricePolicy:
    """Return how prices may be set."""
    return price_points.PricePolicy(
        min_discount=settings.min_discount,
        max_discount=settings.max_discount,
        price_step=settings.price_step,
        price_ending=settings.price_ending,
        allow_below_cost=settings.below_cost,
    )


def substitute_pairs(forecast: DemandForecast) -> npt.NDArray[np.int32]:
    """(Q, 2) item code pairs of one category that are bought together significantly less than the background."""
    relations = forecast.relations.known()
    same = forecast.category[relations.first] == forecast.category[relations.second]
    apart = same & (relations.gamma < relations.background)
    return np.stack([relations.first[apart], relations.second[apart]], axis=1).astype(np.int32)


def find_priced_candidates(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    choice: ItemChoice,
    settings: SolveConfig,
    *,
    cache: ArrayCache | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> PricedCandidates:
    """Search the candidates and give each its price points; bundles without an admissible price fall out.

    Raises:
        InfeasiblePlanError: a bundle that must be on the menu has no admissible price, or is too small or too large.
    """
    policy = price_policy(settings)
    _refuse_sizes(choice, settings.bundle_size, campaign)
    if not policy.ladder or not choice.allowed.any():
        _refuse_unpriced(choice, set(), campaign)
        return PricedCandidates((), (), "no bundles: the discount band or the stock leaves none", 0)
    low, high = settings.bundle_size
    total = affordable(settings.candidates, customers=len(forecast.customer_ids), steps=len(policy.ladder))
    search = CandidateSettings(
        objective_revenue=revenue_weight(settings),
        min_size=low,
        max_size=high,
        total=total,
        min_support=settings.min_support,
        category_rule=CATEGORY_RULES[settings.same_category],
        allow_below_cost=settings.below_cost,
    )
    inputs = candidate_inputs(forecast, campaign, choice, settings)
    inputs = replace(inputs, outside=_with_displaced(inputs.outside, forecast, campaign, settings))
    found = candidate_search.search(inputs, search, cache=cache, progress=progress)
    family = found.family
    if total < settings.candidates:
        family += f"; {total:,} bundles, not {settings.candidates:,}, for so many customers"
    # The search knows bundles of different items; several units of one that an earlier plan had join them here.
    kept = tuple(bundle for bundle in dict.fromkeys((*choice.locked, *choice.known)) if _is_multi_buy(bundle))
    bundles = (*found.bundles, *kept)
    priced = with_prices(bundles, campaign, settings, family=family, choice=choice, pairs_screened=found.screened)
    _refuse_unpriced(choice, set(priced.bundles), campaign)
    return replace(priced, removed=found.removed)


def affordable(candidates: int, *, customers: int, steps: int) -> int:
    """Return how many of the asked candidates can be valued for so many customers at so many prices each.

    >>> affordable(400, customers=2_500, steps=6), affordable(400, customers=32_000, steps=6)
    (400, 312)
    """
    return min(candidates, max(LEAST_CANDIDATES, MOST_CELLS // max(1, customers * steps)))


def with_prices(
    bundles: Sequence[tuple[int, ...]],
    campaign: CampaignWeek,
    settings: SolveConfig,
    *,
    family: str,
    choice: ItemChoice | None = None,
    pairs_screened: int = 0,
) -> PricedCandidates:
    """Give bundles their price points, and drop those without any; prices of an earlier plan in `choice` are kept."""
    policy = price_policy(settings)
    locked, known = (choice.locked, choice.known) if choice is not None else ({}, {})
    ladders: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for bundle in bundles:
        ladder = () if bundle in locked else _prices(bundle, campaign, policy)
        if choice is not None and choice.limits is not None:
            worth = int(campaign.shelf_price_cents[list(bundle)].sum())
            ladder = tuple(price for price in ladder if choice.limits.allows(bundle, price, worth))
        earlier = locked.get(bundle, known.get(bundle))
        if earlier is not None and _is_possible(bundle, earlier, campaign, policy):
            ladder = tuple(sorted({*ladder, earlier}, reverse=True))
        ladders.append((bundle, ladder))
    kept = [(bundle, ladder) for bundle, ladder in ladders if ladder]
    return PricedCandidates(
        bundles=tuple(bundle for bundle, _ in kept),
        prices=tuple(ladder for _, ladder in kept),
        family=family,
        pairs_screened=pairs_screened,
    )


def candidate_inputs(
    forecast: DemandForecast, campaign: CampaignWeek, choice: ItemChoice, settings: SolveConfig
) -> CandidateInputs:
    """Return what the search reads, in the objective's terms."""
    policy = price_policy(settings)
    ratios = np.array([1.0 - float(discount) for discount in policy.ladder])
    relations = forecast.relations
    return CandidateInputs(
        probability=forecast.probability,
        visit=forecast.visit_probability,
        slope=forecast.slope,
        ratios=ratios,
        price_lift=forecast.price_lift(ratios),
        shelf_price=campaign.shelf_price_cents / 100.0,
        unit_cost=campaign.unit_cost_cents / 100.0,
        tax_rate=campaign.tax_rate,
        funding_share=campaign.funding_share,
        funding_per_unit=None if campaign.funding_per_unit_cents is None else campaign.funding_per_unit_cents / 100.0,
        eligible=choice.allowed,
        category=forecast.category,
        related_first=relations.first,
        related_second=relations.second,
        gamma=relations.gamma,
        background=relations.background,
        pair_shift=forecast.pair_shift().astype(np.float32),
        substitutes=np.zeros((0, 2), np.int32) if settings.allow_twins else substitute_pairs(forecast),
        outside=_pulled_forward(forecast, campaign, settings),
        excluded=frozenset(frozenset(items) for items in choice.banned_bundles if not _is_multi_buy(items)),
        included=tuple(
            bundle
            for bundle in dict.fromkeys(
                (
                    *choice.must_bundles,
                    *choice.locked,
                    *choice.known,
                    *stand_ins(choice, forecast, settings.bundle_size),
                )
            )
            if not _is_multi_buy(bundle)
        ),
        reach=settings.reach,
        salience=settings.salience,
    )


def _pulled_forward(forecast: DemandForecast, campaign: CampaignWeek, settings: SolveConfig) -> npt.NDArray[np.float32]:
    """(U, I) money that an induced unit takes from later weeks: the part of `outside` that needs no relations."""
    share = forecast.pull_forward.share.astype(np.float64)
    share = np.where(np.isnan(share), forecast.pull_forward.assumed_share, share)
    price = campaign.shelf_price_cents / 100.0
    margin = price / (1.0 + campaign.tax_rate) - campaign.unit_cost_cents / 100.0
    weight = revenue_weight(settings)
    lost = -share * (weight * price + (1.0 - weight) * margin)
    return np.repeat(lost.astype(np.float32)[None, :], len(forecast.probability), axis=0)


def _with_displaced(
    outside: npt.NDArray[np.float32] | None, forecast: DemandForecast, campaign: CampaignWeek, settings: SolveConfig
) -> npt.NDArray[np.float32] | None:
    """`outside` less what an induced unit takes from its category: as if none of it were inside the bundle."""
    if forecast.need is None or not bool(forecast.need.any()):
        return outside
    from bundleopt_models.category_need import displaced_money
    from bundleopt_models.option_table import shelf_margin

    weight = revenue_weight(settings)
    money = weight * campaign.shelf_price_cents / 100.0 + (1.0 - weight) * shelf_margin(campaign)
    chance = forecast.probability / np.maximum(forecast.visit_probability, 1e-12)[:, None]
    lost = displaced_money(chance, forecast.category, forecast.need, money)
    return -lost if outside is None else outside - lost


def stand_ins(choice: ItemChoice, forecast: DemandForecast, size: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
    """For each item that must be on the menu, a bundle of an allowed size with the items that it is bought with most.

    The search may find better ones; this one makes sure that there is one. Banned bundles are passed over.
    """
    low, high = size
    others = max(low, 2) - 1 if high > 1 else 0
    found = []
    for item in choice.must_items:
        together = forecast.probability[:, item].astype(np.float64) @ forecast.probability.astype(np.float64)
        together *= np.exp(forecast.relations.log_odds(np.full(len(together), item), np.arange(len(together))))
        together[~choice.allowed] = -1.0
        together[item] = -1.0
        partners = [int(other) for other in np.argsort(-together, kind="stable") if together[other] >= 0]
        # The first partners stay, the last one moves on until no ban is met.
        for last in partners[max(0, others - 1) :] if others else [item]:
            bundle = tuple(sorted({item, *partners[: max(0, others - 1)], last}))
            if bundle not in choice.banned_bundles:
                found.append(bundle)
                break
    return tuple(dict.fromkeys(found))


def _is_multi_buy(bundle: tuple[int, ...]) -> bool:
    """Whether a bundle is several units of one item: its price is above that of all but one of them."""
    return len(bundle) > 1 and len(set(bundle)) == 1


def _prices(bundle: tuple[int, ...], campaign: CampaignWeek, policy: price_points.PricePolicy) -> tuple[int, ...]:
    shelf = [int(price) for price in campaign.shelf_price_cents[list(bundle)]]
    points = price_points.price_points(sum(shelf), shelf, policy)
    if _is_multi_buy(bundle):
        points = tuple(price for price in points if price > sum(shelf[1:]))
    return tuple(price for price in points if policy.allow_below_cost or _earns_its_cost(bundle, price, campaign))


def _is_possible(bundle: tuple[int, ...], cents: int, campaign: CampaignWeek, policy: price_points.PricePolicy) -> bool:
    """Whether an earlier price can stay: off the ladder or the band it may be, below cost or against arbitrage not."""
    shelf = [int(price) for price in campaign.shelf_price_cents[list(bundle)]]
    dearest = sum(shelf[1:]) + 1 if _is_multi_buy(bundle) else max(shelf) if len(shelf) > 1 else 1
    return dearest <= cents < sum(shelf) and (policy.allow_below_cost or _earns_its_cost(bundle, cents, campaign))


def _earns_its_cost(bundle: tuple[int, ...], price_cents: int, campaign: CampaignWeek) -> bool:
    items = list(bundle)
    return price_points.earns_its_cost(
        price_cents,
        campaign.shelf_price_cents[items].tolist(),
        campaign.unit_cost_cents[items].tolist(),
        campaign.tax_rate[items].tolist(),
        (campaign.funding_share[items].tolist(), campaign.unit_funding_cents[items].tolist()),
    )


def _refuse_sizes(choice: ItemChoice, size: tuple[int, int], campaign: CampaignWeek) -> None:
    low, high = size
    for items in choice.must_bundles:
        if not low <= len(items) <= high:
            name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
            raise InfeasiblePlanError(
                [f"include {name}", f"bundle_size {low}:{high}"], detail=f"{name} has {len(items)} items."
            )


def _refuse_unpriced(choice: ItemChoice, priced: set[tuple[int, ...]], campaign: CampaignWeek) -> None:
    for items, cents in choice.locked.items():
        if items not in priced:
            name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
            detail = (
                f"{name} at {cents / 100:.2f} is below its cost or its dearest item, or not below its shelf prices."
            )
            raise InfeasiblePlanError([f"lock {name}", "cost and shelf prices"], detail=detail)
    asked = [*choice.must_bundles, *((item,) for item in choice.must_items)]
    for items in asked:
        if not any(set(items) <= set(bundle) if len(items) == 1 else items == bundle for bundle in priced):
            name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
            raise InfeasiblePlanError(
                [f"include {name}", "discount band, price ending and cost"],
                detail=f"No price of {name} lies inside the band, above its cost and above its dearest item.",
            )
