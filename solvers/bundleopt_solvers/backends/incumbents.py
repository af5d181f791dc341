"""Plans that MathOpt's solvers find on the way, told while they search, so that a stopped one leaves its best.

SCIP calls back at every plan (ortools 9.15 prints an event error to the child's error stream at the start; the plans
come all the same). HiGHS has no callback here, but appends every better plan to a file, which a thread reads. What is
told is a hint: the parent checks every row of it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bundleopt_solvers.backends.backend import Publish
from bundleopt_solvers.linear_model import Reals

POLL_SECONDS = 0.25
HEAD = "Objective"


def told_by_callback(solver_model: Any, publish: Publish) -> dict[str, Any]:
    """Arguments of `mathopt.solve` that publish every plan of SCIP."""
    from ortools.math_opt.python import mathopt

    variables = list(solver_model.variables())

    def told(data: Any) -> Any:
        if data.solution is not None:
            publish(np.array([data.solution[variable] for variable in variables], np.float64))
        return mathopt.CallbackResult()

    return {"callback_reg": mathopt.CallbackRegistration(events={mathopt.Event.MIP_SOLUTION}), "cb": told}


@contextmanager
def told_by_file(variables: int, publish: Publish) -> Iterator[Path]:
    """A file for HiGHS to append its plans to; they are published until the context is left."""
    left = threading.Event()
    with tempfile.TemporaryDirectory(prefix="bundleopt-highs-") as folder:
        path = Path(folder) / "plans.txt"
        watcher = threading.Thread(target=_watch, args=(path, variables, publish, left), daemon=True)
        watcher.start()
        try:
            yield path
        finally:
            left.set()
            watcher.join()


def _watch(path: Path, variables: int, publish: Publish, left: threading.Event) -> None:
    size = 0
    while not left.wait(POLL_SECONDS):
        grown = path.stat().st_size if path.exists() else 0
        if grown == size:
            continue
        size = grown
        values = last_plan(path.read_text(encoding="ascii", errors="replace"), variables)
        if values is not None:
            publish(values)


def last_plan(text: str, variables: int) -> Reals | None:
    """(V,) the last whole plan of a file of HiGHS; None where there is none.

    A plan is a line `Objective number`, a line `# Columns -n`, and n lines that end in value and column.
    """
    for block in reversed(text.split(HEAD)[1:]):
        lines = block.splitlines()
        words = lines[1].split() if len(lines) > 1 else []
        count = -int(words[2]) if len(words) == 3 and words[2].lstrip("-").isdigit() else -1
        if count < 0 or len(lines) < 2 + count or not block.endswith("\n"):
            continue
        values = np.zeros(variables)
        try:
            for line in lines[2 : 2 + count]:
                *_, value, column = line.split()
                values[int(column)] = float(value)
        except (ValueError, IndexError):
            continue
        return values
    return None
