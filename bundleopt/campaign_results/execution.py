"""Was the plan carried out as approved: prices charged, offers shown to the right customers, not more of them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bundleopt.campaign_results.campaign import KEY, RunCampaign

_CENT = 0.005
EXAMPLES = 3


@dataclass(frozen=True)
class Breach:
    """One way in which the campaign differed from the plan: in words, how often, and a few cases."""

    what: str
    count: int
    examples: tuple[str, ...]


def breaches(campaign: RunCampaign) -> list[Breach]:
    """Return every kind of breach that occurred; empty where the plan was carried out as approved."""
    log, run = campaign.log, campaign.run
    planned = campaign.planned
    price = dict(zip(run.bundles["bundle_id"], run.bundles["price"], strict=True))
    on_menu = log["bundle_id"].isin(list(price))
    held = _held_out(campaign)
    known = log.merge(planned[KEY], on=KEY, how="left", indicator=True)
    stray = (known["_merge"] != "both").to_numpy()
    to_held = log["customer_id"].isin(held).to_numpy()
    wanted = log["bundle_id"].map(price)
    charged = (log["lowest"] - wanted).abs().gt(_CENT) | (log["highest"] - wanted).abs().gt(_CENT)
    slots = planned.groupby("customer_id").size()
    shown = log.groupby("customer_id").size()
    crowded = shown[shown > slots.reindex(shown.index).fillna(0)]
    late = campaign.outside.merge(planned[KEY].drop_duplicates(), on=KEY)
    found = [
        _breach("another price was charged than planned", _prices(log[on_menu & charged], price)),
        _breach("a customer of the control group was shown an offer", _names(log[to_held])),
        _breach("a bundle was shown that the plan does not hold", _names(log[~on_menu.to_numpy()])),
        _breach("an offer was shown to somebody else", _names(log[stray & on_menu.to_numpy() & ~to_held])),
        _breach(
            "a customer was shown more offers than planned",
            [f"{name}: {count}" for name, count in crowded.items() if name not in held],
        ),
        _breach("an offer was shown outside its week", _names(late)),
    ]
    return [one for one in found if one.count]


def _held_out(campaign: RunCampaign) -> set[str]:
    arms = campaign.arms
    return set() if arms is None else set(arms.loc[arms["holdout"].astype(bool), "customer_id"].astype(str))


def _breach(what: str, cases: list[str]) -> Breach:
    return Breach(what, len(cases), tuple(cases[:EXAMPLES]))


def _names(rows: pd.DataFrame) -> list[str]:
    return [f"{customer} {bundle}" for customer, bundle in zip(rows["customer_id"], rows["bundle_id"], strict=True)]


def _prices(rows: pd.DataFrame, price: dict[str, float]) -> list[str]:
    cases = zip(rows["customer_id"], rows["bundle_id"], rows["price"], strict=True)
    return [f"{one} {bundle}: {paid:.2f} instead of {price[bundle]:.2f}" for one, bundle, paid in cases]
