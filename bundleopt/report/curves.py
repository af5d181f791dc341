"""Charts with two axes as inline SVG: lines, points and ranges. Colours are the page's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bundleopt.report import formats
from bundleopt.report.picture import WIDTH, box, dot, listed, picture, rule, shorten, text

HEIGHT = 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, WIDTH - 14.0, 26.0, HEIGHT - 52.0
_TICKS = 5
# So many letters of a label fit under a point before the next label begins.
_LETTER_WIDTH = 8.0
# A tick that lies this part of a step beyond the last value is still drawn: 30 % where the largest discount is 29.9 %.
_NEAR = 0.02

_Writer = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """One series: a name, (x, y) points, and its class in the style sheet (`gain`, `loss` or `total`)."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "gain"
    dashed: bool = False


@dataclass(frozen=True)
class Point:
    """One place of a scatter: a short label inside the mark, and a size in [0, 1]."""

    label: str
    x: float
    y: float
    size: float = 0.5


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
        return [step * number for number in range(first, math.floor(self._high / step + _NEAR) + 1)]


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
    parts += [_path(Line("", known), across, up), *(dot(across(x), up(y), "gain") for x, y in known)]
    told = listed([(f"predicted {formats.fine_share(x)},", f"bought {formats.fine_share(y)}") for x, y in known])
    return picture(parts, title=title, desc=told, height=HEIGHT)


def lines(series: Sequence[Line], *, title: str, labels: Sequence[str], names: tuple[str, str]) -> Markup:
    """Draw series over the positions 0, 1, ... that `labels` name; `names` are those of the axes.

    The vertical axis holds zero, so that differences are not made larger than they are.
    """
    heights = [y for line in series for _, y in line.points] or [1.0]
    low, top = min(0.0, *heights, 0.0) * 1.08, max(0.0, *heights, 0.0) * 1.08
    across = _Axis(0.0, max(len(labels) - 1.0, 1.0), _LEFT + 16, _RIGHT - 24)
    up = _Axis(low, top, _BOTTOM, _TOP)
    parts = [_grid(None, up, ("", names[1]), formats.rounded)]
    step = (across(1.0) - across(0.0)) or 1.0
    every = max(1, math.ceil(max((len(label) for label in labels), default=1) * _LETTER_WIDTH / step))
    shown = [(place, label) for place, label in enumerate(labels) if (len(labels) - 1 - place) % every == 0]
    parts += [text(across(place), _BOTTOM + 17, label, "mid axis") for place, label in shown]
    if low < 0:
        parts.append(rule(_LEFT, up(0.0), _RIGHT, up(0.0)))
    for line in series:
        parts.append(_path(line, across, up))
        parts += [dot(across(x), up(y), line.kind, size=3.5) for x, y in line.points]
    told = [
        (f"{line.name} at {labels[int(x)]}:", formats.rounded(y))
        for line in series
        for x, y in dict.fromkeys((line.points[0], line.points[-1]) if line.points else ())
    ]
    return picture([*parts, _legend(series)], title=title, desc=listed(told), height=HEIGHT)


def xy_lines(
    series: Sequence[Line], *, title: str, names: tuple[str, str], marked: float | None = None, is_share: bool = False
) -> Markup:
    """Draw series over a numeric horizontal axis.

    Args:
        series: what to draw.
        title: of the chart.
        names: of the axes.
        marked: a place on the horizontal axis to mark with a rule, for example what was chosen.
        is_share: whether the horizontal axis is a share, written in percent.
    """
    points = [point for line in series for point in line.points]
    xs, ys = [x for x, _ in points] or [0.0, 1.0], [y for _, y in points] or [1.0]
    across = _Axis(min(xs), max(xs), _LEFT + 10, _RIGHT - 10)
    low, top = min(0.0, *ys, 0.0) * 1.08, max(0.0, *ys, 0.0) * 1.08
    up = _Axis(low, top, _BOTTOM, _TOP)
    write = formats.axis_share if is_share else formats.rounded
    parts = [_grid(across, up, names, formats.rounded, write)]
    if low < 0:
        parts.append(rule(_LEFT, up(0.0), _RIGHT, up(0.0)))
    if marked is not None:
        parts.append(rule(across(marked), _TOP, across(marked), _BOTTOM, "mark"))
    for line in series:
        parts.append(_path(line, across, up))
        parts += [dot(across(x), up(y), line.kind, size=3.5) for x, y in line.points]
    told = [(f"{line.name} at {write(x)}:", formats.rounded(y)) for line in series for x, y in line.points]
    return picture([*parts, _legend(series)], title=title, desc=listed(told, most=24), height=HEIGHT)


