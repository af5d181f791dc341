"""Ta Feng: four months of a Taiwanese grocery shop, with cost, read from its public CSV (or the zip that holds it).

AMOUNT is units, SALES_PRICE and ASSET are revenue and cost of the whole line: unit price and unit cost are per unit of
AMOUNT. The catalogue's cost of an item is the median over its lines. Dates are month/day/year. Lines whose amount or
revenue is zero, or whose numbers cannot be read, are dropped by named rules and counted.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from bundleopt_data import duck
from bundleopt_data.errors import DataProblem, DataRefusedError
from bundleopt_data.manifest import PRICES_FROM_PURCHASES, Mending, Preparation
from bundleopt_data.readers.csv_text import stage_csv
from bundleopt_data.readers.raw_table import FILE, ROW, SourceFile
from bundleopt_data.readers.workbench import Workbench
from bundleopt_data.rejects import RejectLog
from bundleopt_data.settings import SourceSettings

COLUMNS = (
    "TRANSACTION_DT",
    "CUSTOMER_ID",
    "AGE_GROUP",
    "PIN_CODE",
    "PRODUCT_SUBCLASS",
    "PRODUCT_ID",
    "AMOUNT",
    "ASSET",
    "SALES_PRICE",
)
MAX_ITEMS = 2000

# The real file unpacks to 71 MB; a small archive that claims to hold gigabytes is not it.
_LARGEST_CSV_BYTES = 2**30
_SIGNATURE = b"PK\x03\x04"

ASSUMPTIONS = (
    "Dates are read as month/day/year.",
    "Unit price is SALES_PRICE / AMOUNT and unit cost is ASSET / AMOUNT; the cost of an item is its median.",
    "The list price of an item is the median of its unit prices, since the file has none.",
    "All lines of one customer on one day count as one basket.",
    PRICES_FROM_PURCHASES,
)

_JUDGED = """
CREATE OR REPLACE TEMP TABLE judged AS
WITH parsed AS (
    SELECT {place}, trim("CUSTOMER_ID") AS customer_id, trim("PRODUCT_ID") AS item_id, "AGE_GROUP" AS age_group,
        "PIN_CODE" AS pin_code, "PRODUCT_SUBCLASS" AS subclass, try_strptime("TRANSACTION_DT", '%m/%d/%Y') AS day,
        TRY_CAST("AMOUNT" AS DOUBLE) AS amount, TRY_CAST("ASSET" AS DOUBLE) AS asset,
        TRY_CAST("SALES_PRICE" AS DOUBLE) AS revenue
    FROM read_parquet({path})
)
SELECT *, CASE
        WHEN day IS NULL THEN 'date cannot be read as month/day/year'
        WHEN amount IS NULL OR asset IS NULL OR revenue IS NULL OR NOT isfinite(amount + asset + revenue)
            THEN 'amount, asset or sales price is not a number'
        WHEN amount <= 0 THEN 'amount not positive'
        WHEN revenue <= 0 THEN 'sales price not positive'
        WHEN asset < 0 THEN 'asset negative'
    END AS dropped_by
