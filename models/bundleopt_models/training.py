"""The training loop: Adam on sampled weeks, early stopping on later weeks, a state on disk that resumes bit for bit.

Every random draw depends on the seed, the epoch and the step alone, never on what was drawn before: a run that was
killed and resumed walks through the same numbers as one that was not, on the same number of threads.
"""

from __future__ import annotations

import copy
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bundleopt_data.errors import ModelArtefactError
from bundleopt_models import acceleration, checkpoint
from bundleopt_models.acceleration import PLAIN, Forward, Variant
from bundleopt_models.corpus import WeekRows
from bundleopt_models.device import moved, resolve_device
from bundleopt_models.likelihood import sampled_loss
from bundleopt_models.network import ITEM_DROPOUT, Catalogue, DemandNetwork, Rows
from bundleopt_models.settings import TrainSettings
from bundleopt_models.week_store import StoredWeek

Progress = Callable[[str, float], None]

WARMUP_STEPS = 50
LAST_RATE = 0.02
"""Share of the learning rate that is left at the end of the cosine."""

STEPS_BETWEEN_STATES = 200
"""A state is written every so many steps and after each epoch: less than half a minute is lost when killed."""

STEPS_PER_EPOCH, SMALLEST_BATCH = 40, 256
"""Small logs get smaller batches, so that a pass is at least this many steps of at least this many rows."""

CLIP_NORM = 5.0

AVERAGE_DECAY = 0.99
"""Weights are averaged over about the last hundred steps; validated and kept is the average, which is less noisy."""


@dataclass(frozen=True)
class TrainingResult:
    """What a run did.

    Attributes:
        epochs: passes made. best_epoch: the one whose weights were kept, from 1.
        train_loss, validation_loss: per epoch, mean negative log-likelihood of sampled rows.
        rows: rows of one epoch. rows_per_second: of the optimiser loop. arithmetic: name of the variant used.
    """

    epochs: int
    best_epoch: int
    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    rows: int
    rows_per_second: float
    arithmetic: str = PLAIN.name


@dataclass(frozen=True)
class TrainingData:
    """What the loop reads.

    Attributes:
        fit, validation: sampled weeks. log_visit: week -> (U,) log P(visit).
        catalogue, customer_code: codes of the panel's items and customers in the model.
        frequency: of each validation week, (priors, n) personal frequencies of its rows, to compare with.
    """

    fit: Sequence[WeekRows | StoredWeek]
    validation: Sequence[WeekRows | StoredWeek]
    log_visit: dict[int, Tensor]
    catalogue: Catalogue
    customer_code: Tensor
    frequency: Sequence[Tensor] = ()


def rows_of(week: WeekRows | StoredWeek) -> int:
    """Number of rows, without reading a week on disk."""
    return week.n_rows if isinstance(week, StoredWeek) else len(week.bought)


def take(rows: Rows, index: Tensor) -> Rows:
    """Rows at `index`, as float32."""
    found = rows.at(index)
    wide = {f.name: part.float() for f in fields(Rows) if (part := getattr(found, f.name)).dtype == torch.float16}
    return replace(found, **wide)


def week_logits(network: DemandNetwork, data: TrainingData, week: WeekRows | StoredWeek, chunk: int = 32_768) -> Tensor:
    """(n,) log odds given a visit of all rows of a week, without gradients."""
    keep = torch.ones(len(data.catalogue.item), 1, device=week.bought.device)
    with torch.no_grad():
        parts = [
            network(take(week.rows, index), week.context, data.catalogue, data.customer_code, keep)
            for index in (
                torch.arange(start, min(start + chunk, len(week.bought))) for start in range(0, len(week.bought), chunk)
            )
        ]
    return torch.cat(parts) if parts else torch.zeros(0)


LARGE_LOG_ROWS, LARGE_BATCH = 4_000_000, 4
"""Beyond so many rows steps are so many times as large: pooling the customers' histories costs the same for each."""

