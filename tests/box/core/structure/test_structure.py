from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.core.accounts.actions import dismiss_user, update_profile
from box.core.accounts.bulk import change_people
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.portal.actions import change_settings
from box.core.push.models import PushMessage
from box.core.registry.company import NAME
from box.core.structure import actions, undo
from box.core.structure.bulk import place_all
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 8


@pytest.fixture
def works(sales: Department) -> Department:
    return actions.create_department("Works", parent=sales.parent, by=None)


@pytest.fixture
def west(sales: Department, anna: User) -> Department:
    return actions.create_department("West", parent=sales, by=None)


def note_in(answer: Any) -> str:
    action = json.loads(answer.headers["HX-Trigger"])["toast"]["action"]
    return str(action["values"]["note"])


def parent_of(department: Department) -> int | None:
    department.refresh_from_db()
    return department.parent_id


def test_everybody_of_the_company_sees_the_structure(
    as_person: Browser, cara: User, anna: User, sales: Department, olga: User
) -> None:
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    page = as_person(cara).get("/structure/").content.decode()
    assert "Sales" in page
    assert "Anna Test" in page
    assert "1 person" in page
    assert 'href="/structure/?edit"' not in page
    assert 'href="/structure/?edit"' in as_person(olga).get("/structure/").content.decode()
    nodes = as_person(cara).get("/structure/chart/").json()["nodes"]
    assert [(node["name"], node["parentId"], node["count"]) for node in nodes] == [
        ("Company", None, 0),
        ("Sales", sales.parent_id, 1),
    ]


def test_what_is_remembered_of_the_structure_is_never_old(
    as_person: Browser, cara: User, anna: User, sales: Department, olga: User
) -> None:
    browser = as_person(cara)
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    assert "Anna Test" in browser.get("/structure/").content.decode()
    actions.rename_department(sales, "Trade", by=olga)
    page = browser.get("/structure/").content.decode()
    assert "Trade" in page
    assert "Sales" not in page
    update_profile(anna, {"last_name": "Married"}, by=anna)
    deliver_all()
    assert "Anna Married" in browser.get("/structure/").content.decode()
    dismiss_user(anna, by=olga)
    deliver_all()
    page = browser.get("/structure/").content.decode()
    assert "Anna" not in page
    assert "1 person" not in page


def test_whoever_looks_at_the_structure_hears_of_every_change(
    olga: User, anna: User, sales: Department, works: Department, west: Department
) -> None:
    """That it is another one, and who made it so: what it is, the page asks."""

    def told(change: Callable[[], object]) -> list[dict[str, Any]]:
        PushMessage.objects.all().delete()
        change()
        deliver_all()
        heard = PushMessage.objects.filter(topic="org", kind="structure")
        assert all(one.audience == ["UA"] for one in heard)
        return [one.payload for one in heard]

    deliver_all()
    by_olga, by_anna, by_itself = [{"by": olga.pk}], [{"by": anna.pk}], [{"by": None}]
    assert told(lambda: actions.rename_department(west, "East", by=olga)) == by_olga
    assert told(lambda: actions.rename_department(west, "East", by=olga)) == []
    assert told(lambda: actions.move_department(west, works, by=olga)) == by_olga
    assert told(lambda: actions.add_member(west, anna, role=Membership.Role.DEPUTY, by=olga)) == by_olga
    assert told(lambda: actions.move_member(anna, west, works, by=olga)) == by_olga
    assert told(lambda: actions.merge_departments(west, works, by=olga)) == by_olga
    assert told(lambda: place_all({anna.pk: {sales.pk: Membership.Role.HEAD}})) == by_itself
    assert told(lambda: update_profile(anna, {"last_name": "Married"}, by=anna)) == by_anna
    assert told(lambda: update_profile(anna, {"phone": "1"}, by=anna)) == []
    assert told(lambda: dismiss_user(anna, by=olga)) == by_olga


