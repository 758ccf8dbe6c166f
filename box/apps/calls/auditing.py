"""What the audit log tells of calls."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from box.apps.calls import events
from box.apps.calls.models import KIND, LoggedCall
from box.core.registry.auditing import About, Audited, audited


def declare() -> None:
    audited.add("calls.heard", Audited(_("listened to a recording of the call %(about)s")))
    audited.add(
        "calls.held",
        Audited(
            _("decided how long recordings of the call %(about)s are kept"), events.RecordingHeld, about=_call
        ),
    )
    audited.add(
        "calls.blocked",
        Audited(_("blocked the number %(number)s, or let it call again"), events.NumberBlocked),
    )


def _call(event: Any) -> About | None:
    call = LoggedCall.objects.filter(pk=event.call_id).first()
    return About(KIND, call.pk, str(call)) if call else None
