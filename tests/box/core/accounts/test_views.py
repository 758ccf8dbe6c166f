from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from box.core.accounts import actions
from box.core.accounts.actions import update_profile
from box.core.accounts.models import Profile, Session, User
from box.core.accounts.throttle import MOST_OF_LOGIN
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

NEW_PASSWORD = "another horse altogether"


def signed_in(login: str, password: str, **more: str) -> Any:
    client = Client(headers={"X-Forwarded-Proto": "https"})
    return client.post("/sign-in/", {"login": login, "password": password, **more})


def test_one_signs_in_and_goes_on_to_where_one_was_going(anna: User) -> None:
    assert signed_in("Anna@example.com", PASSWORD, next="/employees/").headers["Location"] == "/employees/"


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil", "feed", "9999", "a b"],
)
def test_signing_in_leads_only_into_the_portal(anna: User, onward: str) -> None:
    assert signed_in("anna@example.com", PASSWORD, next=onward).headers["Location"] == "/"


@pytest.mark.parametrize(("login", "password"), [("anna@example.com", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_password_and_an_unknown_login_look_the_same(anna: User, login: str, password: str) -> None:
    answer = signed_in(login, password)
    assert answer.status_code == 422
    assert b"The login or the password is wrong" in answer.content
    assert not Session.objects.exists()


@pytest.mark.parametrize("change", [actions.suspend_user, actions.dismiss_user])
def test_who_is_not_active_cannot_sign_in(anna: User, change: Callable[..., None]) -> None:
    change(anna, by=None)
    assert signed_in("anna@example.com", PASSWORD).status_code == 422


def test_who_was_dismissed_is_signed_out_at_the_next_action(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    assert browser.get("/feed/").status_code == 200
    actions.dismiss_user(anna, by=None)
    assert browser.get("/feed/").headers["Location"] == "/sign-in/?next=/feed/"


def test_an_open_page_whose_session_ended_goes_to_sign_in_as_a_whole(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://portal.example/feed/7/?a=1"}
    answer = client.get("/feed/news/?after=1", headers=headers, follow=True)
    assert answer.headers["HX-Redirect"] == "/sign-in/?next=%2Ffeed%2F7%2F%3Fa%3D1"


def test_one_signs_out(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    assert browser.post("/sign-out/").headers["Location"] == "/sign-in/?form=1"
    assert browser.get("/feed/").status_code == 302


def test_another_site_cannot_sign_one_out(anna: User) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"X-Forwarded-Proto": "https"})
    browser.force_login(anna)
    assert browser.post("/sign-out/").status_code == 403
    assert browser.get("/feed/").status_code == 200


def test_the_sign_in_page_speaks_the_browsers_language(client: Client) -> None:
    answer = client.get("/sign-in/", headers={"Accept-Language": "ru"})
    assert "Логин или эл. почта" in answer.content.decode()


def test_a_page_loads_nothing_inline_and_nothing_from_elsewhere(as_person: Browser, anna: User) -> None:
    answer = as_person(anna).get("/feed/")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert page.count("<script") == page.count("<script src=")
    assert "://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_one_changes_the_password_and_stays_signed_in_here_alone(as_person: Browser, anna: User) -> None:
    here, elsewhere = as_person(anna), as_person(anna)
    answer = here.post("/profile/password/", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert answer.headers["Location"] == f"/employees/{anna.pk}/"
    assert here.get("/feed/").status_code == 200
    assert elsewhere.get("/feed/").status_code == 302
    assert signed_in("anna@example.com", NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "problem"),
    [("wrong", NEW_PASSWORD, "This is not your password"), (PASSWORD, "short", "too short")],
)
def test_a_password_is_not_changed_without_the_old_one_or_to_a_weak_one(
    as_person: Browser, anna: User, current: str, new: str, problem: str
) -> None:
    browser = as_person(anna)
    answer = browser.post("/profile/password/", {"current": current, "new": new})
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)


def test_nobody_guesses_the_password_at_an_open_session_for_long(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    for _ in range(MOST_OF_LOGIN):
        browser.post("/profile/password/", {"current": "wrong", "new": NEW_PASSWORD})
    answer = browser.post("/profile/password/", {"current": PASSWORD, "new": NEW_PASSWORD})
    assert answer.status_code == 422
    assert "Too many attempts" in answer.content.decode()
    anna.refresh_from_db()
    assert anna.check_password(PASSWORD)


def profile(**fields: str) -> dict[str, str]:
    return {"first_name": "Anna", "last_name": "Test", "time_zone": "Asia/Novosibirsk", **fields}


def test_one_edits_ones_own_profile(as_person: Browser, anna: User) -> None:
    answer = as_person(anna).post(f"/employees/{anna.pk}/details/", profile(position="Head of sales"))
    assert answer.status_code == 302
    anna.refresh_from_db()
    assert (anna.position, anna.time_zone) == ("Head of sales", "Asia/Novosibirsk")


def test_nobody_edits_the_profile_of_a_colleague_but_administrators(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    address = f"/employees/{anna.pk}/details/"
    assert as_person(boris).post(address, profile(last_name="Changed")).status_code == 403
    anna.refresh_from_db()
    assert anna.last_name == "Test"
    assert as_person(olga).post(address, profile(last_name="Changed")).status_code == 302


def test_a_form_takes_no_fields_that_it_does_not_show(as_person: Browser, anna: User) -> None:
    kept = ["login", "email", "password", "status", "is_administrator", "is_extranet", "joined_at"]
    before = User.objects.values(*kept).get(pk=anna.pk)
    more = {
        "login": "olga", "email": "olga@example.com", "password": "x", "status": "dismissed", "photo": "1",
        "photo_id": "1", "is_administrator": "on", "is_extranet": "on", "joined_at": "2001-01-01",
    }  # fmt: skip
    answer = as_person(anna).post(f"/employees/{anna.pk}/details/", profile(position="Head", id="1", **more))
    assert answer.status_code == 302
    anna.refresh_from_db()
    assert anna.position == "Head"
    assert User.objects.values(*kept).get(pk=anna.pk) == before


@pytest.mark.parametrize("fields", [{"time_zone": "Mars/Olympus"}, {"birthday_on": "yesterday"}])
def test_a_profile_that_makes_no_sense_is_refused(
    as_person: Browser, anna: User, fields: dict[str, str]
) -> None:
    answer = as_person(anna).post(f"/employees/{anna.pk}/details/", profile(**fields, position="x"))
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    anna.refresh_from_db()
    assert anna.position == ""


def test_language_and_theme_are_the_persons_and_stay_with_the_browser(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    answer = browser.post(
        "/preferences/",
        {"language": "ru", "theme": "dark"},
        headers={"Referer": "https://testserver:80/feed/?a=1"},
    )
    assert answer.headers["Location"] == "https://testserver:80/feed/?a=1"
    page = browser.get("/feed/").content.decode()
    assert '<html lang="ru" data-theme="dark">' in page
    browser.post("/sign-out/")
    assert '<html lang="ru" data-theme="dark">' in browser.get("/sign-in/").content.decode()


def test_preferences_that_there_are_not_change_nothing(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    answer = browser.post(
        "/preferences/", {"language": "tlh", "theme": "neon"}, headers={"Referer": "https://evil.example//x"}
    )
    assert answer.headers["Location"] == "/"
    assert not answer.cookies
    anna.refresh_from_db()
    assert (anna.language, anna.theme) == ("", "auto")


def test_pages_that_are_not_there_or_not_allowed_say_what_to_do(
    as_person: Browser, client: Client, anna: User
) -> None:
    answer = as_person(anna).get("/no-such-page/")
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content
    assert b"menu-list" in answer.content
    assert b"menu-list" not in client.get("/no-such-page/").content


def test_what_a_source_owns_is_locked_with_its_name(as_person: Browser, anna: User) -> None:
    Profile.objects.create(user=anna, owners={"position": "Active Directory"})
    browser = as_person(anna)
    page = browser.get(f"/employees/{anna.pk}/details/").content.decode()
    assert "Kept in Active Directory" in page
    sent = {"first_name": "Anna", "last_name": "Test", "position": "Queen"}
    browser.post(f"/employees/{anna.pk}/details/", sent)
    anna.refresh_from_db()
    assert anna.position == ""
    with pytest.raises(ValidationError, match="Active Directory decides this"):
        update_profile(anna, {"position": "Queen"}, by=anna)
