"""Small inline charts as SVG text. Every text goes through `escape`; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from bundleopt.report import formats

WIDTH = 720


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
    scale = _Scale(min(0.0, *(min(a, b) for _, a, b, _ in rows)), max(0.0, *(max(a, b) for _, a, b, _ in rows)))
    parts = [scale.zero_line(len(rows))]
    for index, (label, start, end, kind) in enumerate(rows):
        amount = end - start
        parts.append(_row(index, label, formats.money(amount), scale, (start, end, kind)))
    return _frame(parts, len(rows), f"Where the {total[0]} comes from")


def bars(rows: Sequence[tuple[str, float]], *, title: str) -> Markup:
    """Draw one horizontal bar for each (label, amount), negative ones to the left of zero."""
    amounts = [amount for _, amount in rows] or [0.0]
    scale = _Scale(min(0.0, *amounts), max(0.0, *amounts))
    parts = [scale.zero_line(len(rows))]
    for index, (label, amount) in enumerate(rows):
        kind = "gain" if amount >= 0 else "loss"
        parts.append(_row(index, label, formats.money(amount), scale, (0.0, amount, kind)))
    return _frame(parts, len(rows), title)


def histogram(bins: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """Draw counts as columns with their labels below."""
    height, base, top = 180, 150, max([count for _, count in bins] or [1]) or 1
    step = (WIDTH - 20) / max(len(bins), 1)
    parts = []
    for index, (label, count) in enumerate(bins):
        x, tall = 10 + index * step, 120 * count / top
        parts.append(
            Markup(
                '<rect class="gain" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>'
                '<text class="mid" x="{:.1f}" y="{:.1f}">{}</text><text class="mid axis" x="{:.1f}" y="{}">{}</text>'
            ).format(
                *(x + step * 0.12, base - tall, step * 0.76, tall),
                *(x + step / 2, base - tall - 5, f"{count:,}", x + step / 2, base + 18, label),
            )
        )
    return _svg(parts, height, title)


def gauge(value: float, limit: float, *, title: str) -> Markup:
    """Draw how much of a limit is used."""
    used = min(max(value / limit, 0.0), 1.0) if limit > 0 else 0.0
    parts = [
        Markup('<rect class="track" x="10" y="12" width="{:.1f}" height="20" rx="4"/>').format(WIDTH - 20),
        Markup('<rect class="gain" x="10" y="12" width="{:.1f}" height="20" rx="4"/>').format((WIDTH - 20) * used),
        Markup('<text x="10" y="52">{} of {} ({})</text>').format(
            formats.money(value), formats.money(limit), formats.share(value / limit if limit > 0 else 0.0)
        ),
    ]
    return _svg(parts, 60, title)


class _Scale:
    """Maps amounts to the horizontal range right of the labels, with room for the figures on both sides."""

    left, right = 250.0, WIDTH - 90.0

    def __init__(self, low: float, high: float) -> None:
        # Figures of negative bars stand left of them: keep that room only where there are any.
        start = self.left + (70.0 if low < 0 else 0.0)
        self.factor = (self.right - start) / ((high - low) or 1.0)
        self.offset = start - low * self.factor

    def __call__(self, amount: float) -> float:
        return self.offset + amount * self.factor

    def zero_line(self, rows: int) -> Markup:
        return Markup('<line class="axis" x1="{0:.1f}" x2="{0:.1f}" y1="4" y2="{1}"/>').format(self(0.0), rows * 28 + 4)


def _row(index: int, label: str, figure: str, scale: _Scale, bar: tuple[float, float, str]) -> Markup:
    start, end, kind = bar
    low, high = scale(min(start, end)), scale(max(start, end))
    y = index * 28 + 6
    is_negative = end < start
    return Markup(
        '<text x="0" y="{}">{}<title>{}</title></text>'
        '<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="20" rx="2"/>'
        '<text class="{}" x="{:.1f}" y="{}">{}</text>'
    ).format(
        *(y + 15, _short(label), label),
        *(kind, low, y, max(high - low, 0.8)),
        *("left" if is_negative else "right", low - 6 if is_negative else high + 6, y + 15, figure),
    )


def _short(text: str, width: int = 36) -> str:
    return text if len(text) <= width else text[: width - 1] + "\u2026"


def _frame(parts: Sequence[Markup], rows: int, title: str) -> Markup:
    return _svg(parts, rows * 28 + 10, title)


def _svg(parts: Sequence[Markup], height: float, title: str) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">').format(WIDTH, height, escape(title))
    return head + Markup("").join(parts) + Markup("</svg>")
