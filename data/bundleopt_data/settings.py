"""How a source is to be read, and what is assumed of a campaign week where the data does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bundleopt_data.errors import UsageError


@dataclass(frozen=True)
class SourceSettings:
    """How to read a source; what is None is detected, and ambiguity is refused with a question, never guessed.

    Attributes:
        timezone: IANA name; naive times are read in it, aware times converted to it. Weeks are weeks of this zone.
        encoding: of CSV files; None means UTF-8, anything else must be named.
        delimiter: of CSV files; None means detected from the header.
        decimal: "." or ","; None means "." unless the file suggests otherwise, which is refused with both readings.
        date_format: strptime pattern for times that are not ISO, for example "%d/%m/%Y".
        max_unknown_share: largest share of rows with unknown ids that is dropped and reported instead of refused.
        allow_empty: whether optional tables may hold no rows.
        clamp_negative_stock: whether negative stock (returns) counts as 0 instead of being refused.
        column_map: "table.column in the file" -> contract name, for example {"transactions.sku": "item_id"}.
    """

    timezone: str = "UTC"
    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    max_unknown_share: float = 0.0
    allow_empty: bool = False
    clamp_negative_stock: bool = False
    column_map: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no file could satisfy."""
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UsageError(f"timezone must be an IANA name such as Europe/Paris, not {self.timezone!r}") from None
        if self.decimal not in {None, ".", ","}:
            raise UsageError(f"decimal must be '.' or ',', not {self.decimal!r}")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise UsageError(f"delimiter must be one character, not {self.delimiter!r}")
        if not 0 <= self.max_unknown_share <= 1:
            raise UsageError(f"max_unknown_share must be between 0 and 1, not {self.max_unknown_share!r}")


@dataclass(frozen=True)
class CampaignSettings:
    """What is assumed of a campaign week where the data does not say.

    Attributes:
        assumed_margin: share of the shelf price net of tax, used where an item has no `unit_cost`; None refuses.
        assumed_margin_by_department, assumed_margin_by_category: finer values; category wins over department.
        weeks_of_cover: stock of items without inventory, as a multiple of recent weekly unit sales; None = unlimited.
        funding_share: supplier's share of a discount where the items table has no `funding`.
        tax_rate: share, where the items table has no `tax_rate`.
        prices_include_tax: whether shelf prices hold the tax.
    """

    assumed_margin: float | None = 0.3
    assumed_margin_by_department: Mapping[str, float] = field(default_factory=dict)
    assumed_margin_by_category: Mapping[str, float] = field(default_factory=dict)
    weeks_of_cover: float | None = None
    funding_share: float = 0.0
    tax_rate: float = 0.0
    prices_include_tax: bool = True

    def __post_init__(self) -> None:
        """Refuse shares outside [0, 1) and cover that is not positive."""
        margins = {"assumed_margin": self.assumed_margin}
        margins |= {f"assumed_margin of {name}": share for name, share in self.assumed_margin_by_department.items()}
        margins |= {f"assumed_margin of {name}": share for name, share in self.assumed_margin_by_category.items()}
        for name, share in margins.items():
            if share is not None and not 0 <= share < 1:
                raise UsageError(f"{name} must be a share of at least 0 and below 1, not {share!r}; for example 0.3")
        for name, share in (("funding_share", self.funding_share), ("tax_rate", self.tax_rate)):
            if not 0 <= share <= 1:
                raise UsageError(f"{name} must be a share between 0 and 1, not {share!r}; for example 0.5")
        if self.weeks_of_cover is not None and not 0 < self.weeks_of_cover < float("inf"):
            raise UsageError(f"weeks_of_cover must be greater than 0, not {self.weeks_of_cover!r}; for example 1.5")
