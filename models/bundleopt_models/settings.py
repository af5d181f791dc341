"""What a training run may choose; two presets, everything else has one measured default."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any


class PriceSource(StrEnum):
    """Which price a training row sees."""

    CROSS_FIT = "cross_fit"
    """This week's price as paid by customers of the other fold: what a planner knows, without the row's purchase."""
    LAST_WEEK = "last_week"
    """Last week's price: the leak-free reference of the evaluation protocol."""


@dataclass(frozen=True)
class TrainSettings:
    """Settings of one training run. Lengths are in weeks unless the name says otherwise.

    Attributes:
        fit_until: first Monday that neither fitting nor calibration may see; None: the whole panel.
        validation_weeks: last weeks before `fit_until`, for early stopping and calibration.
        warmup_weeks: first weeks that only build history.
        epochs: at most this many passes. patience: epochs without gain before stopping.
        least_steps: small logs get more passes and a longer patience, up to this many optimiser steps.
        batch_rows: rows of one optimiser step, at most; four times as many where a pass has over four million rows.
        epoch_rows: rows of one pass, at most; a longer log shows another part of itself in each.
        memory_rows: sampled rows that are kept in memory; more are read from disk, a week at a time.
        history_rows, never_rows: expected sampled negatives of one week with and without own history, as multiples
            of that week's positives.
        learning_rate, weight_decay: of Adam, for the networks; embeddings use `embedding_decay`.
        width: hidden units of the habit network. rank: length of the affinity vectors.
        price: see PriceSource.
        assumed_pull_forward: share of induced units charged as borrowed where the data do not identify it.
        seed: of every random draw. threads: of torch, None leaves the process as it is.
        device: auto, cpu, cuda or mps.
        acceleration: `auto` times bf16 and compiled kernels on CUDA and uses what is faster; `off` never does.
        without: a block of `blocks.BLOCKS` that the network does without, for ablation tables; empty for none.
        fast: whether this is the preset of the training that `solve` starts by itself.
    """

    fit_until: date | None = None
    validation_weeks: int = 4
    warmup_weeks: int = 13
    epochs: int = 5
    patience: int = 2
    least_steps: int = 400
    batch_rows: int = 4_096
    epoch_rows: int = 12_000_000
    memory_rows: int = 10_000_000
    history_rows: float = 2.0
    never_rows: float = 2.0
    learning_rate: float = 3e-3
    weight_decay: float = 1e-5
    embedding_decay: float = 3.0
    width: int = 192
    rank: int = 32
    price: PriceSource = PriceSource.CROSS_FIT
    assumed_pull_forward: float = 0.2
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    acceleration: str = "auto"
    without: str = ""
    fast: bool = False

    def as_fast(self) -> TrainSettings:
        """The preset that trains in two minutes on the sample: fewer weeks and passes, a narrower habit network."""
        return replace(self, fast=True, epochs=2, warmup_weeks=24, epoch_rows=4_000_000, width=128)

    def as_record(self) -> dict[str, Any]:
        """Plain JSON values, as written beside the weights."""
        record = asdict(self)
        record["fit_until"] = self.fit_until.isoformat() if self.fit_until else None
        record["price"] = self.price.value
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> TrainSettings:
        """Read what `as_record` wrote."""
        values = dict(record)
        values["fit_until"] = date.fromisoformat(values["fit_until"]) if values["fit_until"] else None
        values["price"] = PriceSource(values["price"])
        return cls(**values)

    def fingerprint(self) -> str:
        """Hash of everything that shapes the weights: a run is resumed only under the same one."""
        record = {key: value for key, value in self.as_record().items() if key not in {"device", "acceleration"}}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
