"""Takes in what a campaign did: lift, forecast against actual, breaches, drift, and what the next plan learns."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt import run_registry
from bundleopt.approval import refuse_changed
from bundleopt.campaign_results import drift, execution, learned, learning, lift, outcomes, satisfaction
from bundleopt.campaign_results.campaign import RunCampaign, lay_side_by_side
from bundleopt.plan.document import plain
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages.model import open_model
from bundleopt.verbs.approve import approved_run
from bundleopt.verbs.report import read_result
from bundleopt.workspace_lock import hold
from bundleopt_data import atomic
from bundleopt_data.errors import ModelArtefactError, UsageError
from bundleopt_data.results import WeekResults, read_results

if TYPE_CHECKING:
    from datetime import date

    from bundleopt_data.campaign import CampaignWeek

RESULTS_CACHE = "results"


@dataclass(frozen=True)
class FeedbackResult:
    """What a campaign did.

    Attributes:
        run: its run folder. content: every figure, as JSON. file: where that was written.
    """

    run: Path
    content: dict[str, Any]
    file: Path

    def document(self) -> dict[str, Any]:
        """Return every figure as JSON."""
        return self.content | {"file": str(self.file)}


def feedback(
    results: Path | str,
    *,
    run: Path | str | None = None,
    workspace: Path | str | None = None,
    progress: Progress | None = None,
) -> FeedbackResult:
    """Compare the results of a week with its approved plan, and keep what they teach for the next one.

    Args:
        results: a folder with `offers_log` (and `transactions`, `events`, `inventory` of the week), or the log alone.
        run: the plan; None means the approved one of the week in which most offers were shown.
        workspace: its folder; None finds it.
        progress: told (what is being done, share done).

    Raises:
        UsageError: no plan of that week is approved, or later results were taken in already.
        DataRefusedError: a table breaks the contract, or is of another week.
    """
    session = open_session(workspace, progress=progress)
    with hold(session.workspace):
        session.progress("reading the results", 0.0)
        read = read_results(
            Path(results).expanduser(),
            session.workspace.cache / RESULTS_CACHE,
            settings=session.source_settings,
            rejects=session.workspace.root / "rejects.csv",
            progress=session.progress,
        )
        chosen = _plan_of(session, read, str(run) if run is not None else None)
        return take_in(session, lay_side_by_side(read_result(chosen.folder), read, session))


def take_in(session: Session, campaign: RunCampaign) -> FeedbackResult:
    """Measure, learn and write in an open session whose workspace is held."""
    known = learned.read_learned(session.workspace)
    name = campaign.run.folder.name
    before = known.before(name)
    session.progress("comparing with the plan", 0.3)
    content = _measured(session, campaign)
    session.progress("learning the answer to offers", 0.8)
    lesson, fit = learning.learn(campaign, before, session)
    content["learned"] = {
        "changes": learning.changes(lesson.before, lesson.after),
        "week_level": {"log": fit.level.mean, "spread": fit.level.spread},
        "before": lesson.before,
        "after": lesson.after,
        "overruled": [
            key
            for key in ("reach", "salience")
            if session.resolved.sources.get(("solve", key), "").startswith("bundle")
        ],
    }
    folder = session.workspace.root / learned.FOLDER
    atomic.make_folder(folder)
    content = plain(content)
    content["pooled"] = plain(lift.pooled_row(_headlines(folder, name, content)))
    atomic.write_text(folder / f"{name}.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    # Last: a lesson is only learned when everything it rests on is on the disk.
    learned.write_learned(session.workspace, known.with_lesson(lesson))
    return FeedbackResult(campaign.run.folder, content, folder / f"{name}.json")


def _measured(session: Session, campaign: RunCampaign) -> dict[str, Any]:
    prices = _prices_of(session, campaign.week)
    rows = lift.lift_rows(campaign, prices)
    return {
        "run": campaign.run.folder.name,
        "week": campaign.run.document["week"],
        "totals": outcomes.totals(campaign),
        "lift": rows,
        "headline": lift.headline(rows),
        "bundles": outcomes.bundle_outcomes(campaign),
        "calibration": outcomes.redemption_calibration(campaign),
        "units_sold_over_expected": drift.forecast_ratio(campaign),
        "stock_outs": outcomes.stock_outs(campaign),
        "breaches": [asdict(one) for one in execution.breaches(campaign)],
        "alarms": [asdict(one) for one in drift.alarms(campaign, session, prices)],
        "satisfaction": satisfaction.satisfaction(campaign),
    }


def _prices_of(session: Session, week: date) -> CampaignWeek | None:
    """Prices and costs as they were planned; None where no model says which items."""
    try:
        trained = open_model(session)
    except ModelArtefactError:
        return None
    if trained is None:
        return None
    return session.dataset.campaign_week(week, trained.panel, session.campaign_settings)


def _plan_of(session: Session, results: WeekResults, name: str | None) -> run_registry.Run:
    """The plan that is named, or the approved one of the week in which most offers were shown.

    Raises:
        UsageError: there is none, or its files changed since.
    """
    if name is not None:
        chosen = run_registry.find_run(session.workspace, name)
    else:
        with results.connect() as connection:
            (monday,) = connection.execute(_BUSIEST).fetchall()[0]
        found = approved_run(run_registry.all_runs(session.workspace), monday.isoformat())
        if found is None:
            raise UsageError(
                f"no plan is approved for the week of {monday}, in which most offers were shown; name one with --run"
            )
        chosen = found
    refuse_changed(chosen.folder)
    return chosen


_BUSIEST = """
    SELECT date_trunc('week', shown_at)::DATE AS monday FROM offers_log
    GROUP BY monday ORDER BY count(*) DESC, monday DESC LIMIT 1
"""


def _headlines(folder: Path, name: str, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Headline rows of all campaigns that were taken in, this one in place of what was known of it."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        if path.name == learned.FILE or path.stem == name:
            continue
        earlier = json.loads(path.read_text(encoding="utf-8")).get("headline")
        rows += [earlier] if earlier else []
    return [*rows, content["headline"]] if content["headline"] else rows
