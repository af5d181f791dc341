"""The demand network at next-basket recommendation: given that a customer comes on a day, what is in the basket?

The same network and the same history features as the weekly model, on days instead of weeks and conditional on the
visit (log P(visit) = 0). Rows of a day: every purchase of its visitors, every item they bought before, and draws of
other items by recent popularity, with the exact log-odds correction of `sampling.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress, silent
from bundleopt_models.basket_log import BasketLog, daily_panel, last_days
from bundleopt_models.corpus import Scaler, Vocabulary, WeekRows, as_rows, observed_plan, week_context
from bundleopt_models.features import FeatureBuilder
from bundleopt_models.habit_start import start_habit
from bundleopt_models.model import PanelView, build_view
from bundleopt_models.network import POPULARITY, DemandNetwork, NetworkSizes
from bundleopt_models.settings import TrainSettings
from bundleopt_models.training import Trainer, TrainingData, TrainingResult, hash_seed, week_logits
from bundleopt_models.week_tables import ITEM_FEATURES

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

WARMUP_DAYS = 14
"""First days of a log, which only build history."""

NEVER_ROWS = 3.0
"""Draws of items without own history for each purchase."""

UNIFORM_SHARE = 0.25
"""Share of those draws that every item gets alike."""

POPULAR_CANDIDATES = 150
"""Items a list may hold beside the customer's own: those that sold best on the day before and in the 4 days before."""

BASE_LOG_ODDS = -6.0


class DaySampler:
    """Draws the rows of one day among given visitors."""

    def __init__(self, builder: FeatureBuilder) -> None:
        """`builder` is moved to the day by each draw."""
        self._builder = builder

    def draw(self, day: int, visitors: Ints, generator: np.random.Generator) -> tuple[Ints, Ints, Flags, Doubles]:
        """Rows of the day: customers, items, whether bought, and -log of their sampling rates."""
        builder = self._builder
        builder.move_to(day)
        panel, state = builder.panel, builder.history.item
        is_visitor = np.zeros(panel.n_customers, bool)
        is_visitor[visitors] = True
        buyer, bought = _purchases(panel, day, is_visitor)
        pairs = np.flatnonzero((state.count > 0) & is_visitor[state.level.customer])
        chance = _item_chance(builder, day)
        draws = round(NEVER_ROWS * max(len(buyer), 1))
        drawn = generator.choice(visitors, draws), generator.choice(panel.n_items, draws, p=chance)
        fresh = ~_is_known(builder, *drawn)
        customer = np.concatenate([buyer, state.level.customer[pairs], drawn[0][fresh]])
        item = np.concatenate([bought, state.level.group[pairs], drawn[1][fresh]])
        label = np.arange(len(customer)) < len(buyer)
        keep = label | ~np.isin(customer * panel.n_items + item, buyer * panel.n_items + bought)
        rate = np.where(_is_known(builder, customer, item), 1.0, draws / len(visitors) * chance[item])
        offset = -np.log(np.maximum(rate[keep], 1e-9)).astype(np.float64)
        return customer[keep], item[keep], label[keep], offset


def _purchases(panel: Panel, day: int, is_visitor: Flags) -> tuple[Ints, Ints]:
    rows = slice(*np.searchsorted(panel.purchase_week, [day, day + 1]))
    customer, item = panel.purchase_customer[rows].astype(np.int64), panel.purchase_item[rows].astype(np.int64)
    chosen = is_visitor[customer]
    return customer[chosen], item[chosen]


def _item_chance(builder: FeatureBuilder, day: int) -> Doubles:
    recent = np.exp(builder.tables.item[day, :, ITEM_FEATURES.index("popularity_13")].astype(np.float64))
    chance: Doubles = UNIFORM_SHARE / len(recent) + (1 - UNIFORM_SHARE) * recent / recent.sum()
    return chance


def _is_known(builder: FeatureBuilder, customer: Ints, item: Ints) -> Flags:
    state = builder.history.item
    if not len(state.level.key):
        return np.zeros(len(customer), bool)
    pair = state.level.find(customer, item)
    return np.asarray((pair >= 0) & (state.count[np.maximum(pair, 0)] > 0), dtype=np.bool_)


@dataclass
class NextBasketModel:
    """A network that ranks the next basket of customers of one log."""

    view: PanelView
    scaler: Scaler
    network: DemandNetwork
    record: TrainingResult

    def rank(self, customer: Ints, day: Ints, length: int = 10) -> Ints:
        """(n, length) best items for each customer on the day, from everything in the log before that day.

        Ties by ascending code; -1 where there are fewer candidates than places.
        """
        lists = np.full((len(customer), length), -1, np.int64)
        for number in np.unique(day):
            at = np.flatnonzero(day == number)
            lists[at] = self._rank_day(int(number), customer[at], length)
        return lists

    def _rank_day(self, day: int, customer: Ints, length: int) -> Ints:
        builder = self.view.builder
        builder.move_to(day)
        unique, asked = np.unique(customer, return_inverse=True)
        row, item = _candidates(builder, day, unique)
        score = self._score(day, unique[row], item)
        lists = np.full((len(unique), length), -1, np.int64)
        order = np.lexsort((item, -score, row))
        row, item = row[order], item[order]
        place = np.arange(len(row)) - np.searchsorted(row, row)
        listed = place < length
        lists[row[listed], place[listed]] = item[listed]
        return lists[asked]

    def _score(self, day: int, customer: Ints, item: Ints) -> npt.NDArray[np.float32]:
        nothing = np.zeros(len(item))
        rows = _day_rows(self.view, self.scaler, day, (customer, item, nothing > 0, nothing))
        data = TrainingData([], [], {}, self.view.catalogue, torch.from_numpy(self.view.customer_code))
        return np.asarray(week_logits(self.network, data, rows).numpy(), dtype=np.float32)


