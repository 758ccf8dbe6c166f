"""People get something of their own back from a backup; beside a real agent, and nobody else learns what."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from appliance.agent import search_results
from appliance.agent.answers import BackupSetState, BackupState, FoundThing, FoundThings
from appliance.agent.journal import Journal
from appliance.agent.operations import LOOKING
from appliance.client import FindOwn, ListOperations, PutBack, PutOwnBack, ReadOperation, Refused
from box.console import actions, jobs
from box.console.backups import retrieval_jobs
from box.console.backups.agent import memory
from box.console.backups.presenters import set_from
from box.console.backups.retrieval_jobs import follow_all
from box.console.jobs import take_over_page
from box.console.models import Retrieval
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.notify.models import Notification
from tests.appliance.boxes import agent_of, recorded, wait_until
from tests.box.console.test_backups import note
from tests.clock import MIDDAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

    from django.test import Client

    from appliance.node import Node
    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

WORD = "Zyxwvut"
THINGS = (
    FoundThing(1, f"{WORD} of Monday", "anna", MIDDAY, "gone"),
    FoundThing(2, f"{WORD} of Tuesday", "anna", MIDDAY, "changed"),
)


@pytest.fixture(autouse=True)
def _unknown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What was heard of other tests' agents is forgotten, and jobs wait until a test does their work."""
    memory.forget()
    monkeypatch.setattr(jobs, "follow_retrievals", lambda: None)
    yield
    memory.forget()


def asked(person: User, day: date | None = None) -> Retrieval:
    return actions.ask_back("feed.post", WORD, day, by=person)


def form(**changed: str) -> dict[str, str]:
    return {"kind": "feed.post", "text": WORD, "day": "", "nonce": str(uuid4()), **changed}


def search_of(node: Node, one: Retrieval, things: tuple[FoundThing, ...]) -> Journal:
    """A search that has looked through a backup, as the operation leaves it."""
    login = one.asker.login
    arguments = {"kind": one.kind, "text": one.text, "reader": login, "key": str(one.key), "is_own": True}
    journal = Journal.begin(node.paths.operations, "find", arguments, by=login)
    journal.append(LOOKING)
    seen = FoundThings(journal.id, "disk", "20261124-110000F", one.kind, things)
    search_results.keep(node.paths, seen, login, [[] for _ in things])
    journal.end("done", f"In the newest set {len(things) or 'no'} things were found.")
    return journal


def wait_for(node: Node, name: str, reader: User) -> None:
    wait_until(lambda: agent_of(node).ask(ReadOperation(name, reader.login)).state != "running")


def looked_through(node: Node, person: User, keeper: User, things: tuple[FoundThing, ...]) -> Retrieval:
    one = asked(person)
    actions.allow_retrieval(one, by=keeper)
    search_of(node, one, things)
    follow_all(now=timezone.now())
    one.refresh_from_db()
    assert one.state == Retrieval.State.LOOKED
    return one


# Asking


def test_the_menu_has_it_where_there_are_backups_and_for_whoever_needs_to_ask(
    as_person: Browser,
    anna: User,
    olga: User,
    erik: User,
    agent: Node,
) -> None:
    entry = 'href="/retrievals/"'
    assert entry not in as_person(anna).get("/notifications/").content.decode()
    memory.forget()
    note(agent)
    assert entry in as_person(anna).get("/notifications/").content.decode()
    for other in (olga, erik):
        assert entry not in as_person(other).get("/notifications/").content.decode()


def test_somebody_asks_once_however_often_it_is_sent(
    as_person: Browser,
    anna: User,
    agent: Node,
) -> None:
    note(agent)
    browser, sent = as_person(anna), form()
    first, second = (browser.post("/retrievals/", sent) for _ in range(2))
    one = Retrieval.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == f"/retrievals/{one.pk}/"
    page = browser.get(f"/retrievals/{one.pk}/").content.decode()
    assert WORD in page and "Take the request back" in page
    assert "as" in browser.get("/retrievals/").content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": " "}, "This field is required."),
        ({"kind": "org.department"}, "Select a valid choice"),
        ({"kind": "nonsense"}, "Select a valid choice"),
        ({"day": "2020-01-01"}, "The oldest backup is from"),
        ({"day": "yesterday"}, "Enter a valid date."),
        ({"nonce": ""}, "reload the page"),
    ],
)
def test_what_makes_no_sense_is_refused(
    as_person: Browser,
    anna: User,
    agent: Node,
    changed: dict[str, str],
    words: str,
) -> None:
    note(agent)
    answer = as_person(anna).post("/retrievals/", form(**changed))
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert not Retrieval.objects.exists()


