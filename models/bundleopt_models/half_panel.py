"""Half-panel mode: prices that the tested customers cannot have shaped.

A price that is seen only through purchases leaks the label. Here customers fall into two halves: A lends the prices it
paid and its share in what is popular; every row that is learned from or tested is of B. So the week's own price can be
an input without a leak (MODEL.md, table 4.2).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bundleopt_data.panel import Panel


def half_panel(panel: Panel) -> Panel:
    """The panel in which fold 1 is learned from and tested, at the prices that fold 0 paid.

    Customers of fold 0 keep their purchases, which make items popular, but never come: nobody predicts them. Where
    prices come from a table, that table stays what both see.
    """
    price = panel.prices.fold_log_price[1]
    is_tested = (panel.prices.fold == 1)[None, :]
    return replace(
        panel,
        prices=replace(panel.prices, log_price=price, fold_log_price=np.stack([price, price])),
        trips=np.where(is_tested, panel.trips, 0).astype(np.float32),
        lines=np.where(is_tested, panel.lines, 0).astype(np.float32),
        deal_lines=np.where(is_tested, panel.deal_lines, 0).astype(np.float32),
    )
