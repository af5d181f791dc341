"""The segment menu problem at any size: a menu with exposure shares, and a bound over every candidate option."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import SolverCrashError
from bundleopt_solvers.plan import Certificate, RuleReport, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.search_state import OutOfTime
from bundleopt_solvers.segment_branching import search
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_master import FAMILY
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel, build_segment_model
from bundleopt_solvers.segment_relaxed import menu_positions
from bundleopt_solvers.segment_state import KnownMenu, MenuProgress, SegmentState
from bundleopt_solvers.settings import EngineSettings


@dataclass(frozen=True, eq=False)
class MenuResult:
    """The best menu found, and how far from the best any menu can be.

    Attributes:
        menu: option indices on the menu, ascending. exposure: (S, n) share of each segment that is shown each option.
        value, bound: money. rules: coupling and menu rules with limit, value and slack.
        reason, seconds, work: how the search ended. options: candidates covered.
        cuts: rows that tightened the bound; those against arbitrage belong to the model that it bounds.
        incidents: what went wrong on the way.
    """

    menu: Indices
    exposure: Reals
    value: float
    bound: float
    rules: tuple[RuleReport, ...]
    reason: StopReason
    seconds: float
    work: int
    cuts: tuple[SegmentCut, ...]
    options: int
    incidents: tuple[str, ...] = field(default=())

    @property
    def certificate(self) -> Certificate:
        """Value, bound and the family they speak of: every option of the candidates."""
        return Certificate(self.value, self.bound, FAMILY)

    @property
    def gap(self) -> float:
        """(bound - value) / |bound|, 0 where both are 0."""
        return self.certificate.gap


def solve_menu(
    problem: CampaignProblem,
    settings: EngineSettings | None = None,
    *,
    start: npt.NDArray[np.integer] | None = None,
    progress: MenuProgress | None = None,
) -> MenuResult:
    """Find the menu of the largest value over segments, with a bound that no menu of the candidates can beat.

    All members of a segment share one exposure; see `segment_master` for the model and MENU.md for the mathematics.

    Args:
        problem: options, values, rules; `problem.segment` says who shares an exposure.
        settings: gap, limits. `work` counts linear models, hundreds of descent steps alike.
        start: option indices of a menu to begin with.
        progress: called with stage, best value, bound, seconds.

    Returns:
        The menu; value -inf and an empty menu where time ended before any menu was found. Stopped by gap or by work it
        is the same every time.
    """
    state = SegmentState(build_segment_model(problem), settings or EngineSettings(), progress)
    reason = StopReason.GAP_REACHED
    try:
        if start is not None and len(start):
            state.try_menu(np.asarray(start, np.int64))
        search(state)
        state.work += 1  # reaching the end is a unit of its own, so that a replay of this work ends there too
    except OutOfTime as stop:
        reason = stop.reason
    except KeyboardInterrupt:
        reason = StopReason.INTERRUPTED
    except SolverCrashError as error:
        reason, state.incidents = StopReason.TIME_LIMIT, [*state.incidents, str(error)]
    return _result(state, reason)


def _result(state: SegmentState, reason: StopReason) -> MenuResult:
    nothing = KnownMenu(np.zeros(0, np.int64), np.zeros((0, state.everything.segments)), -np.inf, None)
    best = state.best or nothing
    return MenuResult(
        menu=best.option,
        exposure=np.clip(best.exposure.T, 0.0, 1.0),
        value=best.value,
        bound=max(state.bound, best.value),
        rules=_rules(state.everything, best),
        reason=reason,
        seconds=state.seconds,
        work=state.work,
        cuts=tuple(state.cuts),
        options=len(state.everything.option),
        incidents=tuple(state.incidents),
    )


def _rules(model: SegmentModel, best: KnownMenu) -> tuple[RuleReport, ...]:
    """Coupling rows and counted rows with their slack; shadow prices are those with the menu fixed."""
    at = menu_positions(model, best.option)
    used = [float((row[at] * best.exposure).sum()) for row in model.dense]
    stock = np.zeros(len(model.stock) + 1)
    for place, units in enumerate(model.units):
        np.add.at(stock, model.unit_row[at, place], (units[at] * best.exposure).sum(1))
    values = np.array([*used, *stock[:-1]])
    prices = np.zeros(len(values))
    if best.prices is not None:
        prices = np.concatenate([best.prices.dense, best.prices.stock])
    limits = model.rows.limit
    lines = [
        _line(name, float(limit), float(value), float(price))
        for name, limit, value, price in zip(model.rows.names, limits, values, prices, strict=True)
    ]
    count = model.menu.member[:, best.option].sum(1)
    lines += [
        _line(n, float(c), float(v), None) for n, c, v in zip(model.menu.names, model.menu.cap, count, strict=True)
    ]
    return (*lines, _line("max_bundles", float(model.menu.max_bundles), float(len(best.option)), None))


def _line(name: str, limit: float, value: float, price: float | None) -> RuleReport:
    slack = limit - value
    return RuleReport(name, limit, value, slack, abs(slack) <= 1e-6 * max(abs(limit), 1.0), price)