def test_without_backups_nothing_can_be_asked_for(
    as_person: Browser,
    anna: User,
    agent: Node,
) -> None:
    assert "There are no backups yet" in as_person(anna).get("/retrievals/").content.decode()
    assert as_person(anna).post("/retrievals/", form()).status_code == 422
    assert not Retrieval.objects.exists()


def test_one_request_is_open_at_a_time(anna: User, olga: User) -> None:
    one = asked(anna)
    with pytest.raises(ValidationError, match="asked for something already"):
        asked(anna)
    actions.allow_retrieval(one, by=olga)
    with pytest.raises(ValidationError, match="asked for something already"):
        asked(anna)
    actions.give_up_retrieval(one, Retrieval.Why.FAILED)
    assert asked(anna).is_open


def test_who_asks_again_and_again_is_asked_to_wait(anna: User, boris: User) -> None:
    for _ in range(actions.ASKED_A_DAY):
        actions.take_request_back(asked(anna), by=anna)
    with pytest.raises(ValidationError, match="Ask again tomorrow"):
        asked(anna)
    asked(boris)
    Retrieval.objects.update(asked_at=timezone.now() - timedelta(hours=25))
    asked(anna)


def test_who_looks_after_backups_looks_and_guests_do_not(olga: User, erik: User) -> None:
    for other in (olga, erik):
        with pytest.raises(PermissionDenied):
            asked(other)


def test_a_request_is_taken_back_by_whoever_made_it(anna: User, boris: User, olga: User) -> None:
    one = asked(anna)
    with pytest.raises(PermissionDenied):
        actions.take_request_back(one, by=boris)
    for _ in range(2):
        actions.take_request_back(one, by=anna)
    actions.allow_retrieval(one, by=olga)
    one.refresh_from_db()
    assert (one.state, one.why, one.text, one.kind) == ("over", "withdrawn", "", "")
    assert Event.objects.filter(kind="console.RetrievalWithdrawn").count() == 1


# Answering


def test_whoever_looks_after_backups_hears_once_who_asks_and_not_for_what(
    as_person: Browser,
    anna: User,
    olga: User,
    boris: User,
    agent: Node,
) -> None:
    note(agent)
    one = asked(anna, date(2026, 11, 20))
    for _ in range(2):
        deliver_all()
    (notice,) = Notification.objects.all()
    assert (notice.user, notice.actor, notice.kind) == (olga, anna, "console.retrieval_asked")
    pages = [as_person(olga).get(at).content.decode() for at in ("/notifications/", "/console/backups/")]
    for page in pages:
        assert anna.name in page and "from before" in page
        assert WORD not in page and "feed.post" not in page
    assert f"/console/backups/requests/{one.pk}/permission/" in pages[1]
    assert as_person(boris).post(f"/console/backups/requests/{one.pk}/permission/").status_code == 404


def test_a_refusal_says_why(as_person: Browser, anna: User, olga: User, agent: Node) -> None:
    note(agent)
    one = asked(anna)
    address = f"/console/backups/requests/{one.pk}/refusal/"
    assert as_person(olga).post(address, {"why": " "}).status_code == 422
    assert as_person(olga).post(address, {"why": "Come on Monday."}).status_code == 302
    actions.allow_retrieval(one, by=olga)
    deliver_all()
    one.refresh_from_db()
    assert (one.state, one.text, one.answered_by) == ("refused", "", olga)
    assert Notification.objects.filter(user=anna, kind="console.retrieval_refused").count() == 1
    page = as_person(anna).get(f"/retrievals/{one.pk}/").content.decode()
    assert "Come on Monday." in page and olga.name in page


