"""Charts of bars as inline SVG: a waterfall, ranked bars, columns, a meter, stacked stock. Colours are the page's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bundleopt.report import formats
from bundleopt.report.picture import WIDTH, box, listed, picture, rule, shorten, text

# A label stands above its bar, so that long names fit a phone.
_ROW = 38.0
_FIGURE = 92.0
_LETTERS = 52


def waterfall(steps: Sequence[tuple[str, float]], total: tuple[str, float]) -> Markup:
    """Draw how signed steps add up to a total: one bar a step, floating from where the last one ended.

    Args:
        steps: (label, amount) in order.
        total: (label, amount), drawn from zero.
    """
    rows: list[tuple[str, float, float, str]] = []
    level = 0.0
    for label, amount in steps:
        rows.append((label, level, level + amount, "gain" if amount >= 0 else "loss"))
        level += amount
    rows.append((total[0], 0.0, total[1], "total"))
    scale = _Scale([end for _, a, b, _ in rows for end in (a, b)])
    parts = [scale.zero_line(len(rows))]
    for index, (label, start, end, kind) in enumerate(rows):
        is_sum = index == len(rows) - 1
        figure = formats.money(end) if is_sum else formats.signed_money(end - start)
        parts.append(_row(index, (label, figure), scale, (start, end, kind)))
        if not is_sum:  # where one bar ends the next begins
            x, y = scale(end), index * _ROW + 34
            parts.append(rule(x, y, x, y + _ROW - 14, "link"))
    told = [(label, formats.signed_money(amount)) for label, amount in steps]
    desc = f"From top to bottom: {listed([*told, (total[0] + ' in all', formats.money(total[1]))])}"
    return picture(parts, title=f"Where the {total[0]} comes from", desc=desc, height=len(rows) * _ROW + 8)


def bars(rows: Sequence[tuple[str, float]], *, title: str) -> Markup:
    """Draw one horizontal bar for each (label, amount), negative ones to the left of zero."""
    scale = _Scale([amount for _, amount in rows])
    parts = [scale.zero_line(len(rows))]
    for index, (label, amount) in enumerate(rows):
        kind = "gain" if amount >= 0 else "loss"
        parts.append(_row(index, (label, formats.money(amount)), scale, (0.0, amount, kind)))
    desc = listed([(label, formats.money(amount)) for label, amount in rows])
    return picture(parts, title=title, desc=desc, height=len(rows) * _ROW + 8)


def histogram(bins: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """Draw counts as columns with their labels below."""
    base, top = 150, max([count for _, count in bins] or [1]) or 1
    step = (WIDTH - 10) / max(len(bins), 1)
    parts = [rule(5, base, WIDTH - 5, base)]
    for index, (label, count) in enumerate(bins):
        x, tall = 5 + index * step, 120 * count / top
        wide = min(step * 0.72, 64.0)
        parts.append(box(x + (step - wide) / 2, base - tall, wide, tall, "gain"))
        parts.append(text(x + step / 2, base - tall - 5, formats.count(count), "mid"))
        parts.append(text(x + step / 2, base + 18, label, "mid axis"))
    desc = listed([(label, formats.count(count)) for label, count in bins], most=20)
    return picture(parts, title=title, desc=desc, height=176)


def gauge(value: float, limit: float, *, title: str) -> Markup:
    """Draw how much of a limit is used."""
    used = min(max(value / limit, 0.0), 1.0) if limit > 0 else 0.0
    share = formats.share(value / limit if limit > 0 else 0.0)
    told = f"{formats.priced(value)} of {formats.priced(limit)} ({share})"
    parts = [
        box(0, 6, WIDTH, 20, "track"),
        box(0, 6, WIDTH * used, 20, "gain"),
        text(0, 46, told),
    ]
    return picture(parts, title=title, desc=f"{told}.", height=54)


@dataclass(frozen=True)
class StockRow:
    """Units of one item in the campaign week; what is left beyond the safety stock is the rest of `on_hand`."""

    name: str
    on_hand: float
    baseline: float
    extra: float
    left: float

    @property
    def safety(self) -> float:
        """Units kept back."""
        return max(self.on_hand - self.baseline - self.extra - self.left, 0.0)


STOCK_KINDS = (("ordinary sales", "total"), ("extra sales", "gain"), ("safety stock", "kept"), ("left", "track"))


def stock_bars(rows: Sequence[StockRow]) -> Markup:
    """Draw for each item which share of its stock is sold anyway, sold by the campaign, kept back and left."""
    parts, told = [], []
    for index, row in enumerate(rows):
        y, x = index * _ROW, 0.0
        figure = f"{formats.number(round(row.left, 1))} left of {formats.number(row.on_hand)}"
        parts += [text(0, y + 15, shorten(row.name, 36)), text(WIDTH, y + 15, figure, "end axis")]
        for amount, (_, kind) in zip((row.baseline, row.extra, row.safety, row.left), STOCK_KINDS, strict=True):
            wide = max(min(amount / row.on_hand, 1.0 - x / WIDTH), 0.0) * WIDTH if row.on_hand > 0 else 0.0
            parts.append(box(x, y + 20, wide, 12, kind))
            x += wide
        told.append((row.name, figure))
    y, x = len(rows) * _ROW + 8, 0.0
    for name, kind in STOCK_KINDS:
        parts += [box(x, y, 11, 11, kind), text(x + 16, y + 10, name, "axis")]
        x += 34 + 7.0 * len(name)
    return picture(parts, title="How the campaign uses stock", desc=listed(told), height=y + 18)


class _Scale:
    """Maps amounts to the horizontal range left of the figures' column."""

    def __init__(self, amounts: Sequence[float]) -> None:
        low, high = min(0.0, *amounts, 0.0), max(0.0, *amounts, 0.0)
        self.factor = (WIDTH - 4.0) / ((high - low) or 1.0)
        self.offset = 2.0 - low * self.factor

    def __call__(self, amount: float) -> float:
        return self.offset + amount * self.factor

    def zero_line(self, rows: int) -> Markup:
        """Beside the bars only: the labels between them begin at the same place."""
        x = self(0.0)
        return Markup("").join(rule(x, row * _ROW + 18, x, row * _ROW + 36) for row in range(rows))


def _row(index: int, words: tuple[str, str], scale: _Scale, bar: tuple[float, float, str]) -> Markup:
    start, end, kind = bar
    low, high = scale(min(start, end)), scale(max(start, end))
    y = index * _ROW
    letters = int(_LETTERS * (WIDTH - _FIGURE) / WIDTH)
    return Markup("").join(
        (
            text(0, y + 15, shorten(words[0], letters)),
            text(WIDTH, y + 15, words[1], "end"),
            box(low, y + 20, max(high - low, 1.0), 14, kind),
        )
    )
