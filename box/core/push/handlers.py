"""What the listeners' service must hear: whose access changed, and who is signed out. And what every open
page hears, whichever room it shows: that the company has another name or logo, or another structure."""

from __future__ import annotations

from box.core.access.events import AccessChanged
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.events import SessionsEnded
from box.core.accounts.models import User
from box.core.events.outbox import on
from box.core.portal.events import SettingsChanged
from box.core.push.actions import send
from box.core.push.hub import ACCESS_CHANGED, SIGNED_OUT
from box.core.registry.company import LOGO, NAME, PORTAL
from box.core.registry.environment import logo_address
from box.core.structure.events import StructureChanged


@on(AccessChanged)
def renew_codes(event: AccessChanged) -> None:
    send("session", ACCESS_CHANGED, audience=[f"U{user_id}" for user_id in event.user_ids])


@on(SessionsEnded)
def sign_out(event: SessionsEnded) -> None:
    payload = {"kept": event.kept} if event.kept else {}
    send("session", SIGNED_OUT, audience=[f"U{event.user_id}"], payload=payload)


@on(SettingsChanged)
def show_brand(event: SettingsChanged) -> None:
    """As both are by now. They are no secret: who is yet to sign in sees them. Guests share no code."""
    if {NAME.key, LOGO.key}.isdisjoint(key for key, *_values in event.changes):
        return
    payload = {"name": NAME.value or PORTAL, "logo": logo_address(LOGO.value)}
    guests = map(code_of, User.objects.active().filter(is_extranet=True))
    send("portal", "brand", audience=[EVERYONE, *guests], payload=payload)


@on(StructureChanged)
def tell_who_looks_at_the_structure(event: StructureChanged) -> None:
    """Not what has changed: that is for the page to ask."""
    send("org", "structure", audience=[EVERYONE], payload={"by": event.by_id})