def test_only_who_looks_after_backups_answers(anna: User, boris: User) -> None:
    one = asked(anna)
    with pytest.raises(PermissionDenied):
        actions.allow_retrieval(one, by=boris)
    with pytest.raises(PermissionDenied):
        actions.refuse_retrieval(one, "no", by=boris)
    one.refresh_from_db()
    assert one.is_waiting


def test_each_request_is_answered_by_itself_once_and_in_its_turn(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    def told(kind: str) -> list[int]:
        rows = Event.objects.filter(kind=f"console.Retrieval{kind}").order_by("pk")
        return [row.payload["retrieval_id"] for row in rows]

    def states() -> list[str]:
        return list(Retrieval.objects.order_by("pk").values_list("state", flat=True))

    annas, boriss, caras = (asked(person) for person in (anna, boris, cara))
    assert told("Asked") == [annas.pk, boriss.pk, caras.pk]
    for _twice in range(2):
        actions.allow_retrieval(annas, by=olga)
        actions.refuse_retrieval(caras, "no", by=olga)
    # What was answered is neither taken back nor answered otherwise.
    actions.take_request_back(annas, by=anna)
    actions.refuse_retrieval(annas, "no", by=olga)
    actions.allow_retrieval(caras, by=olga)
    actions.give_up_retrieval(caras, Retrieval.Why.FAILED)
    assert states() == ["allowed", "asked", "refused"]
    # Only what was allowed is looked for.
    actions.note_search(boriss, "one")
    actions.note_look(boriss, now=MIDDAY)
    actions.allow_retrieval(boriss, by=olga)
    actions.note_search(annas, "two")
    for _twice in range(2):
        actions.note_look(annas, now=MIDDAY)
    assert states() == ["looked", "allowed", "refused"]
    assert list(Retrieval.objects.order_by("pk").values_list("operation", flat=True)) == ["two", "", ""]
    for _twice in range(2):
        actions.give_up_retrieval(boriss, Retrieval.Why.FAILED)
    assert states() == ["looked", "over", "refused"]
    assert [told(kind) for kind in ("Allowed", "Refused", "Looked", "Over", "Withdrawn")] == [
        [annas.pk, boriss.pk], [caras.pk], [annas.pk], [boriss.pk], []
    ]  # fmt: skip


def test_what_nobody_answers_or_can_do_ends(anna: User, boris: User, cara: User, olga: User) -> None:
    now = timezone.now()
    waiting, allowed = asked(anna), asked(boris)
    actions.allow_retrieval(allowed, by=olga)
    looked = Retrieval.objects.create(asker=cara, text=WORD, state="looked", asked_at=now, looked_at=now)
    actions.end_old_retrievals(now=now + timedelta(hours=23))
    assert Retrieval.objects.exclude(state="over").count() == 3
    actions.end_old_retrievals(now=now + timedelta(days=8))
    deliver_all()
    for one, why in ((waiting, "unanswered"), (allowed, "failed"), (looked, "")):
        one.refresh_from_db()
        assert (one.state, one.why, one.text) == ("over", why, "")
    over = Notification.objects.filter(kind="console.retrieval_over")
    assert set(over.values_list("user", flat=True)) == {anna.pk, boris.pk}


# Looking


def test_the_search_is_begun_once_in_the_askers_name_and_its_end_is_told(
    anna: User,
    olga: User,
    agent: Node,
) -> None:
    note(agent)
    one = asked(anna)
    follow_all(now=timezone.now())
    assert not Retrieval.objects.get().operation
    actions.allow_retrieval(one, by=olga)
    before = len(agent_of(agent).ask(ListOperations()).operations)
    follow_all(now=timezone.now())
    # As if whoever has begun it had died before it was noted.
    Retrieval.objects.update(operation="")
    follow_all(now=timezone.now())
    begun = agent_of(agent).ask(ListOperations()).operations
    assert len(begun) == before + 1
    assert (begun[0].kind, begun[0].asked_by) == ("find", anna.login)
    line = recorded(agent)[-1]
    assert line["operation"] == "FindOwn"
    assert set(line["arguments"]) == {"reader", "target", "set", "key"}  # type: ignore[call-overload]
    assert WORD not in json.dumps(recorded(agent))

    # This box has nothing that could be opened, and that is told, too.
    wait_until(lambda: agent_of(agent).ask(ReadOperation(begun[0].id)).state == "failed")
    follow_all(now=timezone.now())
    deliver_all()
    one.refresh_from_db()
    assert (one.state, one.why) == ("over", "failed")
    assert Notification.objects.filter(user=anna, kind="console.retrieval_over").count() == 1


class Died(BaseException):
    """The process is no more."""


def dying_at(line: int) -> Callable[..., Any]:
    """For `sys.settrace`: dies at the so many-th line of what follows a request."""
    count = itertools.count(1)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in (retrieval_jobs.__file__, actions.__file__):
            return None
        if event == "line" and next(count) == line:
            raise Died
        return trace

    return trace


def test_killed_at_each_line_the_search_is_begun_once_and_its_end_told_once(
    anna: User, olga: User, agent: Node
) -> None:
    note(agent)
    one = asked(anna)
    actions.allow_retrieval(one, by=olga)
    deaths = 0
    for line in itertools.count(1):
        sys.settrace(dying_at(line))
        try:
            follow_all(now=timezone.now())
        except Died:
            deaths += 1
        finally:
            sys.settrace(None)
        one.refresh_from_db()
        if not one.is_open:
            break
        if one.operation:
            wait_until(lambda: agent_of(agent).ask(ReadOperation(one.operation)).state == "failed")
    assert deaths > 15
    searches = [state for state in Journal.all(agent.paths.operations) if "key" in state.arguments]
    assert [state.arguments["key"] for state in searches].count(str(one.key)) == 1
    assert (one.state, one.why) == ("over", "failed")
    assert Event.objects.filter(kind="console.RetrievalOver").count() == 1


def test_an_operation_that_nobody_remembers_is_said_to_have_come_to_nothing(
    anna: User,
    olga: User,
    agent: Node,
) -> None:
    note(agent)
    one = asked(anna)
    actions.allow_retrieval(one, by=olga)
    actions.note_search(one, "20200101T000000000000-find-abcdef")
    follow_all(now=timezone.now())
    one.refresh_from_db()
    assert one.state == "allowed"
    follow_all(now=timezone.now() + timedelta(minutes=11))
    one.refresh_from_db()
    assert (one.state, one.why) == ("over", "failed")


def test_while_the_agent_is_away_what_was_allowed_waits(
    anna: User, olga: User, settings: Any, tmp_path: Any
) -> None:
    settings.AGENT_SOCKET = tmp_path / "nobody.sock"
    one = asked(anna)
    actions.allow_retrieval(one, by=olga)
    follow_all(now=timezone.now())
    one.refresh_from_db()
    assert (one.state, one.operation) == ("allowed", "")


def test_the_backup_from_before_the_day_is_chosen() -> None:
    def made(label: str, days: int, problem: str = "") -> BackupSetState:
        at = MIDDAY - timedelta(days=days)
        return BackupSetState(label, "disk", "full", at, 1, 1, 1, 1, problem=problem)

    state = BackupState(MIDDAY, sets=(made("d", 0), made("c", 1, "damaged"), made("b", 2), made("a", 3)))
    today = timezone.localtime(MIDDAY).date()

    def chosen(day: date | None) -> str:
        one = set_from(state, day)
        return one.label if one else ""

    assert chosen(None) == "d"
    assert [chosen(today - timedelta(days=days)) for days in range(-1, 4)] == ["d", "b", "b", "a", ""]


def test_whoever_has_asked_sees_what_was_found_and_nobody_else(
    as_person: Browser,
    anna: User,
    boris: User,
    olga: User,
    agent: Node,
) -> None:
    note(agent)
    one = looked_through(agent, anna, olga, THINGS)
    page = as_person(anna).get(f"/retrievals/{one.pk}/").content.decode()
    for words in (f"{WORD} of Monday", "gone now", "changed since", f"/retrievals/{one.pk}/putting-back/"):
        assert words in page
    for other in (boris, olga):
        assert as_person(other).get(f"/retrievals/{one.pk}/").status_code == 404
        sent = as_person(other).post(f"/retrievals/{one.pk}/putting-back/", {"number": "1"})
        assert sent.status_code == 404
    page = as_person(olga).get(f"/console/backups/searches/{one.operation}/").content.decode()
    assert WORD not in page and "search again" in page
    with pytest.raises(Refused, match="no such search"):
        agent_of(agent).ask(PutOwnBack(one.operation, 1, olga.login))


def test_what_is_put_back_is_followed_by_whoever_did_it_alone(
    as_person: Browser,
    anna: User,
    boris: User,
    olga: User,
    agent: Node,
) -> None:
    note(agent)
    one = looked_through(agent, anna, olga, THINGS)
    browser = as_person(anna)
    to = browser.post(f"/retrievals/{one.pk}/putting-back/", {"number": "1"}).headers["Location"]
    name = to.rstrip("/").rpartition("/")[2]
    wait_for(agent, name, anna)
    # There is no store in this box.
    assert browser.get(to).status_code == 200
    journal = Journal.begin(
        agent.paths.operations, "put-own-back", {"reader": anna.login, "is_own": True}, by=anna.login
    )
    journal.end("done", "It is back: /feed/17/")
    page = browser.get(f"/retrievals/{one.pk}/putting-back/{journal.id}/").content.decode()
    assert "It is back." in page and 'href="/feed/17/"' in page
    for person in ("", olga.login, boris.login):
        with pytest.raises(Refused, match="There is no operation"):
            agent_of(agent).ask(ReadOperation(journal.id, person))
    # Other operations are none of this page's business.
    other = Journal.begin(agent.paths.operations, "backup", {}, by="olga")
    other.end("done", "It is made.")
    assert browser.get(f"/retrievals/{one.pk}/putting-back/{other.id}/").status_code == 404


def test_after_a_day_it_is_said_that_nothing_is_kept(
    as_person: Browser,
    anna: User,
    olga: User,
    agent: Node,
) -> None:
    note(agent)
    one = looked_through(agent, anna, olga, THINGS)
    for file in (agent.paths.data / "operations/found").glob("*.json"):
        file.unlink()
    assert "is not kept any more" in as_person(anna).get(f"/retrievals/{one.pk}/").content.decode()
    actions.end_old_retrievals(now=timezone.now() + timedelta(days=2))
    assert "This request is over" in as_person(anna).get(f"/retrievals/{one.pk}/").content.decode()
    sent = as_person(anna).post(f"/retrievals/{one.pk}/putting-back/", {"number": "1"})
    assert sent.headers["Location"] == f"/retrievals/{one.pk}/"


def test_pages_cost_the_same_for_many_requests(
    as_person: Browser,
    anna: User,
    olga: User,
    person: Any,
    agent: Node,
) -> None:
    note(agent)
    mine, keeper = as_person(anna), as_person(olga)
    asked(anna)
    for browser, address in ((mine, "/retrievals/"), (keeper, "/console/backups/")):
        browser.get(address)
        with CaptureQueriesContext(connection) as for_one:
            browser.get(address)
        for number in range(12):
            other = person(f"Other{address.count('/')}{number}")
            Retrieval.objects.create(asker=other, asked_at=timezone.now())
            Retrieval.objects.create(
                asker=anna, asked_at=timezone.now(), state="refused", answered_by=olga, refusal="no"
            )
        with CaptureQueriesContext(connection) as for_many:
            browser.get(address)
        assert len(for_many) <= len(for_one)


def test_it_reads_in_russian(as_person: Browser, anna: User, agent: Node) -> None:
    note(agent)
    anna.language = "ru"
    anna.save()
    assert "Вернуть утраченное" in as_person(anna).get("/retrievals/").content.decode()


# What nobody else learns

ADMINISTRATORS_PAGES = (
    "/console/backups/",
    "/console/",
    "/console/audit/",
    "/console/audit/export/?format=csv",
    "/notifications/",
    "/console/services/agent/",
)


def seen_by(keeper: Client, node: Node) -> dict[str, str]:
    """Everything that administrators are shown, without moments and numbers."""
    while take_over_page():
        pass
    shown = {address: keeper.get(address).getvalue().decode() for address in ADMINISTRATORS_PAGES}
    # How services are is the machine's own business, and changes by itself.
    shown["/console/"] = repr(re.findall(r'<div class="operation">.*?</div>', shown["/console/"], re.DOTALL))
    record = node.paths.log / "operations.log"
    shown["record"] = record.read_text(encoding="utf-8") if record.exists() else ""
    shown["operations"] = repr(agent_of(node).ask(ListOperations(limit=50)))
    shown["notices"] = repr(
        list(Notification.objects.filter(user__is_administrator=True).values_list("kind"))
    )
    shown["audit"] = repr(list(AuditRecord.objects.values_list("kind", "actor", "about_name")))
    shown["requests"] = repr(list(Retrieval.objects.values_list("state", "why", "refusal")))
    return {name: masked(text) for name, text in shown.items()}


def masked(text: str) -> str:
    text = re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": |name="nonce" value=)"[^"]*"', r"\1", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|find-[0-9a-f]{6}", "id", text)
    return re.sub(r"\d+", "0", text)


@pytest.mark.parametrize("things", [THINGS, THINGS[:1]], ids=["two", "one"])
def test_administrators_see_the_same_whether_anything_was_found_and_put_back_or_not(
    as_person: Browser,
    anna: User,
    olga: User,
    agent: Node,
    things: tuple[FoundThing, ...],
) -> None:
    note(agent)
    deliver_all()
    pictures = []
    for what in (things, ()):
        for file in (*agent.paths.operations.glob("*.jsonl"), *agent.paths.log.glob("operations.log")):
            file.unlink()
        with transaction.atomic():
            mine, keeper = as_person(anna), as_person(olga)
            one = looked_through(agent, anna, olga, what)
            assert (WORD in mine.get(f"/retrievals/{one.pk}/").content.decode()) is True
            for thing in what:
                sent = mine.post(f"/retrievals/{one.pk}/putting-back/", {"number": str(thing.number)})
                name = sent.headers["Location"].rstrip("/").rpartition("/")[2]
                wait_for(agent, name, anna)
                mine.get(sent.headers["Location"])
            deliver_all()
            pictures.append(seen_by(keeper, agent))
            transaction.set_rollback(True)
    some, none = pictures
    assert some == none
    for name, text in some.items():
        for secret in (WORD, "feed.post", "Putting back", "put-own-back"):
            assert secret not in text, (name, secret)


def test_a_search_that_breaks_off_over_what_it_looks_for_ends_like_every_other(
    as_person: Browser,
    anna: User,
    olga: User,
    agent: Node,
) -> None:
    """Only whoever has asked hears that it did."""
    note(agent)
    one = asked(anna)
    actions.allow_retrieval(one, by=olga)
    arguments = {"reader": anna.login, "key": str(one.key), "is_own": True}
    journal = Journal.begin(agent.paths.operations, "find", arguments, by=anna.login)
    journal.append(LOOKING)
    journal.end("failed", f"{WORD} cannot be packed.")
    follow_all(now=timezone.now())
    one.refresh_from_db()
    assert one.is_looked_through
    state = agent_of(agent).ask(ReadOperation(journal.id))
    assert (state.state, state.progress.text) == ("done", "")
    assert "The search broke off" in as_person(anna).get(f"/retrievals/{one.pk}/").content.decode()


def test_who_puts_back_keeps_nothing_waiting_and_is_in_nobodys_way(agent: Node, anna: User) -> None:
    running = Journal.begin(
        agent.paths.operations, "put-own-back", {"reader": "anna", "is_own": True}, by="anna"
    )
    lock = running.take()
    assert lock is not None
    try:
        note(agent)
        seen = FoundThings("20260101T000000000000-find-abcdef", "disk", "x", "feed.post", THINGS)
        search_results.keep(agent.paths, seen, "anna", [[], []])
        # Somebody else's operation begins beside it.
        begun = agent_of(agent).ask(FindOwn("feed.post", "word", "anna", key=str(uuid4())), by="anna")
        assert begun.state == "running"
        with pytest.raises(Refused, match="is running, begun by anna"):
            agent_of(agent).ask(PutBack(seen.id, 1, "anna"), by="anna")
    finally:
        running.end("done", "")
        os.close(lock)
    wait_until(lambda: agent_of(agent).ask(ReadOperation(begun.id)).state != "running")
