"""A list as one address: the page, its parts, views, columns, files, and what is done with many rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.core.accounts.actions import suspend_user
from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.lists import actions, bulk
from box.core.lists.models import LONGEST_NAME, LONGEST_QUERY, Preference, SavedView
from box.core.lists.preferences import preferences_of
from box.core.people import lists as people_lists
from box.lib import undo

if TYPE_CHECKING:
    from django.test import Client

    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
HERE = "/employees/"
KEY = people_lists.KEY


def names(page: Any) -> list[str]:
    found = page.content.decode().partition('id="list"')[2].partition("</section>")[0]
    return re.findall(r'<a\s+href="/employees/\d+/">([^<]+)</a>', found)


# Saved views


def test_a_choice_gets_a_name_and_opens_the_list_from_then_on(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    browser = as_person(anna)
    saved = browser.post(f"{HERE}?department={sales.pk}", {"do": "save", "name": " My  sales "})
    assert saved.headers["Location"] == f"{HERE}?department={sales.pk}"
    view = SavedView.objects.get()
    assert (view.user, view.list_key, view.name, view.query) == (
        anna,
        KEY,
        "My sales",
        f"department={sales.pk}",
    )
    assert f'href="{HERE}?department={sales.pk}">' in browser.get(HERE).content.decode()
    browser.post(HERE, {"do": f"open:{view.pk}"})
    assert browser.get(HERE).headers["Location"] == f"{HERE}?department={sales.pk}"
    # Everything is a press away all the same, and others see none of it.
    assert "Test Cara" in names(browser.get(HERE, {"view": "none"}))
    assert f'href="{HERE}?view=none"' in browser.get(HERE, {"q": "nobody"}).content.decode()
    assert "Test Cara" in names(as_person(boris).get(HERE))
    browser.post(HERE, {"do": f"close:{view.pk}"})
    assert browser.get(HERE).status_code == 200


@pytest.mark.parametrize(
    ("query", "name", "problem"),
    [
        ("", "All", "Choose what to show first"),
        ("q=x", " ", "Give the view a name."),
        ("q=x", "n" * 61, "60 characters"),
    ],
)
def test_what_cannot_be_saved_is_said(
    as_person: Browser, anna: User, query: str, name: str, problem: str
) -> None:
    answer = as_person(anna).post(f"{HERE}?{query}", {"do": "save", "name": name})
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not SavedView.objects.exists()


def test_the_same_name_again_means_another_choice(anna: User, boris: User) -> None:
    for query in ("q=a", "q=b"):
        actions.save_view("one", query, "Mine", by=anna)
    actions.save_view("another", "q=c", "Mine", by=anna)
    actions.save_view("one", "q=d", "Mine", by=boris)
    assert list(SavedView.objects.order_by("id").values_list("user", "list_key", "query")) == [
        (anna.pk, "one", "q=b"),
        (anna.pk, "another", "q=c"),
        (boris.pk, "one", "q=d"),
    ]


def test_there_are_so_many_views_of_a_list_and_no_more(anna: User) -> None:
    for number in range(actions.MOST_VIEWS):
        actions.save_view("one", "q=a", f"View {number}", by=anna)
    with pytest.raises(ValidationError, match="delete one of them"):
        actions.save_view("one", "q=a", "One more", by=anna)
    actions.save_view("one", "q=b", "View 0", by=anna)
    actions.save_view("another", "q=a", "One more", by=anna)


def test_what_is_as_long_as_it_may_be_is_kept(anna: User) -> None:
    view = actions.save_view("one", "q" * LONGEST_QUERY, "n" * LONGEST_NAME, by=anna)
    with pytest.raises(ValidationError, match="choose less"):
        actions.save_view("one", "q" * (LONGEST_QUERY + 1), "Long", by=anna)
    actions.rename_view(view, "m" * LONGEST_NAME, by=anna)
    # It is called so itself, which hinders nothing.
    actions.rename_view(view, "m" * LONGEST_NAME, by=anna)
    actions.choose_columns("one", ["name"] * actions.MOST_COLUMNS, by=anna)
    with pytest.raises(ValidationError, match="fewer columns"):
        actions.choose_columns("one", ["name"] * (actions.MOST_COLUMNS + 1), by=anna)


def test_a_new_view_stands_behind_the_others_and_none_goes_beyond_the_end(anna: User, boris: User) -> None:
    first, second, third = (actions.save_view("one", "q=a", name, by=anna) for name in "abc")
    actions.move_view(first, 9, by=anna)
    actions.save_view("one", "q=a", "d", by=anna)
    assert [view.name for view in preferences_of(anna, "one").views] == ["b", "c", "a", "d"]
    actions.move_view(third, -9, by=anna)
    # Nobody orders what is another's.
    actions.move_view(second, 9, by=boris)
    assert [view.name for view in preferences_of(anna, "one").views] == ["c", "b", "a", "d"]


def test_a_list_opens_with_what_is_shared_no_more_for_its_owner_alone(
    olga: User, anna: User, boris: User
) -> None:
    view, other = (actions.save_view("one", "q=a", name, by=olga) for name in "ab")
    for one in (view, other):
        actions.share_view(one, is_shared=True, by=olga)
    for person, opened in ((olga, view), (anna, view), (boris, other)):
        actions.open_with("one", opened, by=person)
    actions.share_view(view, is_shared=False, by=olga)
    opened_by = dict(Preference.objects.values_list("user", "view"))
    assert opened_by == {olga.pk: view.pk, anna.pk: None, boris.pk: other.pk}
    # To share what is shared already changes nothing.
    actions.share_view(other, is_shared=True, by=olga)
    assert Preference.objects.get(user=boris).view == other
    assert set(SavedView.objects.of(anna, "one")) == {other}


def test_who_may_share_shares_no_view_that_another_keeps_for_themselves(olga: User, anna: User) -> None:
    view = actions.save_view("one", "q=a", "hers", by=anna)
    with pytest.raises(PermissionDenied, match="somebody else's"):
        actions.share_view(view, is_shared=True, by=olga)
    view.refresh_from_db()
    assert not view.is_shared


def test_views_are_put_in_order_renamed_and_deleted(as_person: Browser, anna: User) -> None:
    first, second, third = (actions.save_view(KEY, f"q={name}", name, by=anna) for name in "abc")

    def order() -> str:
        return "".join(view.name for view in preferences_of(anna, KEY).views)

    browser = as_person(anna)
    browser.post(HERE, {"do": f"up:{third.pk}"})
    assert order() == "acb"
    browser.post(HERE, {"do": f"down:{first.pk}"})
    assert order() == "cab"
    browser.post(HERE, {"do": f"up:{third.pk}"})
    assert order() == "cab"
    browser.post(HERE, {"do": f"rename:{first.pk}", f"name-{first.pk}": "z"})
    assert order() == "czb"
    again = browser.post(HERE, {"do": f"rename:{second.pk}", f"name-{second.pk}": "z"})
    assert (again.status_code, order()) == (422, "czb")
    browser.post(HERE, {"do": f"delete:{first.pk}"})
    assert order() == "cb"


def test_nobody_touches_what_is_anothers(as_person: Browser, anna: User, boris: User) -> None:
    view = actions.save_view(KEY, "q=a", "hers", by=anna)
    for verb in ("rename", "up", "down", "delete", "open", "share"):
        assert (
            as_person(boris).post(HERE, {"do": f"{verb}:{view.pk}", f"name-{view.pk}": "x"}).status_code
            == 404
        )
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("hers", False)


def test_who_may_share_shares_a_view_with_everybody(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    view = actions.save_view(KEY, "q=a", "for all", by=olga)
    assert "for all" not in as_person(anna).get(HERE).content.decode()
    as_person(olga).post(HERE, {"do": f"share:{view.pk}"})
    assert "for all" in as_person(anna).get(HERE).content.decode()
    # She may open the list with it, and change nothing of it.
    as_person(anna).post(HERE, {"do": f"open:{view.pk}"})
    for verb in ("rename", "delete", "unshare"):
        assert (
            as_person(anna).post(HERE, {"do": f"{verb}:{view.pk}", f"name-{view.pk}": "x"}).status_code == 403
        )
    own = actions.save_view(KEY, "q=b", "own", by=anna)
    assert as_person(anna).post(HERE, {"do": f"share:{own.pk}"}).status_code == 403
    as_person(olga).post(HERE, {"do": f"unshare:{view.pk}"})
    assert "for all" not in as_person(anna).get(HERE).content.decode()
    assert Preference.objects.get(user=anna).view is None


def test_what_is_shared_is_shared_with_whoever_works_here(olga: User, anna: User, erik: User) -> None:
    """Outside guests open lists too, and a view's name tells what the company looks for."""
    view = actions.save_view("groups", "q=layoffs", "Layoffs", by=olga)
    actions.share_view(view, is_shared=True, by=olga)
    own = actions.save_view("groups", "q=a", "Mine", by=erik)
    Preference.objects.create(user=erik, list_key="groups", view=view)
    assert [one.name for one in preferences_of(anna, "groups").views] == ["Layoffs"]
    kept = preferences_of(erik, "groups")
    assert ([one.name for one in kept.views], kept.opens_with) == (["Mine"], None)
    assert list(SavedView.objects.of(erik, "groups")) == [own]
    assert set(SavedView.objects.of(anna, "groups")) == {view}


