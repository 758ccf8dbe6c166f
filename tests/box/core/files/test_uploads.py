"""Sending files: through the portal's addresses and links, into the real store."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from box.bridges.storage.client import Account, S3Store
from box.core.events.models import Event
from box.core.files import actions, models
from box.core.files.garbage_collection import Ages, sweep
from box.core.files.models import Blob, File, Upload
from box.core.files.names import content_disposition
from box.core.files.store import stores
from tests.box.bridges.storage.engines import send
from tests.box.core.files.browser import HOST, DyingStore, Killed, Sender, is_clean, keys

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

LONGEST_NAME = "Отчёт🎉за год" * 20 + "😀" * 3 + ".pdf" * 3
AWAY = "Files are not reachable right now. Try again in a minute."


@pytest.fixture
def store_away(account: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the store away from now on: nobody listens where it is said to be."""

    def away() -> None:
        monkeypatch.setitem(stores._offers, "files", S3Store(replace(account, endpoint="http://127.0.0.1:1")))

    return away


def test_a_file_goes_to_the_store_in_parts_and_comes_back_whole(sender: Sender, anna: User) -> None:
    data = os.urandom(models.SMALLEST_PART + 10)

    file = sender.send("data.bin", data)

    assert (file.name, file.size, file.owner) == ("data.bin", len(data), anna)
    assert (file.audience, file.is_private, file.attached_at) == ([f"U{anna.pk}"], True, None)
    assert sha256(sender.open(file.get_absolute_url()).data).digest() == sha256(data).digest()
    event = Event.objects.get(kind="files.FileStored")
    assert event.payload == {"file_id": file.pk, "by_id": anna.pk}


def test_what_the_browser_is_told(sender: Sender) -> None:
    begun = sender.begin("data.bin", 2 * models.SMALLEST_PART + 1)

    assert begun.status_code == 201
    told = begun.json()
    assert set(told) == {"id", "part_size", "part_count", "parts"}
    assert (told["part_size"], told["part_count"], len(told["parts"])) == (models.SMALLEST_PART, 3, 3)
    assert all(link.startswith(f"https://{HOST}/{sender.account.bucket}/") for link in told["parts"])

    file = sender.send("small.txt", b"12345")
    upload = Upload.objects.get(file=file)
    assert sender.complete(upload.pk, ["any"]).json() == {
        "id": file.pk,
        "name": "small.txt",
        "size": 5,
        "url": f"/files/{file.pk}/content",
    }


def test_an_empty_file(sender: Sender) -> None:
    file = sender.send("empty.txt", b"")

    assert file.size == 0
    assert sender.open(file.get_absolute_url()).data == b""


@pytest.mark.parametrize(
    ("name", "stored", "saved"),
    [
        ("..", "..", "file"),
        ("../../etc/passwd", "../../etc/passwd", "_.._etc_passwd"),
        ("C:\\boot.ini", "C:\\boot.ini", "C__boot.ini"),
        ("a\tb\r\nX-Evil: 1\x07", "a\tb\r\nX-Evil: 1\x07", "a b  X-Evil_ 1"),
        ("nul\0byte\ud800", "nul\ufffdbyte\ufffd", "nul\ufffdbyte\ufffd"),
        ("\u202egpj.exe", "\u202egpj.exe", "gpj.exe"),
        ('"; filename="evil.html', '"; filename="evil.html', "_; filename=_evil.html"),
        (LONGEST_NAME, LONGEST_NAME, LONGEST_NAME),
    ],
)
def test_any_name_is_kept_and_saved_without_harm(sender: Sender, name: str, stored: str, saved: str) -> None:
    file = sender.send(name, b"data")

    assert file.name == stored
    answer = sender.open(file.get_absolute_url())
    assert answer.data == b"data"
    assert answer.headers["Content-Disposition"] == content_disposition("attachment", saved)


def test_the_longest_name_is_255_characters(sender: Sender) -> None:
    assert len(LONGEST_NAME) == 255

    assert_refused(sender.begin(LONGEST_NAME + "!", 1), 400, "255 characters")


@pytest.mark.parametrize(
    ("name", "size", "says"),
    [
        ("", 1, "Give the file a name"),
        ("  \t", 1, "Give the file a name"),
        ("a", -1, "cannot be negative"),
        ("a", True, "incomplete"),
        ("a", 1.5, "incomplete"),
        ("a", "10", "incomplete"),
        ("a", None, "incomplete"),
        (7, 1, "incomplete"),
        (None, 1, "incomplete"),
    ],
)
def test_bad_names_and_sizes_are_refused(
    sender: Sender, store: S3Store, name: Any, size: Any, says: str
) -> None:
    assert_refused(sender.begin(name, size), 400, says)
    assert is_clean(store)


