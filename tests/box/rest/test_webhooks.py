"""Webhooks from being made to being revoked, and everything that ends them."""

from __future__ import annotations

import logging
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.core.access.actions import create_role, employees_role, grant_role, set_networks, set_rights
from box.core.accounts.actions import dismiss_user, return_user, suspend_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import Session, User
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.groups.actions import NewGroup, NewGuest, create_group, end_expired, invite_guest
from box.core.registry.belongings import going
from box.rest import actions, tokens
from box.rest.models import Webhook
from tests.box.rest.calling import Program, program_of
from tests.cast import left_open
from tests.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    type Browser = Callable[[User], Client]

pytestmark = [pytest.mark.usefixtures("clock"), pytest.mark.django_db]

REFUSED = (401, "NO_AUTH_FOUND")


def test_it_is_made_with_a_password_shown_once_and_used(as_person: Browser, anna: User) -> None:
    sent = {"name": "The till", "scopes": ["user_brief"], "nonce": str(uuid4())}
    browser = as_person(anna)
    page = browser.post("/profile/integrations/new/", sent).content.decode()
    webhook = Webhook.objects.get()
    address = page.partition(f"/rest/{anna.pk}/")[2].partition("/")[0]
    assert Program(webhook, address).call("profile")["ID"] == str(anna.pk)
    # The same form again makes no second one, and shows nothing again.
    again = browser.post("/profile/integrations/new/", sent)
    assert again.status_code == 302
    assert Webhook.objects.count() == 1
    listed = browser.get("/profile/integrations/").content.decode()
    assert "The till" in listed
    assert address not in listed


def test_a_browser_left_alone_makes_none(as_person: Browser, anna: User) -> None:
    answer = left_open(as_person(anna)).post(
        "/profile/integrations/new/", {"name": "Mine", "scopes": ["user"]}
    )
    assert answer.headers["Location"].startswith("/profile/proof/")
    assert not Webhook.objects.exists()


def test_what_is_wrong_with_it_is_said(as_person: Browser, anna: User) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    wrong = {"name": "x", "scopes": ["user", "imbot"], "nonce": str(uuid4()), "expires_on": yesterday}
    answer = as_person(anna).post("/profile/integrations/new/", wrong)
    assert answer.status_code == 422
    assert b"imbot" in answer.content
    answer = as_person(anna).post("/profile/integrations/new/", {**wrong, "scopes": ["user"]})
    assert b"choose a later one" in answer.content
    assert not Webhook.objects.exists()