RUN_STEPS = 8
"""Steps of one week that follow each other where weeks are on disk."""


class Trainer:
    """One run; `run` goes through the epochs and leaves the best weights in the network."""

    def __init__(self, network: DemandNetwork, data: TrainingData, settings: TrainSettings, folder: Path) -> None:
        """States are written below `folder`; nothing else there is touched."""
        self.network, self.settings, self.folder = network, settings, folder
        self._device = resolve_device(settings.device)
        network.to(self._device)
        self.data = data = moved(data, self._device)
        self._sizes = [rows_of(week) for week in data.fit]
        self._rows = sum(self._sizes)
        largest = settings.batch_rows * (LARGE_BATCH if self._rows > LARGE_LOG_ROWS else 1)
        self._batch = int(min(max(self._rows // STEPS_PER_EPOCH, SMALLEST_BATCH), largest))
        self._steps = [
            (place, start) for place, size in enumerate(self._sizes) for start in range(0, size, self._batch)
        ]
        self._length = min(len(self._steps), max(1, settings.epoch_rows // self._batch))
        self._epochs = max(settings.epochs, -(-settings.least_steps // max(self._length, 1)))
        self._patience = settings.patience * -(-self._epochs // max(settings.epochs, 1))
        tables = network.embeddings()
        own = {id(table) for table in tables}
        rest = [parameter for parameter in network.parameters() if id(parameter) not in own]
        groups = [
            {"params": tables, "weight_decay": settings.embedding_decay},
            {"params": rest, "weight_decay": settings.weight_decay},
        ]
        self._optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate)
        self._epoch, self._step, self._sum = 0, 0, 0.0
        self._train_loss: list[float] = []
        self._validation_loss: list[float] = []
        self._best = _copy(network)
        self._average = [parameter.detach().clone() for parameter in network.parameters()]
        self._seconds, self._steps_timed = 0.0, 0
        self._variant: Variant | None = None
        self._forward = Forward(network, PLAIN, self._device)

    def run(self, progress: Progress, *, resume: bool = False) -> TrainingResult:
        """Train until the epochs are done or validation stops gaining.

        Raises:
            ModelArtefactError: `resume` finds states of other settings only.
        """
        if resume:
            self._restore()
        self._choose_arithmetic()
        while self._epoch < self._epochs and self._rows and not self._is_over():
            self._run_epoch(progress)
        self.network.load_state_dict(self._best)
        self.network.cpu().eval()
        done = self._validation_loss
        return TrainingResult(
            epochs=len(done),
            best_epoch=1 + min(range(len(done)), key=done.__getitem__) if done else 0,
            train_loss=tuple(self._train_loss),
            validation_loss=tuple(done),
            rows=self._rows,
            rows_per_second=self._steps_timed * self._rows / max(len(self._steps), 1) / max(self._seconds, 1e-9),
            arithmetic=(self._variant or PLAIN).name,
        )

    def release(self) -> None:
        """Let go of the rows; the network and the states on disk stay."""
        self.data = replace(self.data, fit=[], validation=[])

    def forget_states(self) -> None:
        """Remove the states of a run that has ended."""
        for folder in self._state_folders():
            shutil.rmtree(folder, ignore_errors=True)

    def _choose_arithmetic(self) -> None:
        """Time what the device may use on a copy of the network; a run that is resumed keeps its own."""
        options = acceleration.variants(self._device, self.settings.acceleration)
        if self._variant is None and len(options) > 1 and self._steps:
            taken = acceleration.seconds_of(options, self._rehearsal(), time.perf_counter)
            self._variant = acceleration.fastest(taken)
        self._variant = self._variant or PLAIN
        self._forward = Forward(self.network, self._variant, self._device)

    def _rehearsal(self) -> Callable[[Variant], None]:
        """One forward and backward pass of the first rows, on a copy: weights and draws stay as they are."""
        place, start = self._steps[0]
        index = torch.arange(start, min(start + self._batch, len(self.data.fit[place].bought)))
        copied = copy.deepcopy(self.network)
        passes: dict[Variant, Forward] = {}

        def step(variant: Variant) -> None:
            forward = passes.setdefault(variant, Forward(copied, variant, self._device))
            copied.zero_grad(set_to_none=True)
            self._loss(forward, place, index, 0).backward()  # type: ignore[no-untyped-call]
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)

        return step

    def _is_over(self) -> bool:
        done = self._validation_loss
        if len(done) <= self._patience:
            return False
        return min(done[-self._patience :]) >= min(done[: -self._patience])

    def _run_epoch(self, progress: Progress) -> None:
        generator = torch.Generator().manual_seed(hash_seed(self.settings.seed, self._epoch, -1))
        orders = [torch.randperm(size, generator=generator) for size in self._sizes]
        sequence = self._sequence(torch.randperm(len(self._steps), generator=generator).tolist())
        self.network.train()
        began = time.monotonic()
        first = self._step
        for number in range(self._step, len(sequence)):
            place, start = self._steps[sequence[number]]
            self._sum += self._one_step(place, orders[place][start : start + self._batch])
            self._step = number + 1
            if self._step % STEPS_BETWEEN_STATES == 0 and self._step < len(sequence):
                self._save()
            if self._step % 10 == 0:
                self._tell(progress, time.monotonic() - began, self._step - first)
        self._seconds += time.monotonic() - began
        self._steps_timed += len(sequence) - first
        self._finish_epoch()

    def _sequence(self, order: list[int]) -> list[int]:
        """The steps of one pass: the first of `order`; weeks on disk in runs of RUN_STEPS, read seldom."""
        chosen = order[: self._length]
        if not any(isinstance(week, StoredWeek) for week in self.data.fit):
            return chosen
        turn: dict[int, int] = {}
        keys = []
        for number, step in enumerate(chosen):
            place = self._steps[step][0]
            turn[place] = turn.get(place, -1) + 1
            keys.append((turn[place] // RUN_STEPS, place, number))
        return [chosen[number] for *_, number in sorted(keys)]

    def _finish_epoch(self) -> None:
        self.network.eval()
        self._train_loss.append(self._sum / max(self._rows * self._length / max(len(self._steps), 1), 1.0))
        current = [parameter.detach().clone() for parameter in self.network.parameters()]
        self._put(self._average)
        loss = self._validate()
        if loss < min(self._validation_loss, default=math.inf):
            self._best = _copy(self.network)
        self._put(current)
        self._validation_loss.append(loss)
        self._epoch, self._step, self._sum = self._epoch + 1, 0, 0.0
        self._save()

    def _put(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self.network.parameters(), values, strict=True):
                parameter.copy_(value)

    def _follow(self, step: int) -> None:
        """Move the average towards the weights; early steps count for little."""
        share = 1 - min(AVERAGE_DECAY, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, list(self.network.parameters()), share)

    def _tell(self, progress: Progress, seconds: float, steps: int) -> None:
        total = self._epochs * self._length
        done = self._epoch * self._length + self._step
        left = (total - done) * seconds / max(steps, 1)
        progress(f"training, pass {self._epoch + 1} of {self._epochs}, at most {left:.0f} s left", done / total)

    def _one_step(self, place: int, index: Tensor) -> float:
        step = self._epoch * self._length + self._step
        for group in self._optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * self._schedule(step)
        loss = self._loss(self._forward, place, index, self._step)
        total = loss + self.network.price.penalty() / self._rows
        self._optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self._optimiser.step()
        self._follow(step)
        return float(loss.detach()) * len(index)

    def _loss(self, forward: Forward, place: int, index: Tensor, step: int) -> Tensor:
        """Mean loss of the rows `index` of one week; the item dropout depends on the epoch and the step alone."""
        week, data = self.data.fit[place], self.data
        generator = torch.Generator().manual_seed(hash_seed(self.settings.seed, self._epoch, step))
        keep = torch.rand(len(data.catalogue.item), 1, generator=generator) >= ITEM_DROPOUT
        index = index.to(self._device)
        rows = take(week.rows, index)
        scale = (keep.float() / (1 - ITEM_DROPOUT)).to(self._device)
        z = forward(rows, week.context, data.catalogue, data.customer_code, scale)
        log_visit = data.log_visit[week.week][rows.customer]
        return sampled_loss(z, log_visit, week.offset[index], week.bought[index]).mean()

    def _schedule(self, step: int) -> float:
        total = max(self._epochs * self._length, 1)
        cosine = 0.5 * (1 + math.cos(math.pi * min(step / total, 1.0)))
        return min((step + 1) / min(WARMUP_STEPS, 1 + total // 10), 1.0) * (LAST_RATE + (1 - LAST_RATE) * cosine)

    def _validate(self) -> float:
        total, rows = 0.0, 0
        for week in self.data.validation:
            z = week_logits(self.network, self.data, week)
            log_visit = self.data.log_visit[week.week][week.rows.customer]
            total += float(sampled_loss(z, log_visit, week.offset, week.bought).double().sum())
            rows += len(week.bought)
        return total / rows if rows else self._train_loss[-1]

    def _state_folders(self) -> list[Path]:
        return sorted(self.folder.glob("state-*")) if self.folder.is_dir() else []

    def _save(self) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self._best.items()}
        tensors |= {f"average.{place:04d}": value for place, value in enumerate(self._average)}
        for number, state in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
        record = {
            "settings": self.settings.fingerprint(),
            "epoch": self._epoch, "step": self._step, "sum": self._sum, "rows": self._rows,
            "train_loss": self._train_loss, "validation_loss": self._validation_loss,
            "threads": torch.get_num_threads(), "arithmetic": (self._variant or PLAIN).name,
        }  # fmt: skip
        older = self._state_folders()
        checkpoint.write(self.folder / f"state-{self._epoch:04d}-{self._step:08d}", tensors, record)
        for folder in older:
            shutil.rmtree(folder, ignore_errors=True)

    def _restore(self) -> None:
        """Go on from the newest whole state; start over where there is none."""
        for folder in reversed(self._state_folders()):
            try:
                tensors, record = checkpoint.read(folder)
            except ModelArtefactError:
                continue
            if record["settings"] != self.settings.fingerprint() or record["rows"] != self._rows:
                raise ModelArtefactError(
                    f"{folder} is a training of other settings or data; train without --resume to start over"
                )
            self._load(tensors, record)
            return

    def _load(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        self.network.load_state_dict(checkpoint.below(tensors, "network."))
        self._best = checkpoint.below(tensors, "best.")
        average = sorted(checkpoint.below(tensors, "average.").items())
        self._average = [value.to(self._device) for _, value in average]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in checkpoint.below(tensors, "optimiser.").items():
            number, _, part = name.partition(".")
            state.setdefault(int(number), {})[part] = value
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})
        self._epoch, self._step, self._sum = record["epoch"], record["step"], record["sum"]
        self._train_loss, self._validation_loss = list(record["train_loss"]), list(record["validation_loss"])
        self._variant = Variant.named(record["arithmetic"])


def _copy(network: DemandNetwork) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def hash_seed(seed: int, epoch: int, step: int) -> int:
    """One seed from three numbers, well mixed (splitmix64)."""
    value = (seed * 0x9E3779B97F4A7C15 + epoch * 0xBF58476D1CE4E5B9 + (step + 2) * 0x94D049BB133111EB) % (1 << 64)
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % (1 << 64)
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % (1 << 64)
    return (value ^ (value >> 31)) % (1 << 63)
