"""The training corpus: sampled rows of every week with their features, and the tables of the week they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bundleopt_data.panel import Panel
from bundleopt_models.features import FeatureBuilder, Planned, RowFeatures
from bundleopt_models.network import Catalogue, Rows, WeekContext
from bundleopt_models.sampling import WeekSampler
from bundleopt_models.settings import PriceSource, TrainSettings
from bundleopt_models.sparse import csr, transposed
from bundleopt_models.text import BUCKETS, ngram_bags
from bundleopt_models.week_tables import WeekTables, log_position

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

POOL_DECAY = 3
"""Which of DECAYS weights a customer's history when item vectors are pooled (half-life 17 weeks)."""


@dataclass(frozen=True)
class Scaler:
    """Means and deviations of the week tables; inputs of the networks are standardised with them."""

    customer_mean: Floats
    customer_deviation: Floats
    item_mean: Floats
    item_deviation: Floats

    @classmethod
    def fit(cls, tables: WeekTables, weeks: Sequence[int]) -> Scaler:
        """Measure over customers who came before, and all items, in `weeks`."""
        chosen = np.asarray(list(weeks), dtype=np.int64)
        known = tables.visits_before[chosen] > 0
        customers = (
            tables.customer[chosen][known]
            if known.any()
            else tables.customer[chosen].reshape(-1, tables.customer.shape[2])
        )
        items = tables.item[chosen].reshape(-1, tables.item.shape[2])
        return cls(customers.mean(axis=0), customers.std(axis=0) + 1e-2, items.mean(axis=0), items.std(axis=0) + 1e-2)

    def customers(self, table: Floats) -> Floats:
        """Standardise (., F) rows, cut at 5 deviations."""
        return np.asarray(np.clip((table - self.customer_mean) / self.customer_deviation, -5, 5), dtype=np.float32)

    def items(self, table: Floats) -> Floats:
        """Standardise (., F) rows, cut at 5 deviations."""
        return np.asarray(np.clip((table - self.item_mean) / self.item_deviation, -5, 5), dtype=np.float32)


@dataclass(frozen=True)
class Vocabulary:
    """Ids and names the model was fitted on, in ascending order of code; code 0 of every table means unknown."""

    customers: tuple[str, ...]
    items: tuple[str, ...]
    categories: tuple[str, ...]
    brands: tuple[str, ...]

    @classmethod
    def of(cls, panel: Panel) -> Vocabulary:
        """Every id and name of a panel."""
        names = (panel.customer_ids, panel.item_ids, panel.items.category_names, panel.items.brand_names)
        return cls(*(tuple(str(name) for name in group) for group in names))

    def customer_codes(self, panel: Panel) -> Ints:
        """(U,) codes of the panel's customers."""
        return _codes(self.customers, panel.customer_ids)

    def catalogue(self, panel: Panel) -> Catalogue:
        """Codes and texts of the panel's items."""
        items = panel.items
        category = _codes(self.categories, items.category_names)[items.category]
        brand = _codes(self.brands, items.brand_names)[items.brand]
        starts, columns, weights = ngram_bags([str(text) for text in items.text])
        text = csr(starts, columns, weights, (panel.n_items, BUCKETS))
        item = _codes(self.items, panel.item_ids)
        codes = [torch.from_numpy(code) for code in (item, category, brand)]
        return Catalogue(codes[0], codes[1], codes[2], text, transposed(text))


def _codes(known: Sequence[str], asked: Sequence[object] | npt.NDArray[np.object_]) -> Ints:
    place = {name: code for code, name in enumerate(known, start=1)}
    return np.array([place.get(str(name), 0) for name in asked], dtype=np.int64)


def pooled_history(builder: FeatureBuilder) -> Tensor:
    """(U, I) sparse weights of past purchases before the builder's week, rows of length one."""
    state, panel = builder.history.item, builder.panel
    pairs = np.flatnonzero((state.count > 0) & (state.level.group < panel.n_modelled))
    customer, item = state.level.customer[pairs], state.level.group[pairs]
    weight = np.log1p(state.decayed[pairs, POOL_DECAY].astype(np.float64))
    length = np.sqrt(np.bincount(customer, weight**2, minlength=panel.n_customers))
    weight = weight / np.maximum(length[customer], 1e-9)
    starts = np.searchsorted(customer, np.arange(panel.n_customers + 1)).astype(np.int64)
    return csr(starts, item.astype(np.int64), weight.astype(np.float32), (panel.n_customers, panel.n_items))


def week_context(
    builder: FeatureBuilder, scaler: Scaler, *, introduced: npt.NDArray[np.bool_] | None = None
) -> WeekContext:
    """Tables of the builder's week; items that are `introduced` in it have the numbers usual in their category."""
    row = min(builder.week, builder.panel.n_weeks)
    customers = torch.from_numpy(scaler.customers(builder.tables.customer[row]))
    # Nobody is taught what a customer without a visit buys: such a one is taken for a usual customer.
    customers[torch.from_numpy(builder.tables.visits_before[row] == 0)] = 0.0
    table = builder.tables.item[row]
    if introduced is not None and introduced.any():
        table = usual_in_category(table, builder.panel.items.category, introduced)
    history = pooled_history(builder)
    return WeekContext(customers, torch.from_numpy(scaler.items(table)), history, transposed(history))


