"""Calls that were made elsewhere, before this portal: written into the log as they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.apps.calls.actions.external import LONGEST_SECONDS, plain_number
from box.apps.calls.models import LoggedCall, Participant, Recording
from box.apps.calls.permissions import audience_of
from box.core.files.models import Blob
from box.lib.moments import refuse_distant

if TYPE_CHECKING:
    from box.apps.calls.waveform import Sound
    from box.core.accounts.models import User


@dataclass(frozen=True, kw_only=True)
class PastCall:
    """`key` is what it is called where it comes from, and `user` whoever talked, called or was called."""

    key: str
    number: str
    is_incoming: bool
    result: str
    started_at: datetime
    talk_seconds: int = 0
    line: str = ""
    note: str = ""
    user: User | None = None


@dataclass(frozen=True)
class KeptSound:
    """A recording that is in the store, and what is heard of it."""

    name: str
    key: str
    size: int
    sound: Sound


@transaction.atomic
def log_past_call(past: PastCall, recording: KeptSound | None = None) -> LoggedCall:
    """Nobody is to call back, and no room hears of it. Raises ValidationError for a moment beyond the
    calendar, and for a call that is here already, by another migration of the same portal."""
    refuse_distant(past.started_at)
    if past.key and LoggedCall.objects.filter(external_key=past.key[:100]).exists():
        raise ValidationError(_("This call is in the log already."), code="double")
    is_answered = past.result == LoggedCall.Result.ANSWERED
    talked = min(max(past.talk_seconds, 0), LONGEST_SECONDS) if is_answered else 0
    ended_at = past.started_at + timedelta(seconds=talked)
    is_missed = past.is_incoming and not is_answered
    call = LoggedCall.objects.create(
        external_key=past.key[:100],
        direction=LoggedCall.Direction.IN if past.is_incoming else LoggedCall.Direction.OUT,
        result=past.result,
        number=plain_number(past.number)[:80],
        line=past.line[:80],
        started_at=past.started_at,
        answered_at=past.started_at if is_answered else None,
        ended_at=ended_at,
        talk_seconds=talked,
        user=None if is_missed else past.user,
        is_missed=is_missed,
        settled_at=ended_at if is_missed else None,
        note=past.note,
        audience=audience_of([past.user.pk] if past.user else []),
    )
    if past.user is not None:
        Participant.objects.create(
            logged=call,
            user=past.user,
            leg=f"U{past.user.pk}",
            is_called=past.is_incoming,
            began_at=past.started_at,
            answered_at=call.answered_at,
            ended_at=ended_at,
        )
    if recording is not None:
        _keep(call, recording)
    return call


def _keep(call: LoggedCall, kept: KeptSound) -> None:
    blob = Blob.objects.create(
        key=kept.key,
        size=kept.size,
        content_type=kept.sound.content_type,
        inspected_at=call.ended_at,
        sha256=kept.sound.sha256,
    )
    Recording.objects.create(
        logged=call,
        file=kept.name[:1000],
        state=Recording.State.KEPT,
        due_at=None,
        blob=blob,
        seconds=kept.sound.seconds,
        waveform=list(kept.sound.waveform),
    )
