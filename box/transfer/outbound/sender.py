"""Things go to the portal, a page at a time, each once, whatever happens in between.

The portal knows no transactions: what was asked of it may have happened although no answer came. So the ids
of a page are written down before it is sent, and taken off with what they became. Whatever stands there when
a page is begun is looked for in the portal before it is sent again. What belongs to a thing (members, lines,
checklists) is compared with what is there, and what lacks is added: its digest is written down after that,
and a thing without one is compared again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from box.lib.php_query import flat
from box.transfer.cloud import CloudRefused, CloudUnsure, Command, Outcome
from box.transfer.ledger import digest_of
from box.transfer.models import Migration, Progress
from box.transfer.outbound.base import There, Write, command_name

if TYPE_CHECKING:
    from box.transfer.archive.records import Record
    from box.transfer.outbound.base import OutboundStage, OutboundWork

log = logging.getLogger(__name__)

MOST_BATCH = 1_000_000
"""Characters of one request's commands, but for a single one that is longer."""
ATTEMPTS = 6
IN_FLIGHT = "in_flight"
# About whoever asks, and no single thing.
_OF_ALL = {"insufficient_scope", "error_method_not_found"}


class Paused(Exception):
    """Somebody has paused it."""


def send(work: OutboundWork, stage: OutboundStage[Any], progress: Progress) -> bool:
    """All of a stage. False where somebody has paused it. Raises CloudRefused, CloudAway."""
    # What is there already is passed over, and counted again.
    Progress.objects.filter(pk=progress.pk).update(done=0, refused=0)
    step = _Step(work, stage, progress.pk, set((progress.cursor or {}).get(IN_FLIGHT, ())))
    try:
        for page in _pages(work, stage, stage.things(work.scope)):
            step.send(page)
    except Paused:
        return False
    # All of it was looked for by now.
    Progress.objects.filter(pk=progress.pk).update(cursor={})
    return True


def _pages[R: Record](
    work: OutboundWork, stage: OutboundStage[R], found: Iterable[R]
) -> Iterator[Sequence[R]]:
    """What stands on another thing of its page begins the next one."""
    page: dict[int, R] = {}
    for one in found:
        if len(page) == stage.at_once or not page.keys().isdisjoint(stage.comes_after(work, one)):
            yield list(page.values())
            page = {}
        page[one.id] = one
    if page:
        yield list(page.values())


