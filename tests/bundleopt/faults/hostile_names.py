"""Names that a retailer's catalogue should never hold, and that some day it does: one corpus for every output."""

from __future__ import annotations

# Control characters are refused at the door (fault 13); these are plain text, and must stay nothing else.
HOSTILE_NAMES = (
    "=cmd|'/C calc'!A0",
    "+1+cmd",
    "-2+3",
    "@SUM(A1:A9)",
    "＝1+1",
    "<script>window.__x = 1</script>",
    "</script><script>window.__x = 1</script>",
    "</title></style><img src=x onerror=window.__x=1>",
    "javascript:window.__x=1",
    "[red]bold[/red] [link=file:///etc/passwd]x[/link]",
    "{{ 7 * 7 }} {% raw %} ${7*7} %n %s",
    '" onmouseover="window.__x=1',
)
