"""A company whose portal is several nodes, and its people at work there while something happens to it."""

from __future__ import annotations

import http.client
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backup.portal import manage
from tests.appliance.boxes import wait_until

from .ears import Ear
from .history import History
from .nodes import BoxNode, Company
from .people import Browser, Colleague, Door, promised
from .senders import Sender

PASSWORD = "Correct-horse-7-battery"
PEOPLE = ("anna", "boris", "clara")
_READS = re.compile(r'korobka_reads_total\{worker="\d+",from="(\w+)"\} (\d+)')


@dataclass
class Office:
    """The company, and its people at work."""

    company: Company[Any]
    rows: list[str]
    colleagues: list[Colleague] = field(default_factory=list)
    history: History = field(default_factory=History)
    small_disk: Path = Path()
    """That the second node has its database on."""
    ears: list[Ear] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)

    @property
    def nodes(self) -> tuple[BoxNode, ...]:
        """Those that people come to, each with the database."""
        return self.company.nodes[:3]

    @property
    def busy(self) -> list[Colleague | Sender]:
        """Who gets something through all the time."""
        return [*self.colleagues, *self.senders]

    @property
    def reserve(self) -> BoxNode:
        node: BoxNode = self.company.nodes[3]
        return node

    @property
    def leader(self) -> BoxNode:
        name = self.nodes[0].status()["leader"]
        return next(node for node in self.nodes if node.name == name)

    @property
    def followers(self) -> list[BoxNode]:
        leader = self.leader
        return [node for node in self.nodes if node is not leader]

    def wait_until_well(self) -> None:
        ills: list[str] = []

        def is_well() -> bool:
            ills[:] = [problem for node in self.nodes for problem in node.status()["problems"]]
            return not ills

        with suppress(AssertionError):
            wait_until(is_well, seconds=240)
        assert not ills, "\n".join(ills)
        for one in self.busy:
            one.go_on()

    def happens(
        self, what: str, event: Callable[[], None], *, undo: Callable[[], None] | None = None
    ) -> None:
        """Let it happen under people at work, and note what it cost them."""
        self.wait_until_well()
        for one in self.busy:
            one.begin_counting()
        for ear in self.ears:
            ear.begin_counting()
        try:
            event()
            for one in self.busy:
                one.go_on()
        finally:
            # What comes back may cost somebody something as well, and the next story none.
            if undo:
                undo()
        self.wait_until_well()
        lost, twice = self._kept()
        without_reads = max(one.reads.longest for one in self.colleagues)
        without_writes = max(one.writes.longest for one in self.colleagues)
        failed_reads = sum(one.reads.failed for one in self.colleagues)
        failed_writes = sum(one.writes.failed for one in self.colleagues)
        unheard = self._unheard()
        without_files = max(one.pause.longest for one in self.senders)
        failed_files = sum(one.pause.failed for one in self.senders)
        lost_files = [number for one in self.senders for number in one.lost()]
        self.rows.append(
            f"| {what} | {without_reads:.1f} | {without_writes:.1f} | {failed_reads} | {failed_writes} "
            f"| {len(lost)} | {len(twice)} | {sum(ear.ended for ear in self.ears)} | {len(unheard)} "
            f"| {without_files:.1f} | {failed_files} | {len(lost_files)} |"
        )
        assert not lost and not twice
        assert not lost_files
        assert not unheard, f"{unheard}, and {[ear.resets for ear in self.ears]} were told so"
        assert all(len(ear.heard) == len(set(ear.heard)) for ear in self.ears), "something was told twice"
        wrong = self.history.violations(promised(self.colleagues))
        assert not wrong, "\n".join(map(str, wrong))

    def _unheard(self) -> set[int]:
        """Messages to everybody that an open page did not hear of."""
        told = {
            int(number)
            for number in self.leader.sql(
                "select number from push_pushmessage where 'UA' = any(audience) and number is not null"
            ).splitlines()
        }
        for ear in self.ears:
            with suppress(AssertionError):
                ear.catch_up(max(told))
        return {number for ear in self.ears for number in told - {*ear.heard} if number > ear.since}

    def _kept(self) -> tuple[set[str], set[str]]:
        """What was acknowledged and is not there, and what is there twice."""
        # First: they go on.
        acknowledged = {text for one in self.colleagues for text in (*one.posts, *one.comments)}
        acknowledged |= {text for one in self.senders for text in one.posts}
        there: dict[str, int] = {}
        for text in self.leader.sql(
            "select text from feed_post union all select text from discussion_comment"
        ).splitlines():
            there[text] = there.get(text, 0) + 1
        return acknowledged - there.keys(), {text for text in acknowledged if there.get(text, 0) > 1}


@contextmanager
def people_at_work(office: Office) -> Iterator[None]:
    """Each at another node, writing and reading all the time, with an open page; one of them sends files."""
    talk = employ(office)
    with ExitStack() as at_work:
        at_work.enter_context(office.company.at_desk())
        for number, name in enumerate(PEOPLE):
            browser = Browser([door(node) for node in office.nodes], first=number)
            browser.sign_in(f"{name}@example.com", PASSWORD)
            colleague = Colleague(name, browser, office.history, talk)
            office.colleagues.append(at_work.enter_context(colleague))
            ear = Ear([door(node) for node in office.nodes], browser.cookies, first=number)
            office.ears.append(at_work.enter_context(ear))
        sends, reads = (Browser([door(node) for node in office.nodes], first=number) for number in (1, 2))
        for browser in (sends, reads):
            browser.sign_in("boris@example.com", PASSWORD)
        office.senders.append(at_work.enter_context(Sender("boris", sends, reads)))
        yield


def read_from(nodes: Iterable[BoxNode]) -> Counter[str]:
    """Where the pages and forms of these nodes read, by their own figures; a node that is away has none."""
    counts = Counter[str]()
    for node in nodes:
        with suppress(OSError, http.client.HTTPException):
            for where, count in _READS.findall(Browser([door(node)]).get("/metrics").text):
                counts[where] += int(count)
    return counts


def door(node: BoxNode) -> Door:
    site = node.site
    return Door(site.hostname, site.port, site.address, site.ca_file)


def employ(office: Office) -> int:
    """Make the people, and the post that they talk about."""
    one = office.nodes[0]
    for name in PEOPLE:
        manage(
            one.node, "user", "create", f"{name}@example.com", "--first-name", name.title(),
            "--last-name", "Ivanova", "--password-stdin", stdin=PASSWORD,
        )  # fmt: skip
    with office.company.at_desk():
        browser = Browser([door(one)])
        browser.sign_in("anna@example.com", PASSWORD)
        assert browser.post("/feed/", text="Shall we?", audience="UA", nonce="0" * 32).status == 200
    return int(one.sql("select id from feed_post where text = 'Shall we?'"))
