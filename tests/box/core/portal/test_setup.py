"""Setting up a new portal: offered once, left and come back to, and never again when it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.models import User
from box.core.notify.mail import HOST
from box.core.portal.setup import PASSED, STEPS, next_step
from box.core.registry.company import NAME
from box.core.registry.settings import store
from tests.box.mailbox import mailbox

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
