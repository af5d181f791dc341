"""How much the embeddings of a small log are shrunk: trained both ways, and the later weeks decide.

A large log tells customers' and items' own vectors from noise by itself, and is trained once. With some ten thousand
rows they help where tastes come in types, and hurt where every customer simply repeats; no rule on size knows which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bundleopt_data.progress import Progress
from bundleopt_models.network import DemandNetwork
from bundleopt_models.settings import TrainSettings
from bundleopt_models.training import Trainer, TrainingData, TrainingResult, rows_of

SMALL_LOG_ROWS = 500_000
"""Sampled rows of one pass below which a second training is both worth its time and cheap."""

SHRINKAGES = (1.0, 30.0)


@dataclass(frozen=True)
class Attempt:
    """A training that has ended, and the factor on `embedding_decay` that it was run with."""

    trainer: Trainer
    result: TrainingResult
    shrinkage: float

    @property
    def loss(self) -> float:
        """Validation loss of the weights that were kept."""
        return min(self.result.validation_loss, default=float("inf"))


class Attempts:
    """The trainings of one log; each keeps its states in a folder of its own, so that all can be resumed."""

    def __init__(
        self, start: Callable[[TrainingData], DemandNetwork], data: TrainingData, settings: TrainSettings, folder: Path
    ) -> None:
        """`start` gives a fresh network for the rows, the same every time."""
        self._start, self._data, self._settings, self._folder = start, data, settings, folder
        self.shrinkages = SHRINKAGES if _is_worth_two(data) else SHRINKAGES[:1]
        self._done: list[Attempt] = []

    def run(self, progress: Progress, *, resume: bool = False) -> Attempt:
        """Train with every shrinkage and return the best on the validation weeks, the first of equals.

        Raises:
            ModelArtefactError: `resume` finds states of other settings only.
        """
        for place, shrinkage in enumerate(self.shrinkages):
            settings = replace(self._settings, embedding_decay=self._settings.embedding_decay * shrinkage)
            folder = self._folder / f"attempt-{place}" if place else self._folder
            trainer = Trainer(self._start(self._data), self._data, settings, folder)
            result = trainer.run(_share(progress, place, len(self.shrinkages)), resume=resume)
            self._done.append(Attempt(trainer, result, shrinkage))
        return min(self._done, key=lambda attempt: attempt.loss)

    def release(self) -> None:
        """Let go of the rows; networks and states on disk stay."""
        self._data = replace(self._data, fit=[], validation=[])
        for attempt in self._done:
            attempt.trainer.release()

    def forget_states(self) -> None:
        """Remove the states of trainings that have ended."""
        for attempt in self._done:
            attempt.trainer.forget_states()
            if attempt.trainer.folder != self._folder and attempt.trainer.folder.is_dir():
                attempt.trainer.folder.rmdir()


def _is_worth_two(data: TrainingData) -> bool:
    """Small, with something to learn, and with weeks to judge by."""
    rows = sum(rows_of(week) for week in data.fit)
    if rows >= SMALL_LOG_ROWS:
        return False
    bought = sum(float(week.bought.sum()) for week in data.fit)
    return 0 < bought < rows and bool(data.validation)


def _share(progress: Progress, place: int, total: int) -> Progress:
    return lambda stage, share: progress(stage, (place + share) / total)
