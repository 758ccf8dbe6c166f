from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.core.accounts.actions import NewUser, invite
from box.core.accounts.models import NEW_FOR, User
from box.core.lists.definition import PAGE
from box.core.people.forms import new_password
from box.core.people.lists import people_list
from box.core.structure.actions import add_member, create_department, rename_department
from box.core.structure.models import Department, Membership
from tests.cast import PASSWORD, left_open

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 3
MOST_OF_A_PROFILE = 8


def employee(**fields: str) -> dict[str, str]:
    return {
        "last_name": "Ёлкина",
        "first_name": "Дарья",
        "email": "Daria@example.com",
        "language": "ru",
        "password": "nine-lives-cat",
        "nonce": str(uuid4()),
        **fields,
    }


def people(count: int) -> None:
    User.objects.bulk_create(
        User(login=f"p{number}", first_name=f"Name{number:03}", last_name="Bulk", position="Engineer")
        for number in range(count)
    )


def test_colleagues_are_found_as_one_types(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    rows = as_person(anna).get("/employees/", {"q": "bor test"}, headers=HTMX).content.decode()
    assert "Test Boris" in rows
    assert "Test Cara" not in rows
    assert "<!doctype" not in rows
    assert "Test Boris" not in as_person(anna).get("/employees/", {"q": "%"}, headers=HTMX).content.decode()


def test_the_list_is_narrowed_to_a_department_with_all_below_it(
    as_person: Browser, anna: User, cara: User, sales: Department
) -> None:
    assert sales.parent is not None
    rows = as_person(anna).get("/employees/", {"department": sales.parent.pk}, headers=HTMX).content.decode()
    assert "Test Anna" in rows
    assert "Test Cara" not in rows


def test_the_whole_company_is_listed_page_by_page_each_once(as_person: Browser, anna: User) -> None:
    people(2 * PAGE)
    browser, seen, after = as_person(anna), 0, ""
    while True:
        page = browser.get("/employees/", {"after": after}, headers=HTMX).content.decode()
        seen += page.count("data-row=")
        if "after=" not in page:
            break
        after = page.split("after=")[1].split('"')[0]
    assert seen == 2 * PAGE + 1


@pytest.mark.parametrize("name", ["anna", "olga"])
def test_the_first_page_is_what_the_long_way_finds(
    name: str, anna: User, boris: User, cara: User, erik: User, olga: User, sales: Department
) -> None:
    people(PAGE)
    boris.status = User.Status.DISMISSED
    boris.save(update_fields=["status"])
    listed = people_list({"anna": anna, "olga": olga}[name])
    assert listed.usual is not None
    usual, wanted = listed.usual(), listed.keyset(listed.order).page(listed.read(listed.rows), size=PAGE)
    assert [one.pk for one in usual.rows] == [one.pk for one in wanted.rows]
    assert [one.places for one in usual.rows] == [one.places for one in wanted.rows]  # type: ignore[attr-defined]
    assert usual.next == wanted.next != ""
    assert not {boris.pk, erik.pk} & {one.pk for one in usual.rows}


def test_who_is_new_is_known_at_each_moment(
    as_person: Browser, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = as_person(anna)
    assert b"Test Boris" in browser.get("/employees/?new=yes", headers=HTMX).content
    User.objects.filter(pk=boris.pk).update(joined_at=timezone.now() - NEW_FOR - timedelta(minutes=1))
    assert b"Test Boris" not in browser.get("/employees/?new=yes", headers=HTMX).content
    monkeypatch.setattr("box.core.people.lists.NEW_FOR", NEW_FOR + timedelta(minutes=5))
    assert b"Test Boris" in browser.get("/employees/?new=yes", headers=HTMX).content


def test_the_number_of_queries_does_not_grow_with_the_company(
    as_person: Browser, anna: User, sales: Department
) -> None:
    people(PAGE)
    Membership.objects.bulk_create(
        Membership(department=sales, user=user) for user in User.objects.filter(login__startswith="p")
    )
    browser = as_person(anna)
    for path, most in {
        "/employees/": MOST_QUERIES,
        "/employees/?q=anna": MOST_QUERIES,
        f"/employees/{anna.pk}/": MOST_OF_A_PROFILE,
    }.items():
        browser.get(path)
        with CaptureQueriesContext(connection) as queries:
            browser.get(path)
        assert len(queries) <= most, "\n".join(query["sql"] for query in queries)


def test_the_list_names_the_departments_of_each(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department, olga: User
) -> None:
    browser = as_person(boris)
    works = create_department("Works", parent=sales.parent, by=olga)
    add_member(works, anna, by=olga)

    def cells() -> dict[str, str]:
        page = browser.get("/employees/", headers=HTMX).content.decode()
        rows = re.findall(
            r'data-row="(\d+)".*?(?:data-label="Department">(.*?)|class="list-nothing">)</td>',
            page,
            re.DOTALL,
        )
        return {User.objects.get(pk=pk).first_name: said for pk, said in rows}

    assert cells() == {"Anna": "Sales, Works", "Boris": "Sales", "Cara": "", "Olga": ""}
    rename_department(works, "Work & Co", by=olga)
    assert cells()["Anna"] == "Sales, Work &amp; Co"


def test_a_guest_sees_nobody_but_themselves(as_person: Browser, erik: User, anna: User) -> None:
    browser = as_person(erik)
    assert browser.get("/employees/").status_code == 404
    assert browser.get(f"/employees/{anna.pk}/").status_code == 404
    assert browser.get(f"/employees/{erik.pk}/").status_code == 200


def test_an_administrator_adds_an_employee_once(as_person: Browser, olga: User, sales: Department) -> None:
    sent = employee(department=str(sales.pk))
    for _ in range(2):
        answer = as_person(olga).post("/employees/new/", sent)
        daria = User.objects.get(email="daria@example.com")
        assert answer.headers["Location"] == f"/employees/{daria.pk}/"
    assert daria.check_password("nine-lives-cat")
    assert daria.memberships.get().department == sales


def test_an_open_session_alone_makes_no_administrator(as_person: Browser, olga: User) -> None:
    browser, sent = as_person(olga), employee(is_administrator="on")
    page = {"Referer": "https://testserver/employees/new/"}
    answer = left_open(browser).post("/employees/new/", sent, headers=page)
    assert answer.headers["Location"] == "/profile/proof/?next=%2Femployees%2Fnew%2F"
    assert not User.objects.filter(email="daria@example.com").exists()
    browser.post("/profile/proof/", {"password": PASSWORD})
    assert browser.post("/employees/new/", sent).status_code == 302
    assert User.objects.get(email="daria@example.com").is_administrator
    # Whoever has no rights is added by whoever is signed in.
    left_open(browser).post("/employees/new/", employee(email="fedor@example.com"))
    assert User.objects.filter(email="fedor@example.com").exists()


def test_nor_does_it_read_a_link_to_join_by(as_person: Browser, olga: User) -> None:
    chief = invite(NewUser(email="chief@example.com", is_administrator=True), by=olga)
    for method in ("get", "post"):
        answer = getattr(left_open(as_person(olga)), method)(f"/employees/{chief.pk}/invitation/")
        assert answer.headers["Location"].startswith("/profile/proof/")


def test_nobody_else_adds_employees(as_person: Browser, anna: User) -> None:
    assert as_person(anna).get("/employees/new/").status_code == 403
    assert as_person(anna).post("/employees/new/", employee()).status_code == 403
    assert not User.objects.filter(email="daria@example.com").exists()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "anna@example.com"}, "Somebody has this e-mail already."),
        ({"email": "not an address"}, "valid email address"),
        ({"login": "a b"}, "Write a login without spaces and slashes."),
        ({"password": "short"}, "too short"),
        ({"last_name": ""}, "required"),
        ({"department": "999"}, "not one of the available choices"),
        ({"nonce": ""}, "This form is incomplete"),
    ],
)
def test_an_employee_who_cannot_be_is_refused_with_a_word(
    as_person: Browser, olga: User, anna: User, fields: dict[str, str], problem: str
) -> None:
    answer = as_person(olga).post("/employees/new/", employee(**fields))
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert User.objects.count() == 2


