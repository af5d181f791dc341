"""What a running solve knows: the problem laid out, the best plan so far, the bound, the clock and the work."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.arbitrage import broken_covers
from bundleopt_solvers.assignment import assign
from bundleopt_solvers.cells import Cells
from bundleopt_solvers.groups import conflict_matrix
from bundleopt_solvers.lagrangian import Multipliers, Relaxation
from bundleopt_solvers.menu_rules import MenuRules
from bundleopt_solvers.plan import StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.repair import MenuTask
from bundleopt_solvers.settings import EngineSettings

Indices = npt.NDArray[np.int64]
Floats64 = npt.NDArray[np.float64]
SMALL_CELLS = 2_000
GOAL_MARGIN = 0.1  # share of a goal by which the bound goes under it on a short list: the other options raise it again
STALL_CELLS = 8e6  # cells that steps pass over for each second of the time limit; one core passes over three times that
STALL_STEPS = 400.0  # steps without progress that are always granted: four rounds at the root
STALL_OPTIONS = 200  # options that a step passes over, at most
STALL_SHARE = 0.1  # share of the asked gap that counts as progress
LEAST_PROGRESS = 1e-6  # the same where the asked gap is next to nothing
Progress = Callable[[str, float, float, float], None]  # stage, best value, bound, seconds


class OutOfTime(Exception):  # noqa: N818 - a signal inside the engine, not an error of the product
    """The clock or the work ran out; the best plan and its bound stand in the state."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Incumbent:
    """The best plan so far: offers as (customer, option) codes, their exact value, and a bound for this menu alone."""

    customer: Indices
    option: Indices
    value: float
    menu_bound: float = np.inf

    @property
    def menu(self) -> Indices:
        """Options in use, ascending."""
        return np.unique(self.option)

    def revalued(self, problem: CampaignProblem) -> Incumbent:
        """The same offers at their value in `problem`."""
        gain = problem.value[self.customer, self.option].astype(np.float64).tolist()
        bundles = len(np.unique(problem.options.bundle[self.option]))
        contacts = int((self.customer < problem.customers).sum())
        costs = [-problem.rules.contact_cost] * contacts + [-problem.rules.fixed_cost_per_bundle] * bundles
        return Incumbent(self.customer, self.option, math.fsum([*gain, *costs]))


@dataclass
class Stall:
    """When the distance of plan and bound last shrank by an amount that counts.

    Attributes:
        patience: units of work without progress that are enough. work, distance: when, and how far it was then.
    """

    patience: float
    work: int = 0
    distance: float = np.inf

    def is_over(self, work: int, distance: float, counts: float) -> bool:
        """Note progress of at least `counts`; whether there was none for too long."""
        if distance <= self.distance - counts:
            self.work, self.distance = work, distance
        return work - self.work > self.patience


def _patience(cells: Cells, settings: EngineSettings) -> float:
    """Units of work without progress after which a solve ends; a longer time limit buys proportionally more.

    It counts work, never the clock, so that it ends at the same place on every machine.
    """
    step = min(len(cells.option), STALL_OPTIONS) * cells.gain.shape[1]
    return max(settings.time_limit * STALL_CELLS / max(step, 1), STALL_STEPS)


def needed_positions(menu: MenuRules, option: Indices, cells: Cells) -> tuple[int, ...]:
    """Positions of a menu's options that must have an offer: includes, and enough of every floor, the best ones."""
    needed = np.isin(cells.bundle, menu.include) | cells.shelf
    worth = torch.relu(cells.gain).sum(1).numpy()
    for floor in np.flatnonzero(menu.is_floor):
        inside = menu.member[floor, option] < 0
        missing = int(-menu.cap[floor] - (needed & inside).sum())
        free = np.flatnonzero(inside & ~needed)
        if missing > 0:
            needed[free[np.argsort(-worth[free], kind="stable")[:missing]]] = True
    return tuple(np.flatnonzero(needed).tolist())


