"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone

from box.console.actions import ask_back
from box.console.models import Retrieval
from box.core.access.actions import create_role
from box.core.accounts.custom_fields import PROFILE
from box.core.fields.actions import FieldDraft, add_field
from tests.box.visits import CONSOLE, EMPLOYEES, SIGN_IN, Cast, Visit, annas_alone


def administrators(status: int) -> tuple[int | str, ...]:
    return (status, 404, 404, 404, 404, SIGN_IN)


VISITS = (
    # Root alone says who reads it, and here nobody does.
    Visit("GET", "metrics", (404,) * 6),
    Visit("GET", "console:health", CONSOLE),
    Visit("GET", "console:settings", administrators(302)),
    Visit("GET", "console:section", CONSOLE, of="section"),
    Visit("POST", "console:section", administrators(422), of="section"),
    Visit("GET", "console:calendar", CONSOLE, of="year"),
    Visit("POST", "console:calendar", administrators(422), of="year"),
    Visit("POST", "console:calendar-day", administrators(302), of="day of the calendar"),
    Visit("GET", "console:field-sets", CONSOLE),
    Visit("GET", "console:fields", CONSOLE, of="field_set"),
    Visit("POST", "console:fields", administrators(422), of="field_set", data={"name": ""}),
    Visit("GET", "console:field", CONSOLE, of="field"),
    Visit("POST", "console:field", administrators(422), of="field", data={"name": ""}),
    Visit("POST", "console:field-place", administrators(302), of="field", data={"to": "up"}),
    Visit("POST", "console:field-archive", administrators(302), of="field", data={"to": "archive"}),
    Visit("GET", "console:setup", administrators(302)),
    Visit("GET", "console:setup-step", CONSOLE, of="section"),
    Visit("POST", "console:setup-step", administrators(422), of="section"),
    Visit("POST", "console:logo", administrators(302)),
    Visit("POST", "console:test-letter", administrators(422)),
    Visit("GET", "console:service", CONSOLE, of="service"),
    Visit("POST", "console:restart", CONSOLE, of="service"),
    Visit("GET", "console:cluster", CONSOLE),
    Visit("POST", "console:lead", CONSOLE, of="service"),
    Visit("POST", "console:place", administrators(422), of="service"),
    Visit("GET", "console:upgrades", CONSOLE),
    Visit("POST", "console:examine-release", CONSOLE, data={"archive": "none.tar.gz"}),
    Visit("POST", "console:begin-upgrade", CONSOLE, data={"examination": "none"}),
    Visit("GET", "console:backups", CONSOLE),
    Visit("POST", "console:begin-backup", CONSOLE),
    Visit("POST", "console:verify-backups", CONSOLE, data={"target": "nowhere"}),
    Visit("DELETE", "console:backup-operation", CONSOLE, of="operation"),
    Visit("GET", "console:backup-sets", CONSOLE),
    Visit("GET", "console:backup-set", CONSOLE, of="set"),
    Visit("GET", "console:backup-drills", CONSOLE),
    Visit("POST", "console:backup-drills", CONSOLE),
    Visit("GET", "console:backup-restore", CONSOLE),
    Visit("POST", "console:backup-restore", CONSOLE),
    Visit("GET", "console:backup-searches", CONSOLE),
    Visit("POST", "console:backup-searches", administrators(422), data={"text": ""}),
    Visit("GET", "console:backup-search", CONSOLE, of="operation"),
    Visit("POST", "console:backup-put-back", CONSOLE, of="operation"),
    Visit("POST", "console:retrieval-permission", administrators(302), of="retrieval"),
    Visit("GET", "console:retrieval-refusal", CONSOLE, of="retrieval"),
    Visit("POST", "console:retrieval-refusal", administrators(422), of="retrieval", data={"why": ""}),
    Visit("GET", "retrievals:list", EMPLOYEES),
    Visit("POST", "retrievals:list", (403, 422, 422, 422, 404, SIGN_IN), data={"text": ""}),
    Visit("GET", "retrievals:retrieval", annas_alone(200), of="retrieval"),
    Visit("POST", "retrievals:withdrawal", annas_alone(302), of="retrieval"),
    Visit("POST", "retrievals:put-back", annas_alone(200), of="looked"),
    Visit("GET", "retrievals:putting-back", annas_alone(200), of="putting"),
    Visit("GET", "console:new-backup-target", CONSOLE),
    Visit("POST", "console:new-backup-target", CONSOLE, data={"path": "here"}),
    Visit("GET", "console:backup-target-removal", administrators(422), of="target"),
    Visit("POST", "console:backup-target-removal", administrators(422), of="target"),
    Visit("GET", "console:backup-plan", CONSOLE),
    Visit("POST", "console:backup-plan", CONSOLE, data={"at": "never"}),
    Visit("GET", "console:backup-calendar", CONSOLE),
    Visit("GET", "console:backup-keys", administrators(422)),
    Visit("POST", "console:backup-keys", administrators(422), data={"name": ""}),
    Visit("GET", "console:backup-key-rotation", administrators(422)),
    Visit("POST", "console:backup-key-rotation", administrators(422), data={"name": ""}),
    Visit("GET", "console:backup-key-removal", administrators(422), of="holder"),
    Visit("POST", "console:backup-key-removal", administrators(422), of="holder"),
    Visit("GET", "console:backup-confirmation", administrators(422), of="holder"),
    Visit("POST", "console:backup-confirmation", administrators(422), of="holder"),
    Visit("GET", "console:audit", CONSOLE),
    Visit("POST", "console:audit", (400, 404, 404, 404, 404, SIGN_IN)),
    Visit("GET", "console:roles", CONSOLE),
    Visit("GET", "console:new-role", CONSOLE),
    Visit("POST", "console:new-role", administrators(422), data={"name": ""}),
    Visit("GET", "console:principals", CONSOLE),
    Visit("GET", "console:report", CONSOLE),
    Visit("GET", "console:role", CONSOLE, of="role"),
    Visit("POST", "console:role", administrators(422), of="role", data={"name": "", "rights": "none"}),
    Visit("DELETE", "console:role", CONSOLE, of="role"),
)


def things(cast: Cast) -> dict[str, Any]:
    now = timezone.now()
    looked = Retrieval.objects.create(asker=cast.anna, state="looked", asked_at=now, operation="x")
    return {
        "looked": looked.pk,
        "putting": (looked.pk, "20261124T120000-put-own-back-abc"),
        "retrieval": ask_back("feed.post", "minutes", None, by=cast.anna).pk,
        "service": "web",
        "field": add_field(PROFILE, FieldDraft("Home town"), by=cast.olga).pk,
        "field_set": PROFILE.key,
        "operation": "20261124T120000-backup-abc",
        "set": "20261124-110000F@disk",
        "target": "disk",
        "holder": "first",
        "section": "mail",
        "year": 2026,
        "day of the calendar": date(2026, 7, 1),
        "role": str(create_role("Watchers", ["console.see"], by=cast.olga).pk),
    }
