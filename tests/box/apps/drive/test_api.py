"""Drives for programs: what their person may, and nothing else."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from box.apps.drive.actions.sharing import end_share, share_item
from box.apps.drive.actions.tree import make_folder, rename_item, root_of
from box.apps.drive.models import Item, OutsideLink
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.files.actions import store_whole
from box.core.files.store import store as the_store
from box.core.groups.actions import NewGroup, create_group
from tests.box.apps.drive.conftest import put
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from typing import IO, Any

    from box.bridges.storage.client import S3Store
    from box.core.files.actions import Stored

pytestmark = pytest.mark.django_db
STORE_WHOLE = "box.apps.drive.api.items.store_whole"


def test_a_program_sees_the_drives_of_its_person(anna: User, boris: User) -> None:
    group = create_group(NewGroup("Reading"), by=anna)
    for code in (group.code, create_group(NewGroup("Other"), by=boris).code):
        root_of(code, by=boris)
    root_of(code_of(boris), by=boris)
    found = program_of(User.objects.get(pk=anna.pk), "disk").call("disk.storage.getlist")
    assert {(one["ENTITY_TYPE"], one["CODE"]) for one in found} == {
        ("user", code_of(anna)),
        ("common", "UA"),
        ("group", group.code),
    }
    assert {one["ENTITY_ID"] for one in found} == {str(anna.pk), "0", str(group.pk)}


def test_a_program_makes_names_moves_and_throws_away(anna: User, annas: Item, company: Item) -> None:
    program = program_of(anna, "disk")
    made = program.call("disk.storage.addfolder", id=annas.drive_id, data={"NAME": "letters"})
    inner = program.call("disk.folder.addsubfolder", id=made["ID"], data={"NAME": "old"})
    plan = put(Item.objects.select_related("drive").get(pk=inner["ID"]), by=anna)
    assert program.call("disk.file.rename", id=plan.pk, newName="b.txt")["NAME"] == "b.txt"
    moved = program.call("disk.folder.moveto", id=made["ID"], targetFolderId=company.pk)
    assert (moved["PARENT_ID"], moved["STORAGE_ID"]) == (str(company.pk), str(company.drive_id))
    assert Item.objects.get(pk=plan.pk).audience == ["UA"]
    (one,) = program.call("disk.folder.getchildren", id=inner["ID"], filter={"NAME": "b.txt"})
    assert (one["TYPE"], one["SIZE"], one["FILE_ID"]) == ("file", "0", str(plan.file_id))
    program.call("disk.folder.markdeleted", id=made["ID"])
    assert Item.objects.thrown_away().get().name == "letters"
    assert program.error("disk.file.get", id=plan.pk) == (400, "ERROR_NOT_FOUND")


def test_what_is_wrong_is_said_and_changes_nothing(anna: User, annas: Item) -> None:
    letters, plan = make_folder(annas, "letters", by=anna), put(annas, by=anna)
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("disk.storage.addfolder", {"id": annas.drive_id, "data": {"NAME": "Letters"}}),
        ("disk.storage.addfolder", {"id": annas.drive_id, "data": {}}),
        ("disk.storage.addfolder", {"id": annas.drive_id}),
        ("disk.folder.moveto", {"id": letters.pk, "targetFolderId": letters.pk}),
        ("disk.folder.rename", {"id": letters.pk, "newName": ""}),
        ("disk.folder.rename", {"id": annas.pk, "newName": "x"}),
        ("disk.folder.markdeleted", {"id": annas.pk}),
        ("disk.folder.getchildren", {"id": annas.pk, "filter": {"PASSWORD": "x"}}),
    )
    program = program_of(anna, "disk")
    for method, given in wrong:
        assert program.error(method, **given) == (400, "ERROR_ARGUMENT"), given
    assert program.error("disk.folder.get", id=plan.pk) == (400, "ERROR_NOT_FOUND")
    assert set(Item.objects.in_folder(annas)) == {letters, plan}


def test_a_program_may_what_its_person_may(anna: User, boris: User, cara: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    plan = put(letters, by=anna)
    given: tuple[tuple[str, dict[str, Any]], ...] = (
        ("disk.folder.addsubfolder", {"id": letters.pk, "data": {"NAME": "x"}}),
        ("disk.folder.rename", {"id": letters.pk, "newName": "x"}),
        ("disk.folder.markdeleted", {"id": letters.pk}),
        ("disk.file.markdeleted", {"id": plan.pk}),
        ("disk.file.getExternalLink", {"id": plan.pk}),
    )
    for method, values in given:
        assert program_of(boris, "disk").error(method, **values) == (403, "ACCESS_DENIED"), method
        assert program_of(cara, "disk").error(method, **values) == (400, "ERROR_NOT_FOUND"), method
    not_there = (400, "ERROR_NOT_FOUND")
    assert program_of(cara, "disk").error("disk.storage.getchildren", id=annas.drive_id) == not_there
    assert program_of(boris, "disk").error("disk.storage.getchildren", id=annas.drive_id) == not_there
    assert program_of(boris, "disk").call("disk.folder.getchildren", id=letters.pk)[0]["ID"] == str(plan.pk)
    assert program_of(anna, "user").error("disk.file.get", id=plan.pk) == (403, "insufficient_scope")


def test_a_link_for_outsiders_is_made_once(anna: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    program = program_of(anna, "disk")
    first, second = (program.call("disk.file.getExternalLink", id=plan.pk) for _ in range(2))
    assert first == second
    assert first.endswith(OutsideLink.objects.get().get_absolute_url())
    path = OutsideLink.objects.get().get_absolute_url()
    assert Client(headers={"X-Forwarded-Proto": "https"}).get(path).status_code == 200


def test_storages_are_filtered_and_sorted_and_what_is_not_known_is_refused(
    anna: User, annas: Item, company: Item
) -> None:
    program = program_of(anna, "disk")
    (own,) = program.call("disk.storage.getlist", filter={"ENTITY_TYPE": "user"})
    assert own["ID"] == str(annas.drive_id)
    found = program.call(
        "disk.storage.getlist", filter={"@ID": [annas.drive_id, company.drive_id]}, order={"ID": "DESC"}
    )
    assert [int(one["ID"]) for one in found] == sorted((annas.drive_id, company.drive_id), reverse=True)
    rights = [{"TASK_ID": 1, "ACCESS_CODE": "U1"}]
    for method, given in (
        ("disk.storage.getlist", {"filter": {"NAME": "x"}}),
        ("disk.storage.getlist", {"order": {"NAME": "ASC"}}),
        ("disk.storage.addfolder", {"id": annas.drive_id, "data": {"NAME": "x"}, "rights": rights}),
        ("disk.folder.addsubfolder", {"id": annas.pk, "data": {"NAME": "x"}, "rights": rights}),
        ("disk.folder.get", {"id": annas.pk, "select": ["ID"]}),
    ):
        assert program.error(method, **given) == (400, "ERROR_ARGUMENT"), given
    assert not Item.objects.in_folder(annas).exists()


def test_a_program_fetches_bytes_as_long_as_it_may(anna: User, boris: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    plan = put(letters, by=anna)
    theirs, own = program_of(boris, "disk"), program_of(anna, "disk")
    url = theirs.call("disk.file.get", id=plan.pk)["DOWNLOAD_URL"]
    path = url.partition("/rest/")[2]
    assert theirs.secret not in url
    anybody = Client(headers={"X-Forwarded-Proto": "https"})
    answer = anybody.get(f"/rest/{path}")
    assert answer.status_code == 302, answer.content
    assert plan.file is not None
    assert plan.file.blob.key in answer.headers["Location"]
    assert anybody.get(f"/rest/{path}x").status_code == 401
    end_share(letters.shares.get(), by=anna)
    assert anybody.get(f"/rest/{path}").json()["error"] == "ERROR_NOT_FOUND"
    url = own.call("disk.file.get", id=plan.pk)["DOWNLOAD_URL"]
    own.webhook.scopes = ["user"]
    own.webhook.save(update_fields=["scopes"])
    assert anybody.get(f"/rest/{url.partition('/rest/')[2]}").status_code == 403
    own.webhook.delete()
    assert anybody.get(f"/rest/{url.partition('/rest/')[2]}").json()["error"] == "NO_AUTH_FOUND"


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def bytes_of(item: Item) -> bytes:
    item.refresh_from_db()
    assert item.file is not None
    return b"".join(the_store().read(item.file.blob.key))


def test_a_program_puts_a_file_by_its_content_and_renews_it(anna: User, annas: Item, store: S3Store) -> None:
    program = program_of(anna, "disk")
    data = {"NAME": "plan.txt"}
    made = program.call(
        "disk.folder.uploadfile", id=annas.pk, data=data, fileContent=["x.txt", base64(b"One")]
    )
    assert (made["NAME"], made["TYPE"], made["SIZE"]) == ("plan.txt", "file", "3")
    item = Item.objects.get(pk=made["ID"])
    assert (item.parent_id, item.created_by_id, bytes_of(item)) == (annas.pk, anna.pk, b"One")
    again = program.call("disk.file.uploadversion", id=item.pk, fileContent=["plan.txt", base64(b"Twice")])
    assert (again["ID"], again["SIZE"], again["GLOBAL_CONTENT_VERSION"]) == (made["ID"], "5", "2")
    assert bytes_of(item) == b"Twice" and item.versions.count() == 1
    same = {"id": annas.drive_id, "data": data, "fileContent": base64(b"Another")}
    assert program.error("disk.storage.uploadfile", **same) == (400, "DISK_OBJ_22000")
    assert bytes_of(item) == b"Twice"
    other = program.call("disk.storage.uploadfile", **same, generateUniqueName=True)
    assert other["NAME"] == "plan (2).txt"


def test_a_file_that_somebody_puts_there_meanwhile_is_not_replaced(
    anna: User, annas: Item, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = program_of(anna, "disk")
    theirs, ours = ["plan.txt", base64(b"Theirs")], ["plan.txt", base64(b"Ours")]

    def meanwhile(content: IO[bytes]) -> Stored:
        monkeypatch.setattr(STORE_WHOLE, store_whole)
        program.call("disk.folder.uploadfile", id=annas.pk, fileContent=theirs)
        return store_whole(content)

    given: dict[str, Any] = {"id": annas.pk, "fileContent": ours}
    monkeypatch.setattr(STORE_WHOLE, meanwhile)
    assert program.error("disk.folder.uploadfile", **given) == (400, "DISK_OBJ_22000")
    item = Item.objects.get(parent=annas)
    assert bytes_of(item) == b"Theirs" and not item.versions.exists()
    item.delete()
    monkeypatch.setattr(STORE_WHOLE, meanwhile)
    made = program.call("disk.folder.uploadfile", **given, generateUniqueName=True)
    assert made["NAME"] == "plan (2).txt"


def test_a_file_is_put_once_for_one_key(anna: User, annas: Item, store: S3Store) -> None:
    program = program_of(anna, "disk")
    given: dict[str, Any] = {"id": annas.pk, "fileContent": ["plan.txt", base64(b"One")]}
    first, second = (program.ask("disk.folder.uploadfile", key="k", **given).json()["result"] for _ in "ab")
    assert first["ID"] == second["ID"]
    assert Item.objects.filter(parent=annas).count() == 1


def test_a_key_tells_the_number_alone_of_what_is_not_seen_any_more(
    anna: User, boris: User, annas: Item, store: S3Store
) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [code_of(boris)], can_edit=True, by=anna)
    program = program_of(boris, "disk")
    given: dict[str, Any] = {"id": letters.pk, "fileContent": ["plan.txt", base64(b"One")]}
    made = program.ask("disk.folder.uploadfile", key="k", **given).json()["result"]
    end_share(letters.shares.get(), by=anna)
    rename_item(Item.objects.get(pk=made["ID"]), "salaries.txt", by=anna)
    assert program.error("disk.file.get", id=made["ID"]) == (400, "ERROR_NOT_FOUND")
    again = program.ask("disk.folder.uploadfile", key="k", **given)
    assert again.json()["result"] == int(made["ID"])


@pytest.mark.parametrize(
    "content",
    [[], ["plan.txt"], ["plan.txt", "no base64!"], ["plan.txt", ""], ["a", "b", "c"], "", {"a": []}],
)
def test_what_is_no_content_is_refused(anna: User, annas: Item, content: Any) -> None:
    program = program_of(anna, "disk")
    assert program.error("disk.folder.uploadfile", id=annas.pk, fileContent=content) == (
        400, "ERROR_ARGUMENT",
    )  # fmt: skip
    assert not Item.objects.filter(parent=annas).exists()


def test_a_file_is_put_where_its_person_may_put_one(
    anna: User, boris: User, cara: User, annas: Item, store: S3Store
) -> None:
    folder = make_folder(annas, "letters", by=anna)
    share_item(folder, [code_of(boris)], can_edit=False, by=anna)
    given: dict[str, Any] = {"id": folder.pk, "fileContent": ["plan.txt", base64(b"One")]}
    assert program_of(boris, "disk").error("disk.folder.uploadfile", **given) == (403, "ACCESS_DENIED")
    assert program_of(cara, "disk").error("disk.folder.uploadfile", **given) == (400, "ERROR_NOT_FOUND")
    storage = {**given, "id": annas.drive_id}
    assert program_of(boris, "disk").error("disk.storage.uploadfile", **storage) == (400, "ERROR_NOT_FOUND")
    assert not Item.objects.filter(parent=folder).exists()
