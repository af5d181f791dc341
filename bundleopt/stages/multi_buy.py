"""Several units of one item sold together: which of them are worth a place among the candidates.

In the application such a bundle is its item as many times, `(i, i)` for two of it; tables hold the item once and the
quantity beside it. Prices follow the rules of bundles, and are above n - 1 units on the shelf: nobody gets the n-th
unit for nothing or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bundleopt.stages import candidates
from bundleopt.stages.candidates import PricedCandidates

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.config import SolveConfig
    from bundleopt.stages.item_choice import ItemChoice
    from bundleopt_data.campaign import CampaignWeek
    from bundleopt_models.forecast import DemandForecast
    from bundleopt_models.offer_values import OptionTable

Bundle = tuple[int, ...]

# Of a hundred candidates so many more are multi-buys, at least LEAST; SHORTLIST times as many are valued at all prices.
PER_HUNDRED, LEAST, SHORTLIST = 10, 10, 4
# Customers x options that are valued at once in the search: two hundred MiB.
CELLS_AT_ONCE = 6_000_000


def sold(bundles: Sequence[Bundle]) -> tuple[list[Bundle], list[int]]:
    """Items of each bundle, once, and how many units of each.

    >>> sold([(1, 2), (3, 3), (4,)])
    ([(1, 2), (3,), (4,)], [1, 2, 1])
    """
    several = [is_multi_buy(bundle) for bundle in bundles]
    items = [bundle[:1] if multi else bundle for bundle, multi in zip(bundles, several, strict=True)]
    return items, [len(bundle) if multi else 1 for bundle, multi in zip(bundles, several, strict=True)]


def is_multi_buy(bundle: Sequence[int]) -> bool:
    """Whether a bundle is several units of one item."""
    return len(bundle) > 1 and len(set(bundle)) == 1


def bundle_of(items: Sequence[int], quantity: int) -> Bundle:
    """Return a bundle as the application names it: ascending items, the one of a multi-buy as often as it is sold."""
    return tuple(sorted(int(item) for item in items if item >= 0)) * int(quantity)


def sold_items(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    """Item ids of each bundle of a run folder, of a multi-buy as often as it is sold; early runs have none."""
    quantity = frame["quantity"] if "quantity" in frame.columns else [1] * len(frame)
    return [tuple(map(str, items)) * int(count) for items, count in zip(frame["item_ids"], quantity, strict=True)]


def bundles_of(table: OptionTable) -> list[Bundle]:
    """Bundle of each option of a table."""
    return [bundle_of(row, count) for row, count in zip(table.items.tolist(), table.quantities.tolist(), strict=True)]


def table_of(bundles: Sequence[Bundle], prices_cents: Sequence[Sequence[int]], campaign: CampaignWeek) -> OptionTable:
    """Lay out bundles and their prices as a table of options."""
    from bundleopt_models.option_table import option_table

    items, quantity = sold(bundles)
    return option_table(items, prices_cents, campaign, quantity=quantity)


def with_multi_buys(
    found: PricedCandidates,
    forecast: DemandForecast,
    campaign: CampaignWeek,
    choice: ItemChoice,
    settings: SolveConfig,
) -> PricedCandidates:
    """Add the multi-buys that are worth most, each offered to everybody whom it gains, beside the bundles.

    All items that may be bundled are valued exactly at a middle price, the best of them at every price.
    """
    if settings.multi_buy < 2:
        return found
    tried = [bundle for bundle in _possible(forecast, choice, settings) if bundle not in found.bundles]
    priced = candidates.with_prices(tried, campaign, settings, family="", choice=choice)
    kept = max(LEAST, len(found.bundles) * PER_HUNDRED // 100)
    middle = replace(priced, prices=tuple((ladder[len(ladder) // 2],) for ladder in priced.prices))
    first = _best(_worth(middle, forecast, campaign, settings), kept * SHORTLIST)
    short = _part(priced, first)
    best = _part(short, _best(_worth(short, forecast, campaign, settings), kept))
    words = (
        f"the best {len(best.bundles)} of {len(priced.bundles):,} offers of 2 to {settings.multi_buy} units of one item"
    )
    return replace(
        found,
        bundles=found.bundles + best.bundles,
        prices=found.prices + best.prices,
        family=f"{found.family}; {words}",
    )


def _possible(forecast: DemandForecast, choice: ItemChoice, settings: SolveConfig) -> Iterator[Bundle]:
    """Multi-buys of allowed items that enough customers a week buy anyway, if that is asked for."""
    buyers = forecast.probability.sum(axis=0, dtype=np.float64)
    stay = 1.0 - 1.0 / np.maximum(forecast.units.astype(np.float64), 1.0)
    for item in np.flatnonzero(choice.allowed).tolist():
        for count in range(2, settings.multi_buy + 1):
            support = buyers[item] * stay[item] ** (count - 1)
            if support >= settings.min_support and (item,) * count not in choice.banned_bundles:
                yield (item,) * count


def _worth(
    priced: PricedCandidates, forecast: DemandForecast, campaign: CampaignWeek, settings: SolveConfig
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(B,) money of the objective of each bundle at its best price, shown to everybody whom it gains."""
    from bundleopt_models.valuation import value_offers

    weight = candidates.revenue_weight(settings)
    worth = np.zeros(len(priced.bundles))
    longest = max((len(ladder) for ladder in priced.prices), default=1)
    step = max(1, CELLS_AT_ONCE // max(1, len(forecast.probability) * longest))
    for start in range(0, len(worth), step):
        part = slice(start, start + step)
        table = table_of(priced.bundles[part], priced.prices[part], campaign)
        values = value_offers(forecast, campaign, table, reach=settings.reach, salience=settings.salience)
        gain = weight * values.incremental_revenue + (1.0 - weight) * values.incremental_margin
        total = np.maximum(gain, 0.0).sum(axis=0, dtype=np.float64)
        np.maximum.at(worth, start + table.bundle, total)
    return worth


def _best(worth: np.ndarray[tuple[int], np.dtype[np.float64]], count: int) -> list[int]:
    """Places of the bundles that are worth most and something, in the order of the list."""
    order = np.argsort(-worth, kind="stable")[:count]
    return sorted(int(place) for place in order if worth[place] > 0)


def _part(priced: PricedCandidates, places: list[int]) -> PricedCandidates:
    bundles, prices = tuple(priced.bundles[k] for k in places), tuple(priced.prices[k] for k in places)
    return replace(priced, bundles=bundles, prices=prices)
