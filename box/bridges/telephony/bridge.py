"""The bridge itself: one PBX in one thread, for ever. Every interruption, on either side, ends in the same
`resync`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat

from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from box.bridges.telephony import ami_events, fastagi, resync
from box.bridges.telephony.actions import (
    forget_commands,
    forget_credential,
    keep_calls,
    keep_queues,
    keep_rest,
    place_credentials_again,
    refuse_command,
    restore,
    stale_credentials,
    take_commands,
    take_credentials,
    tell_state,
)
from box.bridges.telephony.ami import N_, ActionRefused, PbxTrouble, Session
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.credentials import nobodys_password, placing
from box.bridges.telephony.events import CallEvent
from box.bridges.telephony.facts import Fact, Unreadable
from box.bridges.telephony.models import Call, Pbx
from box.bridges.telephony.sentences import company_sentence
from box.lib.sealing import SealBroken

log = logging.getLogger(__name__)

WAITS = (1, 2, 5, 10, 30)
"""Seconds before the next attempt, the last for ever."""
EVERY = timedelta(minutes=5)
"""Also without an interruption: an event may have been lost on the way."""
LOOKS_AGAIN = (timedelta(seconds=2), timedelta(seconds=13), timedelta(seconds=45))
"""After it has caught up, each from the one before: a PBX writes down what happens a moment later, under load
seconds later. A short call of which nothing stood there yet would not be heard of before the next catching
up."""
LOOKS_EVERY = timedelta(minutes=1)
"""From then on: what a dialplan of the PBX's own records stands in its logs only."""
TELLS_EVERY = timedelta(seconds=20)
LOOKS_AT_SETTINGS_EVERY = timedelta(seconds=1)
"""Until then calls are told by the rules from before: whoever has just saved others tries them out."""
_OF_QUEUES = frozenset({"QueueMemberPause", "QueueMemberAdded", "QueueMemberRemoved"})
"""After these the PBX is asked who is in its queues."""


class Bridge:
    def __init__(
        self, pbx_id: int, stopping: threading.Event, *, now: Callable[[], datetime] = timezone.now
    ) -> None:
        self._pbx_id, self._stopping, self._now = pbx_id, stopping, now
        self._attempts = 0
        """Since the PBX was reached last."""

    def run(self) -> None:
        """Until it is stopped, or the PBX is no longer in use."""
        while not self._stopping.is_set():
            close_old_connections()
            try:
                pbx = Pbx.objects.on().filter(pk=self._pbx_id).first()
                if pbx is None:
                    return
                self._attempt(pbx)
            except DatabaseError:
                # What was heard meanwhile is in the PBX's own log.
                log.warning("The database is away; the calls are read up later.", exc_info=True)
            self._stopping.wait(WAITS[min(self._attempts, len(WAITS) - 1)])
            self._attempts += 1

    def _attempt(self, pbx: Pbx) -> None:
        """One session; why it has ended is told."""
        try:
            self._serve(pbx)
        except (PbxTrouble, SealBroken) as trouble:
            log.warning("%s", trouble)
            tell_state(pbx, trouble=company_sentence(trouble))
        except DatabaseError:
            raise
        except Exception as error:
            # A fault of the box: without a word it would look as if nobody called.
            log.exception("The bridge of %s broke off.", pbx)
            said = N_("The bridge broke off (%(error)s): the log of the service telephony says where.")
            tell_state(pbx, trouble=company_sentence(PbxTrouble(said, error=type(error).__name__)))

    def _serve(self, pbx: Pbx) -> None:
        """One session, under whatever settings hold. What is known is read from the database first: another
        bridge may have been there."""
        calls = restore(pbx, now=self._now())
        try:
            with Session(pbx.address) as session:
                further: Pbx | None = pbx
                while further is not None:
                    pbx = further
                    further = self._listen(pbx, calls, session)
        except PbxTrouble:
            keep_rest(pbx, calls)
            raise
        # Of one that is stopped the calls may be another's by now.
        if not self._stopping.is_set():
            keep_rest(pbx, calls)

    def _listen(self, pbx: Pbx, calls: Calls, session: Session) -> Pbx | None:
        """Until it is stopped, or other settings hold: those under which the session goes on."""
        self.catch_up(pbx, calls, session)
        self._attempts = 0
        place_credentials_again(pbx)
        tell_state(pbx, connected_at=self._now(), heard_at=self._now(), version=session.asterisk_version())
        synced_at = told_at = asked_at = self._now()
        waits = chain(LOOKS_AGAIN, repeat(LOOKS_EVERY))
        looks_at = synced_at + next(waits)
        while not self._stopping.is_set():
            self._hear(pbx, calls, session, within=0.5)
            self._obey(pbx, session)
            self._place(session, take_credentials(pbx, now=self._now()))
            now = self._now()
            if now >= looks_at:
                self._read_logs(pbx, calls, session)
                looks_at = now + next(waits)
            if now - synced_at >= EVERY:
                self.catch_up(pbx, calls, session)
                forget_commands(pbx, now=now)
                synced_at, waits = now, chain(LOOKS_AGAIN, repeat(LOOKS_EVERY))
                looks_at = now + next(waits)
            if now - asked_at >= LOOKS_AT_SETTINGS_EVERY:
                if not Pbx.objects.filter(pk=pbx.pk, changed_at=pbx.changed_at, is_on=True).exists():
                    return self._changed(pbx)
                asked_at = now
            if now - told_at >= TELLS_EVERY:
                tell_state(pbx, heard_at=now)
                self._end_stale(pbx, session)
                told_at = now
        return None

    def _changed(self, pbx: Pbx) -> Pbx | None:
        """The settings as they are now; None where it is another PBX, or out of use. A session that ended
        would miss what happens until the next one has begun, and a PBX without logs says it once."""
        now = Pbx.objects.on().filter(pk=pbx.pk).first()
        is_same = now is not None and (now.name, now.address) == (pbx.name, pbx.address)
        return now if is_same else None

    def _obey(self, pbx: Pbx, session: Session) -> None:
        """Does what people ask for. Each was taken before: an answer that is lost is not asked for again."""
        for command in take_commands(pbx, now=self._now()):
            try:
                session.act(command.action, **command.headers)
            except PbxTrouble as trouble:
                was_answered = isinstance(trouble, ActionRefused)
                refuse_command(command, company_sentence(trouble), is_certain=was_answered)
                if not was_answered:
                    raise

    def _place(self, session: Session, credentials: list[tuple[str, str]]) -> None:
        for number, password in credentials:
            try:
                session.originate(**placing(number, password))
            except ActionRefused as refused:
                log.warning("The PBX takes no password of the phone %s: %s", number, refused)

    def _end_stale(self, pbx: Pbx, session: Session) -> None:
        for credential in stale_credentials(pbx, now=self._now()):
            self._place(session, [(credential.number, nobodys_password())])
            forget_credential(credential)

    def catch_up(self, pbx: Pbx, calls: Calls, session: Session) -> resync.Outcome:
        """See `resync`."""
        outcome = self._read_logs(pbx, calls, session)
        known = calls.channels()
        there = resync.channel_facts(session.channels(), at=self._now())
        self._hear(pbx, calls, session)
        self._keep(pbx, calls, calls.reconcile(there, known=known, at=self._now()))
        self._look_at_queues(pbx, session)
        return outcome

    def _look_at_queues(self, pbx: Pbx, session: Session) -> None:
        try:
            keep_queues(pbx, session.queues())
        except ActionRefused as refused:
            # A PBX without queues knows no such question.
            log.info("%s says nothing of queues: %s", pbx, refused)

    def _read_logs(self, pbx: Pbx, calls: Calls, session: Session) -> resync.Outcome:
        def keep(happened: list[CallEvent]) -> None:
            keep_calls(pbx, calls, happened, cursors=cursors)
            # Whose telephone rings now does not wait until the past is read, and a PBX hangs up on a box that
            # takes in nothing for some seconds.
            self._hear(pbx, calls, session)

        def stored(keys: Collection[str]) -> set[str]:
            ended = Call.objects.filter(pbx=pbx).known_to_their_ends()
            return set(ended.filter(key__in=keys).values_list("key", flat=True))

        cursors = dict(pbx.cursors)
        outcome = resync.catch_up(
            calls, cel_log=pbx.cel_log, cdr_log=pbx.cdr_log, cursors=cursors, keep=keep, stored=stored
        )
        for said in outcome.troubles:
            log.warning("%s", said)
        return outcome

    def _hear(self, pbx: Pbx, calls: Calls, session: Session, *, within: float = 0) -> None:
        events = session.events(within=within)
        self._keep(pbx, calls, calls.feed(self._facts(events)))
        if any(event.get("Event") in _OF_QUEUES for event in events):
            self._look_at_queues(pbx, session)

    def _keep(self, pbx: Pbx, calls: Calls, happened: list[CallEvent]) -> None:
        if happened:
            keep_calls(pbx, calls, happened)

    def _facts(self, events: Sequence[Mapping[str, str]]) -> list[Fact]:
        facts: list[Fact] = []
        for event in events:
            try:
                facts += ami_events.facts(event, received_at=self._now())
            except Unreadable as error:
                log.warning("An event cannot be read: %s", error)
        return facts


