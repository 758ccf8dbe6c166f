"""How long after a telephone has begun to ring the client's card is before its owner's eyes.

    python -m tests.bench.calls [--rounds 30]

A whole box, a real Asterisk, and Chromium with a page of the portal open. The PBX's own moment of the ring
(AMI's Timestamp) is compared with the moment at which the popup is in the page: both are this machine's
clock.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

from playwright.sync_api import Page, expect

from tests.e2e.boxes import Box, box_to_visit, until
from tests.e2e.browser import chromium, watched_context
from tests.e2e.people import Person, new_login
from tests.e2e.personnel import personnel_of
from tests.e2e.portal import Portal
from tests.prefixes import scratch_prefix
from tests.telephony.asterisk import SECRET, Asterisk
from tests.telephony.phones import call_from_outside, phones
from tests.telephony.scenarios import Manager, listening

TARGET_MS = 300
NUMBER = "4950001"
WATCH = """() => {
  window.popups = {};
  const look = () => {
    for (const { dataset } of document.querySelectorAll(".call-popup"))
      window.popups[dataset.call] ??= Date.now();
  };
  new MutationObserver(look).observe(document.querySelector("call-bar"), { childList: true, subtree: true });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="calls (default 30)")
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        box = stack.enter_context(box_to_visit())
        pbx = stack.enter_context(exchange())
        page = stack.enter_context(connected(box, pbx))
        manager = stack.enter_context(listening(pbx))
        taken = sorted(popup_ms(page, pbx, manager) for _ in range(rounds))
    load = os.getloadavg()[0]
    median, p95 = statistics.median(taken), taken[min(len(taken) - 1, round(0.95 * len(taken)))]
    verdict = "" if median <= TARGET_MS else " **missed**"
    sys.stdout.write(
        f"popup after the ring, {rounds} calls: median {median:.0f} ms (target {TARGET_MS}){verdict},"
        f" least {taken[0]:.0f}, p95 {p95:.0f}; load {load:.1f}\n"
    )


@contextmanager
def exchange() -> Iterator[Asterisk]:
    """4950001 rings at 101, which nobody picks up."""
    folder = scratch_prefix(f"bench-asterisk-{os.getpid()}")
    folder.mkdir(mode=0o755)
    pbx = Asterisk(folder)
    try:
        pbx.start()
        with phones(pbx):
            pbx.cli(f'dialplan add extension {NUMBER},1,Dial,"PJSIP/101,90" into korobka-incoming')
            yield pbx
    finally:
        pbx.remove()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def connected(box: Box, pbx: Asterisk) -> Iterator[Page]:
    """A page of whoever sits at 101."""
    olga = Portal.of(box, box.admin)
    name = f"bench-{token_hex(3)}"
    made = olga.post(
        "/calls/exchanges/new/",
        name=name,
        host=pbx.address,
        port=str(pbx.plan.manager_port),
        user=pbx.plan.manager_user,
        secret=SECRET,
        is_on="on",
        logs="none",
        nonce=token_hex(8),
    )
    assert made.status == 302, made.data.decode()
    place = made.headers["Location"].rstrip("/").removesuffix("/numbers")
    rules = olga.post(
        f"{place}/numbers/",
        lines="PJSIP/line",
        region="RU",
        extension_length="4",
        context="korobka-internal",
        recordings_there="/var/spool/asterisk/monitor",
    )
    assert rules.status == 302, rules.data.decode()
    box.boxctl("config", "set", "telephony.enabled", "true")
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = stack.enter_context(chromium(box, home))
        context, watch = stack.enter_context(watched_context(browser, box))
        personnel = stack.enter_context(personnel_of(box))
        login = new_login("anna")
        _pk, portal = personnel.employ(login, first_name="Anna", last_name="Bench", language="en")
        anna = Person("Anna", "Bench", login, context, watch, context.new_page())
        anna.is_signed_in_as(portal)
        given = olga.post(f"{place}/extensions/", number="101", person=login.login)
        assert given.status == 302, given.data.decode()
        until(lambda: "heard of 2" in box.boxctl("telephony", "status", "--pbx", name), patience=60)
        page = anna.open("/feed/")
        expect(page.locator("body[data-listening]")).to_be_attached(timeout=60_000)
        page.evaluate(WATCH)
        try:
            yield page
        finally:
            box.boxctl("config", "set", "telephony.enabled", "false")


def popup_ms(page: Page, pbx: Asterisk, manager: Manager) -> float:
    """Of one call."""
    begin, known = len(manager.heard), page.evaluate("() => Object.keys(window.popups).length")
    client = call_from_outside(pbx, NUMBER)
    rang = manager.wait_for("Event: Newstate", "Channel: PJSIP/101-", "ChannelState: 5", after=begin)
    page.wait_for_function("known => Object.keys(window.popups).length > known", arg=known, timeout=60_000)
    seen = max(page.evaluate("() => Object.values(window.popups)"))
    client.kill()
    client.wait()
    pbx.cli("channel request hangup all")
    pbx.idle()
    expect(page.locator(".call-popup")).to_have_count(0, timeout=60_000)
    return float(seen - float(rang["Timestamp"]) * 1000)


if __name__ == "__main__":
    main()
