from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from box.core.access.actions import create_role, grant_role
from box.core.access.models import Role
from box.core.access.rights import has_right
from box.core.events.delivery import deliver_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_agent(tmp_path: Path, settings: Any) -> None:
    settings.AGENT_SOCKET = tmp_path / "agent.sock"


def test_a_role_is_made_once_however_often_it_is_sent(
    as_person: Browser, olga: User, anna: User, sales: Department
) -> None:
    sent = {
        "name": "Watchers", "rights": ["console.see"], "audience": [sales.code_with_below],
        "nonce": str(uuid4()),
    }  # fmt: skip
    browser = as_person(olga)
    for _ in range(2):
        assert browser.post("/console/roles/new/", sent).headers["Location"] == "/console/roles/"
    assert Role.objects.get().name == "Watchers"
    assert has_right(anna, "console.see")
    page = browser.get("/console/roles/").content.decode()
    assert "Watchers" in page
    assert "Sales" in page


def test_holders_and_rights_are_changed(as_person: Browser, olga: User, anna: User, boris: User) -> None:
    role = create_role("Watchers", ["console.see"], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    sent = {"name": "Restarters", "rights": ["console.restart"], "audience": [f"U{boris.pk}"]}
    assert as_person(olga).post(f"/console/roles/{role.pk}/", sent).status_code == 302
    assert not has_right(anna, "console.see")
    assert has_right(boris, "console.restart")
    role.refresh_from_db()
    assert role.name == "Restarters"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "required"),
        ({"audience": ["U999999"]}, "unknown here"),
        ({"rights": ["no.such"]}, "no.such"),
    ],
)
def test_a_bad_change_is_refused_and_nothing_is_changed(
    as_person: Browser, olga: User, anna: User, change: dict[str, Any], said: str
) -> None:
    role = create_role("Watchers", ["console.see"], by=olga)
    sent = {"name": "Others", "rights": [], "audience": [f"U{anna.pk}"], **change}
    answer = as_person(olga).post(f"/console/roles/{role.pk}/", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    role.refresh_from_db()
    assert role.name == "Watchers"
    assert not role.grants.exists()


def test_administrators_are_chosen_among_single_people(
    as_person: Browser, olga: User, anna: User, sales: Department
) -> None:
    browser, address = as_person(olga), "/console/roles/administrators/"
    assert browser.post(address, {"audience": [sales.code]}).status_code == 422
    assert "only administrator" in browser.post(address, {"x": ""}).content.decode()
    assert browser.post(address, {"audience": [f"U{olga.pk}", f"U{anna.pk}"]}).status_code == 302
    anna.refresh_from_db()
    assert anna.is_administrator


def test_everybodys_rights_are_taken_and_posting_to_all_is_refused(
    as_person: Browser, olga: User, anna: User
) -> None:
    assert as_person(olga).post("/console/roles/employees/", {"x": ""}).status_code == 302
    sent = {"text": "Hello", "audience": "UA", "nonce": str(uuid4())}
    answer = as_person(anna).post("/feed/", sent)
    assert answer.status_code == 422
    assert "may not write to all employees" in answer.content.decode()
    assert as_person(olga).post("/feed/", sent).status_code == 302


def test_who_may_see_the_console_may_not_restart(as_person: Browser, olga: User, anna: User) -> None:
    grant_role(create_role("Watchers", ["console.see"], by=olga), f"U{anna.pk}", by=olga)
    browser = as_person(anna)
    assert browser.get("/console/").status_code == 200
    assert browser.post("/console/services/web/restart/").status_code == 404
    assert browser.get("/console/roles/").status_code == 404


def test_the_built_in_roles_cannot_be_deleted(as_person: Browser, olga: User) -> None:
    for name in ("administrators", "employees"):
        assert as_person(olga).delete(f"/console/roles/{name}/").status_code == 403


def test_the_report_finds_the_person_and_tells_through_what(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    grant_role(create_role("Watchers", ["console.see"], by=olga), f"U{anna.pk}", by=olga)
    deliver_all()
    browser = as_person(olga)
    assert "anna@example.com" in browser.get("/console/roles/report/?q=test").content.decode()
    page = browser.get("/console/roles/report/?q=anna").content.decode()
    assert "Watchers" in page
    assert "Olga Test" in page
    page = browser.get(f"/console/roles/report/?person={anna.pk}&on=2020-01-01").content.decode()
    assert "was not written down" in page
    assert "Watchers" not in page


def test_the_list_of_roles_costs_the_same_for_many(
    as_person: Browser, olga: User, anna: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(20):
        role = create_role(f"Role {number}", [], by=olga)
        grant_role(role, f"U{anna.pk}", by=olga)
    browser = as_person(olga)
    browser.get("/console/roles/")
    with django_assert_max_num_queries(8):
        browser.get("/console/roles/")
