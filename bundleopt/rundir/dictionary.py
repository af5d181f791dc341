"""What every column of every exported table means: shipped with each export."""

from __future__ import annotations

DICTIONARY: dict[str, dict[str, str]] = {
    "bundles": {
        "bundle_id": "identifier of the bundle in this plan",
        "item_ids": "the items of the bundle",
        "item_names": "their names",
        "list_value": "sum of the items' shelf prices in the campaign week, money",
        "price": "price of the bundle, money; the same for every customer",
        "discount": "1 - price / list_value, a share",
        "customers": "how many customers are shown the bundle",
        "redemptions": "expected number of customers who buy the bundle at its price",
        "incremental_revenue": "expected revenue with the offers minus without them, money",
        "incremental_margin": "expected margin with the offers minus without them, money",
        "promo_spend": "expected redemptions x (list_value - price), less supplier funding, money",
        "cannibalised_revenue": "expected sales at shelf price that the bundle replaces, money",
        "reason": "why the bundle is on the menu",
    },
    "offers": {
        "customer_id": "the customer who is shown the offer",
        "bundle_id": "the bundle offered",
        "item_ids": "its items",
        "list_value": "sum of the items' shelf prices, money",
        "price": "price of the bundle, money",
        "redemption_probability": "chance that the customer buys the bundle at its price in the week",
        "baseline_probability": "chance that the customer would have bought all its items anyway",
        "incremental_units": "expected extra units of each item, in the order of item_ids",
        "redemption_revenue": "redemption_probability x price, money",
        "redemption_margin": "redemption_probability x margin of the bundle at its price, money",
        "incremental_revenue": "expected revenue with the offer minus without it, money",
        "incremental_margin": "expected margin with the offer minus without it, money",
        "promo_spend": "redemption_probability x (list_value - price), less supplier funding, money",
        "propensity": "chance with which this customer was chosen to get the offer",
        "holdout": "true for a randomised control customer, who is not shown the offer",
    },
    "inventory": {
        "item_id": "the item",
        "on_hand": "units in stock for the week; empty means unlimited",
        "baseline_units": "expected sales of the week without the campaign, all customers",
        "incremental_units": "expected extra sales caused by the campaign",
        "slack": "units left after baseline, safety stock and incremental units; empty means unlimited",
        "shadow_price": "money that one more unit of stock would add to the objective",
    },
}
