"""The customer x item x week panel: what the demand model learns from, and nothing it may not see.

Letters: `U` customers, `I` items, `T` weeks, `C` categories, `N` purchases (customer-item-weeks).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class ItemAttributes:
    """What is known of the modelled items, each field aligned with `Panel.item_ids`.

    Attributes:
        names: (I,) display names.
        category, brand, department: (I,) codes into the `*_names` arrays.
        text: (I,) free text for character n-grams (name, type, size).
    """

    names: Texts
    category: Ints
    category_names: Texts
    brand: Ints
    brand_names: Texts
    department: Ints
    department_names: Texts
    text: Texts


@dataclass(frozen=True)
class WeeklyPrices:
    """Shelf prices of the modelled items as the log knows them, in log money per unit.

    A price that is seen only through purchases leaks the label (Panel rule "cross-fit"): customers are split into two
    folds, and a customer's rows use only prices paid by customers of the *other* fold, so that no own purchase can
    shape the price it is predicted from. Where a prices table exists, both folds hold that table.

    Attributes:
        log_price: (T, I) mean log shelf price over all customers, last seen price where nobody bought.
        fold_log_price: (2, T, I) the same from customers of the other fold: row f is for customers with `fold == f`.
        fold: (U,) 0 or 1.
        log_reference: (T, I) log regular price, known before week t (trailing; no look at week t or later). Where an
            item was not sold before t: its catalogue price, else its first regular price in a week after t.
        observed: (T, I) True where a price of that week was seen.
        independent: True when prices come from a table and not from purchases.
        next_log_reference: (I,) the same as `log_reference` for the week after the last one.
    """

    log_price: Floats
    fold_log_price: Floats
    fold: Ints
    log_reference: Floats
    observed: npt.NDArray[np.bool_]
    independent: bool
    next_log_reference: Floats


@dataclass(frozen=True)
class WeeklyPromotions:
    """Display and mailer, as shares of stores in [0, 1], chain-wide and in each customer's favourite store group.

    Attributes:
        display, mailer: (T, I) share of tracked stores with the item on display / in the mailer.
        store_display, store_mailer: (T, G, I) 0/1 as uint8 for each store group (favourite store), G may be 0.
        store_group: (U,) index of the customer's favourite tracked store, -1 where none.
    """

    display: Floats
    mailer: Floats
    store_display: npt.NDArray[np.uint8]
    store_mailer: npt.NDArray[np.uint8]
    store_group: Ints


@dataclass(frozen=True)
class Panel:
    """All arrays of the demand model. Weeks are consecutive Mondays; ids are texts in ascending code-point order.

    Attributes:
        customer_ids: (U,); item_ids: (I,) the modelled items (top items by lines before `fit_until`).
        weeks: (T,) datetime64[D], the Mondays.
        purchase_customer, purchase_item, purchase_week: (N,) codes, unique triples, sorted by week.
        purchase_units: (N,) units bought in that customer-item-week.
        purchase_log_price: (N,) log of the mean paid price per unit.
        trips: (T, U) baskets of the customer in the week, any item; a visit is trips > 0.
        lines: (T, U) distinct item lines of the week, any item; deal_lines: (T, U) those below regular price.
        prices, promotions: see their classes.
        extra_items: the last so many items are not modelled, only asked about: their purchases are history of
            themselves, and of no category, brand or customer.
    """

    customer_ids: Texts
    item_ids: Texts
    items: ItemAttributes
    weeks: npt.NDArray[np.datetime64]
    purchase_customer: Ints
    purchase_item: Ints
    purchase_week: Ints
    purchase_units: Floats
    purchase_log_price: Floats
    trips: Floats
    lines: Floats
    deal_lines: Floats
    prices: WeeklyPrices
    promotions: WeeklyPromotions
    extra_items: int = 0

    @property
    def n_customers(self) -> int:
        """U."""
        return len(self.customer_ids)

    @property
    def n_items(self) -> int:
        """I."""
        return len(self.item_ids)

    @property
    def n_modelled(self) -> int:
        """Items that are modelled: all but the last `extra_items`."""
        return len(self.item_ids) - self.extra_items

    @property
    def n_weeks(self) -> int:
        """T."""
        return len(self.weeks)

    def week_index(self, monday: date) -> int:
        """Index of a Monday; `n_weeks` for the week after the last one (the usual campaign week)."""
        return int((np.datetime64(monday, "D") - self.weeks[0]).astype(int)) // 7
