"""Compares the demand model with its rivals on weeks that none of them has seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.plan import quality_sentences
from bundleopt.plan.document import plain
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages import findings, model_quality
from bundleopt.stages.model import open_model, train_settings
from bundleopt.workspace_lock import hold
from bundleopt_data.errors import DataProblem, DataRefusedError, ModelArtefactError

if TYPE_CHECKING:
    from datetime import date

    from bundleopt_data.panel import Panel
    from bundleopt_models.evaluation import EvaluationTable
    from bundleopt_models.model import DemandModel
    from bundleopt_models.quality import ModelQuality

HOW_TO_READ = (
    "Lower log loss is better, pred/obs is best at 1, all others are better when higher. z compares log loss with "
    "{reference}: below \u22122 is a sure gain. Every model sees last week's prices, and nothing of the week it "
    "predicts but display and mailer. bundleopt is the model that plans are made with."
)

# What the terminal shows in 80 columns; JSON holds every column.
SHOWN = {
    "log_loss": "log loss",
    "pr_auc": "PR-AUC",
    "recall": "rec@10",
    "ndcg": "NDCG",
    "predicted_over_observed": "pred/obs",
    "z": "z",
    "fit_seconds": "sec",
}
_FORMS = {
    "log_loss": "{:.6f}",
    "pr_auc": "{:.3f}",
    "recall": "{:.3f}",
    "ndcg": "{:.3f}",
    "predicted_over_observed": "{:.3f}",
    "z": "{:.1f}",
    "fit_seconds": "{:.0f}",
}


@dataclass(frozen=True)
class EvaluateResult:
    """How good the model is.

    Attributes:
        quality: the metric table, reliability, unit totals, price response; see `bundleopt_models.quality`.
        first: the first test Monday. fast: whether it is the quick training. inputs: sha256 of the data by name.
    """

    quality: ModelQuality
    first: date
    fast: bool
    inputs: dict[str, str]

    @property
    def table(self) -> EvaluationTable:
        """The metric table."""
        return self.quality.table

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
    def sentences(self) -> list[str]:
        """Whether it beats what is easy, whether totals are right, how sure price is."""
        return quality_sentences.three_sentences(self.document())

    @property
    def notes(self) -> list[str]:
        """Sentences below the table."""
        tested = f"Test: {len(self.table.weeks.test)} weeks from {self.first}"
        cells = f"{self.table.cells:,.0f} customer-item-weeks, {self.table.base_rate:.4%} of them bought."
        missing = [f"{row.model}: {row.note}" for row in self.table.rows if row.note]
        read = HOW_TO_READ.format(reference=self.table.reference)
        return [f"{tested}, {cells}", read, *self._coverage(), *missing]

    def _coverage(self) -> list[str]:
        """Say how often the intervals of weekly item units held."""
        rows = self.quality.coverage
        thirds = ", ".join(f"{row.covered:.0%} in the {row.group}" for row in rows[1:])
        said = [
            f"{row.level:.0%} intervals of weekly item units held {row.covered:.0%} of the time" for row in rows[:1]
        ]
        return [f"{sentence} ({thirds})." for sentence in said]

    def document(self) -> dict[str, Any]:
        """Return everything as JSON."""
        facts = {"first_test_week": self.first.isoformat(), "fast": self.fast, "inputs": self.inputs}
        return dict(plain(self.quality.document() | facts))


def evaluate(
    workspace: Path | str | None = None,
    *,
    fast: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> EvaluateResult:
    """Train on the earlier weeks, score the last ones, and compare with simple and strong rivals.

    The result is kept beside the workspace's models; the report of every plan on the same data shows it.

    Args:
        workspace: its folder; None finds it.
        fast: evaluate the quick training that `solve` starts by itself.
        device: auto, cpu, cuda or mps; None takes the configuration's.
        progress: told (what is being done, share done).

    Raises:
        DataRefusedError: the log is too short to hold weeks back.
    """
    from bundleopt_models import evaluation, protocol, quality

    session = open_session(workspace, progress=progress)
    findings.refuse_failed(session)
    first, weeks = log_span(session)
    tuning, test = protocol.protocol_dates(first, weeks)
    with hold(session.workspace):
        panel = session.dataset.panel(
            fit_until=tuning, max_items=session.config.model.max_items, progress=session.progress
        )
        settings = train_settings(session, fast=fast, device=device)
        folder = session.workspace.cache / "evaluation"
        table = evaluation.evaluate(panel, settings, folder=folder, progress=session.progress)
        session.progress("measuring calibration and price response", 0.99)
        measured = quality.measure_quality(panel, table, shipped=_shipped(session))
        result = EvaluateResult(measured, test, fast, session.dataset.input_hashes)
        model_quality.keep(session.workspace, result.document())
    return result


def _shipped(session: Session) -> tuple[DemandModel, Panel] | None:
    """The model that plans are made with, where it was trained on this data; its price response is what counts."""
    trained = open_model(session)
    if trained is None or trained.record.inputs != session.dataset.input_hashes:
        return None
    try:
        return trained.model, trained.panel
    except ModelArtefactError:
        # An evaluation does not need it: the model trained for the test stands in.
        return None


def log_span(session: Session) -> tuple[date, int]:
    """Return the first Monday of the log and its number of weeks.

    Raises:
        DataRefusedError: there are too few of them to hold any back.
    """
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
    return _FORMS[name].format(value)
