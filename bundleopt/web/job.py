"""A plan, or a sweep, that was asked for on the page: what is wanted, how far it is, what came of it."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """What is asked for."""

    PLAN = "plan"  # one plan
    FRONTIER = "frontier"  # plans at several budgets


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"  # for its turn
    RUNNING = "running"
    STOPPING = "stopping"  # asked to stop: the best plan so far is being finished
    DONE = "done"  # with a result
    STOPPED = "stopped"  # before there was a result
    FAILED = "failed"  # with a sentence that says why


# Before the worker says anything: it may still be loading, deaf to interrupts.
STARTING = "starting"
# The step of the pipeline in which plan and bound come together.
SEARCH = "optimising"
ENDED = frozenset({JobState.DONE, JobState.STOPPED, JobState.FAILED})


@dataclass(frozen=True)
class Point:
    """Where the search stood: seconds since it began, objective of the best plan, bound of any (None: none yet)."""

    seconds: float
    value: float
    bound: float | None


@dataclass
class Job:
    """One job; the board alone changes it.

    Attributes:
        request: what the worker gets. title: what people see.
        step, share: what is being done, and how much of it is done, in [0, 1]. points: plan and bound so far.
        result: what the worker made; empty where it made nothing. failure: why, in words.
        started, ended: seconds of a clock that only goes forward. told: seconds of the search at its last word;
        heard: when that came.
    """

    kind: JobKind
    title: str
    request: dict[str, Any]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: JobState = JobState.WAITING
    step: str = ""
    share: float = 0.0
    points: list[Point] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    started: float | None = None
    ended: float | None = None
    told: float = 0.0
    heard: float = 0.0

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    @property
    def plan(self) -> str:
        """Reference of the plan that it made; "" where it made none, or the plan was removed."""
        return str(self.result.get("plan", ""))

    @property
    def seconds(self) -> float:
        """Seconds at work."""
        return 0.0 if self.started is None else (self.ended or time.monotonic()) - self.started

    @property
    def searched(self) -> float:
        """Seconds since the search began, as far as it goes on: between two words nothing changes but the time."""
        return self.told + (time.monotonic() - self.heard if self.step == SEARCH and not self.is_ended else 0.0)

    def hear(self, message: dict[str, Any]) -> None:
        """Take one message of the worker."""
        if "step" in message:
            self.step, self.share = str(message["step"]), float(message["share"])
        elif "seconds" in message:
            self._converge(message)
        elif "result" in message:
            self.result = dict(message["result"])
        elif "failure" in message:
            self.failure = str(message["failure"])

    def _converge(self, message: dict[str, Any]) -> None:
        seconds, value, bound = float(message["seconds"]), message["value"], message["bound"]
        if seconds < self.told:
            self.points.clear()  # a further search began, for a second objective or a tighter budget
        if value is not None and math.isfinite(value):
            last = self.points[-1] if self.points else None
            # The chart goes on level by itself: a point is worth keeping where something changed.
            if last is None or (last.value, last.bound) != (float(value), bound):
                self.points.append(Point(seconds, float(value), bound))
            self.told, self.heard = seconds, time.monotonic()
