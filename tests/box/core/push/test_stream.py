"""What a listener hears."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from box.core.access.actions import create_role, grant_role, set_networks
from box.core.access.principals import code_of
from box.core.accounts.actions import change_password, dismiss_user, end_session
from box.core.accounts.models import Session, User
from box.core.events.delivery import deliver_all
from box.core.push.actions import send
from box.core.push.hub import MOST_STREAMS
from box.core.push.models import PushMessage
from box.core.structure.actions import add_member, remove_member
from tests.box.core.push.listening import EventSource, listening
from tests.box.processes import get, until

if TYPE_CHECKING:
    from box.core.structure.models import Department

SessionOf = Callable[["User"], str]
Tell = Callable[..., None]


def test_a_stranger_is_refused(push: Path) -> None:
    assert get(push, "/push/stream")[0] == 401
    assert EventSource(push, "no-such-session").status == 401


def test_another_sites_page_is_refused(push: Path, anna: User, session_of: SessionOf) -> None:
    session = session_of(anna)
    assert EventSource(push, session, Origin="https://evil.test").status == 403
    assert EventSource(push, session, Sec_Fetch_Site="cross-site").status == 403
    with listening(push, session, Origin="https://portal.test", Sec_Fetch_Site="same-origin"):
        pass


def test_who_may_come_from_some_networks_only_listens_from_there_only(
    push: Path, anna: User, session_of: SessionOf
) -> None:
    role = create_role("Office", [], by=None)
    grant_role(role, f"U{anna.pk}", by=None)
    set_networks(role, ["10.0.0.0/8"], by=None, from_address="")
    session = session_of(anna)
    assert EventSource(push, session, X_Forwarded_For="198.51.100.7").status == 403
    assert EventSource(push, session).status == 403
    with listening(push, session, X_Forwarded_For="10.1.2.3"):
        pass


def test_who_is_kept_out_meanwhile_is_not_signed_out(push: Path, anna: User, session_of: SessionOf) -> None:
    """A page that hears so leads to the door, which would lead back to it."""
    deliver_all()
    elsewhere = Session.objects.get(session_key=session_of(anna))
    with listening(push, session_of(anna), X_Forwarded_For="198.51.100.7") as of_anna:
        role = create_role("Office", [], by=None)
        grant_role(role, f"U{anna.pk}", by=None)
        set_networks(role, ["10.0.0.0/8"], by=None, from_address="")
        end_session(elsewhere)
        deliver_all()
        while (event := of_anna.next()) is not None:
            assert event.kind != "signed-out"


def test_without_the_factor_that_is_due_nobody_listens(push: Path, olga: User, session_of: SessionOf) -> None:
    session, now = session_of(olga), timezone.now()
    for due, status in ((now - timedelta(minutes=1), 403), (now + timedelta(days=1), 200)):
        User.objects.filter(pk=olga.pk).update(second_factor_due_at=due)
        source = EventSource(push, session)
        assert source.status == status
        source.close()


def test_bad_input_is_refused(push: Path, anna: User, session_of: SessionOf) -> None:
    session = session_of(anna)
    assert EventSource(push, session, "/push/stream?after=yesterday").status == 400
    assert EventSource(push, session, "/push/stream?last=soon").status == 400
    assert EventSource(push, session, f"/push/stream?last={'9' * 5000}").status == 400
    assert EventSource(push, session, Last_Event_ID="-1").status == 400
    assert get(push, "/push/stream", "POST")[0] == 405


def test_one_person_takes_nobody_elses_place(
    push: Path, anna: User, boris: User, session_of: SessionOf
) -> None:
    session = session_of(anna)
    with ExitStack() as open_streams:
        for _ in range(MOST_STREAMS):
            open_streams.enter_context(listening(push, session))
        refused = EventSource(push, session)
        assert refused.status == 429
        refused.close()
        with listening(push, session_of(boris)):
            pass


def test_hello_tells_how_many_listen(push: Path, anna: User, session_of: SessionOf) -> None:
    session = session_of(anna)
    with listening(push, session):
        second = EventSource(push, session)
        hello = second.next()
        assert hello is not None
        assert (hello.name, hello.data) == ("hello", {"listeners": 2})
        second.close()

    def is_alone() -> bool:
        source = EventSource(push, session)
        hello = source.next()
        source.close()
        return hello is not None and hello.data == {"listeners": 1}

    until(is_alone)


def test_a_message_reaches_those_whom_it_is_for(
    push: Path,
    anna: User,
    boris: User,
    cara: User,
    erik: User,
    sales: Department,
    session_of: SessionOf,
    tell: Tell,
) -> None:
    with (
        listening(push, session_of(anna)) as of_anna,
        listening(push, session_of(boris)) as of_boris,
        listening(push, session_of(cara)) as of_cara,
        listening(push, session_of(erik)) as of_erik,
    ):
        tell(f"D{sales.pk}", "for-sales", id=7)
        tell("UA", "for-all")
        send("feed", "for-two", audience=[code_of(erik), code_of(cara)])
        heard = of_anna.next_message()
        assert heard.data == {"topic": "feed", "kind": "for-sales", "payload": {"id": 7}}
        assert [of_boris.next_message().kind, of_boris.next_message().kind] == ["for-sales", "for-all"]
        assert [of_cara.next_message().kind, of_cara.next_message().kind] == ["for-all", "for-two"]
        assert of_erik.next_message().kind == "for-two", "guests are not employees"


def test_a_message_comes_once_to_who_has_several_of_its_codes(
    push: Path, anna: User, sales: Department, session_of: SessionOf, tell: Tell
) -> None:
    with listening(push, session_of(anna)) as of_anna:
        send("feed", "posted", audience=["UA", f"D{sales.pk}", code_of(anna)])
        tell("UA", "next")
        assert [of_anna.next_message().kind, of_anna.next_message().kind] == ["posted", "next"]


def test_what_was_rolled_back_is_not_told(push: Path, anna: User, session_of: SessionOf, tell: Tell) -> None:
    with listening(push, session_of(anna)) as of_anna:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            tell("UA", "never")
            raise ZeroDivisionError
        tell("UA", "told")
        assert of_anna.next_message().kind == "told"


def test_texts_arrive_as_they_were_written(push: Path, anna: User, session_of: SessionOf, tell: Tell) -> None:
    text = 'Ёлка\n\ndata: "чужое"\r\nid: 9 \u2028 🎄'
    with listening(push, session_of(anna)) as of_anna:
        tell("UA", "posted", text=text)
        assert of_anna.next_message().data["payload"] == {"text": text}


def test_what_commits_late_is_not_missed(push: Path, anna: User, session_of: SessionOf, tell: Tell) -> None:
    """The ids of two transactions are taken in one order and seen in the other."""
    settings = connection.settings_dict
    with (
        listening(push, session_of(anna)) as of_anna,
        psycopg.connect(host=settings["HOST"], dbname=settings["NAME"], user=settings["USER"]) as slow,
    ):
        slow.execute(
            "INSERT INTO push_pushmessage (topic, kind, audience, payload)"
            " VALUES ('feed', 'late', '{UA}', '{}')"
        )
        slow.execute("NOTIFY push_sent")
        tell("UA", "early")
        early = of_anna.next_message()
        slow.commit()
        late = of_anna.next_message()
    assert (early.kind, late.kind) == ("early", "late")
    assert late.number == early.number + 1
    assert PushMessage.objects.get(kind="late").pk < PushMessage.objects.get(kind="early").pk


def test_who_comes_back_hears_what_was_missed(
    push: Path, anna: User, cara: User, sales: Department, session_of: SessionOf, tell: Tell
) -> None:
    session = session_of(anna)
    with listening(push, session) as of_anna:
        tell("UA", "first")
        last = of_anna.next_message().number
    with listening(push, session_of(cara)) as of_cara:
        tell(f"D{sales.pk}", "second")
        tell(code_of(cara), "private")
        tell("UA", "third")
        assert [of_cara.next_message().kind, of_cara.next_message().kind] == ["private", "third"]
    for target, headers in (
        ("/push/stream", {"Last_Event_ID": str(last)}),
        (f"/push/stream?after={last}", {}),
        ("/push/stream?after=0", {"Last_Event_ID": str(last)}),
    ):
        source = EventSource(push, session, target, **headers)
        assert [source.next_message().kind, source.next_message().kind] == ["second", "third"]
        hello = source.next()
        assert hello is not None
        assert (hello.name, hello.number) == ("hello", last + 3)
        source.close()


def test_a_page_hears_what_was_told_since_it_was_asked_for(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    session = session_of(anna)
    with listening(push, session) as of_anna:
        tell("UA", "first")
        last = of_anna.next_message().number
    # Longer than this service runs: what was told before it, nobody knows.
    for seconds, begins_with in ((0, "hello"), (3600, "reset")):
        source = EventSource(push, session, f"/push/stream?last={seconds}")
        begun = source.next()
        assert begun is not None
        assert (begun.name, begun.number) == (begins_with, last)
        source.close()


def test_who_comes_back_too_late_is_told_to_look_at_everything(
    env: dict[str, str], anna: User, session_of: SessionOf, request: pytest.FixtureRequest
) -> None:
    PushMessage.objects.create(number=5, topic="feed", kind="kept", audience=["UA"])
    push: Path = request.getfixturevalue("push")
    session = session_of(anna)
    kept = EventSource(push, session, "/push/stream?after=4")
    assert kept.next_message().kind == "kept"
    for unknown in ("3", "6"):  # swept away; not given yet, as after a restore
        source = EventSource(push, session, f"/push/stream?after={unknown}")
        reset = source.next()
        assert reset is not None
        assert (reset.name, reset.number) == ("reset", 5)
        source.close()
    kept.close()


def test_new_access_is_heard_and_lost_access_is_not(
    push: Path, cara: User, sales: Department, session_of: SessionOf, tell: Tell
) -> None:
    in_sales = f"D{sales.pk}"
    with listening(push, session_of(cara)) as of_cara:
        tell(in_sales, "before")
        add_member(sales, cara, by=None)
        deliver_all()
        assert of_cara.next_message().kind == "access-changed"

        def hears() -> bool:
            tell(in_sales, "inside")
            tell(code_of(cara), "mark")
            return of_cara.next_message().kind == "inside" and of_cara.next_message().kind == "mark"

        until(hears)
        remove_member(sales, cara, by=None)
        deliver_all()
        # What was told while the new access was on its way may stand before it.
        until(lambda: of_cara.next_message().kind == "access-changed")
        until(lambda: not hears())


def test_the_dismissed_are_signed_out(
    push: Path, anna: User, boris: User, session_of: SessionOf, tell: Tell
) -> None:
    deliver_all()  # what the arrival of these people has to tell
    session = session_of(anna)
    with listening(push, session) as of_anna, listening(push, session_of(boris)) as of_boris:
        dismiss_user(anna, by=None)
        deliver_all()
        kinds = []
        while (event := of_anna.next()) is not None:
            kinds.append(event.kind)
        assert kinds[-1] == "signed-out"
        assert of_anna.retry is not None
        tell("UA", "posted")
        # Whoever looks at the structure no longer finds her there.
        assert [of_boris.next_message().kind for _ in range(2)] == ["structure", "posted"]
    assert EventSource(push, session).status == 401


def test_a_new_password_ends_the_other_sessions_only(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    deliver_all()
    here, there = session_of(anna), session_of(anna)
    with listening(push, here) as of_here, listening(push, there) as of_there:
        change_password(anna, "another horse battery", by=anna, session_key=here)
        deliver_all()
        assert of_there.next_message().kind == "signed-out"
        assert of_there.next() is None
        tell("UA", "posted")
        assert of_here.next_message().kind == "posted"


def test_a_slow_reader_is_told_to_look_anew_and_delays_nobody(
    push: Path, anna: User, boris: User, session_of: SessionOf, tell: Tell
) -> None:
    count, big = 40, "x" * 50_000
    with listening(push, session_of(anna)) as slow, listening(push, session_of(boris)) as fast:
        for number in range(count):
            tell("UA", "big", number=number, text=big)
            assert fast.next_message().data["payload"]["number"] == number
        heard = []
        while (event := slow.next()) is not None and event.name == "message":
            heard.append(event.data["payload"]["number"])
        assert heard == list(range(len(heard))), "what it got is a beginning without holes"
        assert len(heard) < count
        assert event is not None
        assert event.name == "reset"
        tell("UA", "after")
        assert slow.next_message().kind == "after"
