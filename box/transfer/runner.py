"""A migration goes on: stage after stage, page after page, from wherever it stands.

How pages leave is `box.transfer.outbound.sender`; those that come, come so:

Whatever is asked of the portal is asked outside of transactions. What a page becomes, the cursor behind it
and what each thing is here are one transaction: killed anywhere, nothing is half there, nothing comes twice,
and the next run goes on behind the last page.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.core.files.store import StoreUnavailable
from box.core.registry.origin import importing
from box.core.registry.settings import as_of, read_version
from box.lib.sealing import SealBroken
from box.transfer.archive.container import BadArchive
from box.transfer.archive.stages import ARCHIVE_STAGES
from box.transfer.boxed.dump import BadDump
from box.transfer.cloud import UNREADABLE, BadWebhook, Cloud, CloudAway, CloudRefused
from box.transfer.ledger import REFUSALS, Extra, Ledger, Row, digest_of, reason_of
from box.transfer.models import Identity, Migration, Progress
from box.transfer.outbound.base import OutboundWork
from box.transfer.outbound.sender import send
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.sources import cloud_of, stages_of, work_on
from box.transfer.stages import STAGES
from box.transfer.stages.base import AnyStage

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

State = Migration.State


def run(migration: Migration, *, connect: Callable[[Migration], Cloud] = cloud_of) -> None:
    """Until it is done, paused, or the portal is away. Call with the migration's lock held."""
    with translation.override(migration.language or None):
        try:
            with work_on(migration, connect) as work:
                for progress in migration.progress.filter(is_done=False):
                    if not _run_stage(work, progress):
                        return
            _finish(migration)
        except BadArchive as error:
            log.warning("migration %s stands still: %s", migration.pk, error)
            said = _("The archive cannot be read any further: %(why)s")
            _say(migration, said % {"why": error}, State.PAUSED)
        except BadDump as error:
            log.warning("migration %s stands still: %s", migration.pk, error)
            _say(migration, str(error), State.PAUSED)
        except (CloudAway, StoreUnavailable) as error:
            # It goes on by itself: see `box.transfer.jobs.go_on_with_forgotten`.
            _say(migration, str(error), State.RUNNING)
        except (CloudRefused, BadWebhook, SealBroken) as error:
            log.warning("migration %s waits: %s", migration.pk, error)
            said = _("The portal does not let us in any more (%(why)s): connect it again, and go on.")
            _say(migration, said % {"why": error}, State.PAUSED)


def _run_stage(work: Ledger, progress: Progress) -> bool:
    """False where somebody has paused it. What the portal refuses of this kind alone stays, with a word."""
    is_read = False
    try:
        if not _carry(work, progress):
            return False
        is_read = True
    except CloudRefused as refused:
        if refused.is_locked_out:
            raise
        is_outbound = work.migration.is_outbound
        said = (
            _("The portal does not take them: %(why)s")
            if is_outbound
            else _("The portal does not give them: %(why)s")
        )
        work.remark(stages_of(work.migration)[progress.stage].kind, "", said % {"why": refused})
    except UNREADABLE as error:
        # Whoever asks again hears the same; the page that could not be read has written nothing.
        log.exception("migration %s: %s cannot be read any further", work.migration.pk, progress.stage)
        said = _("What the portal says of them cannot be read (%(why)s): the rest of them is left out.")
        why = {"why": str(error) or type(error).__name__}
        work.remark(stages_of(work.migration)[progress.stage].kind, "", said % why)
    with transaction.atomic():
        if not Migration.objects.is_held_running(work.migration.pk):
            return False
        # Its cursor stays: what is in doubt where it broke off is looked for in the next pass.
        told = {} if is_read else {"is_partial": True}
        Progress.objects.filter(pk=progress.pk).update(is_done=True, **told)
    return True


def _carry(work: Ledger, progress: Progress) -> bool:
    if isinstance(work, OutboundWork):
        return send(work, OUTBOUND_STAGES[progress.stage], progress)
    stages: Mapping[str, AnyStage[Any]] = ARCHIVE_STAGES if work.migration.archive_id else STAGES
    return _bring_pages(work, stages[progress.stage], progress)


def _bring_pages(work: Ledger, stage: AnyStage[Any], progress: Progress) -> bool:
    asked = work.requests
    for page in stage.pages(work, progress.cursor):
        new, changed, lacking = _to_do(work, stage, page.rows)
        wanted = [*new, *changed, *lacking]
        extra = stage.fetch(work, wanted) if wanted else Extra()
        sent, asked = work.requests - asked, work.requests
        step = _Step(page.rows, new, changed, lacking, extra, page.cursor, sent)
        if not _take(work, stage, progress, step):
            return False
    return True


@dataclass(frozen=True)
class _Step:
    """One page on its way into the box."""

    rows: Sequence[Row]
    new: Sequence[Row]
    changed: Sequence[Row]
    lacking: Sequence[Row]
    extra: Extra
    cursor: Mapping[str, object]
    requests: int