def scatter(points: Sequence[Point], *, title: str, names: tuple[str, str], desc: str) -> Markup:
    """Draw points with labels; the vertical axis is a share from zero."""
    xs, ys = [point.x for point in points] or [1.0], [point.y for point in points] or [0.1]
    room = (max(xs) - min(xs)) * 0.08 or abs(xs[0]) * 0.1 or 0.1
    across = _Axis(min(xs) - room, max(xs) + room, _LEFT + 6, _RIGHT - 6)
    up = _Axis(0.0, max(ys) * 1.15 or 0.1, _BOTTOM, _TOP)
    parts = [_grid(across, up, names, formats.axis_share, formats.rounded)]
    for point in sorted(points, key=lambda one: -one.size):
        parts.append(dot(across(point.x), up(point.y), "soft-gain", size=6 + 8 * point.size))
        parts.append(text(across(point.x), up(point.y) + 4, point.label, "mid"))
    return picture(parts, title=title, desc=desc, height=HEIGHT)


def ranges(rows: Sequence[tuple[str, float, float, float, float | None]], *, title: str, note: str) -> Markup:
    """Draw one row a group: a bar from low to high, a dot at the middle, a cross at another estimate.

    Args:
        rows: (label, low, middle, high, other or None).
        title: for those who cannot see the chart.
        note: what dot, bar and cross mean.
    """
    values = [v for _, low, middle, high, other in rows for v in (low, middle, high, other, 0.0) if v is not None]
    across = _Axis(min(values or [-1.0]) * 1.05, max(values or [0.0]), 160.0, _RIGHT - 10)
    parts = [rule(across(0.0), 4.0, across(0.0), len(rows) * 26 + 6.0)]
    for place, (label, low, middle, high, other) in enumerate(rows):
        y = place * 26 + 18.0
        parts.append(text(0, y + 4, shorten(label, 22)))
        parts.append(box(across(low), y - 4, max(across(high) - across(low), 1.0), 8, "track"))
        parts.append(dot(across(middle), y, "gain"))
        if other is not None:
            parts.append(text(across(other), y + 4, "\u00d7", "mid"))
    foot = len(rows) * 26 + 24.0
    parts += [text(across(tick), foot, formats.rounded(tick), "mid axis") for tick in across.ticks()]
    told = listed([(label, formats.number(middle)) for label, _, middle, _, _ in rows], most=20)
    return picture(parts, title=title, desc=f"{note}. {told}", height=foot + 8)


def _grid(
    across: _Axis | None, up: _Axis, names: tuple[str, str], write: _Writer, write_across: _Writer | None = None
) -> Markup:
    parts = [rule(_LEFT, _BOTTOM, _RIGHT, _BOTTOM)]
    for tick in up.ticks():
        parts.append(text(_LEFT - 7, up(tick) + 4, write(tick), "end axis"))
        parts.append(rule(_LEFT, up(tick), _RIGHT, up(tick), "grid"))
    if across is not None:
        told = write_across or write
        parts += [text(across(tick), _BOTTOM + 17, told(tick), "mid axis") for tick in across.ticks()]
    parts.append(text((_LEFT + _RIGHT) / 2, _BOTTOM + 33, names[0], "mid axis"))
    parts.append(text(0, _TOP - 13, names[1], "axis"))
    return Markup("").join(parts)


def _legend(series: Sequence[Line]) -> Markup:
    parts, x = [], 4.0
    for line in series:
        parts += [dot(x + 5, HEIGHT - 8, line.kind), text(x + 14, HEIGHT - 4, line.name)]
        x += 28 + _LETTER_WIDTH * len(line.name)
    return Markup("").join(parts)


def _path(line: Line, across: _Axis, up: _Axis) -> Markup:
    points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
    dash = Markup(' stroke-dasharray="5 4"') if line.dashed else Markup("")
    return Markup('<polyline class="curve {}" points="{}"{}/>').format(line.kind, points, dash)


def _percent(value: float) -> str:
    return formats.fine_share(value) if value < 0.01 else formats.whole_share(value)
