"""What the built-in sample assumes, as settings of a workspace; see `bundleopt_data.sample` for where it comes from."""

from __future__ import annotations

from typing import Any

from bundleopt.config_layers import Key

SAMPLE_SOURCE = "sample"


def sample_settings() -> dict[Key, Any]:
    """Return the settings of a workspace on Complete Journey: where it is, and what is assumed of costs and stock."""
    from bundleopt_data import sample

    assumed = sample.COMPLETE_JOURNEY
    return {
        ("data", "source"): SAMPLE_SOURCE,
        ("data", "timezone"): sample.COMPLETE_JOURNEY_SOURCE.timezone,
        ("data", "currency"): "USD",
        ("assumptions", "assumed_margin"): assumed.assumed_margin,
        ("assumptions", "assumed_margin_by_department"): dict(assumed.assumed_margin_by_department),
        ("assumptions", "weeks_of_cover"): assumed.weeks_of_cover,
        ("assumptions", "funding_share"): assumed.funding_share,
    }
