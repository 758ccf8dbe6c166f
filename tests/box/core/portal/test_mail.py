"""The test letter says in words what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.models import User
from box.core.registry.settings import store
from tests.box.mailbox import mailbox
from tests.cast import left_open

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


def test_a_letter_arrives_at_once_or_the_page_says_why_not(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    page = browser.post("/console/settings/mail/letter/").content.decode()
    assert "Write the mail server&#39;s name first" in page
    assert "The portal sends no letters" in page
    with mailbox() as box:
        store({"mail.host": "127.0.0.1", "mail.port": box.port, "mail.encryption": "none"})
        assert browser.post("/console/settings/mail/letter/").status_code == 302
        assert box.letters[0]["To"] == olga.email
        assert box.letters[0]["Subject"] == "A letter from your portal"
        store({"mail.encryption": "starttls"})
        answer = browser.post("/console/settings/mail/letter/")
        assert answer.status_code == 422
        assert "offers no STARTTLS" in answer.content.decode()


def test_an_open_session_alone_sends_none(as_person: Browser, olga: User) -> None:
    with mailbox() as box:
        store({"mail.host": "127.0.0.1", "mail.port": box.port, "mail.encryption": "none"})
        answer = left_open(as_person(olga)).post("/console/settings/mail/letter/")
        assert answer.headers["Location"].startswith("/profile/proof/")
        assert box.letters == []
