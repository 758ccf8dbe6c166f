"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from box.core.groups.actions import NewGroup, NewGuest, create_group, invite_guest, invite_people, join_group
from tests.box.visits import SIGN_IN, Cast, Visit, signed_in

EVERY_EMPLOYEE = (200, 200, 200, 200, 404, SIGN_IN)
MEMBERS = (200, 200, 200, 404, 404, SIGN_IN)


def leading(status: int) -> tuple[int | str, ...]:
    """For the owner and administrators; others know of the group, a guest doesn't."""
    return (status, status, 403, 403, 404, SIGN_IN)


VISITS = (
    Visit("GET", "groups:list", signed_in(200)),
    Visit("POST", "groups:list", signed_in(400)),
    Visit("GET", "groups:new", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "groups:new", (422, 422, 422, 422, 403, SIGN_IN), data={"name": ""}),
    Visit("GET", "groups:group", EVERY_EMPLOYEE, of="open group"),
    Visit("GET", "groups:group", MEMBERS, of="secret group"),
    Visit("DELETE", "groups:group", leading(302), of="open group"),
    Visit("DELETE", "groups:group", (302, 302, 403, 404, 404, SIGN_IN), of="secret group"),
    Visit("POST", "groups:membership", (302, 302, 302, 302, 404, SIGN_IN), of="open group"),
    Visit("POST", "groups:membership", (302, 302, 302, 404, 404, SIGN_IN), of="secret group"),
    Visit("DELETE", "groups:membership", (302, 403, 302, 302, 404, SIGN_IN), of="open group"),
    Visit("GET", "groups:members", EVERY_EMPLOYEE, of="open group"),
    Visit("GET", "groups:members", MEMBERS, of="secret group"),
    Visit("GET", "groups:files", MEMBERS, of="open group"),
    Visit("GET", "groups:files", MEMBERS, of="secret group"),
    Visit("POST", "groups:members", tuple(400 if one == 200 else one for one in MEMBERS), of="secret group"),
    Visit("POST", "groups:files", tuple(400 if one == 200 else one for one in MEMBERS), of="secret group"),
    Visit("GET", "groups:invitations", leading(200), of="open group"),
    Visit("POST", "groups:invitations", leading(422), of="open group"),
    Visit("GET", "groups:candidates", leading(200), of="open group"),
    Visit("GET", "groups:guests", (200, 200, 403, 403, 404, SIGN_IN), of="group for guests"),
    Visit(
        "POST",
        "groups:guests",
        (422, 422, 403, 403, 404, SIGN_IN),
        of="group for guests",
        data={"email": "x"},
    ),
    Visit("GET", "groups:guest-invitation", (200, 200, 403, 403, 404, SIGN_IN), of="guest of the group"),
    Visit("GET", "groups:settings", leading(200), of="open group"),
    Visit("POST", "groups:settings", leading(422), of="open group", data={"name": ""}),
    Visit("POST", "groups:archive", leading(302), of="open group"),
    Visit("DELETE", "groups:archive", leading(302), of="open group"),
    Visit("POST", "groups:owner", leading(404), of="open group"),
    Visit("POST", "groups:member", leading(302), of="boris in the group", data={"role": "moderator"}),
    Visit("DELETE", "groups:member", leading(302), of="boris in the group"),
    Visit("POST", "groups:admission", (302, 302, 404, 404, 404, SIGN_IN), of="cara's request"),
    Visit("DELETE", "groups:admission", (302, 302, 404, 404, 404, SIGN_IN), of="cara's request"),
)


def things(cast: Cast) -> dict[str, Any]:
    anna, boris, cara = cast.anna, cast.boris, cast.cara
    group = create_group(NewGroup("Reading"), by=anna)
    join_group(group, by=boris)
    secret = create_group(NewGroup("Plan B", kind="secret"), by=anna)
    invite_people(secret, [boris], by=anna)
    join_group(secret, by=boris)
    closed = create_group(NewGroup("Board", kind="closed"), by=anna)
    join_group(closed, by=cara)
    shared = create_group(NewGroup("With partners", kind="extranet"), by=anna)
    guest = NewGuest("gina@partner.example", timezone.localdate() + timedelta(days=30), "Gina", "Guest")
    return {
        "group for guests": shared.pk,
        "guest of the group": (shared.pk, invite_guest(shared, guest, by=anna).user_id),
        "open group": group.pk,
        "secret group": secret.pk,
        "boris in the group": group.members.get(user=boris).pk,
        "cara's request": closed.admissions.get(user=cara).pk,
    }
