"""The chart of a search: the best plan's objective from below, the bound of any plan from above."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from bundleopt.report import formats
from bundleopt.web.job import Point

WIDTH, HEIGHT = 720.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 86.0, 16.0, 14.0, 46.0
# Early bounds are far away; this much of the distance around the latest plan and bound is shown.
_ROOM = 3.0


def chart(points: Sequence[Point], now: float = 0.0) -> Markup:
    """Draw objective and bound over the seconds as steps up to `now`; an empty frame where nothing is known yet."""
    if not points:
        return _frame([Markup('<text class="axis mid" x="{}" y="{}">no plan yet</text>').format(WIDTH / 2, HEIGHT / 2)])
    low, high = _range(points)
    last = max(points[-1].seconds, now, 0.1)

    def place(seconds: float, amount: float) -> tuple[float, float]:
        share = (min(max(amount, low), high) - low) / (high - low)
        across = _LEFT + seconds / last * (WIDTH - _LEFT - _RIGHT)
        return across, HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    ending = [*points, Point(last, points[-1].value, points[-1].bound)]
    values = [place(point.seconds, point.value) for point in ending]
    bounds = [place(point.seconds, point.bound) for point in ending if point.bound is not None]
    # Before the first plan there is the one of doing nothing, below all that is drawn.
    rising = [(_LEFT, HEIGHT - _BOTTOM), *values]
    parts = [_axes(low, high, last), _between(values, bounds), _steps(bounds, "bound"), _steps(rising, "value")]
    return _frame([*parts, _legend()])


def sentence(points: Sequence[Point]) -> str:
    """Say where the search stands."""
    if not points:
        return "No plan yet."
    last = points[-1]
    if last.bound is None:
        return f"Best plan so far: {formats.money(last.value)}; no bound yet."
    gap = max(0.0, last.bound - last.value) / abs(last.bound) if last.bound else 0.0
    return (
        f"Best plan so far: {formats.money(last.value)}. No plan brings more than {formats.money(last.bound)} "
        f"(gap {formats.fine_share(gap)})."
    )


def _range(points: Sequence[Point]) -> tuple[float, float]:
    """The amounts that the chart spans: the whole way of the plan, and the bound as far as it tells something."""
    last = points[-1]
    top = last.bound if last.bound is not None else last.value
    lowest = min(point.value for point in points)
    reach = max(top - last.value, 0.02 * abs(top), 0.01) * _ROOM
    low = max(lowest, last.value - max(reach, 0.25 * abs(last.value)))
    high = max([top, *(p.bound for p in points if p.bound is not None and p.bound <= top + reach)])
    margin = 0.08 * max(high - low, 0.01)
    return low - margin, high + margin


def _axes(low: float, high: float, last: float) -> Markup:
    line = Markup('<line class="axis" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    text = Markup('<text class="axis {}" x="{:.1f}" y="{:.1f}">{}</text>')
    foot, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = [line.format(_LEFT, foot, right, foot)]
    for share in (0.0, 0.5, 1.0):
        y = foot - share * (foot - _TOP)
        parts.append(
            Markup('<line class="grid" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(_LEFT, y, right, y)
        )
        parts.append(text.format("end", _LEFT - 8, y + 4, formats.money(low + share * (high - low))))
    parts += [text.format("", _LEFT, foot + 18, "0 s"), text.format("end", right, foot + 18, f"{last:.1f} s")]
    return Markup("").join(parts)


def _steps(places: Sequence[tuple[float, float]], kind: str) -> Markup:
    if not places:
        return Markup("")
    path = [f"M{places[0][0]:.1f},{places[0][1]:.1f}"]
    path += [f"H{x:.1f}V{y:.1f}" for x, y in places[1:]]
    end = Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(kind, *places[-1])
    return Markup('<path class="curve {}" d="{}"/>').format(kind, "".join(path)) + end


def _between(values: Sequence[tuple[float, float]], bounds: Sequence[tuple[float, float]]) -> Markup:
    """What is still open, as an area between the two."""
    if len(bounds) < 2 or len(values) != len(bounds):
        return Markup("")
    there = [f"M{bounds[0][0]:.1f},{bounds[0][1]:.1f}", *(f"H{x:.1f}V{y:.1f}" for x, y in bounds[1:])]
    back = [f"L{values[-1][0]:.1f},{values[-1][1]:.1f}", *(f"V{y:.1f}H{x:.1f}" for x, y in reversed(values[:-1]))]
    return Markup('<path class="open" d="{}Z"/>').format("".join([*there, *back]))


def _legend() -> Markup:
    y = HEIGHT - 8
    return Markup(
        '<circle class="value" cx="{0}" cy="{2}" r="4"/><text x="{1}" y="{3}">best plan</text>'
        '<circle class="bound" cx="{4}" cy="{2}" r="4"/><text x="{5}" y="{3}">bound of any plan</text>'
    ).format(_LEFT + 4, _LEFT + 14, y - 4, y, _LEFT + 104, _LEFT + 114)


def _frame(parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg class="convergence" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">')
    title = escape("Objective of the best plan and the bound of any plan over the seconds of the search")
    return head.format(WIDTH, HEIGHT, title) + Markup("").join(parts) + Markup("</svg>")
