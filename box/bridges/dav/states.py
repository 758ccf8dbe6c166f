"""What was in a collection when a program last asked, and what has changed since."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from box.bridges.dav.models import SyncState
from box.core.registry.health import is_read_only

if TYPE_CHECKING:
    from box.core.accounts.models import User

# Of one person and collection: as many programs may stand at states of their own.
MOST_KEPT = 12


class UnknownState(LookupError):
    """A token of long ago, or of elsewhere: the program fetches everything."""


def token_of(tags: Mapping[str, str]) -> str:
    return sha256(json.dumps(tags, sort_keys=True).encode()).hexdigest()


def remember(user: User, collection: str, tags: Mapping[str, str]) -> str:
    """The token by which this state is found again."""
    token = token_of(tags)
    if is_read_only() or SyncState.objects.filter(user=user, collection=collection, token=token).exists():
        return token
    packed = zlib.compress(json.dumps(_marks(tags)).encode())
    SyncState.objects.bulk_create(
        [SyncState(user=user, collection=collection, token=token, packed=packed)], ignore_conflicts=True
    )
    kept = SyncState.objects.filter(user=user, collection=collection).order_by("-pk")
    older = list(kept.values_list("pk", flat=True)[MOST_KEPT:])
    SyncState.objects.filter(pk__in=older).delete()
    return token


def changed_since(user: User, collection: str, token: str, tags: Mapping[str, str]) -> list[str]:
    """The names of what is new, reads otherwise or is gone. Raises UnknownState."""
    if token == token_of(tags):
        return []
    state = SyncState.objects.filter(user=user, collection=collection, token=token).first()
    if state is None:
        raise UnknownState(token)
    before: dict[str, str] = json.loads(zlib.decompress(bytes(state.packed)))
    now = _marks(tags)
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _marks(tags: Mapping[str, str]) -> dict[str, str]:
    """What tags say, such as telephone numbers, is not kept beyond its place."""
    return {name: sha256(tag.encode()).hexdigest()[:16] for name, tag in tags.items()}
