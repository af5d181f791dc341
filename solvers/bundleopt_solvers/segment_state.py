"""What a search of the segment menu problem knows: options in question, cuts, the best menu, bounds, the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bundleopt_solvers.arbitrage import broken_covers
from bundleopt_solvers.menu_rules import change_if_added
from bundleopt_solvers.plan import StopReason
from bundleopt_solvers.search_state import OutOfTime
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_dual import SegmentPoint, SegmentPricer, SegmentPrices, no_prices
from bundleopt_solvers.segment_flow_cuts import flow_capacity
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel
from bundleopt_solvers.segment_relaxed import Relaxed, exposures_of, menu_positions, solve_relaxed
from bundleopt_solvers.settings import EngineSettings

MenuProgress = Callable[[str, float, float, float], None]


@dataclass(frozen=True, eq=False)
class KnownMenu:
    """A menu that keeps every rule: option indices of the problem, exposures (n, S), value, prices with it fixed."""

    option: Indices
    exposure: Reals
    value: float
    prices: SegmentPrices | None


@dataclass(eq=False)
class SegmentState:
    """Mutable state of one search.

    Attributes:
        everything: all options. model: those not excluded yet; `pricer` and `capacity` belong to it.
        cuts: rows known to hold for every menu. best: the best menu, None where none is known.
        bound: proven. excluded: largest bound of any plan with an option that was dropped.
        work: linear models solved and rounds of descent. stopped: why the search ended early, None while it runs.
    """

    everything: SegmentModel
    settings: EngineSettings
    progress: MenuProgress | None = None
    start: float = field(default_factory=time.monotonic)
    cuts: list[SegmentCut] = field(default_factory=list)
    best: KnownMenu | None = None
    bound: float = np.inf
    excluded: float = -np.inf
    work: int = 0
    stopped: StopReason | None = None
    incidents: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out the pricing of all options; doing nothing is the first menu wherever the rules allow it."""
        self._tried: dict[bytes, float] = {}
        self.keep(np.arange(len(self.everything.option)))
        nothing = np.zeros(0, np.int64)
        rules = self.everything.menu
        if not rules.include and not rules.misses(nothing) and (self.everything.rows.limit >= 0).all():
            empty = np.zeros((0, self.everything.segments))
            self.best = KnownMenu(nothing, empty, 0.0, no_prices(self.everything))

    def keep(self, at: Indices) -> None:
        """Go on with the options at positions `at` of all options."""
        self.model = self.everything.take(at)
        self.pricer = SegmentPricer(self.model)
        self.capacity = flow_capacity(self.model)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def left(self) -> float:
        """Seconds left of the time limit."""
        return self.settings.time_limit - self.seconds

    @property
    def floor(self) -> float:
        """Value of the best menu, -inf without one."""
        return -np.inf if self.best is None else self.best.value

    @property
    def cutoff(self) -> float:
        """Largest bound that still proves the asked gap."""
        if self.best is None:
            return -np.inf
        gap = self.settings.gap
        return self.floor / (1 - gap) if self.floor >= 0 else self.floor * (1 - gap)

    @property
    def is_proven(self) -> bool:
        """Whether the asked gap is proven."""
        return self.bound <= self.cutoff

    def lower(self, bound: float) -> None:
        """Take over a proven bound where it is better."""
        self.bound = min(self.bound, max(bound, self.excluded, self.floor))

    def tick(self, units: int = 1) -> None:
        """Count work.

        Raises:
            OutOfTime: a limit is reached.
        """
        self.work += units
        limit = self.settings.work
        if limit is not None and self.work >= limit:
            self.stopped = StopReason.WORK_LIMIT
        elif self.left <= 0:
            self.stopped = StopReason.TIME_LIMIT
        if self.stopped is not None:
            raise OutOfTime(self.stopped)

    def report(self, stage: str) -> None:
        """Tell the caller how the solve goes."""
        if self.progress is not None:
            self.progress(stage, self.floor, self.bound, self.seconds)

    def relax(self, at: Indices, on: frozenset[int] = frozenset()) -> Relaxed:
        """Solve the linear relaxation over positions `at` of the model, with `on` on the menu."""
        self.tick()
        return solve_relaxed(
            self.model.take(at),
            self.cuts,
            on=on,
            seconds=self.left,
            solver=self.settings.solver,
            stopped=self.is_over,
        )

    def is_over(self) -> bool:
        """Whether the clock ran out."""
        return self.left <= 0

    def exclude(self, point: SegmentPoint) -> Indices:
        """Positions of options that may be on a menu better than the cutoff; remembers the bound of the others."""
        reach = point.bound + change_if_added(point.score, point.choice)
        keep = reach > self.cutoff
        if not keep.all():
            self.excluded = max(self.excluded, float(reach[~keep].max()))
        return np.flatnonzero(keep)

    def allows(self, options: Indices) -> bool:
        """Whether a menu of these option indices of the problem keeps the rules of the menu."""
        bundles = self.everything.problem.options.bundle[options]
        menu = self.everything.menu
        if len(np.unique(bundles)) < len(bundles) or menu.broken(options) or menu.misses(options):
            return False
        if not set(menu.include) <= set(bundles.tolist()):
            return False
        return not broken_covers(self.everything.problem, options)

    def try_menu(self, options: Sequence[int] | Indices) -> float:
        """Value of the menu of these option indices of the problem, -inf where rules forbid it; kept if the best."""
        menu = np.unique(np.asarray(options, np.int64))
        key = menu.tobytes()
        if key in self._tried:
            return self._tried[key]
        self._tried[key] = -np.inf
        if not len(menu) or not self.allows(menu):
            return -np.inf
        self.tick()
        at = menu_positions(self.everything, menu)
        found = exposures_of(
            self.everything.take(at), seconds=self.left, solver=self.settings.solver, stopped=self.is_over
        )
        if found.exposure is None:
            return -np.inf
        self._tried[key] = found.value
        if found.value > self.floor:
            self.best = KnownMenu(menu, found.exposure, found.value, found.prices)
            self.report("menu")
        return found.value
