"""Plans under draws of demand: the mean of the worst draws in the objective, a budget that holds with a given chance.

Both are loops around the engine, so every other rule is kept as it is; README.md proves the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.draw_sums import (
    chance_within,
    draws_of,
    risk_value,
    spend_moments,
    spend_quantile,
    value_in_draws,
    worst_weights,
)
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.plan import CampaignPlan, Certificate, RuleReport, StopReason
from bundleopt_solvers.problem import CampaignProblem, Floats, Risk
from bundleopt_solvers.search_state import Progress
from bundleopt_solvers.settings import EngineSettings

Floats64 = npt.NDArray[np.float64]
ROUNDS = 6  # solves at most; each draws the two sides of the bound closer
REPLIES = 400  # steps of fictitious play between the plans known and the draws; they cost next to nothing
MARGIN = 1e-3  # of the budget that a tightened one leaves, so that the next plan passes
RISK_FAMILY = "; value: mean and worst draws weighted as asked, for the draws used in planning"
MEAN_FAMILY = "; risk-neutral: on mean demand, with the expected spend within the budget whatever its chance"
CONFIDENCE_FAMILY = "; the bound also holds without the chance: plans whose expected spend is within the budget"


@dataclass
class _Duel:
    """Plans found so far against weights of the draws.

    Attributes:
        plan: the best by its true value. value: of it. bound: the least proven so far.
        values: (N,) of every plan found, by draw.
    """

    plan: CampaignPlan | None = None
    value: float = -np.inf
    bound: float = np.inf
    values: list[Floats64] = field(default_factory=list)

    def is_settled(self, gap: float) -> bool:
        """Whether plan and bound are as close as asked."""
        return self.plan is not None and self.bound - self.value <= gap * abs(self.bound)


def solve_robust(
    problem: CampaignProblem, settings: EngineSettings, *, progress: Progress | None = None
) -> CampaignPlan:
    """Solve a campaign with the rules `risk` and `budget_confidence`; without them as `solve_campaign`.

    Raises:
        InfeasiblePlanError, NoPlanInTimeError: as `solve_campaign`. ValueError: there are no draws.
    """
    rules = problem.rules
    if rules.budget is None or rules.budget_confidence is None:
        return _solve(problem, settings, progress)
    return _solve_with_confidence(problem, (rules.budget, rules.budget_confidence), settings, progress)


def _solve(problem: CampaignProblem, settings: EngineSettings, progress: Progress | None) -> CampaignPlan:
    if problem.rules.risk is None:
        return solve_campaign(problem, settings, progress=progress)
    return _solve_with_risk(problem, problem.rules.risk, settings, progress)


def weighted_value(problem: CampaignProblem, weights: Floats64, weight: float) -> Floats:
    """Value of every offer (U, O) at `weights` (N,) of the draws, rounded up so that its bounds hold for the truth."""
    factor = (1 - weight) + weight * (weights @ draws_of(problem).value)
    exact = problem.value.astype(np.float64) * factor
    rounded = exact.astype(np.float32)
    return np.where(rounded < exact, np.nextafter(rounded, np.float32(np.inf)), rounded).astype(np.float32)


def _solve_with_risk(
    problem: CampaignProblem, risk: Risk, settings: EngineSettings, progress: Progress | None
) -> CampaignPlan:
    """Let plans and weights of the draws answer each other until they are as close as asked."""
    draws = draws_of(problem).value
    each = replace(settings, time_limit=settings.time_limit / 3, gap=max(settings.gap / 2, 1e-9), segment_master=False)
    promise = np.maximum(problem.value, 0.0).sum(0, dtype=np.float64)
    weights, duel, seconds, work = worst_weights(draws @ promise, risk.share), _Duel(), 0.0, 0
    for _ in range(ROUNDS):
        at_weights = replace(problem, value=weighted_value(problem, weights, risk.weight))
        found = solve_campaign(at_weights, each, progress=progress, start=duel.plan)
        seconds, work = seconds + found.seconds, work + found.work
        duel.bound = min(duel.bound, found.headline.bound + 1e-12 * (1 + abs(found.headline.bound)))
        duel.values.append(value_in_draws(problem, found))
        value = risk_value(problem, found, risk)
        if value > duel.value:
            duel.plan, duel.value = found, value
        each = replace(each, time_limit=max(settings.time_limit - seconds, 0.1 * settings.time_limit))
        if duel.is_settled(settings.gap) or seconds > settings.time_limit or found.reason is StopReason.INTERRUPTED:
            break
        weights = _best_weights(duel.values, risk)
    return _told(duel, found, settings, (seconds, work))


def _best_weights(values: list[Floats64], risk: Risk) -> Floats64:
    """Weights of the draws that hold the plans known down together (fictitious play, Brown 1951), (N,)."""
    table = np.array(values)
    average, weights = table[-1].copy(), worst_weights(table[-1], risk.share)
    total = weights.copy()
    mean = table @ np.full(table.shape[1], 1 / table.shape[1])
    for step in range(1, REPLIES):
        reply = int(np.argmax((1 - risk.weight) * mean + risk.weight * (table @ (total / step))))
        average += (table[reply] - average) / (step + 1)
        total += worst_weights(average, risk.share)
    return np.asarray(total / total.sum())


def _told(duel: _Duel, last: CampaignPlan, settings: EngineSettings, done: tuple[float, int]) -> CampaignPlan:
    """The best plan under its true value, with the bound over all weights tried."""
    plan = duel.plan or last
    bound = max(duel.bound, duel.value)
    family = plan.headline.family + RISK_FAMILY
    reason = StopReason.GAP_REACHED if duel.is_settled(settings.gap) else last.reason
    if reason is StopReason.GAP_REACHED and not duel.is_settled(settings.gap):
        reason = StopReason.WORK_LIMIT
    fixed = Certificate(duel.value, bound, plan.certificates["assignment"].family)
    return replace(
        plan,
        headline=Certificate(duel.value, bound, family),
        certificates={"assignment": fixed},
        reason=reason,
        seconds=done[0],
        work=done[1],
        solver=f"{plan.solver}, weights of the draws in {len(duel.values)} rounds",
    )


def _solve_with_confidence(
    problem: CampaignProblem, rule: tuple[float, float], settings: EngineSettings, progress: Progress | None
) -> CampaignPlan:
    """Tighten the expected budget until the quantile of spend keeps the real one; the first solve gives the bound."""
    budget, confidence = rule
    half = replace(settings, time_limit=settings.time_limit / 2)
    first = plan = _solve(problem, half, progress)
    tight, seconds, work = budget, plan.seconds, plan.work
    for _ in range(ROUNDS):
        reached = spend_quantile(spend_moments(problem, plan), confidence)
        if reached <= budget:
            break
        tight = max(0.0, tight * (budget / reached) * (1 - MARGIN))
        trial = replace(problem, rules=replace(problem.rules, budget=tight))
        plan = _solve(trial, half, progress)
        seconds, work = seconds + plan.seconds, work + plan.work
    moments = spend_moments(problem, plan)
    chance = chance_within(moments, budget)
    if chance < confidence:
        plan = _solve(replace(problem, rules=replace(problem.rules, budget=0.0)), half, progress)
        chance = chance_within(spend_moments(problem, plan), budget)
    return _with_confidence_line(problem, first, plan, (chance, seconds, work), settings)


def _with_confidence_line(
    problem: CampaignProblem,
    first: CampaignPlan,
    plan: CampaignPlan,
    done: tuple[float, float, int],
    settings: EngineSettings,
) -> CampaignPlan:
    chance, seconds, work = done
    budget, confidence = problem.rules.budget or 0.0, problem.rules.budget_confidence or 0.0
    lines = []
    for line in plan.rules:
        slack = budget - line.value
        whole = RuleReport("budget", budget, line.value, slack, slack <= 1e-3 * budget, line.shadow_price)
        lines.append(whole if line.name == "budget" else line)
    binding = chance - confidence <= 0.1 * (1 - confidence)
    lines.append(RuleReport("budget_confidence", confidence, chance, chance - confidence, binding, None))
    head = Certificate(
        plan.headline.value,
        max(first.headline.bound, plan.headline.value),
        plan.headline.family + CONFIDENCE_FAMILY,
    )
    reason = plan.reason
    if reason is StopReason.GAP_REACHED and head.gap > settings.gap:
        reason = StopReason.WORK_LIMIT
    fixed = {name: replace(one, bound=max(one.bound, one.value)) for name, one in plan.certificates.items()}
    if "menu" in first.certificates:  # that of the budget as it was asked for, not of a tightened one
        mean = first.certificates["menu"]
        fixed["menu"] = replace(mean, family=mean.family + MEAN_FAMILY)
    return replace(
        plan, headline=head, certificates=fixed, rules=tuple(lines), reason=reason, seconds=seconds, work=work
    )
