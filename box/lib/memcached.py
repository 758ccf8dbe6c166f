"""Which of several memcached servers has a key."""

from __future__ import annotations

from pathlib import PurePath

from pymemcache.client.rendezvous import RendezvousHash


class ByName(RendezvousHash):  # type: ignore[misc]
    """The same one on every node, though each reaches the servers by sockets in a folder of its own.

    While one is away, only its own keys lie elsewhere.
    """

    def get_node(self, key: str) -> str | None:
        return max(
            self.nodes, key=lambda node: self.hash_function(f"{PurePath(node).name}-{key}"), default=None
        )
