"""What all charts share: the frame that a screen reader can read, and the marks. Every text goes through `escape`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from markupsafe import Markup

from bundleopt.report import formats

# Narrow enough for a phone without scrolling; wider screens lay two side by side.
WIDTH = 440


def picture(parts: Sequence[Markup], *, title: str, desc: str, height: float) -> Markup:
    """Return the chart as SVG with a title and a description in words.

    Args:
        parts: the marks.
        title: what the chart shows; unique in a page.
        desc: what a reader would see in it.
        height: in units of the drawing, which is WIDTH wide.
    """
    key = f"c{zlib.crc32(title.encode()):08x}"
    head = Markup(
        '<svg viewBox="0 0 {} {:.0f}" role="img" aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title>'
        '<desc id="{}-d">{}</desc>'
    ).format(WIDTH, height, key, key, key, title, key, desc)
    return head + Markup("").join(parts) + Markup("</svg>")


def text(x: float, y: float, words: str, kind: str = "") -> Markup:
    """Return a text; `kind` is `mid`, `end` or `axis`, or several of them."""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, words)


def rule(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> Markup:
    """Return a thin straight line."""
    form = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return form.format(kind, x1, y1, x2, y2)


def box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """Return a filled rectangle."""
    form = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>')
    return form.format(kind, x, y, width, height)


def dot(x: float, y: float, kind: str, *, size: float = 4.0) -> Markup:
    """Return a mark whose shape tells its kind without colour: circle for `gain`, square `total`, diamond `loss`."""
    if kind == "total":
        return box(x - size, y - size, 2 * size, 2 * size, kind)
    if kind == "loss":
        form = Markup('<path class="loss" d="M{:.1f} {:.1f}l{:.1f} {:.1f}l{:.1f} {:.1f}l{:.1f} {:.1f}z"/>')
        wide = size * 1.35
        return form.format(x, y - wide, wide, wide, -wide, wide, -wide, -wide)
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(kind, x, y, size)


def shorten(words: str, letters: int) -> str:
    """Cut a text to so many letters."""
    return words if len(words) <= letters else words[: letters - 1] + "\u2026"


def listed(rows: Sequence[tuple[str, str]], *, most: int = 12) -> str:
    """Write (label, figure) pairs as a sentence for the description of a chart."""
    told = "; ".join(f"{label} {figure}" for label, figure in rows[:most])
    more = len(rows) - most
    return f"{told}; and {formats.count(more)} more." if more > 0 else f"{told}."
