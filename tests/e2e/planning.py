"""What people plan besides, without a browser."""

from __future__ import annotations

import re
import secrets
from datetime import date, timedelta

from django.utils import timezone

from tests.e2e.people import Person


def tomorrow() -> date:
    return timezone.localdate() + timedelta(days=1)


def planned(person: Person, title: str, **more: str) -> int:
    """An event of tomorrow at ten in the person's own calendar; its number. `more` are fields of the form."""
    day = tomorrow()
    form = person.hand.get("/calendar/events/new/").data.decode()
    calendar = re.search(r'name="calendar".*?<option value="(\d+)"', form, re.DOTALL)
    assert calendar is not None
    fields = {
        "calendar": calendar[1], "title": title, "zone": "Europe/Moscow",
        "starts_on": f"{day}", "starts": "10:00", "ends_on": f"{day}", "ends": "11:00", **more,
    }  # fmt: skip
    answer = person.hand.post("/calendar/events/new/", nonce=secrets.token_hex(16), **fields)
    assert answer.status == 302, answer.data.decode()
    there = person.hand.get(f"/calendar/items/?start={day}T00:00:00Z&end={day + timedelta(days=1)}T00:00:00Z")
    found = [one for one in there.json() if one["title"] == title]
    assert found, there.data
    return int(found[0]["extendedProps"]["event"])
