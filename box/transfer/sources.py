"""Where a migration comes from: a portal of the cloud, or an open archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from box.core.files import ranged
from box.lib.sealing import unseal
from box.transfer.archive.container import Archive, BadArchive, opened
from box.transfer.archive.stages import ARCHIVE_STAGES
from box.transfer.archive.stages.base import ArchiveWork
from box.transfer.cloud import ATTEMPTS, Cloud
from box.transfer.pace import Limits
from box.transfer.stages import STAGES
from box.transfer.stages.base import AnyStage, Work

if TYPE_CHECKING:
    from box.transfer.ledger import Ledger
    from box.transfer.models import Migration


def stages_of(migration: Migration) -> Mapping[str, AnyStage[Any]]:
    return ARCHIVE_STAGES if migration.archive_id else STAGES


def needs_of(migration: Migration) -> Mapping[str, tuple[str, ...]]:
    """By stage those that come before it."""
    return {key: stage.needs for key, stage in stages_of(migration).items()}


def cloud_of(migration: Migration, *, attempts: int = ATTEMPTS) -> Cloud:
    """Raises SealBroken, BadWebhook."""
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
    if migration.archive_id:
        with archive_of(migration) as archive:
            yield ArchiveWork(migration, archive)
    else:
        yield Work(migration, connect(migration))
