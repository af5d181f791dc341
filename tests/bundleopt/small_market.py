"""A small shop made by hand: six CSV files, 50 customers, 12 items, 40 weeks. Written, never random between runs."""

from __future__ import annotations

import csv
import math
import random
from datetime import date, datetime, timedelta
from pathlib import Path

FIRST_MONDAY = date(2024, 1, 1)
WEEKS = 40
CUSTOMERS = 50

# id, name, category, list price, unit cost: food with margins at which a discount can pay.
ITEMS = (
    ("001", "Pasta", "dry food", 2.50, 0.90),
    ("002", "Tomato sauce", "dry food", 3.20, 1.10),
    ("003", "Parmesan", "cheese", 5.90, 2.60),
    ("004", "Coffee", "drinks", 7.50, 3.10),
    ("005", "Milk", "dairy", 1.20, 0.70),
    ("006", "Cereal", "breakfast", 4.10, 1.60),
    ("007", "Cola", "drinks", 1.90, 0.60),
    ("008", "Crisps", "snacks", 2.60, 0.90),
    ("009", "Wine", "drinks", 8.90, 4.00),
    ("010", "Cheddar", "cheese", 4.40, 1.90),
    ("NA", "Bread, sliced", "bakery", 2.10, 0.80),
    ("1e5", "Butter", "dairy", 2.90, 1.30),
)
COMPLEMENTS = (("001", "002"), ("007", "008"), ("009", "010"), ("NA", "1e5"))
PRICE_RESPONSE = 6.0


def write_small_market(folder: Path, *, customers: int = CUSTOMERS, weeks: int = WEEKS, seed: int = 7) -> Path:
    """Write the six files into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)  # noqa: S311 - a shop, not a secret
    prices = {(item[0], week): _price(item, week, draw) for item in ITEMS for week in range(weeks)}
    _write(folder / "items.csv", "item_id,name,category,list_price,unit_cost", [_item_row(item) for item in ITEMS])
    _write(
        folder / "customers.csv", "customer_id,town", [(_customer(c), "A" if c % 3 else "B") for c in range(customers)]
    )
    _write(folder / "inventory.csv", "item_id,on_hand", [(item[0], 400 - 15 * k) for k, item in enumerate(ITEMS)])
    _write(
        folder / "prices.csv",
        "item_id,week,price",
        [(item, _monday(week), f"{price:.2f}") for (item, week), price in prices.items()],
    )
    _write(
        folder / "promotions.csv",
        "item_id,week,price,display,mailer",
        [
            (item[0], _monday(week), f"{prices[item[0], week]:.2f}", "true", "false")
            for item in ITEMS
            for week in range(weeks)
            if prices[item[0], week] < item[3]
        ],
    )
    _write(
        folder / "transactions.csv",
        "customer_id,item_id,timestamp,quantity,unit_price,basket_id",
        _transactions(prices, customers, weeks, draw),
    )
    return folder


def _price(item: tuple[str, str, str, float, float], week: int, draw: random.Random) -> float:
    is_promoted = draw.random() < 0.2 and week > 0
    return round(item[3] * (draw.choice((0.7, 0.8, 0.9)) if is_promoted else 1.0), 2)


def _transactions(
    prices: dict[tuple[str, int], float], customers: int, weeks: int, draw: random.Random
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    taste = {(c, item[0]): draw.gauss(-1.1, 0.9) for c in range(customers) for item in ITEMS}
    partner = dict(COMPLEMENTS) | {b: a for a, b in COMPLEMENTS}
    for week in range(weeks):
        for c in range(customers):
            if draw.random() > 0.75:
                continue
            bought: list[str] = []
            day = _monday(week) + timedelta(days=draw.randrange(7))
            for item in ITEMS:
                cut = math.log(prices[item[0], week] / item[3])
                together = 1.2 if partner.get(item[0]) in bought else 0.0
                odds = taste[c, item[0]] - PRICE_RESPONSE * cut + together
                if draw.random() < 1 / (1 + math.exp(-odds)):
                    bought.append(item[0])
            for number, item_id in enumerate(bought):
                time = datetime(day.year, day.month, day.day, 9 + number % 8, draw.randrange(60))
                quantity = 1 if draw.random() < 0.8 else 2
                price = f"{prices[item_id, week]:.2f}"
                rows.append((_customer(c), item_id, time.isoformat(sep=" "), quantity, price, f"b{week}-{c}"))
    return rows


def _item_row(item: tuple[str, str, str, float, float]) -> tuple[str, ...]:
    return (item[0], item[1], item[2], f"{item[3]:.2f}", f"{item[4]:.2f}")


def _customer(number: int) -> str:
    return f"C{number:03d}"


def _monday(week: int) -> date:
    return FIRST_MONDAY + timedelta(weeks=week)


def _write(path: Path, head: str, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head.split(","))
        writer.writerows(rows)
