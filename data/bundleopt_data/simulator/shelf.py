"""What the shop does week by week: regular prices, promotions, display and mailer; and when people want what.

Letters: `I` items, `T` weeks of the log, `C` categories. Row T is the campaign week: regular prices, no promotion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.catalogue import Catalogue
from bundleopt_data.simulator.knobs import MarketKnobs

PEAK_PULL = 2.5
"""How strongly a confounded shop promotes into demand peaks: log odds per unit of season."""

SHOWN_WITH_PROMOTION, SHOWN_WITHOUT = 0.75, 0.04
"""Chance that an item is on display or in the mailer, of a confounded shop. Its twin shows equally often, at random."""

HOLIDAYS, HOLIDAY_PEAK = 4, 1.0
PRICE_CHANGE = 0.03
"""Chance that an item's regular price changes from one week to the next, by up to 8 %."""


@dataclass(frozen=True)
class ShelfPlan:
    """Weekly state of the shelves, T + 1 rows.

    Attributes:
        price_cents, regular_cents: (T + 1, I) int64; the price paid, and the price without promotion.
        display, mailer: (T + 1, I) bool.
        season: (T + 1, C) log odds by which demand is above its usual level.
    """

    price_cents: npt.NDArray[np.int64]
    regular_cents: npt.NDArray[np.int64]
    display: npt.NDArray[np.bool_]
    mailer: npt.NDArray[np.bool_]
    season: npt.NDArray[np.float64]

    def week(self, week: int, price_cents: npt.NDArray[np.int64] | None = None) -> ShelfWeek:
        """One row, with other prices where they are given."""
        price = self.price_cents[week] if price_cents is None else np.asarray(price_cents, dtype=np.int64)
        return ShelfWeek(price, self.display[week], self.mailer[week], self.season[week])


@dataclass(frozen=True)
class ShelfWeek:
    """One week: price_cents (I,), display and mailer (I,) bool, season (C,)."""

    price_cents: npt.NDArray[np.int64]
    display: npt.NDArray[np.bool_]
    mailer: npt.NDArray[np.bool_]
    season: npt.NDArray[np.float64]


def draw_shelf(knobs: MarketKnobs, catalogue: Catalogue, seed: int) -> ShelfPlan:
    """Draw a plan. A confounded market and its twin see the same draws, used for other weeks."""
    draws = [np.random.default_rng([seed, stream]) for stream in (11, 12, 13, 14)]
    season = _season(knobs, catalogue, draws[0])
    regular = _regular_prices(knobs, catalogue, draws[1])
    shape = (knobs.weeks, catalogue.n_items)
    depth_of, timing = draws[2].uniform(0.1, max(knobs.deepest, 0.1), shape), draws[2].gumbel(size=shape)
    pull = PEAK_PULL if knobs.confounded else 0.0
    rank = np.argsort(np.argsort(-(pull * season[:-1][:, catalogue.category] + timing), axis=0), axis=0)
    promoted = rank < round(knobs.promotion_share * knobs.weeks)
    depth = np.vstack([np.where(promoted, depth_of, 0.0), np.zeros((1, catalogue.n_items))])
    display, mailer = (_shown(knobs, promoted, draws[3].random(shape)) for _ in range(2))
    return ShelfPlan(
        price_cents=np.maximum(np.round(regular * (1.0 - depth)), 1).astype(np.int64),
        regular_cents=regular,
        display=display,
        mailer=mailer,
        season=season,
    )


def _shown(
    knobs: MarketKnobs, promoted: npt.NDArray[np.bool_], uniform: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """(T + 1, I) flags with the same overall frequency, tied to promotions or not."""
    share = promoted.mean()
    average = SHOWN_WITH_PROMOTION * share + SHOWN_WITHOUT * (1 - share)
    tied = np.where(promoted, SHOWN_WITH_PROMOTION, SHOWN_WITHOUT)
    shown = uniform < (tied if knobs.confounded else average)
    return np.vstack([shown, np.zeros((1, promoted.shape[1]), dtype=np.bool_)])


def _season(knobs: MarketKnobs, catalogue: Catalogue, draw: np.random.Generator) -> npt.NDArray[np.float64]:
    """(T + 1, C): a slow wave for each category, and peaks in holiday weeks that most categories share."""
    n_categories, weeks = len(catalogue.category_names), np.arange(knobs.weeks + 1)[:, None]
    period = draw.uniform(16, 52, n_categories)
    wave = np.sin(2 * np.pi * (weeks / period + draw.random(n_categories)))
    holidays = draw.choice(max(knobs.weeks, 1), size=min(HOLIDAYS, knobs.weeks), replace=False)
    strength = HOLIDAY_PEAK * draw.uniform(0, 2, (len(holidays), n_categories)) * (draw.random(n_categories) < 0.7)
    peaks = np.zeros_like(wave)
    peaks[holidays] = strength
    return np.asarray(knobs.season * (wave + peaks), dtype=np.float64)


def _regular_prices(knobs: MarketKnobs, catalogue: Catalogue, draw: np.random.Generator) -> npt.NDArray[np.int64]:
    """(T + 1, I) list prices with rare changes, to the cent."""
    shape = (knobs.weeks + 1, catalogue.n_items)
    step = np.where(draw.random(shape) < PRICE_CHANGE, draw.uniform(-0.08, 0.08, shape), 0.0)
    log_price = np.log(catalogue.list_price_cents)[None, :] + np.cumsum(step, axis=0)
    return np.asarray(np.maximum(np.round(np.exp(log_price)), 2), dtype=np.int64)
