"""Fits the demand model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bundleopt.campaign_results.learned import learned_sentence, read_learned
from bundleopt.session import Progress, open_session
from bundleopt.stages import model
from bundleopt.workspace_lock import hold
from bundleopt_data.errors import UsageError


@dataclass(frozen=True)
class TrainResult:
    """A trained model.

    Attributes:
        folder: where it lies. facts: what is known of the training, for people.
    """

    folder: Path
    facts: dict[str, Any]

    @property
    def sentence(self) -> str:
        """How good the model is on the weeks it was calibrated on, in words; empty where nothing was measured."""
        gain, ratio = self.facts.get("gain over personal frequency"), self.facts.get("predicted over observed")
        if gain is None or ratio is None:
            return ""
        return (
            f"On its validation weeks the log loss is {gain} below that of every customer's own purchase frequency, "
            f"and predicted purchases are {ratio:.2f} of the actual ones. These weeks also chose and calibrated it: "
            "bundleopt evaluate tests on weeks that chose nothing."
        )


def train(
    workspace: Path | str | None = None,
    *,
    fast: bool = False,
    until: date | str | None = None,
    resume: bool = False,
    device: str | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Fit the demand model of a workspace and make it the one that plans are made with.

    Args:
        workspace: its folder; None finds it.
        fast: the preset of at most two minutes.
        until: nothing on or after this day is seen.
        resume: continue a training that was stopped.
        device: auto, cpu, cuda or mps; None takes the configuration's.
        progress: told (what is being done, share done).

    Raises:
        UsageError: a value is wrong. DataRefusedError: the data breaks the contract.
        ModelArtefactError: `resume`, and there is nothing that can be resumed.
    """
    day = parse_day(until)
    if device is not None and device not in {"auto", "cpu", "cuda", "mps"}:
        raise UsageError(f"--device {device!r} is none of auto, cpu, cuda, mps")
    session = open_session(workspace, progress=progress)
    with hold(session.workspace):
        trained = model.train(session, fast=fast, until=day, resume=resume, device=device)
    facts = model_facts(trained)
    if (taught := read_learned(session.workspace).response) is not None:
        facts["offers"] = learned_sentence(taught)
    return TrainResult(session.workspace.models / trained.record.name, facts)


def model_facts(trained: model.TrainedModel) -> dict[str, Any]:
    """Return what is known of a model, for people: plain values only."""
    record = trained.record
    facts: dict[str, Any] = {
        "training": "quick (train --fast)" if record.fast else "full",
        "data seen": f"before {record.fit_until.isoformat()}",
    }
    return facts | record.training


def parse_day(text: date | str | None) -> date | None:
    """Read an ISO day.

    Raises:
        UsageError: it is none.
    """
    if text is None or isinstance(text, date):
        return text
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"--until {text!r} is not a day; write it like 2017-11-06") from None