@dataclass
class _Step[R: Record]:
    work: OutboundWork
    stage: OutboundStage[R]
    progress: int
    doubtful: set[int]
    """Ours of what was sent, and nobody knows whether it has arrived."""
    asked: int = field(init=False)

    def __post_init__(self) -> None:
        self.asked = self.work.requests

    def send(self, page: Sequence[R]) -> None:
        for attempt in range(ATTEMPTS):
            try:
                refused = self._make(page)
                self._settle(page)
            except CloudUnsure as error:
                log.info("%s: %s; looking what has become of it", self.stage.key, error)
                if attempt == ATTEMPTS - 1:
                    raise
                self.work.cloud.wait(attempt)
            else:
                break
        self._count(done=len(page), refused=len(refused))

    # What is not there yet

    def _make(self, page: Sequence[R]) -> dict[int, str]:
        """Those that cannot be there, and why."""
        refused: dict[int, str] = {}
        found = self._found([one for one in page if one.id not in self._sent(page)])
        if found:
            with _going(self.work.migration):
                self._take_back(found.keys() - self.doubtful)
                for ours, theirs in found.items():
                    self._take(ours, theirs, is_new=ours in self.doubtful)
            self._count(created=len(self.doubtful & found.keys()))
        self.doubtful -= {one.id for one in page}
        stopped = 0
        while waiting := [one for one in page if one.id not in self._sent(page) and one.id not in refused]:
            commands = self._commands(waiting, refused)
            if not commands:
                continue
            outcomes = self._tell(commands)
            stopped = stopped + 1 if all(one.is_stopped for one in outcomes.values()) else 0
            if stopped == ATTEMPTS:
                raise next(one.refused for one in outcomes.values() if one.refused is not None)
            self._keep(outcomes, refused)
        for ours, said in refused.items():
            if said:
                self.work.remark(self.stage.kind, ours, said)
        return {ours: said for ours, said in refused.items() if said}

    def _sent(self, page: Sequence[R]) -> Mapping[int, Any]:
        return self.work.sent(self.stage.kind, [one.id for one in page])

    def _found(self, new: Sequence[R]) -> Mapping[int, str]:
        # A box is told again what is in doubt, under the same key, and makes it once.
        is_known_again = self.work.takes_over and not self.stage.is_sought
        doubtful = set() if is_known_again else self.doubtful
        sought = [one for one in new if self.stage.is_recognised or one.id in doubtful]
        return self.stage.find(self.work, sought) if sought else {}

    def _commands(self, waiting: Sequence[R], refused: dict[int, str]) -> dict[int, Write]:
        """As many of them as one request holds."""
        work, size = self.work, 0
        commands: dict[int, Write] = {}
        work.on_the_way = set()
        self._take_back(one.id for one in waiting)
        for one in waiting:
            try:
                write = self.stage.write(work, one)
            except ValidationError as error:
                refused[one.id] = " ".join(error.messages)
                continue
            if write is None:
                refused[one.id] = ""
                continue
            size += len(flat(write.parameters)) if len(waiting) > 1 else 0
            if commands and size > MOST_BATCH:
                break
            commands[one.id] = write
            work.on_the_way.add(one.id)
        work.on_the_way = set()
        return commands

    def _tell(self, commands: Mapping[int, Write]) -> Mapping[int, Outcome]:
        with _going(self.work.migration):
            self._mark({*self.doubtful, *commands})
        self.doubtful |= commands.keys()
        cloud = self.work.cloud
        if len(commands) == 1:
            ((ours, write),) = commands.items()
            try:
                return {ours: Outcome(self.work.tell(write, key=self._key(ours)))}
            except ValidationError as error:
                return {ours: Outcome(refused=CloudRefused("", " ".join(error.messages)))}
            except CloudRefused as error:
                return {ours: Outcome(refused=error)}
        named = [
            Command(command_name(ours), write.method, self.work.told(write))
            for ours, write in commands.items()
        ]
        outcomes = cloud.write(named, key=self._key())
        return {ours: outcomes[command_name(ours)] for ours in commands}

    def _key(self, ours: int | None = None) -> str:
        """By which a box knows what it was told before; of all commands of a batch it adds their names."""
        if not self.work.takes_over:
            return ""
        key = f"{self.work.source}:{self.work.migration.pk}:{self.stage.kind}"
        return f"{key}:{command_name(ours)}" if ours else key

    def _keep(self, outcomes: Mapping[int, Outcome], refused: dict[int, str]) -> None:
        """What has become of them, and that nothing of it is in doubt any more: together."""
        created = 0
        ids = {ours: self.stage.id_in(outcome.result) for ours, outcome in outcomes.items()}
        # What is another's is not what was made: this one would be sent again without an end.
        taken = set(self.work.all_ours(self.stage.kind, ids.values()))
        with transaction.atomic():
            for ours, outcome in outcomes.items():
                if outcome.refused is not None:
                    if outcome.refused.code.lower() in _OF_ALL or outcome.refused.is_locked_out:
                        raise outcome.refused
                    if not outcome.is_stopped:
                        refused[ours] = str(outcome.refused)
                elif (theirs := ids[ours]) and theirs not in taken:
                    self._take(ours, theirs, is_new=True)
                    taken.add(theirs)
                    created += 1
                else:
                    refused[ours] = _("The portal has not said what became of it.")
            self._mark(self.doubtful - outcomes.keys())
            self._count(created=created)
        self.doubtful -= outcomes.keys()

    def _take(self, ours: int, theirs: str, *, is_new: bool) -> None:
        # Without a digest: what belongs to it is still to follow.
        self.work.took(self.stage.kind, theirs, ours, is_new=is_new)

    def _take_back(self, ours: Iterable[int]) -> None:
        """What was said of things before they are tried again."""
        ids = [str(one) for one in ours]
        self.work.migration.remarks.filter(kind=self.stage.kind, theirs__in=ids).delete()

    # What belongs to what is there

    def _settle(self, page: Sequence[R]) -> None:
        sent = self._sent(page)
        going = (self.stage.going(one) for one in page if one.id in sent)
        digests = {one.id: digest_of(msgspec.to_builtins(one)) for one in going}
        other = [one for one in page if one.id in sent and sent[one.id].digest != digests[one.id]]
        if not other:
            return
        there = [There(one, sent[one.id].theirs, bool(sent[one.id].digest)) for one in other]
        self.work.held_back = set()
        self.stage.settle(self.work, there)
        changed = sum(one.is_changed and one.record.id not in self.work.held_back for one in there)
        with transaction.atomic():
            for one in other:
                identity = sent[one.id]
                identity.digest = digests[one.id]
                identity.save(update_fields=["digest"])
            self._count(changed=changed)

    # What is written down

    def _mark(self, ids: Iterable[int]) -> None:
        Progress.objects.filter(pk=self.progress).update(cursor={IN_FLIGHT: sorted(ids)})

    def _count(self, **more: int) -> None:
        if any(more.values()):
            Progress.objects.filter(pk=self.progress).update(
                **{name: F(name) + number for name, number in more.items()}
            )
        sent, self.asked = self.work.requests - self.asked, self.work.requests
        Migration.objects.filter(pk=self.work.migration.pk).update(
            moved_at=timezone.now(), requests=F("requests") + sent, trouble=""
        )


@contextmanager
def _going(migration: Migration) -> Iterator[None]:
    """A transaction of one that goes on. Raises Paused."""
    with transaction.atomic():
        if not Migration.objects.is_held_running(migration.pk):
            raise Paused
        yield
