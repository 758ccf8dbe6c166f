"""A store that is left over opens files from its own copies.

Where files are is known to SeaweedFS's masters, and a store believes no other. With most of them away it
forgets where its own are once it has looked in vain, or was started again (decision 0633). So where nobody
agrees on anything any more, this node's master becomes the only one that this node's store believes, and that
nobody else hears. Nothing can be uploaded or deleted meanwhile: the names of files have no leader either.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.cluster import membership
from appliance.cluster.etcd import EtcdAway
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.objects import masters
from appliance.services.objects.service import is_master, is_store

PATIENCE = 30.0
"""Seconds for which the others must have been away: longer than any of them takes for its next leader."""
_MOST_PLACES = 3
"""With more, a store has not every file."""


class Follower:
    """Does what the nodes agree on, and stands alone while they can't."""

    def __init__(self, paths: Paths, say: Callable[[str], None]) -> None:
        self.paths, self._say = paths, say
        self._since: float | None = None
        self._stands = False
        """Whether this process has made the node stand alone, to the end."""

    def look(self, now: float) -> None:
        """`now` in seconds of a clock that nobody puts back. Raises `EtcdAway` while others are."""
        try:
            membership.follow(self.paths, self._say)
        except EtcdAway:
            self._without_others(now)
            raise
        except BaseException:
            # It may have begun to stand among the others again.
            self._stands = False
            raise
        self._since, self._stands = None, False

    def _without_others(self, now: float) -> None:
        node = Node.load(self.paths)
        was_begun = node.cluster.is_alone
        if self._stands or not (was_begun or (can_stand_alone(node) and not masters.leader(node))):
            self._since = None
            return
        if self._since is None:
            self._since = now
        if was_begun or now - self._since >= PATIENCE:
            self._say("Nobody agrees on where files are: they are opened from this node's own copies.")
            membership.stand_alone(self.paths, self._say)
            self._stands = True


def can_stand_alone(node: Node) -> bool:
    """Whether the store here could lack its masters, and has every file."""
    known, me = node.cluster.topology, node.cluster.me
    return (
        (is_store(node) and is_master(node))
        and me in known.places
        and len(known.masters) > 1
        and len(known.places) <= _MOST_PLACES
    )
