"""Recordings for whoever may hear them: what pages play, and where the sound lies. That it was heard is in
the audit log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from box.apps.calls import access
from box.apps.calls.marks import marks_in
from box.apps.calls.models import LoggedCall, Participant, Recording
from box.core.accounts.auditing import called
from box.core.files.display import link_to_blob
from box.core.registry.auditing import About, record
from box.core.registry.capabilities import Recorded

if TYPE_CHECKING:
    from box.core.accounts.models import User

HEARD = "calls.heard"


def sounds_of(calls: Sequence[int], reader: User) -> Mapping[int, Sequence[Recorded]]:
    """See `box.core.registry.capabilities.recordings`."""
    found: defaultdict[int, list[Recording]] = defaultdict(list)
    seen = LoggedCall.objects.visible_to(reader).filter(pk__in=calls)
    kept = Recording.objects.filter(state=Recording.State.KEPT, logged__in=seen)
    if not access.may_listen_to_others(reader):
        kept = kept.filter(Exists(Participant.objects.filter(user=reader, logged=OuterRef("logged"))))
    for one in kept.select_related("logged").order_by("id"):
        found[one.logged_id].append(one)
    return {pk: recorded(several, several[0].logged.note) for pk, several in found.items()}


def recorded(kept: Sequence[Recording], note: str) -> list[Recorded]:
    """For a page. Times in the notes are counted from the beginning of the first."""
    return [
        Recorded(
            reverse("calls:recording", args=[one.logged_id, one.pk]),
            one.seconds,
            tuple(one.waveform),
            marks_in(note, one.seconds) if one is kept[0] else (),
        )
        for one in kept
    ]


def address_of_sound(user: User, kept: Recording, host: str) -> str:
    """Of a call that this person sees. Raises PermissionDenied, and Http404 where no sound is left."""
    if not access.can_listen(user, kept.logged):
        raise PermissionDenied(_("Ask an administrator for the right to listen to recordings."))
    if kept.blob is None:
        raise Http404
    about = About(kept.logged.ref.kind, kept.logged_id, str(kept.logged))
    record(HEARD, by_id=user.pk, actor=called(user), about=about)
    return link_to_blob(kept.blob, kept.file.rpartition("/")[2], host=host)
