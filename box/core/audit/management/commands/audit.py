"""`boxctl audit verify`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from box.core.audit.models import AuditRecord
from box.core.audit.sealing import Head, current_head, damages


class Command(BaseCommand):
    help = "Checks that no sealed record of the audit log was changed or removed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="verify|head")
        verify = commands.add_parser("verify", help="walk the whole chain; names each record that is wrong")
        verify.add_argument(
            "--head",
            default="",
            help="a head that was noted before, such as 4711:9f86…, from the journal of the jobs or syslog",
        )
        commands.add_parser("head", help="print the end of the chain, to be kept elsewhere")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, f"_{command}")(**options)

    def _head(self, **options: Any) -> None:
        self.stdout.write(str(current_head()))

    def _verify(self, **options: Any) -> None:
        known = _head_of(options["head"]) if options["head"] else None
        count = 0
        for damage in damages(known=known):
            count += 1
            self.stdout.write(str(damage))
        if count:
            raise CommandError(f"The audit log is damaged in {count} places: they are named above.")
        waiting = AuditRecord.objects.filter(position=None).count()
        head = current_head()
        self.stdout.write(f"The audit log is whole up to {head}; {waiting} records wait for their seal.")


def _head_of(text: str) -> Head:
    position, _colon, seal = text.partition(":")
    if not (position.isdigit() and seal):
        raise CommandError("A head is a number, a colon and a hash: copy it whole from the journal.")
    return Head(int(position), seal)
