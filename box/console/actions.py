"""What the console writes by itself, and what people ask to get back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.console.access import BACKUPS, DIRECTORY, RESTART, can_ask_back, can_look_after_backups
from box.console.alerts import Finding, Known, Plan, decide
from box.console.backups.changes import change_of
from box.console.events import (
    RetrievalAllowed,
    RetrievalAsked,
    RetrievalLooked,
    RetrievalOver,
    RetrievalRefused,
    RetrievalWithdrawn,
)
from box.console.models import BackupChange, Bulletin, Retrieval, RetrievalQuerySet, Subject, Trouble
from box.console.notices import (
    CHANGED,
    CLUSTER_ILL,
    CLUSTER_WELL,
    DIRECTORY_ILL,
    DIRECTORY_WELL,
    ILL,
    WELL,
)
from box.core.access.principals import people_behind
from box.core.access.roles import current
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.notify.actions import notify
from box.core.registry.capabilities import Ref
from box.core.registry.notices import Notice

if TYPE_CHECKING:
    from appliance.client import RecordedLine

BULLETIN = "console.bulletin"
CHANGE = "console.backup_change"
ASKED_A_DAY = 5
"""Each one is told to those who look after backups."""
ANSWERED_WITHIN = timedelta(days=7)
LOOKED_WITHIN = timedelta(days=3)
"""After it was allowed: backups may be busy, or the box away."""
KEPT_FOR = timedelta(days=1)
"""As the agent keeps what was found."""


@transaction.atomic
def tell_of(subject: Subject, found: Iterable[Finding], *, now: datetime) -> Plan:
    """Notes what is wrong, and tells whoever looks after it; nothing twice, and the end of it too."""
    found, of_it = list(found), Trouble.objects.open().filter(subject=subject)
    open_now = {one.key: one for one in of_it.select_for_update()}
    known = [
        Known(one.key, one.kind, one.seen_at, one.gone_at, one.told_at is not None)
        for one in open_now.values()
    ]
    plan = decide(known, found, now=now)
    Trouble.objects.bulk_create(
        Trouble(
            subject=subject, key=one.key, kind=one.kind, target=one.target, about=one.about[:200], seen_at=now
        )
        for one in plan.new
    )
    for keys, values in (
        (plan.back, {"gone_at": None}),
        (plan.gone, {"gone_at": now}),
        (plan.ended, {"ended_at": now}),
        (plan.told, {"told_at": now}),
    ):
        if keys:
            of_it.filter(key__in=keys).update(**values)
    if plan.told:
        _tell(subject, [one for one in found if one.key in plan.told], now=now)
    elif plan.is_well_again:
        _tell(subject, [], now=now)
    return plan


_NOTICES: dict[Subject, tuple[Notice, Notice]] = {
    Subject.BACKUPS: (ILL, WELL),
    Subject.CLUSTER: (CLUSTER_ILL, CLUSTER_WELL),
    Subject.DIRECTORY: (DIRECTORY_ILL, DIRECTORY_WELL),
}
_RIGHTS = {Subject.BACKUPS: BACKUPS, Subject.CLUSTER: RESTART, Subject.DIRECTORY: DIRECTORY}
"""Who looks after it: whoever may mend it."""


def _tell(subject: Subject, troubles: list[Finding], *, now: datetime) -> None:
    ill, well = _NOTICES[subject]
    said = [{"kind": one.kind, "target": one.target, "about": one.about} for one in troubles]
    bulletin = Bulletin.objects.create(subject=subject, made_at=now, troubles=said)
    for person in those_who_may(_RIGHTS[subject]):
        notify(
            person, ill if troubles else well, about=Ref(BULLETIN, bulletin.pk),
            key=f"{BULLETIN}:{bulletin.pk}",
        )  # fmt: skip


@transaction.atomic
def tell_of_changes(lines: Iterable[RecordedLine]) -> None:
    """All administrators hear of what opens the backups, or sends them elsewhere; of the same once."""
    told = [(line, *change) for line in lines if (change := change_of(line))]
    for line, kind, about in told:
        noted, is_new = BackupChange.objects.get_or_create(
            key=line.key,
            defaults={"at": line.at, "by": _shown(line.by)[:200], "kind": kind, "about": _shown(about)[:500]},
        )
        if is_new:
            for person in User.objects.active().filter(is_administrator=True):
                notify(person, CHANGED, about=Ref(CHANGE, noted.pk), key=f"{CHANGE}:{noted.pk}")


def _shown(text: str) -> str:
    """Without what nobody could read, and no database keeps."""
    return "".join(sign for sign in text if sign.isprintable())


def those_who_may(right: str) -> list[User]:
    """Administrators, and whoever holds the right through a role."""
    holds = Q(is_administrator=True) | people_behind(current().holders[right])
    return list(User.objects.active().filter(holds).distinct())


@transaction.atomic
def ask_back(kind: str, text: str, day: date | None, *, by: User) -> Retrieval:
    """Raises ValidationError while another request of theirs is open, or after many in a day;
    PermissionDenied for whoever may not."""
    if not can_ask_back(by):
        raise PermissionDenied
    # One after the other: a violated constraint would have to be undone, and said by the database.
    User.objects.select_for_update().get(pk=by.pk)
    if Retrieval.objects.of(by).open().exists():
        raise ValidationError(
            _("You have asked for something already: wait for the answer, or take it back.")
        )
    now = timezone.now()
    if Retrieval.objects.of(by).filter(asked_at__gt=now - timedelta(days=1)).count() >= ASKED_A_DAY:
        raise ValidationError(_("You have asked often today. Ask again tomorrow."))
    made = Retrieval.objects.create(asker=by, kind=kind, text=text, day=day, asked_at=now)
    emit(RetrievalAsked(retrieval_id=made.pk, by_id=by.pk))
    return made


@transaction.atomic
def take_request_back(retrieval: Retrieval, *, by: User) -> None:
    """As long as nobody has answered."""
    if retrieval.asker_id != by.pk:
        raise PermissionDenied
    if _end(Retrieval.objects.waiting(), retrieval, Retrieval.Why.WITHDRAWN):
        emit(RetrievalWithdrawn(retrieval_id=retrieval.pk, by_id=by.pk))


@transaction.atomic
def allow_retrieval(retrieval: Retrieval, *, by: User) -> None:
    if not can_look_after_backups(by):
        raise PermissionDenied
    values = {"state": Retrieval.State.ALLOWED, "answered_at": timezone.now(), "answered_by": by}
    if Retrieval.objects.waiting().filter(pk=retrieval.pk).update(**values):
        emit(RetrievalAllowed(retrieval_id=retrieval.pk, by_id=by.pk))


@transaction.atomic
def refuse_retrieval(retrieval: Retrieval, why: str, *, by: User) -> None:
    if not can_look_after_backups(by):
        raise PermissionDenied
    now = timezone.now()
    values = {
        "state": Retrieval.State.REFUSED, "answered_at": now, "ended_at": now, "answered_by": by,
        "refusal": why, "kind": "", "text": "",
    }  # fmt: skip
    if Retrieval.objects.waiting().filter(pk=retrieval.pk).update(**values):
        emit(RetrievalRefused(retrieval_id=retrieval.pk, by_id=by.pk))


def note_search(retrieval: Retrieval, operation: str) -> None:
    """The agent has begun it. It says the same again where this comes to nothing."""
    Retrieval.objects.allowed().filter(pk=retrieval.pk).update(operation=operation)


@transaction.atomic
def note_look(retrieval: Retrieval, *, now: datetime) -> None:
    """The backup was looked through; whether anything was found is not known here."""
    values = {"state": Retrieval.State.LOOKED, "looked_at": now}
    if Retrieval.objects.allowed().filter(pk=retrieval.pk).update(**values):
        emit(RetrievalLooked(retrieval_id=retrieval.pk, by_id=retrieval.asker_id))


@transaction.atomic
def give_up_retrieval(retrieval: Retrieval, why: Retrieval.Why) -> None:
    """It comes to nothing, and whoever has asked hears why."""
    if _end(Retrieval.objects.open(), retrieval, why):
        emit(RetrievalOver(retrieval_id=retrieval.pk, by_id=retrieval.asker_id, why=why))


def end_old_retrievals(*, now: datetime) -> None:
    """What nobody has answered, what could not be done, and what was found long enough ago."""
    for one in Retrieval.objects.waiting().filter(asked_at__lt=now - ANSWERED_WITHIN):
        give_up_retrieval(one, Retrieval.Why.UNANSWERED)
    for one in Retrieval.objects.allowed().filter(answered_at__lt=now - LOOKED_WITHIN):
        give_up_retrieval(one, Retrieval.Why.FAILED)
    for one in Retrieval.objects.looked_through().filter(looked_at__lt=now - KEPT_FOR):
        _end(Retrieval.objects.looked_through(), one)


def _end(among: RetrievalQuerySet, retrieval: Retrieval, why: Retrieval.Why = Retrieval.Why.NONE) -> bool:
    """What was looked for is nobody's business from then on."""
    values = {
        "state": Retrieval.State.OVER, "ended_at": timezone.now(), "why": why, "kind": "", "text": "",
    }  # fmt: skip
    return bool(among.filter(pk=retrieval.pk).update(**values))
