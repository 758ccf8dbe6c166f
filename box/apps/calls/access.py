"""Who may do what with calls."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from box.apps.calls.models import LoggedCall
from box.apps.calls.permissions import SEE_ALL, leads_anybody
from box.core.access.principals import EVERYONE, codes_of, memberships_of
from box.core.access.rights import has_right
from box.core.accounts.models import User
from box.core.structure.models import Membership

__all__ = ["CALL_OUTSIDE", "LISTEN", "SEE_ALL", "SET_UP", "leads_anybody"]

CALL_OUTSIDE = "calls.call_outside"
LISTEN = "calls.listen"
SET_UP = "calls.set_up"


def works_here(user: User) -> bool:
    """Guests have no telephone."""
    return EVERYONE in codes_of(user)


def can_call_outside(user: User) -> bool:
    return has_right(user, CALL_OUTSIDE)


def can_set_up(user: User) -> bool:
    return has_right(user, SET_UP)


def takes_part(user: User, call: LoggedCall) -> bool:
    return call.participants.filter(user=user).exists()


def may_listen_to_others(user: User) -> bool:
    return has_right(user, LISTEN)


def can_listen(user: User, call: LoggedCall) -> bool:
    """To recordings of a call that they see: their own, or any with the right."""
    return may_listen_to_others(user) or takes_part(user, call)


def can_write(user: User, call: LoggedCall) -> bool:
    """Notes, and that a missed call is done: whoever took part, or looks after it."""
    return takes_part(user, call) or leads_anybody(user)


def can_hold(user: User) -> bool:
    """Recordings that have to stay, for a court or an inquiry."""
    return can_set_up(user)


def people_seen_by(user: User) -> QuerySet[User]:
    """Whose telephones the reader's wallboard shows: as whose calls they see."""
    everybody: QuerySet[User] = User.objects.filter(is_extranet=False)
    if user.is_administrator or has_right(user, SEE_ALL):
        return everybody
    led = [int(code[1:]) for code in memberships_of(user) if code[0] == "H"]
    below = Membership.objects.filter(user=OuterRef("pk"), department__path__overlap=led)
    return everybody.filter(Q(pk=user.pk) | Exists(below)) if led else everybody.filter(pk=user.pk)