FROM parsed
"""
_TABLES = {
    "transactions": """
        SELECT customer_id, item_id, day AS timestamp, date_trunc('week', day)::DATE AS week, amount AS quantity,
            revenue / amount AS unit_price, customer_id || '/' || day::DATE AS basket_id, asset / amount AS line_cost
        FROM judged WHERE dropped_by IS NULL ORDER BY {place}
    """,
    "items": """
        SELECT item_id, item_id AS name, mode(subclass) AS category,
            median(revenue / amount) AS list_price, median(asset / amount) AS unit_cost
        FROM judged WHERE dropped_by IS NULL GROUP BY item_id ORDER BY item_id
    """,
    "customers": """
        SELECT customer_id, mode(age_group) AS age_group, mode(pin_code) AS pin_code
        FROM judged WHERE dropped_by IS NULL GROUP BY customer_id ORDER BY customer_id
    """,
}


def is_ta_feng(path: Path) -> bool:
    """Tell whether a file is the Ta Feng CSV or a zip with it, by the header."""
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
        if head.startswith(_SIGNATURE):
            with zipfile.ZipFile(path) as archive, archive.open(_member(archive)) as inner:
                head = inner.read(1024)
    except (OSError, zipfile.BadZipFile, DataRefusedError):
        return False
    line = head.decode("utf-8-sig", "replace").split("\n", 1)[0]
    return tuple(name.strip().strip('"') for name in line.split(",")) == COLUMNS


def write_tables(path: Path, bench: Workbench) -> Preparation:
    """Read the file into `bench.folder` as canonical tables.

    Raises:
        DataRefusedError: the file is damaged, or no line of it can be used.
    """
    log = RejectLog(bench.connection)
    raw = bench.folder / "spill"
    raw.mkdir(exist_ok=True)
    bench.progress("reading the file", 0.0)
    csv_path = _unpack(path, raw)
    staged = raw / "lines.parquet"
    columns = stage_csv(SourceFile("transactions", path.name, csv_path), staged, SourceSettings(), log)
    log.raise_if_refused(bench.rejects)
    if columns is not None and columns != COLUMNS:
        raise DataRefusedError(
            [DataProblem("transactions", "", "not the columns of Ta Feng", 0, (", ".join(columns),))]
        )
    place = ", ".join(duck.identifier(name) for name in (FILE, ROW))
    bench.connection.execute(_JUDGED.format(place=place, path=duck.quoted(str(staged))))
    for number, (name, query) in enumerate(_TABLES.items()):
        bench.progress(f"writing {name}", 0.4 + 0.2 * number)
        target = duck.quoted(str(bench.folder / f"{name}.parquet"))
        bench.connection.execute(f"COPY ({query.format(place=place)}) TO {target} (FORMAT parquet)")
    mended = _mended(bench, log, place)
    log.write(bench.folder / "rejects.csv")
    return Preparation("ta-feng", mended, ASSUMPTIONS, max_items=MAX_ITEMS, list_price_from_purchases=True)


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one CSV of an archive, within the size that the real file has.

    Raises:
        DataRefusedError: none, several, or one that is far too large.
    """
    found = [member for member in archive.infolist() if member.filename.lower().endswith(".csv")]
    if len(found) != 1 or found[0].file_size > _LARGEST_CSV_BYTES:
        shown = tuple(f"{member.filename}: {member.file_size:,} bytes" for member in found[:5])
        check = "the archive must hold exactly one CSV file of reasonable size"
        raise DataRefusedError([DataProblem("transactions", "", check, len(found), shown, "unpack it by hand")])
    return found[0]


def _unpack(path: Path, folder: Path) -> Path:
    with path.open("rb") as stream:
        if stream.read(len(_SIGNATURE)) != _SIGNATURE:
            return path
    target = folder / "lines.csv"
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_member(archive)) as inner, target.open("wb") as out:
            while chunk := inner.read(2**20):
                out.write(chunk)
    except (zipfile.BadZipFile, EOFError) as error:
        problem = DataProblem(
            "transactions", "", "the archive is damaged", 0, (f"{path.name}: {error}",), "fetch it again"
        )
        raise DataRefusedError([problem]) from error
    return target


def _mended(bench: Workbench, log: RejectLog, place: str) -> tuple[Mending, ...]:
    counts = bench.connection.execute(
        "SELECT dropped_by, count(*) FROM judged WHERE dropped_by IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    for rule, _ in counts:
        log.add_rows("transactions", "", rule, _DROPPED.format(place=place, rule=duck.quoted(rule)))
    (used,) = bench.connection.execute("SELECT count(*) FROM judged WHERE dropped_by IS NULL").fetchall()[0]
    if not used:
        log.refuse(DataProblem("transactions", "", "no line of the file can be used", 0, (), "check the file"))
        log.raise_if_refused(bench.rejects)
    return tuple(Mending("transactions", rule, count) for rule, count in counts)


_DROPPED = """
SELECT {place}, concat_ws(', ', customer_id, item_id, amount, asset, revenue) AS value
FROM judged WHERE dropped_by = {rule}
"""