@dataclass
class SearchState:
    """One solve in progress.

    Attributes:
        cells: the candidate cells still alive (shrinks as options are excluded by their bound); everything: all.
        relaxation: the rules. incumbent: the best plan. bound: valid for every plan.
        excluded: the largest bound of anything set aside so far; the final bound is never below it.
        tried: menus already assigned, so that no work is done twice.
        prices: multipliers of the best bound of the root. first: those that it begins with, None for its own guess.
        goal: where set, only plans of at least this value count: the search asks whether there is one.
        stall: patience, and what the search last got done.
        known: a valid bound from outside the search; its own prices are looked for nevertheless.
    """

    problem: CampaignProblem
    settings: EngineSettings
    cells: Cells
    relaxation: Relaxation
    progress: Progress | None = None
    everything: Cells = field(init=False)
    incumbent: Incumbent | None = None
    goal: float | None = None
    prices: Multipliers | None = None
    first: Multipliers | None = None
    stopped: StopReason | None = None
    stall: Stall = field(init=False)
    bound: float = np.inf
    known: float = np.inf
    excluded: float = -np.inf
    work: int = 0
    started: float = field(default_factory=time.monotonic)
    tried: dict[bytes, float] = field(default_factory=dict)
    incidents: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Remember all cells for the report at the end, and how much work without progress is enough."""
        self.everything = self.cells
        self.stall = Stall(_patience(self.cells, self.settings))

    @property
    def is_small(self) -> bool:
        """Whether enumeration is cheaper than good prices: few cells are bounded roughly and branched on at once."""
        return self.cells.gain.numel() <= SMALL_CELLS

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def floor(self) -> float:
        """Value of the best plan, -inf without one."""
        return -np.inf if self.incumbent is None else self.incumbent.value

    @property
    def cutoff(self) -> float:
        """Largest bound that still proves the asked gap."""
        if self.goal is not None:
            return float(np.nextafter(self.goal, -np.inf)) if self.floor < self.goal else np.inf
        if self.incumbent is None:
            return -np.inf
        value, gap = self.incumbent.value, self.settings.gap
        return value / (1 - gap) if value >= 0 else value / (1 + gap)

    @property
    def aim(self) -> float:
        """No bound below it is of use: the best plan, or somewhat under a goal that isn't reached yet."""
        if self.goal is None or self.floor >= self.goal:
            return self.floor
        return max(self.floor, self.goal - GOAL_MARGIN * abs(self.goal))

    def report(self, stage: str) -> None:
        """Tell the caller how the solve goes."""
        if self.progress is not None:
            self.progress(stage, self.floor, self.bound, self.seconds)

    def tick(self) -> bool:
        """Count one unit of work; whether a limit is reached. What follows isn't counted: so a stop can be replayed."""
        if self.stopped is None:
            self.work += 1
            if self.settings.work is not None and self.work >= self.settings.work:
                self.stopped = StopReason.WORK_LIMIT
            elif self.seconds > self.settings.time_limit:
                self.stopped = StopReason.TIME_LIMIT
            elif self._is_stalled():
                self.stopped = StopReason.WORK_LIMIT
        return self.stopped is not None

    def _is_stalled(self) -> bool:
        """Whether plan and bound have come no closer for so long that more of the same work isn't worth its time.

        A given amount of work is done whatever comes of it, and a question with a goal is asked until it is answered.
        """
        if self.settings.work is not None or self.goal is not None or self.incumbent is None:
            return False
        share = max(STALL_SHARE * self.settings.gap, LEAST_PROGRESS)
        return self.stall.is_over(self.work, self.bound - self.floor, share * abs(self.bound))

    def check(self) -> None:
        """Raise `OutOfTime` where a limit was reached."""
        if self.stopped is not None:
            raise OutOfTime(self.stopped)

    def lower(self, bound: float) -> None:
        """Take over a valid bound if it is better."""
        self.bound = min(self.bound, max(bound, self.excluded))

    def menu_allowed(self, menu: Indices) -> bool:
        """Whether the options `menu` (indices of the problem) keep the rules that a part of a menu could break."""
        bundles = self.problem.options.bundle[menu].astype(np.int64)
        if len(np.unique(bundles)) < len(bundles) or self.relaxation.menu.broken(menu):
            return False
        return not broken_covers(self.problem, menu)

    def menu_task(self, positions: Indices) -> MenuTask:
        """The assignment task of the options at `positions` of the alive cells."""
        relaxation, option = self.relaxation, self.cells.option[positions]
        rows = relaxation.rows.with_exposure(option, least=relaxation.least, most=relaxation.most)
        cells = replace(
            self.cells.take(positions).double(),
            count_option=torch.from_numpy(rows.count_option[:, option]),
            count_customer=torch.from_numpy(rows.count_customer),
        )
        return MenuTask(
            self.problem,
            cells,
            rows,
            relaxation.menu,
            conflict_matrix(self.problem, option),
            relaxation.slots,
            needed_positions(relaxation.menu, option, cells),
        )

    def try_menu(self, positions: Indices, prices: Multipliers, *, steps: int) -> bool:
        """Assign a menu and keep the plan if it is the best; whether it was."""
        key = self.cells.option[positions].tobytes()
        if self.tried.get(key, -1) >= steps or not len(positions):
            return False
        self.tried[key] = steps
        if not set(self.relaxation.menu.include) <= set(self.cells.bundle[positions].tolist()):
            return False
        menu = self.cells.option[positions]
        if not self.menu_allowed(menu) or self.relaxation.menu.misses(menu):
            return False
        task = self.menu_task(positions)
        goal = 0.1 * self.settings.gap
        found = assign(task, task.first_prices(prices.row), steps=steps, goal=goal, tick=self.tick)
        if found.draft is None or found.draft.value <= self.floor:
            return False
        place, who = np.nonzero(found.draft.shown)
        order = np.lexsort((task.cells.option[place], who))
        bound = found.bound - task.fixed_cost(found.draft)
        self.incumbent = Incumbent(who[order], task.cells.option[place][order], found.draft.value, bound)
        self.report("plan")
        return True
