"""What the backup asks of the portal before and after it brings the box back."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.core.accounts.models import Session
from box.core.discussion.actions import add_comment
from box.core.registry.capabilities import after_restore
from box.core.registry.management.commands import restored
from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def said(command: str, *words: str) -> str:
    out = StringIO()
    call_command(command, *words, stdout=out)
    return out.getvalue()


def test_a_room_is_asked_after_all_sessions_have_ended_and_may_fail(
    as_person: Callable[[User], Client], anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Offers[Callable[[], str]] = Offers("a test")

    def dismissed() -> str:
        return f"{Session.objects.count()} sessions were left, 2 people have left"

    def unreachable() -> str:
        raise OSError("nobody answers")

    asked.add("good", dismissed)
    asked.add("bad", unreachable)
    monkeypatch.setattr(restored, "before_opening", asked)
    # The queue of jobs, which another room empties, is not in the database of the tests.
    settling: Offers[Callable[[], int]] = Offers("a test")
    settling.add("accounts", after_restore["accounts"])
    monkeypatch.setattr(restored, "after_restore", settling)
    as_person(anna)
    assert Session.objects.exists()
    lines = said("restored").splitlines()
    assert lines[-2:] == [
        "good: 0 sessions were left, 2 people have left",
        "failed: bad: nobody answers",
    ]


def test_what_a_restore_would_take_away_is_counted(anna: User) -> None:
    post = publish_post(Draft("Before"), by=anna)
    moment = timezone.now()
    add_comment(post.thread, "After", by=anna)
    publish_post(Draft("After"), by=anna)
    counted = dict(json.loads(said("lost", f"--since={moment.isoformat()}")))
    assert counted == {"posts": 1, "comments": 1, "files": 0}
    later = moment + timedelta(days=1)
    assert not any(dict(json.loads(said("lost", f"--since={later.isoformat()}"))).values())
