"""The other end of a migration: a portal of the cloud, the dump of a boxed one, or an open archive that it
comes from, or the portal that this box moves into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.utils import timezone

from box.core.files import ranged
from box.lib.sealing import unseal
from box.transfer.archive.container import Archive, BadArchive, opened
from box.transfer.archive.stages import ARCHIVE_STAGES
from box.transfer.archive.stages.base import ArchiveWork
from box.transfer.boxed.portal import portal_of
from box.transfer.cloud import ATTEMPTS, Cloud
from box.transfer.gaps import Gap, gaps_of
from box.transfer.outbound.base import OutboundWork
from box.transfer.outbound.gaps import outbound_gaps
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.pace import Limits
from box.transfer.stages import STAGES
from box.transfer.stages.base import Work

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.transfer.ledger import Ledger
    from box.transfer.models import Migration


class StageKind(Protocol):
    """What there is to know of a stage before it runs."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> _StrOrPromise: ...
    @property
    def kind(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...


def stages_of(migration: Migration) -> Mapping[str, StageKind]:
    found: Mapping[str, Any] = STAGES
    if migration.is_outbound:
        found = OUTBOUND_STAGES
    elif migration.archive_id:
        found = ARCHIVE_STAGES
    return found


def gaps_in(migration: Migration, *, newcomers: int = 0) -> list[Gap]:
    """What cannot go its way, and why."""
    if migration.is_outbound:
        return outbound_gaps(migration.inventory)
    return gaps_of(migration.inventory, newcomers=newcomers)


def needs_of(migration: Migration) -> Mapping[str, tuple[str, ...]]:
    """By stage those that come before it."""
    return {key: stage.needs for key, stage in stages_of(migration).items()}


def cloud_of(migration: Migration, *, attempts: int = ATTEMPTS) -> Cloud:
    """Raises SealBroken, BadWebhook; of a dump BadDump, FolderAway."""
    if migration.folder:
        return portal_of(migration)
    webhook = unseal(migration.webhook, settings.SECRET_KEY)
    limits = Limits(burst=migration.burst, per_second=migration.per_second)
    cloud = Cloud(webhook, limits, attempts=attempts)
    asked_ago = (timezone.now() - migration.moved_at).total_seconds()
    if migration.requests and asked_ago < limits.burst / limits.per_second:
        # Whoever asked before us has filled the portal's bucket, and may have been killed.
        cloud.pace.refused(cloud.clock(), seconds=0.0)
    return cloud


@contextmanager
def archive_of(migration: Migration) -> Iterator[Archive]:
    """Raises BadArchive; StoreUnavailable while it is read."""
    if migration.archive is None:
        raise BadArchive("a migration from the cloud has no archive")
    with ranged.opened(migration.archive.blob) as file, opened(file) as archive:
        yield archive


@contextmanager
def work_on(migration: Migration, connect: Callable[[Migration], Cloud] = cloud_of) -> Iterator[Ledger]:
    """A run of it. Raises what its source does."""
    if migration.is_outbound:
        yield OutboundWork(migration, connect(migration))
    elif migration.archive_id:
        with archive_of(migration) as archive:
            yield ArchiveWork(migration, archive)
    else:
        yield Work(migration, connect(migration))
