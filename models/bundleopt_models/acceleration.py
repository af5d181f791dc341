"""Faster arithmetic on CUDA, used only where a timing on the run's own rows shows that it is faster.

bf16 autocast halves what the wide layers read and write; compiled kernels fuse their small operations. Both can lose on
small batches, and a compiler can fail on a machine: every variant is timed, failures drop out, and the plain one stays
unless another is clearly faster. On a processor there is one variant, and nothing is timed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

LOG = logging.getLogger(__name__)

CHOICES = ("auto", "off")

WARM_STEPS, TIMED_STEPS = 3, 10
"""Steps before the clock starts (kernels are compiled and caches filled there), and steps on the clock."""

LEAST_GAIN = 1.1
"""A variant must be this much faster than plain arithmetic: less is the noise of a timing."""


@dataclass(frozen=True, order=True)
class Variant:
    """How a forward pass is computed: in bf16 where that is safe, by compiled kernels, both or neither."""

    bf16: bool = False
    compiled: bool = False

    @property
    def name(self) -> str:
        """For people and records."""
        return " and ".join(word for word, is_on in (("bf16", self.bf16), ("compiled", self.compiled)) if is_on) or (
            "plain"
        )

    @classmethod
    def named(cls, name: str) -> Variant:
        """The variant of a name that `name` gave."""
        return cls(bf16="bf16" in name, compiled="compiled" in name)


PLAIN = Variant()


def variants(device: torch.device, choice: str) -> tuple[Variant, ...]:
    """What may be used on a device; plain arithmetic comes first.

    Raises:
        ValueError: `choice` is none of CHOICES.
    """
    if choice not in CHOICES:
        raise ValueError(f"acceleration {choice!r} is not one of {', '.join(CHOICES)}")
    if device.type != "cuda" or choice == "off":
        return (PLAIN,)
    return (PLAIN, Variant(bf16=True), Variant(compiled=True), Variant(bf16=True, compiled=True))


class Forward:
    """A network's forward pass in one variant; results are float32 in all of them."""

    def __init__(self, network: nn.Module, variant: Variant, device: torch.device) -> None:
        """Nothing is compiled before the first call."""
        self._call: Any = torch.compile(network, dynamic=True) if variant.compiled else network
        self._variant, self._device = variant, device.type

    def __call__(self, *inputs: object) -> Tensor:
        """What the network makes of `inputs`."""
        with torch.autocast(self._device, torch.bfloat16, enabled=self._variant.bf16):
            found: Tensor = self._call(*inputs)
        return found.float()


def seconds_of(
    options: Sequence[Variant], step: Callable[[Variant], None], clock: Callable[[], float]
) -> dict[Variant, float]:
    """Seconds of TIMED_STEPS steps of each variant; one that fails is left out, unless it is the plain one.

    Args:
        options: to be timed.
        step: runs one step and waits until it is done.
        clock: in seconds.
    """
    taken: dict[Variant, float] = {}
    for option in options:
        try:
            for _ in range(WARM_STEPS):
                step(option)
            began = clock()
            for _ in range(TIMED_STEPS):
                step(option)
            taken[option] = clock() - began
        except Exception as error:
            if option == PLAIN:
                raise
            # Compilers raise errors of many kinds; what cannot run is slower than anything that can.
            LOG.info("%s arithmetic does not run here: %s", option.name, error)
    return taken


def fastest(seconds: Mapping[Variant, float]) -> Variant:
    """The fastest variant if it gains LEAST_GAIN over plain arithmetic, else plain; the simpler of equals."""
    best = min(sorted(seconds), key=seconds.__getitem__)
    return best if seconds[best] * LEAST_GAIN <= seconds[PLAIN] else PLAIN
