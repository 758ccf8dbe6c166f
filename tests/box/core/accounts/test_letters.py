"""Invitations arrive by letter, once, with a link that lets in."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from box.core.accounts.actions import NewUser, invite, invite_again
from box.core.accounts.invitations import invited_by
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.notify.actions import send_letters
from box.core.notify.models import QueuedLetter
from box.core.registry.settings import store
from tests.box.mailbox import mailbox, text_of
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


def test_an_invitation_is_a_letter_in_the_receivers_language(olga: User) -> None:
    with mailbox() as box:
        store({"mail.host": "127.0.0.1", "mail.port": box.port, "mail.encryption": "none"})
        person = invite(NewUser(email="kira@example.com", language="ru"), by=olga)
        deliver_all()
        assert send_letters(timezone.now()) == 1
        (letter,) = box.letters
        assert letter["To"] == "kira@example.com"
        assert "Приглашение" in letter["Subject"]
        text = text_of(letter)
        assert "Olga Test" in text
        token = re.search(r"/join/([^/]+)/", text)
        assert token is not None
        assert invited_by(token[1]) == person


def test_only_the_newest_invitation_is_written(olga: User) -> None:
    store({"mail.host": "mail.test"})
    person = invite(NewUser(email="kira@example.com"), by=olga)
    invite_again(person, by=olga)
    deliver_all()
    assert QueuedLetter.objects.count() == 1


def signed_in_with(user: User, agent: str) -> Client:
    client = Client(headers={"X-Forwarded-Proto": "https", "User-Agent": agent})
    answer = client.post("/sign-in/", {"login": user.login, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def test_a_sign_in_in_a_new_browser_is_told_by_letter_at_once_even_to_who_is_here(anna: User) -> None:
    with mailbox() as box:
        store({"mail.host": "127.0.0.1", "mail.port": box.port, "mail.encryption": "none"})
        User.objects.filter(pk=anna.pk).update(language="ru")
        usual = signed_in_with(anna, "Firefox Windows")
        deliver_all()
        assert not QueuedLetter.objects.exists()
        foreign = signed_in_with(anna, "Chrome Linux")
        # Whoever it is has read the notification.
        foreign.get("/notifications/")
        deliver_all()
        assert send_letters(timezone.now()) == 1
        (letter,) = box.letters
        assert letter["To"] == anna.email
        assert "новом браузере" in letter["Subject"]
        text = text_of(letter)
        assert "Chrome, Linux" in text
        assert "/profile/security/" in text
        # The usual one is known, and tells nobody again.
        usual.post("/sign-out/")
        usual.post("/sign-in/", {"login": anna.login, "password": PASSWORD})
        deliver_all()
        assert QueuedLetter.objects.count() == 1


def test_such_letters_can_be_switched_off(anna: User) -> None:
    store({"mail.host": "mail.test", "sign_in.alerts": False})
    for agent in ("Firefox Windows", "Chrome Linux"):
        signed_in_with(anna, agent)
    deliver_all()
    assert not QueuedLetter.objects.exists()
