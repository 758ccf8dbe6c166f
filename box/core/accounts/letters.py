"""What people are written about their way into the portal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from box.core.accounts import invitations, password_resets
from box.core.accounts.browsers import described
from box.core.accounts.events import BrowserAppeared, PasswordResetAsked, PersonInvited
from box.core.accounts.invitations import INVITATION_DAYS
from box.core.accounts.models import KnownBrowser, User
from box.core.accounts.passwords import has_own_password, keeper_of
from box.core.accounts.policy import ALERTS
from box.core.registry.capabilities import Letter


def new_browser(event: BrowserAppeared) -> Iterable[Letter]:
    """At once, and whoever reads the notifications meanwhile: it may be the one who should not be there."""
    if not ALERTS.value:
        return
    known = KnownBrowser.objects.select_related("user").filter(pk=event.browser_id, user=event.user_id)
    browser = known.first()
    if browser is None or not browser.user.is_active or not browser.user.email:
        return
    called = ", ".join(filter(None, [described(browser.agent), browser.address]))
    yield Letter(
        key=f"new-browser:{browser.pk}",
        to=browser.user.email,
        language=browser.user.language,
        template="accounts/new_browser_letter.html",
        context={"browser": called},
    )


def invitation(event: PersonInvited) -> Iterable[Letter]:
    """With a link to join by; nothing where the person has joined since, or was invited anew."""
    # Events keep milliseconds of a moment, rows microseconds.
    of_then = {"invited_at__gte": event.at, "invited_at__lt": event.at + timedelta(milliseconds=1)}
    person = User.objects.active().filter(pk=event.user_id, **of_then).first()
    if person is None or not person.email or not has_own_password(person):
        return
    inviter = User.objects.filter(pk=event.by_id).first() if event.by_id else None
    yield Letter(
        key=f"invitation:{person.pk}:{event.at.isoformat()}",
        to=person.email,
        language=person.language,
        template="accounts/invitation_letter.html",
        context={
            "token": invitations.token_of(person),
            "inviter": inviter.name if inviter else "",
            "days": INVITATION_DAYS.value,
        },
    )


def password_reset(event: PasswordResetAsked) -> Iterable[Letter]:
    """With a link by which the person chooses another password; or, where none is kept here, with where it is
    changed."""
    person = User.objects.active().filter(pk=event.user_id).first()
    if person is None or not person.email:
        return
    has_own = has_own_password(person)
    yield Letter(
        key=f"password-reset:{person.pk}:{event.at.isoformat()}",
        to=person.email,
        language=person.language,
        template="accounts/reset_letter.html",
        context={
            "token": password_resets.token_of(person) if has_own else "",
            "keeper": "" if has_own else keeper_of(person),
            "login": person.login,
        },
    )
