"""Telling people, and people having read it; and letters, queued with what they tell of."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from box.core.accounts.models import User, UserQuerySet
from box.core.events.outbox import emit
from box.core.notify.counters import COUNT_CAP
from box.core.notify.events import LettersQueued
from box.core.notify.mail import (
    LetterRefused,
    MailServer,
    MailTrouble,
    Send,
    mailers,
    message_of,
    written,
)
from box.core.notify.models import Notification, Preferences, QueuedLetter
from box.core.notify.topics import is_mailed, is_told, topics
from box.core.push.actions import send_each
from box.core.registry.capabilities import Letter, Ref, can_send_letters
from box.core.registry.notices import Notice
from box.core.registry.origin import is_importing
from box.lib.prepared import Param, Prepared, PreparedInsert, PreparedModels

log = logging.getLogger(__name__)

DIGEST = "digest"


@dataclass(frozen=True)
class Decision:
    """A person's choice: topics by key that are not told, and those that are told by letter too."""

    hidden: frozenset[str]
    mailed: frozenset[str]
    quiet_from: time | None = None
    quiet_until: time | None = None
    digest: bool = False


LONGEST_PAUSE = timedelta(hours=4)
GIVEN_UP_AFTER = timedelta(days=3)
KEEP_LETTERS = timedelta(days=60)


def unread_count(user: User) -> int:
    """Capped at 99, and so never the count of a long table."""
    return Notification.objects.filter(user=user).unread()[:COUNT_CAP].count()


def unread_of_person() -> RawSQL:
    """The same as `unread_count`, for the query that loads the person."""
    table = Notification._meta.db_table
    newest = f'SELECT 1 FROM "{table}" WHERE user_id = accounts_user.id AND read_at IS NULL LIMIT %s'  # noqa: S608
    return RawSQL(f"(SELECT count(*) FROM ({newest}) unread)", [COUNT_CAP])  # noqa: S608, S611


# Asked with each notice, and so composed once.
_KNOWN = Prepared(
    lambda: Notification.objects.filter(user__id__in_array=Param("people"), key=Param("key")).values_list(
        "user_id"
    )
)
_NOTIFICATIONS = PreparedInsert(
    Notification,
    ("user", "kind", "about_kind", "about_id", "actor", "key", "created_at", "mail_after"),
    # Whoever tells the same at once is not in the way.
    skips_conflicts=True,
)
_DECIDED = PreparedModels(lambda: Preferences.objects.filter(user__id__in_array=Param("people")))
_LOCKED = Prepared(lambda: _people().select_for_update(no_key=True).order_by("pk").values_list("pk"))
_UNREAD = Prepared(lambda: _people().annotate(unread=unread_of_person()).values_list("pk", "unread"))


def _people() -> UserQuerySet:
    found: UserQuerySet = User.objects.filter(id__in_array=Param("people"))
    return found


def notify(user: User, notice: Notice, *, about: Ref, key: str, actor: User | None = None) -> None:
    """Tells the person once, however often it is called with this key; not at all of what they don't want
    to hear of. By letter only who is away: see `jobs.mail_notices`."""
    notify_all([user], notice, about=about, key=key, actor=actor)


def notify_all(
    users: Iterable[User], notice: Notice, *, about: Ref, key: str, actor: User | None = None
) -> None:
    """The same to several, in as many queries as to one."""
    notify_each([(user, notice) for user in users], about=about, key=key, actor=actor)


# Without a savepoint: what called it is undone with it.
@transaction.atomic(savepoint=False)
def notify_each(
    told: Iterable[tuple[User, Notice]], *, about: Ref, key: str, actor: User | None = None
) -> None:
    """One thing that happened, told to each in the words that are for them: of two the first."""
    if is_importing():
        return
    people: dict[int, tuple[User, Notice]] = {}
    for user, notice in told:
        people.setdefault(user.pk, (user, notice))
    for (pk,) in _KNOWN.rows(people=list(people), key=key) if people else ():
        del people[pk]
    if not people:
        return
    decided = {one.pk: one for one in _DECIDED.rows(people=list(people))}
    can_mail, now = can_send_letters(), timezone.now()
    told_to = {pk: one for pk, one in people.items() if is_told(decided.get(pk), one[1].topic)}
    same = about.kind, about.id, actor and actor.pk, key, now
    _NOTIFICATIONS.write(
        (
            *(pk, notice.kind, *same),
            now if can_mail and user.email and is_mailed(decided.get(pk), notice.topic) else None,
        )
        for pk, (user, notice) in told_to.items()
    )
    _send_counts(list(told_to))


