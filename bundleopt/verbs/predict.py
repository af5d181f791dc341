"""Predicts purchase probabilities for given rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bundleopt.session import Progress, Session, open_session
from bundleopt.stages.model import TrainedModel, open_model
from bundleopt_data import atomic
from bundleopt_data.errors import DataProblem, DataRefusedError, ModelArtefactError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt_data.panel import Panel
    from bundleopt_models.extension import NewItem

_ENDINGS = (".csv", ".parquet")


def predict(
    rows: pd.DataFrame, *, workspace: Path | str | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Return `rows` in their order with a column `probability` (float64, inside (0, 1)).

    Args:
        rows: customer_id, item_id, week (a Monday); price, display and mailer are optional. Every customer and item of
            the workspace is known, also those outside the trained top items.
        workspace: its folder; None finds it.
        progress: told (what is being done, share done).

    Raises:
        DataRefusedError: a column is missing, an id is unknown, or a value is wrong.
        ModelArtefactError: there is no model; train one first.
    """
    from bundleopt_models import prediction

    session = open_session(workspace, progress=progress)
    trained = open_model(session)
    if trained is None:
        raise ModelArtefactError(f"{session.workspace.root} has no model yet; train one with: bundleopt train")
    catalogue = _catalogue(session)
    _refuse_unknown(session, trained, rows, set(catalogue))
    session.progress("predicting", 0.0)
    known = rows.assign(**{name: _numbers(rows[name]) for name in prediction.OPTIONAL if name in rows.columns})
    panel = _with_own_history(session, trained, set(rows["item_id"].astype(str)))
    predicted = prediction.predict(trained.model, panel, known, catalogue=catalogue)
    return rows.assign(probability=predicted["probability"].to_numpy())


def _with_own_history(session: Session, trained: TrainedModel, items: set[str]) -> Panel:
    """Return the panel with what the log knows of further items appended: purchases, prices, promotions."""
    from bundleopt_models.extension import with_own_history

    missing = sorted(items - {str(item) for item in trained.panel.item_ids})
    if not missing:
        return trained.panel
    other = session.dataset.panel_of(missing, fit_until=trained.record.fit_until, progress=session.progress)
    return with_own_history(trained.panel, other)


def _numbers(column: pd.Series) -> pd.Series:
    """An optional column as the model takes it: nothing said is NaN, yes and no are shares of stores."""
    import numpy as np

    said = {"": np.nan, "true": 1.0, "false": 0.0}
    return column.map(lambda cell: said.get(cell.strip().lower(), cell) if isinstance(cell, str) else cell)


def predict_file(
    at: Path | str, out: Path | str, *, workspace: Path | str | None = None, progress: Progress | None = None
) -> int:
    """Predict the rows of a CSV or Parquet file, write them with their probability, and return how many they are.

    Raises:
        UsageError: a file has another ending, or cannot be read. See `predict` for the rest.
    """
    source, target = Path(at), Path(out)
    for path in (source, target):
        if path.suffix.lower() not in _ENDINGS:
            raise UsageError(f"{path}: the file must end in .csv or .parquet")
    predicted = predict(_read(source), workspace=workspace, progress=progress)
    with atomic.writing(target) as temporary:
        if target.suffix.lower() == ".parquet":
            predicted.to_parquet(temporary, index=False)
        else:
            predicted.to_csv(temporary, index=False, lineterminator="\n")
    return len(predicted)


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        # All cells stay texts, so that 007 is not 7, NA is an id, and other columns come back as they were.
        return pd.read_csv(path, dtype=str, na_filter=False)
    except (OSError, ValueError) as error:
        problem = DataProblem(path.name, "", f"cannot be read: {str(error)[:200]}", 1)
        raise DataRefusedError([problem]) from error


def _catalogue(session: Session) -> dict[str, NewItem]:
    """Return what the catalogue says of every item, for those outside the panel."""
    from bundleopt_models.extension import NewItem

    columns = [name for name in ("name", "category", "brand", "department") if _has(session, name)]
    priced = "list_price" if _has(session, "list_price") else "NULL"
    connection = session.dataset.connect()
    try:
        names = ", ".join(f"coalesce({name}, '')" for name in columns)
        found = connection.execute(f"SELECT item_id, {priced}, {names or 'NULL'} FROM items").fetchall()  # noqa: S608
    finally:
        connection.close()
    return {
        str(row[0]): NewItem(
            item_id=str(row[0]),
            price=float(row[1]) if row[1] is not None else float("nan"),
            **dict(zip(columns, row[2:], strict=False)),
        )
        for row in found
    }


def _has(session: Session, column: str) -> bool:
    return session.dataset.has_column("items", column)


def _refuse_unknown(session: Session, trained: TrainedModel, rows: pd.DataFrame, items: set[str]) -> None:
    """Refuse ids that the workspace has never heard of: a mistyped id must not get a probability."""
    known = {
        "item_id": items | {str(item) for item in trained.panel.item_ids},
        "customer_id": _customers(session, trained),
    }
    problems = []
    for column, ids in known.items():
        if column not in rows.columns:
            continue
        wrong = [(number, str(cell)) for number, cell in enumerate(rows[column], start=2) if str(cell) not in ids]
        if wrong:
            examples = tuple(f"row {number}: {cell!r}" for number, cell in wrong[:5])
            problems.append(DataProblem("rows", column, "is not known to this workspace", len(wrong), examples))
    if problems:
        raise DataRefusedError(problems)


def _customers(session: Session, trained: TrainedModel) -> set[str]:
    known = {str(customer) for customer in trained.panel.customer_ids}
    connection = session.dataset.connect()
    try:
        for table in ("transactions", "customers"):
            if session.dataset.has_column(table, "customer_id"):
                rows = connection.execute(f"SELECT DISTINCT customer_id FROM {table}").fetchall()  # noqa: S608
                known |= {str(row[0]) for row in rows}
    finally:
        connection.close()
    return known
