"""Letters leave once, over any server, and a sender that is killed loses and doubles none."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from jinja2 import DictLoader

from appliance.certificates import create_authority, issue
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.events.outbox import _by_name, _by_type, emit
from box.core.notify import jobs
from box.core.notify.actions import _give_up_old, forget_letters, pause_after, queue_letters, send_letters
from box.core.notify.handlers import write_letters
from box.core.notify.mail import mailers
from box.core.notify.models import QueuedLetter
from box.core.registry.capabilities import Letter, LetterWriter
from box.core.registry.models import StoredSetting
from box.core.registry.origin import importing
from box.core.registry.settings import store
from tests.box.core.notify.letters import Rung, rung_letters
from tests.box.mailbox import LOGIN, PASSWORD, Mailbox, mailbox, text_of
from tests.box.processes import configuration, hanging_at, until

TEMPLATE = """{% extends "letter.html" %}
{% import "letter_ui.html" as letter %}
{% block subject %}{{ gettext("Notifications") }} & <{{ number }}>{% endblock %}
{% block main %}
<p>Hello.</p><p>Again.</p>{{ letter.button(full_url("notify:list"), "Look") }}{% endblock %}"""


@pytest.fixture(autouse=True)
def _template(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.template import engines
    from jinja2 import ChoiceLoader

    env = engines["jinja2"].env  # type: ignore[attr-defined]
    ours = DictLoader({"notify/rung.html": TEMPLATE})
    monkeypatch.setattr(env, "loader", ChoiceLoader([ours, env.loader]))


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


def serve(box: Mailbox, **changes: Any) -> None:
    """The settings name this server."""
    names = {"host": "127.0.0.1", "port": box.port, "encryption": "none", "sender": "box@korobka.test"}
    store({f"mail.{name}": value for name, value in {**names, **changes}.items()})


def queue(number: int = 1, to: str = "anna@example.com", language: str = "en") -> None:
    queue_letters(rung_letters(Rung(number, to, language)))


def now() -> datetime:
    return timezone.now()


@pytest.mark.django_db
def test_a_letter_reads_well_as_html_and_as_text(box: Mailbox) -> None:
    serve(box)
    store({"company.name": "Ромашка, ООО"})
    queue(language="ru")
    assert send_letters(now()) == 1
    (letter,) = box.letters
    assert letter["Subject"] == "Уведомления & <1>"
    assert letter["From"] == '"Ромашка, ООО" <box@korobka.test>'
    assert letter["To"] == "anna@example.com"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = text_of(letter)
    assert "Hello.\n\nAgain.\n\nLook <https://" in text.replace("\r", "")
    html = text_of(letter, "html")
    assert '<html lang="ru">' in html
    assert "Ромашка, ООО" in html
    row = QueuedLetter.objects.get()
    assert row.sent_at is not None
    assert (row.text, row.html) == ("", ""), "what it said is forgotten"


@pytest.mark.django_db
def test_one_key_is_one_letter(box: Mailbox) -> None:
    serve(box)
    queue()
    queue()
    assert send_letters(now()) == 1
    queue()
    assert send_letters(now()) == 0
    assert len(box.raw) == 1


@pytest.mark.django_db
def test_a_letter_can_be_ended_by_one_click(box: Mailbox) -> None:
    serve(box)
    letter = Letter("k", "anna@example.com", "en", "notify/rung.html", {"number": 1}, "https://x/stop/")
    queue_letters([letter])
    send_letters(now())
    assert box.letters[0]["List-Unsubscribe"] == "<https://x/stop/>"
    assert box.letters[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.django_db
def test_without_a_server_nothing_is_queued() -> None:
    queue()
    assert not QueuedLetter.objects.exists()


@pytest.mark.django_db
def test_that_letters_are_queued_is_told_and_of_what_is_taken_over_none_is(box: Mailbox) -> None:
    serve(box)
    with importing(at=now()):
        queue()
    queue_letters([])
    told = Event.objects.filter(kind="notify.LettersQueued")
    assert (QueuedLetter.objects.count(), told.count()) == (0, 0)
    queue()
    assert [one.payload for one in told] == [{"count": 1}]


@pytest.mark.django_db
def test_no_server_is_called_where_there_is_none_or_nothing_to_send(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(box)
    queue(1)
    assert send_letters(now()) == 1
    monkeypatch.delitem(mailers._offers, "smtp")
    assert send_letters(now()) == 0, "that one has left"
    queue(2)
    store({"mail.host": ""})
    assert send_letters(now()) == 0
    assert QueuedLetter.objects.waiting().get().attempts == 0


@pytest.mark.django_db
def test_letters_leave_as_they_are_due_and_rest_when_the_first_finds_trouble(box: Mailbox) -> None:
    serve(box)
    at = now()
    for number in (1, 2):
        queue(number, f"{number}@example.com")
    QueuedLetter.objects.filter(key="rung:2").update(send_after=at - timedelta(minutes=5))
    box.answer_to_letters = "451 Come later"

    def second() -> tuple[int, datetime]:
        row = QueuedLetter.objects.get(key="rung:2")
        return row.attempts, row.send_after

    later = at + timedelta(seconds=10)
    assert send_letters(later) == 0
    assert second() == (1, later + timedelta(minutes=1))
    assert QueuedLetter.objects.get(key="rung:1").attempts == 0, "nor would any other have left"
    QueuedLetter.objects.filter(key="rung:1").update(send_after=later + timedelta(days=1))
    again = later + timedelta(minutes=1)
    assert send_letters(again) == 0
    assert second() == (2, again + timedelta(minutes=2))
    box.answer_to_letters = "250 OK"
    assert send_letters(again + timedelta(days=1)) == 2
    assert [letter["To"] for letter in box.letters] == ["2@example.com", "1@example.com"]
    assert QueuedLetter.objects.get(key="rung:2").error == "", "what was wrong is over"


@pytest.mark.django_db
def test_an_offered_letter_is_written_when_its_event_is_delivered(box: Mailbox) -> None:
    serve(box)
    write_letters("test.rung", LetterWriter(Rung, rung_letters))
    try:
        with transaction.atomic():
            emit(Rung(7, "boris@example.com"))
        deliver_all()
        assert QueuedLetter.objects.get().key == "rung:7"
    finally:
        del _by_type[Rung], _by_name["box.core.notify.handlers.letters:test.rung"]


@pytest.mark.django_db
def test_a_refused_letter_is_noted_and_the_others_leave(box: Mailbox) -> None:
    serve(box)
    box.answers["gone@example.com"] = "550 No such person"
    queue(1, "gone@example.com")
    queue(2, "not an address")
    queue(3, "anna@example.com")
    assert send_letters(now()) == 1
    refused = QueuedLetter.objects.failed().order_by("key")
    assert "550 No such person" in refused[0].error
    assert "valid email address" in refused[1].error
    assert send_letters(now() + timedelta(days=1)) == 0, "nobody asks again"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "hidden", ["x\r\nBcc: boris@example.com", "boris@example.com,x"], ids=["a line", "another address"]
)
def test_an_address_that_hides_something_is_refused_and_the_others_leave(box: Mailbox, hidden: str) -> None:
    """Whoever fills in a client's form gives any address that has an address's shape."""
    serve(box)
    word = base64.b64encode(hidden.encode()).decode()
    queue(1, f"=?utf-8?b?{word}?=@example.com")
    queue(2, "anna@example.com")
    assert send_letters(now()) == 1
    assert "valid email address" in QueuedLetter.objects.failed().get().error
    (letter,) = box.letters
    assert letter["To"] == "anna@example.com"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "title",
    ["=?unicode_escape?q?=5Cud800?=", "=?utf-8?q?Paid=0ABcc:_boris@example.com?="],
    ids=["half", "a line"],
)
def test_a_title_is_what_somebody_wrote_and_the_others_leave(box: Mailbox, title: str) -> None:
    """Titles stand in subjects: of a task, of an event, of a deal that came by a form from outside."""
    serve(box)
    queue(1)
    QueuedLetter.objects.update(subject=f"“{title}” is yours now")
    store({"company.name": title})
    queue(2)
    assert send_letters(now()) == 2
    assert {letter["Subject"] for letter in box.letters} == {
        f"“{title.replace('=?', '= ?')}” is yours now",
        "Notifications & <2>",
    }
    assert {letter["From"].addresses[0].display_name for letter in box.letters} == {
        title.replace("=?", "= ?")
    }


@pytest.mark.django_db
def test_a_letter_that_cannot_be_written_down_is_refused_and_the_others_leave(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address for answers is somebody's own."""
    serve(box)
    answers = {"rung:1": "=?unicode_escape?q?=5Cud800?=@example.com"}
    monkeypatch.setattr("box.core.notify.mail.answered_at", lambda key: answers.get(key, ""))
    queue(1)
    queue(2)
    assert send_letters(now()) == 1
    assert "Error" in QueuedLetter.objects.failed().get().error


