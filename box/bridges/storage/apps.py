from django.conf import settings

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import store, stores
from box.core.registry import health
from box.core.registry.apps import Room


class StorageConfig(Room):
    name = "box.bridges.storage"

    def offer(self) -> None:
        stores.add("files", S3Store(Account.of(settings.KOROBKA["objects"])))
        health.checks.add("objects", answers)


def answers() -> str:
    """The health page's word about the store; raises while it is away."""
    store().ping()
    return health.OK
