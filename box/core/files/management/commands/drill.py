"""`manage.py drill`: lets a drill of the backup into the box that it has brought back to life."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import login
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import HttpRequest
from django.urls import reverse

from box.core.accounts.models import User
from box.core.accounts.sessions import SessionStore, note_entrance
from box.core.files.models import File


class Command(BaseCommand):
    help = "Signs somebody in and names their newest files. Run by `boxctl backup drill`."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--files", type=int, default=20)

    def handle(self, *args: Any, files: int, **options: Any) -> None:
        # Administrators may be bound to a network, and the drill has none.
        person = User.objects.active().order_by("is_administrator", "-pk").first()
        if person is None:
            raise CommandError("Nobody may sign in to this box.")
        found = File.objects.visible_to(person).with_blobs().order_by("-pk")[:files]
        answer = {
            "login": person.login,
            "session": _sign_in(person),
            "sign_in": reverse("accounts:sign-in"),
            "files": [
                {
                    "path": file.get_absolute_url(),
                    "key": file.blob.key,
                    "size": file.size,
                    "sha256": file.blob.sha256,
                }
                for file in found
            ],
        }
        self.stdout.write(json.dumps(answer))


def _sign_in(person: User) -> str:
    """The key of a session as a browser has one."""
    request = HttpRequest()
    request.session = SessionStore()
    login(request, person, backend="box.core.accounts.backends.PasswordBackend")
    note_entrance(request)
    request.session.save()
    return str(request.session.session_key)
