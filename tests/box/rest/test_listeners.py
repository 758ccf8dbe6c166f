"""Outgoing webhooks: a real server hears of what happens, and the box never speaks to itself."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.feed.actions import Draft, delete_post, publish_post
from box.core.accounts.actions import NewUser, create_user
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Delivery
from box.core.groups.actions import NewGroup, create_group
from box.core.notify.models import Notification
from box.core.registry.capabilities import after_restore
from box.core.registry.services import switch_of
from box.core.registry.settings import as_of, read_version, store
from box.lib.egress import Forbidden, Unreachable, exchange, is_unfit, post
from box.lib.php_query import parsed
from box.rest import outgoing
from box.rest.models import Listener, Sending
from box.rest.outgoing import (
    NewListener,
    add_listener,
    remove_listener,
    resume_listener,
    send_waiting,
    token_of,
)
from box.rest.portal_id import member_id
from tests.box.ear import LOOPBACK, Ear, listening_ear
from tests.box.processes import configuration, hanging_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

POSTS = ("ONLIVEFEEDPOSTADD", "ONLIVEFEEDPOSTDELETE")


@pytest.fixture
def ear(settings: Any) -> Iterator[Ear]:
    settings.REACHABLE_NETWORKS = list(LOOPBACK)
    with listening_ear() as found:
        yield found


def listening(ear: Ear, by: User, *events: str) -> Listener:
    return add_listener(NewListener("The warehouse", ear.address, events or POSTS), by=by)


def test_the_portal_is_the_same_one_to_them_under_another_name(
    ear: Ear, anna: User, olga: User, settings: Any
) -> None:
    listening(ear, olga)
    for name in ("portal.example.com", "intranet.example.com"):
        settings.PORTAL_URL = f"https://{name}"
        publish_post(Draft("Hello"), by=anna)
        deliver_all()
        assert send_waiting(timezone.now()) == 1
    first, second = (parsed(body)["auth"] for _headers, body in ear.heard)
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["domain"], second["domain"]) == ("portal.example.com", "intranet.example.com")
    assert first["member_id"] == second["member_id"]


def test_it_hears_once_and_in_order_and_can_tell_who_speaks(ear: Ear, anna: User, olga: User) -> None:
    listener = listening(ear, olga)
    post_ = publish_post(Draft("Hello"), by=anna)
    delete_post(post_, by=anna)
    deliver_all()
    assert send_waiting(timezone.now()) == 2
    assert send_waiting(timezone.now()) == 0
    told = [parsed(body) for _headers, body in ear.heard]
    assert [one["event"] for one in told] == list(POSTS)
    assert told[0]["data"] == {"FIELDS": {"POST_ID": str(post_.pk)}}
    assert isinstance(told[0]["auth"], dict)
    assert told[0]["auth"]["application_token"] == token_of(listener)
    assert set(told[0]["auth"]) == {
        *("domain", "client_endpoint", "server_endpoint", "member_id", "application_token"),
    }
    assert told[0]["auth"]["member_id"] == member_id()
    headers, body = ear.heard[0]
    ts, _comma, signature = headers["X-Korobka-Signature"].removeprefix("t=").partition(",v1=")
    wanted = hmac.new(token_of(listener).encode(), f"{ts}.{body}".encode(), hashlib.sha256).hexdigest()
    assert signature == wanted
    assert "Hello" not in body
    assert token_of(listener) not in Listener.objects.get().token


def test_it_hears_of_what_it_was_added_for_and_of_nothing_private(
    ear: Ear, anna: User, boris: User, olga: User
) -> None:
    listening(ear, olga, "ONLIVEFEEDPOSTADD")
    publish_post(Draft("Between us", audience=(f"U{boris.pk}",)), by=anna)
    create_user(NewUser(email="new@example.com"), password=None, by=olga)
    store({switch_of("feed"): False})
    publish_post(Draft("While it is off"), by=anna)
    deliver_all()
    assert not Sending.objects.exists()


def test_where_nobody_listens_nothing_is_stored_for_it(ear: Ear, anna: User, olga: User) -> None:
    def stored() -> int:
        publish_post(Draft("Hello"), by=anna)
        return Delivery.objects.filter(handler__startswith="box.rest", completed_at=None).count()

    with as_of(read_version()):
        assert stored() == 0
    listener = listening(ear, olga, "ONLIVEFEEDPOSTADD")
    with as_of(read_version()):
        assert stored() == 1
    remove_listener(listener, by=olga)
    with as_of(read_version()):
        assert stored() == 1


def test_a_number_stands_where_receivers_look_for_it(ear: Ear, olga: User) -> None:
    """Bitrix24's own events put it into FIELDS or beside, and receivers were written for either."""
    listening(ear, olga, "ONUSERADD", "ONSONETGROUPADD")
    person = create_user(NewUser(email="new@example.com"), password=None, by=olga)
    group = create_group(NewGroup("Choir"), by=olga)
    deliver_all()
    send_waiting(timezone.now())
    bodies = [body for _headers, body in ear.heard]
    data = [parsed(body)["data"] for body in bodies]
    assert data[-2:] == [{"FIELDS": {"ID": str(one.pk)}, "ID": str(one.pk)} for one in (person, group)]