def _to_do(work: Ledger, stage: AnyStage[Any], rows: Sequence[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    """Those that are not here yet, those that have changed since they came, and others of which something
    could not be fetched; each once."""
    by_id = {stage.id_of(row): row for row in rows}
    known = work.known(stage.kind, list(by_id))
    new = [row for theirs, row in by_id.items() if theirs not in known]
    there = {theirs: row for theirs, row in by_id.items() if theirs in known}
    changed = {theirs: row for theirs, row in there.items() if known[theirs].digest != digest_of(row)}
    lacking = [row for theirs, row in there.items() if theirs not in changed and known[theirs].lacks]
    return new, list(changed.values()), lacking


@transaction.atomic
def _take(work: Ledger, stage: AnyStage[Any], progress: Progress, step: _Step) -> bool:
    """All of a page, or nothing of it. False where somebody has paused the migration meanwhile."""
    if not Migration.objects.is_held_running(work.migration.pk):
        return False
    work.forget()
    completed = _with_more(stage, step)
    _look_up(work, stage, [*step.new, *step.changed, *completed])
    with as_of(read_version()):
        created = _taken(work, stage, step.new, step.extra)
        changed = sum(_changed(work, stage, row, step.extra) for row in step.changed)
        changed += sum(_completed(work, stage, row, step.extra) for row in completed)
    _note_lacking(work, stage, step)
    _note_seen(work, stage, step.rows)
    refused = len(step.new) + len(step.changed) + len(completed) - created - changed
    Progress.objects.filter(pk=progress.pk).update(
        cursor=dict(step.cursor),
        done=F("done") + len(step.rows),
        created=F("created") + created,
        changed=F("changed") + changed,
        refused=F("refused") + refused,
    )
    Migration.objects.filter(pk=work.migration.pk).update(
        moved_at=timezone.now(), requests=F("requests") + step.requests, trouble=""
    )
    return True


def _with_more(stage: AnyStage[Any], step: _Step) -> list[Row]:
    """Those that lacked something and have got it, or a part of it."""
    still = step.extra.rows_of(stage.kind, step.extra.lacking)
    got = step.extra.rows_of(stage.kind, step.extra.files)
    return [row for row in step.lacking if (theirs := stage.id_of(row)) in got or theirs not in still]


def _note_lacking(work: Ledger, stage: AnyStage[Any], step: _Step) -> None:
    """Of which of them a later pass is to ask for more."""
    lacking = step.extra.rows_of(stage.kind, step.extra.lacking)
    asked = [stage.id_of(row) for row in (*step.new, *step.changed, *step.lacking)]
    came = Identity.objects.filter(migration=work.migration, kind=stage.kind)
    if lacking:
        came.filter(theirs__in=lacking, lacks=False).update(lacks=True)
    if work.migration.passes > 1 and asked:
        came.filter(theirs__in=set(asked) - lacking, lacks=True).update(lacks=False)


def _note_seen(work: Ledger, stage: AnyStage[Any], rows: Sequence[Row]) -> None:
    """What came with an earlier pass, and none sees any more, is not there any more."""
    number = work.migration.passes
    if number > 1 and rows:
        came = Identity.objects.filter(migration=work.migration, kind=stage.kind)
        came.filter(theirs__in={stage.id_of(row) for row in rows}, seen__lt=number).update(seen=number)


def _look_up(work: Ledger, stage: AnyStage[Any], rows: Sequence[Row]) -> None:
    wanted: dict[str, list[Any]] = defaultdict(list)
    for kind, theirs in (one for row in rows for one in stage.refers_to(row)):
        wanted[kind].append(theirs)
    for kind, some in wanted.items():
        work.prefetch(kind, some)


def _taken(work: Ledger, stage: AnyStage[Any], rows: Sequence[Row], extra: Extra) -> int:
    """How many of them are here now. Of a refusal halves find out which it is."""
    left = rows
    if len(rows) > 1:
        try:
            # Each says itself when it was.
            with transaction.atomic(), importing(at=timezone.now()):
                left = stage.take_all(work, rows, extra)
        except REFUSALS:
            work.forget()
            _look_up(work, stage, rows)
            half = len(rows) // 2
            return sum(_taken(work, stage, some, extra) for some in (rows[:half], rows[half:]))
    tried = sum(_tried(work, stage, row, partial(stage.take, work, row, extra)) for row in left)
    return len(rows) - len(left) + tried


def _changed(work: Ledger, stage: AnyStage[Any], row: Row, extra: Extra) -> bool:
    theirs = stage.id_of(row)

    def change() -> None:
        identity = work.known(stage.kind, [theirs])[theirs]
        stage.change(work, row, extra, identity.ours)
        Identity.objects.filter(pk=identity.pk).update(digest=digest_of(row))

    return _tried(work, stage, row, change)


def _completed(work: Ledger, stage: AnyStage[Any], row: Row, extra: Extra) -> bool:
    theirs = stage.id_of(row)

    def complete() -> None:
        identity = work.known(stage.kind, [theirs])[theirs]
        stage.complete(work, row, extra, identity.ours, is_edited=identity.is_edited)

    return _tried(work, stage, row, complete)


def _tried(work: Ledger, stage: AnyStage[Any], row: Row, act: Callable[[], object]) -> bool:
    """What cannot be here stays out with a sentence, and what it had begun is undone."""
    try:
        with transaction.atomic(), importing(at=stage.moment_of(row)):
            act()
    except REFUSALS as error:
        work.forget()
        said = reason_of(error) or _("It is not what such a thing is.")
        work.remark(stage.kind, stage.id_of(row), said)
        return False
    return True


@transaction.atomic
def _finish(migration: Migration) -> None:
    from box.transfer.actions import tell_finished

    if Migration.objects.is_held_running(migration.pk):
        Migration.objects.filter(pk=migration.pk).update(
            state=State.DONE, finished_at=timezone.now(), moved_at=timezone.now(), trouble=""
        )
        tell_finished(migration)


def _say(migration: Migration, trouble: str, state: State) -> None:
    going = Migration.objects.filter(pk=migration.pk, state=State.RUNNING)
    going.update(trouble=trouble[:2000], state=state, moved_at=timezone.now())