@pytest.mark.parametrize("nonce", ["short", "x" * 65, "null\0null", "с кириллицей", 12345678])
def test_bad_nonces_are_refused(sender: Sender, nonce: Any) -> None:
    assert_refused(sender.begin("a", 1, nonce), 400, "incomplete")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("url", ["/files/uploads/", "/files/uploads/{}/completion"])
def test_what_is_no_json_is_refused(sender: Sender, url: str, body: bytes) -> None:
    pk = sender.begin("a", 1).json()["id"]

    answer = sender.client.post(url.format(pk), body, content_type="application/json")

    assert_refused(answer, 400, "incomplete")
    assert Upload.objects.count() == 1


def test_the_company_sets_the_limit(sender: Sender, settings: Any) -> None:
    settings.FILE_SIZE_LIMIT = 50 * 10**6

    assert sender.begin("a", 50 * 10**6).status_code == 201
    assert_refused(sender.begin("a", 50 * 10**6 + 1), 413, "at most 50 MB")
    assert_refused(sender.begin("a", 10**30), 413, "at most 50 MB")


def test_the_same_nonce_opens_one_upload(sender: Sender, store: S3Store) -> None:
    nonce = str(uuid4())

    first, again = sender.begin("a", 1, nonce).json(), sender.begin("a", 1, nonce).json()

    assert first["id"] == again["id"]
    upload = Upload.objects.get()
    assert store.unfinished(upload.key) == [upload.upload_id]


