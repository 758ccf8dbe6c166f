from django.conf import settings

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import stores
from box.core.registry import health
from box.core.registry.apps import Room


class StorageConfig(Room):
    name = "box.bridges.storage"

    def offer(self) -> None:
        store = stores.add("files", S3Store(Account.of(settings.KOROBKA["objects"])))

        def answers() -> str:
            store.ping()
            return health.OK

        health.checks.add("objects", answers)
