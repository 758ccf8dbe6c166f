"""How people come to a node: by a name that has an address for each, and by an address that moves.

With Chromium and a name server, and with Debian's keepalived as `docs/admin/cluster.md` has it. The page of
the nodes is open meanwhile.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from backup.portal import manage
from tests import require
from tests.appliance.boxes import wait_until
from tests.e2e.browser import CHROMIUM, FLAGS, trust
from tests.e2e.words import EN, RU, Words

from .nodes import ROOT, BoxNode, Company, require_engines

HOSTNAME = "portal.test"
PASSWORD = "Correct-horse-7-battery"
WHOLE = ("agent", "database", "objects", "cache", "web", "push", "jobs", "balancer")
PATIENCE = 240_000
"""Milliseconds until a node that came back is well, on a busy machine."""
RUSSIAN = {
    "all is well": "всё в порядке",
    "does not answer": "не отвечает",
    "running": "работает",
    **{f"node-{number} says nothing.": f"Узел node-{number} не отвечает." for number in (1, 2, 3)},
}


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    require_engines()
    require.programs(CHROMIUM, "certutil", cure="apt-get install chromium libnss3-tools")
    require.programs("keepalived", cure="apt-get install keepalived")
    with Company() as company:
        one, *others = company.nodes
        one.install(*WHOLE, has_tables=True, hostname=HOSTNAME, node__listen=("0.0.0.0",))
        for language in ("en", "ru"):
            manage(
                one.node, "user", "create", f"olga-{language}@example.com", "--language", language,
                "--first-name", "Olga", "--last-name", "Orlova", "--administrator", "--password-stdin",
                stdin=PASSWORD,
            )  # fmt: skip
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in others:
            node.install("agent", node__listen=("0.0.0.0",))
            node.join(one)
        serve_names(company, [node.address for node in company.nodes])
        yield company


type Act = Callable[[], None]


@dataclass(frozen=True)
class Watcher:
    """Somebody with the page of the nodes open, by a browser that has seen nothing else."""

    page: Page
    say: Callable[[str], str]

    def sees(self, text: str, *, exact: bool = False) -> None:
        expect(self.page.get_by_text(self.say(text), exact=exact)).to_be_visible(timeout=PATIENCE)

    def sees_of(self, node: BoxNode, text: str) -> None:
        card = self.page.locator(".nodes li").filter(has_text=node.address)
        expect(card).to_contain_text(self.say(text), timeout=PATIENCE)


@pytest.fixture
def watchers(company: Company, tmp_path: Path) -> Iterator[tuple[Watcher, ...]]:
    """One at a desk, in English; and one with a telephone, in Russian."""
    company.wait_until_well()
    one = company.nodes[0]
    trust(one.site.ca_file, tmp_path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program(company, tmp_path), args=[*FLAGS], env={"HOME": str(tmp_path)}
        )
        pages = (
            (EN, browser.new_context(locale="en-GB", viewport=ViewportSize(width=1440, height=900))),
            (RU, browser.new_context(locale="ru-RU", viewport=ViewportSize(width=390, height=844))),
        )
        at = f"https://{HOSTNAME}:{one.site.port}"
        yield tuple(watching(context.new_page(), words, at) for words, context in pages)


def watching(page: Page, words: Words, at: str) -> Watcher:
    page.goto(f"{at}/sign-in/", timeout=PATIENCE)
    page.get_by_label(words.login).fill(f"olga-{words.language}@example.com")
    page.get_by_label(words.password).fill(PASSWORD)
    page.get_by_role("button", name=words.sign_in, exact=True).click()
    page.wait_for_url(lambda url: "/sign-in/" not in url, timeout=PATIENCE)
    page.goto(f"{at}/console/cluster/", timeout=PATIENCE)
    return Watcher(page, words.saying(RUSSIAN))


def program(company: Company, folder: Path) -> str:
    """Starts a browser at the desk, where names are asked of the desk itself."""
    resolver, script = folder / "resolv.conf", folder / "chromium"
    resolver.write_text("nameserver 127.0.0.1\n")
    bound = f'mount --bind {resolver} /etc/resolv.conf && exec {CHROMIUM} "$@"'
    inside = f"nsenter --net=/run/netns/{company.desk} unshare --mount"
    script.write_text(f"#!/bin/sh\nexec {inside} sh -c '{bound}' chromium \"$@\"\n")
    script.chmod(0o700)
    return str(script)


def serve_names(company: Company, addresses: Sequence[str]) -> None:
    """A name server at the desk: every name has these addresses, in this order."""
    with company.at_desk():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
    threading.Thread(target=_answer, args=(server, addresses), daemon=True).start()


def _answer(server: socket.socket, addresses: Sequence[str]) -> None:
    """RFC 1035: the question once more, and a record of a minute for each address."""
    while True:
        asked, client = server.recvfrom(512)
        end = asked.index(b"\0", 12) + 5
        is_address = asked[end - 4 : end - 2] == b"\0\1"
        found = [b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(one) for one in addresses if is_address]
        counts = b"\0\1" + len(found).to_bytes(2) + b"\0\0\0\0"
        server.sendto(asked[:2] + b"\x81\x80" + counts + asked[12:end] + b"".join(found), client)


def test_the_page_of_the_nodes_tells_of_one_that_dies_and_returns(
    company: Company, watchers: tuple[Watcher, ...]
) -> None:
    """The first is where the browser came in, and where the agent is asked; the page is never loaded anew."""
    one, two, _ = company.nodes
    for watcher in watchers:
        watcher.sees("all is well", exact=True)
    deaths: list[tuple[BoxNode, Act, Act]] = [
        (two, two.kill, two.boot),
        (one, one.kill, one.boot),
        (one, lambda: company.cut(one), lambda: company.mend(one)),
    ]
    for node, ends, returns in deaths:
        ends()
        for watcher in watchers:
            watcher.sees(f"{node.name} says nothing.")
            watcher.sees_of(node, "does not answer")
        returns()
        for watcher in watchers:
            watcher.sees("all is well", exact=True)
            watcher.sees_of(node, "running")
            expect(watcher.page.locator("#cluster .notice.error")).to_have_count(0)


MOVING = "10.88.0.100"


def test_an_address_moves_to_a_node_that_answers(company: Company, rows: list[str]) -> None:
    company.wait_until_well()
    with ExitStack() as stack:
        for node in company.nodes:
            stack.enter_context(keepalived(company, node))
        wait_until(lambda: len(holders(company)) == 1)
        stack.enter_context(company.at_desk())
        wait_until(lambda: answers(company))
        for what, death in (
            ("nothing runs any more at the address that moves", kill_and_boot),
            ("the machine of the address that moves is away", cut_and_mend),
        ):
            (holder,) = holders(company)
            with death(company, holder):
                begun = time.monotonic()
                wait_until(lambda: not answers(company))
                wait_until(lambda: answers(company))
                rows.append(f"| {what} | {time.monotonic() - begun:.1f} |")
                assert set(holders(company)) - {holder}
            company.wait_until_well()
            # Whoever has it keeps it: it moves once.
            wait_until(lambda: len(holders(company)) == 1)


@contextmanager
def kill_and_boot(company: Company, node: BoxNode) -> Iterator[None]:
    node.kill()
    yield
    node.boot()


@contextmanager
def cut_and_mend(company: Company, node: BoxNode) -> Iterator[None]:
    company.cut(node)
    yield
    company.mend(node)


@contextmanager
def keepalived(company: Company, node: BoxNode) -> Iterator[None]:
    """As the administrator's page says, with the addresses of here."""
    page = (ROOT / "docs/admin/cluster.md").read_text(encoding="utf-8")
    text = page.split("```keepalived\n")[1].split("```")[0]
    peers = [other.address for other in company.nodes if other is not node]
    for there, here in (
        ("10.0.0.2", peers[0]), ("10.0.0.3", peers[1]), ("10.0.0.100", MOVING), ("10.0.0.1", node.address),
        ("eth0", "lan"), (":443/", f":{node.site.port}/"),
    ):  # fmt: skip
        assert there in text
        text = text.replace(there, here)
    folder = company.folder / f"keepalived-{node.number}"
    folder.mkdir()
    (folder / "keepalived.conf").write_text(text)
    command = [
        *("ip", "netns", "exec", node.space, "keepalived", "--dont-fork", "--vrrp", "--log-console"),
        *(f"--use-file={folder}/keepalived.conf", f"--pid={folder}/pid"),
        *(f"--{kind}_pid={folder}/{kind}_pid" for kind in ("vrrp", "checkers", "bfd")),
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        try:
            yield
        finally:
            running.terminate()


def holders(company: Company) -> list[BoxNode]:
    """Who has the address; one that is cut off cannot know that another one has it."""
    command = ("ip", "-o", "-4", "address", "show", "dev", "lan")
    return [node for node in company.nodes if f" {MOVING}/" in node.run(command).stdout]


def answers(company: Company) -> bool:
    port = company.nodes[0].site.port
    context = ssl.create_default_context(cafile=company.nodes[0].site.ca_file)
    try:
        with (
            socket.create_connection((MOVING, port), 1) as plain,
            context.wrap_socket(plain, server_hostname=HOSTNAME) as spoken,
        ):
            spoken.sendall(f"GET /healthz HTTP/1.1\r\nHost: {HOSTNAME}\r\nConnection: close\r\n\r\n".encode())
            return b" 200 " in spoken.recv(100)
    except OSError:
        return False
