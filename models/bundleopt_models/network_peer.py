"""Our model as one of the compared: scored from its weekly grid, with the week's totals on the side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress
from bundleopt_models.model import DemandModel, train_model
from bundleopt_models.peers.cells import Cells, Floats, PeerWeeks
from bundleopt_models.settings import PriceSource, TrainSettings
from bundleopt_models.week_tables import eligible

OURS = "bundleopt"


class NetworkPeer:
    """The network, trained into a folder.

    Attributes:
        model: once fitted. expected: week -> (I,) expected buyers among the week's population.
    """

    name = OURS

    def __init__(self, panel: Panel, settings: TrainSettings, folder: Path, progress: Progress) -> None:
        """Trained into `folder` with `settings`; they already end where the test begins."""
        self._panel, self._settings, self._folder, self._progress = panel, settings, folder, progress
        self._week, self._grid = -1, np.zeros((0, 0), np.float32)
        self.model: DemandModel | None = None
        self.expected: dict[int, npt.NDArray[np.float64]] = {}
        self.rows = 0

    def fit(self, weeks: PeerWeeks) -> None:
        """Train on the weeks before the test."""
        self.model = train_model(
            self._panel, self._settings, folder=self._folder, progress=self._progress, relate=False
        )
        rows, epochs = self.model.record.get("rows", 0), self.model.record.get("epochs", 0)
        self.rows = int(rows) * int(epochs)
        # The walk through the weeks is shared with the peers.
        self.model.keep_view(replace(self.model.view(self._panel), builder=weeks.builder))

    def score(self, cells: Cells) -> Floats:
        """Look the cells up in the week's grid."""
        assert self.model is not None  # noqa: S101 - fit comes first
        if cells.week != self._week:
            seen = cells.week if cells.price is PriceSource.CROSS_FIT else max(cells.week - 1, 0)
            price = self._panel.prices.log_price[seen]
            self._grid, _ = self.model.weekly_grid(self._panel, cells.week, log_price=price)
            self._week = cells.week
            population = eligible(self._panel, cells.week)
            self.expected[cells.week] = self._grid[population].sum(axis=0, dtype=np.float64)
        return self._grid[cells.customer, cells.item]