def test_an_administrator_suspends_dismisses_and_lets_return(
    as_person: Browser, olga: User, anna: User
) -> None:
    browser = as_person(olga)
    for method, noun, status in (
        (browser.post, "suspension", "suspended"),
        (browser.delete, "suspension", "active"),
        (browser.post, "dismissal", "dismissed"),
        (browser.delete, "dismissal", "active"),
    ):
        answer = method(f"/employees/{anna.pk}/{noun}/", headers=HTMX)
        assert answer.status_code == 200
        assert "toast" in answer.headers["HX-Trigger"]
        anna.refresh_from_db()
        assert anna.status == status


def test_the_dismissed_are_not_listed_but_stay_known(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    as_person(olga).post(f"/employees/{anna.pk}/dismissal/")
    assert b"Test Anna" not in as_person(boris).get("/employees/").content
    assert b"Test Anna" in as_person(olga).get("/employees/?status=dismissed").content
    assert as_person(boris).get(f"/employees/{anna.pk}/").status_code == 200


def test_nobody_else_dismisses_anybody(as_person: Browser, anna: User, boris: User) -> None:
    for noun in ("suspension", "dismissal"):
        assert as_person(anna).post(f"/employees/{boris.pk}/{noun}/").status_code == 403
    boris.refresh_from_db()
    assert boris.is_active


def test_the_only_administrator_stays(as_person: Browser, olga: User) -> None:
    answer = as_person(olga).post(f"/employees/{olga.pk}/dismissal/", headers=HTMX)
    assert answer.status_code == 422
    assert b"This is the only administrator" in answer.content
    olga.refresh_from_db()
    assert olga.is_active


def test_first_passwords_differ_and_are_long_enough() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert {len(password) for password in made} == {17}
