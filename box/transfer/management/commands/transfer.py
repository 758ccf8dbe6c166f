"""`boxctl migrate`: a portal of the cloud or an archive moves in; this box moves into a portal, or is written
as an archive."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from time import sleep
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from box.core.accounts.models import User
from box.core.files.actions import store_whole, take_in
from box.core.files.store import StoreError
from box.lib.sealing import SealBroken
from box.transfer import actions, jobs, rehearsal
from box.transfer.archive.container import BadArchive, Filters, opened
from box.transfer.archive.encryption import encrypted
from box.transfer.archive.export import Scope, write_archive
from box.transfer.archive.records import KINDS
from box.transfer.archive.stages import ARCHIVE_STAGES
from box.transfer.boxed.dump import BadDump
from box.transfer.cloud import BadWebhook, Cloud, CloudAway, CloudRefused
from box.transfer.exports import OF_A_PERSON
from box.transfer.forms import PORTAL
from box.transfer.inventory import Inventory, as_json, take_stock
from box.transfer.models import Match, Migration
from box.transfer.outbound.reconciliation import reconcile_outbound
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.pace import Limits
from box.transfer.plan import ImpossiblePlan, ordered
from box.transfer.reconciliation import reconcile
from box.transfer.sources import cloud_of, gaps_in, needs_of, stages_of
from box.transfer.stages import NEEDS

LONGEST = 500
ANY_STAGE = dict.fromkeys((*NEEDS, *ARCHIVE_STAGES, *OUTBOUND_STAGES))
OF_ONE = ("plan", "dry-run", "run", "delta", "status", "pause", "resume", "check", "undo")
"""Commands that are for a migration that there is."""
MOST_REMARKS = 200
LOOKS_EVERY = 1.0


class Command(BaseCommand):
    help = "Moves a portal of the cloud or an open archive into this box, or this box into one of them."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        inventory = commands.add_parser(
            "inventory",
            help="count what a portal has; reads the address of an inbound webhook from standard input",
        )
        inventory.add_argument("--json", action="store_true", help="for programs")
        connect = commands.add_parser(
            "connect",
            help="connect a portal, or the last one anew; reads the webhook's address from standard input",
        )
        out = commands.add_parser(
            "export-to",
            help="connect a portal that this box moves into: plan, run and check follow; reads the webhook's"
            " address from standard input",
        )
        for one in (connect, out):
            one.add_argument(
                "--by", required=True, metavar="LOGIN", help="the administrator whose migration it is"
            )
            one.add_argument(
                "--per-second", type=float, default=2.0, help="requests that the plan allows (2)"
            )
            one.add_argument("--burst", type=int, default=50, help="requests that it allows at once (50)")
        connect.add_argument(
            "--dump",
            metavar="FOLDER",
            help=f"a boxed portal by its dump: a folder in {settings.MOVING_DIR} with the dump and"
            " the upload folder; standard input is not read",
        )
        connect.add_argument("--portal", metavar="NAME", help="with --dump: the host by which people call it")
        commands.add_parser("plan", help="what will come, in which order, who is whom, and what cannot come")
        commands.add_parser("dry-run", help="read and count all that would come, and write nothing")
        run = commands.add_parser("run", help="bring everything, and follow how far it is")
        run.add_argument(
            "--only", nargs="+", metavar="STAGE", choices=[*ANY_STAGE], help=f"of {', '.join(ANY_STAGE)}"
        )
        commands.add_parser("delta", help="bring what has changed since")
        commands.add_parser("status", help="how far it is, and what did not come").add_argument(
            "--json", action="store_true", help="for programs"
        )
        commands.add_parser("pause", help="stand still after the page that is on its way")
        commands.add_parser("resume", help="go on from there")
        commands.add_parser("check", help="compare counts, and the bytes of files, with the portal's")
        self._add_archives(commands)
        undo = commands.add_parser("undo", help="take away all that has come")
        undo.add_argument("--yes", action="store_true", help="without asking")
        for name in OF_ONE:
            one = commands.choices[name]
            one.add_argument("--portal", metavar="NAME", help="which, where several portals are connected")
            one.add_argument("--way", choices=["in", "out"], help="and which, where one is so in both ways")

    def _add_archives(self, commands: Any) -> None:
        export = commands.add_parser("export", help="write the portal, or a part of it, as an open archive")
        export.add_argument("file", help="where to; - is standard output")
        export.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[], metavar="KIND",
                            help=f"only these of {', '.join(KINDS)}")  # fmt: skip
        export.add_argument("--groups", nargs="+", type=int, default=[], metavar="ID", help="only of these")
        export.add_argument("--since", metavar="DATE", help="only what was made from this day on")
        export.add_argument("--until", metavar="DATE", help="only what was made until and including this day")
        export.add_argument("--person", metavar="LOGIN", help="only what is this person's own")
        export.add_argument(
            "--without-private", action="store_true", help="leave out what is for named people alone"
        )
        export.add_argument(
            "--recipient", default="", metavar="KEY", help="encrypt to this public key of age"
        )
        taken = commands.add_parser("import", help="connect an open archive: plan, run and undo follow")
        taken.add_argument("file", help="the archive; - is standard input")
        taken.add_argument("--by", required=True, metavar="LOGIN", help="the administrator who takes it in")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command.replace('-', '_')}")(options)
        except (BadArchive, StoreError, OSError) as error:
            raise CommandError(str(error)) from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        except (BadDump, BadWebhook, CloudAway, CloudRefused, ImpossiblePlan, SealBroken) as error:
            raise CommandError(str(error)) from None

    # Before anything is written

    def _inventory(self, options: Mapping[str, Any]) -> None:
        found = take_stock(Cloud(self._webhook()))
        said = json.dumps(as_json(found), ensure_ascii=False) if options["json"] else _in_words(found)
        self.stdout.write(said)

    def _connect(self, options: Mapping[str, Any]) -> None:
        by = _administrator(options["by"])
        if options["dump"]:
            self._connect_dump(options["dump"], options["portal"] or "", by)
            return
        cloud = Cloud(self._webhook(), Limits(burst=options["burst"], per_second=options["per_second"]))
        incoming = Migration.objects.filter(portal=cloud.portal, is_outbound=False)
        last = incoming.exclude(state=Migration.State.UNDONE).last()
        if last is not None and last.passes:
            actions.reconnect(last, cloud, by=by)
            self.stdout.write(f"{last.portal} is connected again: 'boxctl migrate resume' goes on.")
            return
        if last is not None:
            actions.forget(last, by=by)
        migration = actions.connect(cloud, by=by)
        actions.look(migration, cloud)
        self.stdout.write(f"{migration.portal} is connected: 'boxctl migrate plan' says what will come.")

    def _connect_dump(self, folder: str, portal: str, by: User) -> None:
        if not re.fullmatch(PORTAL, portal):
            raise CommandError("Say by --portal how people call the portal, such as portal.company.com.")
        last = Migration.objects.filter(portal=portal.lower(), is_outbound=False).exclude(folder="").last()
        if last is not None and not last.passes:
            actions.forget(last, by=by)
        migration = actions.connect_dump(folder, portal.lower(), by=by)
        jobs.go_on_once(migration.pk)
        migration.refresh_from_db()
        if migration.trouble:
            raise CommandError(migration.trouble)
        self.stdout.write(f"{migration.portal} is connected: 'boxctl migrate plan' says what will come.")

    def _export_to(self, options: Mapping[str, Any]) -> None:
        by = _administrator(options["by"])
        cloud = Cloud(self._webhook(), Limits(burst=options["burst"], per_second=options["per_second"]))
        last = Migration.objects.filter(portal=cloud.portal, is_outbound=True).last()
        if last is not None and last.passes:
            actions.reconnect(last, cloud, by=by)
            self.stdout.write(f"{last.portal} is connected again: 'boxctl migrate resume' goes on.")
            return
        if last is not None:
            actions.forget(last, by=by)
        migration = actions.connect(cloud, by=by, is_outbound=True)
        actions.look(migration, cloud)
        self.stdout.write(f"{migration.portal} is connected: 'boxctl migrate plan' says what will go there.")

    # Open archives

    def _export(self, options: Mapping[str, Any]) -> None:
        person = _named(options["person"]) if options["person"] else None
        since, before = _midnight(options["since"]), _midnight(options["until"], days=1)
        filters = Filters(
            kinds=options["kinds"] or (list(OF_A_PERSON) if person else []),
            groups=options["groups"],
            since=since,
            before=before,
            person=person.pk if person else None,
            is_private_left_out=options["without_private"],
        )
        scope = Scope(filters, by=person, person=person)
        with _written(options["file"]) as out, encrypted(out, options["recipient"].strip()) as plain:
            manifest = write_archive(plain, scope)
        for one in manifest.files:
            self.stderr.write(f"  {one.kind}: {one.records:,}")
        self.stderr.write(f"  files: {manifest.blobs:,} ({manifest.blobs_size:,} bytes)")
        if manifest.missing:
            self.stderr.write(f"  {len(manifest.missing):,} files were missing from the store.")

    def _import(self, options: Mapping[str, Any]) -> None:
        by = _administrator(options["by"])
        name = "archive.zip" if options["file"] == "-" else Path(options["file"]).name
        with TemporaryFile() as content, _read(options["file"]) as given:
            copyfileobj(given, content)
            content.seek(0)
            with opened(content):
                # Judged before it is kept.
                pass
            file = take_in(store_whole(content), name, by=by)
        migration = actions.connect_archive(file, by=by)
        jobs.go_on_once(migration.pk)
        migration.refresh_from_db()
        if migration.trouble:
            raise CommandError(migration.trouble)
        self.stdout.write(f"{migration.portal} is connected: 'boxctl migrate plan' says what will come.")

    def _webhook(self) -> str:
        # Not an argument: everybody on the machine could read the secret in it.
        if sys.stdin.isatty():
            self.stderr.write("The address of the inbound webhook, and Enter:")
        return sys.stdin.readline(LONGEST).strip()

    def _plan(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        counts = migration.inventory.get("counts", {})
        self.stdout.write(f"{'To' if migration.is_outbound else 'From'} {migration.portal}, in this order:")
        known, needs = stages_of(migration), needs_of(migration)
        for stage in ordered(needs, [*migration.stages, *(["links"] if "links" in needs else [])]):
            count = counts.get(stage)
            said = f"  {known[stage].label}" + (f": {count:,}" if count is not None else "")
            self.stdout.write(said)
        matches = migration.matches.all()
        new = matches.filter(user=None).count()
        if migration.is_outbound:
            self.stdout.write(f"People: {matches.count()} are there already.")
        else:
            self.stdout.write(f"People: {matches.count() - new} are here already, {new} will be added.")
        for match in matches.exclude(user=None).select_related("user").order_by("name", "id"):
            here = match.user.name if match.user else ""
            self.stdout.write(f"  {match.name} is {here} ({Match.Way(match.way).label})")
        gaps = gaps_in(migration, newcomers=new)
        goes = "go" if migration.is_outbound else "come"
        self.stdout.write(f"What does not {goes}, or not as it was:" if gaps else f"Everything can {goes}.")
        for gap in gaps:
            self.stdout.write(f"  {gap.what}: {gap.why}")

    def _dry_run(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        if migration.is_outbound or migration.archive_id or migration.passes:
            raise CommandError("A dry run is for a portal of which nothing has come yet.")
        labels = stages_of(migration)

        def tell(stage: str, rows: int) -> None:
            self.stderr.write(f"  {labels[stage].label}: {rows:,}", ending="\r")

        found = rehearsal.rehearse(migration, cloud_of(migration), tell)
        rehearsal.keep(migration, found)
        for stage, rows in found.rows.items():
            why = f"   <-- {found.refused[stage]}" if stage in found.refused else ""
            self.stdout.write(f"  {labels[stage].label}: {rows:,}{why}")
        self.stdout.write(
            f"{sum(found.rows.values()):,} rows in {found.requests:,} requests; nothing was written."
        )

    # On the way

    def _run(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        actions.begin(migration, options["only"] or (), by=migration.by)
        self._follow(migration)

    def _delta(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        if not migration.passes:
            raise CommandError("Nothing has come yet: 'boxctl migrate run' brings everything.")
        actions.begin(migration, by=migration.by)
        self._follow(migration)

    def _resume(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        actions.resume(migration, by=migration.by)
        self._follow(migration)

    def _follow(self, migration: Migration) -> None:
        """Does the work here, or looks on while a job does it; Ctrl-C leaves that to the jobs."""
        while True:
            jobs.go_on_once(migration.pk)
            migration = Migration.objects.select_related("by").get(pk=migration.pk)
            self.stdout.write(_progress_line(migration))
            if not migration.is_going:
                break
            sleep(LOOKS_EVERY)
        if migration.trouble:
            raise CommandError(migration.trouble)

    def _pause(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        actions.pause(migration, by=migration.by)
        self.stdout.write(
            "It stands still after the page that is on its way: 'boxctl migrate resume' goes on."
        )

    def _status(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        self.stdout.write(
            json.dumps(_status_json(migration), ensure_ascii=False) if options["json"] else _status(migration)
        )

    def _check(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        if migration.is_outbound:
            self._check_outbound(migration)
            return
        found = reconcile(
            migration, None if migration.archive_id or migration.folder else cloud_of(migration)
        )
        for line in found.lines:
            theirs = "?" if line.theirs is None else f"{line.theirs:,}"
            here = f"{line.came:,} came, {line.here:,} here, {line.refused:,} refused"
            differs = "" if line.is_whole else "   <-- differs"
            counted = "" if line.counted is None else f", {line.counted:,} in the dry run"
            self.stdout.write(f"  {line.label}: {theirs} there{counted}, {here}{differs}")
            for theirs_id in line.lost:
                self.stdout.write(f"    {theirs_id} is not here any more")
            if line.gone:
                self.stdout.write(f"    {line.gone:,} not there any more:")
            for one in line.gone_named:
                self.stdout.write(f"      {one}")
            if line.missing:
                self.stdout.write("    Added there since the last pass:")
            for one in line.missing:
                self.stdout.write(f"      {one}")
        files = found.files
        unread = f", {files.unread:,} not looked at yet" if files.unread else ""
        self.stdout.write(f"  Files: {files.came:,} ({files.size:,} bytes){unread}")
        for name in files.different:
            self.stdout.write(f"    {name} has other bytes than were fetched")
        if not found.is_whole:
            raise CommandError("Not everything is here.")

    def _check_outbound(self, migration: Migration) -> None:
        found = reconcile_outbound(migration, cloud_of(migration))
        for line in found.lines:
            here, theirs = ("?" if one is None else f"{one:,}" for one in (line.here, line.theirs))
            of = "from here" if line.is_marked else "in all"
            said = f"{here} here, {line.sent:,} there, {line.refused:,} refused; the portal has {theirs} {of}"
            self.stdout.write(f"  {line.label}: {said}{'' if line.is_whole else '   <-- differs'}")
        if not found.is_whole:
            raise CommandError("Not everything is there.")

    def _undo(self, options: Mapping[str, Any]) -> None:
        migration = _meant(options)
        if not options["yes"]:
            self.stderr.write(f"All that came from {migration.portal} goes. Write its name, and Enter:")
            if sys.stdin.readline(LONGEST).strip() != migration.portal:
                raise CommandError("Nothing was undone.")
        actions.begin_undo(migration, by=migration.by)
        self._follow(migration)


def _meant(options: Mapping[str, Any]) -> Migration:
    """The one that there is: of those that were undone the last, where there is no other. Of several of one
    portal and way only one has begun."""
    found = Migration.objects.select_related("by").order_by("-passes", "-id")
    if options["portal"]:
        found = found.filter(portal__iexact=options["portal"])
    if options["way"]:
        found = found.filter(is_outbound=options["way"] == "out")
    meant = list(found.exclude(state=Migration.State.UNDONE)) or list(found[:1])
    if not meant:
        raise CommandError("No portal is connected: 'boxctl migrate connect --by LOGIN' does that.")
    said = dict.fromkeys(f"{one.portal} ({'out' if one.is_outbound else 'in'})" for one in meant)
    if len(said) > 1:
        raise CommandError(f"Say by --portal, or by --way, which is meant of {', '.join(said)}.")
    return meant[0]


def _administrator(login: str) -> User:
    found: User | None = User.objects.active().filter(login=login, is_administrator=True).first()
    if found is None:
        raise CommandError(f"Nobody who administers the box signs in as {login}.")
    return found


def _named(login: str) -> User:
    found: User | None = User.objects.themselves().called([login.lower()]).get(login.lower())
    if found is None:
        raise CommandError(f"Nobody here has the login or e-mail {login}.")
    return found


def _midnight(text: str | None, *, days: int = 0) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise CommandError(f"{text} is no day: write it as 2026-12-31.") from None
    return datetime.combine(day, time(), timezone.get_current_timezone())


@contextmanager
def _written(name: str) -> Iterator[IO[bytes]]:
    """A file that is there whole, or not at all; - is standard output."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    part = path.with_name(f"{path.name}.part")
    # Never through a link that somebody has put there, and not over what another run is writing.
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _read(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
    else:
        with Path(name).open("rb") as file:
            yield file


def _progress_line(migration: Migration) -> str:
    stages = list(migration.progress.all())
    going = next((one for one in stages if not one.is_done), None)
    done = sum(one.done for one in stages)
    where = stages_of(migration)[going.stage].label if going else ""
    left = migration.time_left(timezone.now())
    said = f"{migration.get_state_display()}: {done:,} looked at {where}"
    return said + (f", about {max(1, round(left.total_seconds() / 60))} min left" if left else "")


def _status_json(migration: Migration) -> dict[str, Any]:
    return {
        "portal": migration.portal,
        "state": migration.state,
        "trouble": migration.trouble,
        "passes": migration.passes,
        "requests": migration.requests,
        "stages": {
            one.stage: {
                "is_done": one.is_done, "total": one.total, "done": one.done, "created": one.created,
                "changed": one.changed, "refused": one.refused,
            }
            for one in migration.progress.all()
        },
        "remarks": migration.remarks.count(),
    }  # fmt: skip


def _status(migration: Migration) -> str:
    lines = [f"{migration.portal}: {migration.get_state_display()}, {migration.requests:,} requests"]
    if migration.trouble:
        lines.append(migration.trouble)
    known = stages_of(migration)
    for one in migration.progress.all():
        of = f" of {one.total:,}" if one.total is not None else ""
        mark = "done" if one.is_done else "to do" if not one.done else "on its way"
        lines.append(
            f"  {known[one.stage].label}: {mark}, {one.done:,}{of} looked at, {one.created:,} added,"
            f" {one.changed:,} changed, {one.refused:,} refused"
        )
    remarks = list(migration.remarks.order_by("id")[:MOST_REMARKS])
    if remarks:
        is_undone = migration.state in (Migration.State.UNDOING, Migration.State.UNDONE)
        lines.append("What stays:" if is_undone else "What did not come, or not as it was:")
        lines += [f"  {one.kind} {one.theirs}: {one.text}" for one in remarks]
    return "\n".join(lines)


def _in_words(found: Inventory) -> str:
    lines = [f"{found.portal}, as {found.person or 'nobody by name'} sees it:"]
    if not found.is_administrator:
        lines.append("This person is no administrator: what they may not see is in no count.")
    if found.missing_scopes:
        lines.append(f"The webhook lacks the permissions {', '.join(found.missing_scopes)}.")
    for one in found.counted:
        said = f"not seen ({one.hidden})" if one.hidden else "?" if one.count is None else f"{one.count:,}"
        lines.append(f"  {one.kind.label}: {said}")
    minutes = max(1, round(found.seconds / 60))
    lines.append(f"Listing all of it takes at least {minutes} min, files come on top.")
    return "\n".join(lines)
