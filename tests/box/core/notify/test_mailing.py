"""Notices by letter: to whom, when, and never twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.notices import COMMENTED, MENTIONED
from box.core.accounts.models import User
from box.core.notify import mailing
from box.core.notify.actions import Decision, decide, mark_all_read, notify, queue_letters, unread_count
from box.core.notify.after_restore import discard_unsent
from box.core.notify.mailing import mail_notices, send_digests, unsubscribe_address, zone_of
from box.core.notify.models import Notification, Preferences, Presence, QueuedLetter
from box.core.notify.presence import PresenceMiddleware, note
from box.core.notify.topics import quiet_until
from box.core.registry.capabilities import Letter, Ref
from box.core.registry.notices import Notice
from box.core.registry.settings import store

pytestmark = pytest.mark.usefixtures("clock")

type Browser = Callable[[User], Client]

ALL = frozenset({"feed.mentions", "feed.comments", "other"})


@pytest.fixture
def post(db: None, anna: User) -> Ref:
    store({"mail.host": "mail.test"})
    return publish_post(Draft("Spring plan"), by=anna).ref


def call(user: User, by: User, about: Ref, notice: Notice = MENTIONED, key: str = "1") -> None:
    notify(user, notice, about=about, key=key, actor=by)


def letters() -> list[QueuedLetter]:
    return list(QueuedLetter.objects.order_by("pk"))


def now() -> datetime:
    return timezone.now()


def seen(user: User, ago: timedelta) -> None:
    Presence.objects.update_or_create(user=user, defaults={"seen_at": now() - ago})


def test_a_mention_is_mailed_and_a_comment_is_not(post: Ref, anna: User, boris: User) -> None:
    User.objects.filter(pk=boris.pk).update(language="ru")
    boris.refresh_from_db()
    call(boris, anna, post)
    call(boris, anna, post, COMMENTED, "2")
    assert mail_notices(now()) == 1
    (letter,) = letters()
    assert letter.to == boris.email
    assert letter.language == "ru"
    assert "Anna Test" in letter.subject
    assert "Spring plan" in letter.subject
    assert 'href="https://' in letter.html
    assert "/letters/" in letter.unsubscribe
    assert mail_notices(now()) == 0, "once"


def test_who_is_here_is_not_mailed_until_they_are_away(post: Ref, anna: User, boris: User) -> None:
    seen(boris, timedelta(minutes=3))
    call(boris, anna, post)
    assert mail_notices(now()) == 0
    assert mail_notices(now() + timedelta(minutes=11)) == 0
    assert mail_notices(now() + timedelta(minutes=13)) == 1


def test_what_was_read_meanwhile_is_not_mailed(post: Ref, anna: User, boris: User) -> None:
    seen(boris, timedelta(0))
    call(boris, anna, post)
    mail_notices(now())
    mark_all_read(boris)
    assert mail_notices(now() + timedelta(hours=1)) == 0
    assert not Notification.objects.exclude(mail_after=None).exists()


def test_within_quiet_hours_letters_wait(post: Ref, anna: User, boris: User) -> None:
    User.objects.filter(pk=boris.pk).update(time_zone="Asia/Tokyo")
    decide(boris, Decision(frozenset(), ALL, quiet_from=time(22), quiet_until=time(7)))
    boris.refresh_from_db()
    call(boris, anna, post)
    tokyo_night = datetime(2030, 3, 1, 15, 0, tzinfo=UTC)  # midnight there
    assert mail_notices(tokyo_night) == 0
    assert Notification.objects.get().mail_after == datetime(2030, 3, 1, 22, 0, tzinfo=UTC)
    assert mail_notices(datetime(2030, 3, 1, 22, 0, tzinfo=UTC)) == 1


def test_what_one_does_not_want_is_not_told(post: Ref, anna: User, boris: User) -> None:
    decide(boris, Decision(hidden=frozenset({"feed.comments"}), mailed=frozenset()))
    call(boris, anna, post, COMMENTED)
    assert unread_count(boris) == 0
    call(boris, anna, post, key="2")
    assert unread_count(boris) == 1
    assert mail_notices(now()) == 0
    decide(boris, Decision(frozenset(), mailed=frozenset({"feed.comments"})))
    call(boris, anna, post, COMMENTED, "3")
    assert mail_notices(now()) == 1


def test_what_is_gone_or_for_somebody_dismissed_is_not_mailed(
    post: Ref, anna: User, boris: User, cara: User
) -> None:
    call(boris, anna, Ref("feed.post", 10**9))
    User.objects.filter(pk=cara.pk).update(status=User.Status.DISMISSED)
    call(cara, anna, post)
    assert mail_notices(now()) == 0


def test_without_a_mail_server_nothing_waits(post: Ref, anna: User, boris: User) -> None:
    store({"mail.host": ""})
    call(boris, anna, post)
    assert Notification.objects.get().mail_after is None


def test_a_process_killed_before_its_commit_has_queued_nothing_and_forgotten_nothing(
    post: Ref, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(boris, anna, post)

    class Killed(BaseException):
        pass

    def die(letters: object) -> None:
        raise Killed

    monkeypatch.setattr(mailing, "queue_letters", die)
    with pytest.raises(Killed):
        mail_notices(now())
    monkeypatch.undo()
    assert mail_notices(now()) == 1
    assert len(letters()) == 1


def test_the_daily_summary_comes_once_in_ones_own_morning(post: Ref, anna: User, boris: User) -> None:
    decide(boris, Decision(frozenset(), frozenset(), digest=True))
    User.objects.filter(pk=boris.pk).update(time_zone="Asia/Tokyo")
    call(boris, anna, post)
    day = timezone.localdate() + timedelta(days=1)
    before = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC) - timedelta(days=1)  # 8:59 in Tokyo
    Notification.objects.update(created_at=before)
    assert send_digests(before) == 0
    assert send_digests(before + timedelta(minutes=1)) == 1
    assert send_digests(before + timedelta(hours=3)) == 0
    assert "Spring plan" in letters()[0].text


def test_after_a_restore_nothing_is_told_again_and_what_is_new_is(post: Ref, anna: User, boris: User) -> None:
    """The tables are of a moment before all of it was sent."""
    decide(boris, Decision(frozenset(), ALL, digest=True))
    call(boris, anna, post)
    queue_letters([Letter(key="old", to=boris.email, language="en", template="notify/test_letter.html")])
    day = timezone.localdate()
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone_of(boris))
    assert discard_unsent(noon) == 3
    later = noon + timedelta(minutes=5)
    assert (mail_notices(later), send_digests(later)) == (0, 0)
    assert not QueuedLetter.objects.due(later).exists()
    assert discard_unsent(later) == 0, "doing it again does no harm"
    call(boris, anna, post, key="2")
    assert mail_notices(now() + timedelta(minutes=1)) == 1
    assert QueuedLetter.objects.waiting().get().key.startswith("notice:")
    Notification.objects.update(created_at=noon + timedelta(hours=20))
    assert send_digests(noon + timedelta(hours=24)) == 1


def test_one_click_in_a_letter_ends_its_kind_without_signing_in(post: Ref, anna: User, boris: User) -> None:
    address = unsubscribe_address(boris, "feed.mentions")
    path = address[address.index("/letters/") :]
    stranger = Client(headers={"X-Forwarded-Proto": "https"}, enforce_csrf_checks=True)
    assert b"No such letters any more?" in stranger.get(path).content
    assert Preferences.objects.count() == 0, "looking changes nothing: mail programs look at links"
    answer = stranger.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    call(boris, anna, post)
    assert unread_count(boris) == 1
    assert mail_notices(now()) == 0
    assert stranger.post(f"{path[:-3]}x/").status_code == 403


def test_the_page_shows_and_takes_decisions(as_person: Browser, boris: User) -> None:
    browser = as_person(boris)
    page = " ".join(browser.get("/notifications/settings/").content.decode().split())
    assert (
        'name="mailed" value="feed.mentions" aria-label="Mentions of you in the feed: by e-mail" checked'
        in page
    )
    sent = {
        "told": ["feed.mentions", "other"],
        "mailed": ["other"],
        "quiet_from": "22:00",
        "quiet_until": "07:30",
    }
    assert browser.post("/notifications/settings/", sent).status_code == 302
    own = Preferences.objects.get()
    assert "feed.comments" in own.hidden
    assert "feed.mentions" not in own.hidden
    assert own.mailed == ["other"]
    assert "feed.mentions" in own.unmailed
    assert own.quiet_until == time(7, 30)
    page = browser.get("/notifications/settings/").content.decode()
    assert 'value="22:00"' in page
    refused = browser.post("/notifications/settings/", {**sent, "quiet_until": ""})
    assert refused.status_code == 422
    assert "Write both ends" in refused.content.decode()
    assert Preferences.objects.get().quiet_until == time(7, 30)


def test_presence_is_noted_once_in_a_while(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    browser.get("/notifications/")
    assert Presence.objects.get().user_id == anna.pk
    with CaptureQueriesContext(connection) as queries:
        browser.get("/notifications/")
    assert "presence" not in " ".join(query["sql"] for query in queries)
    middleware = PresenceMiddleware(lambda request: None)  # type: ignore[arg-type, return-value]
    assert [middleware._is_due(1), middleware._is_due(1), middleware._is_due(2)] == [True, False, True]


@pytest.mark.django_db(transaction=True)
def test_presence_of_nobody_fails_nothing() -> None:
    note(10**9)


TIMES = st.times()


@given(st.datetimes(timezones=st.just(UTC)), TIMES, TIMES)
def test_quiet_hours_end_soon_and_at_their_end(moment: datetime, begin: time, end: time) -> None:
    assume(moment.year < 9999)
    until = quiet_until(moment, begin, end)
    if until is None:
        return
    assert until.timetz().replace(tzinfo=None) == end
    assert moment < until <= moment + timedelta(days=1)
    assert quiet_until(until, begin, end) is None
