"""The portal's object store over S3."""

from __future__ import annotations

import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from io import SEEK_END, BytesIO
from itertools import islice
from typing import IO, Any, BinaryIO, Self, cast
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError  # raised by the SDK; it parses, we don't

import urllib3
from minio.datatypes import Object
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from box.bridges.storage.multipart import MultipartMinio
from box.core.files.store import LINKS_LIVE_SECONDS, NotFound, PartsRefused, StoredObject, StoreUnavailable

# A person waits for these calls: a store that is away is said to be away, not waited for.
TIMEOUT = urllib3.Timeout(connect=2, read=15)
# Bridges the gap of a store that restarts or hands over; urllib3 repeats only what is safe to repeat.
RETRIES = urllib3.Retry(total=2, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504])
CONNECTIONS = 16

CHUNK = 2**20
PART = 8 * 2**20
# Of what has no known end: S3 takes 10,000 parts, so that this reaches 320 GB.
LARGE_PART = 32 * 2**20
PAGE = 1000

_GONE = {"NoSuchKey", "NoSuchUpload"}
_BAD_PARTS = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Which bucket, where, and the key to it."""

    endpoint: str
    region: str
    bucket: str
    access_key: str
    secret_key: str
    path_style: bool = True
    # The store's own host, where the balancer sets it; None: the balancer passes on the browser's.
    public_host: str | None = None
    ca_file: str | None = None

    @classmethod
    def of(cls, objects: Mapping[str, Any]) -> Self:
        """From the table `objects` of the portal's generated configuration."""
        return cls(**{name: value for name, value in objects.items() if name != "engine"})


class S3Store:
    """Implements `box.core.files.store.Store`. Safe to share between threads."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._bucket = account.bucket
        url = urlsplit(account.endpoint)
        is_secure = url.scheme == "https"
        http = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            timeout=TIMEOUT,
            retries=RETRIES,
            ssl_context=ssl.create_default_context(cafile=account.ca_file) if is_secure else None,
        )
        self._client = self._client_for(url.netloc, http, is_secure=is_secure)
        # The names by which people reach one portal are few; the bound is for a stranger who makes up more.
        self._signer = lru_cache(maxsize=16)(self._make_signer)

    def ping(self) -> None:
        with translated():
            if not self._client.bucket_exists(self._bucket):
                raise StoreUnavailable(
                    f"The bucket {self._bucket!r} does not exist: run the installer again, or create it."
                )

    def begin(self, key: str) -> str:
        with translated():
            return self._client.create_multipart_upload(self._bucket, key)

    def part_link(self, key: str, upload_id: str, number: int, *, host: str) -> str:
        return self._link("PUT", key, host, {"partNumber": str(number), "uploadId": upload_id})

    def complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        with translated():
            self._client.complete_multipart_upload(self._bucket, key, upload_id, etags)

    def abort(self, key: str, upload_id: str) -> None:
        with suppress(NotFound), translated():
            self._client.abort_multipart_upload(self._bucket, key, upload_id)

    def unfinished(self, key: str) -> list[str]:
        with translated():
            return self._client.list_multipart_uploads(self._bucket, key)

    def write(self, key: str, data: bytes | IO[bytes], *, content_type: str) -> None:
        stream = BytesIO(data) if isinstance(data, bytes) else data
        size = stream.seek(0, SEEK_END)
        stream.seek(0)
        with translated():
            self._client.put_object(self._bucket, key, cast("BinaryIO", stream), size, content_type)

    def write_from(self, key: str, stream: IO[bytes], size: int, *, content_type: str) -> None:
        with translated():
            self._client.put_object(
                self._bucket, key, cast("BinaryIO", stream), size, content_type,
                part_size=PART, num_parallel_uploads=1,
            )  # fmt: skip

    def write_stream(self, key: str, stream: IO[bytes]) -> None:
        with translated():
            self._client.put_object(
                self._bucket, key, cast("BinaryIO", stream), -1, "application/octet-stream",
                part_size=LARGE_PART, num_parallel_uploads=1,
            )  # fmt: skip

    def stat(self, key: str) -> StoredObject:
        with translated():
            return _stored(self._client.stat_object(self._bucket, key))

    def read(self, key: str, *, offset: int = 0, length: int | None = None) -> Generator[bytes]:
        if length == 0:
            return
        with translated():
            response = self._client.get_object(self._bucket, key, offset=offset, length=length or 0)
            try:
                yield from response.stream(CHUNK)
            finally:
                # Closed first: whoever stops half-way must not leave the rest to the next request.
                response.close()
                response.release_conn()

    def link(self, key: str, *, host: str, content_type: str, disposition: str) -> str:
        return self._link(
            "GET",
            key,
            host,
            {"response-content-type": content_type, "response-content-disposition": disposition},
        )

    def objects(self, *, after: str = "") -> list[StoredObject]:
        with translated():
            found = self._client.list_objects(self._bucket, recursive=True, start_after=after)
            return [_stored(item) for item in islice(found, PAGE)]

    def delete(self, key: str) -> None:
        with suppress(NotFound), translated():
            self._client.remove_object(self._bucket, key)

    def _link(self, method: str, key: str, host: str, query: dict[str, str]) -> str:
        """A link on the portal's own host, where the balancer takes `/<bucket>/` to the store.

        The signature covers the host that the store will see: the browser's, which the balancer passes on, or
        the store's own, which it sets.
        """
        signed = self._signer(self.account.public_host or host).get_presigned_url(
            method,
            self._bucket,
            key,
            expires=timedelta(seconds=LINKS_LIVE_SECONDS),
            extra_query_params=dict(query),
        )
        return f"https://{host}/{self._bucket}/{quote(key)}?{urlsplit(signed).query}"

    def _make_signer(self, host: str) -> MultipartMinio:
        """A client that signs for this host and is never asked to connect to it."""
        return self._client_for(host, urllib3.PoolManager(), is_secure=True)

    def _client_for(self, host: str, http: urllib3.PoolManager, *, is_secure: bool) -> MultipartMinio:
        account = self.account
        client = MultipartMinio(
            host,
            account.access_key,
            account.secret_key,
            secure=is_secure,
            # Given, because without a region the SDK asks the store for it, even to sign a link.
            region=account.region,
            http_client=http,
        )
        if not account.path_style:
            client.use_virtual_style()
        return client


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the SDK and urllib3 raise into what `box.core.files.store` promises."""
    try:
        yield
    except S3Error as error:
        if error.code in _GONE:
            raise NotFound(f"The store has no {error.resource}.") from error
        if error.code in _BAD_PARTS:
            raise PartsRefused(f"The store refuses the parts: {error.message}") from error
        raise StoreUnavailable(f"The store refuses: {error.code}, {error.message}") from error
    except (MinioException, HTTPError, OSError, ParseError) as error:
        raise StoreUnavailable(f"The object store does not answer: {error}") from error


def _stored(item: Object) -> StoredObject:
    if item.object_name is None or item.last_modified is None:
        raise StoreUnavailable("The store lists an object without a name or a time: is it an S3 server?")
    return StoredObject(key=item.object_name, size=item.size or 0, modified_at=item.last_modified)