# Columns


def test_columns_are_a_persons_choice_and_in_their_order(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)

    def heads(of: User = anna) -> list[str]:
        page = as_person(of).get(HERE).content.decode()
        head = page.partition("<thead>")[2].partition("</thead>")[0]
        return [re.sub("<[^>]+>", "", one).strip() for one in re.findall("<th.*?</th>", head, re.DOTALL)]

    assert heads() == ["Employee", "Department", "E-mail", "Phone"]
    browser.post(HERE, {"do": "columns", "column": ["phone", "name", "nothing", "login", "phone"]})
    # `login` is in files only: it is no column to be shown.
    assert heads() == ["Phone", "Employee"]
    assert heads(boris) == ["Employee", "Department", "E-mail", "Phone"]
    browser.post(HERE, {"do": "columns"})
    assert heads() == ["Employee", "Department", "E-mail", "Phone"]


def test_a_list_is_sorted_by_a_column_and_back(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    assert names(browser.get(HERE)) == ["Test Anna", "Test Boris"]
    page = browser.get(HERE, {"sort": "-name"})
    assert names(page) == ["Test Boris", "Test Anna"]
    assert 'aria-sort="descending"' in page.content.decode()
    # An order that there is not is the list's own.
    assert names(browser.get(HERE, {"sort": "password"})) == ["Test Anna", "Test Boris"]


# Parts


def test_a_part_says_the_address_without_what_chooses_nothing(as_person: Browser, anna: User) -> None:
    answer = as_person(anna).get(HERE, {"q": "ann", "department": "", "new": ""}, headers=HTMX)
    assert answer.headers["HX-Replace-Url"] == f"{HERE}?q=ann"
    page = answer.content.decode()
    assert 'id="list"' in page
    assert 'id="list-tools" hx-swap-oob="true"' in page
    assert "<!doctype" not in page


def test_a_broken_cursor_is_a_bad_request(as_person: Browser, anna: User) -> None:
    assert as_person(anna).get(HERE, {"after": "nonsense"}).status_code == 400


def test_parts_and_pages_cost_a_constant_number_of_queries(as_person: Browser, anna: User) -> None:
    for number in range(3):
        actions.save_view(KEY, f"q={number}", f"View {number}", by=anna)
    User.objects.bulk_create(User(login=f"p{n}", first_name=f"N{n:03}") for n in range(120))
    browser = as_person(anna)
    # The whole page: parts show no menu, and so find nothing out about it.
    page = browser.get(HERE).content.decode()
    after = page.partition("after=")[2].partition('"')[0]
    for data, headers in (({}, {}), ({}, HTMX), ({"after": after}, HTMX), ({"q": "n"}, HTMX)):
        with CaptureQueriesContext(connection) as queries:
            browser.get(HERE, data, headers=headers)
        # The session, the person, what they keep of the list, the rows.
        assert len(queries) <= 4, "\n".join(one["sql"] for one in queries)


def test_what_an_object_is_picked_from(as_person: Browser, anna: User, boris: User, erik: User) -> None:
    def offered(by: User, text: str, kind: str = "org.person") -> list[str]:
        address = f"/lists/options/{kind}/"
        found = as_person(by).get(address, {"text": text, "name": "head", "letter": "U"}, headers=HTMX)
        return re.findall(r'name="head" value="U(\d+)"', found.content.decode())

    assert offered(anna, "bor") == [str(boris.pk)]
    assert set(offered(anna, "")) >= {str(anna.pk), str(boris.pk)}
    assert offered(erik, "bor") == []
    assert offered(erik, "", "org.department") == []
    assert offered(anna, "Sales", "org.department") != []
    assert as_person(anna).get("/lists/options/feed.post/").status_code == 404


# Files


def test_a_file_has_all_that_is_chosen_and_is_told_of(
    as_person: Browser, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.core.lists.export.PORTION", 7)
    User.objects.bulk_create(User(login=f"p{n}", first_name=f"N{n:03}", last_name="Bulk") for n in range(20))
    answer: Any = as_person(olga).get(HERE, {"q": "bulk", "as": "csv"})
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == [f"N{n:03}" for n in range(20)]
    told = AuditRecord.objects.get(kind="lists.exported")
    assert (told.by_id, told.details["rows"], told.details["filter"]) == (olga.pk, 20, "q=bulk")


def test_a_file_costs_no_query_a_row(as_person: Browser, olga: User) -> None:
    def cost(count: int) -> int:
        User.objects.bulk_create(User(login=f"c{count}-{n}") for n in range(count))
        with CaptureQueriesContext(connection) as queries:
            answer: Any = as_person(olga).get(HERE, {"as": "csv"})
            b"".join(answer.streaming_content)
        return len(queries)

    # The first asks for what is remembered from then on.
    cost(1)
    assert cost(5) == cost(100)


def test_no_file_of_what_could_not_be_read_or_is_too_much(
    as_person: Browser, olga: User, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert as_person(olga).get(HERE, {"as": "csv", "nothing": "1"}).status_code == 422
    monkeypatch.setattr("box.core.lists.export.MOST_ROWS", {"csv": 1, "xlsx": 2})
    assert as_person(olga).get(HERE, {"as": "csv"}).status_code == 422
    assert as_person(olga).get(HERE, {"as": "xlsx"}).status_code == 200
    assert as_person(anna).get(HERE, {"as": "xlsx"}).status_code == 403
    assert AuditRecord.objects.filter(kind="lists.exported").count() == 1


# With many


def status_of(*people: User) -> list[str]:
    return [User.objects.get(pk=one.pk).status for one in people]


def note_in(page: Any) -> str:
    content: str = page.content.decode()
    return content.partition('name="note" value="')[2].partition('"')[0]


def test_what_is_done_with_many_says_of_each_what_came_of_it(
    as_person: Browser, olga: User, anna: User, boris: User, cara: User
) -> None:
    hanna = User.objects.create(login="hanna", first_name="Hanna", is_administrator=True)
    rows = [anna.pk, boris.pk, olga.pk]
    answer = as_person(olga).post(HERE, {"do": "bulk:suspend", "row": rows}, headers=HTMX)
    page = answer.content.decode()
    assert "2 people are suspended" in page
    assert "It could not be done with:" in page
    assert "Olga Test:" in page
    assert status_of(anna, boris, cara, olga, hanna) == [
        "suspended",
        "suspended",
        "active",
        "active",
        "active",
    ]


def test_what_was_done_with_many_is_undone_but_for_what_was_changed_since(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    browser = as_person(olga)
    suspend_user(boris, by=olga)
    first = browser.post(HERE, {"do": "bulk:return", "row": [anna.pk, boris.pk]})
    note = note_in(first)
    assert status_of(anna, boris) == ["active", "active"]
    suspend_user(User.objects.get(pk=anna.pk), by=olga)
    page = browser.post(HERE, {"do": "undo:return", "note": note})
    assert "It was changed since." in page.content.decode()
    assert status_of(anna, boris) == ["suspended", "suspended"]


def test_all_that_match_are_taken_up_to_a_bound_that_is_said(
    as_person: Browser, olga: User, anna: User, boris: User, cara: User, sales: Department,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    browser = as_person(olga)
    monkeypatch.setattr(bulk, "MOST_ROWS", 1)
    page = browser.post(f"{HERE}?department={sales.pk}", {"do": "bulk:suspend", "all": "1"})
    assert "more match" in page.content.decode()
    assert status_of(anna, boris, cara) == ["suspended", "active", "active"]
    monkeypatch.setattr(bulk, "MOST_ROWS", 2)
    page = browser.post(f"{HERE}?department={sales.pk}", {"do": "bulk:suspend", "all": "1"})
    assert "more match" not in page.content.decode()
    assert status_of(anna, boris, cara) == ["suspended", "suspended", "active"]


def test_nothing_is_done_where_nothing_was_chosen_or_understood(
    as_person: Browser, olga: User, anna: User
) -> None:
    browser = as_person(olga)
    for query, data in (
        ("", {}),
        ("", {"row": "x"}),
        ("?nothing=1", {"all": "1"}),
        ("?nothing=1", {"row": anna.pk}),
    ):
        assert browser.post(f"{HERE}{query}", {"do": "bulk:suspend", **data}).status_code == 422
    assert browser.post(HERE, {"do": "dance"}).status_code == 400
    assert browser.post(HERE, {}).status_code == 400
    assert browser.post(HERE, {"do": "bulk:erase", "row": anna.pk}).status_code == 403
    assert status_of(anna) == ["active"]


def test_nobody_acts_on_rows_that_are_not_in_their_list(as_person: Browser, olga: User, erik: User) -> None:
    as_person(olga).post(HERE, {"do": "bulk:suspend", "row": erik.pk})
    assert status_of(erik) == ["active"]


def test_who_may_not_has_neither_the_action_nor_its_undo(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    page = as_person(olga).post(HERE, {"do": "bulk:suspend", "row": boris.pk})
    note = note_in(page)
    assert "bulk:" not in as_person(anna).get(HERE).content.decode()
    assert as_person(anna).post(HERE, {"do": "bulk:suspend", "row": boris.pk}).status_code == 403
    assert as_person(anna).post(HERE, {"do": "undo:suspend", "note": note}).status_code == 403
    hanna = User.objects.create(login="hanna", is_administrator=True)
    other = as_person(hanna).post(HERE, {"do": "undo:suspend", "note": note})
    assert "Somebody else did this." in other.content.decode()
    assert status_of(boris) == ["suspended"]
    as_person(olga).post(HERE, {"do": "undo:suspend", "note": note})
    assert status_of(boris) == ["active"]


def test_a_note_is_read_for_its_time_and_its_kind_only(anna: User) -> None:
    note = undo.note("one.thing", by_id=anna.pk, rows={"1": 2})
    assert undo.read(note, "one.thing", by_id=anna.pk)["rows"] == {"1": 2}
    for kind, seconds in (("another.thing", 30), ("one.thing", -1)):
        with pytest.raises(ValidationError, match="too late"):
            undo.read(note, kind, by_id=anna.pk, seconds=seconds)


def test_what_cannot_be_undone_refuses_a_note(olga: User) -> None:
    plain = bulk_without_state()
    with pytest.raises(PermissionDenied):
        bulk.undo_bulk(plain, User.objects.all(), "x", list_key="x", by=olga)
    outcome = bulk.run_bulk(plain, User.objects.filter(pk=olga.pk), list_key="x", by=olga)
    assert (outcome.said, outcome.undo) == ("1 done", "")


def bulk_without_state() -> Any:
    from box.core.lists.definition import Bulk

    return Bulk(key="x", label="X", act=lambda row, *, by: None, done=lambda count: f"{count} done")