def test_a_page_asks_whether_it_still_shows_what_is(
    as_person: Browser, cara: User, sales: Department, olga: User
) -> None:
    browser = as_person(cara)

    def shown() -> str:
        """As the list says it; the chart says the same."""
        (mark,) = re.findall('data-mark="([0-9a-f]+)"', browser.get("/structure/").content.decode())
        assert browser.get("/structure/chart/").json()["mark"] == mark
        return str(mark)

    first = shown()
    assert browser.get("/structure/chart/", {"shown": first}).status_code == 204
    actions.rename_department(sales, "Trade", by=olga)
    assert [node["name"] for node in browser.get("/structure/chart/", {"shown": first}).json()["nodes"]] == [
        "Company", "Trade",
    ]  # fmt: skip
    # What was taken back is no news, and neither is another setting of the portal.
    actions.rename_department(sales, "Sales", by=olga)
    change_settings({NAME.key: "Romashka"}, by=olga)
    assert shown() == first
    # One person came and another went: as many as before, and not the same.
    actions.add_member(sales, cara, by=olga)
    with_cara = shown()
    assert with_cara != first
    actions.place(cara, {}, by=olga)
    actions.add_member(sales, olga, by=olga)
    assert shown() not in {first, with_cara}


def test_what_comes_in_bulk_is_seen_as_soon(
    as_person: Browser, cara: User, anna: User, sales: Department
) -> None:
    browser = as_person(cara)
    assert "1 person" in browser.get("/structure/").content.decode()
    place_all({anna.pk: {sales.pk: Membership.Role.HEAD}, cara.pk: {sales.pk: Membership.Role.MEMBER}})
    page = browser.get("/structure/").content.decode()
    assert "Anna Test" in page
    assert "2 people" in page
    change_people({anna.pk: {"last_name": "Renamed"}})
    deliver_all()
    assert "Anna Renamed" in browser.get("/structure/").content.decode()


def test_a_large_structure_costs_no_more_queries(as_person: Browser, anna: User, sales: Department) -> None:
    browser = as_person(anna)

    def queries(path: str) -> int:
        # What a worker remembers after the first request, settings and roles, is not what this is about.
        browser.get(path)
        with CaptureQueriesContext(connection) as captured:
            browser.get(path)
        return len(captured)

    paths = ("/structure/", "/structure/chart/", f"/structure/departments/{sales.pk}/")
    before = [queries(path) for path in paths]
    for number in range(30):
        one = actions.create_department(f"D{number}", parent=sales, by=None)
        Membership.objects.create(
            department=one, user=User.objects.create(login=f"p{number}"), role=Membership.Role.HEAD
        )
        Membership.objects.create(department=sales, user=User.objects.create(login=f"q{number}"))
    assert [queries(path) for path in paths] == before
    assert max(before) <= MOST_QUERIES


def test_before_a_move_one_hears_whose_access_changes(
    as_person: Browser, olga: User, anna: User, west: Department, works: Department, cara: User
) -> None:
    actions.add_member(west, cara, by=olga)
    from box.apps.feed.actions import Draft, publish_post

    publish_post(Draft(html="<p>x</p>", audience=(works.code_with_below,)), by=anna)
    said = as_person(olga).get(f"/structure/departments/{west.pk}/place/", {"under": works.pk}, headers=HTMX)
    text = " ".join(said.content.decode().split())
    assert "This changes what 1 person sees." in text
    assert "They gain: Works (1 post)" in text
    assert "They lose: Sales" in text
    assert parent_of(west) != works.pk


def test_a_move_is_undone(as_person: Browser, olga: User, west: Department, works: Department) -> None:
    was = west.parent_id
    browser = as_person(olga)
    path = f"/structure/departments/{west.pk}/place/"
    answer = browser.post(path, {"under": works.pk}, headers=HTMX)
    assert answer.status_code == 204
    assert "structure-changed" in answer.headers["HX-Trigger"]
    assert parent_of(west) == works.pk
    assert browser.post("/structure/undo/", {"note": note_in(answer)}, headers=HTMX).status_code == 204
    assert parent_of(west) == was


def test_what_was_changed_since_is_not_undone(
    as_person: Browser, olga: User, west: Department, works: Department
) -> None:
    browser = as_person(olga)
    answer = browser.post(f"/structure/departments/{west.pk}/place/", {"under": works.pk}, headers=HTMX)
    assert west.parent is not None
    assert west.parent.parent is not None
    actions.move_department(west, west.parent.parent, by=olga)
    refused = browser.post("/structure/undo/", {"note": note_in(answer)}, headers=HTMX)
    assert refused.status_code == 409
    assert "It was changed since" in refused.content.decode()


