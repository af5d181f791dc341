"""The command line in a process of its own, which a test can kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# A shell that starts the tests in the background has them ignore Ctrl-C, and their children too.
START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from bundleopt.cli.main import run
run(sys.argv[1:])
"""


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Begin `bundleopt ARGUMENTS` in a process group of its own."""
    command = [sys.executable, "-c", START, *(str(argument) for argument in arguments)]
    return subprocess.Popen(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def children_of(pid: int) -> set[int]:
    """The processes whose parent, or parent's parent, is `pid`."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    wave = {pid}
    while wave:
        wave = {child for child, parent in parents.items() if parent in wave} - found
        found |= wave
    return found


def tree(root: Path) -> dict[str, bytes]:
    """Every file under a folder but the strays, locks and caches, with its content."""
    kept = [path for path in root.rglob("*") if path.is_file() and ".cache" not in path.relative_to(root).parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in kept}


def strays(root: Path) -> list[Path]:
    """What a killed writer left."""
    return list(root.rglob(".*.tmp"))
