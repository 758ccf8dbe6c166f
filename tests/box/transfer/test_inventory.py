"""What a portal has, and what it hides."""

from __future__ import annotations

import io
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from box.lib.egress import Answer, exchange
from box.transfer import cloud
from box.transfer.inventory import KINDS, take_stock
from tests.box.transfer.test_cloud import WEBHOOK, Wire
from tests.cloud.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Iterator


def company() -> Portal:
    rows = [{"ID": n, "id": n} for n in range(1, 5_001)]
    return Portal({"user.get": rows[:7], "tasks.task.list": rows, "crm.deal.list": []}, lambda: 0.0)


def test_it_counts_in_three_requests_and_says_what_is_hidden() -> None:
    there = company()
    found = take_stock(Wire(there).cloud())
    counts = {one.kind.key: one.count for one in found.counted}
    assert (counts["people"], counts["tasks"], counts["deals"], counts["groups"]) == (7, 5000, 0, None)
    hidden = {one.kind.key: one.hidden for one in found.counted if one.hidden}
    assert "ERROR_METHOD_NOT_FOUND" in hidden["groups"]
    assert found.missing_scopes == ("calendar", "disk", "telephony", "vote")
    assert (found.portal, found.person) == ("company.bitrix24.com", "Anna Orlova")
    assert found.is_administrator
    assert there.requests == 3
    assert found.seconds == pytest.approx(1.5)


def test_every_kind_is_counted_once() -> None:
    assert len({kind.key for kind in KINDS}) == len(KINDS) <= cloud.AT_ONCE


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The stand-in over HTTP; loopback is fit for this test alone."""
    there = company()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            method = self.path.rpartition("/")[2].removesuffix(".json")
            status, answer = there.handle(method, json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()

    def from_loopback(*given: Any, **more: Any) -> Answer:
        return exchange(*given, **{**more, "reachable": ("127.0.0.0/8",)})

    monkeypatch.setattr(cloud, "exchange", from_loopback)
    yield f"http://127.0.0.1:{server.server_port}/rest/1/abc/"
    server.shutdown()
    server.server_close()


def inventory(webhook: str, monkeypatch: pytest.MonkeyPatch, *flags: str) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(webhook + "\n"))
    out = io.StringIO()
    call_command("transfer", "inventory", *flags, stdout=out)
    return out.getvalue()


def test_the_command_tells_it_in_words_and_to_programs(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = inventory(served, monkeypatch)
    assert "Tasks: 5,000" in text
    assert "as Anna Orlova sees it" in text
    assert json.loads(inventory(served, monkeypatch, "--json"))["counts"]["tasks"] == 5000


def test_a_portal_on_the_box_itself_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="of the box itself"):
        inventory("http://127.0.0.1:9/rest/1/abc/", monkeypatch)


def test_what_is_no_webhook_is_refused_by_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="inbound webhook"):
        inventory(WEBHOOK + "crm.deal.list", monkeypatch)
