from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from box.core.files.store import Store, store, stores
from box.core.registry import health
from box.core.registry.apps import Room

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store


class StorageConfig(Room):
    name = "box.bridges.storage"

    def offer(self) -> None:
        # The SDK takes 6 MB of memory, which processes that touch no files do without.
        stores.add("files", cast(Store, SimpleLazyObject(files_store)))
        health.checks.add("objects", answers)


def files_store() -> S3Store:
    from box.bridges.storage.client import Account, S3Store

    return S3Store(Account.of(settings.KOROBKA["objects"]))


def answers() -> str:
    """The health page's word about the store; raises while it is away."""
    store().ping()
    return health.OK