class Bridges:
    """One bridge a PBX, as long as this process holds the cluster's lock: `is_ours` says whether it does."""

    def __init__(self, is_ours: Callable[[], bool], stopping: threading.Event) -> None:
        self._is_ours, self._stopping = is_ours, stopping
        self._running: dict[int, threading.Thread] = {}
        self._answering: dict[str, fastagi.Server] = {}
        """By the address at which PBXs ask about calls that come in."""
        self._round = threading.Event()

    def run(self, *, every: float = 2.0) -> None:
        while not self._stopping.is_set():
            close_old_connections()
            try:
                self._look()
            except DatabaseError:
                log.warning("The database is away.", exc_info=True)
            self._stopping.wait(every)
        self._end()

    def _look(self) -> None:
        if not self._is_ours():
            # Another process goes on, from what this one has stored.
            self._end()
            return
        self._answer_at({one for one in Pbx.objects.on().values_list("asks_at", flat=True) if one})
        self._running = {pk: thread for pk, thread in self._running.items() if thread.is_alive()}
        for pk in Pbx.objects.on().values_list("pk", flat=True):
            if pk not in self._running:
                bridge = Bridge(pk, self._round)
                self._running[pk] = threading.Thread(target=bridge.run, name=f"pbx-{pk}", daemon=True)
                self._running[pk].start()

    def _answer_at(self, addresses: set[str]) -> None:
        """Whoever cannot be answered is not: the PBX goes on without."""
        for address in self._answering.keys() - addresses:
            self._answering.pop(address).stop()
        for address in addresses - self._answering.keys():
            try:
                self._answering[address] = fastagi.Server(address, fastagi.PORT, fastagi.OfferedRouter())
            except OSError as error:
                log.warning("PBXs cannot ask at %s: %s.", address, error)

    def _end(self) -> None:
        self._answer_at(set())
        self._round.set()
        for thread in self._running.values():
            thread.join(timeout=20)
        self._running, self._round = {}, threading.Event()
