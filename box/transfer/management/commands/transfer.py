"""`boxctl migrate inventory`: what a portal of the cloud has. Reads, and writes nothing."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from box.transfer.cloud import BadWebhook, Cloud, CloudAway, CloudRefused
from box.transfer.inventory import Inventory, take_stock

LONGEST = 500


class Command(BaseCommand):
    help = "Looks at a portal that is to be moved into this box."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="inventory")
        inventory = commands.add_parser(
            "inventory",
            help="count what the portal has; reads the address of an inbound webhook from standard input",
        )
        inventory.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, json: bool = False, **options: Any) -> None:
        # Not an argument: everybody on the machine could read the secret in it.
        if sys.stdin.isatty():
            self.stderr.write("The address of the inbound webhook, and Enter:")
        webhook = sys.stdin.readline(LONGEST).strip()
        try:
            found = take_stock(Cloud(webhook))
        except (BadWebhook, CloudAway, CloudRefused) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_as_json(found) if json else _in_words(found))


def _as_json(found: Inventory) -> str:
    return json.dumps(
        {
            "portal": found.portal,
            "person": found.person,
            "is_administrator": found.is_administrator,
            "missing_scopes": found.missing_scopes,
            "counts": {one.kind.key: one.count for one in found.counted},
            "hidden": {one.kind.key: one.hidden for one in found.counted if one.hidden},
            "seconds": round(found.seconds, 1),
        },
        ensure_ascii=False,
    )


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
