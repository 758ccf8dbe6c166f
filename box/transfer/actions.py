"""Every write to migrations themselves: connected, looked at, matched, begun, paused, resumed, undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.actions import send_invitation
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files import ranged
from box.core.files.actions import attach, delete_files
from box.core.files.models import File
from box.lib.sealing import seal
from box.transfer import inventory
from box.transfer.archive.container import Archive, opened, verify
from box.transfer.archive.records import Person
from box.transfer.archive.stages import ARCHIVE_STAGES
from box.transfer.archive.stages.base import ArchiveWork
from box.transfer.archive.stages.company import row_of
from box.transfer.boxed import folder
from box.transfer.boxed.portal import about
from box.transfer.cloud import CloudRefused
from box.transfer.events import MigrationBegun, MigrationDue, MigrationFinished, NewcomersInvited
from box.transfer.models import Identity, Match, Migration, Progress
from box.transfer.obstacles import mark_edited, obstacles, since
from box.transfer.outbound import inventory as outbound
from box.transfer.outbound.sender import IN_FLIGHT
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.plan import ordered
from box.transfer.rehearsal import rows_of
from box.transfer.sources import needs_of
from box.transfer.stages import NEEDS
from box.transfer.stages.base import Work
from box.transfer.stages.people import matched, people_pages

if TYPE_CHECKING:
    from box.core.accounts.models.people import UserQuerySet
    from box.transfer.cloud import Cloud

State = Migration.State
_AT_ONCE = 500
MOST_PEOPLE = 500_000
"""Of a portal: all of them are held in memory at once."""


class NotNow(ValidationError):
    """What it is now doesn't allow it; the message says what does."""


def _another_is_going() -> NotNow:
    return NotNow(_("Another migration is going on: wait until it is over, or pause it."), code="another")


def _refuse_twice(migration: Migration) -> None:
    """What another one of the same portal has moved, this one would move again. Raises NotNow."""
    moved = Migration.objects.filter(portal=migration.portal, is_outbound=migration.is_outbound)
    if not moved.filter(passes__gt=0).exclude(pk=migration.pk).exclude(state=State.UNDONE).exists():
        return
    if migration.is_outbound:
        said = _(
            "Something of this box is in %(portal)s already, and all of it would go there twice: use"
            " “Connect anew” of the migration that has sent it."
        )
    elif migration.webhook:
        said = _(
            "Something of %(portal)s is here already, and all of it would come twice: use “Connect anew” of"
            " the migration that has brought it, or undo that first."
        )
    else:
        said = _("Something of %(portal)s is here already, and all of it would come twice: undo that first.")
    raise NotNow(said % {"portal": migration.portal}, code="twice")


def connect(cloud: Cloud, *, by: User, is_outbound: bool = False) -> Migration:
    """Tests the way to the portal, and keeps it: as where a migration comes from, or goes to. Raises
    CloudRefused, CloudAway; NotNow while one goes on, or where all of it would be moved twice."""
    cloud.call("profile")
    stages = [key for key, one in OUTBOUND_STAGES.items() if one.is_default] if is_outbound else list(NEEDS)
    migration = Migration(
        is_outbound=is_outbound,
        portal=cloud.portal,
        webhook=seal(cloud.webhook, settings.SECRET_KEY),
        by=by,
        language=by.language,
        burst=cloud.limits.burst,
        per_second=cloud.limits.per_second,
        stages=stages,
    )
    _refuse_twice(migration)
    with transaction.atomic():
        _save_alone(migration)
    return migration


@transaction.atomic
def connect_archive(file: File, *, by: User) -> Migration:
    """Keeps an upload of `by` as what a migration comes from. Raises BadArchive, StoreUnavailable, NotNow,
    `files.NotYours`."""
    with ranged.opened(file.blob) as content, opened(content) as archive:
        portal = archive.manifest.source
    migration = Migration(portal=portal, by=by, language=by.language, stages=list(ARCHIVE_STAGES))
    _refuse_twice(migration)
    (migration.archive,) = attach([file.pk], audience=[], by=by)
    _save_alone(migration)
    return migration


