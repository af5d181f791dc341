"""Rolls through the last weeks of the log: train on what was known, plan, and compare with what happened."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt import pipeline
from bundleopt.past_weeks import drawn_prices, past_week
from bundleopt.plan.document import plain
from bundleopt.replan import with_settings
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages import findings, model, optimise
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt.workspace_lock import hold
from bundleopt_data import atomic
from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt_solvers.plan import CampaignPlan

FILE = "backtest.json"
LEAST_BEFORE = 8
"""Weeks that a training needs to learn from."""


@dataclass(frozen=True)
class BacktestResult:
    """Figures by week; see `bundleopt.past_weeks.past_week`. `file` is where they were written."""

    content: dict[str, Any]
    file: Path

    def document(self) -> dict[str, Any]:
        """Return all figures as JSON."""
        return self.content | {"file": str(self.file)}


def backtest(
    workspace: Path | str | None = None,
    *,
    weeks: int = 4,
    retrain: int = 1,
    fast: bool = True,
    progress: Progress | None = None,
    **settings: Any,
) -> BacktestResult:
    """Plan each of the last weeks from what was known before it, and compare with what happened.

    Args:
        workspace: its folder; None finds it.
        weeks: how many of the last full weeks.
        retrain: a new model every so many weeks; the histories that it reads are always those up to the week before.
        fast: the quick training.
        progress: told (what is being done, share done).
        **settings: keys of `[solve]`, for example `budget=2000`.

    Raises:
        UsageError: a number is below 1. DataRefusedError: the log is too short.
    """
    if weeks < 1 or retrain < 1:
        raise UsageError(f"--weeks and --retrain must be at least 1, not {min(weeks, retrain)}")
    session = open_session(workspace, flags=settings, progress=progress)
    findings.refuse_failed(session)
    mondays = past_mondays(session, weeks)
    with hold(session.workspace):
        return _roll(session, mondays, retrain, fast=fast)


def past_mondays(session: Session, weeks: int) -> list[date]:
    """Return the Mondays of the last full weeks, oldest first.

    Raises:
        DataRefusedError: fewer than eight weeks would be left to learn from.
    """
    first, last = session.dataset.manifest.first_time.date(), session.dataset.default_week()
    mondays = [last - timedelta(weeks=weeks - place) for place in range(weeks)]
    before = (mondays[0] - first).days // 7
    if before < LEAST_BEFORE:
        check = f"{weeks} weeks back leave {max(before, 0)} weeks to learn from, and {LEAST_BEFORE} are needed"
        raise DataRefusedError([DataProblem("transactions", "timestamp", check, 0, fix="ask for fewer --weeks")])
    return mondays


def _roll(session: Session, mondays: list[date], retrain: int, *, fast: bool) -> BacktestResult:
    rows, plans = [], []
    trained: model.TrainedModel | None = None
    for place, monday in enumerate(mondays):
        session.progress(f"week of {monday}", place / len(mondays))
        if trained is None or place % retrain == 0:
            trained = model.train_aside(session, fast=fast, until=monday)
        prepared, plan = _plan(session, trained, monday)
        rows.append(past_week.compare(prepared, plan, trained.panel) | {"trained_until": str(trained.record.fit_until)})
        plans.append(past_week.past_plan(prepared, plan))
    pairs = itertools.pairwise(plans)
    content = plain(
        {
            "weeks": rows,
            "stability": [past_week.stability(before, after) for before, after in pairs],
            "drawn_prices": drawn_prices.price_policies(drawn_prices.read_drawn(session)),
            "training": "quick (train --fast)" if fast else "full",
            "retrain": retrain,
            "inputs": session.dataset.input_hashes,
        }
    )
    file = session.workspace.root / FILE
    atomic.write_text(file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return BacktestResult(content, file)


def _plan(session: Session, trained: model.TrainedModel, monday: date) -> tuple[Prepared, CampaignPlan]:
    """Plan a past week as it would have been planned: no segment model, no files."""
    at_week = replace(with_settings(session, {"week": monday.isoformat(), "certify_pairs": None}), progress=_quiet)
    prepared = pipeline.prepare_with(at_week, trained, Stopwatch())
    settings = at_week.config.solve
    family = prepared.built.family(prepared.found.family)
    return prepared, optimise.optimise(prepared.built.problem, settings, family, _quiet, gap_only=True)


def _quiet(_step: str, _share: float) -> None:
    """The weeks are what is told of."""
