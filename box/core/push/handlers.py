"""What the listeners' service must hear: whose access changed, and who is signed out."""

from __future__ import annotations

from box.core.access.events import AccessChanged
from box.core.accounts.events import SessionsEnded
from box.core.events.outbox import on
from box.core.push.actions import send
from box.core.push.hub import ACCESS_CHANGED, SIGNED_OUT


@on(AccessChanged)
def renew_codes(event: AccessChanged) -> None:
    send("session", ACCESS_CHANGED, audience=[f"U{user_id}" for user_id in event.user_ids])


@on(SessionsEnded)
def sign_out(event: SessionsEnded) -> None:
    payload = {"kept": event.kept} if event.kept else {}
    send("session", SIGNED_OUT, audience=[f"U{event.user_id}"], payload=payload)
