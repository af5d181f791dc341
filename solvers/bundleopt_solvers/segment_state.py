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
from bundleopt_solvers.segment_basis import KnownBasis
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_dual import SegmentPoint, SegmentPricer, SegmentPrices, no_prices
from bundleopt_solvers.segment_flow_cuts import flow_capacity
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel
from bundleopt_solvers.segment_relaxed import Columns, Part, Relaxed, exposures_of, menu_positions, solve_relaxed
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
        columns: (options, S) exposures that linear models hold; None for all. What would gain comes in.
        reach: (options,) least bound known of a plan with the option.
        basis: where the simplex ended on the last relaxation, for the next one.
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
    columns: Columns | None = None
    basis: KnownBasis | None = None
    reach: Reals = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the pricing of all options; doing nothing is the first menu wherever the rules allow it."""
        self._tried: dict[bytes, float] = {}
        self.reach = np.full(len(self.everything.option), np.inf)
        self.keep(np.arange(len(self.everything.option)))
        nothing = np.zeros(0, np.int64)
        rules = self.everything.menu
        if not rules.include and not rules.misses(nothing) and (self.everything.rows.limit >= 0).all():
            empty = np.zeros((0, self.everything.segments))
            self.best = KnownMenu(nothing, empty, 0.0, no_prices(self.everything))

    def keep(self, at: Indices) -> None:
        """Go on with the options at positions `at` of all options."""
        self.kept = at
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
        columns = self.columns_at(at)
        found = self._relaxed(at, Part(on, columns, self.basis))
        if found.is_infeasible and columns is not None:
            found = self._relaxed(at, Part(on))
        if self.columns is not None and found.enters is not None:
            self.columns[self.kept[at]] |= found.enters
        self.basis = found.basis or self.basis
        return found

    def columns_at(self, at: Indices) -> Columns | None:
        """(n, S) exposures to write for positions `at` of the model, those of the best menu among them."""
        if self.columns is None:
            return None
        columns = self.columns[self.kept[at]]
        if self.best is not None:
            hit = np.searchsorted(self.best.option, self.model.option[at])
            there = hit < len(self.best.option)
            there[there] = self.best.option[hit[there]] == self.model.option[at[there]]
            columns[there] |= self.best.exposure[hit[there]] > 0
        return np.asarray(columns)

    def _relaxed(self, at: Indices, part: Part) -> Relaxed:
        return solve_relaxed(
            self.model.take(at),
            self.cuts,
            part=part,
            seconds=self.left,
            solver=self.settings.solver,
            stopped=self.is_over,
        )

    def is_over(self) -> bool:
        """Whether the clock ran out."""
        return self.left <= 0

    def note(self, point: SegmentPoint) -> None:
        """Remember what a point of the root says of every option of the model."""
        reach = point.bound + change_if_added(point.score, point.choice)
        self.reach[self.kept] = np.minimum(self.reach[self.kept], reach)

    def exclude(self) -> bool:
        """Drop options that can't be on a menu better than the cutoff, and remember their bound; whether any went."""
        reach = self.reach[self.kept]
        keep = reach > self.cutoff
        if self.best is not None:  # neighbourhoods are built around it
            keep |= np.isin(self.model.option, self.best.option)
        if keep.all():
            return False
        self.excluded = max(self.excluded, float(reach[~keep].max()))
        self.keep(self.kept[keep])
        return True

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
            # An option that no segment gains by is not in the model, and has no row of exposures.
            held = self.everything.option[at].astype(np.int64)
            self.best = KnownMenu(held, found.exposure, found.value, found.prices)
            self.report("menu")
        return found.value
