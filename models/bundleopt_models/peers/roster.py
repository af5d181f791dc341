"""Which peers stand in the table, and which one differences are taken against."""

from __future__ import annotations

from bundleopt_models.peers.cells import Peer
from bundleopt_models.peers.counting import PersonalFrequency, Popularity
from bundleopt_models.peers.linear import LogisticRegression
from bundleopt_models.peers.neighbours import NearestBaskets
from bundleopt_models.peers.trees import BoostedTrees

REFERENCE = BoostedTrees(monotone=False).name
"""The rival that paired differences are taken against."""


def all_peers() -> list[Peer]:
    """Every peer, in the order of the table."""
    return [
        Popularity(),
        PersonalFrequency(decayed=False),
        PersonalFrequency(decayed=True),
        NearestBaskets(),
        LogisticRegression(),
        BoostedTrees(monotone=False),
        BoostedTrees(monotone=True),
    ]