@transaction.atomic
def connect_dump(name: str, portal: str, *, by: User) -> Migration:
    """Keeps a folder as where a boxed portal comes from, whose people call it `portal`. The dump in it is
    read when somebody looks, for that takes a while. Raises FolderAway, NotNow."""
    with folder.opened(name) as place, place.open(place.dump()):
        pass
    migration = Migration(folder=name, portal=portal, by=by, language=by.language, stages=list(NEEDS))
    _refuse_twice(migration)
    _save_alone(migration)
    return migration


def reconnect(migration: Migration, cloud: Cloud, *, by: User) -> None:
    """By another webhook of the same portal, which may open more or less of it: where nothing has begun all
    is looked at anew. Raises CloudRefused, CloudAway, NotNow for another portal and while another goes on."""
    if cloud.portal != migration.portal:
        said = _("This is a webhook of %(other)s, and the migration comes from %(portal)s.")
        raise NotNow(said % {"other": cloud.portal, "portal": migration.portal}, code="portal")
    opened = (
        outbound.reach(cloud) if migration.is_outbound else inventory.as_json(inventory.take_stock(cloud))
    )
    with transaction.atomic():
        held = Migration.objects.select_for_update().get(pk=migration.pk)
        held.webhook, held.trouble = seal(cloud.webhook, settings.SECRET_KEY), ""
        held.burst, held.per_second = cloud.limits.burst, cloud.limits.per_second
        if held.state == State.READY and not held.passes:
            held.state, held.moved_at = State.LOOKING, timezone.now()
            _save_alone(held)
            return
        if held.is_outbound and _in_doubt(held):
            # It is looked for as it was sent: by marks, or by the key of a request.
            opened["takes_over"] = held.inventory.get("takes_over", False)
        if held.passes:
            held.inventory = {**held.inventory, **opened}
        held.save(update_fields=["webhook", "trouble", "burst", "per_second", "inventory"])


def _in_doubt(migration: Migration) -> dict[str, list[int]]:
    """By stage ours of what was sent, and nobody knows whether it has arrived."""
    cursors = migration.progress.values_list("stage", "cursor")
    return {stage: cursor[IN_FLIGHT] for stage, cursor in cursors if cursor.get(IN_FLIGHT)}


def look(migration: Migration, cloud: Cloud) -> None:
    """Counts what there is, and decides by rule who of the portal's people is who here. Writes nothing
    else."""
    if migration.is_outbound:
        _have_looked(migration, *outbound.take_stock(migration, cloud))
        return
    found = inventory.take_stock(cloud)
    work = Work(migration, cloud)
    matches: list[Match] = []
    for rows in people_pages(work):
        matches += matched(work, rows)
        if len(matches) > MOST_PEOPLE:
            raise CloudRefused("TOO_MANY", _("There are more than %(most)s.") % {"most": MOST_PEOPLE})
    beside = about(migration) if migration.folder else {}
    _have_looked(migration, {**inventory.as_json(found), **beside}, matches)


def look_into(migration: Migration, archive: Archive) -> None:
    """The same of an archive: reads all of it once, so that one that was cut or changed is refused before
    anything is written. Raises BadArchive."""
    verify(archive, lambda kind, number: None)
    work = ArchiveWork(migration, archive)
    rows = (row_of(person) for _number, person in archive.lines("people") if isinstance(person, Person))
    matches = [match for some in batched(rows, _AT_ONCE, strict=False) for match in matched(work, some)]
    manifest = archive.manifest
    found = {
        "is_archive": True,
        "portal": manifest.source,
        "created_at": manifest.created_at.isoformat(),
        "counts": dict(archive.counts),
        "missing": len(manifest.missing),
        "is_private_left_out": manifest.filters.is_private_left_out,
        "bytes": manifest.blobs_size,
    }
    _have_looked(migration, found, matches)


