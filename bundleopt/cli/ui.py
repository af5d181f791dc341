"""`bundleopt ui`: the what-if page in the browser."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.web.access import Access


@dataclasses.dataclass(frozen=True, kw_only=True)
class UiFlags(CommonFlags):
    """Flags of `ui`."""

    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Port on 127.0.0.1; default 8730 or the next free one.")
    ] = None
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open no browser.")] = False


@takes(UiFlags)
def ui(flags: UiFlags) -> None:
    """Open the what-if page in the browser, on this machine alone: rules in, plans out, side by side.

    The address holds a secret: whoever has it can plan and approve. Ctrl-C ends the page; saved plans are runs.
    """
    from bundleopt.web.server import serve

    output = Output(flags)

    def ready(access: Access, root: Path) -> None:
        address = access.address()

        def render(console: Console) -> None:
            for line in (f"What-if page of {root}", address, "Ctrl-C ends it."):
                console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

        output.result({"address": address, "port": access.port, "workspace": str(root)}, render)
        output.console.file.flush()

    serve(flags.workspace, port=flags.port, opens_browser=not flags.no_browser, ready=ready)
