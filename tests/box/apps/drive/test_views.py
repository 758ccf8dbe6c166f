"""The pages: what they show, what they cost, and what they refuse."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.drive.actions.sharing import set_inheritance, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import make_folder, root_of
from box.apps.drive.lists import usual_page
from box.apps.drive.models import Item, OutsideLink, Share
from box.apps.drive.views.listing import list_of
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.files.models import File
from box.core.groups.actions import NewGroup, archive_group, create_group
from box.core.lists.views import first_page
from tests.box.apps.drive.conftest import file_of, put, uploaded

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store
    from tests.box.apps.drive.conftest import Browser

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 12


def address(item: Item, rest: str = "") -> str:
    return f"{item.get_absolute_url()}{rest}"


def text_of(answer: Any) -> str:
    said: str = answer.content.decode()
    return said


def fill(folder: Item, count: int, by: User) -> list[Item]:
    """Files and folders in bulk, as many of each, of two people."""
    first = Item.objects.count()
    files = [uploaded(by, f"file {first + number:03}.txt") for number in range(count)]
    File.objects.filter(pk__in=[file.pk for file in files]).update(audience=folder.audience)
    common = {
        "drive": folder.drive,
        "parent": folder,
        "ancestors": folder.path,
        "audience": folder.audience,
        "editors": folder.editors,
        "created_by": by,
        "changed_by": by,
    }
    made = [Item(name=file.name, file=file, **common) for file in files]
    made += [Item(name=f"folder {first + number:03}", is_folder=True, **common) for number in range(count)]
    return Item.objects.bulk_create(made)


@pytest.mark.parametrize("query", ["", "?sort=-changed", "?q=f"])
def test_a_folder_costs_the_same_for_many_as_for_one(
    as_person: Browser, anna: User, boris: User, company: Item, query: str
) -> None:
    browser = as_person(anna)
    fill(company, 1, anna)
    browser.get(address(company))
    with CaptureQueriesContext(connection) as for_one:
        browser.get(address(company, query))
    fill(company, 20, boris)
    with CaptureQueriesContext(connection) as for_many:
        page = text_of(browser.get(address(company, query)))
    assert page.count('name="row"') == 42
    assert len(for_many) == len(for_one) <= MOST_QUERIES


@pytest.mark.parametrize("name", ["trash", "shared", "groups", "file", "access"])
def test_other_lists_cost_the_same_for_many_as_for_one(
    as_person: Browser, anna: User, boris: User, annas: Item, name: str
) -> None:
    browser = as_person(anna)
    plan = put(annas, by=anna)
    boriss = root_of(code_of(boris), by=boris)
    paths = {
        "trash": address(annas, "trash/"),
        "shared": "/drive/shared/",
        "groups": "/drive/groups/",
        "file": address(plan),
        "access": address(plan, "access/"),
    }

    def more(count: int) -> None:
        before = Item.objects.count()
        throw_away([put(annas, f"gone {before} {number}", by=anna) for number in range(count)], by=anna)
        for number in range(count):
            folder = make_folder(boriss, f"{before} {number}", by=boris)
            share_item(folder, [code_of(anna)], can_edit=False, by=boris)
            create_group(NewGroup(f"Group {before} {number}"), by=anna)
            put(annas, "plan.txt", by=anna)
            OutsideLink.objects.create(item=plan, created_by=anna)

    more(1)
    browser = as_person(User.objects.get(pk=anna.pk))
    browser.get(paths[name])
    with CaptureQueriesContext(connection) as for_one:
        browser.get(paths[name])
    more(12)
    browser = as_person(User.objects.get(pk=anna.pk))
    browser.get(paths[name])
    with CaptureQueriesContext(connection) as for_many:
        assert browser.get(paths[name]).status_code == 200
    assert len(for_many) == len(for_one) <= MOST_QUERIES


@pytest.mark.parametrize("order", ["", "?sort=-name", "?sort=changed", "?sort=-changed"])
def test_a_long_folder_is_read_page_by_page(
    as_person: Browser, anna: User, company: Item, order: str
) -> None:
    made = fill(company, 40, anna)
    for minutes, item in enumerate(made):
        item.changed_at += timedelta(minutes=minutes % 7)
    Item.objects.bulk_update(made, ["changed_at"])
    browser, seen = as_person(anna), []
    there = address(company, order)
    while there:
        page = text_of(browser.get(unescape(there), headers=HTMX))
        seen += [int(pk) for pk in re.findall(r'data-row="(\d+)"', page)]
        more = re.search(r'class="list-more" hx-get="([^"]+)', page)
        there = more[1] if more else ""
    inside = Item.objects.in_folder(company)
    expected = {
        "": inside.listed(),
        "?sort=-name": inside.listed().reverse(),
        "?sort=changed": inside.order_by("changed_at", "id"),
        "?sort=-changed": inside.order_by("-changed_at", "-id"),
    }[order]
    assert seen == [item.pk for item in expected]


def test_a_search_looks_below_and_not_elsewhere(
    as_person: Browser, anna: User, boris: User, company: Item, annas: Item
) -> None:
    forms = make_folder(company, "forms", by=anna)
    put(make_folder(forms, "old", by=anna), "Annual Report.txt", by=anna)
    put(company, "report beside.txt", by=anna)
    put(annas, "report of hers.txt", by=anna)
    closed = put(forms, "report for few.txt", by=anna)
    set_inheritance(closed, False, by=anna)
    found = text_of(as_person(boris).get(address(forms, "?q=report+annual"), headers=HTMX))
    assert "Annual Report.txt" in found
    found = text_of(as_person(boris).get(address(forms, "?q=report"), headers=HTMX))
    assert "Annual Report.txt" in found
    for name in ("beside", "of hers", "for few"):
        assert name not in found
    assert "Nothing matches" in text_of(as_person(boris).get(address(forms, "?q=zyx")))


def test_a_folder_is_made_once_however_often_it_is_sent(as_person: Browser, anna: User, annas: Item) -> None:
    sent = {"name": "letters", "nonce": str(uuid4())}
    browser = as_person(anna)
    for _ in range(2):
        assert browser.post(address(annas, "folders/"), sent).headers["Location"] == address(annas)
    assert Item.objects.in_folder(annas).get().name == "letters"
    taken = browser.post(address(annas, "folders/"), {"name": "Letters", "nonce": str(uuid4())})
    assert taken.status_code == 422
    assert "in this folder already" in text_of(taken)


def test_a_link_is_made_once_however_often_it_is_sent(as_person: Browser, anna: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    sent = {"password": "", "nonce": str(uuid4())}
    for _ in range(2):
        answer = as_person(anna).post(address(plan, "links/"), sent)
        assert OutsideLink.objects.get().get_absolute_url() in text_of(answer)


def test_files_are_put_in_once_however_often_they_are_sent(
    as_person: Browser, anna: User, annas: Item
) -> None:
    was = put(annas, "one.txt", by=anna)
    files = [uploaded(anna, "one.txt").pk, uploaded(anna, "two.txt").pk]
    sent = {"files": files, "nonce": str(uuid4())}
    for _ in range(2):
        answer = as_person(anna).post(address(annas, "files/"), sent, headers=HTMX)
        assert answer.status_code == 204
        assert "drive-done" in answer.headers["HX-Trigger"]
    assert {item.name: item.version for item in Item.objects.in_folder(annas)} == {"one.txt": 2, "two.txt": 1}
    version = {"files": uploaded(anna).pk, "nonce": str(uuid4())}
    for _ in range(2):
        assert as_person(anna).post(address(was, "versions/"), version).status_code == 302
    was.refresh_from_db()
    assert was.version == 3


def test_somebody_elses_upload_is_refused(as_person: Browser, anna: User, boris: User, annas: Item) -> None:
    for files in ([uploaded(boris).pk], [], [999999], ["x"]):
        sent = {"files": files, "nonce": str(uuid4())}
        refused = as_person(anna).post(address(annas, "files/"), sent)
        assert refused.status_code == 409
    assert not Item.objects.in_folder(annas).exists()


def test_several_things_are_moved_and_back(
    as_person: Browser, anna: User, annas: Item, company: Item
) -> None:
    one, two = put(annas, "one", by=anna), make_folder(annas, "two", by=anna)
    browser = as_person(anna)
    walk = text_of(browser.get(address(company, "places/"), {"row": [one.pk, two.pk]}, headers=HTMX))
    assert f'name="to" value="{company.pk}"' in walk
    sent = {"do": "bulk:move", "row": [one.pk, two.pk], "to": company.pk}
    moved = text_of(browser.post(address(annas), sent))
    assert "2 things are moved." in moved
    assert {item.name for item in Item.objects.in_folder(company)} == {"one", "two"}
    undo = {"do": "undo:move", "note": note_in(moved)}
    assert "2 are as they were." in text_of(browser.post(address(annas), undo))
    assert {item.name for item in Item.objects.in_folder(annas)} == {"one", "two"}


def note_in(page: str) -> str:
    found = re.search(r'name="note" value="([^"]+)"', page)
    assert found
    return unescape(found[1])


def test_one_thing_is_moved(as_person: Browser, anna: User, annas: Item, company: Item) -> None:
    two = make_folder(annas, "two", by=anna)
    browser = as_person(anna)
    assert "“two” go?" in text_of(browser.get(address(two, "place/")))
    answer = browser.post(address(two, "place/"), {"to": company.pk})
    assert answer.headers["Location"] == address(annas)
    assert Item.objects.in_folder(company).get() == two


def test_what_cannot_be_moved_stays_and_says_why(
    as_person: Browser, anna: User, boris: User, annas: Item, company: Item
) -> None:
    one, two = put(annas, "one", by=anna), put(annas, "two", by=anna)
    put(company, "two", by=boris)
    browser = as_person(anna)
    taken = browser.post(address(two, "place/"), {"to": company.pk})
    assert taken.status_code == 409
    assert "in this folder already" in text_of(taken)
    said = text_of(
        browser.post(address(annas), {"do": "bulk:move", "row": [one.pk, two.pk], "to": company.pk})
    )
    assert "1 thing is moved." in said
    assert "in this folder already" in said
    assert Item.objects.in_folder(annas).get() == two
    theirs = root_of(code_of(boris), by=boris)
    for to in (two.pk, 999999, theirs.pk):
        assert browser.post(address(two, "place/"), {"to": to}).status_code == 404
    for sent in ({}, {"to": two.pk}, {"to": theirs.pk}):
        refused = browser.post(address(annas), {"do": "bulk:move", "row": two.pk, **sent})
        assert refused.status_code == 422
        assert "Choose a folder that you may change." in text_of(refused)
    assert browser.post(address(two, "place/")).status_code == 409
    group = create_group(NewGroup("Reading"), by=anna)
    shelf = root_of(group.code, by=anna)
    archive_group(group, by=anna)
    fresh = as_person(User.objects.get(pk=anna.pk))
    assert fresh.post(address(two, "place/"), {"to": shelf.pk}).status_code == 403
    kept = text_of(fresh.post(address(annas), {"do": "bulk:move", "row": two.pk, "to": shelf.pk}))
    assert "not change it" in kept
    assert Item.objects.in_folder(annas).get() == two


def test_several_things_are_thrown_away_and_undone(as_person: Browser, anna: User, annas: Item) -> None:
    items = [put(annas, "one", by=anna), make_folder(annas, "two", by=anna)]
    browser = as_person(anna)
    gone = text_of(browser.post(address(annas), {"do": "bulk:trash", "row": [item.pk for item in items]}))
    assert "2 things are in the trash." in gone
    assert not Item.objects.in_folder(annas).exists()
    undo = {"do": "undo:trash", "note": note_in(gone)}
    assert "2 are as they were." in text_of(browser.post(address(annas), undo))
    assert Item.objects.in_folder(annas).count() == 2
    assert "0 are as they were" in text_of(browser.post(address(annas), undo))


def test_one_thing_is_thrown_away_and_undone(as_person: Browser, anna: User, annas: Item) -> None:
    plan = put(annas, "one", by=anna)
    browser = as_person(anna)
    answer = browser.post(address(plan, "throwing/"), headers=HTMX)
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert toast["value"] == "“one” is in the trash."
    assert "one" in text_of(browser.get(address(annas, "trash/")))
    assert browser.post(address(plan, "throwing/")).status_code == 404
    assert browser.post(toast["action"]["url"], headers=HTMX).status_code == 204
    assert Item.objects.in_folder(annas).get() == plan
    assert browser.post(toast["action"]["url"]).status_code == 404


def test_the_trash_is_brought_back_and_emptied(as_person: Browser, anna: User, annas: Item) -> None:
    back, gone = put(annas, "back", by=anna), put(annas, "gone", by=anna)
    throw_away([back, gone], by=anna)
    browser, trash = as_person(anna), address(annas, "trash/")
    assert "1 thing is back." in text_of(browser.post(trash, {"do": "bulk:back", "row": back.pk}))
    assert Item.objects.in_folder(annas).get() == back
    assert "1 thing is deleted for good." in text_of(
        browser.post(trash, {"do": "bulk:purge", "row": gone.pk})
    )
    assert not Item.objects.filter(pk=gone.pk).exists()


def test_a_groups_page_shows_its_drive(as_person: Browser, anna: User) -> None:
    group = create_group(NewGroup("Reading"), by=anna)
    anna = User.objects.get(pk=anna.pk)
    shelf = root_of(group.code, by=anna)
    put(shelf, "plan.txt", by=anna)
    browser = as_person(anna)
    page = text_of(browser.get(f"/groups/{group.pk}/?show=drive"))
    assert "plan.txt" in page
    assert f'action="{address(shelf)}"' in page
    # What is looked for there leaves the group's page in its place.
    asked = {**HTMX, "HX-Current-URL": f"https://portal.test/groups/{group.pk}/?show=drive"}
    assert "HX-Replace-Url" not in browser.get(address(shelf, "?q=plan"), headers=asked).headers
    own = {**HTMX, "HX-Current-URL": f"https://portal.test{address(shelf)}"}
    assert browser.get(address(shelf, "?q=plan"), headers=own).headers["HX-Replace-Url"]


def test_what_is_deleted_for_good_is_written_down(as_person: Browser, anna: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    browser = as_person(anna)
    assert browser.delete(f"/drive/trash/{plan.pk}/").status_code == 404
    throw_away([plan], by=anna)
    assert browser.delete(f"/drive/trash/{plan.pk}/", headers=HTMX).status_code == 204
    assert not Item.objects.filter(pk=plan.pk).exists()


def test_who_may_look_changes_nothing(as_person: Browser, anna: User, boris: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    share_item(letters, [code_of(boris)], can_edit=False, by=anna)
    plan = put(letters, by=anna)
    browser = as_person(boris)
    page = text_of(browser.get(address(letters)))
    assert "plan.txt" in page
    assert "New folder" not in page
    for path, sent in (
        (address(letters, "folders/"), {"name": "x", "nonce": str(uuid4())}),
        (address(letters, "files/"), {"files": [uploaded(boris).pk]}),
        (address(plan, "name/"), {"name": "x"}),
        (address(plan, "versions/"), {"files": uploaded(boris).pk}),
        (address(plan, "access/"), {"audience": "UA"}),
        (address(plan, "throwing/"), {}),
        (address(plan, "place/"), {"to": letters.pk}),
        (address(letters), {"do": "bulk:trash", "row": plan.pk}),
        (address(letters), {"do": "bulk:move", "row": plan.pk, "to": letters.pk}),
    ):
        assert browser.post(path, sent).status_code == 403, path
    assert Item.objects.below(letters).get() == plan


def test_a_share_is_given_and_taken(as_person: Browser, anna: User, boris: User, annas: Item) -> None:
    plan = put(annas, by=anna)
    browser = as_person(anna)
    sent = {"audience": [code_of(boris)], "level": "edit"}
    assert "may change it" in text_of(browser.post(address(plan, "access/"), sent))
    assert "plan.txt" in text_of(as_person(boris).get("/drive/shared/"))
    assert as_person(boris).get(address(plan)).status_code == 200
    refused = browser.post(address(plan, "access/"), {"audience": ["U999999"]})
    assert refused.status_code == 422
    assert browser.delete(f"/drive/shares/{Share.objects.get().pk}/").status_code == 200
    assert as_person(boris).get(address(plan)).status_code == 404
    assert as_person(boris).get(f"/files/{plan.file_id}/content").status_code == 404


def test_what_was_shared_is_found_once_and_by_whom(
    as_person: Browser, anna: User, boris: User, cara: User, annas: Item
) -> None:
    plan, letter = put(annas, by=anna), put(annas, "letter.txt", by=anna)
    share_item(plan, [code_of(boris), EVERYONE], can_edit=True, by=anna)
    share_item(letter, [code_of(boris)], can_edit=False, by=anna)
    browser = as_person(boris)
    page = text_of(browser.get("/drive/shared/"))
    assert page.count(">plan.txt</a>") == 1
    assert "letter.txt" not in text_of(browser.get("/drive/shared/", {"q": "PLAN"}))
    assert "plan.txt" in text_of(browser.get("/drive/shared/", {"by": f"U{anna.pk}"}))
    assert "plan.txt" not in text_of(browser.get("/drive/shared/", {"by": f"U{cara.pk}"}))
    assert "plan.txt" not in text_of(as_person(anna).get("/drive/shared/"))


def test_the_last_one_who_can_open_something_closed_is_not_taken_out(
    as_person: Browser, anna: User, company: Item
) -> None:
    forms = make_folder(company, "forms", by=anna)
    set_inheritance(forms, False, by=anna)
    answer = as_person(anna).delete(f"/drive/shares/{forms.shares.get().pk}/")
    assert answer.status_code == 422
    assert "Nobody could open it" in text_of(answer)
    assert forms.shares.exists()


def test_a_version_is_fetched_and_brought_back(
    as_person: Browser, anna: User, annas: Item, store: S3Store
) -> None:
    plan = put(annas, by=anna, data=b"first")
    first = file_of(plan).blob_id
    put(annas, by=anna, data=b"second")
    version = plan.versions.get()
    browser = as_person(anna)
    fetched = browser.get(f"/drive/versions/{version.pk}/content")
    assert "X-Amz-Signature" in fetched.headers["Location"]
    assert fetched.headers["Cache-Control"] == "no-store"
    assert AuditRecord.objects.filter(kind="drive.version", about_id=plan.pk).count() == 1
    assert browser.post(f"/drive/versions/{version.pk}/").status_code == 302
    assert File.objects.get(pk=plan.file_id or 0).blob_id == first


def test_it_reads_in_russian(as_person: Browser, anna: User, annas: Item) -> None:
    anna.language = "ru"
    anna.save()
    page = text_of(as_person(anna).get("/drive/"))
    for words in ("Мой диск", "Новая папка", "Загрузить", "Доступные мне"):
        assert words in page


def test_what_was_composed_once_shows_each_their_own(
    anna: User, boris: User, cara: User, erik: User, olga: User
) -> None:
    """One after another, by the same query; and what waits in the trash, or lies deeper, is not among it."""
    company = root_of(EVERYONE, by=olga)
    shown = make_folder(company, "For all", by=olga)
    closed = make_folder(company, "Closed", by=olga)
    set_inheritance(closed, False, by=olga)
    make_folder(shown, "Deeper", by=olga)
    throw_away([make_folder(company, "Thrown away", by=olga)], by=olga)
    assert shown.pk in [one.pk for one in usual_page(company, anna).rows]
    for person in (anna, boris, cara, erik, olga):
        seen = Item.objects.visible_to(person).in_folder(company).listed()
        rows = first_page(list_of(company, person), "/", reader=person).rows
        found = [int(pk) for pk in re.findall(r'data-row="(\d+)"', rows)]
        assert found == [one.pk for one in seen], person.login
    mine = root_of(code_of(anna), by=anna)
    secret = make_folder(mine, "Secret", by=anna)
    assert [one.pk for one in usual_page(mine, anna).rows] == [secret.pk]
    assert usual_page(mine, boris).rows == usual_page(mine, erik).rows == []
