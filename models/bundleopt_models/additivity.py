"""Are several offers to one customer worth the sum of their values? Enumerated in one law of all their items.

The optimiser adds up offer values. Here each offer alone and all of them together are valued in the same law and over
the same items, so that the difference is what the offers do to each other and nothing else:

* inside an offer's bundle the items follow `joint_law.bundle_law`, the law that valued it;
* items of different offers are independent given a visit, except known complements and substitutes, whose log odds
  ratio in excess of the background joins them. The background itself is left out, as it is in `outside.py`: that some
  weeks' baskets are fuller than others makes no offer a cause of another one's redemption;
* nobody comes for an offer: everything happens given a visit, times P(visit).

Offering a bundle multiplies every subset that contains it by its M. Reach is 1, where offers meet most often; items
outside the offers and later weeks are left out on both sides.

Letters: `F` offers of a customer, `K` items of one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.decomposition import Offers
from bundleopt_models.forecast import DemandForecast, PairRelations
from bundleopt_models.joint_law import bundle_law, conditional_marginals
from bundleopt_models.multi_buy import unit_law
from bundleopt_models.offer_values import OptionTable
from bundleopt_models.option_table import CENTS, shelf_margin
from bundleopt_models.outside import causal_relations
from bundleopt_models.valuation import OptionMoney, option_money

Reals = npt.NDArray[np.float64]

# 2**12 subsets: three offers of four items.
MAX_ITEMS_TOGETHER = 12
FIT_SWEEPS, FIT_TOLERANCE = 1000, 1e-12


@dataclass(frozen=True)
class Additivity:
    """Additive against joint value of the sampled customers' offers, money at reach 1.

    Attributes:
        customers: how many customers with two offers or more were enumerated.
        additive, joint: (2,) revenue and margin, summed over the customers.
    """

    customers: int
    additive: Reals
    joint: Reals

    @property
    def relative_error(self) -> Reals:
        """(2,) (additive - joint) / |joint|; 0 where both are 0."""
        return (self.additive - self.joint) / np.maximum(np.abs(self.joint), 1e-12)


@dataclass(frozen=True)
class HeldOffer:
    """One offer of a customer.

    Attributes:
        items: (K,) item codes. law: (2**K,) P(T | visit) of its subsets, as bit masks; (3,) none, fewer than n and n
            units where the offer is n units of one item.
        shelf: (2, 2**K) revenue and margin of every subset at shelf prices. given: (2,) what a redemption gives away.
        multiplier: M.
    """

    items: npt.NDArray[np.int32]
    law: Reals
    shelf: Reals
    given: Reals
    multiplier: float

    @property
    def has(self) -> npt.NDArray[np.int64]:
        """(len(law), K) 1 where an outcome holds an item."""
        outcomes = np.minimum(np.arange(len(self.law)), (1 << len(self.items)) - 1)
        return np.asarray((outcomes[:, None] >> np.arange(len(self.items))) & 1, dtype=np.int64)


def measure_additivity(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    offers: Offers,
    *,
    salience: float = 1.0,
    sample: int = 200,
) -> Additivity:
    """Enumerate evenly spaced customers who hold two item-disjoint offers or more.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices, costs, funding of the same items.
        table: options.
        offers: the delivered offers.
        salience: as in `value_offers`.
        sample: most customers to enumerate.
    """
    people, count = np.unique(offers.customer, return_counts=True)
    people = people[count >= 2]
    people = people[np.unique(np.linspace(0, len(people) - 1, min(sample, len(people))).astype(np.int64))]
    money = option_money(forecast, campaign, table)
    known = causal_relations(forecast.relations, forecast.category, forecast.need)
    additive, joint, seen = np.zeros(2), np.zeros(2), 0
    for customer in people:
        options = offers.option[offers.customer == customer]
        if int((table.items[options] >= 0).sum()) > MAX_ITEMS_TOGETHER:
            continue
        held = [held_offer(forecast, campaign, table, money, (int(customer), int(o), salience)) for o in options]
        alone, together = values_together(held, float(forecast.visit_probability[customer]), known)
        additive += alone.sum(axis=0)
        joint += together
        seen += 1
    return Additivity(seen, additive, joint)


def held_offer(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    money: OptionMoney,
    held: tuple[int, int, float],
) -> HeldOffer:
    """Collect what is known of one offer; `held` is the customer, the option and the salience."""
    customer, option, salience = held
    items = table.items[option][table.items[option] >= 0]
    pairs = np.array(list(combinations(range(len(items)), 2)), dtype=np.int64).reshape(-1, 2)
    gammas = forecast.relations.log_odds(items[pairs[:, 0]], items[pairs[:, 1]])
    gammas = gammas + forecast.pair_shift(np.array([customer]))
    chance = torch.as_tensor(forecast.probability[customer, items].astype(np.float64))
    visit = torch.as_tensor(float(forecast.visit_probability[customer]), dtype=torch.float64)
    law = bundle_law(conditional_marginals(chance, visit)[:, None], torch.as_tensor(gammas)[:, None])[:, 0].numpy()
    has = (np.arange(len(law))[:, None] >> np.arange(len(items))) & 1
    unit = np.stack([campaign.shelf_price_cents / CENTS, shelf_margin(campaign)])[:, items]
    raised = forecast.slope[customer, items].astype(np.float64) @ money.log_lift[option, : len(items)]
    held_units = has.astype(np.float64)
    if table.quantities[option] > 1:
        law, held_units = _unit_outcomes(law, forecast.units[items], int(table.quantities[option]))
    return HeldOffer(items, law, unit @ held_units.T, money.given[:, option], salience * math.exp(raised))


def _unit_outcomes(law: Reals, kappa: npt.NDArray[np.float32], quantity: int) -> tuple[Reals, Reals]:
    """(3,) chances of none, 1 to n - 1 and n units of an item given a visit, and (3, 1) units in them on average."""
    units = unit_law(torch.as_tensor(kappa.astype(np.float64)), np.array([quantity]))
    full, held = float(units.at_least), float(units.held)
    fewer = (held - quantity * full) / (1.0 - full) if full < 1.0 else 0.0
    chances = np.array([law[0], law[1] * (1.0 - full), law[1] * full])
    return chances, np.array([[0.0], [fewer], [float(quantity)]])


def values_together(held: Sequence[HeldOffer], visit: float, known: PairRelations) -> tuple[Reals, Reals]:
    """(F, 2) incremental revenue and margin of each offer alone, and (2,) of all of them, over the items of all.

    Args:
        held: item-disjoint offers of one customer.
        visit: P(visit).
        known: complements and substitutes.
    """
    law = law_of_all(held, known)
    before = _money(held, law, ())
    alone = [_money(held, law, (place,)) - before for place in range(len(held))]
    return np.stack(alone) * visit, (_money(held, law, range(len(held))) - before) * visit


def law_of_all(held: Sequence[HeldOffer], known: PairRelations) -> Reals:
    """P(T_1, .., T_F | visit), axis f over the subsets of offer f; its margins are the offers' own laws.

    Iterative proportional fitting of those margins, from the terms of known pairs across offers.
    """
    law: Reals = np.ones([len(offer.law) for offer in held])
    for place, other in combinations(range(len(held)), 2):
        across = _across(held[place], held[other], known)
        shape = [len(offer.law) if number in (place, other) else 1 for number, offer in enumerate(held)]
        law = law * across.reshape(shape)
    for _ in range(FIT_SWEEPS):
        moved = 0.0
        for place, offer in enumerate(held):
            factor = offer.law / np.maximum(_margin(law, place), 1e-300)
            moved = max(moved, float(np.abs(factor - 1.0).max()))
            law = law * factor.reshape([-1 if number == place else 1 for number in range(len(held))])
        if moved < FIT_TOLERANCE:
            break
    return law


def _across(one: HeldOffer, other: HeldOffer, known: PairRelations) -> Reals:
    """(2**K, 2**K') exp(sum of gamma less background over known pairs with an item in each subset)."""
    excess = known.log_odds(one.items[:, None], other.items[None, :]) - known.background
    terms: Reals = np.exp(one.has @ excess @ other.has.T)
    return terms


def _margin(law: Reals, place: int) -> Reals:
    margin: Reals = law.sum(axis=tuple(number for number in range(law.ndim) if number != place))
    return margin


def _money(held: Sequence[HeldOffer], law: Reals, offered: Sequence[int]) -> Reals:
    """(2,) expected revenue and margin of the items of all offers when those in `offered` are made, given a visit."""
    for place in offered:
        factor = np.ones(len(held[place].law))
        factor[-1] = held[place].multiplier
        law = law * factor.reshape([-1 if number == place else 1 for number in range(len(held))])
    law = law / law.sum()
    total = np.zeros(2)
    for place, offer in enumerate(held):
        margin = _margin(law, place)
        total += offer.shelf @ margin
        if place in offered:
            total -= offer.given * margin[-1]
    return total
