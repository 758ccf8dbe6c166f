"""What the page's script does with files, and what tests do with the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from box.bridges.storage.client import Account, S3Store
from box.core.files.models import File, Upload
from box.core.files.store import Store, StoredObject
from tests.box.bridges.storage.engines import send

if TYPE_CHECKING:
    import urllib3
    from django.test import Client

HOST = "portal.example.com:8443"


@dataclass
class Sender:
    """A signed-in browser that sends files."""

    client: Client
    account: Account

    def __post_init__(self) -> None:
        # The browser came to this host; the links must be for it.
        self.client.defaults["HTTP_HOST"] = HOST

    def begin(self, name: Any, size: Any, nonce: Any = None) -> Any:
        """The answer to the request that opens an upload."""
        body = {"name": name, "size": size, "nonce": nonce or str(uuid4())}
        return self.client.post("/files/uploads/", body, content_type="application/json")

    def put(self, links: list[str], data: bytes, part_size: int) -> list[str]:
        """Sends the parts; returns the ETags as the store writes them, in quotes."""
        etags = []
        for number, link in enumerate(links):
            answer = send(self.account, "PUT", link, data[number * part_size : (number + 1) * part_size])
            assert answer.status == 200
            etags.append(answer.headers["ETag"])
        return etags

    def complete(self, pk: int, etags: Any) -> Any:
        return self.client.post(
            f"/files/uploads/{pk}/completion", {"etags": etags}, content_type="application/json"
        )

    def send(self, name: str, data: bytes) -> File:
        """All of it, as if the person had chosen the file."""
        begun = self.begin(name, len(data))
        assert begun.status_code == 201, begun.content
        etags = self.put(begun.json()["parts"], data, begun.json()["part_size"])
        completed = self.complete(begun.json()["id"], etags)
        assert completed.status_code == 200, completed.content
        return File.objects.with_blobs().get(pk=completed.json()["id"])

    def open(self, url: str) -> urllib3.BaseHTTPResponse:
        """Follows the portal's redirect to the store."""
        answer = self.client.get(url)
        assert answer.status_code == 302, answer.content
        return send(self.account, "GET", answer["Location"])


class Killed(BaseException):
    """Stands for kill -9: nothing in the portal catches it."""


class DyingStore:
    """The real store, in a process that is killed just before or just after its n-th call."""

    def __init__(self, store: S3Store, *, call: int, after: bool) -> None:
        self.store = store
        self.call = call
        self.after = after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        asked = getattr(self.store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.call -= 1
            if self.call == 0 and not self.after:
                raise Killed
            result = asked(*args, **kwargs)
            if self.call == 0:
                raise Killed
            return result

        return call


def is_clean(store: Store) -> bool:
    """Whether nothing of any upload is left, neither in the database nor in the store."""
    return not Upload.objects.exists() and not keys(store)


def keys(store: Store) -> list[str]:
    return [item.key for item in objects(store)]


def objects(store: Store) -> list[StoredObject]:
    return store.objects()
