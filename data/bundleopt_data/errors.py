"""Every error of the product.

BundleoptError                     exit code 1
├── UsageError(ValueError)                  2   a flag, a configuration key or a value is wrong
├── DataRefusedError(ValueError)            3   input data breaks the contract
├── InfeasiblePlanError(ValueError)         4   the rules contradict each other
├── NoPlanInTimeError(TimeoutError)         5   time ran out before any plan was found
├── NotProvenError(RuntimeError)            6   a plan was found, but not proven as asked
├── VerificationError(RuntimeError)         7   the plan breaks a rule: nothing is published
├── SolverCrashError(RuntimeError)          8   every solver in the ladder crashed
├── ModelArtefactError(RuntimeError)        9   a model is missing, incompatible or corrupt
├── WorkspaceLockedError(RuntimeError)     10   another run holds the workspace
├── StorageError(OSError)                  11   disk full, or no permission
└── MissingExtraError(ImportError)          2   an optional library is not installed
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_EXAMPLES = 5


class BundleoptError(Exception):
    """Root of everything this product raises on purpose."""

    exit_code = 1


class UsageError(BundleoptError, ValueError):
    """A flag, a configuration key or a value is wrong; the message names the fix."""

    exit_code = 2


class MissingExtraError(BundleoptError, ImportError):
    """An optional library is not installed."""

    exit_code = 2

    def __init__(self, library: str, extra: str) -> None:
        """Name the `library` and the `extra` of this package that installs it."""
        super().__init__(f"{library} is not installed; install it with: pip install 'bundleopt[{extra}]'")
        self.library, self.extra = library, extra


@dataclass(frozen=True)
class DataProblem:
    """One broken rule of the data contract, bounded in length.

    Attributes:
        table: name of the table, for example `transactions`.
        column: name of the column, or "" where the whole table is meant.
        check: the rule, in words.
        count: how many rows break it; 0 where the table or file as a whole is meant.
        examples: up to five offending rows, each a short text with its row number.
        fix: what the user can do.
    """

    table: str
    column: str
    check: str
    count: int
    examples: tuple[str, ...] = ()
    fix: str = ""

    def __str__(self) -> str:
        """Write the problem in one bounded paragraph."""
        place = f"{self.table}.{self.column}" if self.column else self.table
        rows = f" ({self.count:,} row{'s' if self.count != 1 else ''})" if self.count else ""
        lines = [f"{place}: {self.check}{rows}"]
        lines += [f"    {example}" for example in self.examples[:MAX_EXAMPLES]]
        if self.fix:
            lines.append(f"    fix: {self.fix}")
        return "\n".join(lines)


class DataRefusedError(BundleoptError, ValueError):
    """Input data breaks the contract; nothing was written except `rejects.csv`."""

    exit_code = 3

    def __init__(self, problems: Sequence[DataProblem], rejects: str | None = None) -> None:
        """Collect all `problems` of the input; `rejects` is the path of the full list, if one was written."""
        self.problems, self.rejects = tuple(problems), rejects
        text = "\n".join(str(problem) for problem in self.problems[:20])
        if len(self.problems) > 20:
            text += f"\n... and {len(self.problems) - 20} more"
        super().__init__(text + (f"\nall rows: {rejects}" if rejects else ""))


@dataclass(frozen=True)
class Relaxation:
    """The smallest change of one rule that removes the conflict, in the rule's own units."""

    rule: str
    limit: float
    needed: float
    unit: str = ""

    def __str__(self) -> str:
        """In words; an amount of money needs no unit.

        >>> str(Relaxation("budget", 1500000.0, 1500000.25, "of promo spend"))
        'budget: 1,500,000 would have to be 1,500,000.25 of promo spend'
        """
        unit = "" if self.unit == "money" else f" {self.unit}"
        return f"{self.rule}: {self.limit:,.10g} would have to be {self.needed:,.10g}{unit}".rstrip()


class InfeasiblePlanError(BundleoptError, ValueError):
    """No plan keeps all rules; carries the smallest set of named rules that conflict."""

    exit_code = 4

    def __init__(self, conflict: Sequence[str], relaxations: Sequence[Relaxation] = (), detail: str = "") -> None:
        """Name the rules in `conflict`, what would remove it, and a `detail` in words."""
        self.conflict, self.relaxations = tuple(conflict), tuple(relaxations)
        self.detail = detail
        lines = ["no plan keeps all of these rules together: " + ", ".join(self.conflict)]
        if detail:
            lines.append(detail)
        lines += [f"    {r}" for r in relaxations]
        super().__init__("\n".join(lines))


class NoPlanInTimeError(BundleoptError, TimeoutError):
    """Time ran out before any plan was found."""

    exit_code = 5


class NotProvenError(BundleoptError, RuntimeError):
    """A plan was found and published, but its gap is larger than asked and `--require-optimal` was given."""

    exit_code = 6


@dataclass(frozen=True)
class Violation:
    """One rule that a plan breaks, as recomputed by the checker."""

    rule: str
    limit: str
    value: str
    detail: str = field(default="")


class VerificationError(BundleoptError, RuntimeError):
    """The checker found a broken rule or a total that does not agree; nothing was published."""

    exit_code = 7

    def __init__(self, violations: Sequence[Violation]) -> None:
        """List the `violations`; the first twenty stand in the message."""
        self.violations = tuple(violations)
        shown = [f"    {v.rule}: {v.value}, allowed {v.limit}. {v.detail}".rstrip() for v in self.violations[:20]]
        super().__init__("\n".join([f"the plan failed verification ({len(self.violations)} findings):", *shown]))


class SolverCrashError(BundleoptError, RuntimeError):
    """Every solver in the ladder crashed or lied."""

    exit_code = 8


class ModelArtefactError(BundleoptError, RuntimeError):
    """A model file is missing, incompatible or corrupt."""

    exit_code = 9


class WorkspaceLockedError(BundleoptError, RuntimeError):
    """Another run holds the workspace."""

    exit_code = 10


class StorageError(BundleoptError, OSError):
    """The disk is full, or a folder cannot be written."""

    exit_code = 11
