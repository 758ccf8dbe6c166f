"""Who is told what, and how often; and the number of unread notices that open pages show."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time

import pytest
from django.db import connection, transaction

from box.apps.feed.notices import COMMENTED, MENTIONED
from box.core.accounts.models import User
from box.core.notify.actions import (
    DIGEST,
    Decision,
    decide,
    mark_all_read,
    mark_read,
    notify,
    notify_all,
    notify_each,
    stop_letters,
    unread_count,
)
from box.core.notify.models import Notification, Preferences
from box.core.notify.topics import topics
from box.core.push.models import PushMessage
from box.core.registry.capabilities import Ref
from box.core.registry.origin import importing
from box.core.registry.settings import store
from tests.appliance.boxes import wait_until

PATIENCE = 20.0


@pytest.mark.django_db(transaction=True)
def test_of_two_told_at_once_the_last_number_is_the_whole(anna: User) -> None:
    backend = threading.Event()

    def tell_another() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = 'tells another'")
            backend.set()
            notify(anna, COMMENTED, about=Ref("feed.post", 2), key="second")
        finally:
            connection.close()

    other = threading.Thread(target=tell_another)
    with transaction.atomic():
        notify(anna, COMMENTED, about=Ref("feed.post", 1), key="first")
        other.start()
        assert backend.wait(PATIENCE)
        wait_until(lambda: is_waiting() or not other.is_alive())
    other.join(PATIENCE)
    told = PushMessage.objects.filter(topic="notify", kind="count").order_by("pk")
    assert [message.payload["unread"] for message in told] == [1, 2]


POST, OTHER_POST = Ref("feed.post", 1), Ref("feed.post", 2)


def told_to(user: User) -> list[tuple[str, int]]:
    return list(
        Notification.objects.filter(user=user, read_at=None).order_by("pk").values_list("kind", "about_id")
    )


def counts() -> list[tuple[list[str], int]]:
    rows = PushMessage.objects.filter(topic="notify", kind="count").order_by("pk")
    return [(row.audience, row.payload["unread"]) for row in rows]


@pytest.mark.django_db
def test_the_same_is_told_once_to_each_and_to_whoever_was_not_told_yet(
    anna: User, boris: User, cara: User
) -> None:
    notify(anna, COMMENTED, about=POST, key="one")
    notify_all([anna, boris], COMMENTED, about=POST, key="one", actor=cara)
    assert counts() == [([f"U{anna.pk}"], 1), ([f"U{boris.pk}"], 1)]
    notify(anna, COMMENTED, about=OTHER_POST, key="two")
    assert told_to(anna) == [(COMMENTED.kind, 1), (COMMENTED.kind, 2)]
    assert told_to(boris) == [(COMMENTED.kind, 1)]
    assert Notification.objects.get(user=boris).actor == cara
    notify_all([], COMMENTED, about=POST, key="three")
    assert not Notification.objects.filter(key="three").exists()


@pytest.mark.django_db
def test_of_two_words_for_somebody_the_first_is_told(anna: User, boris: User) -> None:
    notify_each([(anna, MENTIONED), (boris, COMMENTED), (anna, COMMENTED)], about=POST, key="one")
    assert (told_to(anna), told_to(boris)) == ([(MENTIONED.kind, 1)], [(COMMENTED.kind, 1)])


@pytest.mark.django_db
def test_what_is_taken_over_from_elsewhere_is_told_to_nobody(anna: User) -> None:
    with importing(at=datetime(2026, 1, 1, tzinfo=UTC)):
        notify(anna, COMMENTED, about=POST, key="one")
    assert told_to(anna) == []


@pytest.mark.django_db
def test_by_letter_hears_who_has_an_address_and_wants_letters_of_it(anna: User, boris: User) -> None:
    store({"mail.host": "mail.test"})
    User.objects.filter(pk=boris.pk).update(email="")
    boris.refresh_from_db()
    notify_all([anna, boris], MENTIONED, about=POST, key="mention")
    notify(anna, COMMENTED, about=POST, key="comment")
    waiting = Notification.objects.exclude(mail_after=None)
    assert [(one.user, one.key) for one in waiting.select_related("user")] == [(anna, "mention")]
    assert Notification.objects.count() == 3


@pytest.mark.django_db
def test_what_came_after_what_one_was_shown_stays_unread(anna: User, boris: User) -> None:
    for key in ("one", "two", "three"):
        notify_all([anna, boris], COMMENTED, about=POST, key=key)
    second = Notification.objects.get(user=anna, key="two")
    PushMessage.objects.all().delete()
    mark_all_read(anna, up_to=second.pk)
    assert (unread_count(anna), unread_count(boris)) == (1, 3)
    # Doing it again tells no page anything.
    mark_all_read(anna, up_to=second.pk)
    assert counts() == [([f"U{anna.pk}"], 1)]
    mark_all_read(anna)
    assert (unread_count(anna), unread_count(boris)) == (0, 3)


@pytest.mark.django_db
def test_what_stands_behind_a_notice_on_its_line_is_read_with_it(anna: User, boris: User) -> None:
    notify_all([anna, boris], COMMENTED, about=POST, key="one")
    notify(anna, COMMENTED, about=OTHER_POST, key="two")
    notify(anna, MENTIONED, about=POST, key="three")
    notify(anna, COMMENTED, about=POST, key="four")
    notify(anna, COMMENTED, about=POST, key="five")
    PushMessage.objects.all().delete()
    for _again in range(2):
        mark_read(Notification.objects.get(user=anna, key="four"))
    unread = Notification.objects.filter(user=anna, read_at=None).order_by("pk")
    assert [one.key for one in unread] == ["two", "three", "five"]
    assert unread_count(boris) == 1
    assert counts() == [([f"U{anna.pk}"], 3)]


@pytest.mark.django_db
def test_more_than_a_bell_shows_is_not_counted(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.core.notify.actions.COUNT_CAP", 2)
    for key in ("one", "two", "three"):
        notify(anna, COMMENTED, about=POST, key=key)
    assert unread_count(anna) == 2


@pytest.mark.django_db
def test_a_decision_is_kept_as_what_differs_from_what_is_usual(anna: User, boris: User) -> None:
    assert MENTIONED.topic.by_mail and not COMMENTED.topic.by_mail
    decide(
        anna,
        Decision(
            hidden=frozenset({"other"}), mailed=frozenset({COMMENTED.topic.key}), quiet_from=time(22),
            quiet_until=time(7), digest=True,
        ),
    )  # fmt: skip
    kept = Preferences.objects.get(user=anna)
    assert (kept.hidden, kept.mailed) == (["other"], [COMMENTED.topic.key])
    assert MENTIONED.topic.key in kept.unmailed
    assert (kept.quiet_from, kept.quiet_until, kept.digest) == (time(22), time(7), True)
    decide(anna, Decision(hidden=frozenset(), mailed=frozenset({MENTIONED.topic.key})))
    kept.refresh_from_db()
    assert (kept.hidden, kept.mailed, kept.quiet_from, kept.digest) == ([], [], None, False)
    assert MENTIONED.topic.key not in kept.unmailed
    assert not Preferences.objects.filter(user=boris).exists()


@pytest.mark.django_db
def test_who_wants_no_letters_of_a_topic_keeps_the_others(anna: User) -> None:
    mentions, comments = MENTIONED.topic.key, COMMENTED.topic.key
    decide(anna, Decision(frozenset(), frozenset({mentions, comments}), digest=True))
    stop_letters(anna, comments)
    kept = Preferences.objects.get(user=anna)
    others = {topic.key for topic in topics() if topic.by_mail} - {mentions}
    assert (kept.mailed, kept.unmailed) == ([], sorted({*others, comments}))
    assert kept.digest
    stop_letters(anna, mentions)
    stop_letters(anna, DIGEST)
    kept.refresh_from_db()
    assert (mentions in kept.unmailed, kept.digest) == (True, False)
    assert DIGEST not in kept.unmailed


def is_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE application_name = 'tells another' AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone() is not None
