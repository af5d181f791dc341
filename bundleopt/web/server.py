"""Serves the page on loopback until it is interrupted."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bundleopt.report import formats
from bundleopt.session import open_session
from bundleopt.web import limits
from bundleopt.web.access import HOST, Access
from bundleopt_data.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import uvicorn

DEFAULT_PORT = 8730
_PORTS_TRIED = 20
_MOST_PORT = 65535


def serve(
    workspace: Path | None = None,
    *,
    port: int | None = None,
    opens_browser: bool = True,
    ready: Callable[[Access, Path], None] = lambda _access, _root: None,
) -> None:
    """Serve the page of a workspace until Ctrl-C or SIGTERM.

    Args:
        workspace: its folder; None finds it.
        port: on 127.0.0.1; None means 8730 or the next free one, 0 any free one.
        opens_browser: open the page in the user's browser.
        ready: told who may come in, and the folder of the workspace, once the port is taken.

    Raises:
        UsageError: no such workspace, or the port is taken. MissingExtraError: the server is not installed.
    """
    try:
        import uvicorn

        from bundleopt.web.app import create_app
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "app") from error
    session = open_session(workspace)
    found, data = session.workspace, session.config.data
    numbers = formats.number_format(data.number_format, data.currency)
    with listen(port) as listener:
        access = Access(listener.getsockname()[1])
        app = create_app(found, named=str(workspace) if workspace is not None else None, access=access, numbers=numbers)
        server = _Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=limits.CONNECTIONS,
                timeout_graceful_shutdown=2,
            )
        )

        def opened() -> None:
            ready(access, found.root)
            if opens_browser:
                # A browser in the terminal would hold the server up.
                threading.Thread(target=webbrowser.open, args=(access.address_once(),), daemon=True).start()

        server.run_on(listener, opened)


def listen(port: int | None) -> socket.socket:
    """Return a socket on loopback.

    Raises:
        UsageError: the port is out of range, or taken.
    """
    if port is not None and not 0 <= port <= _MOST_PORT:
        raise UsageError(f"--port {port}: a port is between 0 and {_MOST_PORT}")
    tried = [port] if port is not None else [*range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED), 0]
    for one in tried:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, one))
        except OSError:
            listener.close()
            continue
        return listener
    raise UsageError(f"--port {port}: another program listens there; leave --port out to take a free one")


class _Server:
    """The HTTP server with a word when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._config = config

    def run_on(self, listener: socket.socket, opened: Callable[[], None]) -> None:
        import uvicorn

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if self.started:
                    opened()

        # Uvicorn hands Ctrl-C on when all is closed; for a page it is the usual end.
        with contextlib.suppress(KeyboardInterrupt):
            Server(self._config).run([listener])
