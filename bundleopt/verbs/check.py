"""Validates and profiles the data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.plan.document import plain
from bundleopt.session import Progress, Session, open_session

if TYPE_CHECKING:
    from bundleopt_data.check import CheckReport


@dataclass(frozen=True)
class CheckResult:
    """What `check` found.

    Attributes:
        report: findings, profile, mended rows and assumptions. assumptions: of the data and of the configuration.
        source: where the data is. inputs: sha256 of every file.
    """

    report: CheckReport
    source: str
    assumptions: tuple[str, ...]
    inputs: dict[str, str]

    @property
    def verdict(self) -> str:
        """PASS, REVIEW or FAIL: the most serious finding."""
        return str(self.report.level.value)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return dict(
            plain(
                {
                    "verdict": self.verdict,
                    "source": self.source,
                    "findings": [{"level": f.level.value, "sentence": f.sentence} for f in self.report.findings],
                    "profile": dataclasses.asdict(self.report.profile),
                    "mended": [dataclasses.asdict(mending) for mending in self.report.mended],
                    "assumptions": list(self.assumptions),
                    "notice": self.report.notice,
                    "inputs": self.inputs,
                }
            )
        )


def check(workspace: Path | str | None = None, *, progress: Progress | None = None) -> CheckResult:
    """Read the data of a workspace, and say what it holds and whether a plan can rest on it.

    Raises:
        DataRefusedError: the data breaks the contract; `rejects.csv` in the workspace lists the rows.
    """
    from datetime import UTC, datetime

    session = open_session(workspace, progress=progress)
    data = session.dataset
    session.progress("profiling the data", 0.9)
    report = data.check(today=datetime.now(UTC).date())
    sentences = (*data.assumptions, *_configured(session, report))
    return CheckResult(report, session.source, tuple(dict.fromkeys(sentences)), data.input_hashes)


def _configured(session: Session, report: CheckReport) -> list[str]:
    """Return what the configuration assumes where this data does not say."""
    assumed = session.config.assumptions
    sentences = []
    if report.profile.cost_share < 1 and assumed.assumed_margin is not None:
        finer = ", with other shares by department or category" if assumed.assumed_margin_by_department else ""
        sentences.append(f"Items without unit_cost earn {assumed.assumed_margin:.0%} of their net shelf price{finer}.")
    if "inventory" not in session.dataset.tables:
        cover = f"{assumed.weeks_of_cover:g} weeks of their sales" if assumed.weeks_of_cover else "unlimited"
        sentences.append(f"There is no inventory table: the stock of items is {cover}.")
    sentences.append(f"Suppliers pay {assumed.funding_share:.0%} of a discount on items without funding.")
    return sentences
