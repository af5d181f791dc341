"""What a command shows: its result on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bundleopt.cli.flags import CommonFlags

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PIPE_WIDTH = 110


class Output:
    """Where the results, the notes and the progress of one command go.

    In JSON mode stdout carries one document and nothing else.
    """

    def __init__(self, flags: CommonFlags) -> None:
        """Set up the consoles for `flags`."""
        from rich.console import Console

        self.flags = flags
        # A pipe has no width of its own; whoever wants another one sets COLUMNS, as for any program.
        is_told = os.environ.get("COLUMNS", "").isdigit()
        width = None if sys.stdout.isatty() or is_told else PIPE_WIDTH
        self.console: Console = Console(highlight=False, width=width, soft_wrap=False)
        self.errors: Console = Console(stderr=True, highlight=False)

    def result(self, document: Mapping[str, Any], render: Callable[[Console], None]) -> None:
        """Show the result of a command: the document in JSON mode, else what `render` draws."""
        if self.flags.json:
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        else:
            render(self.console)

    def note(self, text: str) -> None:
        """Write one line to stderr, unless quiet. `text` is plain, never markup."""
        if not self.flags.quiet:
            self.errors.print(text, markup=False)


class ProgressDisplay:
    """A progress bar with the remaining time on a terminal; one line a step elsewhere; silent when quiet.

    An instance is called with `(what is being done, share done)`: the form in which all rooms report.
    """

    def __init__(self, output: Output) -> None:
        """Prepare the display; nothing is drawn before the first call."""
        self.output = output
        self.step = ""
        self.started = time.monotonic()
        self.bar: Progress | None = None
        self.task: Any = None

    def __enter__(self) -> ProgressDisplay:
        """Start the bar where there is a terminal."""
        if self.output.errors.is_terminal and not self.output.flags.quiet:
            from rich import progress

            self.bar = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.TaskProgressColumn(),
                progress.TimeElapsedColumn(),
                progress.TimeRemainingColumn(),
                console=self.output.errors,
                transient=True,
            )
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the last step and remove the bar."""
        self._finish_step()
        if self.bar:
            self.bar.stop()

    def __call__(self, step: str, share: float) -> None:
        """Show that `share` (in [0, 1]) of a step is done."""
        # "training, pass 1 of 3": what follows the comma changes within a step.
        name = step.partition(",")[0]
        if name != self.step:
            self._finish_step()
            self.step, self.started = name, time.monotonic()
            if self.bar:
                if self.task is not None:
                    self.bar.remove_task(self.task)
                self.task = self.bar.add_task(step, total=1.0)
        if self.bar and self.task is not None:
            self.bar.update(self.task, completed=share, description=step)

    def _finish_step(self) -> None:
        seconds = time.monotonic() - self.started
        # On a terminal the bar has shown it; in a log every step of some length is worth a line.
        if self.step and not self.bar and (seconds >= 1 or self.output.flags.verbose):
            self.output.note(f"{self.step}: {seconds:.1f} s")
        self.step = ""
