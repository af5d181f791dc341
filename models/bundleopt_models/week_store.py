"""Sampled weeks on disk: training reads them one at a time, so that a log of any size fits into memory.

A stored week looks like `corpus.WeekRows`; its tensors are read when they are asked for, and the last few weeks stay.
The files live in a temporary folder, which is removed with the store.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from dataclasses import fields
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from bundleopt_models.corpus import WeekRows
from bundleopt_models.device import moved
from bundleopt_models.network import Rows, WeekContext
from bundleopt_models.sparse import csr, transposed

WEEKS_KEPT = 2
"""Weeks that stay in memory: the one in work, and the one before."""


class WeekStore:
    """A temporary folder of weeks."""

    def __init__(self, parent: Path, device: torch.device) -> None:
        """Keep files below `parent`; weeks are read to `device`."""
        parent.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(prefix="weeks-", dir=parent)
        self._device = device
        self._recent: OrderedDict[int, WeekRows] = OrderedDict()

    def put(self, week: WeekRows) -> StoredWeek:
        """Write a week and return what stands for it."""
        tensors = {f"rows.{field.name}": getattr(week.rows, field.name) for field in fields(Rows)}
        history = week.context.history
        tensors |= {
            "context.customers": week.context.customers,
            "context.items": week.context.items,
            "history.starts": history.crow_indices(),
            "history.columns": history.col_indices(),
            "history.values": history.values(),
            "history.shape": torch.tensor(history.shape),
            "bought": week.bought,
            "offset": week.offset,
        }
        plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
        self._path(week.week).write_bytes(safetensors.torch.save(plain))
        return StoredWeek(self, week.week, len(week.bought))

    def get(self, week: int) -> WeekRows:
        """Read a week; the last WEEKS_KEPT are kept."""
        if week in self._recent:
            self._recent.move_to_end(week)
            return self._recent[week]
        while len(self._recent) >= WEEKS_KEPT:
            self._recent.popitem(last=False)
        # Read whole, not mapped: pages of a mapped file would count as this process's memory.
        tensors = safetensors.torch.load(self._path(week).read_bytes())
        read = moved(_week_rows(week, tensors), self._device)
        self._recent[week] = read
        return read

    def close(self) -> None:
        """Remove the files."""
        self._recent.clear()
        self._folder.cleanup()

    def _path(self, week: int) -> Path:
        return Path(self._folder.name) / f"{week:05d}.safetensors"


def _week_rows(week: int, tensors: dict[str, Tensor]) -> WeekRows:
    rows: dict[str, Any] = {field.name: tensors[f"rows.{field.name}"] for field in fields(Rows)}
    shape = tensors["history.shape"].tolist()
    history = csr(
        tensors["history.starts"].numpy(),
        tensors["history.columns"].numpy(),
        tensors["history.values"].numpy(),
        (int(shape[0]), int(shape[1])),
    )
    context = WeekContext(tensors["context.customers"], tensors["context.items"], history, transposed(history))
    return WeekRows(week, context, Rows(**rows), tensors["bought"], tensors["offset"])


class StoredWeek:
    """A week on disk with the attributes of `WeekRows`; `n_rows` is known without reading it."""

    def __init__(self, store: WeekStore, week: int, n_rows: int) -> None:
        """Of `store`; see `WeekStore.put`."""
        self._store, self.week, self.n_rows = store, week, n_rows

    @property
    def context(self) -> WeekContext:
        """Tables of the week."""
        return self._store.get(self.week).context

    @property
    def rows(self) -> Rows:
        """Features."""
        return self._store.get(self.week).rows

    @property
    def bought(self) -> Tensor:
        """(n,) labels."""
        return self._store.get(self.week).bought

    @property
    def offset(self) -> Tensor:
        """(n,) log of one over the sampling rate."""
        return self._store.get(self.week).offset