def test_the_same_request_twice_at_once_opens_one_upload(
    sender: Sender, store: S3Store, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonce = str(uuid4())

    class Overtaken(S3Store):
        def begin(self, key: str) -> str:
            """While the store is asked, the other request is answered."""
            monkeypatch.setitem(stores._offers, "files", store)
            actions.begin_upload("a", 1, nonce=nonce, by=anna)
            return super().begin(key)

    monkeypatch.setitem(stores._offers, "files", Overtaken(store.account))
    links = sender.begin("a", 1, nonce).json()["parts"]

    upload = Upload.objects.get()
    assert store.unfinished(upload.key) == [upload.upload_id]
    assert upload.upload_id in links[0]


def test_a_nonce_of_another_form_is_refused(sender: Sender, boris_sender: Sender, anna: User) -> None:
    from box.core.events.nonces import once

    foreign = Upload.objects.get(pk=boris_sender.begin("secret", 1).json()["id"])
    # As if a form of another kind had had the result with this id.
    once(Upload, lambda: foreign, nonce="other-form", actor_id=anna.pk)

    assert_refused(sender.begin("a", 1, "other-form"), 409, "This upload is over")


def test_an_upload_that_was_given_up_is_not_opened_again(sender: Sender) -> None:
    nonce = str(uuid4())
    pk = sender.begin("a", 1, nonce).json()["id"]
    # The store was away: the row stays until the sweep.
    Upload.objects.filter(pk=pk).update(discarded_at=timezone.now())
    assert_refused(sender.begin("a", 1, nonce), 409, "This upload is over")
    Upload.objects.filter(pk=pk).delete()
    assert_refused(sender.begin("a", 1, nonce), 400, "was deleted since")
    assert not Upload.objects.exists()


def test_each_upload_is_opened_by_itself_and_given_up_by_itself(
    sender: Sender, store: S3Store, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has not been opened yet has no id in the store that could be ended."""
    now = timezone.now()
    waiting = Upload.objects.create(owner=anna, name="a", size=1, part_size=1, key=models.new_key(now))
    begun = sender.begin("b", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])
    waiting.refresh_from_db()
    assert waiting.upload_id == ""
    ended: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(store, "abort", lambda key, upload_id: ended.append(upload_id))
        actions.discard_upload(waiting, now=now)
    assert (ended, Upload.objects.get().pk) == ([], begun["id"])
    assert sender.complete(begun["id"], etags).status_code == 200


def test_links_are_renewed_from_any_part_on(sender: Sender) -> None:
    begun = sender.begin("large", 30 * models.SMALLEST_PART).json()
    url = f"/files/uploads/{begun['id']}/parts/"

    assert len(begun["parts"]) == 20
    assert len(sender.client.get(url).json()["parts"]) == 20
    last = sender.client.get(f"{url}?from=21").json()["parts"]
    assert len(last) == 10
    assert "partNumber=21&" in last[0]
    assert "partNumber=30&" in last[-1]


@pytest.mark.parametrize("first", ["0", "31", "-1", "x", "1.0", "٣", "9" * 50, ""])
def test_there_are_no_links_for_parts_that_are_not(sender: Sender, first: str) -> None:
    pk = sender.begin("large", 30 * models.SMALLEST_PART).json()["id"]

    assert_refused(sender.client.get(f"/files/uploads/{pk}/parts/", {"from": first}), 400, "no such part")


def test_completing_twice_makes_one_file(sender: Sender) -> None:
    file = sender.send("a.txt", b"data")

    for etags in (["whatever"], []):
        again = sender.complete(Upload.objects.get().pk, etags)
        assert (again.status_code, again.json()["id"]) == (200, file.pk)

    assert File.objects.count() == Blob.objects.count() == 1
    assert Event.objects.filter(kind="files.FileStored").count() == 1


@pytest.mark.django_db(transaction=True)
def test_completing_twice_at_once_makes_one_file(sender: Sender, anna: User) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = [tag.strip('"') for tag in sender.put(begun["parts"], b"data", begun["part_size"])]
    upload = Upload.objects.get()

    def complete(_: int) -> int:
        try:
            return actions.complete_upload(Upload.objects.get(pk=upload.pk), etags, by=anna).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        ids = set(threads.map(complete, range(4)))

    assert ids == {File.objects.get().pk}
    assert Event.objects.filter(kind="files.FileStored").count() == 1


@pytest.mark.parametrize(
    "etags",
    [[], ["0" * 32], ["0" * 32, "1" * 32], ["<&>"], ["\x01"], [""]],
    ids=lambda etags: repr(etags)[:20],
)
def test_etags_that_are_not_the_parts_are_refused_and_nothing_changes(
    sender: Sender, store: S3Store, etags: list[str]
) -> None:
    begun = sender.begin("a.txt", 4).json()
    right = sender.put(begun["parts"], b"data", begun["part_size"])

    assert_refused(sender.complete(begun["id"], etags), 409, "Parts of the file are missing")

    assert not File.objects.exists()
    assert not keys(store)
    assert sender.complete(begun["id"], right).status_code == 200


def test_the_store_is_not_asked_to_complete_what_lacks_a_part(
    sender: Sender, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would make an object of the others, and the upload would be over."""
    pk = sender.begin("large", models.SMALLEST_PART + 1).json()["id"]
    monkeypatch.setitem(stores._offers, "files", DyingStore(store, call=1, after=False))
    assert_refused(sender.complete(pk, ["0" * 32]), 409, "Parts of the file are missing")


@pytest.mark.parametrize("etags", [None, "abc", {"a": 1}, [1], [None], ["x" * 129]])
def test_completion_takes_a_list_of_etags(sender: Sender, etags: Any) -> None:
    pk = sender.begin("a.txt", 4).json()["id"]

    assert_refused(sender.complete(pk, etags), 400, "incomplete")


@pytest.mark.parametrize("sent", [b"dat", b"data!"])
def test_what_arrives_in_another_size_is_no_file(sender: Sender, store: S3Store, sent: bytes) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = sender.put(begun["parts"], sent, begun["part_size"])

    assert_refused(sender.complete(begun["id"], etags), 409, f"{len(sent)} of 4 bytes have arrived")

    assert not File.objects.exists()
    assert is_clean(store)
    assert sender.complete(begun["id"], etags).status_code == 404


def test_an_upload_that_breaks_half_way_leaves_nothing_after_the_sweep(
    sender: Sender, store: S3Store
) -> None:
    begun = sender.begin("a", 2 * models.SMALLEST_PART).json()
    sender.put(begun["parts"][:1], b"a" * models.SMALLEST_PART, begun["part_size"])
    upload = Upload.objects.get()

    sweep(timezone.now() + timedelta(days=1))
    assert store.unfinished(upload.key), "it is still being sent"
    sweep(timezone.now() + timedelta(days=3))

    assert is_clean(store)
    assert store.unfinished(upload.key) == []
    assert send(sender.account, "PUT", begun["parts"][1], b"late").status == 404


def test_an_upload_may_be_given_up(sender: Sender, store: S3Store) -> None:
    begun = sender.begin("a", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])

    assert sender.client.delete(f"/files/uploads/{begun['id']}/").status_code == 204

    assert is_clean(store)
    assert send(sender.account, "PUT", begun["parts"][0], b"data").status == 404
    assert sender.complete(begun["id"], etags).status_code == 404
    assert sender.client.get(f"/files/uploads/{begun['id']}/parts/").status_code == 404


def test_giving_up_what_has_arrived_changes_nothing(sender: Sender) -> None:
    file = sender.send("a.txt", b"data")

    assert sender.client.delete(f"/files/uploads/{Upload.objects.get().pk}/").status_code == 204

    assert sender.open(file.get_absolute_url()).data == b"data"


def test_a_part_sent_again_after_completion_changes_nothing(sender: Sender, store: S3Store) -> None:
    begun = sender.begin("a.txt", 5).json()
    etags = sender.put(begun["parts"], b"first", begun["part_size"])
    file = sender.complete(begun["id"], etags).json()

    assert send(sender.account, "PUT", begun["parts"][0], b"other").status == 404

    assert sender.open(file["url"]).data == b"first"
    assert_refused(sender.client.get(f"/files/uploads/{begun['id']}/parts/"), 409, "This upload is over")


def test_an_upload_is_nobody_elses(sender: Sender, boris_sender: Sender) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])

    assert boris_sender.complete(begun["id"], etags).status_code == 404
    assert boris_sender.client.get(f"/files/uploads/{begun['id']}/parts/").status_code == 404
    assert boris_sender.client.delete(f"/files/uploads/{begun['id']}/").status_code == 404

    assert sender.complete(begun["id"], etags).status_code == 200


