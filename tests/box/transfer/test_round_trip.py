"""Box to archive to box: what comes is what went, but for what is named here, each with its reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, QueuedLetter
from box.core.push.models import PushMessage
from box.transfer.models import Migration
from tests.box.transfer.archived import Canonical, archive, company, lines_of, moved_in, undone
from tests.cast import person

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store

pytestmark = pytest.mark.django_db

DIFFERENCES = {
    "absences": {},
    "people": {
        "photo": "drawn anew of the picture, in this box's size",
        "departments": "whoever was dismissed belongs nowhere",
    },
    "groups": {"members": "whoever was dismissed is in no group"},
    "tasks": {"started_at": "time is written down by the day: the hour is that of its morning"},
    "events": {"created_at": "an event is made when it comes", "attendees": "nobody asks whoever has left"},
}
"""By kind the fields that may differ, with why."""


def test_a_company_comes_back_as_it_was(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(olga)
        went = archive()
    migration = moved_in(went.getvalue(), olga)
    assert migration.state == Migration.State.DONE
    assert [str(one) for one in migration.remarks.all()] == []
    came = archive()
    before, after = Canonical(went).dump(), Canonical(came).dump()
    assert before.keys() == after.keys()
    for kind in before:
        allowed = set(DIFFERENCES.get(kind, {}))
        assert _without(before[kind], allowed) == _without(after[kind], allowed), kind
        assert len(before[kind]) >= 1


def _without(lines: list[str], fields: set[str]) -> list[object]:
    def cut(value: object) -> object:
        if isinstance(value, dict):
            return {name: cut(one) for name, one in value.items() if name not in fields}
        return [cut(one) for one in value] if isinstance(value, list) else value

    return sorted((cut(json.loads(line)) for line in lines), key=lambda one: json.dumps(one, sort_keys=True))


def test_nobody_is_told_of_anything_that_comes(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(olga)
        went = archive()
    moved_in(went.getvalue(), olga)
    deliver_all()
    assert not Notification.objects.exclude(kind__startswith="transfer.").exists()
    assert not QueuedLetter.objects.exists()
    others = [f"U{one.pk}" for one in User.objects.exclude(pk=olga.pk)]
    assert not PushMessage.objects.filter(audience__overlap=others).exists()


def test_nobody_comes_with_a_password_or_as_an_administrator(store: S3Store) -> None:
    olga = person("Olga", is_administrator=True)
    with undone():
        company(person("Root", is_administrator=True))
        went = archive()
    moved_in(went.getvalue(), olga)
    root = User.objects.get(login="root@example.com")
    assert not root.is_administrator
    assert not root.has_usable_password()
    assert "password" not in lines_of(went)["people"][0]
