"""Makes a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundleopt.config_file import config_text
from bundleopt.config_layers import Key
from bundleopt.sample_settings import SAMPLE_SOURCE, sample_settings
from bundleopt.workspace import CONFIG_NAME, Workspace
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError


@dataclass(frozen=True)
class MadeWorkspace:
    """A new workspace and what its settings assume of the data."""

    workspace: Workspace
    assumptions: tuple[str, ...]


def initialise(folder: Path | str, *, data: str | None = None, sample: bool = False) -> MadeWorkspace:
    """Make a workspace in `folder`.

    Args:
        folder: made if it is missing; it must not hold a `bundleopt.toml`.
        data: path of the data, relative to the current folder; written relative to the workspace where it lies inside.
        sample: use Complete Journey, with its assumed margins, stock and funding.

    Raises:
        UsageError: neither or both of `data` and `sample`, no such path, or the folder is a workspace already.
        StorageError: the folder cannot be written.
    """
    root = Path(folder).expanduser().resolve()
    if sample == (data is not None):
        raise UsageError("say where the data is: bundleopt init DIR --data PATH, or bundleopt init DIR --sample")
    if (root / CONFIG_NAME).exists():
        raise UsageError(f"{root / CONFIG_NAME} exists already; edit it, or choose another folder")
    settings = sample_settings() if sample else _own_settings(str(data), root)
    workspace = Workspace(root)
    workspace.make_folders()
    atomic.write_text(root / CONFIG_NAME, config_text(settings))
    return MadeWorkspace(workspace, _assumptions(settings))


def _own_settings(data: str, root: Path) -> dict[Key, Any]:
    if data == SAMPLE_SOURCE:
        return sample_settings()
    path = Path(data).expanduser().resolve()
    if not path.exists():
        raise UsageError(f"no data at {path}; give a folder of CSV or Parquet files, or Ta Feng's CSV")
    source = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    return {
        ("data", "source"): source,
        ("data", "timezone"): "UTC",
        ("assumptions", "assumed_margin"): 0.3,
        ("assumptions", "funding_share"): 0.0,
    }


def _assumptions(settings: dict[Key, Any]) -> tuple[str, ...]:
    margin = settings[("assumptions", "assumed_margin")]
    funding = settings[("assumptions", "funding_share")]
    cover = settings.get(("assumptions", "weeks_of_cover"))
    return (
        f"naive times are read in {settings[('data', 'timezone')]}, and weeks begin there on Monday",
        f"items without unit_cost earn {margin:.0%} of their net shelf price",
        f"items without inventory have {f'{cover:g} weeks of sales in stock' if cover else 'unlimited stock'}",
        f"suppliers pay {funding:.0%} of a discount on items without funding",
    )
