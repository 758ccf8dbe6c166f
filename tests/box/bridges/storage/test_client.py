"""The client against the real store: what it promises to `box.core.files`, and what its links allow."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
import urllib3
from minio.credentials.credentials import Credentials
from minio.signer import presign_v4

from box.bridges.storage import client
from box.bridges.storage.client import Account, S3Store
from box.core.files.store import LINKS_LIVE_SECONDS, NotFound, PartsRefused, StoreUnavailable, stores
from box.core.registry import health
from tests.box.bridges.storage.engines import send, upload
from tests.ports import hold

HOST = "portal.example.com:8443"
PART = 5 * 2**20


@pytest.fixture
def key() -> str:
    return f"2026/11/{uuid4().hex}"


@pytest.fixture
def link_to(store: S3Store, key: str) -> str:
    """A link to fetch an object."""
    upload(store, key, b"secret")
    return store.link(key, host=HOST, content_type="text/plain", disposition='attachment; filename="a.txt"')


def test_parts_that_browsers_send_become_one_object(store: S3Store, key: str) -> None:
    upload(store, key, b"a" * PART, b"b" * 10)

    assert store.stat(key).size == PART + 10
    assert b"".join(store.read(key)) == b"a" * PART + b"b" * 10
    assert store.unfinished(key) == []


def test_ranges_are_read(store: S3Store, key: str) -> None:
    upload(store, key, b"0123456789")

    assert b"".join(store.read(key, offset=2, length=3)) == b"234"
    assert b"".join(store.read(key, length=4)) == b"0123"
    assert b"".join(store.read(key, offset=8)) == b"89"
    assert b"".join(store.read(key, offset=3, length=0)) == b""


def test_a_large_object_is_read_in_small_chunks(store: S3Store, key: str) -> None:
    upload(store, key, b"a" * (3 * client.CHUNK))

    assert {len(chunk) for chunk in store.read(key)} == {client.CHUNK}


def test_reading_may_stop_half_way(store: S3Store, key: str) -> None:
    upload(store, key, b"a" * PART, b"b")
    for _ in range(client.CONNECTIONS + 1):
        with closing(store.read(key)) as chunks:
            assert next(chunks)

    assert b"".join(store.read(key, offset=PART)) == b"b"


def test_an_empty_file_is_an_empty_part(store: S3Store, key: str) -> None:
    upload(store, key, b"")

    assert store.stat(key).size == 0
    assert b"".join(store.read(key)) == b""


def test_small_objects_are_written_whole(store: S3Store, key: str) -> None:
    store.write(key, b"picture", content_type="image/webp")

    assert b"".join(store.read(key)) == b"picture"


def test_a_wrong_etag_is_refused_and_the_upload_goes_on(store: S3Store, key: str) -> None:
    upload_id = store.begin(key)
    answer = send(store.account, "PUT", store.part_link(key, upload_id, 1, host=HOST), b"data")

    with pytest.raises(PartsRefused):
        store.complete(key, upload_id, ["0" * 32])
    with pytest.raises(NotFound):
        store.stat(key)

    store.complete(key, upload_id, [answer.headers["ETag"].strip('"')])
    assert store.stat(key).size == 4


def test_a_part_that_did_not_come_is_refused(store: S3Store, key: str) -> None:
    upload_id = store.begin(key)
    send(store.account, "PUT", store.part_link(key, upload_id, 1, host=HOST), b"a" * PART)

    with pytest.raises(PartsRefused):
        store.complete(key, upload_id, ["0" * 32, "1" * 32])


def test_completing_again_changes_nothing(store: S3Store, key: str) -> None:
    upload_id = store.begin(key)
    answer = send(store.account, "PUT", store.part_link(key, upload_id, 1, host=HOST), b"data")
    etags = [answer.headers["ETag"].strip('"')]
    store.complete(key, upload_id, etags)

    # SeaweedFS answers as it did at first, MinIO that the upload is gone.
    with suppress(NotFound):
        store.complete(key, upload_id, etags)
    assert b"".join(store.read(key)) == b"data"


def test_a_part_sent_again_after_completion_changes_nothing(store: S3Store, key: str) -> None:
    upload_id = store.begin(key)
    link = store.part_link(key, upload_id, 1, host=HOST)
    etag = send(store.account, "PUT", link, b"first").headers["ETag"].strip('"')
    store.complete(key, upload_id, [etag])

    assert send(store.account, "PUT", link, b"again").status == 404
    assert b"".join(store.read(key)) == b"first"
    assert store.unfinished(key) == []


def test_an_aborted_upload_is_gone(store: S3Store, key: str) -> None:
    upload_id = store.begin(key)
    link = store.part_link(key, upload_id, 1, host=HOST)
    etag = send(store.account, "PUT", link, b"data").headers["ETag"].strip('"')
    assert store.unfinished(key) == [upload_id]

    store.abort(key, upload_id)

    assert store.unfinished(key) == []
    assert send(store.account, "PUT", link, b"data").status == 404
    with pytest.raises(NotFound):
        store.complete(key, upload_id, [etag])
    with pytest.raises(NotFound):
        store.stat(key)


def test_what_is_gone_may_be_removed_again(store: S3Store, key: str) -> None:
    store.abort(key, "no-such-upload")
    store.delete(key)
    upload(store, key, b"data")
    store.delete(key)
    store.delete(key)

    with pytest.raises(NotFound):
        store.stat(key)
    with pytest.raises(NotFound):
        b"".join(store.read(key))


def test_unfinished_uploads_are_those_of_this_key(store: S3Store, key: str) -> None:
    longer = store.begin(f"{key}0")

    assert store.unfinished(key) == []
    assert store.unfinished(f"{key}0") == [longer]
    store.abort(f"{key}0", longer)


def test_objects_are_listed_by_cursor(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    prefix = f"listed/{uuid4().hex}"
    keys = [f"{prefix}/{name}" for name in ("a", "b/c", "b/d", "e")]
    for key in keys:
        upload(store, key, b"12345")

    pages, after = [], ""
    while page := store.objects(after=after):
        pages.append(page)
        after = page[-1].key

    assert {len(page) for page in pages[:-1]} == {2}
    listed = [item for page in pages for item in page]
    assert [item.key for item in listed] == sorted(item.key for item in listed)
    assert [(item.key, item.size) for item in listed if item.key in keys] == [(key, 5) for key in keys]
    assert abs(store.stat(keys[0]).modified_at.timestamp() - time.time()) < 60


# Links


def test_a_link_answers_with_the_headers_it_was_made_for(store: S3Store, key: str) -> None:
    upload(store, key, b"0123456789")
    disposition = "attachment; filename=\"____.txt\"; filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82.txt"
    link = store.link(key, host=HOST, content_type="application/octet-stream", disposition=disposition)

    answer = send(store.account, "GET", link)

    assert link.startswith(f"https://{HOST}/{store.account.bucket}/{key}?")
    assert (answer.status, answer.data) == (200, b"0123456789")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == disposition


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "box.corp.example:8443", "[fd00::1]:8443"])
def test_links_are_made_for_every_host_by_which_one_comes(store: S3Store, key: str, host: str) -> None:
    upload(store, key, b"data")

    answer = send(store.account, "GET", store.link(key, host=host, content_type="a/b", disposition="inline"))

    assert (answer.status, answer.data) == (200, b"data")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.txt", "b.txt"),
        ("text%2Fplain", "text%2Fhtml"),
        ("X-Amz-Expires=60", "X-Amz-Expires=600"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("2026/11/", "2026/12/"),
    ],
)
def test_a_changed_link_is_refused(store: S3Store, link_to: str, old: str, new: str) -> None:
    assert old in link_to

    assert send(store.account, "GET", link_to.replace(old, new)).status == 403


def test_a_link_to_fetch_does_not_write(store: S3Store, link_to: str) -> None:
    assert send(store.account, "PUT", link_to, b"x").status == 403
    assert send(store.account, "DELETE", link_to).status == 403
    assert send(store.account, "GET", link_to).data == b"secret"


def test_a_link_is_for_its_host_only(store: S3Store, link_to: str) -> None:
    assert send(store.account, "GET", link_to, host="elsewhere.example.com").status == 403


def test_without_a_signature_nothing_is_handed_out(store: S3Store, link_to: str) -> None:
    assert send(store.account, "GET", link_to.partition("?")[0]).status == 403


def test_a_link_to_send_a_part_is_for_that_part_only(store: S3Store, key: str) -> None:
    upload_id, other = store.begin(key), store.begin(key)
    link = store.part_link(key, upload_id, 1, host=HOST)

    assert send(store.account, "PUT", link.replace("partNumber=1", "partNumber=2"), b"x").status == 403
    assert send(store.account, "PUT", link.replace(upload_id, other), b"x").status == 403
    assert send(store.account, "GET", link).status == 403
    store.abort(key, upload_id)
    store.abort(key, other)


def test_an_expired_link_is_refused(store: S3Store, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(store, key, b"data")
    upload_id = store.begin(key)
    with monkeypatch.context() as earlier:
        signed_at = datetime.now(UTC) - timedelta(seconds=LINKS_LIVE_SECONDS + 1)
        earlier.setattr("minio.time.utcnow", lambda: signed_at)
        fetch = store.link(key, host=HOST, content_type="a/b", disposition="inline")
        part = store.part_link(key, upload_id, 1, host=HOST)

    assert send(store.account, "GET", fetch).status == 403
    assert send(store.account, "PUT", part, b"late").status == 403
    store.abort(key, upload_id)


def test_links_for_an_external_store_are_signed_for_its_own_host(account: Account, key: str) -> None:
    store = S3Store(replace(account, public_host="store.corp.example:9000"))
    upload_id = store.begin(key)
    part = store.part_link(key, upload_id, 1, host=HOST)
    assert part.startswith(f"https://{HOST}/{account.bucket}/{key}?")
    assert send(account, "PUT", part, b"data").status == 403

    answer = send(account, "PUT", part, b"data", host="store.corp.example:9000")

    assert answer.status == 200
    store.complete(key, upload_id, [answer.headers["ETag"].strip('"')])
    link = store.link(key, host=HOST, content_type="a/b", disposition="inline")
    assert send(account, "GET", link, host="store.corp.example:9000").data == b"data"


def test_with_the_bucket_in_the_host_links_are_signed_for_that_host(account: Account, key: str) -> None:
    store = S3Store(replace(account, public_host="store.corp.example", path_style=False))

    link = store.link(key, host=HOST, content_type="a/b", disposition="inline")

    assert link.startswith(f"https://{HOST}/{account.bucket}/{key}?")
    given = urlsplit(link)
    query = dict(parse_qsl(given.query))
    signed = presign_v4(
        method="GET",
        url=urlsplit(
            f"https://{account.bucket}.store.corp.example/{key}?{given.query.partition('&X-Amz-')[0]}"
        ),
        region=account.region,
        credentials=Credentials(account.access_key, account.secret_key),
        date=datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
        expires=60,
    )
    assert dict(parse_qsl(signed.query))["X-Amz-Signature"] == query["X-Amz-Signature"]


# A store that is away


def test_links_are_made_without_asking_the_store(account: Account, key: str) -> None:
    store = S3Store(replace(account, endpoint=f"http://127.0.0.1:{hold()}"))

    assert store.part_link(key, "upload", 1, host=HOST).startswith(f"https://{HOST}/")
    assert store.link(key, host=HOST, content_type="a/b", disposition="inline").startswith(f"https://{HOST}/")


def test_everything_else_says_that_the_store_is_away(account: Account, key: str) -> None:
    store = S3Store(replace(account, endpoint=f"http://127.0.0.1:{hold()}"))

    for ask in (
        store.ping,
        store.objects,
        lambda: store.begin(key),
        lambda: store.complete(key, "upload", ["0" * 32]),
        lambda: store.abort(key, "upload"),
        lambda: store.unfinished(key),
        lambda: store.stat(key),
        lambda: list(store.read(key)),
        lambda: store.write(key, b"x", content_type="a/b"),
        lambda: store.delete(key),
    ):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            ask()


def test_ping_finds_the_bucket_or_says_what_to_do(account: Account) -> None:
    S3Store(account).ping()

    with pytest.raises(StoreUnavailable, match="run the installer again"):
        S3Store(replace(account, bucket="no-such-bucket")).ping()


def test_the_health_page_has_a_word_about_the_store(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(stores._offers, "files", S3Store(account))
    assert health.checks["objects"]() == "ok"

    monkeypatch.setitem(stores._offers, "files", S3Store(replace(account, bucket="no-such-bucket")))
    with pytest.raises(StoreUnavailable):
        health.checks["objects"]()


def test_a_key_that_the_store_does_not_know_is_named_as_the_reason(account: Account, key: str) -> None:
    with pytest.raises(StoreUnavailable, match="InvalidAccessKeyId"):
        S3Store(replace(account, access_key="nobody")).begin(key)
    with pytest.raises(StoreUnavailable, match="SignatureDoesNotMatch"):
        S3Store(replace(account, secret_key="wrong-secret-key")).begin(key)


def test_a_store_that_hangs_is_not_waited_for(
    account: Account, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", urllib3.Timeout(connect=0.2, read=0.2))
    with _listening(answer=None) as endpoint, pytest.raises(StoreUnavailable):
        S3Store(replace(account, endpoint=endpoint)).begin(key)


def test_an_object_that_breaks_off_is_not_taken_for_a_whole_one(account: Account, key: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n01234"
    with _listening(answer=answer) as endpoint, pytest.raises(StoreUnavailable):
        list(S3Store(replace(account, endpoint=endpoint)).read(key))


def test_an_answer_that_is_not_the_stores_is_not_taken_for_one(account: Account, key: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
    with _listening(answer=answer) as endpoint, pytest.raises(StoreUnavailable):
        S3Store(replace(account, endpoint=endpoint)).begin(key)


@contextmanager
def _listening(*, answer: bytes | None) -> Iterator[str]:
    """A server that misbehaves in the way told, as no real store does on demand."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                connection.recv(65536)
                if answer is not None:
                    connection.sendall(answer)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()