@pytest.mark.django_db
def test_a_letter_refused_for_now_is_tried_again_after_a_while(box: Mailbox) -> None:
    serve(box)
    box.answer_to_letters = "451 Come later"
    queue()
    assert send_letters(now()) == 0
    row = QueuedLetter.objects.get()
    assert "451 Come later" in row.error
    assert row.attempts == 1
    box.answer_to_letters = "250 OK"
    assert send_letters(now()) == 0, "it rests"
    assert send_letters(now() + pause_after(1)) == 1


@pytest.mark.django_db
def test_a_letter_that_no_server_takes_is_given_up_after_three_days(box: Mailbox) -> None:
    serve(box)
    queue()
    store({"mail.host": ""})
    assert send_letters(now() + timedelta(days=4)) == 0
    row = QueuedLetter.objects.get()
    assert row.failed_at is not None
    assert row.text == ""
    assert forget_letters(now() + timedelta(days=61)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"host": "no-such-host.invalid"}, "There is no server named no-such-host.invalid"),
        ({"port": 1}, "Nothing listens on port 1"),
        ({"encryption": "tls"}, "does not speak TLS from the start"),
        ({"encryption": "starttls"}, "offers no STARTTLS"),
        ({"login": "box"}, "asks for no login"),
    ],
)
def test_what_is_wrong_with_the_server_is_said_in_words(
    box: Mailbox, changes: dict[str, Any], word: str
) -> None:
    serve(box, **changes)
    queue()
    assert send_letters(now()) == 0
    assert word in QueuedLetter.objects.get().error


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return server_context(tmp_path_factory.mktemp("mail"))


