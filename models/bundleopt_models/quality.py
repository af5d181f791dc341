"""Everything an analyst asks of a model in one result: the metric table, reliability, unit totals, price response."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bundleopt_data.panel import Panel
from bundleopt_models.evaluation import EvaluationTable
from bundleopt_models.interval_coverage import IntervalCoverage, interval_coverage
from bundleopt_models.model import DemandModel
from bundleopt_models.price_response import RATIOS, PriceResponses, price_response
from bundleopt_models.reliability import ReliabilityRow, all_groups
from bundleopt_models.unit_totals import UnitTotals, unit_totals


@dataclass(frozen=True)
class ModelQuality:
    """The result of `measure_quality`.

    Attributes:
        table: metrics of every model. reliability: rows by grouping. units: weekly units per item.
        coverage: of 80 % intervals of weekly item units, all items first, then by sales rate.
        response: by department and by category. is_shipped: whether it is that of the model that plans are made with;
            else of the one trained for this test, which knew last week's prices only.
    """

    table: EvaluationTable
    reliability: dict[str, tuple[ReliabilityRow, ...]]
    units: UnitTotals
    response: PriceResponses
    is_shipped: bool
    coverage: tuple[IntervalCoverage, ...] = ()

    def document(self) -> dict[str, Any]:
        """Every figure by name; NaN where something is not known."""
        return {
            "rows": self.table.as_frame().to_dict("records"),
            "reference": self.table.reference,
            "cells": self.table.cells,
            "base_rate": self.table.base_rate,
            "test_weeks": len(self.table.weeks.test),
            "feature_seconds": self.table.feature_seconds,
            "run": self.table.run,
            "reliability": {name: [asdict(row) for row in rows] for name, rows in self.reliability.items()},
            "units": asdict(self.units),
            "interval_coverage": [asdict(row) for row in self.coverage],
            "price_response": {
                "price_ratios": list(RATIOS),
                "departments": [asdict(row) for row in self.response.departments],
                "categories": [asdict(row) for row in self.response.categories],
                "is_shipped": self.is_shipped,
            },
        }


def measure_quality(
    panel: Panel, table: EvaluationTable, *, shipped: tuple[DemandModel, Panel] | None = None
) -> ModelQuality:
    """Measure what the table leaves out, on the same weeks.

    Args:
        panel: the one that was evaluated.
        table: its evaluation.
        shipped: the model that plans are made with, and its panel: its price response is shown, for its last week.
    """
    model, first = table.model, table.weeks.test[0]
    tables = model.view(panel).builder.tables
    if shipped is None:
        response = price_response(model, panel, first, fit_until=first)
    else:
        last = shipped[1].n_weeks
        response = price_response(*shipped, last - 1, fit_until=last)
    return ModelQuality(
        table=table,
        reliability=all_groups(table.ours, panel, tables, model.settings.price),
        units=unit_totals(panel, table.weeks, table.expected, model.facts.units.astype(np.float64)),
        response=response,
        is_shipped=shipped is not None,
        coverage=interval_coverage(model, panel, table.expected),
    )
