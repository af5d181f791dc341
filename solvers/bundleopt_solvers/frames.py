"""Messages between a solver's child process and its parent: JSON and raw arrays, never pickle.

A frame is two little-endian lengths (header, body), a JSON header, and the bytes of the arrays one after another.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

LENGTHS = struct.Struct("<QQ")
Array = npt.NDArray[Any]
KINDS = ("float64", "int64", "bool", "uint8")


@dataclass(frozen=True, eq=False)
class Frame:
    """One message: its `kind`, plain `fields` and named `arrays`."""

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Bytes of this frame."""
        shapes = [(name, str(array.dtype), list(array.shape)) for name, array in self.arrays.items()]
        header = json.dumps({"kind": self.kind, "fields": dict(self.fields), "arrays": shapes}).encode()
        body = b"".join(np.ascontiguousarray(array).tobytes() for array in self.arrays.values())
        return LENGTHS.pack(len(header), len(body)) + header + body


def read_frame(read: Callable[[int], bytes]) -> Frame | None:
    """Read one frame with `read(n)`, which returns fewer than n bytes at the end of the stream only.

    Returns:
        The frame, or None at the end of the stream.
    """
    start = read(LENGTHS.size)
    if len(start) < LENGTHS.size:
        return None
    header_length, body_length = LENGTHS.unpack(start)
    header, body = read(header_length), read(body_length)
    return decode(header, body) if len(header) + len(body) == header_length + body_length else None


def decode(header: bytes, body: bytes) -> Frame:
    """Build a frame from its two parts.

    Raises:
        ValueError: the header is no header, or names a kind of array that never travels.
    """
    try:
        parts = json.loads(header)
        shapes = [(str(name), str(kind), tuple(shape)) for name, kind, shape in parts["arrays"]]
        kind, fields = str(parts["kind"]), dict(parts["fields"])
    except (TypeError, KeyError) as error:
        raise ValueError("a frame's header is not complete") from error
    arrays, at = {}, 0
    for name, dtype, shape in shapes:
        if dtype not in KINDS:
            raise ValueError(f"a frame holds an array of kind {dtype!r}; only {', '.join(KINDS)} travel")
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body, dtype, count, at).reshape(shape)
        at += count * np.dtype(dtype).itemsize
    return Frame(kind, fields, arrays)
