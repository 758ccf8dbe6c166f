"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import date
from typing import Any

from box.core.accounts.actions import NewUser, invite
from box.core.org.absences import Away, write_absence
from box.core.org.models import PersonSkill
from box.core.org.photos import set_photo
from box.core.org.skills import add_skill
from tests.box.core.org.photos import picture
from tests.box.visits import ADMINISTRATORS, EMPLOYEES, SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "org:structure", EMPLOYEES),
    Visit("GET", "org:chart", EMPLOYEES),
    Visit("POST", "org:undo", (409, 403, 403, 403, 403, SIGN_IN), data={"note": "forged"}),
    Visit("GET", "org:departments", ADMINISTRATORS),
    Visit("POST", "org:departments", (422, 403, 403, 403, 403, SIGN_IN), data={"name": ""}),
    Visit("GET", "org:department", EMPLOYEES, of="department"),
    Visit("DELETE", "org:department", (409, 403, 403, 403, 404, SIGN_IN), of="department"),
    Visit("GET", "org:department-people", EMPLOYEES, of="department"),
    Visit("GET", "org:name", ADMINISTRATORS, of="department"),
    Visit("POST", "org:name", (302, 403, 403, 403, 403, SIGN_IN), of="department", data={"name": "New"}),
    Visit("GET", "org:place", ADMINISTRATORS, of="department"),
    Visit("POST", "org:place", (422, 403, 403, 403, 403, SIGN_IN), of="department", data={"under": "0"}),
    Visit("GET", "org:merger", ADMINISTRATORS, of="department"),
    Visit("POST", "org:merger", (422, 403, 403, 403, 403, SIGN_IN), of="department", data={"into": "0"}),
    Visit("GET", "org:members", ADMINISTRATORS, of="department"),
    Visit("POST", "org:members", (422, 403, 403, 403, 403, SIGN_IN), of="department", data={"person": "x"}),
    Visit(
        "POST", "org:membership", (302, 403, 403, 403, 403, SIGN_IN), of="membership", data={"role": "head"}
    ),
    Visit("DELETE", "org:membership", (302, 403, 403, 403, 403, SIGN_IN), of="membership"),
    Visit("GET", "org:transfer", ADMINISTRATORS, of="membership"),
    Visit("POST", "org:transfer", (422, 403, 403, 403, 403, SIGN_IN), of="membership", data={"to": "0"}),
    Visit("GET", "org:people", EMPLOYEES),
    Visit("POST", "org:people", (422, 403, 403, 403, 404, SIGN_IN), data={"do": "bulk:suspend"}),
    Visit("GET", "org:dismissal", ADMINISTRATORS, of="anna"),
    Visit("GET", "org:erasure", ADMINISTRATORS, of="anna"),
    Visit("POST", "org:erasure", (422, 403, 403, 403, 403, SIGN_IN), of="anna", data={"is_sure": "on"}),
    Visit("GET", "org:duplicates", ADMINISTRATORS),
    Visit("GET", "org:merger-with", ADMINISTRATORS, of="anna"),
    Visit("GET", "org:people-merger", ADMINISTRATORS, of="accounts"),
    Visit("POST", "org:people-merger", (422, 403, 403, 403, 403, SIGN_IN), of="accounts"),
    Visit("GET", "org:photo", EMPLOYEES, of="photo"),
    Visit("GET", "org:photo-picture", (200, 200, 404, 404, 404, SIGN_IN), of="photo"),
    Visit("GET", "org:photo-square", (200, 200, 404, 404, 404, SIGN_IN), of="photo"),
    Visit("POST", "org:photo-square", (302, 302, 403, 403, 404, SIGN_IN), of="photo"),
    Visit("POST", "org:photo-of", (302, 302, 403, 403, 404, SIGN_IN), of="anna"),
    Visit("POST", "org:skills", (302, 302, 403, 403, 404, SIGN_IN), of="anna", data={"name": "Finnish"}),
    Visit("GET", "org:skill-suggestions", (200, 200, 403, 403, 404, SIGN_IN), of="anna"),
    Visit("DELETE", "org:skill", (302, 302, 403, 403, 404, SIGN_IN), of="skill"),
    Visit("POST", "org:skill-confirmation", (302, 403, 302, 302, 404, SIGN_IN), of="skill"),
    Visit("DELETE", "org:skill-confirmation", (302, 302, 302, 302, 404, SIGN_IN), of="skill"),
    Visit("GET", "org:absences", EMPLOYEES, of="anna"),
    Visit("POST", "org:absences", (422, 422, 403, 403, 404, SIGN_IN), of="anna"),
    Visit("GET", "org:absence", (200, 200, 403, 403, 404, SIGN_IN), of="absence"),
    Visit("POST", "org:absence", (422, 422, 403, 403, 404, SIGN_IN), of="absence"),
    Visit("DELETE", "org:absence", (302, 302, 403, 403, 404, SIGN_IN), of="absence"),
    Visit("GET", "org:invitations", ADMINISTRATORS),
    Visit("POST", "org:invitations", (422, 403, 403, 403, 403, SIGN_IN)),
    Visit("GET", "org:invitation", ADMINISTRATORS, of="invited"),
    Visit("POST", "org:invitation", (302, 403, 403, 403, 403, SIGN_IN), of="invited"),
    Visit("GET", "org:new", ADMINISTRATORS),
    Visit("POST", "org:new", (422, 403, 403, 403, 403, SIGN_IN), data={"email": "nobody"}),
    Visit("GET", "org:person", EMPLOYEES, of="anna"),
    Visit("POST", "org:suspension", ADMINISTRATORS, of="anna"),
    Visit("DELETE", "org:suspension", ADMINISTRATORS, of="anna"),
    Visit("POST", "org:dismissal", (302, 403, 403, 403, 403, SIGN_IN), of="anna"),
    Visit("DELETE", "org:dismissal", ADMINISTRATORS, of="anna"),
)


def things(cast: Cast) -> dict[str, Any]:
    membership = cast.sales.memberships.get(user=cast.anna)
    invited = invite(NewUser(email="invited@example.com"), by=cast.olga)
    set_photo(cast.anna, picture(), by=cast.olga)
    return {
        "invited": invited.pk,
        "photo": cast.anna.photo_id,
        "anna": cast.anna.pk,
        "skill": _skill(cast),
        "absence": write_absence(cast.anna, _away(), by=cast.anna).pk,
        "accounts": (cast.anna.pk, cast.boris.pk),
        "department": cast.sales.pk,
        "membership": membership.pk,
    }


def _skill(cast: Cast) -> int:
    skill = add_skill(cast.anna, "Excel", by=cast.anna)
    return PersonSkill.objects.get(user=cast.anna, skill=skill).pk


def _away() -> Away:
    return Away("trip", date(2026, 11, 1), date(2026, 11, 2))