def test_one_has_some_and_not_thousands(anna: User, boris: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_OF_A_PERSON", 1)
    program_of(boris)
    # Tokens of an application end by themselves, and are nobody's to count.
    token = program_of(anna).webhook
    Webhook.objects.filter(pk=token.pk).update(ends_at=timezone.now() + timedelta(hours=1))
    program_of(anna)
    with pytest.raises(ValidationError, match="revoke those"):
        program_of(anna)


def test_the_secret_is_nowhere_in_the_database(anna: User) -> None:
    program = program_of(anna)
    program.call("profile")
    deliver_all()
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_stat_user_tables")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT 1 FROM "{table}" AS t WHERE t::text LIKE %s', [f"%{program.secret}%"])
            assert cursor.fetchone() is None, table


def test_a_wrong_secret_costs_and_says_the_same_as_a_right_one_that_is_over(anna: User, boris: User) -> None:
    program, revoked = program_of(anna), program_of(anna)
    actions.revoke_webhook(revoked.webhook, by=anna)
    assert program.call("profile")
    wrong = [
        f"/rest/{anna.pk}/{'0' * 64}/profile",
        f"/rest/{anna.pk}/{program.secret[:8]}{'0' * 56}/profile",
        f"/rest/{boris.pk}/{program.secret}/profile",
        f"/rest/{anna.pk}/{revoked.secret}/profile",
        f"/rest/{anna.pk}//profile",
    ]
    seen = set()
    for address in wrong:
        with CaptureQueriesContext(connection) as queries:
            answer = program.client.get(address)
        seen.add((answer.status_code, answer.content, len(queries)))
    assert [(status, b"NO_AUTH_FOUND" in content) for status, content, _count in seen] == [(401, True)]


def test_without_a_secret_a_session_opens_nothing(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    for path in ("/rest/profile", "/rest/batch", "/rest/nothing.here"):
        answer = browser.get(path)
        assert (answer.status_code, answer.json()["error"]) == (401, "NO_AUTH_FOUND")
        assert not answer.cookies


def test_a_bearer_token_does_what_the_address_does(anna: User) -> None:
    program = program_of(anna)
    answer = program.client.get("/rest/profile.json", headers={"Authorization": f"Bearer {program.secret}"})
    assert answer.json()["result"]["ID"] == str(anna.pk)
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_serves_until_its_last_day_is_over(anna: User) -> None:
    program = program_of(anna, expires_on=timezone.localdate())
    assert program.call("profile")
    Webhook.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    assert program.error("profile") == REFUSED


@pytest.mark.parametrize("leave", [suspend_user, dismiss_user])
def test_who_leaves_has_none_at_once_and_gets_none_back(
    anna: User, olga: User, leave: Callable[..., None]
) -> None:
    program, others = program_of(anna), program_of(olga)
    assert program.call("profile")
    leave(anna, by=olga)
    # No event was delivered yet.
    assert program.error("profile") == REFUSED
    deliver_all()
    return_user(anna, by=olga)
    deliver_all()
    assert program.error("profile") == REFUSED
    assert program_of(anna).call("profile")
    assert others.call("profile")


def test_who_was_suspended_for_a_moment_keeps_what_they_made_afterwards(
    clock: Clock, anna: User, olga: User
) -> None:
    before = program_of(anna)
    suspend_user(anna, by=olga)
    clock.move(seconds=1)
    return_user(anna, by=olga)
    after = program_of(anna)
    deliver_all()
    assert before.error("profile") == REFUSED
    assert after.call("profile")


def test_who_is_here_and_when_somebody_has_signed_in_is_told(
    as_person: Browser, anna: User, boris: User
) -> None:
    program = program_of(anna)
    (away,) = program.call("user.get", filter={"ID": boris.pk})
    assert (away["IS_ONLINE"], away["LAST_LOGIN"]) == ("N", "")
    as_person(boris).get("/notifications/")
    User.objects.filter(pk=boris.pk).update(last_login=timezone.now() - timedelta(hours=2))
    (here,) = program.call("user.get", filter={"ID": boris.pk})
    signed_in = timezone.localtime(timezone.now() - timedelta(hours=2))
    assert (here["IS_ONLINE"], here["LAST_LOGIN"]) == ("Y", signed_in.isoformat(timespec="seconds"))


def test_a_guest_whose_time_is_over_has_none(anna: User, erik: User, olga: User) -> None:
    partners = create_group(NewGroup("Partners", kind="extranet"), by=anna)
    stay = timezone.localdate() + timedelta(days=1)
    invite_guest(partners, NewGuest(erik.email, stay), by=anna)
    grant_role(create_role("Guests with programs", ["rest.use"], by=olga), partners.code, by=olga)
    erik = User.objects.get(pk=erik.pk)
    program = program_of(erik)
    assert program.call("profile")["ID"] == str(erik.pk)
    assert [one["NAME"] for one in program.call("sonet_group.get")] == ["Partners"]
    assert {one["ID"] for one in program.call("user.get")} == {str(anna.pk), str(erik.pk)}
    assert program.call("department.get") == []
    end_expired(now=timezone.now() + timedelta(days=3))
    assert program.error("profile") == REFUSED


def test_a_company_that_forbids_them_has_those_there_are_answer_nothing(
    as_person: Browser, anna: User, olga: User
) -> None:
    program = program_of(anna)
    set_rights(employees_role(), ["groups.create"], by=olga)
    assert program.error("profile") == (403, "ACCESS_DENIED")
    assert as_person(anna).get("/profile/integrations/new/").status_code == 403
    # What is there can still be ended.
    assert as_person(anna).get("/profile/integrations/").status_code == 200


def test_a_role_that_stays_in_the_companys_network_holds_for_programs_too(anna: User, olga: User) -> None:
    program = program_of(anna)
    role = create_role("At the desk", [], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    set_networks(role, ["10.1.0.0/16"], by=olga, from_address="")
    for address, status in (("10.1.2.3", 200), ("10.2.2.3", 403)):
        assert program.client.get(f"{program.address}/profile", REMOTE_ADDR=address).status_code == status


def test_revoking_ends_it_and_is_in_the_audit_log(as_person: Browser, anna: User, olga: User) -> None:
    program, kept = program_of(anna), program_of(anna)
    for browser, path in ((as_person(olga), "/console/integrations/"), (as_person(anna), "")):
        assert "A program" in browser.get(path or "/profile/integrations/").content.decode()
    answer = as_person(olga).post(f"/profile/integrations/{program.webhook.pk}/revocation/")
    assert answer.status_code == 302
    assert program.error("profile") == REFUSED
    assert kept.call("profile")
    deliver_all()
    told = AuditRecord.objects.filter(kind__startswith="rest.").order_by("id")
    assert [(one.kind, one.by_id) for one in told] == [
        ("rest.webhook_created", anna.pk),
        ("rest.webhook_created", anna.pk),
        ("rest.webhook_revoked", olga.pk),
    ]


def test_what_is_revoked_again_was_revoked_when_it_was(clock: Clock, anna: User, olga: User) -> None:
    program = program_of(anna)
    first = clock.now
    actions.revoke_webhook(program.webhook, by=anna)
    clock.move(hours=1)
    actions.revoke_webhook(program.webhook, by=olga)
    assert actions.revoke_everybodys() == 0
    assert Webhook.objects.get().revoked_at == first
    told = Event.objects.filter(kind="rest.WebhookRevoked")
    assert [one.payload["by_id"] for one in told] == [anna.pk]


def test_a_restore_ends_them_with_the_sessions(
    as_person: Browser, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The queue of jobs, which the command empties, is not in the database of the tests.
    monkeypatch.setattr("box.core.events.after_restore.HUEY.flush", lambda: None)
    program, browser = program_of(anna), as_person(anna)
    assert program.call("profile")
    out = StringIO()
    call_command("restored", stdout=out)
    assert "rest: 1" in out.getvalue()
    assert program.error("profile") == REFUSED
    assert not Session.objects.exists()
    assert browser.get("/profile/integrations/").status_code == 302


def test_erasing_somebody_takes_them_away(anna: User, olga: User) -> None:
    program_of(anna)
    dismiss_user(anna, by=olga)
    deliver_all()
    assert "1 webhook" in [thing for room in going(anna) for thing in room.things]
    erase_person(anna, by=olga)
    assert not Webhook.objects.exists()


def test_what_was_revoked_long_ago_is_forgotten(anna: User) -> None:
    old, fresh = program_of(anna), program_of(anna)
    for program in (old, fresh):
        actions.revoke_webhook(program.webhook, by=anna)
    assert actions.forget_revoked(timezone.now()) == 0
    Webhook.objects.filter(pk=old.webhook.pk).update(revoked_at=timezone.now() - timedelta(days=31))
    assert actions.forget_revoked(timezone.now()) == 1


def test_its_last_use_is_noted_now_and_then(anna: User) -> None:
    program = program_of(anna)
    program.client.get(f"{program.address}/profile", REMOTE_ADDR="10.0.0.1")
    first = Webhook.objects.get()
    assert first.used_address == "10.0.0.1"
    program.client.get(f"{program.address}/profile", REMOTE_ADDR="10.0.0.1")
    assert Webhook.objects.get().used_at == first.used_at
    program.client.get(f"{program.address}/profile", REMOTE_ADDR="10.0.0.2")
    assert Webhook.objects.get().used_address == "10.0.0.2"
    assert first.used_at is not None
    tokens.note_use(Webhook.objects.get(), "10.0.0.2", first.used_at + timedelta(minutes=6))
    assert Webhook.objects.get().used_at == first.used_at + timedelta(minutes=6)


def test_no_log_ever_holds_the_secret(
    anna: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails: the method, the way to it, or the whole of the address."""
    program = program_of(anna)
    program.client.raise_request_exception = False
    caplog.set_level(logging.DEBUG)

    def fail(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr("box.rest.api.timezone.localtime", fail)
        assert program.client.get(f"{program.address}/server.time").status_code == 500
    with monkeypatch.context() as patch:
        patch.setattr("box.core.accounts.middleware.read_version", fail)
        answer = program.client.get(f"{program.address}/profile")
        assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL_SERVER_ERROR")
    for path in ("", "/", "/a/b/c", "/profile/", "/%2e%2e/x", "/profile.xml"):
        program.client.get(f"{program.address}{path}")
    assert "broken" in caplog.text
    assert program.secret not in caplog.text


def test_a_box_without_its_database_says_so_in_the_dialect(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from box.core.registry import availability

    monkeypatch.setattr(availability.outage, "refuses", lambda: True)
    answer = program_of(anna).ask("profile")
    assert answer.status_code == 503
    assert answer.json()["error"] == "SERVICE_UNAVAILABLE"
    assert answer.headers["Retry-After"] == "5"


def test_everybodys_are_narrowed_and_revoked_together(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    annas, boriss = program_of(anna), program_of(boris)
    browser = as_person(olga)

    def found(**chosen: str) -> set[str]:
        page = browser.get("/console/integrations/", chosen).content.decode().partition('id="list"')[2]
        return {one.name for one in (anna, boris) if f"<span>{one.name}</span>" in page}

    assert found(person=f"U{anna.pk}", open="yes") == {anna.name}
    chosen = {"do": "bulk:revoke", "row": [annas.webhook.pk]}
    assert as_person(anna).post("/console/integrations/", chosen).status_code == 404
    assert annas.call("profile")
    assert browser.post("/console/integrations/", chosen).status_code == 200
    assert annas.error("profile") == REFUSED
    assert boriss.call("profile")
    assert (found(open="yes"), found(open="no")) == ({boris.name}, {anna.name})


def test_the_lists_cost_the_same_for_many(as_person: Browser, anna: User, olga: User) -> None:
    pages = ((as_person(anna), "/profile/integrations/"), (as_person(olga), "/console/integrations/"))

    def cost() -> list[int]:
        counts = []
        for browser, path in pages:
            browser.get(path)
            with CaptureQueriesContext(connection) as queries:
                browser.get(path)
            counts.append(len(queries))
        return counts

    program_of(anna)
    few = cost()
    for _ in range(20):
        program_of(anna)
        program_of(olga)
    assert cost() == few
    assert max(few) <= 6
