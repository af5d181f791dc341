"""Bundle pricing from willingness to pay: the second form of demand, beside purchase probabilities.

Letters: `S` segments, `B` bundles, `I` items. Money is integer cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.plan import Certificate

Cents = npt.NDArray[np.int64]


class Offering(Enum):
    """Which bundles may be sold."""

    COMPONENTS = "components"  # items one by one; a bundle costs the sum of its items
    PURE = "pure"  # only the bundle of everything
    MIXED = "mixed"  # every bundle at a price of its own


@dataclass(frozen=True, eq=False)
class WillingnessProblem:
    """Choose prices that maximise profit when each segment buys the one bundle with the largest surplus, or nothing.

    Surplus is willingness less price; nothing has surplus 0; between equal surpluses the seller's favourite is bought
    (it could be made the only best one at a cost as small as one likes). No bundle costs more than bundles that make
    it up together, so that nobody gains by buying several (Hanson & Martin 1990, doi:10.1287/mnsc.36.2.155).

    Attributes:
        segment_ids: (S,) texts. item_ids: (I,) texts.
        bundles: B distinct, non-empty tuples of ascending item codes.
        size: (S,) customers of each segment. willingness: (S, B) >= 0 and cost: (B,) >= 0, cents.

    Raises:
        ValueError: shapes disagree, bundles repeat, or a number is negative.
    """

    segment_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]
    bundles: tuple[tuple[int, ...], ...]
    size: npt.NDArray[np.float64]
    willingness: Cents
    cost: Cents

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        shape = (len(self.segment_ids), len(self.bundles))
        if self.willingness.shape != shape or self.size.shape != shape[:1] or self.cost.shape != shape[1:]:
            raise ValueError(f"willingness, size and cost do not fit {shape[0]} segments x {shape[1]} bundles")
        if len(set(self.bundles)) != len(self.bundles) or not all(self.bundles):
            raise ValueError("bundles must be distinct and not empty")
        if any(
            sorted(set(one)) != list(one) or not 0 <= one[0] <= one[-1] < len(self.item_ids) for one in self.bundles
        ):
            raise ValueError("a bundle is a tuple of ascending item codes")
        if (
            (self.willingness < 0).any()
            or (self.cost < 0).any()
            or not (np.isfinite(self.size) & (self.size >= 0)).all()
        ):
            raise ValueError("willingness, cost and size must be >= 0")

    @property
    def dearest(self) -> Cents:
        """(B,) a price above which nobody buys: the largest willingness."""
        return np.asarray(self.willingness.max(axis=0, initial=0))

    @property
    def ceiling(self) -> Cents:
        """(B,) a price that no bundle needs to exceed: the largest willingness for any bundle that holds it.

        A part may have to cost more than anybody pays for it, so that a whole that people love is not had for less.
        """
        sets = [frozenset(one) for one in self.bundles]
        above = [[self.dearest[b] for b, other in enumerate(sets) if one <= other] for one in sets]
        return np.array([max(one) for one in above], np.int64)

    @property
    def whole(self) -> int:
        """Index of the bundle of all items that any bundle holds, -1 where it is not among the bundles."""
        every = tuple(sorted({item for one in self.bundles for item in one}))
        return self.bundles.index(every) if every in self.bundles else -1


@dataclass(frozen=True, eq=False)
class MenuPrices:
    """Prices with what they earn.

    Attributes:
        offering: which bundles may be sold. price: (B,) cents, -1 where the bundle is not offered.
        bought: (S,) bundle of each segment, -1 for nothing. surplus: (S,) cents.
        headline: profit and the proven bound, money. optimal: whether the asked gap is proven.
        solver, seconds, incidents: how the solve went.
    """

    offering: Offering
    price: Cents
    bought: npt.NDArray[np.int64]
    surplus: Cents
    headline: Certificate
    optimal: bool
    solver: str
    seconds: float
    incidents: tuple[str, ...] = ()
