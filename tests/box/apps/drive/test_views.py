"""The pages: what they show, what they cost, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.drive.actions.sharing import set_inheritance, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import make_folder, root_of
from box.apps.drive.models import PAGE, Item, OutsideLink, Share
from box.apps.drive.presenters import page_of
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.files.models import File
from box.core.groups.actions import NewGroup, archive_group, create_group
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


@pytest.mark.parametrize("query", ["", "?sort=newest", "?q=f"])
def test_a_folder_costs_the_same_for_many_as_for_one(
    as_person: Browser, anna: User, boris: User, company: Item, query: str
) -> None:
    browser = as_person(anna)
    fill(company, 1, anna)
    browser.get(address(company))
    with CaptureQueriesContext(connection) as for_one:
        browser.get(address(company, query))
    fill(company, 30, boris)
    with CaptureQueriesContext(connection) as for_many:
        page = text_of(browser.get(address(company, query)))
    assert page.count('name="items"') == 62
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


@pytest.mark.parametrize("order", ["", "sort=newest&"])
def test_a_long_folder_is_read_page_by_page(
    as_person: Browser, anna: User, company: Item, order: str
) -> None:
    made = fill(company, PAGE // 2 + 10, anna)
    browser = as_person(anna)
    first = text_of(browser.get(address(company, f"?{order}"), headers=HTMX))
    seen = Item.objects.in_folder(company)
    last = list(seen.newest_first() if order else seen.listed())[PAGE - 1]
    assert f"after={last.pk}" in first
    second = text_of(browser.get(address(company, f"?{order}after={last.pk}"), headers=HTMX))
    shown = {item.pk: (f'value="{item.pk}"' in first, f'value="{item.pk}"' in second) for item in made}
    assert set(shown.values()) == {(True, False), (False, True)}
    assert sum(both == (False, True) for both in shown.values()) == 20


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
    assert "Nothing here is called that" in text_of(as_person(boris).get(address(forms, "?q=zyx")))


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


def test_more_than_a_hundred_things_are_not_taken_by_half(
    as_person: Browser, anna: User, annas: Item
) -> None:
    items = [item.pk for item in fill(annas, 51, anna)]
    refused = as_person(anna).post("/drive/selection/trash/", {"items": items})
    assert refused.status_code == 403
    assert "at most 100" in text_of(refused)
    assert Item.objects.in_folder(annas).count() == 102


def test_somebody_elses_upload_is_refused(as_person: Browser, anna: User, boris: User, annas: Item) -> None:
    for files in ([uploaded(boris).pk], [], [999999], ["x"]):
        sent = {"files": files, "nonce": str(uuid4())}
        refused = as_person(anna).post(address(annas, "files/"), sent)
        assert refused.status_code == 409
    assert not Item.objects.in_folder(annas).exists()


def test_several_things_are_moved(as_person: Browser, anna: User, annas: Item, company: Item) -> None:
    one, two = put(annas, "one", by=anna), make_folder(annas, "two", by=anna)
    query = f"items={one.pk}&items={two.pk}&in={company.pk}"
    assert as_person(anna).get(f"/drive/selection/place/?{query}").status_code == 200
    sent = {"items": [one.pk, two.pk], "to": company.pk}
    answer = as_person(anna).post("/drive/selection/place/", sent)
    assert answer.headers["Location"] == address(annas)
    assert {item.name for item in Item.objects.in_folder(company)} == {"one", "two"}


def test_what_cannot_be_moved_stays(
    as_person: Browser, anna: User, boris: User, annas: Item, company: Item
) -> None:
    one, two = put(annas, "one", by=anna), put(annas, "two", by=anna)
    put(company, "two", by=boris)
    browser = as_person(anna)
    taken = browser.post("/drive/selection/place/", {"items": [one.pk, two.pk], "to": company.pk})
    assert taken.status_code == 409
    assert "in this folder already" in text_of(taken)
    assert Item.objects.in_folder(annas).count() == 2
    for sent in (
        {"items": [one.pk, 999999], "to": company.pk},
        {"items": [], "to": company.pk},
        {"items": [one.pk], "to": two.pk},
        {"items": [one.pk]},
        {"items": [one.pk], "to": root_of(code_of(boris), by=boris).pk},
    ):
        assert browser.post("/drive/selection/place/", sent).status_code == 404
    group = create_group(NewGroup("Reading"), by=anna)
    shelf = root_of(group.code, by=anna)
    archive_group(group, by=anna)
    fresh = as_person(User.objects.get(pk=anna.pk))
    assert fresh.post("/drive/selection/place/", {"items": [one.pk], "to": shelf.pk}).status_code == 403


def test_several_things_are_thrown_away_and_undone(as_person: Browser, anna: User, annas: Item) -> None:
    items = [put(annas, "one", by=anna), make_folder(annas, "two", by=anna)]
    ids = [item.pk for item in items]
    browser = as_person(anna)
    answer = browser.post("/drive/selection/trash/", {"items": ids}, headers=HTMX)
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert toast["value"] == "2 things are in the trash."
    assert toast["action"]["values"] == {"items": ids}
    assert "two" in text_of(browser.get(address(annas, "trash/")))
    assert browser.post("/drive/selection/trash/", {"items": ids}).status_code == 404
    undone = browser.post(toast["action"]["url"], {"items": ids}, headers=HTMX)
    assert undone.status_code == 204
    assert Item.objects.in_folder(annas).count() == 2
    assert browser.post(toast["action"]["url"], {"items": ids}).status_code == 404


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
        ("/drive/selection/trash/", {"items": [plan.pk]}),
        ("/drive/selection/place/", {"items": [plan.pk], "to": letters.pk}),
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
    plain = {"q": None, "sort": None, "after": None}
    assert shown.pk in [one.pk for one in page_of(company, anna, **plain)]
    for person in (anna, boris, cara, erik, olga):
        seen = Item.objects.visible_to(person).in_folder(company).listed()
        assert [one.pk for one in page_of(company, person, **plain)] == [one.pk for one in seen], person.login
    mine = root_of(code_of(anna), by=anna)
    secret = make_folder(mine, "Secret", by=anna)
    assert [one.pk for one in page_of(mine, anna, **plain)] == [secret.pk]
    assert page_of(mine, boris, **plain) == page_of(mine, erik, **plain) == []
