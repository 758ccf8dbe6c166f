"""Recordings: awaited from the PBX, kept as blobs, deleted when their time is over, unless they are held."""

from __future__ import annotations

import io
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.calls.actions.logging import WHOLE_AFTER, whole_of
from box.apps.calls.events import CallNoted, RecordingHeld, RecordingKept
from box.apps.calls.models import LONGEST_NOTE, LoggedCall, Recording
from box.apps.calls.waveform import Sound, heard
from box.bridges.telephony.models import Call, Pbx
from box.bridges.telephony.recordings import Delivery, Folder, RecordingRefused
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.models import Blob, new_key
from box.core.files.store import StoreUnavailable, store
from box.core.registry.company import LANGUAGE

WAITS = (
    WHOLE_AFTER,
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=3),
)
MOST_AT_ONCE = 20

log = logging.getLogger(__name__)


@transaction.atomic
def await_recording(pbx: str, key: str, file: str) -> None:
    """The PBX says that this file is, or will be, what was recorded of the call, or of a part of it."""
    call = Call.objects.filter(pbx__name=pbx, key=key).first()
    if call is None or (logged := whole_of(call)) is None:
        return
    Recording.objects.get_or_create(
        logged=logged, file=file[:1000], defaults={"due_at": timezone.now() + WAITS[0]}
    )


def collect_recordings(*, now: datetime) -> int:
    """Fetches what is due from the folders that PBXs and box share. Returns how many came."""
    due = list(
        Recording.objects.due(now)
        # Of one that goes on nothing is whole yet, and its end says when to look.
        .filter(logged__call__ended_at__isnull=False)
        .select_related("logged__call__pbx")[:MOST_AT_ONCE]
    )
    # Why one does not come is kept, and read by several.
    with translation.override(LANGUAGE.value):
        return sum(_collect(one, now=now) for one in due)


def _collect(recording: Recording, *, now: datetime) -> bool:
    call = recording.logged.call
    assert call is not None  # noqa: S101 - only such are due
    pbx: Pbx = call.pbx
    if not pbx.recordings_here:
        said = _("“%(name)s” has not sent it: see whether korobka_recording.sh reaches the box from there.")
        return _wait(recording, said % {"name": pbx.name}, now=now)
    try:
        with Folder(Path(pbx.recordings_here), pbx.recordings_there).open(recording.file) as stream:
            keep_recording(recording, stream)
    except FileNotFoundError:
        return _wait(recording, _("The file is not in the folder."), now=now)
    except StoreUnavailable:
        raise
    except (RecordingRefused, OSError) as refused:
        return _wait(recording, str(refused), now=now)
    except Exception:
        # It would be among the first that are due again and again, and in the end all of them.
        log.exception("The recording %s broke off.", recording.pk)
        return _wait(recording, _("It cannot be read: the log of the jobs says why."), now=now)
    return True


def _wait(recording: Recording, trouble: str, *, now: datetime) -> bool:
    attempts = recording.attempts + 1
    is_lost = attempts >= len(WAITS)
    Recording.objects.filter(pk=recording.pk, state=Recording.State.AWAITED).update(
        attempts=attempts,
        due_at=None if is_lost else now + WAITS[attempts],
        state=Recording.State.LOST if is_lost else Recording.State.AWAITED,
        trouble=trouble,
    )
    return False


def keep_recording(recording: Recording, stream: IO[bytes]) -> None:
    """Puts it into the store, and what can be heard of it into its row. Twice is once: the blob that is not
    needed goes by itself."""
    sound = heard(stream)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    key = new_key(timezone.now())
    store().write_from(key, stream, size, content_type=sound.content_type)
    _keep(recording, sound, key, size)


@transaction.atomic
def _keep(recording: Recording, sound: Sound, key: str, size: int) -> None:
    row = Recording.objects.select_for_update().get(pk=recording.pk)
    if row.blob_id is not None or row.state == Recording.State.EXPIRED:
        return
    row.blob = Blob.objects.create(
        key=key, size=size, content_type=sound.content_type, inspected_at=timezone.now(), sha256=sound.sha256
    )
    row.state, row.due_at, row.trouble = Recording.State.KEPT, None, ""
    row.seconds, row.waveform = sound.seconds, list(sound.waveform)
    row.save()
    emit(RecordingKept(call_id=row.logged_id, recording_id=row.pk))


def keep_delivered(delivery: Delivery, stream: IO[bytes]) -> bool:
    """What the PBX has sent. False where no call has told of this file: then it may come again. Raises
    RecordingRefused for a file that is not the one that was signed."""
    if heard(stream).sha256 != delivery.sha256:
        raise RecordingRefused("It is not the file that was signed: send it again.")
    awaited = Recording.objects.filter(logged__call__pbx__name=delivery.pbx, file=delivery.file)
    recording = awaited.order_by("-id").first()
    if recording is None:
        return False
    if recording.blob_id is None and recording.state != Recording.State.EXPIRED:
        keep_recording(recording, stream)
    return True


def expire_recordings(*, before: datetime) -> int:
    """Deletes those of calls that began before, unless they are held. Returns how many."""
    return Recording.objects.outlived(before).update(
        state=Recording.State.EXPIRED, blob=None, waveform=[], trouble=""
    )


@transaction.atomic
def hold_recordings(call: LoggedCall, *, is_held: bool, by: User) -> None:
    if LoggedCall.objects.filter(pk=call.pk).exclude(is_held=is_held).update(is_held=is_held):
        emit(RecordingHeld(call_id=call.pk, is_held=is_held, by_id=by.pk))


@transaction.atomic
def write_note(call: LoggedCall, note: str, *, by: User) -> None:
    """What was said, for whoever sees the call and the client's card."""
    call.note = note.strip()[:LONGEST_NOTE]
    call.save(update_fields=["note"])
    emit(CallNoted(call_id=call.pk, by_id=by.pk, note=call.note))
