"""`boxctl demo`: fills an empty box with a company to look at."""

from __future__ import annotations

import sys
from random import Random
from time import monotonic
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from box.core.registry.capabilities import demo_shares
from box.core.registry.demo import Company, DemoRefused


class Command(BaseCommand):
    help = "Fills the box with an invented company. Refused where real people are."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--employees", type=int, default=1000)
        parser.add_argument("--posts", type=int, default=20_000)
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same company")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="all of them sign in with the password on standard input; without it, nobody can",
        )
        parser.add_argument(
            "--check", action="store_true", help="only say, by the exit code, whether it is there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            if not get_user_model().objects.filter(is_demo=True).exists():
                raise CommandError("No demonstration is here.")
            return
        if options["employees"] < 10 or options["posts"] < 0:
            raise CommandError("A company has at least 10 employees, and not fewer than no posts.")
        company = Company(
            employees=options["employees"],
            posts=options["posts"],
            now=timezone.now(),
            random=Random(options["seed"]),  # noqa: S311 - it invents people, not secrets
            password=sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None,
            tell=self.stdout.write,
        )
        begun = monotonic()
        try:
            with transaction.atomic():
                for share in demo_shares:
                    share(company)
        except DemoRefused as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"ready in {monotonic() - begun:.1f} s")
