"""What a device has to sign: bound to the session it was made for, good once and for a few minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from box.core.accounts.models import Session

CHALLENGE = "challenge"
CHALLENGE_FOR = timedelta(minutes=5)


def keep_challenge(request: HttpRequest, state: dict[str, Any], *, purpose: str) -> None:
    """In place of any before it."""
    until = (timezone.now() + CHALLENGE_FOR).isoformat()
    request.session[CHALLENGE] = {**state, "purpose": purpose, "until": until}


@transaction.atomic
def take_challenge(request: HttpRequest, *, purpose: str) -> dict[str, Any] | None:
    """The one that was made for this, which is gone from then on; None: there is none, or it is too old.

    It is read from the row under a lock: of two answers at the same moment one finds it.
    """
    row = Session.objects.select_for_update().filter(pk=request.session.session_key).first()
    found = row.get_decoded().get(CHALLENGE) if row else None
    request.session.pop(CHALLENGE, None)
    if row is None or found is None:
        return None
    request.session.save()
    is_good = found["purpose"] == purpose and found["until"] > timezone.now().isoformat()
    return found if is_good else None
