"""A page of an application's own server in the portal: allowed once, in a frame, with a token that works, and
kept away from the page around it."""

from __future__ import annotations

import json
import secrets
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from appliance.certificates import issue, read_authority
from tests.e2e.accessibility import problems
from tests.e2e.boxes import Box
from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import Words

RUSSIAN = {
    "Applications": "Приложения",
    "Add an application": "Добавить приложение",
    "What it is called": "Как оно называется",
    "Where it gets people back (redirect_uri)": "Куда возвращать людей (redirect_uri)",
    "Its page in the portal": "Страница на портале",
    "Pages in the portal": "Страницы на портале",
    "Tasks": "Задачи",
    "Add": "Добавить",
    "I have kept it": "Ключи сохранены",
    "Allow": "Разрешить",
    "Remove": "Удалить",
}
HOST = "till.localhost"
# What a page can learn of what is around it, written where the test reads it.
PAGE = """<!doctype html><meta charset="utf-8"><title>Till</title>
<p id="who">{who}</p><p id="where">{where}</p><p id="around"></p>
<script>
  const tried = (what) => {{ try {{ return String(what()); }} catch (refusal) {{ return refusal.name; }} }};
  document.getElementById("around").textContent = [
    tried(() => parent.document.title), tried(() => top.document.title), tried(() => top.location.href),
    `cookies: ${{document.cookie}}`, location.origin,
  ].join(" | ");
</script>"""


@dataclass
class Till:
    """An application's own server, under a name of its own. `told` is what it was posted, the newest last."""

    box: Box
    port: int = 0
    told: list[dict[str, str]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.port}"

    def call(self, method: str, **given: Any) -> Any:
        """By REST, with the token that came last."""
        body = {"auth": self.told[-1]["AUTH_ID"], **given}
        answer = Portal(self.box).http.request("POST", f"{self.box.url}/rest/{method}", json=body)
        return json.loads(answer.data)

    def page(self, posted: dict[str, str]) -> str:
        self.told.append(posted)
        who = self.call("profile")["result"]["NAME"]
        return PAGE.format(who=escape(who), where=escape(posted["PLACEMENT_OPTIONS"]))


@pytest.fixture
def till(box: Box, tmp_path: Path) -> Iterator[Till]:
    served = Till(box)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            page = served.page(dict(parse_qsl(urlsplit(self.path).query)) | dict(parse_qsl(body)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_words: object) -> None:
            pass

    authority = read_authority(box.paths)
    assert authority is not None
    bundle = tmp_path / "till.pem"
    bundle.write_bytes(issue(authority, HOST).pem())
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bundle)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        served.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("iframe.application-frame").frame_locator("iframe[name=application]")


def expect_it_is_kept_apart(page: Page, till: Till) -> None:
    refused = "SecurityError | SecurityError | SecurityError | cookies:  | "
    expect(inside(page).locator("#around")).to_have_text(f"{refused}{till.origin}")


def test_an_application_has_a_page_and_a_tab(
    box: Box, till: Till, administrator: Person, employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    name = f"Till {secrets.token_hex(3)}"
    anna, olga = employee("Anna", words=words), administrator
    for person in (anna, olga):
        person.watch.sites.add(f"{till.origin}/")

    console = olga.open("/console/integrations/applications/new/")
    console.get_by_label("What it is called").fill(name)
    console.get_by_label("Where it gets people back").fill(f"{till.origin}/back")
    console.get_by_label("Its page in the portal").fill(f"{till.origin}/page?shop=3")
    for scope in ("Pages in the portal", "Tasks"):
        console.get_by_label(f"{scope}:").check()
    console.get_by_role("button", name="Add", exact=True).click()
    console.get_by_role("link", name="I have kept it").click()

    page = anna.open("/feed/")
    page.get_by_role("link", name=say("Applications")).click()
    page.get_by_role("link", name=name).click()
    assert not till.told
    assert problems(page) == []
    page.get_by_role("button", name=say("Allow")).click()
    expect(inside(page).locator("#who")).to_have_text("Anna")
    expect_it_is_kept_apart(page, till)
    told = till.told[-1]
    assert (told["PLACEMENT"], told["shop"], told["LANG"]) == ("DEFAULT", "3", words.language)

    # It binds a tab itself, with what it is given for an administrator; anna's token does not suffice.
    tab = {"PLACEMENT": "TASK_VIEW_TAB", "HANDLER": f"{till.origin}/tab", "TITLE": name}
    assert till.call("placement.bind", **tab)["error"] == "ACCESS_DENIED"
    console = olga.open("/applications/")
    console.get_by_role("link", name=name).click()
    console.get_by_role("button", name="Allow").click()
    # She who set the box up need not have told her name.
    expect_it_is_kept_apart(console, till)
    assert till.call("placement.bind", **tab)["result"] is True

    task = {"TITLE": "Sand them", "RESPONSIBLE_ID": anna.pk}
    number = till.call("tasks.task.add", fields=task)["result"]["task"]["id"]
    address = f"/tasks/{number}/"
    page = anna.open(address)
    page.get_by_role("link", name=name).click()
    expect(inside(page).locator("#where")).to_contain_text(f'"taskId": "{number}"')
    expect_it_is_kept_apart(page, till)
    assert problems(page) == []

    console = olga.open("/console/integrations/applications/")
    row = console.get_by_role("listitem").filter(has_text=name)
    row.get_by_role("button", name=f"Remove {name}", exact=True).click()
    console.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(row).to_have_count(0)
    expect(anna.open(address).get_by_role("link", name=name)).to_have_count(0)
    assert till.call("profile")["error"] == "NO_AUTH_FOUND"
