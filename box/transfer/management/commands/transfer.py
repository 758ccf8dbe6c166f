"""`boxctl migrate`: a portal of the cloud moves into this box."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from box.core.accounts.models import User
from box.lib.sealing import SealBroken
from box.transfer import actions, jobs
from box.transfer.cloud import BadWebhook, Cloud, CloudAway, CloudRefused
from box.transfer.gaps import gaps_of
from box.transfer.inventory import Inventory, as_json, take_stock
from box.transfer.models import Match, Migration
from box.transfer.pace import Limits
from box.transfer.plan import ImpossiblePlan, ordered
from box.transfer.reconciliation import reconcile
from box.transfer.runner import cloud_of
from box.transfer.stages import NEEDS, STAGES

LONGEST = 500
MOST_REMARKS = 200
LOOKS_EVERY = 1.0


class Command(BaseCommand):
    help = "Moves a portal of the cloud into this box."
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
        connect.add_argument(
            "--by", required=True, metavar="LOGIN", help="the administrator whose migration it is"
        )
        connect.add_argument(
            "--per-second", type=float, default=2.0, help="requests that the plan allows (2)"
        )
        connect.add_argument("--burst", type=int, default=50, help="requests that it allows at once (50)")
        commands.add_parser("plan", help="what will come, in which order, who is whom, and what cannot come")
        run = commands.add_parser("run", help="bring everything, and follow how far it is")
        run.add_argument(
            "--only", nargs="+", metavar="STAGE", choices=[*NEEDS], help=f"of {', '.join(NEEDS)}"
        )
        commands.add_parser("delta", help="bring what has changed since")
        commands.add_parser("status", help="how far it is, and what did not come").add_argument(
            "--json", action="store_true", help="for programs"
        )
        commands.add_parser("pause", help="stand still after the page that is on its way")
        commands.add_parser("resume", help="go on from there")
        commands.add_parser("check", help="compare counts, and the bytes of files, with the portal's")
        undo = commands.add_parser("undo", help="take away all that has come")
        undo.add_argument("--yes", action="store_true", help="without asking")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        except (BadWebhook, CloudAway, CloudRefused, ImpossiblePlan, SealBroken) as error:
            raise CommandError(str(error)) from None

    # Before anything is written

    def _inventory(self, options: Mapping[str, Any]) -> None:
        found = take_stock(Cloud(self._webhook()))
        said = json.dumps(as_json(found), ensure_ascii=False) if options["json"] else _in_words(found)
        self.stdout.write(said)

    def _connect(self, options: Mapping[str, Any]) -> None:
        by = User.objects.active().filter(login=options["by"], is_administrator=True).first()
        if by is None:
            raise CommandError(f"Nobody who administers the box signs in as {options['by']}.")
        cloud = Cloud(self._webhook(), Limits(burst=options["burst"], per_second=options["per_second"]))
        last = Migration.objects.filter(portal=cloud.portal).exclude(state=Migration.State.UNDONE).last()
        if last is not None and last.passes:
            actions.reconnect(last, cloud, by=by)
            self.stdout.write(f"{last.portal} is connected again: 'boxctl migrate resume' goes on.")
            return
        if last is not None:
            actions.forget(last, by=by)
        migration = actions.connect(cloud, by=by)
        actions.look(migration, cloud)
        self.stdout.write(f"{migration.portal} is connected: 'boxctl migrate plan' says what will come.")

    def _webhook(self) -> str:
        # Not an argument: everybody on the machine could read the secret in it.
        if sys.stdin.isatty():
            self.stderr.write("The address of the inbound webhook, and Enter:")
        return sys.stdin.readline(LONGEST).strip()

    def _plan(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        counts = migration.inventory.get("counts", {})
        self.stdout.write(f"From {migration.portal}, in this order:")
        for stage in ordered(NEEDS, [*migration.stages, "links"]):
            count = counts.get(stage)
            said = f"  {STAGES[stage].label}" + (f": {count:,}" if count is not None else "")
            self.stdout.write(said)
        matches = migration.matches.all()
        new = matches.filter(user=None).count()
        self.stdout.write(f"People: {matches.count() - new} are here already, {new} will be added.")
        for match in matches.exclude(user=None).select_related("user").order_by("name", "id"):
            here = match.user.name if match.user else ""
            self.stdout.write(f"  {match.name} is {here} ({Match.Way(match.way).label})")
        gaps = gaps_of(migration.inventory, newcomers=new)
        self.stdout.write("What does not come, or not as it was:" if gaps else "Everything can come.")
        for gap in gaps:
            self.stdout.write(f"  {gap.what}: {gap.why}")

    # On the way

    def _run(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        actions.begin(migration, options["only"] or (), by=migration.by)
        self._follow(migration)

    def _delta(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        if not migration.passes:
            raise CommandError("Nothing has come yet: 'boxctl migrate run' brings everything.")
        actions.begin(migration, by=migration.by)
        self._follow(migration)

    def _resume(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        actions.resume(migration, by=migration.by)
        self._follow(migration)

    def _follow(self, migration: Migration) -> None:
        """Does the work here, or looks on while a job does it; Ctrl-C leaves that to the jobs."""
        while True:
            jobs.go_on_once(migration.pk)
            migration = self._last()
            self.stdout.write(_progress_line(migration))
            if not migration.is_going:
                break
            time.sleep(LOOKS_EVERY)
        if migration.trouble:
            raise CommandError(migration.trouble)

    def _pause(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        actions.pause(migration, by=migration.by)
        self.stdout.write(
            "It stands still after the page that is on its way: 'boxctl migrate resume' goes on."
        )

    def _status(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        self.stdout.write(
            json.dumps(_status_json(migration), ensure_ascii=False) if options["json"] else _status(migration)
        )

    def _check(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        found = reconcile(migration, cloud_of(migration))
        for line in found.lines:
            theirs = "?" if line.theirs is None else f"{line.theirs:,}"
            here = f"{line.came:,} came, {line.here:,} here, {line.refused:,} refused"
            differs = "" if line.is_whole else "   <-- differs"
            self.stdout.write(f"  {line.label}: {theirs} there, {here}{differs}")
            for theirs_id in line.lost:
                self.stdout.write(f"    {theirs_id} is not here any more")
        files = found.files
        unread = f", {files.unread:,} not looked at yet" if files.unread else ""
        self.stdout.write(f"  Files: {files.came:,} ({files.size:,} bytes){unread}")
        for name in files.different:
            self.stdout.write(f"    {name} has other bytes than were fetched")
        if not found.is_whole:
            raise CommandError("Not everything is here.")

    def _undo(self, options: Mapping[str, Any]) -> None:
        migration = self._last()
        if not options["yes"]:
            self.stderr.write(f"All that came from {migration.portal} goes. Write its name, and Enter:")
            if sys.stdin.readline(LONGEST).strip() != migration.portal:
                raise CommandError("Nothing was undone.")
        actions.begin_undo(migration, by=migration.by)
        self._follow(migration)

    def _last(self) -> Migration:
        found = Migration.objects.select_related("by").order_by("-id").first()
        if found is None:
            raise CommandError("No portal is connected: 'boxctl migrate connect --by LOGIN' does that.")
        return found


def _progress_line(migration: Migration) -> str:
    stages = list(migration.progress.all())
    going = next((one for one in stages if not one.is_done), None)
    done = sum(one.done for one in stages)
    where = STAGES[going.stage].label if going else ""
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
    for one in migration.progress.all():
        of = f" of {one.total:,}" if one.total is not None else ""
        mark = "done" if one.is_done else "to do" if not one.done else "on its way"
        lines.append(
            f"  {STAGES[one.stage].label}: {mark}, {one.done:,}{of} looked at, {one.created:,} added,"
            f" {one.changed:,} changed, {one.refused:,} refused"
        )
    remarks = list(migration.remarks.order_by("id")[:MOST_REMARKS])
    if remarks:
        lines.append("What did not come, or not as it was:")
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
