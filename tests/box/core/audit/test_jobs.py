"""The log is sent on, and what the machine was asked for is taken over."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from appliance.agent import operations_log as agents_record
from appliance.agent.operations_log import Asker
from box.console.jobs import take_over_page
from box.core.audit.actions import write
from box.core.audit.jobs import send_on
from box.core.audit.models import AuditRecord
from box.core.audit.sealing import seal_batch
from box.core.registry.auditing import Entry
from box.core.registry.settings import store
from tests.appliance.boxes import running_box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.node import Node

pytestmark = pytest.mark.django_db


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        yield listener


def sealed(*names: str) -> None:
    for name in names:
        write(Entry("accounts.signed_in", None, name, "192.0.2.1"))
    seal_batch()


def test_what_is_sealed_from_now_on_is_sent_once(listener: socket.socket) -> None:
    sealed("before")
    store({"audit.syslog": f"udp://127.0.0.1:{listener.getsockname()[1]}"})
    assert send_on() == 0
    sealed("anna", "boris")
    assert send_on() == 2
    assert send_on() == 0
    first = listener.recv(9000).decode()
    assert " accounts.signed_in [korobka@32473 " in first
    assert 'number="2" who="anna" address="192.0.2.1"' in first
    assert first.endswith("\ufeffanna: signed in")
    assert "boris" in listener.recv(9000).decode()


def test_what_could_not_be_sent_is_sent_later(listener: socket.socket) -> None:
    store({"audit.syslog": "unix:/nonexistent/log"})
    send_on()
    sealed("anna")
    assert send_on() == 0
    store({"audit.syslog": f"udp://127.0.0.1:{listener.getsockname()[1]}"})
    assert send_on() == 1


def test_what_the_machine_was_asked_for_is_taken_over_once(settings: Any) -> None:
    with running_box("agent") as node:
        settings.AGENT_SOCKET = node.run("agent") / "agent.sock"
        asked(node, "restart web", by="ivan")
        while take_over_page():
            pass
        asked(node, "stop everything", by="ivan")
        while take_over_page():
            pass
        rows = AuditRecord.objects.filter(kind="audit.agent").order_by("id")
        told = [(row.actor, row.details["operation"]) for row in rows]
    assert told[-2:] == [("ivan (root)", "restart web"), ("ivan (root)", "stop everything")]
    assert len(set(told)) == len(told)


def asked(node: Node, what: str, *, by: str) -> None:
    agents_record.note(node.paths, Asker(by=by, acting="root", uid=0, pid=1), what)
