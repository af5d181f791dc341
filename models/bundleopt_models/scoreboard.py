"""Fits all compared models, walks through the test weeks once, and adds everything up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import MissingExtraError
from bundleopt_data.progress import Progress
from bundleopt_models.features import FeatureBuilder
from bundleopt_models.metrics import ListScores, ProbabilityMetrics, RankingMetrics, list_scores, probability_metrics
from bundleopt_models.peak_memory import forget_peak, peak_mib
from bundleopt_models.peers.cells import Cells, Floats, Ints, Peer, PeerWeeks
from bundleopt_models.protocol import WeekCells, week_cells
from bundleopt_models.settings import PriceSource

CELLS_PER_CHUNK = 200_000
SMALLEST = 1e-7


@dataclass(frozen=True)
class EvaluationRow:
    """One model.

    Attributes:
        model: its name. probability, ranking: its metrics, None where it could not run.
        fit_seconds, score_seconds: wall time; scoring without the features that several models share.
        rows_per_second: sampled rows learned from, all passes, per second of fitting; NaN for models that count.
        peak_mib: highest memory of the process while it was fitted.
        note: why it did not run, with the install line; "" otherwise.
        loss_by_customer: (U,) summed negative log-likelihood, for paired comparisons.
    """

    model: str
    probability: ProbabilityMetrics | None
    ranking: RankingMetrics | None
    fit_seconds: float
    score_seconds: float
    rows_per_second: float = float("nan")
    peak_mib: float = float("nan")
    note: str = ""
    loss_by_customer: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0), repr=False)


@dataclass(frozen=True)
class ScoredCells:
    """All test cells in the order of weeks, (n,) each, and one model's probabilities of them."""

    week: Ints
    customer: Ints
    item: Ints
    bought: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]
    probability: Floats


@dataclass
class _Entry:
    """One model and what it has collected so far."""

    peer: Peer
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    peak: float = float("nan")
    note: str = ""
    scores: list[Floats] = field(default_factory=list)
    lists: list[ListScores] = field(default_factory=list)


class Scoreboard:
    """One comparison. `fit`, then `score`, then `rows` and `scored`."""

    def __init__(self, peers: Sequence[Peer], price: PriceSource) -> None:
        """`price`: what the models see of the week's price."""
        self._entries, self._price = [_Entry(peer) for peer in peers], price
        self._weeks: list[WeekCells] = []
        self.feature_seconds = 0.0

    @property
    def cells(self) -> float:
        """Weighted number of test cells."""
        return float(sum(cells.weight.sum() for cells in self._weeks))

    @property
    def purchases(self) -> float:
        """Purchases among them."""
        return float(sum(cells.bought.sum() for cells in self._weeks))

    def fit(self, scope: PeerWeeks, tell: Progress) -> None:
        """Fit every model; one whose library is missing keeps the line that installs it."""
        for place, entry in enumerate(self._entries):
            tell(f"fitting {entry.peer.name}", 0.3 * place / len(self._entries))
            forget_peak()
            began = time.monotonic()
            try:
                entry.peer.fit(scope)
            except MissingExtraError as error:
                entry.note = str(error)
            entry.fit_seconds, entry.peak = time.monotonic() - began, peak_mib()

    def score(self, builder: FeatureBuilder, weeks: Sequence[int], tell: Progress) -> None:
        """Score all cells and lists of the weeks, in order."""
        for place, week in enumerate(weeks):
            tell(f"scoring week {place + 1} of {len(weeks)}", place / len(weeks))
            cells = week_cells(builder, week)
            self._score_cells(builder, cells)
            self._score_lists(builder, cells)
            self._weeks.append(_without_lists(cells))

    def _active(self) -> list[_Entry]:
        return [entry for entry in self._entries if not entry.note]

    def _chunks(self, builder: FeatureBuilder, week: int, customer: Ints, item: Ints) -> list[Floats]:
        """Scores of all active models on n cells, features shared, a chunk at a time; one (n,) array each."""
        parts: list[list[Floats]] = [[] for _ in self._active()]
        needs_features = any(hasattr(entry.peer, "rows") for entry in self._active()[:-1])
        for start in range(0, len(item), CELLS_PER_CHUNK):
            piece = slice(start, start + CELLS_PER_CHUNK)
            cells = Cells(builder, week, customer[piece], item[piece], self._price)
            began = time.monotonic()
            if needs_features:
                _ = cells.features
            self.feature_seconds += time.monotonic() - began
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
            entry.lists.append(list_scores(table, cells.list_bought, cells.list_known, cells.candidate))

    def rows(self) -> tuple[EvaluationRow, ...]:
        """One row a model, in the given order."""
        return tuple(self._row(entry) for entry in self._entries)

    def scored(self, model: str) -> ScoredCells:
        """All cells with the probabilities of one model."""
        entry = next(entry for entry in self._entries if entry.peer.name == model)
        week = np.concatenate([np.full(len(cells.item), cells.week, np.int64) for cells in self._weeks])
        whole = self._weeks
        return ScoredCells(
            week=week,
            customer=np.concatenate([cells.customer for cells in whole]),
            item=np.concatenate([cells.item for cells in whole]),
            bought=np.concatenate([cells.bought for cells in whole]),
            known=np.concatenate([cells.known for cells in whole]),
            weight=np.concatenate([cells.weight for cells in whole]),
            probability=np.concatenate(entry.scores),
        )

    def _row(self, entry: _Entry) -> EvaluationRow:
        if entry.note:
            return EvaluationRow(entry.peer.name, None, None, 0.0, 0.0, note=entry.note)
        scored = self.scored(entry.peer.name)
        q = np.clip(scored.probability.astype(np.float64), SMALLEST, 1 - SMALLEST)
        loss = -scored.weight * np.where(scored.bought, np.log(q), np.log1p(-q))
        learned = int(getattr(entry.peer, "rows", 0))
        return EvaluationRow(
            model=entry.peer.name,
            probability=probability_metrics(q, scored.bought, scored.weight, scored.known),
            ranking=ListScores.joined(entry.lists).means(),
            fit_seconds=entry.fit_seconds,
            score_seconds=entry.score_seconds,
            rows_per_second=learned / entry.fit_seconds if learned and entry.fit_seconds else float("nan"),
            peak_mib=entry.peak,
            loss_by_customer=np.bincount(scored.customer, loss).astype(np.float64),
        )


def _without_lists(cells: WeekCells) -> WeekCells:
    """The week's cells without the tables that only lists need."""
    nothing = np.zeros((0, 0), bool)
    return replace(cells, list_bought=nothing, list_known=nothing, candidate=nothing)
