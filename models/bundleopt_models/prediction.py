"""Probabilities for given rows (customer, item, week, and optionally price and promotion): `bundleopt predict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bundleopt_data.errors import DataProblem, DataRefusedError
from bundleopt_data.panel import Panel
from bundleopt_models.corpus import as_rows
from bundleopt_models.extension import NewItem, unknown_items, with_customers, with_items
from bundleopt_models.likelihood import log_purchase
from bundleopt_models.model import DemandModel, PanelView, plan_for
from bundleopt_models.network import Rows
from bundleopt_models.scoring import WeekInputs
from bundleopt_models.week_tables import log_position

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

REQUIRED = ("customer_id", "item_id", "week")
OPTIONAL = ("price", "display", "mailer")
ROWS_PER_CHUNK = 65_536
SMALLEST = 1e-12


@dataclass(frozen=True)
class _WeekRows:
    """Rows of one week: codes, and what the caller says of them, NaN where nothing."""

    customer: Ints
    item: Ints
    price: npt.NDArray[np.float64]
    display: npt.NDArray[np.float64]
    mailer: npt.NDArray[np.float64]


def predict(
    model: DemandModel, panel: Panel, rows: pd.DataFrame, *, catalogue: Mapping[str, NewItem] | None = None
) -> pd.DataFrame:
    """Return `rows`, in their order, with a column `probability` (float64, inside (0, 1)).

    Args:
        model: a trained model.
        panel: everything known; a row's history is all of it before the row's week.
        rows: customer_id, item_id, week (the Monday, as date or ISO text); price (money per unit), display and mailer
            (share of stores or bool) are optional, missing values mean the week's own, else the last seen price and
            no promotion. A key may repeat with other prices.
        catalogue: what is known of items that the panel lacks; without it they are scored as unknown ones.

    Raises:
        DataRefusedError: a column is missing, or a value cannot be read.
    """
    table = _checked(rows)
    panel = _extended(panel, table, catalogue or {})
    view = model.view(panel)
    customer = pd.Index(panel.customer_ids.astype(str)).get_indexer(pd.Index(table["customer_id"]))
    item = pd.Index(panel.item_ids.astype(str)).get_indexer(pd.Index(table["item_id"]))
    monday = table["week"].to_numpy().astype("datetime64[D]")
    week = ((monday - panel.weeks[0].astype("datetime64[D]")).astype(np.int64)) // 7
    given = {name: table[name].to_numpy(dtype=np.float64) for name in OPTIONAL}
    probability = np.empty(len(table), np.float64)
    for number in np.unique(week):
        at = np.flatnonzero(week == number)
        chosen = _WeekRows(customer[at].astype(np.int64), item[at].astype(np.int64), *(given[n][at] for n in OPTIONAL))
        probability[at] = _week_probability(model, view, int(number), chosen)
    return rows.assign(probability=probability)


def _checked(rows: pd.DataFrame) -> pd.DataFrame:
    """Ids as text, weeks as days, the optional columns as numbers with NaN where nothing is said."""
    problems = [
        DataProblem("rows", name, "is missing", len(rows), fix=f"the columns {', '.join(REQUIRED)} are needed")
        for name in REQUIRED
        if name not in rows.columns
    ]
    if problems:
        raise DataRefusedError(problems)
    table = pd.DataFrame({name: rows[name].astype(str).to_numpy() for name in ("customer_id", "item_id")})
    day = pd.to_datetime(pd.Series(rows["week"].to_numpy()).astype(str), errors="coerce", format="ISO8601")
    if day.isna().any():
        raise DataRefusedError([_problem("week", "is not an ISO date", day.isna().to_numpy(), rows["week"])])
    table["week"] = day.to_numpy()
    for name in OPTIONAL:
        values = rows[name] if name in rows.columns else pd.Series(np.nan, index=rows.index)
        number = pd.to_numeric(pd.Series(values.to_numpy()), errors="coerce").astype(np.float64)
        wrong = (number.isna() & ~pd.isna(pd.Series(values.to_numpy()))) | np.isinf(number)
        wrong |= (number <= 0) if name == "price" else (number < 0) | (number > 1)
        if wrong.any():
            rule = "is not a positive number" if name == "price" else "is not a share in [0, 1]"
            raise DataRefusedError([_problem(name, rule, wrong.to_numpy(), values)])
        table[name] = number
    return table


def _problem(column: str, check: str, wrong: npt.NDArray[np.bool_], values: pd.Series) -> DataProblem:
    at = np.flatnonzero(wrong)
    examples = tuple(f"row {place + 1}: {values.iloc[place]!r}" for place in at[:5])
    return DataProblem("rows", column, check, len(at), examples)


def _extended(panel: Panel, table: pd.DataFrame, catalogue: Mapping[str, NewItem]) -> Panel:
    """The panel, with the customers and items of the rows that it lacks."""
    missing = sorted(set(table["customer_id"]) - {str(customer) for customer in panel.customer_ids})
    panel = with_customers(panel, missing)
    return with_items(panel, unknown_items(panel, list(table["item_id"]), catalogue))


def _week_probability(model: DemandModel, view: PanelView, week: int, rows: _WeekRows) -> npt.NDArray[np.float64]:
    planned = plan_for(view.panel, week, None, (None, None))
    inputs = model.week_inputs(view, week, planned)
    raised = _habits(model, view, inputs, rows)
    parts = [
        _chunk_probability(model, inputs, week, _part(rows, at), raised[at])
        for at in np.array_split(np.arange(len(rows.item)), -(-len(rows.item) // ROWS_PER_CHUNK))
    ]
    return np.concatenate(parts)


def _habits(model: DemandModel, view: PanelView, inputs: WeekInputs, rows: _WeekRows) -> Floats:
    """(n,) what unknown habits add to the log odds of rows of new items; see `DemandModel.habit_shift`."""
    shift = model.habit_shift(view, inputs)
    if shift is None:
        return np.zeros(len(rows.item), np.float32)
    items, ratio = shift
    return np.where(items[rows.item], np.log(ratio), 0.0).astype(np.float32)


def _part(rows: _WeekRows, at: Ints) -> _WeekRows:
    return _WeekRows(rows.customer[at], rows.item[at], rows.price[at], rows.display[at], rows.mailer[at])


def _chunk_probability(
    model: DemandModel, inputs: WeekInputs, week: int, rows: _WeekRows, raised: Floats
) -> npt.NDArray[np.float64]:
    tensors = _tensors(inputs, week, rows)
    with torch.no_grad():
        code = torch.from_numpy(inputs.customer_code)
        keep = torch.ones(len(inputs.catalogue.item), 1)
        z = model.network(tensors, inputs.context, inputs.catalogue, code, keep)
        stratum = torch.where(tensors.has_history > 0, 2, (tensors.category[:, 0] > 0).long())
        z = model.calibration.apply(z, stratum).double() + torch.from_numpy(raised)
        log_q = log_purchase(z, inputs.log_visit[tensors.customer].double())
        probability: npt.NDArray[np.float64] = torch.exp(log_q).clamp(SMALLEST, 1 - SMALLEST).numpy()
    return probability


def _tensors(inputs: WeekInputs, week: int, rows: _WeekRows) -> Rows:
    """Features of the rows, with the caller's price and promotion where given."""
    builder = inputs.builder
    features = builder.rows(rows.customer, rows.item, inputs.planned)
    promo = features.promo.copy()
    for place, given in enumerate((rows.display, rows.mailer)):
        said = ~np.isnan(given)
        promo[said, place] = promo[said, place + 2] = given[said]
    reference = builder.tables.reference[min(max(week, 0), builder.panel.n_weeks), rows.item]
    with np.errstate(invalid="ignore"):
        given_position = log_position(np.log(rows.price).astype(np.float32), reference)
    position = np.where(np.isnan(rows.price), inputs.position[rows.item], given_position).astype(np.float32)
    return as_rows(rows.customer, rows.item, inputs.customer_code, replace(features, promo=promo), position)
