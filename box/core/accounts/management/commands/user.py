"""`boxctl user create|password|reset-second-factor|list`."""

from __future__ import annotations

import getpass
import json
import secrets
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from box.core.accounts import actions, factors
from box.core.accounts.models import User


class Command(BaseCommand):
    help = "Creates people, sets passwords, lists who there is."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        names = "create|password|reset-second-factor|list"
        commands = parser.add_subparsers(dest="command", required=True, metavar=names)
        create = commands.add_parser("create", help="add a person; prints the password, once")
        create.add_argument("email")
        create.add_argument("--login", default="", help="what they sign in with besides the e-mail")
        create.add_argument("--first-name", default="")
        create.add_argument("--last-name", default="")
        create.add_argument("--language", choices=["en", "ru"], default="")
        create.add_argument("--administrator", action="store_true")
        create.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        password = commands.add_parser("password", help="set a person's password and end their sessions")
        password.add_argument("login", help="login or e-mail")
        password.add_argument("--password-stdin", action="store_true", help="read it from standard input")
        reset = commands.add_parser(
            "reset-second-factor", help="let a person sign in with the password alone, and set up anew"
        )
        reset.add_argument("login", help="login or e-mail")
        people = commands.add_parser("list", help="list who there is")
        people.add_argument(
            "--administrators", action="store_true", help="only those who may sign in as such"
        )
        people.add_argument("--json", action="store_true")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command.replace('-', '_')}")(**options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None

    def _create(self, **options: Any) -> None:
        password = _from_stdin() if options["password_stdin"] else secrets.token_urlsafe(12)
        new = actions.NewUser(
            email=options["email"],
            login=options["login"],
            first_name=options["first_name"],
            last_name=options["last_name"],
            language=options["language"],
            is_administrator=options["administrator"],
        )
        user = actions.create_user(new, password=password, by=None)
        self.stdout.write(f"login: {user.login}")
        if not options["password_stdin"]:
            self.stdout.write(f"password: {password}")

    def _password(self, **options: Any) -> None:
        user = _named(options["login"])
        asks = sys.stdin.isatty() and not options["password_stdin"]
        password = getpass.getpass(f"New password of {user.login}: ") if asks else _from_stdin()
        actions.change_password(user, password, by=None)
        self.stdout.write(f"{user.login} has a new password and is signed out everywhere.")

    def _reset_second_factor(self, **options: Any) -> None:
        user = _named(options["login"])
        factors.reset(user, by=None)
        self.stdout.write(f"{user.login} signs in with the password alone, and is signed out everywhere.")

    def _list(self, **options: Any) -> None:
        chosen = (
            User.objects.active().filter(is_administrator=True) if options["administrators"] else User.objects
        )
        people = chosen.by_name().iterator(chunk_size=2000)
        if options["json"]:
            for user in people:
                self.stdout.write(
                    json.dumps(
                        {
                            "login": user.login,
                            "email": user.email,
                            "name": user.name,
                            "status": user.status,
                            "administrator": user.is_administrator,
                        },
                        ensure_ascii=False,
                    )
                )
            return
        for user in people:
            role = "administrator" if user.is_administrator else "guest" if user.is_extranet else ""
            self.stdout.write(f"{user.login:<32} {user.status:<10} {role:<14} {user.name}")


def _named(login: str) -> User:
    try:
        user: User = User.objects.get_by_natural_key(login)
    except User.DoesNotExist:
        raise CommandError(f"Nobody signs in as {login}: 'boxctl user list' shows who there is.") from None
    return user


def _from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise CommandError("No password came on standard input: write it there, on a line of its own.")
    return password
