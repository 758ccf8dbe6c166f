"""`boxctl telephony config|test|status|replay|resync`, and `run`, which is the service."""

from __future__ import annotations

import secrets
import signal
import threading
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from box.bridges.telephony import ami_events, generator
from box.bridges.telephony.actions import restore
from box.bridges.telephony.ami import PbxTrouble, Session
from box.bridges.telephony.asterisk_conf import Unwritable
from box.bridges.telephony.bridge import Bridge, Bridges
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.facts import Unreadable
from box.bridges.telephony.models import Call, Pbx
from box.bridges.telephony.probe import is_good, probe
from box.core.events.worker import ClusterLock

LOCK = "korobka telephony"
LARGEST = 50 * 1024 * 1024


class Command(BaseCommand):
    help = "Connects the portal with the company's Asterisk."
    # The service starts whatever the database does, and waits for it.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(
            dest="command", required=True, metavar="config|test|status|replay|resync"
        )
        config = commands.add_parser(
            "config", help="write commented configuration for an Asterisk into a folder"
        )
        config.add_argument("folder", type=Path)
        config.add_argument(
            "--asterisk", type=int, default=18, help="the PBX's version, 13 to 22 (default 18)"
        )
        config.add_argument(
            "--box", action="append", default=[], help="an address of the box, as the PBX sees it"
        )
        config.add_argument(
            "--tables", action="store_true", help="CEL and CDR go to PostgreSQL, not to files"
        )
        test = commands.add_parser("test", help="sign in to each PBX, and say in words what is wrong")
        status = commands.add_parser("status", help="how the connections are, and which calls are going")
        replay = commands.add_parser("replay", help="tell a recorded AMI stream as calls; nothing is stored")
        replay.add_argument("file", type=Path)
        sync = commands.add_parser("resync", help="read up what the PBX has written down, now")
        commands.add_parser("run", help="the service")
        for one in (test, status, sync):
            one.add_argument("--pbx", default="", help="the name of one; without it, each")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, f"_{command}")(**options)

    def _config(self, folder: Path, asterisk: int, box: list[str], tables: bool, **options: Any) -> None:
        secret = secrets.token_urlsafe(24)
        try:
            files = generator.generate(
                generator.Plan(
                    secret, asterisk=asterisk, box_addresses=tuple(box) or ("127.0.0.1/32",), database=tables
                )
            )
        except (Unwritable, ValueError) as error:
            raise CommandError(str(error)) from error
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            file = folder / name
            file.touch(mode=0o600)
            file.write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(files)} files in {folder}: begin with README_korobka.txt.")

    def _test(self, pbx: str, **options: Any) -> None:
        tried = [(one, probe(one)) for one in _chosen(pbx)]
        for one, steps in tried:
            for step in steps:
                self.stdout.write(f"{one.name}: {step.title}: {step.text}")
        if not all(is_good(steps) for _one, steps in tried):
            raise CommandError("Not every PBX can be used: what is wrong is named above.")

    def _status(self, pbx: str, **options: Any) -> None:
        for one in _chosen(pbx):
            heard = f"heard of {one.heard_at:%Y-%m-%d %H:%M:%S}" if one.heard_at else "never heard of"
            state = one.trouble or heard if one.is_on else "off"
            self.stdout.write(f"{one.name} ({one.host}): {state}")
            for call in Call.objects.filter(pbx=one).going().order_by("-started_at")[:50]:
                self.stdout.write(f"  {call.started_at:%H:%M:%S} {call.caller} > {call.called} {call.queue}")

    def _replay(self, file: Path, **options: Any) -> None:
        if file.stat().st_size > LARGEST:
            raise CommandError(f"{file} has more than {LARGEST // 1024 // 1024} MB.")
        calls = Calls("replay")
        text = file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
        for block in text.split("\n\n"):
            event = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "Event" not in event:
                continue
            try:
                told = calls.feed(ami_events.facts(event, received_at=timezone.now()))
            except Unreadable as error:
                raise CommandError(f"This is no stream of AMI: {error}") from error
            for one in told:
                self.stdout.write(f"{one.at:%H:%M:%S.%f} {one.call} {type(one).__name__}")

    def _resync(self, pbx: str, **options: Any) -> None:
        for one in _chosen(pbx):
            lock = ClusterLock(LOCK, **HUEY.storage.connection_params)
            if not lock.is_held():
                raise CommandError(
                    "The service is at work, and does this by itself: see `boxctl telephony status`."
                )
            try:
                bridge = Bridge(one.pk, threading.Event())
                with Session(one.address) as session:
                    outcome = bridge.catch_up(one, restore(one, now=timezone.now()), session)
            except PbxTrouble as trouble:
                raise CommandError(str(trouble)) from trouble
            finally:
                lock.release()
            self.stdout.write(
                f"{one.name}: {outcome.rows} rows read, {outcome.unreadable} of them unreadable."
            )
            for said in outcome.troubles:
                self.stdout.write(said)

    def _run(self, **options: Any) -> None:
        stopping = threading.Event()
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: stopping.set())
        lock = ClusterLock(LOCK, **HUEY.storage.connection_params)
        try:
            Bridges(lock.is_held, stopping).run()
        finally:
            lock.release()


def _chosen(name: str) -> list[Pbx]:
    found = list(Pbx.objects.filter(name=name) if name else Pbx.objects.order_by("name"))
    if not found:
        raise CommandError(f"There is no PBX {name!r}." if name else "No PBX is set up yet.")
    return found
