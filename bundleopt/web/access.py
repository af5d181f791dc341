"""Who may use the page: whoever was given its address, from a browser that was sent there, and nobody else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hmac import compare_digest

HOST = "127.0.0.1"
CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
_BYTES = 32


def _secret() -> str:
    return secrets.token_urlsafe(_BYTES)


@dataclass
class Access:
    """The secrets of one server, made new at every start.

    Attributes:
        port: where it listens, on loopback. token: in the address that the terminal shows; opens the page.
        cookie: what the browser holds instead from then on. csrf: every change carries it, from inside the page.
    """

    port: int
    token: str = field(default_factory=_secret)
    cookie: str = field(default_factory=_secret)
    csrf: str = field(default_factory=_secret)
    _tickets: set[str] = field(default_factory=set)

    @property
    def cookie_name(self) -> str:
        """Name of the cookie: browsers do not tell ports apart, so two pages need two names."""
        return f"bundleopt-{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser that means this server writes as Host: any other name was rebound to loopback."""
        return frozenset({f"{HOST}:{self.port}", f"localhost:{self.port}"})

    @property
    def origins(self) -> frozenset[str]:
        """Where requests that change something come from."""
        return frozenset(f"http://{host}" for host in self.hosts)

    def address(self) -> str:
        """Return the address for the owner's terminal."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def address_once(self) -> str:
        """Return an address that opens the page once: other users of the machine may see a browser's arguments."""
        ticket = _secret()
        self._tickets.add(ticket)
        return f"http://{HOST}:{self.port}/?token={ticket}"

    def admits(self, token: str) -> bool:
        """Whether a token opens the page; a ticket is used up by that."""
        if compare_digest(token.encode(), self.token.encode()):
            return True
        known = [ticket for ticket in self._tickets if compare_digest(token.encode(), ticket.encode())]
        self._tickets.difference_update(known)
        return bool(known)

    def knows(self, cookie: str) -> bool:
        """Whether a cookie is this server's."""
        return compare_digest(cookie.encode(), self.cookie.encode())

    def is_from_the_page(self, csrf: str) -> bool:
        """Whether a change was asked for from inside the page."""
        return compare_digest(csrf.encode(), self.csrf.encode())