def test_the_same_event_is_queued_once_however_often_it_is_delivered(
    ear: Ear, anna: User, olga: User
) -> None:
    listening(ear, olga)
    for _ in range(2):
        outgoing.queue("ONLIVEFEEDPOSTADD", {"FIELDS": {"POST_ID": 1}}, key=7)
    assert Sending.objects.count() == 1


def test_who_does_not_answer_is_left_alone_then_tried_again_and_given_up(
    ear: Ear, anna: User, boris: User, olga: User
) -> None:
    listener = listening(ear, olga)
    for number in range(3):
        publish_post(Draft(f"Number {number}"), by=anna)
    deliver_all()
    ear.status = 500
    now = timezone.now()
    assert send_waiting(now) == 0
    assert send_waiting(now + timedelta(seconds=30)) == 0
    assert len(ear.heard) == 1, "one attempt, however much waits"
    ear.status = 200
    assert send_waiting(now + timedelta(minutes=2)) == 3
    listener.refresh_from_db()
    assert (listener.failing_since, listener.attempts) == (None, 0)

    publish_post(Draft("Later"), by=anna)
    deliver_all()
    ear.status = 404
    for days in (0, 1, 2, 3):
        send_waiting(now + timedelta(days=days, hours=5))
    listener.refresh_from_db()
    assert listener.paused_at is not None
    assert Sending.objects.order_by("-id")[0].failed_at is not None
    assert [one.user_id for one in Notification.objects.filter(kind="rest.paused")] == [olga.pk]
    publish_post(Draft("Unheard"), by=anna)
    deliver_all()
    assert Sending.objects.count() == 4
    resume_listener(listener, by=olga)
    publish_post(Draft("Heard again"), by=anna)
    deliver_all()
    ear.status = 200
    assert send_waiting(timezone.now()) == 1


