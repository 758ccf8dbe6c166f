"""Setting up a new portal: offered once, left and come back to, and never again when it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from box.core.access.actions import create_role, grant_role
from box.core.accounts.access import EDIT_PEOPLE
from box.core.accounts.actions import NewUser, invite
from box.core.accounts.models import User
from box.core.notify.mail import HOST
from box.core.portal.setup import PASSED, STEPS, next_step
from box.core.registry.company import NAME
from box.core.registry.settings import store
from tests.box.mailbox import mailbox
from tests.cast import left_open

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

COMPANY = {
    "company.name": "Romashka",
    "company.language": "ru",
    "company.time_zone": "Europe/Moscow",
    "company.phone_region": "RU",
    "company.invitation_days": "7",
}


def test_it_is_offered_to_an_administrator_once(as_person: Browser, olga: User, anna: User) -> None:
    assert as_person(anna).get("/").headers["Location"] == "/feed/"
    browser = as_person(olga)
    assert browser.get("/").headers["Location"] == "/console/setup/"
    assert browser.get("/").headers["Location"] == "/feed/"
    assert b"The setup of the portal is not finished" in browser.get("/console/settings/company/").content


def test_a_step_saves_and_leads_to_the_next(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    assert browser.get("/console/setup/").headers["Location"] == "/console/setup/company/"
    assert browser.post("/console/setup/company/", {**COMPANY, "company.language": "xx"}).status_code == 422
    assert (NAME.value, next_step()) == ("", "company")
    assert browser.post("/console/setup/company/", COMPANY).headers["Location"] == "/console/setup/"
    assert (NAME.value, next_step()) == ("Romashka", "logo")


def test_every_step_may_be_skipped_and_then_it_is_done(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    for step in STEPS:
        assert browser.get("/console/setup/").headers["Location"] == f"/console/setup/{step}/"
        assert browser.get(f"/console/setup/{step}/").status_code == 200
        browser.post(f"/console/setup/{step}/", {"skip": "yes"})
    assert sorted(PASSED.value) == sorted(STEPS)
    assert b"The portal is set up" in browser.get("/console/setup/").content
    assert browser.get("/").headers["Location"] == "/feed/"
    assert b"is not finished" not in browser.get("/console/settings/company/").content


def test_mail_is_tried_out_and_stays_until_it_works(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    with mailbox() as box:
        sent = {"mail.host": "127.0.0.1", "mail.port": box.port, "mail.encryption": "starttls"}
        answer = browser.post("/console/setup/mail/", sent)
        assert answer.status_code == 422
        assert "offers no STARTTLS" in answer.content.decode()
        assert (HOST.value, PASSED.value) == ("127.0.0.1", [])
        assert browser.post("/console/setup/mail/", {**sent, "mail.encryption": "none"}).status_code == 302
        assert box.letters[0]["To"] == olga.email


def test_colleagues_are_invited_once(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    refused = browser.post("/console/setup/people/", {"emails": "kira@example.com\nnonsense"})
    assert refused.status_code == 422
    assert "nonsense is no e-mail address" in refused.content.decode()
    assert not User.objects.filter(email="kira@example.com").exists()
    for _again in range(2):
        page = browser.post(
            "/console/setup/people/", {"emails": "kira@example.com, leo@example.com"}
        ).content.decode()
        assert page.count("/join/") == 2, "no letter brings them"
    invited = User.objects.filter(email__in=["kira@example.com", "leo@example.com"])
    assert invited.exclude(invited_at=None).count() == 2


def test_a_portal_that_was_set_up_is_offered_nothing(as_person: Browser, olga: User) -> None:
    store({PASSED.key: list(STEPS)})
    assert as_person(olga).get("/").headers["Location"] == "/feed/"


def who_chooses(anna: User, *rights: str, by: User) -> User:
    """She may change the settings, and has these rights besides."""
    grant_role(create_role("Office", ["console.settings", *rights], by=by), f"U{anna.pk}", by=by)
    anna.refresh_from_db()
    return anna


def test_who_only_chooses_for_all_invites_nobody_and_is_led_past_that_step(
    as_person: Browser, anna: User, olga: User
) -> None:
    browser = as_person(who_chooses(anna, by=olga))
    chief = invite(NewUser(email="chief@example.com", is_administrator=True), by=olga)
    before = chief.invited_at
    answer = browser.post("/console/setup/people/", {"emails": "chief@example.com kira@example.com"})
    assert answer.status_code == 404
    assert browser.get("/console/setup/people/").status_code == 404
    chief.refresh_from_db()
    assert chief.invited_at == before
    assert not User.objects.filter(email="kira@example.com").exists()
    assert "/console/setup/people/" not in browser.get("/console/setup/company/").content.decode()
    store({PASSED.key: [step for step in STEPS if step != "people"]})
    assert b"The portal is set up" in browser.get("/console/setup/").content
    assert as_person(olga).get("/console/setup/").headers["Location"] == "/console/setup/people/"


@pytest.mark.parametrize("is_administrator", [True, False])
def test_the_link_of_who_has_more_is_shown_to_administrators_alone(
    as_person: Browser, anna: User, olga: User, is_administrator: bool
) -> None:
    browser = as_person(who_chooses(anna, EDIT_PEOPLE, by=olga))
    chief = invite(NewUser(email="chief@example.com", is_administrator=is_administrator), by=olga)
    if not is_administrator:
        grant_role(create_role("Watchers", ["console.see"], by=olga), f"U{chief.pk}", by=olga)
    before = chief.invited_at
    sent = {"emails": "kira@example.com chief@example.com"}
    answer = browser.post("/console/setup/people/", sent)
    assert answer.status_code == 403
    assert "/join/" not in answer.content.decode()
    chief.refresh_from_db()
    assert chief.invited_at == before, "nobody was invited again"
    assert not User.objects.filter(email="kira@example.com").exists()
    assert as_person(olga).post("/console/setup/people/", sent).content.decode().count("/join/") == 2


def test_who_has_joined_is_no_reason_to_invite_nobody(as_person: Browser, anna: User, olga: User) -> None:
    browser = as_person(who_chooses(anna, EDIT_PEOPLE, by=olga))
    page = browser.post("/console/setup/people/", {"emails": f"kira@example.com {olga.email}"})
    assert page.content.decode().count("/join/") == 1


def test_an_open_session_alone_sets_up_neither_mail_nor_people(as_person: Browser, olga: User) -> None:
    browser = left_open(as_person(olga))
    for step in ("mail", "people"):
        page = browser.get(f"/console/setup/{step}/")
        assert page.headers["Location"] == f"/profile/proof/?next=%2Fconsole%2Fsetup%2F{step}%2F"
    sent = {"mail.host": "evil.example", "mail.port": "25", "mail.encryption": "none"}
    browser.post("/console/setup/mail/", sent)
    browser.post("/console/setup/people/", {"emails": "kira@example.com"})
    assert (HOST.value, PASSED.value) == ("", [])
    assert not User.objects.filter(email="kira@example.com").exists()
    assert browser.post("/console/setup/company/", COMPANY).headers["Location"] == "/console/setup/"
