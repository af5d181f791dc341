"""The data contract: tables, columns, types, checks and keys. Types are declared here and never inferred.

Prices and costs are in the currency of the data, per unit; shares lie in [0, 1]; ids are texts and are never parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ColumnType(Enum):
    """How a column is read, and the DuckDB type it is stored as."""

    ID = "VARCHAR"  # text, kept to the letter: leading zeros, "NA", "1e5"
    TEXT = "VARCHAR "  # human text: control characters refused, Unicode NFC, outer blanks stripped
    NUMBER = "DOUBLE"  # finite decimal number
    FLAG = "BOOLEAN"  # true/false, yes/no, 1/0
    TIMESTAMP = "TIMESTAMP"  # local time of the source's time zone, after conversion
    MONDAY = "DATE"  # ISO date of a Monday
    ID_LIST = "VARCHAR[]"  # several ids; in CSV separated by "|"

    @property
    def sql(self) -> str:
        """The DuckDB type."""
        return self.value.strip()


class Check(Enum):
    """What a number must satisfy beyond being finite, in the words of the refusal."""

    POSITIVE = "must be greater than 0"
    NOT_NEGATIVE = "must not be negative"
    SHARE = "must be a share between 0 and 1"

    def sql(self, column: str) -> str:
        """SQL that is true where the finite number in `column` breaks the check."""
        broken = {
            Check.POSITIVE: f"{column} <= 0",
            Check.NOT_NEGATIVE: f"{column} < 0",
            Check.SHARE: f"{column} < 0 OR {column} > 1",
        }
        return f"({broken[self]})"


@dataclass(frozen=True)
class Column:
    """One column of a table. `references` names the table whose key holds every allowed id."""

    name: str
    type: ColumnType
    required: bool = False
    check: Check | None = None
    references: str | None = None


@dataclass(frozen=True)
class Table:
    """One table of the contract.

    Attributes:
        key: columns that identify a row; exact repeats are dropped, contradicting repeats refused. Empty where
            repeats are legitimate.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must be there."""
        return tuple(column.name for column in self.columns if column.required)

    def column(self, name: str) -> Column | None:
        """The declared column of that name, or None for an extra one."""
        return next((column for column in self.columns if column.name == name), None)


_ITEM = Column("item_id", ColumnType.ID, required=True, references="items")
_CUSTOMER = Column("customer_id", ColumnType.ID, required=True)
_STORE = Column("store_id", ColumnType.ID)
_WEEK = Column("week", ColumnType.MONDAY, required=True)
_TIMESTAMP = Column("timestamp", ColumnType.TIMESTAMP, required=True)

TRANSACTIONS = Table(
    "transactions",
    (
        _CUSTOMER,
        _ITEM,
        _TIMESTAMP,
        Column("quantity", ColumnType.NUMBER, required=True, check=Check.POSITIVE),
        Column("unit_price", ColumnType.NUMBER, required=True, check=Check.POSITIVE),
        Column("basket_id", ColumnType.ID),
        Column("list_price", ColumnType.NUMBER, check=Check.POSITIVE),
        _STORE,
    ),
)
ITEMS = Table(
    "items",
    (
        Column("item_id", ColumnType.ID, required=True),
        Column("name", ColumnType.TEXT, required=True),
        Column("category", ColumnType.TEXT, required=True),
        Column("list_price", ColumnType.NUMBER, required=True, check=Check.POSITIVE),
        Column("unit_cost", ColumnType.NUMBER, check=Check.NOT_NEGATIVE),
        Column("tax_rate", ColumnType.NUMBER, check=Check.SHARE),
        Column("funding", ColumnType.NUMBER, check=Check.SHARE),
        Column("funding_per_unit", ColumnType.NUMBER, check=Check.NOT_NEGATIVE),
        Column("promotable", ColumnType.FLAG),
        Column("brand", ColumnType.TEXT),
        Column("department", ColumnType.TEXT),
        Column("description", ColumnType.TEXT),
    ),
    key=("item_id",),
)
INVENTORY = Table(
    "inventory",
    (_ITEM, Column("on_hand", ColumnType.NUMBER, required=True, check=Check.NOT_NEGATIVE), _STORE),
    key=("item_id", "store_id"),
)
PRICES = Table(
    "prices",
    (_ITEM, _WEEK, Column("price", ColumnType.NUMBER, required=True, check=Check.POSITIVE), _STORE),
    key=("item_id", "week", "store_id"),
)
CUSTOMERS = Table("customers", (_CUSTOMER,), key=("customer_id",))
PROMOTIONS = Table(
    "promotions",
    (
        _ITEM,
        _WEEK,
        Column("price", ColumnType.NUMBER, check=Check.POSITIVE),
        Column("display", ColumnType.FLAG),
        Column("mailer", ColumnType.FLAG),
        _STORE,
    ),
    key=("item_id", "week", "store_id"),
)
EVENTS = Table(
    "events",
    (
        _CUSTOMER,
        _ITEM,
        Column("type", ColumnType.TEXT, required=True),
        _TIMESTAMP,
        Column("value", ColumnType.NUMBER),
    ),
)
OFFERS_LOG = Table(
    "offers_log",
    (
        Column("campaign_id", ColumnType.ID, required=True),
        _CUSTOMER,
        Column("bundle_id", ColumnType.ID, required=True),
        Column("item_ids", ColumnType.ID_LIST, required=True),
        Column("price", ColumnType.NUMBER, required=True, check=Check.POSITIVE),
        Column("shown_at", ColumnType.TIMESTAMP, required=True),
        Column("redeemed", ColumnType.FLAG, required=True),
        Column("propensity", ColumnType.NUMBER, check=Check.SHARE),
    ),
)
HELD_COUPONS = Table(
    "held_coupons",
    (
        _ITEM,
        Column("customer_id", ColumnType.ID),
        Column("valid_from", ColumnType.TIMESTAMP),
        Column("valid_until", ColumnType.TIMESTAMP),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (TRANSACTIONS, ITEMS, INVENTORY, PRICES, CUSTOMERS, PROMOTIONS, EVENTS, OFFERS_LOG, HELD_COUPONS)
}
REQUIRED_TABLES = ("transactions", "items")