def usual_in_category(table: Floats, category: npt.NDArray[np.int32], new: npt.NDArray[np.bool_]) -> Floats:
    """The (I, F) table with the rows of `new` items replaced by the mean of their category's other items.

    An item that nobody could buy yet has a popularity of nothing, which says that it is dead, not that it is new. Where
    a category has no other item, the mean of all items stands in; where there is none at all, nothing changes.
    """
    if new.all():
        return table
    size = int(category.max(initial=-1)) + 1
    count = np.bincount(category[~new], minlength=size)
    mean = np.repeat(table[~new].mean(axis=0, keepdims=True), size, axis=0)
    for column in range(table.shape[1]):
        total = np.bincount(category[~new], table[~new, column], size)
        mean[count > 0, column] = (total / np.maximum(count, 1))[count > 0]
    return np.where(new[:, None], mean[category], table).astype(np.float32)


def as_rows(customer: Ints, item: Ints, code: Ints, features: RowFeatures, position: Floats) -> Rows:
    """Tensors of n rows; `code` (U,) are the customers' codes in the model."""
    return Rows(
        customer=torch.from_numpy(customer),
        item=torch.from_numpy(item),
        customer_code=torch.from_numpy(code[customer]),
        pair=_tensor(features.pair),
        category=_tensor(features.category),
        family=_tensor(features.family),
        brand=_tensor(features.brand),
        promo=_tensor(features.promo),
        position=_tensor(position),
        has_history=torch.from_numpy(features.pair[:, 0].copy()),
    )


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def _halved(rows: Rows) -> Rows:
    """The wide features in half precision: logs and shares below 10, of which three digits are enough."""
    wide = {name: getattr(rows, name).half() for name in ("pair", "category", "family", "brand", "promo")}
    return replace(rows, **wide)


def observed_plan(panel: Panel, week: int) -> Planned:
    """Prices and promotions of a past week of the panel (chain-wide price)."""
    promotions = panel.promotions
    return Planned(
        panel.prices.log_price[week], promotions.display[week], promotions.mailer[week],
        promotions.store_display[week], promotions.store_mailer[week],
    )  # fmt: skip


def training_prices(panel: Panel, week: int, source: PriceSource) -> Floats:
    """(2, I) log price that a row of customer fold f may see in `week`."""
    if source is PriceSource.LAST_WEEK:
        return np.repeat(panel.prices.log_price[max(week - 1, 0)][None], 2, axis=0)
    return panel.prices.fold_log_price[:, week]


@dataclass(frozen=True)
class WeekRows:
    """One week's sample.

    Attributes:
        week: index of the week. context: its tables.
        rows: features; customer, item and offset aligned. bought: (n,) labels as float.
        offset: (n,) -log of the sampling rate, to be added to the model's logit.
    """

    week: int
    context: WeekContext
    rows: Rows
    bought: Tensor
    offset: Tensor


class CorpusBuilder:
    """Samples weeks of a panel in order."""

    def __init__(
        self, builder: FeatureBuilder, scaler: Scaler, vocabulary: Vocabulary, settings: TrainSettings
    ) -> None:
        self._builder, self._scaler, self._settings = builder, scaler, settings
        self._code = vocabulary.customer_codes(builder.panel)
        self._sampler = WeekSampler(builder, settings.history_rows, settings.never_rows)

    def week(self, week: int) -> WeekRows:
        """Sample one week; the draw depends on the seed and the week alone."""
        builder, panel = self._builder, self._builder.panel
        builder.move_to(week)
        sample = self._sampler.draw(np.random.default_rng([self._settings.seed, week]))
        features = builder.rows(sample.customer, sample.item, observed_plan(panel, week))
        price = training_prices(panel, week, self._settings.price)
        seen = price[panel.prices.fold[sample.customer], sample.item]
        position = log_position(seen, builder.tables.reference[week, sample.item])
        rows = _halved(as_rows(sample.customer, sample.item, self._code, features, position))
        offset = torch.from_numpy(-np.log(np.maximum(sample.rate, 1e-9)))
        bought = torch.from_numpy(sample.bought.astype(np.float32))
        return WeekRows(week, week_context(builder, self._scaler), rows, bought, offset)

    def weeks(self, weeks: Sequence[int], report: Callable[[int], None] | None = None) -> list[WeekRows]:
        """Sample several weeks; `report` is called with each finished week."""
        sampled = []
        for week in weeks:
            sampled.append(self.week(week))
            if report is not None:
                report(week)
        return sampled
