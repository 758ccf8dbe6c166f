"""Telling people, and people having read it; and letters, queued with what they tell of."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone

from box.core.access.principals import code_of
from box.core.accounts.models import User
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
    known = Notification.objects.filter(user__in=people, key=key).values_list("user_id", flat=True)
    for pk in known if people else ():
        del people[pk]
    if not people:
        return
    decided = Preferences.objects.in_bulk(people)
    can_mail, now = can_send_letters(), timezone.now()
    rows = [
        Notification(
            user=user,
            key=key,
            kind=notice.kind,
            about_kind=about.kind,
            about_id=about.id,
            actor=actor,
            mail_after=now if can_mail and user.email and is_mailed(decided.get(pk), notice.topic) else None,
        )
        for pk, (user, notice) in people.items()
        if is_told(decided.get(pk), notice.topic)
    ]
    # Whoever tells the same at once is not in the way.
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    _send_counts([row.user_id for row in rows])


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
    people = User.objects.filter(pk__in=user_ids)
    # Of two who count at once each would miss the other's, and the bell would show too little.
    list(people.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    counted = people.annotate(unread_now=unread_of_person()).only("pk")
    counts = (([code_of(person)], {"unread": person.unread_now}) for person in counted)
    send_each("notify", "count", counts)


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
