"""The metric table: the network and its peers on the weeks after fitting, one step ahead, on the same cells.

Inputs are leak-free for every model: last week's price, this week's display and mailer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundleopt_data.errors import MissingExtraError
from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress, silent
from bundleopt_models.corpus import Vocabulary
from bundleopt_models.features import FeatureBuilder
from bundleopt_models.metrics import ProbabilityMetrics, RankingMetrics, probability_metrics, ranking_metrics
from bundleopt_models.model import DemandModel, build_view, train_model
from bundleopt_models.peers import Cells, Peer, PeerWeeks, all_peers
from bundleopt_models.protocol import ProtocolWeeks, WeekCells, protocol_weeks, week_cells
from bundleopt_models.settings import PriceSource, TrainSettings

Floats = npt.NDArray[np.float32]

OURS = "bundleopt"
CELLS_PER_CHUNK = 200_000


@dataclass(frozen=True)
class EvaluationRow:
    """One model.

    Attributes:
        model: its name. probability, ranking: its metrics, None where it could not run.
        fit_seconds, score_seconds: wall time, features included.
        note: why it did not run, with the install line; "" otherwise.
        loss_by_customer: (U,) summed negative log-likelihood, for paired comparisons.
    """

    model: str
    probability: ProbabilityMetrics | None
    ranking: RankingMetrics | None
    fit_seconds: float
    score_seconds: float
    note: str = ""
    loss_by_customer: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)


@dataclass(frozen=True)
class EvaluationTable:
    """The result of `evaluate`.

    Attributes:
        rows: models, peers first. weeks: what was tuned and tested on.
        cells: weighted number of test cells. base_rate: share of them with a purchase.
        run: record of our training (losses, seconds, threads).
    """

    rows: tuple[EvaluationRow, ...]
    weeks: ProtocolWeeks
    cells: float
    base_rate: float
    run: dict[str, Any]

    def as_frame(self) -> pd.DataFrame:
        """One line a model, one column a metric."""
        lines = []
        for row in self.rows:
            line: dict[str, Any] = {"model": row.model}
            for metrics, kind in ((row.probability, ProbabilityMetrics), (row.ranking, RankingMetrics)):
                values = asdict(metrics) if metrics is not None else dict.fromkeys(f.name for f in fields(kind))
                line |= values
            lines.append(line | {"fit_seconds": row.fit_seconds, "score_seconds": row.score_seconds, "note": row.note})
        return pd.DataFrame(lines)

    def row(self, model: str) -> EvaluationRow:
        """The row of a model by name."""
        return next(row for row in self.rows if row.model == model)


class NetworkPeer:
    """Our model as one of the peers: scored from its weekly grid."""

    name = OURS

    def __init__(self, panel: Panel, settings: TrainSettings, folder: Path, progress: Progress) -> None:
        """Trained into `folder` with `settings`."""
        self._panel, self._settings, self._folder, self._progress = panel, settings, folder, progress
        self._week, self._grid = -1, np.zeros((0, 0), np.float32)
        self.model: DemandModel | None = None

    def fit(self, weeks: PeerWeeks) -> None:
        """Train; the settings already end where the test begins."""
        self.model = train_model(
            self._panel, self._settings, folder=self._folder, progress=self._progress, relate=False
        )
        # The walk through the weeks is shared with the peers.
        self.model.keep_view(replace(self.model.view(self._panel), builder=weeks.builder))

    def score(self, cells: Cells) -> Floats:
        """Look the cells up in the week's grid."""
        assert self.model is not None  # noqa: S101 - fit comes first
        if cells.week != self._week:
            price = self._panel.prices.log_price[max(cells.week - 1, 0)]
            self._grid, _ = self.model.weekly_grid(self._panel, cells.week, log_price=price)
            self._week = cells.week
        return self._grid[cells.customer, cells.item]