def _have_looked(migration: Migration, found: Mapping[str, Any], matches: Sequence[Match]) -> None:
    with transaction.atomic():
        decided = migration.matches.filter(way=Match.Way.HAND).values_list("theirs", flat=True)
        migration.matches.exclude(way=Match.Way.HAND).delete()
        kept = set(decided)
        Match.objects.bulk_create(
            [one for one in matches if one.theirs not in kept], batch_size=1000, ignore_conflicts=True
        )
        Migration.objects.filter(pk=migration.pk, state=State.LOOKING).update(
            inventory=found, state=State.READY, trouble="", moved_at=timezone.now()
        )


@transaction.atomic
def decide_match(match: Match, user: User | None, *, by: User) -> None:
    """Somebody of the portal is this person here; None: will be added. Raises NotNow once it has begun."""
    migration = Migration.objects.select_for_update().get(pk=match.migration_id)
    if migration.is_outbound:
        raise NotNow(_("Whoever goes is known there by their e-mail."), code="outbound")
    if migration.passes or migration.state != State.READY:
        raise NotNow(_("The people have come already: merge the two accounts instead."), code="begun")
    if user is not None and migration.matches.exclude(pk=match.pk).filter(user=user).exists():
        said = _("%(name)s is somebody else of the portal already.") % {"name": user.name}
        raise NotNow(said, code="taken")
    match.user, match.way = user, Match.Way.HAND
    match.save(update_fields=["user", "way"])


@transaction.atomic
def begin(migration: Migration, stages: Collection[str] = (), *, by: User) -> None:
    """The first pass, which brings everything; or one more, which brings what has changed since. Beginning
    one that goes on changes nothing. Raises NotNow."""
    migration = Migration.objects.select_for_update().get(pk=migration.pk)
    if migration.state == State.RUNNING:
        return
    if migration.state not in (State.READY, State.DONE):
        raise NotNow(
            _("It is %(state)s: wait until that is over.") % {"state": migration.get_state_display()}
        )
    mark_edited(migration)
    now = timezone.now()
    migration.stages = list(stages) or migration.stages
    migration.state, migration.trouble, migration.passes = State.RUNNING, "", migration.passes + 1
    migration.started_at, migration.moved_at, migration.finished_at = now, now, None
    _save_alone(migration)
    if migration.passes == 1:
        # Another one may have been connected before either had begun.
        _refuse_twice(migration)
    # Of drives the portal counts the drives, and not what is on them.
    counts = dict(migration.inventory.get("counts", {}))
    if not migration.is_outbound:
        counts |= {"drives": None, **rows_of(migration)}
    last = ["links"] if "links" in needs_of(migration) else []
    doubtful = _in_doubt(migration)
    migration.progress.all().delete()
    Progress.objects.bulk_create(
        Progress(
            migration=migration,
            stage=stage,
            position=position,
            total=counts.get(stage),
            cursor={IN_FLIGHT: doubtful[stage]} if stage in doubtful else {},
        )
        for position, stage in enumerate(ordered(needs_of(migration), [*migration.stages, *last]))
    )
    emit(
        MigrationBegun(
            migration_id=migration.pk,
            portal=migration.portal,
            by_id=by.pk,
            is_outbound=migration.is_outbound,
        )
    )


@transaction.atomic
def begin_dry_run(migration: Migration, *, by: User) -> None:
    """Reads and counts all that would come, in the background. Beginning one that goes on changes nothing.
    Raises NotNow."""
    migration = Migration.objects.select_for_update().get(pk=migration.pk)
    if migration.state == State.LOOKING and migration.is_dry_run:
        return
    if migration.is_outbound or migration.archive_id or migration.passes or migration.state != State.READY:
        said = _("A dry run is for a portal of which nothing has come yet.")
        raise NotNow(said, code="begun")
    migration.state, migration.is_dry_run, migration.trouble = State.LOOKING, True, ""
    migration.moved_at = timezone.now()
    _save_alone(migration)


