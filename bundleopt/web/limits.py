"""How much the page takes at once; whoever asks for more is told so (413, 429), and nothing else suffers."""

from __future__ import annotations

# Plans at work at the same time. A workspace plans one at a time, on all cores: side by side they would only wait.
RUNNING = 1
# Plans that may wait their turn. With the one at work that is more than the eight a team starts in a meeting.
WAITING = 8
# A form of this page is a few kilobytes, decisions on every bundle of a full menu included.
LARGEST_BODY_BYTES = 256 * 1024
# Changes (solve, save, cancel, ...) in one go, and how many a second from then on: more than a person can click.
BURST, CHANGES_PER_SECOND = 40, 4.0
# Connections at once; further ones are answered 503 by the server.
CONNECTIONS = 128
# Plans that nobody saved: the oldest go.
DRAFTS_KEPT = 20
# Finished jobs that are remembered, and that stay in the list: their plans stand among the scenarios.
JOBS_KEPT, JOBS_SHOWN = 12, 2
# Points of one sweep of the budget.
FRONTIER_POINTS = 12
