"""The campaign problem as plain arrays with ids: what every engine and backend solves.

Letters: `U` customers, `I` items, `B` bundles, `O` options (bundle, price point), `K` items of a bundle, `S` segments.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Money = npt.NDArray[np.float64]
Cents = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Options:
    """The candidate options, aligned over O; see section 2 of the design for the words.

    Attributes:
        bundle_ids: (B,) texts. item_ids: (I,) texts.
        items: (O, K) item codes, -1 padded. bundle: (O,) bundle index; options of a bundle are adjacent.
        price_cents, list_value_cents: (O,) int64.
        unit_spend, unit_margin: (O,) money per redemption.
        quantity: (O,) units of the one item that an option of several units sells; None for one of each.
    """

    bundle_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]
    items: Codes
    bundle: Codes
    price_cents: Cents
    list_value_cents: Cents
    unit_spend: Money
    unit_margin: Money
    quantity: Codes | None = None

    @property
    def quantities(self) -> Codes:
        """(O,) units of each item, 1 for bundles."""
        return np.ones(len(self.bundle), dtype=np.int32) if self.quantity is None else self.quantity


@dataclass(frozen=True)
class MenuCount:
    """At least `least`, or at most `most`, options of the menu are among `member`; None means that side is off.

    Attributes:
        name: of the rule that is reported; counts of one rule ("cap:brand" for every brand) share it.
        member: (O,) options that count.
        label: what is counted, in words ("brand=Acme").
    """

    name: str
    member: npt.NDArray[np.bool_]
    least: int | None = None
    most: int | None = None
    label: str = ""


@dataclass(frozen=True)
class Parity:
    """Equal treatment: a group's offers per customer are within `tolerance` (a share) of those of all customers.

    Attributes:
        name: of the attribute. labels: (G,) of its groups. group: (U,) codes, -1 for customers of no group.
    """

    name: str
    labels: tuple[str, ...]
    group: Codes
    tolerance: float


@dataclass(frozen=True)
class Risk:
    """Part of the objective that counts only the worst draws (CVaR); needs `CampaignProblem.draws`.

    Attributes:
        share: of the draws that count as worst, in (0, 1]. weight: of their mean in the objective, in [0, 1]; the rest
            is the mean over all draws.
    """

    share: float
    weight: float = 1.0


@dataclass(frozen=True)
class StoreStock:
    """Stock by store; what a customer is induced to buy leaves the customer's store.

    Attributes:
        store_ids: (S,) texts. customer: (U,) store codes, -1 for none. slack: (I, S) units, inf where unlimited.
    """

    store_ids: npt.NDArray[np.object_]
    customer: Codes
    slack: Money

    @property
    def tracked(self) -> npt.NDArray[np.bool_]:
        """(I,) items that are limited in some store."""
        return np.asarray(np.isfinite(self.slack).any(1))


@dataclass(frozen=True)
class Rules:
    """Business rules of one campaign. None means the rule is off.

    Attributes:
        budget: promo spend allowed, money. min_margin: least margin of bundle sales as a share of their revenue.
        min_incremental_margin: money.
        max_bundles: bundles on the menu. slots: offers a customer.
        category_min_margin: category -> share; bundle sales pro rata to shelf price.
        category_cap: most bundles on the menu that contain an item of one category (`item_category`: (I,) codes).
        item_overlap: most bundles on the menu that contain one item.
        include: bundle indices that must be on the menu with at least one offer.
        stock_slack: (I,) units left for induced sales: max(0, on hand - baseline - safety); inf where unlimited.
        substitutes: (Q, 2) item code pairs that no customer may be offered in two different options.
        fixed_cost_per_bundle, contact_cost: money.
        shelf_price_cents: (I,) for the no-arbitrage rule over covers. no_arbitrage: whether that rule is on.
        min_incremental_revenue: money; needs `CampaignProblem.incremental_revenue`.
        menu_counts: caps and floors on the menu by any attribute; includes of an item, churn against another plan.
        lock: option indices that must be on the menu: their bundle has this price and no other.
        min_exposure, max_exposure: least and most offers of a bundle that is on the menu.
        parity: groups of customers that are treated alike.
        stores: stock by store, kept by offers of a fixed menu (`large_assignment`) alone; `stock_slack` of its items is
            what the stores have together, a relaxation.
        risk: see Risk. budget_confidence: chance, over draws and redemption counts, that spend stays in the budget.
    """

    budget: float | None = None
    min_margin: float | None = None
    min_incremental_margin: float | None = None
    max_bundles: int = 30
    slots: int = 3
    category_min_margin: dict[int, float] = field(default_factory=dict)
    category_cap: int | None = None
    item_overlap: int | None = None
    include: tuple[int, ...] = ()
    item_category: Codes | None = None
    stock_slack: Money | None = None
    substitutes: npt.NDArray[np.int32] | None = None
    fixed_cost_per_bundle: float = 0.0
    contact_cost: float = 0.0
    shelf_price_cents: Cents | None = None
    no_arbitrage: bool = True
    min_incremental_revenue: float | None = None
    menu_counts: tuple[MenuCount, ...] = ()
    lock: tuple[int, ...] = ()
    min_exposure: int | None = None
    max_exposure: int | None = None
    parity: tuple[Parity, ...] = ()
    risk: Risk | None = None
    budget_confidence: float | None = None
    stores: StoreStock | None = None


@dataclass(frozen=True)
class OfferDraws:
    """Draws of demand as factors on the means, option by option: N x O numbers stand for N x U x O.

    In draw n an offer of option o is worth `value[n, o]` times its mean value and is redeemed `redemption[n, o]` times
    as often as on average, for every customer; the mean of each column over the draws is 1.

    Attributes:
        value: (N, O). redemption: (N, O), both >= 0.
    """

    value: Money
    redemption: Money


@dataclass(frozen=True)
class CampaignProblem:
    """Maximise the value of offers under `rules`; see `solvers/README.md` for the mathematics.

    Attributes:
        customer_ids: (U,) texts. options: (O,) table.
        value: (U, O) the objective per offer, money. redemption: (U, O).
        incremental_margin: (U, O) money.
        units: (U, O, K) incremental units, aligned with `options.items`.
        segment: (U,) codes of the segments used by the segment master problem.
        incremental_revenue: (U, O) money; only where a rule asks for it.
        draws: of demand; only where a rule asks for them.
        shelf: whether the last row of these arrays is no customer but the shelf (public redemption): what an option
            does by standing there with its price. It takes every option of the menu, in no slot, at no contact cost,
            and no item or exposure rule of customers is about it. `customer_ids` and `Parity.group` leave it out.
    """

    customer_ids: npt.NDArray[np.object_]
    options: Options
    value: Floats
    redemption: Floats
    incremental_margin: Floats
    units: Floats
    segment: Codes
    rules: Rules
    incremental_revenue: Floats | None = None
    draws: OfferDraws | None = None
    shelf: bool = False

    @property
    def customers(self) -> int:
        """Number of customers: rows of the arrays, the shelf's left out."""
        return len(self.value) - int(self.shelf)

    @property
    def least_offers(self) -> int:
        """Offers that a bundle on the menu has at least: one, or none where the shelf sells it anyway."""
        return self.rules.min_exposure or (0 if self.shelf else 1)
