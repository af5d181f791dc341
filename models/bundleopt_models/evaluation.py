"""The metric table: the network and its peers on the weeks after fitting, one step ahead, on the same cells.

Inputs are leak-free for every model: last week's price, or in half-panel mode the price that other customers paid;
this week's display and mailer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress, silent
from bundleopt_models.bootstrap import PairedDifference, paired_difference
from bundleopt_models.corpus import Vocabulary
from bundleopt_models.metrics import ProbabilityMetrics, RankingMetrics
from bundleopt_models.model import DemandModel, build_view
from bundleopt_models.network_peer import OURS, NetworkPeer
from bundleopt_models.peers.cells import Peer, PeerWeeks
from bundleopt_models.peers.roster import REFERENCE, all_peers
from bundleopt_models.protocol import ProtocolWeeks, protocol_weeks
from bundleopt_models.scoreboard import EvaluationRow, Scoreboard, ScoredCells
from bundleopt_models.settings import PriceSource, TrainSettings

__all__ = ["OURS", "EvaluationRow", "EvaluationTable", "evaluate"]


@dataclass(frozen=True)
class EvaluationTable:
    """The result of `evaluate`.

    Attributes:
        rows: models, peers first. weeks: what was tuned and tested on.
        cells: weighted number of test cells. base_rate: share of them with a purchase.
        run: record of our training (losses, seconds, threads). feature_seconds: of the features that peers share.
        ours: every cell with our probability. expected: week -> (I,) our expected buyers among the population.
        model: as trained on the weeks before the test.
        reference: the peer that differences are taken against.
    """

    rows: tuple[EvaluationRow, ...]
    weeks: ProtocolWeeks
    cells: float
    base_rate: float
    run: dict[str, Any]
    feature_seconds: float
    ours: ScoredCells = field(repr=False)
    expected: dict[int, np.ndarray[Any, np.dtype[np.float64]]] = field(repr=False)
    model: DemandModel = field(repr=False)
    reference: str = REFERENCE

    def as_frame(self) -> pd.DataFrame:
        """One line a model, one column a metric; `difference`, `error` and `z` are those of the log loss."""
        lines = []
        for row in self.rows:
            line: dict[str, Any] = {"model": row.model}
            for metrics, kind in ((row.probability, ProbabilityMetrics), (row.ranking, RankingMetrics)):
                values = asdict(metrics) if metrics is not None else dict.fromkeys(f.name for f in fields(kind))
                line |= values
            paired = self.against_reference(row.model)
            line |= asdict(paired) if paired is not None else dict.fromkeys(f.name for f in fields(PairedDifference))
            costs = ("fit_seconds", "score_seconds", "rows_per_second", "peak_mib", "note")
            lines.append(line | {name: getattr(row, name) for name in costs})
        return pd.DataFrame(lines)

    def row(self, model: str) -> EvaluationRow:
        """The row of a model by name."""
        return next(row for row in self.rows if row.model == model)

    def against_reference(self, model: str) -> PairedDifference | None:
        """Log loss against the reference's, by a paired bootstrap over customers; None where one did not run."""
        by_name = {row.model: row for row in self.rows if row.probability is not None}
        if model not in by_name or self.reference not in by_name:
            return None
        return paired_difference(by_name[model].loss_by_customer, by_name[self.reference].loss_by_customer)


def evaluate(
    panel: Panel,
    settings: TrainSettings,
    *,
    folder: Path,
    peers: Sequence[Peer] | None = None,
    price: PriceSource = PriceSource.LAST_WEEK,
    progress: Progress | None = None,
) -> EvaluationTable:
    """Train on the weeks before the test, then score the network and its peers on the test weeks.

    Args:
        panel: top items counted before the tuning weeks, see `protocol.protocol_dates`.
        settings: of our training; `fit_until` and `price` are those of the protocol whatever they say.
        folder: for our model.
        peers: models to compare with; None for all of `roster.all_peers`.
        price: LAST_WEEK is the leak-free reference. CROSS_FIT is leak-free on a panel of `half_panel` only.
        progress: told (sentence, share of the work).

    A peer whose library is missing stays in the table with the line that installs it.
    """
    tell = progress or silent
    weeks = protocol_weeks(panel.n_weeks)
    until = panel.weeks[weeks.test[0]].astype("datetime64[D]").astype(object)
    settings = replace(settings, fit_until=until, price=price, validation_weeks=len(weeks.validation))
    builder = build_view(panel, Vocabulary.of(panel)).builder
    ours = NetworkPeer(panel, settings, folder, lambda stage, share: tell(stage, 0.3 + 0.4 * share))
    first = min(settings.warmup_weeks, weeks.test[0] // 2)
    fit_weeks = range(first, weeks.validation[0] if weeks.validation else weeks.test[0])
    board = Scoreboard([*(all_peers() if peers is None else peers), ours], price)
    board.fit(PeerWeeks(builder, fit_weeks, weeks.validation, settings), tell)
    board.score(builder, weeks.test, lambda stage, share: tell(stage, 0.7 + 0.3 * share))
    assert ours.model is not None  # noqa: S101 - the board has fitted it
    return EvaluationTable(
        rows=board.rows(),
        weeks=weeks,
        cells=board.cells,
        base_rate=board.purchases / max(board.cells, 1.0),
        run=ours.model.record,
        feature_seconds=board.feature_seconds,
        ours=board.scored(OURS),
        expected=ours.expected,
        model=ours.model,
    )
