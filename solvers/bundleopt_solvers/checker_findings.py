"""Collects what the checker finds, bounded in length."""

from __future__ import annotations

from collections.abc import Iterable

from bundleopt_data.errors import Violation

MAX_EXAMPLES = 5


class Findings:
    """A growing list of violations."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def add(self, rule: str, *, limit: object, value: object, detail: str = "") -> None:
        """Report one broken rule."""
        self.violations.append(Violation(rule, str(limit), str(value), detail))

    def each(self, rule: str, *, limit: object, examples: Iterable[str]) -> None:
        """Report a rule that several rows break, with the first examples; nothing where there are none."""
        rows = list(examples)
        if rows:
            rest = f" and {len(rows) - MAX_EXAMPLES:,} more" if len(rows) > MAX_EXAMPLES else ""
            self.add(
                rule, limit=limit, value=f"broken {len(rows):,} times", detail="; ".join(rows[:MAX_EXAMPLES]) + rest
            )

    def require(self, holds: bool, rule: str, *, limit: object, value: object, detail: str = "") -> None:  # noqa: FBT001
        """Report the rule unless it holds."""
        if not holds:
            self.add(rule, limit=limit, value=value, detail=detail)
