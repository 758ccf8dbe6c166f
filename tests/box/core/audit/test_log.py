"""What comes into the log, and how it reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone, translation

from box.core.access.actions import create_role, grant_role
from box.core.accounts import actions as accounts
from box.core.audit.actions import Foreign, cursor_of, take_over, write
from box.core.audit.models import AuditRecord
from box.core.audit.presenters import Shown
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.people.absences import Away, remove_absence, write_absence
from box.core.registry.auditing import About, Entry, audited, record
from box.core.registry.offers import NotOffered
from box.core.registry.origin import ASKED_BY
from tests.cast import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

THEN = datetime(2020, 2, 2, tzinfo=UTC)


def logged(kind: str) -> list[AuditRecord]:
    deliver_all()
    return list(AuditRecord.objects.filter(kind=kind).order_by("id"))


def test_a_change_of_rights_is_written_with_who_what_and_from_where(
    as_person: Browser, olga: User, sales: Department
) -> None:
    sent = {"name": "Watchers", "rights": "console.see", "audience": sales.code, "nonce": str(uuid4())}
    as_person(olga).post("/console/roles/new/", sent, REMOTE_ADDR="192.0.2.7")
    (granted,) = logged("access.role_granted")
    assert (granted.by_id, granted.actor) == (olga.pk, "Olga Test (olga@example.com)")
    assert granted.address == "192.0.2.7"
    assert granted.about_name == "Sales"
    assert Shown(granted).sentence == "granted the role Watchers to Sales"
    with translation.override("ru"):
        assert Shown(granted).sentence == "роль «Watchers» выдана: Sales"


def test_an_event_that_is_delivered_twice_is_written_once(olga: User, anna: User) -> None:
    role = create_role("Watchers", [], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    assert len(logged("access.role_granted")) == 1
    assert len(logged("access.role_granted")) == 1


def test_signing_in_is_written_and_so_is_each_refusal(client: Client, anna: User) -> None:
    for login, password in ((anna.login, "wrong"), ("my secret password", "x"), (anna.login, PASSWORD)):
        sent = {"login": login, "password": password}
        client.post("/sign-in/", sent, headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR="192.0.2.8")
    known, unknown = logged("accounts.sign_in_refused")
    assert (known.about_id, known.by_id, known.address) == (anna.pk, None, "192.0.2.8")
    assert "secret" not in f"{unknown} {unknown.about_name} {unknown.details}"
    (signed_in,) = logged("accounts.signed_in")
    assert signed_in.by_id == anna.pk


def test_what_boxctl_does_is_written_with_the_person_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ASKED_BY, "ivan")
    call_command("user", "create", "new@example.com")
    (created,) = logged("accounts.created")
    assert (created.actor, created.about_name) == ("boxctl (ivan)", "new (new@example.com)")


def test_one_status_makes_one_record(olga: User, anna: User) -> None:
    accounts.suspend_user(anna, by=olga)
    accounts.return_user(anna, by=olga)
    assert len(logged("accounts.suspended")) == 1
    assert len(logged("accounts.returned")) == 1
    assert not logged("accounts.dismissed")


def test_somebody_elses_absence_is_written_and_ones_own_is_not(olga: User, anna: User) -> None:
    first = date(2027, 3, 1)
    absence = write_absence(anna, Away("sick", first, first + timedelta(days=2)), by=olga)
    write_absence(anna, Away("sick", first, first + timedelta(days=4)), by=olga, absence=absence)
    remove_absence(absence, by=olga)
    own = write_absence(anna, Away("vacation", first, first), by=anna)
    write_absence(anna, Away("trip", first, first), by=anna, absence=own)
    remove_absence(own, by=anna)
    said = [Shown(one) for kind in ("written", "changed", "removed") for one in logged(f"org.absence_{kind}")]
    about = "Anna Test (anna@example.com)"
    assert [one.sentence for one in said] == [
        f"wrote an absence of {about} down (2027-03-01 to 2027-03-03)",
        f"changed an absence of {about} (now 2027-03-01 to 2027-03-05)",
        f"took an absence of {about} back (2027-03-01 to 2027-03-05)",
    ]
    assert {one.who for one in said} == {"Olga Test (olga@example.com)"}
    # What for is not everybody's to know who may read the log.
    assert "sick" not in f"{[one.record.details for one in said]}"
    with translation.override("ru"):
        assert said[0].sentence == f"записано отсутствие: {about} (2027-03-01 – 2027-03-03)"


def test_another_logs_lines_are_taken_over_once_with_how_far_it_was_read() -> None:
    lines = [Foreign(f"agent:{n}", timezone.now(), "audit.agent", "ivan (root)") for n in (1, 2)]
    assert take_over("agent", lines, cursor="1:10") == 2
    assert take_over("agent", [*lines, *lines], cursor="1:20") == 0
    assert (cursor_of("agent"), cursor_of("another")) == ("1:20", "")
    assert AuditRecord.objects.count() == 2


def test_lines_that_are_taken_over_twice_at_once_are_written_once() -> None:
    line = Foreign("agent:1", THEN, "audit.agent", "ivan (root)")
    others = iter([[line]])

    def meanwhile(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith('INSERT INTO "audit_auditrecord"') and (theirs := next(others, None)):
            take_over("agent", theirs, cursor="1:10")
        return execute(sql, *more)

    with connection.execute_wrapper(meanwhile):
        take_over("agent", [line, replace(line, source="agent:2")], cursor="1:20")
    assert next(others, None) is None
    assert set(AuditRecord.objects.values_list("source", flat=True)) == {"agent:1", "agent:2"}


def test_of_what_somebody_is_called_so_much_is_kept_as_one_reads() -> None:
    take_over("agent", [Foreign("agent:1", THEN, "audit.agent", "i\x00van" + "n" * 400)], cursor="1")
    assert AuditRecord.objects.get().actor == "iva" + "n" * 297


def test_a_row_is_of_its_own_moment_and_of_whoever_did_it(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = write(Entry("accounts.signed_in", by_id=anna.pk, details={"way": "password"}), at=THEN)
    assert (row.at, row.actor) == (THEN, "Anna Test (anna@example.com)")
    assert (row.address, row.about_kind, row.about_id, row.about_name) == (None, "", None, "")
    # Whoever has a row in the portal is named by it, also behind boxctl.
    monkeypatch.setenv(ASKED_BY, "ivan")
    accounts.suspend_user(anna, by=anna)
    Event.objects.filter(kind="accounts.UserStatusChanged").update(created_at=THEN)
    (suspended,) = logged("accounts.suspended")
    assert (suspended.actor, suspended.by_id, suspended.at) == (
        "Anna Test (anna@example.com)", anna.pk, THEN
    )  # fmt: skip


def test_whoever_was_erased_is_named_no_more_in_what_was_done_to_them(anna: User, olga: User) -> None:
    accounts.suspend_user(anna, by=olga)
    (suspended,) = logged("accounts.suspended")
    assert Shown(suspended).sentence == "suspended Anna Test (anna@example.com)"
    assert "Anna" not in Shown(suspended, frozenset({anna.pk})).sentence
    assert "Anna" in Shown(suspended, frozenset({olga.pk})).sentence


def test_what_the_auditors_have_no_business_to_know_is_not_in_the_log(anna: User) -> None:
    group = About("groups.group", 7, "Plans")
    record("groups.created", by_id=anna.pk, about=group)
    record("accounts.signed_in", by_id=anna.pk)
    assert [one.kind for one in AuditRecord.objects.all()] == ["accounts.signed_in"]


def test_a_kind_that_nobody_declared_is_a_mistake() -> None:
    with pytest.raises(NotOffered):
        record("no.such")


def test_every_sentence_reads_in_both_languages_whatever_its_record_lacks() -> None:
    for language in ("en", "ru"):
        with translation.override(language):
            for kind, _audited in audited.items():
                assert Shown(AuditRecord(kind=kind)).sentence
    assert Shown(AuditRecord(kind="gone.kind")).sentence == "gone.kind"