def server_context(folder: Path) -> ssl.SSLContext:
    file = folder / "mail.pem"
    file.write_bytes(issue(create_authority("mail.test"), "mail.test").pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.django_db
@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_an_encrypted_server_with_a_login_takes_letters(certificate: ssl.SSLContext, encryption: str) -> None:
    with mailbox(**{encryption: certificate}) as box:
        serve(box, encryption=encryption, login=LOGIN, password=PASSWORD, verifies=False)
        assert PASSWORD not in str(StoredSetting.objects.get(key="mail.password").value)
        queue()
        assert send_letters(now()) == 1
        serve(box, encryption=encryption, login=LOGIN, password="wrong", verifies=False)
        queue(2)
        assert send_letters(now()) == 0
        assert "does not take this login and password" in QueuedLetter.objects.get(key="rung:2").error
        serve(box, encryption=encryption, login=LOGIN, password=PASSWORD, verifies=True)
        queue(3)
        assert send_letters(now()) == 0
        assert "is not trusted" in QueuedLetter.objects.get(key="rung:3").error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "die_at", ["before sending", "after sending", "before the commit", "after the commit"]
)
def test_a_sender_killed_at_any_point_loses_no_letter_and_doubles_none(
    die_at: str, box: Mailbox, tmp_path: Path
) -> None:
    serve(box)
    queue()
    with hanging_at(die_at, "tests.box.core.notify.letters.send_and_die", env=configuration(tmp_path)):
        assert send_letters(now()) == 0, "the row is locked, or the letter is gone: nobody else takes it"

    def is_sent() -> bool:
        send_letters(now())
        return not QueuedLetter.objects.waiting().exists()

    until(is_sent)  # PostgreSQL has noticed that its client is gone
    assert QueuedLetter.objects.get().sent_at is not None
    assert len({letter["Message-ID"] for letter in box.letters}) == 1
    # Where the server's word came too late, the repeat is the same to the byte, and known by its Message-ID.
    assert len(set(box.raw)) == 1
    assert len(box.raw) == (2 if die_at in ("after sending", "before the commit") else 1)


@pytest.mark.django_db(transaction=True)
def test_one_sender_works_at_a_time(box: Mailbox) -> None:
    serve(box)
    queue()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [jobs.LOCK])
        jobs.send_letters.call_local()
        assert not box.raw
        with other.cursor() as cursor:
            # The end of the connection alone would free it a moment later.
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [jobs.LOCK])
    finally:
        other.close()
    jobs.send_letters.call_local()
    assert len(box.raw) == 1


@pytest.mark.django_db
def test_many_letters_leave_over_one_connection(box: Mailbox) -> None:
    serve(box)
    for number in range(20):
        queue(number)
    assert send_letters(now()) == 20
    assert len({letter["Message-ID"] for letter in box.letters}) == 20


@pytest.mark.django_db
def test_a_letter_is_given_up_after_three_days_and_forgotten_after_two_months() -> None:
    store({"mail.host": "127.0.0.1", "mail.port": 25, "mail.sender": "box@korobka.test"})
    at = now()
    for number in range(3):
        queue(number)
    gone, waiting, sent = QueuedLetter.objects.order_by("id")
    old = at - timedelta(days=3)
    for letter, created_at, sent_at in ((gone, old, None), (waiting, old, None), (sent, old, old)):
        more = timedelta() if letter == waiting else timedelta(seconds=1)
        QueuedLetter.objects.filter(pk=letter.pk).update(created_at=created_at - more, sent_at=sent_at)
    _give_up_old(at)
    rows = {row.pk: (row.failed_at, bool(row.text), bool(row.html)) for row in QueuedLetter.objects.all()}
    assert rows[gone.pk] == (at, False, False)
    assert rows[waiting.pk] == (None, True, True), "three days are not over"
    assert rows[sent.pk][0] is None, "what has left did not fail"
    assert forget_letters(old + timedelta(days=60)) == 2
    assert QueuedLetter.objects.get() == waiting


def test_pauses_grow_to_four_hours() -> None:
    assert [pause_after(n) for n in (1, 2, 3)] == [timedelta(minutes=n) for n in (1, 2, 4)]
    assert pause_after(50) == timedelta(hours=4)
    assert datetime(2026, 1, 1, tzinfo=UTC) + pause_after(10_000)
