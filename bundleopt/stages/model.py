"""The demand model of a workspace: trained when there is none, opened when there is."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.session import Session
from bundleopt_data import atomic, digests
from bundleopt_data.errors import ModelArtefactError

if TYPE_CHECKING:
    from bundleopt_data.panel import Panel
    from bundleopt_models.model import DemandModel
    from bundleopt_models.settings import TrainSettings

POINTER = "current.json"


@dataclass(frozen=True)
class ModelRecord:
    """What a workspace knows of its current model.

    Attributes:
        name: folder below `models/`. fast: whether it is the quick training that `solve` starts by itself.
        fit_until: first day that fitting did not see; also the day up to which the top items were counted.
        bounded: whether `fit_until` was asked for; else it is the end of the data of that day.
        max_items: items asked for, None for the source's choice. inputs: sha256 of the data it was trained on.
        training: what the training recorded of itself, plain values by name.
    """

    name: str
    fast: bool
    fit_until: date
    bounded: bool
    max_items: int | None
    inputs: dict[str, str]
    training: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the record as JSON."""
        return dict(vars(self)) | {"fit_until": self.fit_until.isoformat()}


@dataclass(frozen=True)
class TrainedModel:
    """A model on disk, the panel it reads, and its record. The weights are read when they are asked for."""

    folder: Path
    panel: Panel
    record: ModelRecord

    @cached_property
    def model(self) -> DemandModel:
        """The model itself.

        Raises:
            ModelArtefactError: its files are missing, incompatible or corrupt.
        """
        from bundleopt_models.model import load_model

        if not self.folder.is_dir():
            raise ModelArtefactError(f"the model {self.folder} is gone; train it again with: bundleopt train")
        return load_model(self.folder)

    def file_digests(self) -> dict[str, str]:
        """SHA-256 of every file of the model, by its path below the model's folder."""
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): digests.sha256_of_file(path) for path in files}


def train(
    session: Session, *, fast: bool, until: date | None = None, resume: bool = False, device: str | None = None
) -> TrainedModel:
    """Train a model, make it the workspace's current one, and return it.

    Args:
        session: the workspace.
        fast: the preset of at most two minutes.
        until: nothing on or after this day is seen; None for all data.
        resume: continue a training of the same settings that was stopped.
        device: overrides the configuration.
    """
    from bundleopt_models.model import train_model

    data = session.dataset
    config = session.config.model
    record = ModelRecord(
        name=f"{'fast' if fast else 'full'}-{until.isoformat() if until else 'all'}",
        fast=fast,
        fit_until=until or data.default_week(),
        bounded=until is not None,
        max_items=config.max_items,
        inputs=data.input_hashes,
    )
    panel = panel_of(session, record)
    settings = train_settings(session, fast=fast, until=until, device=device)
    # The old model stays whole until the new one is: training happens beside it, and can be resumed there.
    workplace = session.workspace.models / f"{record.name}.training"
    if not resume and workplace.exists():
        shutil.rmtree(workplace)
    model = train_model(panel, settings, folder=workplace, progress=session.progress, resume=resume)
    with atomic.writing(session.workspace.models / record.name) as temporary:
        workplace.replace(temporary)
    record = replace(record, training=_plain_facts(model.record))
    atomic.write_text(session.workspace.models / POINTER, json.dumps(record.document(), indent=2) + "\n")
    return TrainedModel(session.workspace.models / record.name, panel, record)


def train_aside(session: Session, *, fast: bool, until: date) -> TrainedModel:
    """Train a model that sees nothing on or after `until`, in the cache; the workspace's own model stays."""
    from bundleopt_models.model import train_model

    record = ModelRecord(
        name=f"aside-{'fast' if fast else 'full'}-{until.isoformat()}",
        fast=fast,
        fit_until=until,
        bounded=True,
        max_items=session.config.model.max_items,
        inputs=session.dataset.input_hashes,
    )
    folder = session.workspace.cache / "aside"
    shutil.rmtree(folder, ignore_errors=True)
    panel = panel_of(session, record)
    train_model(panel, train_settings(session, fast=fast, until=until), folder=folder, progress=session.progress)
    return TrainedModel(folder, panel, record)


def train_settings(
    session: Session, *, fast: bool, until: date | None = None, device: str | None = None
) -> TrainSettings:
    """Return the settings of a training as the workspace has them."""
    from bundleopt_models.settings import TrainSettings

    config = session.config.model
    settings = TrainSettings(
        fit_until=until,
        seed=config.seed,
        device=device or config.device,
        assumed_pull_forward=session.config.assumptions.pull_forward,
    )
    return settings.as_fast() if fast else settings


def open_model(session: Session) -> TrainedModel | None:
    """Open the current model; None where the workspace has none.

    Raises:
        ModelArtefactError: its record cannot be read; the message says how to train it again.
    """
    record = read_record(session.workspace.models)
    if record is None:
        return None
    return TrainedModel(session.workspace.models / record.name, panel_of(session, record), record)


def ensure_model(session: Session) -> TrainedModel:
    """Open the current model, or train the quick one where there is none."""
    return open_model(session) or train(session, fast=True)


def read_record(models: Path) -> ModelRecord | None:
    """Read the record of the current model; None where there is none.

    Raises:
        ModelArtefactError: the record cannot be read, or points out of the folder.
    """
    path = models / POINTER
    if not path.is_file():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["fit_until"] = date.fromisoformat(raw["fit_until"])
        record = ModelRecord(**raw)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelArtefactError(f"{path} cannot be read; train again with: bundleopt train") from error
    if Path(record.name).name != record.name or record.name.startswith("."):
        raise ModelArtefactError(f"{path} points to {record.name!r}, which is not a model of this workspace")
    return record


def panel_of(session: Session, record: ModelRecord) -> Panel:
    """Return the panel with the items of the record."""
    return session.dataset.panel(fit_until=record.fit_until, max_items=record.max_items, progress=session.progress)


def _plain_facts(run: dict[str, Any]) -> dict[str, Any]:
    """What a training recorded of itself: plain values only, names as people write them."""
    named = {name.replace("_", " "): value for name, value in run.items()}
    return {name: value for name, value in named.items() if isinstance(value, str | int | float)}
