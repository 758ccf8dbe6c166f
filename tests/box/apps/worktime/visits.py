"""Who may what, at the addresses of this room. Anna asks; boris doesn't lead her department."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from box.apps.worktime.actions import Truth, ask_correction, write_report
from box.apps.worktime.models import Schedule
from tests.box.visits import SIGN_IN, Cast, Visit

MINE = (200, 200, 200, 200, 404, SIGN_IN)
TEAM = (200, 404, 404, 404, 404, SIGN_IN)
SCHEDULERS = (200, 403, 403, 403, 404, SIGN_IN)

VISITS = (
    Visit("GET", "worktime:home", MINE),
    Visit("GET", "worktime:clock", (302, 302, 302, 302, 404, SIGN_IN)),
    Visit("POST", "worktime:steps", (403, 403, 403, 403, 404, SIGN_IN), data={"step": "pause"}),
    Visit("GET", "worktime:correction", MINE, of="day"),
    Visit("POST", "worktime:correction", (422, 422, 422, 422, 404, SIGN_IN), of="day"),
    Visit("GET", "worktime:person", (200, 200, 404, 404, 404, SIGN_IN), of="anna"),
    Visit("GET", "worktime:approvals", TEAM),
    Visit(
        *("POST", "worktime:decision", (302, 403, 404, 404, 404, SIGN_IN)),
        of="correction",
        data={"decision": "approve"},
    ),
    Visit("GET", "worktime:team", TEAM),
    Visit("GET", "worktime:team-export", TEAM, of="csv"),
    Visit("GET", "worktime:reports", MINE),
    Visit("POST", "worktime:reports", (422, 422, 422, 422, 404, SIGN_IN)),
    Visit("GET", "worktime:report", (200, 200, 404, 404, 404, SIGN_IN), of="report"),
    Visit("POST", "worktime:report", (403, 422, 404, 404, 404, SIGN_IN), of="report"),
    Visit("POST", "worktime:confirmation", (302, 403, 404, 404, 404, SIGN_IN), of="report"),
    Visit("GET", "worktime:schedules", SCHEDULERS),
    Visit("GET", "worktime:schedule-new", SCHEDULERS),
    Visit("POST", "worktime:schedule-new", (422, 403, 403, 403, 404, SIGN_IN)),
    Visit("GET", "worktime:schedule", SCHEDULERS, of="schedule"),
    Visit("POST", "worktime:schedule", (422, 403, 403, 403, 404, SIGN_IN), of="schedule"),
    Visit("DELETE", "worktime:schedule", (303, 403, 403, 403, 404, SIGN_IN), of="schedule"),
    Visit("POST", "worktime:person-schedule", (302, 403, 403, 403, 404, SIGN_IN), of="anna"),
)


def things(cast: Cast) -> dict[str, Any]:
    now = timezone.now()
    yesterday = (timezone.localtime(now) - timedelta(days=1)).replace(hour=9, minute=0)
    truth = Truth(yesterday, yesterday + timedelta(hours=8), timedelta(), "The train")
    asked = ask_correction(yesterday.date(), truth, by=cast.anna)
    sent = write_report("week", yesterday.date(), plan="", text="All", is_sent=True, by=cast.anna)
    schedule = Schedule.objects.create(name="Early", starts="06:00", ends="15:00")
    made = {"correction": asked.pk, "report": sent.pk, "schedule": schedule.pk}
    return {"day": f"{now:%Y-%m-%d}", "anna": cast.anna.pk, "csv": "csv", **made}
