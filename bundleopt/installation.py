"""Whether the libraries that answers depend on are those that the product was tested with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import metadata

from bundleopt_data.errors import UsageError

DISTRIBUTION = "bundleopt"
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)\s*==\s*([^\s;,]+)\s*$")


def refuse_other_versions(
    requirements: Iterable[str] | None = None, *, version_of: Callable[[str], str] = metadata.version
) -> None:
    """Refuse to run beside a library whose release is not the one that is pinned.

    Solvers and the network are pinned exactly: another release may return other plans, or wrong ones.

    Args:
        requirements: as the package's metadata lists them; None reads it.
        version_of: the installed version of a distribution; raises `PackageNotFoundError` where there is none.

    Raises:
        UsageError: one is absent or another; the message is the command that mends it.
    """
    wanted = [match for line in _own_requirements(requirements) if (match := _PINNED.match(line))]
    for name, pinned in ((match[1], match[2]) for match in wanted):
        try:
            found = version_of(name).partition("+")[0]  # 2.13.0+cpu is a build of 2.13.0
        except metadata.PackageNotFoundError:
            found = ""
        if found != pinned:
            has = f"{name} {found} is installed" if found else f"{name} is not installed"
            raise UsageError(f"{has}, and bundleopt is tested with {pinned}; run: pip install {name}=={pinned}")


def _own_requirements(requirements: Iterable[str] | None) -> Iterable[str]:
    if requirements is not None:
        return requirements
    try:
        return metadata.requires(DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:  # run from a checkout that nobody installed
        return ()
