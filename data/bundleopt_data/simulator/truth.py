"""What every mechanism answers: baskets of a week, and expected sales under any prices.

Letters: `U` customers, `I` items, `F` offers, `K` items of a bundle, `M` price moves, `P` planted pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.catalogue import Catalogue
from bundleopt_data.simulator.knobs import MarketKnobs
from bundleopt_data.simulator.offers import OfferList
from bundleopt_data.simulator.shelf import ShelfWeek

Values = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Wants:
    """What everybody wants in one week, before stock is looked at.

    Attributes:
        units: (U, I) int64 with the offers that are redeemed; at least one of each item of a redeemed bundle.
        plain: (U, I) int64 in the same week without any offer.
        redeemed: (F,) bool. arrival: (U,) when in the week the customer comes, in [0, 1).
    """

    units: npt.NDArray[np.int64]
    plain: npt.NDArray[np.int64]
    redeemed: npt.NDArray[np.bool_]
    arrival: Values


@dataclass(frozen=True)
class PlantedRelations:
    """Pairs whose items were made to depend on each other: first, second (P,) item codes, effect (P,) log odds."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    effect: Values


class Truth(Protocol):
    """A mechanism with its parameters, standing before one week."""

    @property
    def planted(self) -> PlantedRelations:
        """The planted pairs."""

    def wants(self, shelf: ShelfWeek, draws: tuple[int, ...], offers: OfferList) -> Wants:
        """Draw one week. The same `draws` give the same chances of everything, whatever prices and offers are."""

    def expected_units(self, shelf: ShelfWeek) -> Values:
        """(I,) expected units of the week at the shelf's prices, stock and offers aside."""

    def own_price_units(self, shelf: ShelfWeek, moves: Values) -> Values:
        """(M, I) expected units of each item when its own price alone is multiplied by 1 + move."""

    def after(self, units: npt.NDArray[np.int64]) -> Truth:
        """The mechanism a week later, when (U, I) units have been bought."""

    def arrays(self) -> Arrays:
        """Every parameter and state, by name."""


@dataclass(frozen=True)
class Blueprint:
    """What both mechanisms are made from: sizes, items, and the planted pairs."""

    knobs: MarketKnobs
    catalogue: Catalogue
    planted: PlantedRelations


def plant(knobs: MarketKnobs, catalogue: Catalogue, draw: np.random.Generator) -> PlantedRelations:
    """Choose the pairs: complements across categories, substitutes inside one; every third complement shares an item.

    No chain of pairs holds more than three items, so that laws over chains can be enumerated.
    """
    free = [int(item) for item in draw.permutation(catalogue.n_items)]
    pairs: list[tuple[int, int, float]] = []
    while len(pairs) < knobs.complements and free:
        first = free.pop(0)
        others = [item for item in free if catalogue.category[item] != catalogue.category[first]]
        wanted = min(1 + (len(pairs) % 3 == 0), len(others), knobs.complements - len(pairs))
        pairs += [(first, other, knobs.relation) for other in others[:wanted]]
        free = [item for item in free if item not in others[:wanted]]
    complements = len(pairs)
    for first in list(free):
        mates = [item for item in free if item != first and catalogue.category[item] == catalogue.category[first]]
        if first in free and mates and len(pairs) - complements < knobs.substitutes:
            pairs.append((first, mates[0], -knobs.relation))
            free = [item for item in free if item not in {first, mates[0]}]
    table = np.array([(min(a, b), max(a, b), effect) for a, b, effect in pairs]).reshape(-1, 3)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return PlantedRelations(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2])


def chance(log_odds: npt.ArrayLike) -> Values:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(log_odds, dtype=np.float64))), dtype=np.float64)


def extra_units(share: Values, uniform: Values) -> npt.NDArray[np.int64]:
    """Units of one purchase: 1, a second with chance `share`, a third with its square; the mean is `mean_units`."""
    return (1 + (uniform < share).astype(np.int64) + (uniform < share**2)).astype(np.int64)


def mean_units(share: Values) -> Values:
    """Expected `extra_units`."""
    return 1.0 + share + share**2
