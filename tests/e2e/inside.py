"""The end of `tests.e2e.personnel` inside the box: a line of JSON asks for a person, a line answers."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

import django


def employ(asked: dict[str, Any]) -> dict[str, Any]:
    from django.conf import settings
    from django.db import transaction
    from django.test import Client
    from django.utils import timezone
    from django.utils.crypto import get_random_string

    from box.core.accounts.actions import NewUser, create_user
    from box.core.accounts.models import User
    from box.core.structure.actions import add_member
    from box.core.structure.models import Department

    with transaction.atomic():
        # Added by somebody, as employees are: the portal tells of whom a person adds.
        by = User.objects.filter(is_administrator=True).order_by("id").first()
        person = create_user(NewUser(**asked["new"]), password=None, by=by)
        person.password = hashed(asked["password"])
        person.save(update_fields=["password"])
        if asked["department"]:
            add_member(Department.objects.get(pk=asked["department"]), person, by=by)
        browser = Client()
        browser.force_login(person)
        session, now = browser.session, timezone.now().isoformat()
        session.update({"proven_at": now, "entrance": {"address": None, "agent": "", "at": now}})
        session.save()
    key = browser.cookies[settings.SESSION_COOKIE_NAME].value
    return {"id": person.pk, "session": key, "csrf": get_random_string(32)}


@cache
def hashed(password: str) -> str:
    """At the real cost, once: the first sign-in makes a cheap one anew, which ends all sessions."""
    from django.contrib.auth.hashers import make_password

    return make_password(password)


def main() -> None:
    django.setup()
    from django.db import connections

    for line in sys.stdin:
        sys.stdout.write(json.dumps(employ(json.loads(line))) + "\n")
        sys.stdout.flush()
        # The database may have been killed or restored when the next one is asked for.
        connections.close_all()


if __name__ == "__main__":
    main()