def test_strangers_send_nothing(client: Client, account: Account) -> None:
    answer = Sender(client, account).begin("a", 1)

    assert answer.status_code == 302
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", "/files/uploads/"),
        ("get", "/files/uploads/1/"),
        ("post", "/files/uploads/1/parts/"),
        ("get", "/files/uploads/1/completion"),
        ("post", "/files/1/content"),
        ("head", "/files/1/content"),
    ],
)
def test_other_methods_are_refused(sender: Sender, method: str, url: str) -> None:
    assert getattr(sender.client, method)(url).status_code == 405


# The store is away


def test_without_the_store_one_is_told_so_and_may_go_on_later(
    sender: Sender, store: S3Store, store_away: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nonce = str(uuid4())
    store_away()
    refused = sender.begin("a.txt", 4, nonce)
    assert_refused(refused, 503, AWAY)
    assert refused["Retry-After"]

    monkeypatch.setitem(stores._offers, "files", store)
    begun = sender.begin("a.txt", 4, nonce).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])
    store_away()
    assert_refused(sender.complete(begun["id"], etags), 503, AWAY)
    assert not File.objects.exists()

    monkeypatch.setitem(stores._offers, "files", store)
    assert sender.complete(begun["id"], etags).status_code == 200


def test_what_is_given_up_without_the_store_is_swept_when_it_is_back(
    sender: Sender, store: S3Store, store_away: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])
    store_away()
    assert sender.client.delete(f"/files/uploads/{begun['id']}/").status_code == 204

    monkeypatch.setitem(stores._offers, "files", store)
    assert_refused(sender.complete(begun["id"], etags), 409, "This upload is over")
    assert not File.objects.exists()
    sweep(timezone.now())

    assert Upload.objects.count() == 0
    assert send(sender.account, "PUT", begun["parts"][0], b"data").status == 404


# Killed in the middle, at each call of the store


@pytest.mark.parametrize("after", [False, True])
def test_opening_that_is_killed_may_be_tried_again(
    sender: Sender, store: S3Store, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    nonce = str(uuid4())
    monkeypatch.setitem(stores._offers, "files", DyingStore(store, call=1, after=after))
    with pytest.raises(Killed):
        sender.begin("a.txt", 4, nonce)
    monkeypatch.setitem(stores._offers, "files", store)

    begun = sender.begin("a.txt", 4, nonce).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])
    file = sender.complete(begun["id"], etags).json()

    key = Upload.objects.get().key
    sweep(timezone.now() + timedelta(days=3))
    assert store.unfinished(key) == [], "also not what was opened first"
    assert sender.open(file["url"]).data == b"data"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2])
def test_completion_that_is_killed_goes_on_when_asked_again(
    sender: Sender, store: S3Store, monkeypatch: pytest.MonkeyPatch, call: int, after: bool
) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])
    monkeypatch.setitem(stores._offers, "files", DyingStore(store, call=call, after=after))
    with pytest.raises(Killed):
        sender.complete(begun["id"], etags)
    monkeypatch.setitem(stores._offers, "files", store)
    assert not File.objects.exists()

    # The object may be there without a row of its own: of an upload that goes on, it is never swept.
    sweep(timezone.now() + timedelta(days=1), Ages(object=timedelta(0)))

    assert sender.open(sender.complete(begun["id"], etags).json()["url"]).data == b"data"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_giving_up_that_is_killed_goes_on_by_the_sweep(
    sender: Sender, store: S3Store, monkeypatch: pytest.MonkeyPatch, call: int, after: bool
) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])
    upload = Upload.objects.get()
    # Already completed in the store, by a process that was killed before it could say so.
    store.complete(upload.key, upload.upload_id, [etags[0].strip('"')])
    monkeypatch.setitem(stores._offers, "files", DyingStore(store, call=call, after=after))
    with pytest.raises(Killed):
        sender.client.delete(f"/files/uploads/{begun['id']}/")
    monkeypatch.setitem(stores._offers, "files", store)

    assert_refused(sender.complete(begun["id"], etags), 409, "This upload is over")
    sweep(timezone.now())

    assert is_clean(store)
    assert not File.objects.exists()


def assert_refused(answer: Any, status: int, says: str) -> None:
    assert answer.status_code == status, answer.content
    assert says in answer.json()["error"]