def test_undo_is_for_who_did_it_and_for_a_moment(
    as_person: Browser, olga: User, person: Callable[..., User], west: Department, works: Department,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other = person("Oscar", is_administrator=True)
    note = note_in(
        as_person(olga).post(f"/structure/departments/{west.pk}/place/", {"under": works.pk}, headers=HTMX)
    )
    assert as_person(other).post("/structure/undo/", {"note": note}, headers=HTMX).status_code == 409
    monkeypatch.setattr(undo, "SECONDS", -1)
    late = as_person(olga).post("/structure/undo/", {"note": note}, headers=HTMX)
    assert "too late" in late.content.decode()
    assert parent_of(west) == works.pk
    assert (
        as_person(olga).post("/structure/undo/", {"note": signing.dumps({"kind": "name"})}).status_code == 409
    )


def test_a_cycle_is_refused_with_a_word(
    as_person: Browser, olga: User, sales: Department, west: Department
) -> None:
    answer = as_person(olga).post(
        f"/structure/departments/{sales.pk}/place/", {"under": west.pk}, headers=HTMX
    )
    assert answer.status_code == 422
    assert "not one of the available choices" in answer.content.decode()


def test_a_person_is_dragged_to_another_department_and_back(
    as_person: Browser, olga: User, anna: User, sales: Department, works: Department
) -> None:
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    browser = as_person(olga)
    path = f"/structure/memberships/{sales.memberships.get(user=anna).pk}/transfer/"
    assert "They gain: Works" in browser.get(path, {"to": works.pk}, headers=HTMX).content.decode()
    answer = browser.post(path, {"to": works.pk}, headers=HTMX)
    assert actions.roles_of(anna) == {works.pk: "member"}
    browser.post("/structure/undo/", {"note": note_in(answer)}, headers=HTMX)
    assert actions.roles_of(anna) == {sales.pk: "head"}


def test_a_head_who_was_replaced_comes_back(
    as_person: Browser, olga: User, anna: User, boris: User, sales: Department
) -> None:
    actions.add_member(sales, anna, role=Membership.Role.HEAD, by=olga)
    browser = as_person(olga)
    path = f"/structure/memberships/{sales.memberships.get(user=boris).pk}/"
    answer = browser.post(path, {"role": "head"}, headers=HTMX)
    assert actions.roles_of(anna) == {sales.pk: "member"}
    assert browser.post("/structure/undo/", {"note": note_in(answer)}, headers=HTMX).status_code == 204
    assert actions.roles_of(anna) == {sales.pk: "head"}
    assert actions.roles_of(boris) == {sales.pk: "member"}


def test_somebody_is_added_by_name(as_person: Browser, olga: User, cara: User, sales: Department) -> None:
    browser = as_person(olga)
    path = f"/structure/departments/{sales.pk}/members/"
    answer = browser.post(path, {"person": "test", "role": "member"}, headers=HTMX)
    assert "Several are called that" in answer.content.decode()
    assert browser.post(path, {"person": "Cara", "role": "deputy"}, headers=HTMX).status_code == 204
    assert actions.roles_of(cara) == {sales.pk: "deputy"}


def test_a_department_is_added_once(as_person: Browser, olga: User, sales: Department) -> None:
    sent = {"name": "<script>East</script>", "parent": str(sales.pk), "nonce": str(uuid4())}
    for _ in range(2):
        assert as_person(olga).post("/structure/departments/", sent, headers=HTMX).status_code == 204
    assert Department.objects.filter(parent=sales).count() == 1
    for path in ("/structure/", "/structure/?edit"):
        assert "<script>East" not in as_person(olga).get(path).content.decode()
    orphan: dict[str, Any] = {**sent, "parent": "", "nonce": str(uuid4())}
    assert as_person(olga).post("/structure/departments/", orphan, headers=HTMX).status_code == 422


def test_nobody_else_changes_the_structure(
    as_person: Browser, anna: User, sales: Department, works: Department
) -> None:
    browser = as_person(anna)
    browser.post(f"/structure/departments/{sales.pk}/name/", {"name": "Mine"})
    browser.post(f"/structure/departments/{sales.pk}/place/", {"under": works.pk})
    browser.delete(f"/structure/departments/{works.pk}/")
    sales.refresh_from_db()
    assert (sales.name, sales.parent_id) == ("Sales", works.parent_id)
    assert Department.objects.filter(pk=works.pk).exists()
