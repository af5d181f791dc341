"""What other prices would have brought, from offers whose prices were drawn with known chances.

An occasion is an offer in the log; the action is the price that was drawn for its bundle in its campaign, the reward
the money of a redemption. The other policy gives every bundle the cheapest, or the dearest, price that the log holds of
it. Only draws are used: rows whose propensity is below that of their campaign's other offers, which is what a control
group leaves of 1. Prices that changed between campaigns without a draw tell nothing: something else changed as well.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt_models.off_policy import LoggedChoices, cross_fitted_rates, policy_values

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.session import Session

NOT_DRAWN = (
    "The offers log holds no bundle at prices that were drawn with known chances, so nothing can be said of what other "
    "prices would have brought; plan with --explore 5% and log the column propensity."
)


def read_drawn(session: Session) -> pd.DataFrame:
    """Return log rows of drawn prices: campaign_id, bundle_id, price, reward, and `propensity` of the price alone."""
    import pandas as pd

    dataset = session.dataset
    if "offers_log" not in dataset.tables or not dataset.has_column("offers_log", "propensity"):
        return pd.DataFrame({"campaign_id": [], "bundle_id": [], "price": [], "reward": [], "propensity": []})
    with dataset.connect() as connection:
        frame: pd.DataFrame = connection.execute(_DRAWN).df()
    return frame


_DRAWN = """
    WITH chances AS (
        SELECT *, propensity / max(propensity) OVER (PARTITION BY campaign_id) AS chance
        FROM offers_log WHERE propensity > 0
    ), drawn AS (
        SELECT *, min(price) OVER same AS cheapest, max(price) OVER same AS dearest FROM chances WHERE chance < 0.999
        WINDOW same AS (PARTITION BY bundle_id)
    )
    SELECT campaign_id, bundle_id, price, CASE WHEN redeemed THEN price ELSE 0 END AS reward, chance AS propensity
    FROM drawn WHERE cheapest < dearest ORDER BY campaign_id, bundle_id, customer_id
"""


def price_policies(drawn: pd.DataFrame) -> dict[str, Any] | None:
    """Return mean revenue of a redeemed offer, per offer shown, under each policy; None where nothing was drawn.

    Args:
        drawn: as `read_drawn` gives it.
    """
    if not len(drawn):
        return None
    draws = drawn["campaign_id"].astype(str) + "|" + drawn["bundle_id"].astype(str)
    cluster = np.unique(draws, return_inverse=True)[1].reshape(-1).astype(np.int64)
    bundle = np.unique(drawn["bundle_id"].astype(str), return_inverse=True)[1].reshape(-1).astype(np.int64)
    by_bundle = drawn.groupby("bundle_id")["price"]
    reward = drawn["reward"].to_numpy(dtype=np.float64)
    model = cross_fitted_rates(reward, bundle, cluster)
    propensity = drawn["propensity"].to_numpy(dtype=np.float64)
    policies = {
        "as logged": propensity,
        "every bundle at its cheapest logged price": (drawn["price"] == by_bundle.transform("min")).to_numpy(float),
        "every bundle at its dearest logged price": (drawn["price"] == by_bundle.transform("max")).to_numpy(float),
    }
    rows = [
        {"policy": name} | {"estimator" if key == "name" else key: value for key, value in asdict(one).items()}
        for name, target in policies.items()
        for one in policy_values(LoggedChoices(reward, propensity, target, cluster, model, model))
    ]
    return {"offers": len(drawn), "draws": int(cluster.max()) + 1, "values": rows}
