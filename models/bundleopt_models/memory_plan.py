"""How much memory a training takes, said before it starts, and whether its rows are kept in memory or on disk.

The figures per purchase, customer and row are sizes of the arrays that live at the same time; the share beside them
covers what libraries and copies take, measured on logs of 0.5 to 8 million purchases.
"""

from __future__ import annotations

from dataclasses import dataclass

from bundleopt_data.panel import Panel
from bundleopt_models.features import GROUP_FEATURES, PAIR_FEATURES, PROMO_FEATURES
from bundleopt_models.settings import TrainSettings
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES

ROW_BYTES = 2 * (len(PAIR_FEATURES) + 3 * len(GROUP_FEATURES) + len(PROMO_FEATURES)) + 3 * 8 + 4 * 4
"""A sampled row: features in half precision, three codes, four numbers."""

HISTORY_BYTES = 330
"""Of a purchase, over all levels: its event, its share of a pair, and what is known of that pair."""

PROCESS_BYTES = 500 << 20
"""Python, torch, pandas and DuckDB before any data."""

COPIES = 1.2


@dataclass(frozen=True)
class MemoryPlan:
    """What a training will take.

    Attributes:
        rows: expected sampled rows of all weeks. on_disk: whether they are read from disk.
        bytes: expected peak of the process.
    """

    rows: int
    on_disk: bool
    bytes: int

    def sentence(self) -> str:
        """Say it to people."""
        where = ", examples on disk" if self.on_disk else ""
        return f"training needs about {self.bytes / (1 << 30):.1f} GiB of memory{where}"


def plan_memory(panel: Panel, weeks: int, settings: TrainSettings) -> MemoryPlan:
    """Estimate the rows and the peak memory of a training on `weeks` weeks of a panel."""
    purchases = len(panel.purchase_item)
    share = weeks / max(panel.n_weeks, 1)
    rows = int(purchases * share * (1 + settings.history_rows + settings.never_rows))
    on_disk = rows > settings.memory_rows
    weekly = rows // max(weeks, 1)
    # A week on disk is read whole, twice over while it is parsed, and two of them stay.
    kept = 4 * weekly if on_disk else rows
    tables = 4 * (panel.n_weeks + 1) * (panel.n_customers * len(CUSTOMER_FEATURES) + panel.n_items * len(ITEM_FEATURES))
    contexts = (3 if on_disk else weeks) * 12 * purchases // 2
    stores = 2 * panel.promotions.store_display.nbytes
    # Two (U, I) grids of the relations at the end, when the rows are gone.
    grids = 2 * 4 * panel.n_customers * panel.n_items
    working = max(kept * ROW_BYTES + contexts, grids)
    total = PROCESS_BYTES + COPIES * (purchases * HISTORY_BYTES + tables + stores + working)
    return MemoryPlan(rows, on_disk, int(total))
