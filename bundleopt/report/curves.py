"""Charts with two axes as SVG text: points, lines and bands. Every text goes through `escape`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, WIDTH - 20.0, 14.0, HEIGHT - 44.0
_TICKS = 5

_Writer = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """One series: a name, (x, y) points, and its class in the style sheet (`gain`, `loss` or `total`)."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "gain"
    dashed: bool = False


class _Axis:
    """Maps values to a pixel range, linear or logarithmic, with round ticks."""

    def __init__(self, low: float, high: float, start: float, stop: float, *, is_log: bool = False) -> None:
        self._is_log = is_log
        self._low, self._high = (math.log10(low), math.log10(high)) if is_log else (low, high)
        if self._high <= self._low:
            self._high = self._low + 1.0
        self._start, self._stop = start, stop

    def __call__(self, value: float) -> float:
        place = math.log10(value) if self._is_log else value
        return self._start + (place - self._low) / (self._high - self._low) * (self._stop - self._start)

    def ticks(self) -> list[float]:
        if self._is_log:
            powers = range(math.ceil(self._low - 1e-9), math.floor(self._high + 1e-9) + 1)
            return [10.0**power for power in powers]
        step = _round_step((self._high - self._low) / _TICKS)
        first = math.ceil(self._low / step - 1e-9)
        return [step * number for number in range(first, math.floor(self._high / step + 1e-9) + 1)]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next((power * factor for factor in (1, 2, 2.5, 5) if power * factor >= rough), power * 10)


def reliability_curve(points: Sequence[tuple[float, float]], *, title: str) -> Markup:
    """Draw (predicted, observed) shares of groups on logarithmic axes, with the diagonal they should lie on."""
    known = [(x, y) for x, y in points if x > 0 and y > 0]
    values = [value for point in known for value in point] or [0.01, 1.0]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    across = _Axis(low, high, _LEFT, _RIGHT, is_log=True)
    up = _Axis(low, high, _BOTTOM, _TOP, is_log=True)
    diagonal = Line("as it should be", [(low, low), (high, high)], "axis", dashed=True)
    parts = [_grid(across, up, ("predicted", "bought"), _percent), _path(diagonal, across, up)]
    parts += [_path(Line("", known), across, up), *(_dot(across(x), up(y), "gain") for x, y in known)]
    return _svg(parts, title)


def lines(series: Sequence[Line], *, title: str, labels: Sequence[str], names: tuple[str, str]) -> Markup:
    """Draw series over the positions 0, 1, ... that `labels` name; `names` are those of the axes.

    The vertical axis holds zero, so that differences are not made larger than they are.
    """
    heights = [y for line in series for _, y in line.points] or [1.0]
    low, top = min(0.0, *heights) * 1.08, max(0.0, *heights) * 1.08
    across = _Axis(0.0, max(len(labels) - 1.0, 1.0), _LEFT + 40, _RIGHT - 40)
    up = _Axis(low, top, _BOTTOM, _TOP)
    parts = [_grid(None, up, ("", names[1]), _plain)]
    parts += [_text(across(place), _BOTTOM + 18, label, "mid axis") for place, label in enumerate(labels)]
    if low < 0:
        parts.append(_line(_LEFT, up(0.0), _RIGHT, up(0.0), "axis"))
    for line in series:
        parts.append(_path(line, across, up))
        parts += [_dot(across(x), up(y), line.kind) for x, y in line.points]
    return _svg([*parts, _legend(series)], title)


def ranges(rows: Sequence[tuple[str, float, float, float, float | None]], *, title: str, note: str) -> Markup:
    """Draw one row a group: a bar from low to high, a dot at the middle, a cross at another estimate.

    Args:
        rows: (label, low, middle, high, other or None).
        title: for those who cannot see the chart.
        note: what dot, bar and cross mean.
    """
    values = [v for _, low, middle, high, other in rows for v in (low, middle, high, other, 0.0) if v is not None]
    across = _Axis(min(values or [-1.0]) * 1.05, max(values or [0.0]), 250.0, _RIGHT - 20)
    parts = [_line(across(0.0), 4.0, across(0.0), len(rows) * 26 + 6.0, "axis")]
    for place, (label, low, middle, high, other) in enumerate(rows):
        y = place * 26 + 18.0
        parts.append(_text(0, y + 4, label if len(label) <= 34 else label[:33] + "\u2026", ""))
        parts.append(
            Markup('<rect class="track" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="8" rx="3"/>').format(
                across(low), y - 4, max(across(high) - across(low), 1.0)
            )
        )
        parts.append(_dot(across(middle), y, "gain"))
        if other is not None:
            parts.append(_text(across(other), y + 4, "\u00d7", "mid"))
    foot = len(rows) * 26 + 24.0
    parts += [_text(across(tick), foot, _plain(tick), "mid axis") for tick in across.ticks()]
    parts.append(_text(0, foot + 22, note, "axis"))
    return _svg(parts, title, height=foot + 30)


def _grid(across: _Axis | None, up: _Axis, names: tuple[str, str], write: _Writer) -> Markup:
    parts = [_line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "axis")]
    for tick in up.ticks():
        parts.append(_text(_LEFT - 8, up(tick) + 4, write(tick), "left axis"))
        parts.append(_line(_LEFT - 4, up(tick), _LEFT, up(tick), "axis"))
    if across is not None:
        parts += [_text(across(tick), _BOTTOM + 18, write(tick), "mid axis") for tick in across.ticks()]
    parts.append(_text((_LEFT + _RIGHT) / 2, HEIGHT - 6, names[0], "mid axis"))
    parts.append(_text(_LEFT, _TOP - 2, names[1], "axis"))
    return Markup("").join(parts)


def _legend(series: Sequence[Line]) -> Markup:
    parts, x = [], _LEFT
    for line in series:
        parts += [_dot(x + 5, HEIGHT - 10, line.kind), _text(x + 14, HEIGHT - 6, line.name, "")]
        x += 34 + 7.2 * len(line.name)
    return Markup("").join(parts)


def _path(line: Line, across: _Axis, up: _Axis) -> Markup:
    points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
    dash = Markup(' stroke-dasharray="5 4"') if line.dashed else Markup("")
    return Markup('<polyline class="curve {}" points="{}"{}/>').format(line.kind, points, dash)


def _dot(x: float, y: float, kind: str) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(kind, x, y)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    template = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return template.format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, text)


def _percent(value: float) -> str:
    return f"{value * 100:g} %"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"


def _svg(parts: Sequence[Markup], title: str, height: float = HEIGHT) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">').format(WIDTH, height, escape(title))
    return head + Markup("").join(parts) + Markup("</svg>")
