"""Customers in chunks: from arrays, from any function that makes them, or from shards on disk larger than memory."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Item = TypeVar("Item")

HEADER = "shards.json"
READ_AHEAD = 1  # chunks that wait in memory while one is worked on


@dataclass(frozen=True)
class Chunk:
    """Consecutive customers.

    Attributes:
        start: number of the first customer.
        value: (n, O) money an offer is worth. channels: (C, n, O) what it uses; both finite.
    """

    start: int
    value: Floats
    channels: Floats


class ChunkSource(Protocol):
    """Customers that can be read again and again, in the same order and with the same values each time."""

    @property
    def customers(self) -> int:
        """How many customers there are."""

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over all customers."""


@dataclass(frozen=True)
class ArrayChunks:
    """A source over arrays in memory: `value` (U, O) and `channels` (C, U, O)."""

    value: Floats
    channels: Floats
    size: int = 65_536

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return len(self.value)

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over views."""
        for start in range(0, self.customers, self.size):
            part = slice(start, start + self.size)
            yield Chunk(start, self.value[part], self.channels[:, part])


@dataclass(frozen=True)
class MadeChunks:
    """A source over a function that starts the iteration anew, such as a model that values customers in chunks."""

    customers: int
    make: Callable[[], Iterable[tuple[Floats, Floats]]]

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over (value, channels) pairs."""
        start = 0
        for value, channels in self.make():
            yield Chunk(start, value, channels)
            start += len(value)


@dataclass(frozen=True)
class ShardChunks:
    """A source over a folder written by `write_shards`; a thread reads the next shard while one is worked on."""

    folder: Path

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return int(sum(self._sizes()))

    def _sizes(self) -> list[int]:
        return [int(size) for size in json.loads((self.folder / HEADER).read_text(encoding="utf-8"))["customers"]]

    def _read(self) -> Iterator[Chunk]:
        start = 0
        for index, size in enumerate(self._sizes()):
            value = np.load(self.folder / f"value-{index:05d}.npy", allow_pickle=False)
            channels = np.load(self.folder / f"channels-{index:05d}.npy", allow_pickle=False)
            yield Chunk(start, value, channels)
            start += size

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over the shards, reading ahead."""
        return read_ahead(self._read())


def write_shards(folder: Path, parts: Iterable[tuple[Floats, Floats]]) -> ShardChunks:
    """Write (value (n, O), channels (C, n, O)) pairs as .npy shards; returns the source that reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes: list[int] = []
    for index, (value, channels) in enumerate(parts):
        np.save(folder / f"value-{index:05d}.npy", np.ascontiguousarray(value, dtype=np.float32))
        np.save(folder / f"channels-{index:05d}.npy", np.ascontiguousarray(channels, dtype=np.float32))
        sizes.append(len(value))
    (folder / HEADER).write_text(json.dumps({"customers": sizes}), encoding="utf-8")
    return ShardChunks(folder)


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Iterate over `items`, made in a thread of its own while the last one is worked on; errors come through."""
    reader = _Reader(items)
    try:
        while True:
            item, error = reader.waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        reader.stop()


class _Reader(Generic[Item]):
    """A thread that keeps a short queue filled with (item, None), or (None, error), or (None, None) at the end."""

    def __init__(self, items: Iterator[Item]) -> None:
        self.waiting: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(maxsize=READ_AHEAD)
        self._items = items
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            for item in self._items:
                self._put((item, None))
                if self._stopped.is_set():
                    return
            self._put((None, None))
        except BaseException as error:  # noqa: BLE001 - whatever it was, the reader's user raises it
            self._put((None, error))

    def _put(self, entry: tuple[Item | None, BaseException | None]) -> None:
        while not self._stopped.is_set():
            try:
                self.waiting.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return
