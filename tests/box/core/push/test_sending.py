"""What is told to open pages, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from box.core.portal.actions import change_settings
from box.core.push.actions import send, send_each
from box.core.push.models import PushMessage
from box.core.registry.origin import importing
from box.core.registry.services import switch_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str, list[str], dict[str, object]]]:
    rows = PushMessage.objects.order_by("pk")
    return list(rows.values_list("topic", "kind", "audience", "payload"))


def test_each_audience_is_told_what_is_its_own() -> None:
    send("feed", "posted", audience=["UA", "D3", "UA"], payload={"post": 7})
    send("feed", "read", audience=["U1"])
    send_each("feed", "count", [(["U1"], {"unread": 1}), (["U2"], {"unread": 2})])
    send_each("feed", "count", [])
    assert told() == [
        ("feed", "posted", ["D3", "UA"], {"post": 7}),
        ("feed", "read", ["U1"], {}),
        ("feed", "count", ["U1"], {"unread": 1}),
        ("feed", "count", ["U2"], {"unread": 2}),
    ]


def test_of_what_is_taken_over_no_page_hears(db: None) -> None:
    with importing(at=datetime(2020, 2, 2, tzinfo=UTC)):
        send("feed", "posted", audience=["UA"])
    assert told() == []


def test_of_a_service_that_is_switched_off_no_page_hears(olga: User) -> None:
    change_settings({switch_of("tasks"): False}, by=olga)
    PushMessage.objects.all().delete()
    for topic in ("tasks", "org"):
        send(topic, "changed", audience=["UA"])
    assert [topic for topic, *_rest in told()] == ["org"], "what is no service is always on"
