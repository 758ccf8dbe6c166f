from django.conf import settings

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import stores
from box.core.registry.apps import Room


class StorageConfig(Room):
    name = "box.bridges.storage"

    def offer(self) -> None:
        stores.add("files", S3Store(Account.of(settings.KOROBKA["objects"])))
