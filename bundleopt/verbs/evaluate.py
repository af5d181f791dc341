"""Compares the demand model with its rivals on weeks that none of them has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.plan.document import plain
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages import findings
from bundleopt.stages.model import train_settings
from bundleopt.workspace_lock import hold
from bundleopt_data.errors import DataProblem, DataRefusedError

if TYPE_CHECKING:
    from datetime import date

    from bundleopt_models.evaluation import EvaluationTable

HOW_TO_READ = (
    "Lower log loss is better, pred/obs is best at 1, all others are better when higher; "
    "every model sees last week's prices and nothing of the week it predicts but display and mailer. "
    "bundleopt is the model that plans are made with."
)

# What the terminal shows; JSON holds every column.
SHOWN = {
    "log_loss": "log loss",
    "pr_auc": "PR-AUC",
    "roc_auc": "ROC-AUC",
    "recall": "recall@10",
    "ndcg": "NDCG@10",
    "predicted_over_observed": "pred/obs",
    "fit_seconds": "seconds",
}


@dataclass(frozen=True)
class EvaluateResult:
    """The metric table.

    Attributes:
        table: one row a model; see `bundleopt_models.evaluation`. tested: the first test Monday, and how many weeks.
    """

    table: EvaluationTable
    tested: tuple[date, int]

    @property
    def columns(self) -> list[str]:
        """Headings of the metrics that are shown."""
        frame = self.table.as_frame()
        return [label for name, label in SHOWN.items() if name in frame.columns]

    def text_rows(self) -> list[tuple[str, ...]]:
        """Return the shown metrics as texts; a dash where a model could not run."""
        frame = self.table.as_frame()
        names = [name for name in SHOWN if name in frame.columns]
        return [
            (str(row["model"]), *(_figure(name, row[name], note=row["note"]) for name in names))
            for row in frame.to_dict("records")
        ]

    @property
    def notes(self) -> list[str]:
        """Sentences below the table."""
        monday, weeks = self.tested
        first = (
            f"Test: {weeks} weeks from {monday}, {self.table.cells:,.0f} cells, base rate {self.table.base_rate:.4%}."
        )
        return [first, HOW_TO_READ, *(f"{row.model}: {row.note}" for row in self.table.rows if row.note)]

    def document(self) -> dict[str, Any]:
        """Return the whole table as JSON."""
        return dict(
            plain(
                {
                    "rows": self.table.as_frame().to_dict("records"),
                    "cells": self.table.cells,
                    "base_rate": self.table.base_rate,
                    "first_test_week": self.tested[0].isoformat(),
                    "test_weeks": self.tested[1],
                    "run": self.table.run,
                }
            )
        )


def evaluate(
    workspace: Path | str | None = None,
    *,
    fast: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> EvaluateResult:
    """Train on the earlier weeks, score the last ones, and compare with simple and strong rivals.

    Args:
        workspace: its folder; None finds it.
        fast: evaluate the quick training that `solve` starts by itself.
        device: auto, cpu, cuda or mps; None takes the configuration's.
        progress: told (what is being done, share done).

    Raises:
        DataRefusedError: the log is too short to hold weeks back.
    """
    from bundleopt_models import evaluation, protocol

    session = open_session(workspace, progress=progress)
    findings.refuse_failed(session)
    first, weeks = _span(session)
    tuning, test = protocol.protocol_dates(first, weeks)
    with hold(session.workspace):
        panel = session.dataset.panel(
            fit_until=tuning, max_items=session.config.model.max_items, progress=session.progress
        )
        table = evaluation.evaluate(
            panel,
            train_settings(session, fast=fast, device=device),
            folder=session.workspace.cache / "evaluation",
            progress=session.progress,
        )
    return EvaluateResult(table, (test, len(table.weeks.test)))


def _span(session: Session) -> tuple[date, int]:
    """Return the first Monday of the log and its number of weeks."""
    from bundleopt_data.weeks import mondays_between

    manifest = session.dataset.manifest
    mondays = mondays_between(manifest.first_time.date(), manifest.last_day)
    if len(mondays) < 4:
        check = f"the log covers {len(mondays)} weeks, and an evaluation needs at least 4"
        raise DataRefusedError([DataProblem("transactions", "timestamp", check, 1)])
    return mondays[0].astype(object), len(mondays)


def _figure(name: str, value: Any, *, note: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)) or note:
        return "\u2013"
    return f"{value:.1f}" if name.endswith("seconds") else f"{value:.6f}" if name == "log_loss" else f"{value:.4f}"