def _candidates(builder: FeatureBuilder, day: int, customer: Ints) -> tuple[Ints, Ints]:
    """Rows (index into `customer`, item): own history and what sold lately, each once, by row."""
    state, n_items = builder.history.item, builder.panel.n_items
    tables = builder.tables.item[min(day, builder.panel.n_weeks)]
    lately = tables[:, ITEM_FEATURES.index("popularity_1")] + tables[:, ITEM_FEATURES.index("popularity_4")]
    popular = np.argsort(-lately, kind="stable")[:POPULAR_CANDIDATES]
    place = np.full(builder.panel.n_customers, -1, np.int64)
    place[customer] = np.arange(len(customer))
    pairs = np.flatnonzero((state.count > 0) & (place[state.level.customer] >= 0))
    own = place[state.level.customer[pairs]] * n_items + state.level.group[pairs]
    shared = (np.arange(len(customer))[:, None] * n_items + popular[None]).ravel()
    row, item = np.divmod(np.unique(np.concatenate([own, shared])), n_items)
    return row, item


def _day_rows(view: PanelView, scaler: Scaler, day: int, drawn: tuple[Ints, Ints, Flags, Doubles]) -> WeekRows:
    customer, item, label, offset = drawn
    builder = view.builder
    plan = observed_plan(view.panel, min(day, view.panel.n_weeks - 1))
    features = builder.rows(customer, item, plan)
    rows = as_rows(customer, item, view.customer_code, features, np.zeros(len(item), np.float32))
    bought, correction = torch.from_numpy(label.astype(np.float32)), torch.from_numpy(offset.astype(np.float32))
    return WeekRows(day, week_context(builder, scaler), rows, bought, correction)


def fit_next_basket(
    log: BasketLog, settings: TrainSettings, *, folder: Path, progress: Progress | None = None
) -> NextBasketModel:
    """Learn from all baskets but each customer's last one, which early stopping looks at.

    Args:
        log: what may be known; baskets to be predicted are not in it.
        settings: epochs, rates, sizes and seed are used; its weeks and prices have no meaning here.
        folder: for the states of an unfinished run.
        progress: told (sentence, share of the work).
    """
    n_days = log.n_days
    panel = daily_panel(log, n_days)
    view = build_view(panel, Vocabulary.of(panel))
    first = min(WARMUP_DAYS, n_days // 4)
    scaler = Scaler.fit(view.builder.tables, range(first, n_days))
    fit, validation = _corpus(view, scaler, last_days(log), range(first, n_days), settings.seed)
    data = TrainingData(
        fit,
        validation,
        dict.fromkeys(range(n_days + 1), torch.zeros(panel.n_customers)),
        view.catalogue,
        torch.from_numpy(view.customer_code),
    )
    network = _new_network(panel, settings)
    network.start_at(BASE_LOG_ODDS, float(scaler.item_deviation[POPULARITY]))
    start_habit(network, data)
    trainer = Trainer(network, data, settings, folder)
    record = trainer.run(progress or silent)
    trainer.forget_states()
    return NextBasketModel(view, scaler, network, record)


def _corpus(
    view: PanelView, scaler: Scaler, last: Ints, days: Sequence[int], seed: int
) -> tuple[list[WeekRows], list[WeekRows]]:
    """Rows of baskets that were not, and that were, the last of their customer."""
    sampler = DaySampler(view.builder)
    parts: tuple[list[WeekRows], list[WeekRows]] = ([], [])
    for day in days:
        came = (view.panel.trips[day] > 0) & (view.builder.tables.visits_before[day] > 0)
        for kind, chosen in enumerate((came & (last != day), came & (last == day))):
            if chosen.any():
                drawn = sampler.draw(day, np.flatnonzero(chosen), np.random.default_rng([seed, day, kind]))
                parts[kind].append(_day_rows(view, scaler, day, drawn))
    return parts


def _new_network(panel: Panel, settings: TrainSettings) -> DemandNetwork:
    sizes = NetworkSizes(
        n_customers=panel.n_customers,
        n_items=panel.n_items,
        n_categories=len(panel.items.category_names),
        n_brands=len(panel.items.brand_names),
        width=settings.width,
        rank=settings.rank,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hash_seed(settings.seed, 0, 0))
        return DemandNetwork(sizes)
