"""Values a plan that people wrote by hand, with the same model and the same checker."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt import pipeline
from bundleopt.pipeline import Solved
from bundleopt.prepared import Prepared
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages import findings, hand_plan, item_choice, optimise, verify
from bundleopt.stages.candidates import PricedCandidates
from bundleopt.stages.decomposition import decompose_plan
from bundleopt.stages.facts import gather_facts
from bundleopt.stages.hand_plan import HandPlan
from bundleopt.stages.model import ensure_model
from bundleopt.stages.problem import build_problem
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt.stages.valuation import value_candidates
from bundleopt.stages.week import plan_week
from bundleopt_data.errors import Violation
from bundleopt_solvers.plan import CampaignPlan, Certificate, StopReason

if TYPE_CHECKING:
    import pandas as pd

FAMILY = "this plan alone, as it was written"
# What the checker says of the certificate, the list of rules and the steps of prices that a search tries concerns
# solved plans: people set a price as they like, inside the band and with the asked ending.
_OF_SOLVED_PLANS = frozenset({"rules", "price ladder"})


@dataclass(frozen=True)
class ScoreResult:
    """What a hand-written plan is worth.

    Attributes:
        totals: expected figures by name, money where they are money. violations: rules that it breaks.
        bundles, offers: the plan with every figure, in the columns of a run folder. document: as in `plan.json`.
    """

    totals: dict[str, float]
    violations: tuple[Violation, ...]
    bundles: pd.DataFrame
    offers: pd.DataFrame
    plan: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the figures and the broken rules as JSON."""
        return {
            "totals": self.plan["totals"],
            "decomposition": self.plan["decomposition"],
            "offers": len(self.offers),
            "bundles": len(self.bundles),
            "keeps_every_rule": not self.violations,
            "violations": [vars(violation) for violation in self.violations],
        }


def score(
    file: Path | str,
    *,
    workspace: Path | str | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> ScoreResult:
    """Value a plan written by hand.

    Args:
        file: CSV or Parquet with `item_ids` and `price`, and `customer_id` for offers to named customers. Without
            customers the bundles are offered to the customers whom they suit best, within the rules.
        workspace: its folder; None finds it.
        progress: told (what is being done, share done).
        **settings: keys of `[solve]`; they win over the configuration.

    Raises:
        DataRefusedError: the file names unknown items or customers, or a price is wrong.
    """
    session = open_session(workspace, flags=settings, progress=progress)
    prepared, written = _prepare(session, Path(file))
    plan = _written_plan(prepared, written) if written.customers is not None else _assigned_plan(session, prepared)
    valued = pipeline.value_plan(prepared, plan)
    parts = decompose_plan(prepared, valued, session.config.solve)
    facts = gather_facts(session, prepared, valued, parts=parts, neutral=None, seconds=Stopwatch())
    return _result(session, Solved(prepared, valued, parts, facts))


def _prepare(session: Session, file: Path) -> tuple[Prepared, HandPlan]:
    settings = session.config.solve
    findings.refuse_failed(session)
    trained = ensure_model(session)
    week = plan_week(session, trained)
    choice = item_choice.choose_items(
        week.campaign, week.stock, include=(), exclude=settings.exclude, only=settings.only_items
    )
    written = hand_plan.read_hand_plan(file, week.campaign, week.forecast.customer_ids)
    found = PricedCandidates(written.bundles, tuple((price,) for price in written.price_cents), FAMILY, 0)
    table, values = value_candidates(week.forecast, week.campaign, found, settings)
    built = build_problem((table, values), week, choice, settings)
    return Prepared(trained, week, choice, found, table, values, built), written


def _written_plan(prepared: Prepared, written: HandPlan) -> CampaignPlan:
    """Return the plan as it was written; its value is its own bound."""
    problem = prepared.built.problem
    nothing = optimise.empty_plan(problem, FAMILY)
    customer = np.asarray(written.customers, dtype=np.int32)
    option = np.asarray(written.offered, dtype=np.int32)
    menu, contacts = np.unique(option).astype(np.int32), len(option)
    if problem.shelf:
        customer = np.append(customer, np.full(len(menu), problem.customers, dtype=np.int32))
        option = np.append(option, menu)
    value = float(problem.value[customer, option].astype(np.float64).sum())
    value -= problem.rules.fixed_cost_per_bundle * len(menu) + problem.rules.contact_cost * contacts
    return replace(
        nothing,
        menu=menu,
        offer_customer=customer,
        offer_option=option,
        headline=Certificate(value, value, FAMILY),
        rules=(),
        reduced_value=np.zeros(len(problem.options.bundle)),
        reason=StopReason.GAP_REACHED,
    )


def _assigned_plan(session: Session, prepared: Prepared) -> CampaignPlan:
    """Offer the written bundles to the customers whom they suit best, within the rules."""
    return optimise.optimise(prepared.built.problem, session.config.solve, FAMILY, session.progress)


def _result(session: Session, solved: Solved) -> ScoreResult:
    from bundleopt.rundir import writer

    ready = solved.content()
    document = ready.document
    with tempfile.TemporaryDirectory(prefix="bundleopt-score-") as place:
        folder = Path(place)
        writer.write_tables(ready, folder)
        violations = verify.violations(folder, solved.prepared, solved.valued, session.config.solve)
    return ScoreResult(
        totals={name: total["value"] for name, total in document["totals"].items()},
        violations=tuple(one for one in violations if one.rule not in _OF_SOLVED_PLANS),
        bundles=ready.bundles,
        offers=ready.offers,
        plan=document,
    )
