"""Explains a published plan: a bundle in it or not in it, a rule, the offers of a customer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.campaign_results.learned import learned_digest
from bundleopt.replan import as_planned, changed_inputs
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages.item_choice import BUNDLE_SEPARATOR
from bundleopt.verbs.report import read_result
from bundleopt_data.errors import InfeasiblePlanError, UsageError

if TYPE_CHECKING:
    from bundleopt.explanation.bundle import BundleAnatomy
    from bundleopt.explanation.counterfactual import Counterfactual
    from bundleopt.explanation.customer import OfferReason
    from bundleopt.stages.model import TrainedModel
    from bundleopt.stages.week import PlannedWeek
    from bundleopt.verbs.solve import SolveResult


@dataclass(frozen=True)
class BundleExplanation:
    """Why a bundle is in the plan, or why it is not.

    Attributes:
        anatomy: its worth; None where it has no admissible price. asked, matches: the text, and the items it may mean.
        counterfactual: the plan with it, or without it where it is in; None where that was not asked for or refused.
        refusal: why no plan can hold it, in words; None where one can. stale: inputs that changed since the run.
    """

    run: SolveResult
    asked: str
    matches: tuple[int, ...]
    anatomy: BundleAnatomy | None
    counterfactual: Counterfactual | None
    refusal: str | None
    stale: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the explanation as JSON."""
        return {
            "run": str(self.run.folder),
            "asked": self.asked,
            "matches": list(self.matches),
            "bundle": self.anatomy.document() if self.anatomy else None,
            "counterfactual": self.counterfactual.document() if self.counterfactual else None,
            "refusal": self.refusal,
            "inputs_changed": list(self.stale),
        }


@dataclass(frozen=True)
class RuleExplanation:
    """What a rule does to the plan: `rule` as it stands in it, with sentences."""

    run: SolveResult
    rule: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the explanation as JSON."""
        return {"run": str(self.run.folder), "rule": self.rule}


@dataclass(frozen=True)
class CustomerExplanation:
    """The offers of one customer, each with its reason."""

    run: SolveResult
    customer_id: str
    offers: tuple[OfferReason, ...]

    def document(self) -> dict[str, Any]:
        """Return the explanation as JSON."""
        offers = [vars(one) | {"item_names": list(one.item_names)} for one in self.offers]
        return {"run": str(self.run.folder), "customer_id": self.customer_id, "offers": offers}


Explanation = BundleExplanation | RuleExplanation | CustomerExplanation


def explain(
    target: str | None = None,
    *,
    customer: str | None = None,
    run: Path | str | None = None,
    solve_again: bool = True,
    workspace: Path | str | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Say why.

    Args:
        target: a bundle id, items by id or name joined by a plus, or the name of a rule.
        customer: id of a customer whose offers are explained instead.
        run: a run folder, the name or the number of a run; None means the latest.
        solve_again: find the best plan with the bundle, or without it where it is in, and what that costs.
        workspace: its folder; None finds it.
        progress: told (what is being done, share done).

    Raises:
        UsageError: nothing, or both, was asked about, or the text fits nothing.
    """
    from bundleopt.explanation.rule import rule_document
    from bundleopt.explanation.target import rule_of

    if (target is None) == (customer is None):
        raise UsageError("name a bundle, items like A+B or a rule, or give --customer ID")
    result = read_result(run, workspace=workspace)
    rule = rule_of(target, result) if target is not None else None
    if rule is not None:
        return RuleExplanation(result, rule_document(rule, result))
    session = as_planned(open_session(workspace, progress=progress), result)
    trained, week = _world(session, result)
    if customer is not None:
        from bundleopt.explanation.customer import offer_reasons

        return CustomerExplanation(result, customer, offer_reasons(customer, result, week))
    return _explain_bundle(str(target), (session, trained, week), result, solve_again=solve_again)


def _world(session: Session, result: SolveResult) -> tuple[TrainedModel, PlannedWeek]:
    from bundleopt.stages.model import open_model
    from bundleopt.stages.week import plan_week

    trained = open_model(session)
    if trained is None:
        raise UsageError("the workspace has no model to explain with; make one with: bundleopt train")
    return trained, plan_week(session, trained, date.fromisoformat(result.document["week"]))


def _explain_bundle(
    target: str, world: tuple[Session, TrainedModel, PlannedWeek], result: SolveResult, *, solve_again: bool
) -> BundleExplanation:
    from bundleopt.explanation.bundle import anatomy
    from bundleopt.explanation.target import bundles_of

    session, trained, week = world
    asked = bundles_of(target, result, week)
    found = anatomy(asked, result, week, session.config.solve)
    items = found.items if found is not None else asked.bundles[0]
    name = BUNDLE_SEPARATOR.join(str(week.campaign.item_ids[item]) for item in items)
    digests = session.dataset.input_hashes | {f"model/{file}": one for file, one in trained.file_digests().items()}
    stale = tuple(changed_inputs(digests | learned_digest(session.workspace), result))
    other, refusal = None, None
    if solve_again or found is None:
        other, refusal = _counterfactual(session, result, name, on_menu=found is not None and found.on_menu)
    return BundleExplanation(result, target, asked.matches, found, other, refusal, stale)


def _counterfactual(
    session: Session, result: SolveResult, name: str, *, on_menu: bool
) -> tuple[Counterfactual | None, str | None]:
    from bundleopt.explanation.counterfactual import counterfactual

    try:
        return counterfactual(session, result, "exclude" if on_menu else "include", name), None
    except InfeasiblePlanError as error:
        return None, str(error)
