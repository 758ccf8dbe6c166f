"""What an application keeps with the portal: addresses that are told of events, and its settings."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.core.events.delivery import deliver_all
from box.core.registry.rest import ApiRefused
from box.lib.php_query import parsed
from box.rest.applications import LONGEST_OPTIONS, MOST_OPTIONS, bind_event, set_options
from box.rest.models import Application, Grant, Listener, Webhook
from box.rest.oauth import NewApplication, add_application, retire_application
from box.rest.outgoing import send_waiting, token_of
from box.rest.tokens import Secret
from tests.box.ear import LOOPBACK, Ear, listening_ear
from tests.box.rest.calling import Program, program_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
ADDED = "ONLIVEFEEDPOSTADD"


@pytest.fixture
def ear(settings: Any) -> Iterator[Ear]:
    settings.REACHABLE_NETWORKS = list(LOOPBACK)
    with listening_ear() as found:
        yield found


@pytest.fixture
def till(olga: User) -> Application:
    return add_application(
        NewApplication("The till", "https://till.example/back", ("log", "user")), Secret.new(), by=olga
    )


def token_for(person: User, application: Application) -> Program:
    """A program that acts with a token that the application has of this person."""
    program = program_of(person, *application.scopes)
    later = timezone.now() + timedelta(hours=1)
    secret = Secret.new()
    Grant.objects.create(
        application=application, user=person, webhook=program.webhook, refresh_prefix=secret.prefix,
        refresh_digest=secret.digest, refresh_ends_at=later,
    )  # fmt: skip
    return program


def test_its_address_is_told_of_events_until_it_unbinds_it(
    till: Application, ear: Ear, anna: User, olga: User
) -> None:
    program = token_for(olga, till)
    given = {"event": ADDED.lower(), "handler": ear.address}
    assert program.call("event.bind", **given) is True
    assert program.call("event.bind", **given) is True
    assert program.call("event.get") == [
        {"event": ADDED, "handler": ear.address, "auth_type": "0", "offline": 0}
    ]
    post = publish_post(Draft("Hello"), by=anna)
    deliver_all()
    assert send_waiting(timezone.now()) == 1
    told = parsed(ear.heard[0][1])
    assert (told["event"], told["data"]) == (ADDED, {"FIELDS": {"POST_ID": str(post.pk)}})
    assert isinstance(told["auth"], dict)
    assert told["auth"]["application_token"] == token_of(Listener.objects.get())
    assert program.call("event.unbind", **given) == {"count": 1}
    assert program.call("event.unbind", **given) == {"count": 0}
    assert program.call("event.get") == []


def test_all_its_addresses_know_the_portal_by_one_token(till: Application, olga: User) -> None:
    program = token_for(olga, till)
    for name in ("one", "two"):
        program.call("event.bind", event=ADDED, handler=f"https://till.example/{name}")
    first, second = Listener.objects.order_by("pk")
    assert token_of(first) == token_of(second) and len(token_of(first)) == 32
    assert token_of(first) not in first.token


def test_it_is_told_of_what_its_scopes_open_and_of_nothing_else(till: Application, olga: User) -> None:
    program = token_for(olga, till)
    names = program.call("events")
    assert ADDED in names and "ONUSERADD" in names and "ONSONETGROUPADD" not in names
    assert ADDED not in program.call("events", SCOPE="user")
    for event in ("ONSONETGROUPADD", "ONNOTHING"):
        assert program.error("event.bind", event=event, handler="https://till.example/hook") == (
            400, "ERROR_EVENT_NOT_FOUND",
        )  # fmt: skip
    assert not Listener.objects.exists()


@pytest.mark.parametrize(
    "handler", ["javascript:alert(1)", "ftp://till.example/", "https://u:p@till.example/", "x" * 501, ""]
)
def test_an_address_is_one_that_can_be_told(till: Application, olga: User, handler: str) -> None:
    assert token_for(olga, till).error("event.bind", event=ADDED, handler=handler) == (400, "ERROR_ARGUMENT")


def test_events_to_be_fetched_are_refused_with_a_word(till: Application, olga: User) -> None:
    answer = token_for(olga, till).ask(
        "event.bind", event=ADDED, handler="https://till.example/", event_type="offline"
    )
    assert answer.status_code == 400 and "EVENT_TYPE" in answer.json()["error_description"]


def test_only_administrators_decide_what_leaves_the_box(till: Application, anna: User, olga: User) -> None:
    token_for(olga, till).call("event.bind", event=ADDED, handler="https://till.example/hook")
    hers = token_for(anna, till)
    for method in ("event.bind", "event.unbind"):
        refused = hers.error(method, event=ADDED, handler="https://till.example/hook")
        assert refused == (403, "ACCESS_DENIED")
    assert hers.call("event.get") == []
    assert Listener.objects.count() == 1


def test_a_webhook_made_by_hand_is_no_application(olga: User) -> None:
    program = program_of(olga)
    for method, given in (
        ("event.bind", {"event": ADDED, "handler": "https://till.example/"}),
        ("event.get", {}),
        ("events", {}),
        ("app.info", {}),
        ("app.option.get", {}),
        ("app.option.set", {"options": {"a": 1}}),
    ):
        assert program.error(method, **given) == (403, "ACCESS_DENIED"), method


def test_a_removed_application_is_told_of_nothing(till: Application, olga: User) -> None:
    token_for(olga, till).call("event.bind", event=ADDED, handler="https://till.example/hook")
    retire_application(till, by=olga, now=timezone.now())
    assert not Listener.objects.exists()
    assert not Webhook.objects.filter(revoked_at=None).exists()


def test_an_application_that_is_removed_meanwhile_binds_and_keeps_nothing(
    till: Application, olga: User
) -> None:
    read_before = Application.objects.get(pk=till.pk)
    retire_application(till, by=olga, now=timezone.now())
    for late in (
        lambda: bind_event(read_before, ADDED, "https://till.example/hook", by=olga),
        lambda: set_options(read_before, {"colour": "red"}, by=olga),
    ):
        with pytest.raises(ApiRefused) as refused:
            late()
        assert refused.value.code == "ACCESS_DENIED"
    assert not Listener.objects.exists()


def test_its_settings_are_its_own(till: Application, anna: User, olga: User) -> None:
    program = token_for(olga, till)
    assert program.call("app.option.get") in ({}, [])
    assert program.call("app.option.set", options={"colour": "red", "rows": {"a": [1, 2]}}) is True
    assert program.call("app.option.set", options={"colour": "blue"}) is True
    assert program.call("app.option.get") == {"colour": "blue", "rows": {"a": [1, 2]}}
    assert program.call("app.option.get", option="colour") == "blue"
    assert program.call("app.option.get", option="nothing") == ""
    hers = token_for(anna, till)
    assert hers.call("app.option.get", option="colour") == "blue"
    assert hers.error("app.option.set", options={"colour": "green"}) == (403, "ACCESS_DENIED")
    other = add_application(
        NewApplication("Another", "https://other.example/back", ("log",)), Secret.new(), by=olga
    )
    Webhook.objects.update(revoked_at=timezone.now())
    assert token_for(olga, other).call("app.option.get") in ({}, [])


def test_settings_have_a_bound(till: Application, olga: User) -> None:
    program = token_for(olga, till)
    spare = LONGEST_OPTIONS - len(json.dumps({"a": ""}))
    assert program.call("app.option.set", options={"a": "x" * spare}) is True
    assert program.error("app.option.set", options={"a": "x" * (spare + 1)}) == (400, "ERROR_ARGUMENT")
    many = {f"n{number}": 1 for number in range(MOST_OPTIONS)}
    assert program.error("app.option.set", options=many) == (400, "ERROR_ARGUMENT")
    assert program.call("app.option.get", option="a") == "x" * spare
