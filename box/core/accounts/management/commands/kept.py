"""`manage.py kept find|look|put-back`: one thing of an older state. What is asked comes on standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import translation

from box.core.accounts.models import User
from box.core.registry.capabilities import Keepsake, keepsakes

MOST = 30


class Command(BaseCommand):
    help = "Finds one thing in an older state of the portal, and puts it back. Run by `boxctl backup find`."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("find", "look", "put-back"))

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        asked = json.load(sys.stdin)
        if asked["kind"] not in keepsakes:
            known = ", ".join(key for key, _ in keepsakes.items())
            raise CommandError(f"Nothing of the kind {asked['kind']!r} is put back. There are: {known}.")
        answer = ACTS[what](keepsakes[asked["kind"]], asked)
        self.stdout.write(json.dumps(answer, cls=DjangoJSONEncoder))


def find(keepsake: Keepsake, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """In the older state: what this person may have back, with all that belongs to it."""
    reader = _person(asked["reader"])
    look_for = keepsake.find_own if asked.get("is_own") else keepsake.find
    if look_for is None:
        raise CommandError("Nothing of this kind is anybody's own.")

    def found() -> Iterator[dict[str, Any]]:
        for one in islice(look_for(asked["text"], reader), MOST):
            yield {
                "id": one.id, "title": one.title, "about": one.about, "at": one.at,
                "rows": keepsake.pack(one.id),
            }  # fmt: skip

    with translation.override(reader.language or None):
        return list(found())


def look(keepsake: Keepsake, asked: dict[str, Any]) -> list[str]:
    """In the portal as it is: what became of these."""
    return [
        "gone" if not keepsake.is_there(rows) else "same" if keepsake.is_same(rows) else "changed"
        for rows in asked["things"]
    ]


def put_back(keepsake: Keepsake, asked: dict[str, Any]) -> str:
    """In the portal as it is: where the thing is now."""
    by = _person(asked["reader"])
    try:
        with translation.override(by.language or None), transaction.atomic():
            return keepsake.put_back(asked["rows"], by)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None


def _person(login: str) -> User:
    person: User | None = User.objects.active().filter(login=login).first()
    if person is None:
        raise CommandError(f"{login} does not sign in to this portal.")
    return person


ACTS: dict[str, Callable[[Keepsake, dict[str, Any]], Any]] = {
    "find": find,
    "look": look,
    "put-back": put_back,
}
