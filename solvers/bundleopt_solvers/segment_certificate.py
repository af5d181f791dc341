"""The certificate of the segment model, beside the headline: value and bound of what `--write-model` writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.menu_engine import MenuResult, solve_menu
from bundleopt_solvers.plan import Certificate, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings

GAP = 0.01  # its bound is a by-product, never the headline
WORK = 24  # linear models: a few seconds on the sample, and the same certificate every time
SHARE = 0.25  # of the time limit, where the clock ends it before its work does


@dataclass(frozen=True)
class SegmentCertificate:
    """`certificate` is None where no menu was found in time; `work` done; `incidents`: what went wrong on the way."""

    certificate: Certificate | None
    work: int
    incidents: tuple[str, ...]


def segment_certificate(
    problem: CampaignProblem, menu: npt.NDArray[np.integer], settings: EngineSettings
) -> SegmentCertificate:
    """Bound the segment model over every candidate option; see `segment_menu`."""
    found = segment_menu(problem, menu, settings)
    incidents = found.incidents
    if found.reason is StopReason.TIME_LIMIT:
        incidents = (*incidents, f"segment model: stopped by the clock after {found.work} units of work")
    known = np.isfinite(found.value) and np.isfinite(found.bound)
    return SegmentCertificate(found.certificate if known else None, found.work, incidents)


def segment_menu(problem: CampaignProblem, menu: npt.NDArray[np.integer], settings: EngineSettings) -> MenuResult:
    """Solve the segment model in a share of the effort, starting from the delivered `menu`.

    It ends by its gap or its work, so that it is the same every time; where the clock ends it, `menu_work` replays it.
    """
    replayed = settings.work is not None or settings.menu_work is not None
    quick = replace(
        settings,
        gap=max(settings.gap, GAP),
        work=WORK if settings.menu_work is None else settings.menu_work,
        time_limit=settings.time_limit if replayed else max(1.0, SHARE * settings.time_limit),
    )
    return solve_menu(problem, quick, start=menu)