@pytest.mark.parametrize(("most", "seconds"), [(2, 0.0), (100, 15.0)], ids=["many", "slowly"])
def test_one_for_whom_much_waits_keeps_nobody_else_waiting(
    most: int, seconds: float, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most so many messages, or the one that is being sent when its time is over, before others' turn."""
    now, heard, clock = timezone.now(), [], [0.0]

    def told(listener: Listener, sending: Sending) -> int:
        heard.append((listener.name, sending.key))
        clock[0] += seconds if listener.name == "slow" else 0.0
        return 200

    for name in ("slow", "quick"):
        add_listener(NewListener(name, f"https://{name}.example.com/", POSTS), by=olga)
    for key in range(4):
        outgoing.queue(POSTS[0], {}, key=key)
    monkeypatch.setattr(outgoing, "_post", told)
    monkeypatch.setattr(outgoing, "monotonic", lambda: clock[0])
    monkeypatch.setattr(outgoing, "MOST_IN_A_TURN", most)
    assert send_waiting(now) == 8
    before_it = [key for name, key in heard[: heard.index(("quick", 0))] if name == "slow"]
    assert before_it == ([0, 1] if most == 2 else [0])
    for name in ("slow", "quick"):
        assert [key for one, key in heard if one == name] == [0, 1, 2, 3], "each in its order"
    late = Sending.objects.get(key=3, listener__name="slow").sent_at
    assert late == now + timedelta(seconds=3 * seconds)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("die_at", ["before sending", "after sending", "after it was noted"])
def test_a_sender_killed_at_any_point_loses_nothing_and_what_it_repeats_is_known(
    die_at: str, ear: Ear, olga: User, tmp_path: Path
) -> None:
    listening(ear, olga)
    for key in (1, 2):
        outgoing.queue("ONLIVEFEEDPOSTADD", {"FIELDS": {"POST_ID": key}}, key=key)
    with hanging_at(die_at, "tests.box.rest.hooks.send_and_die", env=configuration(tmp_path)):
        pass
    send_waiting(timezone.now())
    assert not Sending.objects.filter(sent_at=None).exists()
    told = [(headers["X-Korobka-Delivery"], body) for headers, body in ear.heard]
    # Where the other side's word came too late, the repeat is the same to the byte, and known by its number.
    assert len(told) == (3 if die_at == "after sending" else 2)
    assert list(dict.fromkeys(told)) == sorted(set(told), key=lambda one: int(one[0])), (
        "each is one, in order"
    )
    assert len(set(told)) == 2


def test_a_message_that_is_refused_does_not_stop_the_next(ear: Ear, anna: User, olga: User) -> None:
    listening(ear, olga)
    publish_post(Draft("Odd"), by=anna)
    publish_post(Draft("Even"), by=anna)
    deliver_all()
    ear.status = 422
    assert send_waiting(timezone.now()) == 0
    assert len(ear.heard) == 2
    assert not Sending.objects.waiting().exists()


def test_after_a_restore_nothing_that_waited_is_sent(ear: Ear, anna: User, olga: User) -> None:
    listening(ear, olga)
    publish_post(Draft("Sent long ago"), by=anna)
    deliver_all()
    assert after_restore["rest.sendings"]() == 1
    assert send_waiting(timezone.now() + timedelta(days=1)) == 0
    assert ear.heard == []


# Where it never goes


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://2130706433:{port}/",
        "http://169.254.169.254/latest/",
        "http://224.0.0.1/",
        "http://[fd00:ec2::254]/latest/",
        "http://[fd20:ce::254]/",
        "http://100.100.100.200/latest/",
        "http://192.0.0.192/latest/",
        "http://168.63.129.16/",
        "http://[2002:7f00:1::]:{port}/",
        "http://[64:ff9b::127.0.0.1]:{port}/",
        "http://[64:ff9b:1::7f00:1]:{port}/",
        "http://[2001:0:7f00:1::]:{port}/",
        "http://[::127.0.0.1]:{port}/",
        "http://[fec0::1]/",
        "http://100.64.0.1/",
        "http://198.18.0.1/",
        "http://255.255.255.255/",
        "ftp://example.com/",
        "file:///etc/passwd",
    ],
)
def test_it_never_speaks_to_the_box_itself(ear: Ear, settings: Any, address: str) -> None:
    settings.REACHABLE_NETWORKS = []
    with pytest.raises(Forbidden):
        post(address.format(port=ear.port), b"", {}, reachable=[])
    assert ear.heard == []


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.31.0.5", "192.168.7.7", "fd12:3456::1", "203.0.114.7", "168.63.129.15", "2a02:6b8::1"],
)
def test_other_computers_are_fit_in_the_company_and_outside(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.lib.egress._is_own", lambda ip, port: False)
    assert not is_unfit(ipaddress.ip_address(address), 443)


def test_an_address_of_this_machine_is_its_own_whatever_network_it_is_of() -> None:
    """The one that the kernel would speak from, to wherever packets go by default."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.fail("This machine has no network: give it one.", pytrace=False)
        own = ipaddress.ip_address(probe.getsockname()[0])
    assert is_unfit(own, 443)
    assert not is_unfit(ipaddress.ip_address("203.0.114.7"), 443)


def test_a_name_that_means_two_things_is_not_asked_twice(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit when it was checked, the box's own when it is connected to."""
    asked = []
    real = socket.getaddrinfo

    def two_faced(host: str, port: int, *args: Any, **more: Any) -> list[Any]:
        if host != "two-faced.test":
            return list(real(host, port, *args, **more))
        asked.append(host)
        ip = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", two_faced)
    assert post(f"http://two-faced.test:{ear.port}/", b"x=1", {}, reachable=["127.0.0.1/32"]) == 200
    assert ear.heard[0][0]["Host"] == f"two-faced.test:{ear.port}"
    assert asked == ["two-faced.test"]


def test_nobody_is_followed_elsewhere(ear: Ear) -> None:
    ear.status = 302
    assert post(ear.address, b"", {}, reachable=LOOPBACK) == 302
    assert len(ear.heard) == 1
    with pytest.raises(Unreachable):
        post(f"https://127.0.0.1:{ear.port}/", b"", {}, reachable=LOOPBACK)


# The pages


def test_an_administrator_adds_looks_and_removes(
    as_person: Browser, ear: Ear, anna: User, olga: User
) -> None:
    browser = as_person(olga)
    sent = {"name": "Till", "address": ear.address, "events": ["ONUSERADD"], "nonce": str(uuid4())}
    page = browser.post("/console/integrations/outgoing/new/", sent)
    listener = Listener.objects.get()
    assert page.headers["Location"] == f"/console/integrations/outgoing/{listener.pk}/"
    create_user(NewUser(email="new@example.com"), password=None, by=olga)
    deliver_all()
    send_waiting(timezone.now())
    shown = browser.get(page.headers["Location"]).content.decode()
    assert token_of(listener) in shown
    assert "arrived" in shown
    assert token_of(listener) not in browser.get("/console/integrations/outgoing/").content.decode()
    wrong = browser.post(
        "/console/integrations/outgoing/new/", {**sent, "address": "ftp://x", "events": ["X"]}
    )
    assert wrong.status_code == 422
    browser.post(f"/console/integrations/outgoing/{listener.pk}/removal/")
    assert not Sending.objects.exists()
    deliver_all()
    kinds = AuditRecord.objects.filter(kind__startswith="rest.").values_list("kind", flat=True)
    assert set(kinds) == {"rest.listener_added", "rest.listener_removed"}


def test_an_event_that_nobody_offers_is_refused(olga: User) -> None:
    with pytest.raises(ValidationError, match="no such event"):
        add_listener(NewListener("x", "https://example.com", ("ONNOTHING",)), by=olga)


def test_who_answers_a_byte_at_a_time_is_cut_off() -> None:
    """Each byte comes in time, and the answer never."""
    is_cut = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _address = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not is_cut.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=drip, args=(listener,))
        server.start()
        try:
            with pytest.raises(Unreachable):
                address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
                exchange(address, b"", {}, reachable=LOOPBACK, most=0, seconds=1.0)
        finally:
            is_cut.set()
            server.join()
