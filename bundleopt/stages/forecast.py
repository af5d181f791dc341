"""The forecast of a week, kept for the next plan of the same week."""

from __future__ import annotations

from dataclasses import astuple, replace
from datetime import date
from typing import Any

import numpy as np

from bundleopt.session import Session
from bundleopt.stages.cache import ArrayCache, Arrays, code_digest, key_of
from bundleopt.stages.model import TrainedModel
from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.forecast import DemandForecast, PairRelations, PullForward
from bundleopt_models.fullness import Fullness
from bundleopt_models.uncertainty import Uncertainty

_PLAIN = ("probability", "visit_probability", "slope", "units", "log_position", "knots", "heights", "category")
_SPREAD, _COMMON = "spread_", "common_spread_"
_RELATIONS = ("first", "second", "gamma", "standard_error", "significant")


def cached_forecast(session: Session, trained: TrainedModel, campaign: CampaignWeek) -> DemandForecast:
    """Return the forecast of the campaign week, from the cache where nothing that shapes it has changed."""
    cache = ArrayCache(session.workspace.cache)
    key = forecast_key(session, trained, campaign)
    stored = cache.read("forecast", key)
    if stored is None:
        stored = as_arrays(trained.model.forecast(trained.panel, campaign))
        cache.write("forecast", key, stored)
    forecast = from_arrays(stored)
    # What is assumed may have changed since the training; what was measured has not.
    assumed = session.config.assumptions.pull_forward
    return replace(forecast, pull_forward=replace(forecast.pull_forward, assumed_share=assumed))


def forecast_key(session: Session, trained: TrainedModel, campaign: CampaignWeek) -> str:
    """Return a hash of the data, the model, its code, and what is planned for the week."""
    record = trained.record
    return key_of(
        session.dataset.folder.name,
        sorted(trained.file_digests().items()),
        code_digest("bundleopt_models"),
        (record.fit_until.isoformat(), record.max_items, campaign.week.isoformat()),
        campaign.item_ids,
        campaign.shelf_price_cents,
        campaign.display,
        campaign.mailer,
    )


def as_arrays(forecast: DemandForecast) -> Arrays:
    """Return every field of a forecast as an array."""
    arrays: dict[str, Any] = {name: getattr(forecast, name) for name in _PLAIN}
    arrays |= {f"relations_{name}": getattr(forecast.relations, name) for name in _RELATIONS[:-1]}
    arrays["relations_significant"] = forecast.relations.is_known()
    arrays |= {"customer_ids": forecast.customer_ids, "item_ids": forecast.item_ids}
    arrays["pull_share"] = forecast.pull_forward.share
    arrays["numbers"] = np.array([forecast.relations.background, forecast.pull_forward.assumed_share])
    if forecast.relations.fullness is not None:
        arrays["fullness"] = np.array(astuple(forecast.relations.fullness))
    arrays["week"] = np.array(forecast.week.isoformat())
    arrays |= {name: value for name, value in (("state", forecast.state), ("need", forecast.need)) if value is not None}
    if forecast.uncertainty is not None:
        arrays |= {f"{_SPREAD}{name}": value for name, value in forecast.uncertainty.arrays().items()}
        arrays |= {f"{_COMMON}{name}": np.array(value) for name, value in forecast.uncertainty.numbers().items()}
    return arrays


def from_arrays(arrays: Arrays) -> DemandForecast:
    """Return the forecast that `as_arrays` took apart."""
    background, assumed = (float(number) for number in arrays["numbers"])
    relations: dict[str, Any] = {name: arrays[f"relations_{name}"] for name in _RELATIONS}
    if "fullness" in arrays:
        relations["fullness"] = Fullness(*(float(number) for number in arrays["fullness"]))
    plain: dict[str, Any] = {name: arrays[name] for name in _PLAIN}
    return DemandForecast(
        week=date.fromisoformat(str(arrays["week"])),
        customer_ids=arrays["customer_ids"].astype(object),
        item_ids=arrays["item_ids"].astype(object),
        relations=PairRelations(**relations, background=background),
        pull_forward=PullForward(arrays["pull_share"], assumed),
        uncertainty=_uncertainty(arrays),
        state=arrays.get("state"),
        need=arrays.get("need"),
        **plain,
    )


def _uncertainty(arrays: Arrays) -> Uncertainty | None:
    numbers = {name.removeprefix(_COMMON): float(value) for name, value in arrays.items() if name.startswith(_COMMON)}
    spreads = {name.removeprefix(_SPREAD): value for name, value in arrays.items() if name.startswith(_SPREAD)}
    return Uncertainty.of(spreads, numbers) if numbers else None
