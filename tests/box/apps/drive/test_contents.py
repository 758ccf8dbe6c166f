"""Bytes in and out for programs: uploads in two steps, what a file was, and what hangs on things."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from box.apps.drive.actions.sharing import end_share, share_item
from box.apps.drive.actions.tree import make_folder
from box.apps.drive.models import Item
from box.core.access.principals import code_of
from box.core.files.store import store as the_store
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from pytest_django import Settings

    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def path_of(address: str) -> str:
    return "/rest/" + address.partition("/rest/")[2]


def send(address: str, content: bytes = b"Plan", *, field: str = "file", name: str = "plan.txt") -> Any:
    """As a program sends a form, without a secret."""
    client = Client(headers={"X-Forwarded-Proto": "https"})
    return client.post(path_of(address), {field: SimpleUploadedFile(name, content)})


def text_of(item: Item) -> bytes:
    assert item.file is not None
    return b"".join(the_store().read(item.file.blob.key))


def test_a_file_goes_in_two_steps(anna: User, annas: Item, store: S3Store) -> None:
    program = program_of(anna, "disk")
    where = program.call("disk.folder.uploadfile", id=annas.pk)
    assert where["field"] == "file"
    assert program.secret not in where["uploadUrl"]
    assert not Item.objects.in_folder(annas).exists()
    made = send(where["uploadUrl"]).json()["result"]
    item = Item.objects.select_related("file__blob").get(pk=made["ID"])
    assert (item.name, item.created_by, text_of(item)) == ("plan.txt", anna, b"Plan")
    # An address is for one file; another one meets the same name, and is not used up by that.
    assert send(where["uploadUrl"], name="b.txt").json()["error"] == "ERROR_ARGUMENT"
    again = program.call("disk.folder.uploadfile", id=annas.pk)["uploadUrl"]
    assert again != program.call("disk.folder.uploadfile", id=annas.pk)["uploadUrl"] != where["uploadUrl"]
    assert send(again).json()["error"] == "DISK_OBJ_22000"
    assert send(again, name="b.txt").json()["result"]["NAME"] == "b.txt"
    data, free = {"NAME": "plan.txt"}, {"generateUniqueName": True}
    where = program.call("disk.storage.uploadfile", id=annas.drive_id, data=data, **free)
    assert send(where["uploadUrl"], name="x").json()["result"]["NAME"] != "plan.txt"
    where = program.call("disk.file.uploadversion", id=item.pk)
    assert send(where["uploadUrl"], b"Plan B").json()["result"]["GLOBAL_CONTENT_VERSION"] == "2"
    item = Item.objects.select_related("file__blob").get(pk=item.pk)
    assert text_of(item) == b"Plan B"


def test_more_than_a_request_holds_goes_too(anna: User, annas: Item, store: S3Store) -> None:
    large = bytes(3 * 2**20)
    where = program_of(anna, "disk").call("disk.folder.uploadfile", id=annas.pk)
    assert send(where["uploadUrl"], large).json()["result"]["SIZE"] == str(len(large))


def test_the_way_in_is_open_as_long_as_they_may(
    anna: User, boris: User, annas: Item, store: S3Store, settings: Settings
) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share = share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    program = program_of(boris, "disk")
    assert program.error("disk.folder.uploadfile", id=letters.pk) == (403, "ACCESS_DENIED")
    end_share(letters.shares.get(), by=anna)
    assert share is None or share
    share_item(letters, [code_of(boris)], can_edit=True, by=anna)
    address = program.call("disk.folder.uploadfile", id=letters.pk)["uploadUrl"]
    assert send(f"{address}x").status_code == 401
    assert send(address, field="other").json()["error"] == "ERROR_ARGUMENT"
    long = {"NAME": "x", **{f"k{number}": str(uuid4()) for number in range(200)}}
    refused = program.error("disk.folder.uploadfile", id=letters.pk, data=long)
    assert refused == (400, "ERROR_ARGUMENT")
    assert Client(headers={"X-Forwarded-Proto": "https"}).get(path_of(address)).status_code == 405
    settings.FILE_SIZE_LIMIT = 10
    assert send(address, bytes(70_000)).status_code == 413
    settings.FILE_SIZE_LIMIT = 10**6
    end_share(letters.shares.get(), by=anna)
    assert send(address).json()["error"] == "ERROR_NOT_FOUND"
    program.webhook.delete()
    assert send(address).status_code == 401
    assert not Item.objects.in_folder(letters).exists()


def test_a_migration_puts_files_of_others_and_of_then(
    olga: User, anna: User, company: Item, store: S3Store
) -> None:
    program = program_of(olga, "disk", "korobka_transfer")
    then = {"KOROBKA_BY": anna.pk, "KOROBKA_AT": "2019-03-01T10:00:00Z"}
    where = program.call("disk.folder.uploadfile", id=company.pk, **then)
    item = Item.objects.get(pk=send(where["uploadUrl"]).json()["result"]["ID"])
    assert (item.created_by, item.created_at.year) == (anna, 2019)
    whole = ["rules.txt", b64encode(b"Rules").decode()]
    item = Item.objects.get(
        pk=program.call("disk.folder.uploadfile", id=company.pk, fileContent=whole, **then)["ID"]
    )
    assert (item.created_by, item.created_at.year) == (anna, 2019)


def test_what_a_file_was_is_given(anna: User, boris: User, annas: Item, store: S3Store) -> None:
    program = program_of(anna, "disk")
    pk = program.call("disk.folder.uploadfile", id=annas.pk, fileContent=["a.txt", "T25l"])["ID"]
    program.call("disk.file.uploadversion", id=pk, fileContent=["a.txt", "VHdv"])
    newest, oldest = program.call("disk.file.getVersions", id=pk)
    assert (newest["GLOBAL_CONTENT_VERSION"], oldest["GLOBAL_CONTENT_VERSION"]) == ("2", "1")
    assert int(newest["ID"]) > int(oldest["ID"])
    item = Item.objects.select_related("file__blob").get(pk=pk)
    assert item.file is not None
    keys = [item.versions.get().blob.key, item.file.blob.key]
    client = Client(headers={"X-Forwarded-Proto": "https"})
    for version, key in zip((oldest, newest), keys, strict=True):
        answer = client.get(path_of(version["DOWNLOAD_URL"]))
        assert answer.status_code == 302
        assert key in answer.headers["Location"]
    assert program_of(boris, "disk").error("disk.file.getVersions", id=pk) == (400, "ERROR_NOT_FOUND")


def test_what_hangs_on_a_post_is_given_to_its_readers(
    anna: User, boris: User, cara: User, store: S3Store
) -> None:
    program = program_of(anna)
    files = [["plan.txt", b64encode(b"Plan").decode()]]
    for_boris = [f"U{boris.pk}"]
    post = program.call("log.blogpost.add", POST_MESSAGE="Look", DEST=for_boris, FILES=files)
    (shown,) = program_of(boris).call("log.blogpost.get", POST_ID=post)
    (number,) = shown["FILES"]
    told = program_of(boris).call("disk.attachedObject.get", id=number)
    assert (told["NAME"], told["SIZE"], told["CREATED_BY"]) == ("plan.txt", "4", str(anna.pk))
    answer = Client(headers={"X-Forwarded-Proto": "https"}).get(path_of(told["DOWNLOAD_URL"]))
    assert answer.status_code == 302
    assert program_of(cara).error("disk.attachedObject.get", id=number) == (400, "ERROR_NOT_FOUND")
    comment = program_of(boris).call("log.blogcomment.add", POST_ID=post, TEXT="And this", FILES=files)
    found = program.call("log.blogcomment.user.get", USER_ID=boris.pk)
    assert [one["id"] for one in found["comments"]] == [comment]
    (hanging,) = found["files"].values()
    assert hanging["name"] == "plan.txt"
    assert program_of(cara).call("log.blogcomment.user.get", USER_ID=boris.pk)["comments"] == []
