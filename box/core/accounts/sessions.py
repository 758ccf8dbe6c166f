"""The session engine: Django's database sessions, each with its person in a column."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.utils import timezone

from box.core.accounts.models import Session

ENTRANCE = "entrance"
"""From where and when the person came in; kept in the data, for the row is written anew with each change."""


def note_entrance(request: HttpRequest) -> None:
    """Remembers from where the person signs in. The address is the balancer's word."""
    request.session[ENTRANCE] = {
        "address": _address(request.META.get("REMOTE_ADDR", "")),
        "agent": request.headers.get("User-Agent", "")[:300],
        "at": timezone.now().isoformat(),
    }


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None  # a Unix socket without a balancer in front, in a test


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        if entrance := data.get(ENTRANCE):
            row.address, row.agent = entrance["address"], entrance["agent"]
            row.started_at = datetime.fromisoformat(entrance["at"])
        return row
