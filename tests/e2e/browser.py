"""Chromium as an employee's browser: it trusts the box's authority as the company's browsers do, and what
must not happen in it is written down.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

from tests.e2e.boxes import PATIENCE, Box

CHROMIUM = "/usr/bin/chromium"
FOREIGN_SITE = "shop.test"
FLAGS = (
    "--no-sandbox",  # the tests run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Another website, on this machine too: browsers let no public page into a private network.
    f"--host-resolver-rules=MAP {FOREIGN_SITE} 127.0.0.1",
)
# How Chromium and htmx write down that a request was refused.
ICON = "Error while trying to use the following icon from the Manifest"
REFUSAL = re.compile(
    r"(?:status of |Response Status Error Code )(?P<status>\d{3})|\b(?P<network>net::\w+)|^(?P<htmx>htmx:\w+)"
)
# What pages load that is no address of a host.
LOCAL_SCHEMES = ("data", "blob", "about")


@contextmanager
def chromium(box: Box, home: Path) -> Iterator[Browser]:
    """A browser whose owner, at `home`, was given the box's certificate authority."""
    trust(box.ca_file, home)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), env=_environment(home)
        )
        yield browser
        browser.close()


def _environment(home: Path, **more: str) -> dict[str, str | float | bool]:
    # In another locale Chromium finds no file whose name isn't plain English.
    return {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


def trust(authority: Path, home: Path) -> None:
    """Adds a certificate authority to those of the user at `home`, as company IT does on a Linux desktop."""
    store = home / ".pki/nssdb"
    store.mkdir(parents=True)
    run = ["certutil", "-d", f"sql:{store}"]
    subprocess.run([*run, "-N", "--empty-password"], check=True)
    subprocess.run([*run, "-A", "-n", "The box", "-t", "C,,", "-i", str(authority)], check=True)


@dataclass
class Watch:
    """Writes down what a page does besides looking right."""

    box: Box
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """JavaScript errors, violations of the content security policy, what else the console complains of."""
    # Chromium drops its connections when any network interface comes or goes, as those of containers do.
    tolerated: set[str] = field(default_factory=lambda: {"net::ERR_NETWORK_CHANGED"})
    """Statuses, network errors and htmx's word for one that are not the page's fault; a test adds those
    that it causes on purpose."""
    sites: set[str] = field(default_factory=set)
    """The beginnings of addresses that a test serves itself, as another website."""

    def over(self, context: BrowserContext) -> None:
        context.on("request", self._note)
        context.on("console", self._listen)
        context.on("weberror", lambda error: self.complaints.append(f"{error.page}: {error.error}"))

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        # Chromium fetches the icon some time after the page, and complains where the page has gone by then.
        if ICON in message.text:
            return
        if (refusal := REFUSAL.search(message.text)) and refusal[str(refusal.lastgroup)] in self.tolerated:
            return
        self.complaints.append(f"{message.type} at {message.location}: {message.text}")

    @property
    def foreign(self) -> list[str]:
        """The addresses that were asked for and are not the box's."""
        ours = (f"{self.box.url}/", *self.sites)
        addresses = [request.url for request in self.requests]
        return [
            address
            for address in addresses
            if urlsplit(address).scheme not in LOCAL_SCHEMES and not address.startswith(ours)
        ]

    def to(self, path: str) -> list[Request]:
        """The requests to addresses that begin with this path."""
        return [request for request in self.requests if urlsplit(request.url).path.startswith(path)]


@contextmanager
def watched_context(
    browser: Browser, box: Box, *, locale: str = "en-GB", width: int = 1440, height: int = 900
) -> Iterator[tuple[BrowserContext, Watch]]:
    """A browser profile of its own. Whatever went wrong in it unseen fails the test at the end."""
    context = browser.new_context(
        base_url=box.url,
        locale=locale,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        accept_downloads=True,
    )
    with _watched(context, box) as watch:
        yield context, watch


@contextmanager
def profile_at(
    home: Path,
    kind: BrowserType,
    box: Box,
    *flags: str,
    program: str = CHROMIUM,
    locale: str = "en-GB",
    **environment: str,
) -> Iterator[tuple[BrowserContext, Watch]]:
    """The lasting profile of somebody with this home, in a Chromium of their own. The other profiles are as
    private windows are, and those show nobody the tickets of the computer."""
    trust(box.ca_file, home)
    profile = home / "profile"
    profile.mkdir()
    # On Linux the sandbox of its network keeps the library of tickets out, until the start after the first at
    # which it was asked for one.
    remembered = {"net": {"received_http_auth_negotiate_headers": True}}
    (profile / "Local State").write_text(json.dumps(remembered), encoding="utf-8")
    context = kind.launch_persistent_context(
        profile,
        executable_path=program,
        args=[*FLAGS, *flags],
        env=_environment(home, **environment),
        base_url=box.url,
        locale=locale,
        viewport={"width": 1440, "height": 900},
        reduced_motion="reduce",
    )
    with _watched(context, box) as watch:
        yield context, watch


@contextmanager
def _watched(context: BrowserContext, box: Box) -> Iterator[Watch]:
    watch = Watch(box)
    context.set_default_timeout(PATIENCE * 1000)
    watch.over(context)
    yield watch
    context.close()
    assert watch.foreign == []
    assert watch.complaints == []


def is_signed_out(page: Page) -> bool:
    return urlsplit(page.url).path == "/sign-in/"