def evaluate(
    panel: Panel,
    settings: TrainSettings,
    *,
    folder: Path,
    peers: Sequence[Peer] | None = None,
    progress: Progress | None = None,
) -> EvaluationTable:
    """Train on the weeks before the test, then score the network and its peers on the test weeks.

    Args:
        panel: top items counted before the tuning weeks, see `protocol.protocol_dates`.
        settings: of our training; `fit_until` and `price` are those of the protocol whatever they say.
        folder: for our model.
        peers: models to compare with; None for all of `peers.all_peers`.
        progress: told (sentence, share of the work).

    A peer whose library is missing stays in the table with the line that installs it.
    """
    tell = progress or silent
    weeks = protocol_weeks(panel.n_weeks)
    until = panel.weeks[weeks.test[0]].astype("datetime64[D]").astype(object)
    settings = replace(settings, fit_until=until, price=PriceSource.LAST_WEEK, validation_weeks=len(weeks.validation))
    builder = build_view(panel, Vocabulary.of(panel)).builder
    ours = NetworkPeer(panel, settings, folder, lambda stage, share: tell(stage, 0.3 + 0.4 * share))
    chosen = [*(all_peers() if peers is None else peers), ours]
    first = min(settings.warmup_weeks, weeks.test[0] // 2)
    fit_weeks = range(first, weeks.validation[0] if weeks.validation else weeks.test[0])
    scope = PeerWeeks(builder, fit_weeks, weeks.validation, settings)
    board = _Board([_Entry(peer) for peer in chosen], settings.price)
    board.fit(scope, tell)
    board.score(builder, weeks.test, lambda stage, share: tell(stage, 0.7 + 0.3 * share))
    record = ours.model.record if ours.model is not None else {}
    return EvaluationTable(board.rows(), weeks, board.cells, board.purchases / max(board.cells, 1.0), record)


@dataclass
class _Entry:
    """One peer and what it has collected so far."""

    peer: Peer
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    note: str = ""
    scores: list[Floats] = field(default_factory=list)
    lists: list[tuple[RankingMetrics, int]] = field(default_factory=list)


class _Board:
    """Fits all peers, walks through the test weeks once, and adds everything up."""

    def __init__(self, entries: list[_Entry], price: PriceSource) -> None:
        self._entries, self._price = entries, price
        self._bought: list[npt.NDArray[np.bool_]] = []
        self._weight: list[npt.NDArray[np.float64]] = []
        self._customer: list[npt.NDArray[np.int64]] = []
        self.cells = self.purchases = 0.0

    def fit(self, scope: PeerWeeks, tell: Progress) -> None:
        for place, entry in enumerate(self._entries):
            tell(f"fitting {entry.peer.name}", 0.3 * place / len(self._entries))
            began = time.monotonic()
            try:
                entry.peer.fit(scope)
            except MissingExtraError as error:
                entry.note = str(error)
            entry.fit_seconds = time.monotonic() - began

    def score(self, builder: FeatureBuilder, weeks: Sequence[int], tell: Progress) -> None:
        for place, week in enumerate(weeks):
            tell(f"scoring week {place + 1} of {len(weeks)}", place / len(weeks))
            cells = week_cells(builder, week)
            self._score_cells(builder, cells)
            self._score_lists(builder, cells)
            self._bought.append(cells.bought)
            self._weight.append(cells.weight)
            self._customer.append(cells.customer)
            self.cells += float(cells.weight.sum())
            self.purchases += float(cells.bought.sum())

    def _active(self) -> list[_Entry]:
        return [entry for entry in self._entries if not entry.note]

    def _chunks(
        self, builder: FeatureBuilder, week: int, customer: npt.NDArray[np.int64], item: npt.NDArray[np.int64]
    ) -> list[Floats]:
        """Scores of all active peers on n cells, features shared, a chunk at a time; one (n,) array each."""
        parts: list[list[Floats]] = [[] for _ in self._active()]
        for start in range(0, len(item), CELLS_PER_CHUNK):
            piece = slice(start, start + CELLS_PER_CHUNK)
            cells = Cells(builder, week, customer[piece], item[piece], self._price)
            for entry, collected in zip(self._active(), parts, strict=True):
                began = time.monotonic()
                collected.append(entry.peer.score(cells))
                entry.score_seconds += time.monotonic() - began
        return [np.concatenate(part) if part else np.zeros(0, np.float32) for part in parts]

    def _score_cells(self, builder: FeatureBuilder, cells: WeekCells) -> None:
        scores = self._chunks(builder, cells.week, cells.customer, cells.item)
        for entry, score in zip(self._active(), scores, strict=True):
            entry.scores.append(score)

    def _score_lists(self, builder: FeatureBuilder, cells: WeekCells) -> None:
        row, item = np.nonzero(cells.candidate)
        scores = self._chunks(builder, cells.week, cells.buyers[row], item)
        for entry, score in zip(self._active(), scores, strict=True):
            table = np.full(cells.candidate.shape, -np.inf)
            table[row, item] = score
            metrics = ranking_metrics(table, cells.list_bought, cells.list_known, cells.candidate)
            entry.lists.append((metrics, len(cells.buyers)))

    def rows(self) -> tuple[EvaluationRow, ...]:
        return tuple(self._row(entry) for entry in self._entries)

    def _row(self, entry: _Entry) -> EvaluationRow:
        if entry.note:
            return EvaluationRow(entry.peer.name, None, None, 0.0, 0.0, entry.note)
        bought, weight = np.concatenate(self._bought), np.concatenate(self._weight)
        customer = np.concatenate(self._customer)
        q = np.clip(np.concatenate(entry.scores).astype(np.float64), 1e-7, 1 - 1e-7)
        loss = -weight * np.where(bought, np.log(q), np.log1p(-q))
        return EvaluationRow(
            model=entry.peer.name,
            probability=probability_metrics(q, bought, weight),
            ranking=_mean_lists(entry.lists),
            fit_seconds=entry.fit_seconds,
            score_seconds=entry.score_seconds,
            loss_by_customer=np.bincount(customer, loss).astype(np.float64),
        )


def _mean_lists(lists: Sequence[tuple[RankingMetrics, int]]) -> RankingMetrics:
    """Means over all lists of all weeks; weeks without a buyer do not count."""

    def mean(value: Callable[[RankingMetrics], float]) -> float:
        pairs = [(value(metrics), count) for metrics, count in lists if count and not np.isnan(value(metrics))]
        total = sum(count for _, count in pairs)
        return sum(number * count for number, count in pairs) / total if total else float("nan")

    return RankingMetrics(
        mean(lambda m: m.recall), mean(lambda m: m.ndcg), mean(lambda m: m.hit_rate), mean(lambda m: m.new_item_recall)
    )
