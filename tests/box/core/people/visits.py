"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import date
from typing import Any

from box.core.accounts.actions import NewUser, invite
from box.core.people.absences import Away, write_absence
from box.core.people.models import PersonSkill
from box.core.people.photos import set_photo
from box.core.people.skills import add_skill
from tests.box.core.people.photos import picture
from tests.box.visits import ADMINISTRATORS, EMPLOYEES, SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "people:people", EMPLOYEES),
    Visit("POST", "people:people", (422, 403, 403, 403, 404, SIGN_IN), data={"do": "bulk:suspend"}),
    Visit("GET", "people:dismissal", ADMINISTRATORS, of="anna"),
    Visit("GET", "people:erasure", ADMINISTRATORS, of="anna"),
    Visit("POST", "people:erasure", (422, 403, 403, 403, 403, SIGN_IN), of="anna", data={"is_sure": "on"}),
    Visit("GET", "people:duplicates", ADMINISTRATORS),
    Visit("GET", "people:merger-with", ADMINISTRATORS, of="anna"),
    Visit("GET", "people:people-merger", ADMINISTRATORS, of="accounts"),
    Visit("POST", "people:people-merger", (422, 403, 403, 403, 403, SIGN_IN), of="accounts"),
    Visit("GET", "people:photo", EMPLOYEES, of="photo"),
    Visit("GET", "people:photo-picture", (200, 200, 404, 404, 404, SIGN_IN), of="photo"),
    Visit("GET", "people:photo-square", (200, 200, 404, 404, 404, SIGN_IN), of="photo"),
    Visit("POST", "people:photo-square", (302, 302, 403, 403, 404, SIGN_IN), of="photo"),
    Visit("POST", "people:photo-of", (302, 302, 403, 403, 404, SIGN_IN), of="anna"),
    Visit("POST", "people:skills", (302, 302, 403, 403, 404, SIGN_IN), of="anna", data={"name": "Finnish"}),
    Visit("GET", "people:skill-suggestions", (200, 200, 403, 403, 404, SIGN_IN), of="anna"),
    Visit("DELETE", "people:skill", (302, 302, 403, 403, 404, SIGN_IN), of="skill"),
    Visit("POST", "people:skill-confirmation", (302, 403, 302, 302, 404, SIGN_IN), of="skill"),
    Visit("DELETE", "people:skill-confirmation", (302, 302, 302, 302, 404, SIGN_IN), of="skill"),
    Visit("GET", "people:absences", EMPLOYEES, of="anna"),
    Visit("POST", "people:absences", (422, 422, 403, 403, 404, SIGN_IN), of="anna"),
    Visit("GET", "people:absence", (200, 200, 403, 403, 404, SIGN_IN), of="absence"),
    Visit("POST", "people:absence", (422, 422, 403, 403, 404, SIGN_IN), of="absence"),
    Visit("DELETE", "people:absence", (302, 302, 403, 403, 404, SIGN_IN), of="absence"),
    Visit("GET", "people:invitations", ADMINISTRATORS),
    Visit("POST", "people:invitations", (422, 403, 403, 403, 403, SIGN_IN)),
    Visit("GET", "people:invitation", ADMINISTRATORS, of="invited"),
    Visit("POST", "people:invitation", (302, 403, 403, 403, 403, SIGN_IN), of="invited"),
    Visit("GET", "people:new", ADMINISTRATORS),
    Visit("POST", "people:new", (422, 403, 403, 403, 403, SIGN_IN), data={"email": "nobody"}),
    Visit("GET", "people:person", EMPLOYEES, of="anna"),
    Visit("POST", "people:suspension", ADMINISTRATORS, of="anna"),
    Visit("DELETE", "people:suspension", ADMINISTRATORS, of="anna"),
    # She looks after clients and tasks, which somebody has to take over.
    Visit("POST", "people:dismissal", (422, 403, 403, 403, 403, SIGN_IN), of="anna"),
    Visit("DELETE", "people:dismissal", ADMINISTRATORS, of="anna"),
)


def things(cast: Cast) -> dict[str, Any]:
    invited = invite(NewUser(email="invited@example.com"), by=cast.olga)
    set_photo(cast.anna, picture(), by=cast.olga)
    return {
        "invited": invited.pk,
        "photo": cast.anna.photo_id,
        "anna": cast.anna.pk,
        "skill": _skill(cast),
        "absence": write_absence(cast.anna, _away(), by=cast.anna).pk,
        "accounts": (cast.anna.pk, cast.boris.pk),
    }


def _skill(cast: Cast) -> int:
    skill = add_skill(cast.anna, "Excel", by=cast.anna)
    return PersonSkill.objects.get(user=cast.anna, skill=skill).pk


def _away() -> Away:
    return Away("trip", date(2026, 11, 1), date(2026, 11, 2))
