"""A service that is switched off is told of nowhere. That its pages do not answer, test_permissions shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.notices import COMMENTED
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.notify.actions import notify
from box.core.push.models import PushMessage
from box.core.registry.services import switch_of
from box.core.registry.settings import store

if TYPE_CHECKING:
    from django.test import Client

type Browser = Callable[[User], Client]


@pytest.mark.django_db
def test_without_the_feed_one_begins_elsewhere(as_person: Browser, anna: User, erik: User) -> None:
    assert as_person(anna).get("/").headers["Location"] == "/feed/"
    store({switch_of("feed"): False})
    assert as_person(anna).get("/").headers["Location"] not in ("/", "/feed/")
    assert as_person(erik).get("/").status_code == 302


@pytest.mark.django_db
def test_nothing_is_told_of_it_and_nothing_leads_to_it(as_person: Browser, anna: User, boris: User) -> None:
    post = publish_post(Draft("Spring"), by=anna)
    notify(anna, COMMENTED, about=post.ref, key="comment:1", actor=boris)
    PushMessage.objects.all().delete()
    store({switch_of("feed"): False})
    deliver_all()
    assert not PushMessage.objects.filter(topic="feed").exists()
    assert "Spring" not in as_person(anna).get("/notifications/").content.decode()
    store({switch_of("feed"): True})
    assert "Spring" in as_person(anna).get("/notifications/").content.decode()
