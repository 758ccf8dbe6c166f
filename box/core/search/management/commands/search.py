"""`boxctl search`: the index of the search."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from box.core.registry.capabilities import searchables
from box.core.search.indexing import rebuild
from box.lib.progress_bars import Bars


class Command(BaseCommand):
    help = "What the search looks into."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        orders = parser.add_subparsers(dest="order", required=True, metavar="ORDER")
        orders.add_parser(
            "rebuild",
            help="write the index anew while it is searched; stopped, it goes on from there the next time",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        labels = {kind: str(searchable.label) for kind, searchable in searchables.items()}
        with Bars() as bars:
            rebuild(lambda kind, done, total: bars.show(kind, labels[kind], done=done, total=total))
        self.stdout.write("The index is rebuilt.")
