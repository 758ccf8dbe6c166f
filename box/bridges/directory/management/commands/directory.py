"""`boxctl directory test|preview|sync|cancel|status|explain`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from box.bridges.directory.actions import cancel_run
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.explanation import explain
from box.bridges.directory.jobs import run_once
from box.bridges.directory.models import Change, Connection, Run
from box.bridges.directory.reader import Reader
from box.bridges.directory.troubles import sentence as told_of
from box.bridges.directory.troubles import troubles
from box.lib.progress_bars import Bars

SHOWN = 200


class Command(BaseCommand):
    help = "Tests, previews and synchronises the directories that the box is connected to."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        names = "test|preview|sync|cancel|status|explain"
        commands = parser.add_subparsers(dest="command", required=True, metavar=names)
        test = commands.add_parser("test", help="sign in to the directory and count whom it shows")
        preview = commands.add_parser(
            "preview", help="say what a synchronisation would do; nothing is written"
        )
        preview.add_argument("--all", action="store_true", help=f"every line, not only the first {SHOWN}")
        sync = commands.add_parser("sync", help="synchronise now")
        sync.add_argument("--full", action="store_true", help="read everything, not only what has changed")
        cancel = commands.add_parser(
            "cancel", help="stop the runs that are going; what was written by then stays"
        )
        commands.add_parser("status", help="how the last runs went, and what needs somebody")
        commands.add_parser("troubles", help="what needs somebody, a line each")
        explained = commands.add_parser("explain", help="why this person is, or is not, imported")
        explained.add_argument("login")
        for one in (test, preview, sync, cancel, explained):
            one.add_argument("--connection", default="", help="the name of one directory; without it, each")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, f"_{command}")(**options)

    def _test(self, connection: str, **options: Any) -> None:
        is_well = True
        for one in _connections(connection):
            try:
                with connect(one) as line:
                    reader = Reader(line, one)
                    count = sum(1 for _sighting in reader.sightings())
                    self.stdout.write(f"{one.name}: {line.server} answers, and shows {count} people.")
            except DirectoryTrouble as trouble:
                is_well = False
                self.stdout.write(f"{one.name}: {trouble}")
        if not is_well:
            raise CommandError("Not every directory can be read: what is wrong is named above.")

    def _preview(self, connection: str, all: bool, **options: Any) -> None:  # noqa: A002 - the option's name
        for one in _connections(connection):
            run = self._run(one, Run.Mode.PREVIEW)
            shown = run.changes.order_by("id")
            for change in shown if all else shown[:SHOWN]:
                self.stdout.write(_line(change))
            left = shown.count() - SHOWN
            if left > 0 and not all:
                self.stdout.write(f"... and {left} more: --all shows them.")
            self._sum_up(run)

    def _sync(self, connection: str, full: bool, **options: Any) -> None:
        for one in _connections(connection):
            if not one.is_confirmed:
                raise CommandError(
                    f"{one.name}: look at a preview in the Console and confirm it there first."
                )
            self._sum_up(self._run(one, Run.Mode.SYNC, is_full=full))

    def _cancel(self, connection: str, **options: Any) -> None:
        going = Run.objects.going().filter(connection__in=_connections(connection)).order_by("id")
        stopped = 0
        for run in going.select_related("connection"):
            # It may have ended by itself meanwhile.
            with suppress(ValidationError):
                cancel_run(run, by=None)
                stopped += 1
                self.stdout.write(f"{run.connection.name}: the {run.get_mode_display()} is stopped.")
        if not stopped:
            raise CommandError("No run is going.")

    def _status(self, **options: Any) -> None:
        for one in Connection.objects.order_by("order", "id"):
            state = "in use" if one.is_on else "off"
            self.stdout.write(f"{one.name} ({one.get_kind_display()}): {state}")
            for run in one.runs.order_by("-id")[:5]:
                self.stdout.write(f"  {run.asked_at:%Y-%m-%d %H:%M} {_summary(run)}")
        self._troubles()

    def _troubles(self, **options: Any) -> None:
        """A line each, as `boxctl doctor` reads them."""
        for one in troubles(timezone.now()):
            self.stdout.write(f"! {told_of(one.kind, one.target, one.about)}")

    def _explain(self, login: str, connection: str, **options: Any) -> None:
        for one in _connections(connection):
            for sentence in explain(one, login, now=timezone.now()):
                self.stdout.write(sentence)

    def _run(self, connection: Connection, mode: str, *, is_full: bool = False) -> Run:
        run = Run.objects.create(connection=connection, mode=mode, why=Run.Why.COMMAND)
        with Bars() as bars:

            def tell(news: Mapping[str, Any]) -> None:
                stage = Run.Stage(news["stage"]).label if news.get("stage") else ""
                bars.show(connection.name, str(stage), done=news.get("done"), total=news.get("total"))

            is_ours = run_once(run.pk, is_full=is_full, tell=tell)
        if not is_ours:
            run.delete()
            raise CommandError("Another run is going: try again when it is over.")
        run.refresh_from_db()
        return run

    def _sum_up(self, run: Run) -> None:
        self.stdout.write(f"{run.connection.name}: {_summary(run)}")
        if run.state == Run.State.FAILED:
            raise CommandError("The run has failed: nothing was changed by it.")
        if run.state == Run.State.CANCELLED:
            raise CommandError("The run was stopped: what it had written stays, and the next does the rest.")
        if run.state == Run.State.ASKING:
            raise CommandError(
                "The guard has stopped the run: look at it in the Console, and allow it there."
            )


def _connections(name: str) -> list[Connection]:
    found = Connection.objects.order_by("order", "id")
    chosen = list(found.filter(name=name) if name else found)
    if not chosen:
        raise CommandError(f"There is no directory {name}." if name else "No directory is connected yet.")
    return chosen


def _line(change: Change) -> str:
    values = f" {change.field}: {change.old or '–'} → {change.new or '–'}" if change.field else ""
    reason = f" ({change.reason})" if change.reason else ""
    return f"{change.get_action_display()}: {change.name}{values}{reason}"


def _summary(run: Run) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in sorted(run.counts.items()) if count)
    took = f", {run.duration.total_seconds():.1f} s" if run.duration else ""
    said = run.error or run.question
    return f"{run.get_mode_display()} {run.get_state_display()}{took}: {counts or 'no changes'}" + (
        f". {said}" if said else ""
    )