@transaction.atomic
def mark_all_read(user: User, *, up_to: int | None = None) -> None:
    """`up_to` is the newest that the person was shown: what came after it stays unread."""
    unread = Notification.objects.filter(user=user).unread()
    if up_to is not None:
        unread = unread.filter(pk__lte=up_to)
    if unread.update(read_at=timezone.now()):
        _send_counts([user.pk])


@transaction.atomic
def mark_read(notification: Notification) -> None:
    """With those that stand behind it on its line: of the same kind, about the same thing."""
    behind = Notification.objects.filter(user=notification.user).unread().like(notification)
    if behind.filter(pk__lte=notification.pk).update(read_at=timezone.now()):
        _send_counts([notification.user_id])


@transaction.atomic
def decide(user: User, decision: Decision) -> None:
    """What the person wants to be told, and how."""
    usual = {topic.key for topic in topics() if topic.by_mail}
    Preferences.objects.update_or_create(
        user=user,
        defaults={
            "hidden": sorted(decision.hidden),
            "mailed": sorted(decision.mailed - usual),
            "unmailed": sorted(usual - decision.mailed),
            "quiet_from": decision.quiet_from,
            "quiet_until": decision.quiet_until,
            "digest": decision.digest,
        },
    )


@transaction.atomic
def stop_letters(user: User, topic: str) -> None:
    """No letters of this topic any more; DIGEST is the daily one."""
    preferences, _is_new = Preferences.objects.select_for_update().get_or_create(user=user)
    if topic == DIGEST:
        preferences.digest = False
    else:
        preferences.mailed = [key for key in preferences.mailed if key != topic]
        preferences.unmailed = sorted({*preferences.unmailed, topic})
    preferences.save(update_fields=["digest", "mailed", "unmailed"])


def _send_counts(user_ids: list[int]) -> None:
    if not user_ids:
        return
    # Of two who count at once each would miss the other's, and the bell would show too little.
    _LOCKED.rows(people=user_ids)
    counted = _UNREAD.rows(people=user_ids)
    send_each("notify", "count", [([f"U{pk}"], {"unread": unread}) for pk, unread in counted])


@transaction.atomic
def queue_letters(letters: Iterable[Letter]) -> None:
    """Queues them with the caller's other writes; a key that was queued before is passed over.

    Without a mail server nothing is: a letter that leaves in some months would tell of nothing any more.
    """
    if is_importing() or not can_send_letters():
        return
    rows = written(letters)
    if not rows:
        return
    QueuedLetter.objects.bulk_create(rows, ignore_conflicts=True)
    emit(LettersQueued(count=len(rows)))


def send_letters(now: datetime) -> int:
    """Sends what is due, and returns how many letters left; stops at the first trouble with the server."""
    _give_up_old(now)
    if not can_send_letters() or not QueuedLetter.objects.due(now).exists():
        return 0
    server = MailServer.of_settings()
    count = 0
    with mailers["smtp"].line(server) as send_message:
        while (letter := _send_one(now, send_message, sender=server.sender)) is not None:
            if letter.sent_at is None and letter.failed_at is None:
                break
            count += letter.sent_at is not None
    return count


@transaction.atomic
def _send_one(now: datetime, send_message: Send, *, sender: str) -> QueuedLetter | None:
    """The letter with what became of it. Its row is locked meanwhile: of a sender that dies, PostgreSQL
    undoes the lock, and the letter is sent by another under the same Message-ID."""
    letter = (
        QueuedLetter.objects.due(now).select_for_update(skip_locked=True).order_by("send_after", "id").first()
    )
    if letter is None:
        return None
    try:
        send_message(message_of(letter, sender=sender))
    except LetterRefused as refusal:
        log.warning("%s was refused: %s", letter, refusal)
        letter.failed_at, letter.error = now, str(refusal)
    except MailTrouble as trouble:
        log.warning("%s waits: %s", letter, trouble)
        letter.error = str(trouble)
        letter.send_after = now + pause_after(letter.attempts + 1)
    else:
        letter.sent_at, letter.error, letter.text, letter.html = now, "", "", ""
    letter.attempts += 1
    letter.save(update_fields=["attempts", "error", "failed_at", "html", "send_after", "sent_at", "text"])
    return letter


def pause_after(attempts: int) -> timedelta:
    """How long a letter rests that failed so many times: 1 minute, 2, 4 ... four hours."""
    return min(timedelta(minutes=2 ** min(attempts - 1, 10)), LONGEST_PAUSE)


def _give_up_old(now: datetime) -> None:
    old = QueuedLetter.objects.waiting().filter(created_at__lt=now - GIVEN_UP_AFTER)
    old.update(failed_at=now, text="", html="")


def forget_letters(now: datetime) -> int:
    """Removes what was sent or given up two months ago; returns how many."""
    old = QueuedLetter.objects.filter(created_at__lt=now - KEEP_LETTERS)
    return old.delete()[0]
