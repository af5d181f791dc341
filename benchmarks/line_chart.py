"""A line chart as a file of its own: SVG text with its colours inside, for Markdown pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 70, 150, 40, 50
COLOURS = ("#1b6ca8", "#c2571a", "#3f8f4f", "#8a4fa3", "#777777", "#b58900")


@dataclass(frozen=True)
class Series:
    """A named line; points with a value of None are left out."""

    name: str
    points: Sequence[tuple[float, float | None]]


def line_chart(
    series: Sequence[Series], *, title: str, across: str, up: str, log_up: bool = False, log_across: bool = True
) -> str:
    """Draw `series` over logarithmic `across`, or linear; `log_up` makes the other axis logarithmic too."""
    scale = math.log if log_across else float
    known = [(x, y) for line in series for x, y in line.points if y is not None and (y > 0 or not log_up)]
    if not known:
        known = [(1.0, 1.0)]
    xs = [scale(x) for x, _ in known]
    ys = [_up(y, log_up) for _, y in known]
    frame = (min(xs), max(xs), min([*ys, _up(1e-3, log_up) if log_up else 0.0]), max(ys))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 12px sans-serif }</style>",
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, title, weight="bold"),
        _text(LEFT + 180, HEIGHT - 10, across),
        _text(8, TOP - 6, up),
        *_ticks(frame, [(scale(x), f"{x:g}") for x in sorted({x for x, _ in known})], log_up=log_up),
    ]
    for number, line in enumerate(series):
        placed = Series(line.name, [(scale(x), y) for x, y in line.points])
        parts += _line(placed, frame, COLOURS[number % len(COLOURS)], (number, log_up))
    return "\n".join([*parts, "</svg>", ""])


Frame = tuple[float, float, float, float]


def _up(value: float, log_up: bool) -> float:  # noqa: FBT001 - one flag of a private helper
    return math.log10(value) if log_up else value


def _place(x: float, y: float, frame: Frame) -> tuple[float, float]:
    low_x, high_x, low_y, high_y = frame
    across = LEFT + (WIDTH - LEFT - RIGHT) * ((x - low_x) / (high_x - low_x) if high_x > low_x else 0.5)
    up = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((y - low_y) / (high_y - low_y) if high_y > low_y else 0.5)
    return across, up


def _ticks(frame: Frame, xs: Sequence[tuple[float, str]], *, log_up: bool) -> list[str]:
    parts = []
    for x, label in xs:
        at, base = _place(x, frame[2], frame)
        parts.append(_text(at - 10, base + 18, label))
    count = 5
    for step in range(count + 1):
        value = frame[2] + (frame[3] - frame[2]) * step / count
        _, at = _place(frame[0], value, frame)
        shown = 10**value if log_up else value
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#dddddd"/>')
        parts.append(_text(12, at + 4, f"{shown:.3g}"))
    return parts


def _line(line: Series, frame: Frame, colour: str, place: tuple[int, bool]) -> list[str]:
    number, log_up = place
    known = [(x, y) for x, y in line.points if y is not None and (y > 0 or not log_up)]
    spots = [_place(x, _up(y, log_up), frame) for x, y in known]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'] if spots else []
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in spots]
    top = TOP + 20 * number
    parts.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{top - 9}" width="12" height="10" fill="{colour}"/>')
    return [*parts, _text(WIDTH - RIGHT + 32, top, line.name if spots else f"{line.name}: none")]


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" fill="#222222">{escape(text)}</text>'
