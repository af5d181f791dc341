"""The certificate of the segment model, beside the headline: value and bound of what `--write-model` writes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import SolverCrashError
from bundleopt_solvers.backends.backend import Effort
from bundleopt_solvers.plan import Certificate
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.segment_master import build_segment_master
from bundleopt_solvers.segment_solve import exposures_for, solve_segment_master
from bundleopt_solvers.settings import EngineSettings

SHARE = 0.1  # of the time limit that the segment model may take; its bound is a by-product, never the headline


def segment_certificate(
    problem: CampaignProblem, menu: npt.NDArray[np.int64], settings: EngineSettings
) -> tuple[Certificate | None, tuple[str, ...]]:
    """Solve the segment model for a share of the time limit, starting from the delivered `menu`.

    Returns:
        The certificate, None where no backend gave a plan in time, and what went wrong on the way.
    """
    effort = Effort(time_limit=max(1.0, SHARE * settings.time_limit), gap=settings.gap, seed=settings.seed)
    try:
        master = build_segment_master(problem)
        known = np.intersect1d(menu, master.columns.options)
        start = exposures_for(master, known) if len(known) else None
        found = solve_segment_master(master, effort, solver=settings.solver, start=start)
    except SolverCrashError as error:
        return None, (f"segment model: {error}",)
    if found.result.values is None or not np.isfinite(found.result.bound):
        return None, (*found.result.incidents, "segment model: no certificate in its share of the time")
    return found.master.certificate(found.result), found.result.incidents