@transaction.atomic
def pause(migration: Migration, *, by: User) -> None:
    """Once the page that is on its way is here. Pausing again changes nothing."""
    held = Migration.objects.select_for_update().get(pk=migration.pk)
    if held.state == State.RUNNING:
        held.state = State.PAUSED
        held.save(update_fields=["state"])


@transaction.atomic
def resume(migration: Migration, *, by: User) -> None:
    """From where it stood. Raises NotNow while another goes on."""
    held = Migration.objects.select_for_update().get(pk=migration.pk)
    if held.state == State.PAUSED:
        mark_edited(held)
        held.state, held.trouble, held.moved_at = State.RUNNING, "", timezone.now()
        _save_alone(held)


def _save_alone(migration: Migration) -> None:
    """It goes on from here, and no other beside it."""
    try:
        with transaction.atomic():
            migration.save()
    except IntegrityError:
        raise _another_is_going() from None
    emit(MigrationDue(migration_id=migration.pk))


def tell_finished(migration: Migration) -> None:
    """Within the transaction that ends the pass."""
    sums = migration.progress.aggregate(
        created=Sum("created"), changed=Sum("changed"), refused=Sum("refused")
    )
    emit(
        MigrationFinished(
            migration_id=migration.pk,
            portal=migration.portal,
            by_id=migration.by_id,
            passes=migration.passes,
            is_outbound=migration.is_outbound,
            **{name: found or 0 for name, found in sums.items()},
        )
    )


def newcomers(migration: Migration) -> UserQuerySet:
    """Whom it has added, who work here and have no way in yet."""
    added = Identity.objects.filter(migration=migration, kind="person", is_new=True).values("ours")
    if migration.is_outbound:
        added = added.none()
    people: UserQuerySet = User.objects.active().filter(pk__in=added, invited_at=None, last_login=None)
    return people.exclude(email="")


@transaction.atomic
def ask_to_invite(migration: Migration, *, by: User) -> None:
    """In the background: there may be thousands."""
    emit(NewcomersInvited(migration_id=migration.pk, by_id=by.pk))


def invite_newcomers(migration: Migration, *, by: User) -> int:
    """Sends each of them the link to join, in transactions of their own; returns to how many."""
    count = 0
    for person in newcomers(migration).order_by("pk"):
        try:
            send_invitation(person, by=by)
        except ValidationError:
            # Their password is kept elsewhere: they sign in with that one.
            continue
        count += 1
    return count


@transaction.atomic
def begin_undo(migration: Migration, *, by: User) -> None:
    """Takes away all that it has brought. Raises NotNow where people have worked with that already."""
    migration = Migration.objects.select_for_update().get(pk=migration.pk)
    if migration.is_outbound:
        raise NotNow(_("What was sent is the portal's by now: it can be removed there."), code="outbound")
    if migration.state not in (State.PAUSED, State.DONE):
        raise NotNow(_("It is %(state)s: pause it first.") % {"state": migration.get_state_display()})
    if found := obstacles(migration):
        raise NotNow(found, code="used")
    # It moves from here on, and what people write meanwhile is still told from what it has written.
    migration.finished_at = since(migration)
    migration.state, migration.moved_at = State.UNDOING, timezone.now()
    _save_alone(migration)
    # From here on they say what stays.
    migration.remarks.all().delete()
    emit(MigrationBegun(migration_id=migration.pk, portal=migration.portal, by_id=by.pk, is_undo=True))


@transaction.atomic
def forget(migration: Migration, *, by: User) -> None:
    """The way to the portal and what was written down of its people go, what has come stays. Raises
    NotNow."""
    held = Migration.objects.select_for_update().get(pk=migration.pk)
    if held.state in (State.RUNNING, State.UNDOING):
        raise NotNow(_("Pause it first."), code="going")
    file_id = held.archive_id
    held.delete()
    if file_id is not None:
        delete_files([file_id])
