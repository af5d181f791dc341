"""One command's view of a workspace: its settings, its data, and where progress goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bundleopt.campaign_results.learned import learned_settings
from bundleopt.config import Config
from bundleopt.config_layers import ResolvedConfig, resolve
from bundleopt.installation import refuse_other_versions
from bundleopt.sample_settings import SAMPLE_SOURCE, sample_settings
from bundleopt.workspace import Workspace, find_workspace
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset
    from bundleopt_data.settings import CampaignSettings, SourceSettings

Progress = Callable[[str, float], None]


@runtime_checkable
class Watcher(Protocol):
    """A progress that also sees how plan and bound come together."""

    def __call__(self, step: str, share: float, /) -> None:
        """Take (what is being done, share done)."""

    def converging(self, value: float, bound: float, seconds: float) -> None:
        """Take the objective of the best plan so far, the bound of any plan, and the seconds since the search began."""


logger = logging.getLogger("bundleopt")
logger.addHandler(logging.NullHandler())


def silent(_step: str, _share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Session:
    """A workspace with its settings, opened for one command.

    Attributes:
        workspace: the folders. resolved: the settings that won. progress: told (what is being done, share done).
    """

    workspace: Workspace
    resolved: ResolvedConfig
    progress: Progress = field(default=silent)

    @property
    def config(self) -> Config:
        """The settings."""
        return self.resolved.config

    @property
    def source(self) -> str:
        """The data source as the data room takes it: `sample`, or an absolute path."""
        source = self.config.data.source
        if source == SAMPLE_SOURCE:
            return source
        path = Path(source).expanduser()
        path = path if path.is_absolute() else self.workspace.root / path
        if not path.exists():
            raise UsageError(f"[data] source: there is nothing at {path}")
        return str(path)

    @property
    def source_settings(self) -> SourceSettings:
        """How the source is read."""
        from bundleopt_data.settings import SourceSettings

        data = self.config.data
        return SourceSettings(
            timezone=data.timezone,
            encoding=data.encoding,
            delimiter=data.delimiter,
            decimal=data.decimal,
            date_format=data.date_format,
            max_unknown_share=data.max_unknown_share,
            allow_empty=data.allow_empty,
            clamp_negative_stock=data.clamp_negative_stock,
            column_map=data.column_map,
        )

    @property
    def campaign_settings(self) -> CampaignSettings:
        """What is assumed of the campaign week."""
        from bundleopt_data.settings import CampaignSettings

        assumed = self.config.assumptions
        return CampaignSettings(
            assumed_margin=assumed.assumed_margin,
            assumed_margin_by_department=assumed.assumed_margin_by_department,
            assumed_margin_by_category=assumed.assumed_margin_by_category,
            weeks_of_cover=assumed.weeks_of_cover,
            funding_share=assumed.funding_share,
            tax_rate=assumed.tax_rate,
            prices_include_tax=assumed.prices_include_tax,
        )

    @cached_property
    def dataset(self) -> Dataset:
        """The prepared data; read on first use, from the cache where the same inputs were read before.

        Raises:
            DataRefusedError: the data breaks the contract. `rejects.csv` in the workspace lists the rows.
        """
        from bundleopt_data.prepare import prepare

        return prepare(
            self.source,
            cache=self.workspace.cache,
            settings=self.source_settings,
            rejects=self.workspace.root / "rejects.csv",
            progress=self.progress,
        )


def open_session(
    workspace: Path | str | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Session:
    """Find the workspace, merge its settings, and prove that it can be written.

    Args:
        workspace: its folder; None finds it, see `bundleopt.workspace.find_workspace`.
        flags: `[solve]` settings that override the file and the environment; None values mean not given.
        progress: told (what is being done, share done).

    Raises:
        UsageError: no such workspace, an unknown key, a wrong value, or a library of another version. StorageError: it
            cannot be written.
    """
    refuse_other_versions()
    found = find_workspace(Path(workspace) if workspace is not None else None)
    base = sample_settings() if found.is_embedded else None
    resolved = resolve(found.config_file, base=base, learned=learned_settings(found), flags=flags)
    found.make_folders()
    return Session(found, resolved, progress or silent)
