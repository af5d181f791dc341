"""A simulated market: its items, its shelves, its log and its truth.

market = simulate_market("agent", MarketKnobs(), seed=0)
market.write(Path("market"))                       # the data contract's tables, and the truth beside them
played = open_market(Path("market")).play(Path("runs/0001/offers.parquet"))
print(played.incremental_revenue.mean())
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator import storage
from bundleopt_data.simulator.agents import draw_agent_truth
from bundleopt_data.simulator.catalogue import Catalogue, draw_catalogue
from bundleopt_data.simulator.equation import draw_equation_truth
from bundleopt_data.simulator.history import PurchaseLog, live_through, monday_of_week
from bundleopt_data.simulator.knobs import MarketKind, MarketKnobs
from bundleopt_data.simulator.offers import OfferList, no_offers, read_offers
from bundleopt_data.simulator.play import PlayedCampaign, summarise
from bundleopt_data.simulator.shelf import ShelfPlan, draw_shelf
from bundleopt_data.simulator.till import WeekSales, settle
from bundleopt_data.simulator.truth import Blueprint, Truth, Values, plant

PLAY_DRAWS = 50
"""Weeks that a campaign is played by default: differences on common random numbers need few."""

_MAKERS: dict[MarketKind, Callable[[Blueprint, np.random.Generator], Truth]] = {
    MarketKind.EQUATION: draw_equation_truth,
    MarketKind.AGENT: draw_agent_truth,
}


@dataclass(frozen=True)
class Market:
    """A market standing before its campaign week.

    Attributes:
        kind, knobs, seed: what it was made from. catalogue: its items. shelf: T + 1 weeks, the last is the campaign's.
        truth: the mechanism before the campaign week. on_hand: (I,) stock of that week.
        log: the weeks before; None where the market was opened from its folder.
    """

    kind: MarketKind
    knobs: MarketKnobs
    seed: int
    catalogue: Catalogue
    shelf: ShelfPlan
    truth: Truth
    on_hand: npt.NDArray[np.int64]
    log: PurchaseLog | None = None

    @property
    def customer_ids(self) -> npt.NDArray[np.object_]:
        """(U,) texts in ascending order."""
        return np.array([f"C{number:07d}" for number in range(self.knobs.customers)], dtype=object)

    @property
    def week(self) -> date:
        """Monday of the campaign week."""
        return monday_of_week(self.knobs.weeks)

    @property
    def price_cents(self) -> npt.NDArray[np.int64]:
        """(I,) shelf prices of the campaign week."""
        return np.asarray(self.shelf.price_cents[-1], dtype=np.int64)

    def expected_units(self, price_cents: npt.NDArray[np.int64] | None = None) -> Values:
        """(I,) expected units of the campaign week at any prices, without offers and as if stock had no end."""
        return self.truth.expected_units(self.shelf.week(self.knobs.weeks, price_cents))

    def own_price_units(self, moves: npt.ArrayLike) -> Values:
        """(M, I) expected units of each item when its own price alone is multiplied by 1 + move."""
        return self.truth.own_price_units(self.shelf.week(self.knobs.weeks), np.asarray(moves, dtype=np.float64))

    def sell(self, offers: OfferList, draw: int) -> WeekSales:
        """One draw of the campaign week with the offers; the same `draw` gives the same chances without them."""
        wants = self.truth.wants(self.shelf.week(self.knobs.weeks), (self.seed, 31, draw), offers)
        return settle(wants, offers, self.catalogue, self.price_cents, self.on_hand)

    def play(self, offers: OfferList | Path, *, draws: int = PLAY_DRAWS, first_draw: int = 0) -> PlayedCampaign:
        """Play a campaign in the campaign week, and the same week without it.

        Args:
            offers: a list, or the path of an `offers.parquet`.
            draws: how many weeks.
            first_draw: number of the first, so that another set of weeks can be asked for.

        Raises:
            UsageError: the file is missing or names what the market does not know.
        """
        if isinstance(offers, Path):
            offers = read_offers(offers, self.customer_ids, self.catalogue.item_ids)
        none = no_offers()
        weeks = [(self.sell(offers, draw), self.sell(none, draw)) for draw in range(first_draw, first_draw + draws)]
        return summarise(weeks, len(offers))

    def write(self, folder: Path) -> None:
        """Write the contract's tables and the truth into `folder`; see `storage`.

        Raises:
            UsageError: the folder holds something that is no market. StorageError: it cannot be written.
        """
        storage.write(self, folder)


def simulate_market(kind: MarketKind | str, knobs: MarketKnobs | None = None, seed: int = 0) -> Market:
    """Make a market; its twin is the same call with `confounded` the other way.

    Raises:
        UsageError: a knob is out of range.
    """
    kind, knobs = MarketKind(kind), knobs or MarketKnobs()
    catalogue = draw_catalogue(knobs, np.random.default_rng([seed, 1]))
    planted = plant(knobs, catalogue, np.random.default_rng([seed, 2]))
    shelf = draw_shelf(knobs, catalogue, seed)
    start = _MAKERS[kind](Blueprint(knobs, catalogue, planted), np.random.default_rng([seed, 3]))
    log, truth = live_through(start, shelf, knobs.weeks, seed)
    expected = truth.expected_units(shelf.week(knobs.weeks))
    on_hand = np.ceil(knobs.stock_weeks * expected).astype(np.int64) + 1
    return Market(kind, knobs, seed, catalogue, shelf, truth, on_hand, log)


def open_market(folder: Path) -> Market:
    """Read the market that `Market.write` wrote, without its log.

    Raises:
        UsageError: the folder holds no simulated market.
    """
    return storage.read(folder)
