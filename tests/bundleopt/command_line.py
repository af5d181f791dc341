"""Runs the real command line in this process, and hands back what a shell would see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from bundleopt.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as JSON: fails where anything else stands there."""
        return dict(json.loads(self.out))


class CommandLine:
    """`run("solve", "--budget", 20)` is `bundleopt solve --budget 20`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        seen = self._capsys.readouterr()
        return Outcome(code, seen.out, seen.err)
