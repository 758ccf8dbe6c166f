"""`boxctl telephony config|test|status|replay|resync`, and `run`, which is the service."""

from __future__ import annotations

import secrets
import signal
import threading
from argparse import BooleanOptionalAction
from collections.abc import Iterator
from json import dumps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from box.bridges.telephony import ami_events, cel, fastagi, generator
from box.bridges.telephony.actions import restore
from box.bridges.telephony.ami import PbxTrouble, Session
from box.bridges.telephony.asterisk_conf import Unwritable
from box.bridges.telephony.bridge import Bridge, Bridges
from box.bridges.telephony.calls import Calls
from box.bridges.telephony.configuration import configurations
from box.bridges.telephony.facts import Fact, Unreadable
from box.bridges.telephony.logs import CsvLog, LogTrouble
from box.bridges.telephony.models import Call, Pbx
from box.bridges.telephony.originate import NotAllowed
from box.bridges.telephony.plan import Plan, Release
from box.bridges.telephony.probe import is_good, probe
from box.bridges.telephony.recordings import RecordingRefused
from box.core.events.worker import ClusterLock
from box.lib.sealing import SealBroken

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
            "--asterisk",
            type=Release.of,
            default=Release(18),
            help="the PBX's release, 13 to 22, as `asterisk -V` says it: 18, or 22.6 (default 18)",
        )
        config.add_argument(
            "--box", action="append", default=[], help="an address of the box, as the PBX sees it"
        )
        config.add_argument(
            "--tables", action="store_true", help="CEL and CDR go to PostgreSQL, not to files"
        )
        config.add_argument(
            "--pbx",
            default="",
            help="the name of one that is set up: with its secret, lines and queues",
        )
        config.add_argument(
            "--records",
            action=BooleanOptionalAction,
            help="whether calls are recorded; of one that is set up it is to be said",
        )
        config.add_argument(
            "--opus", action="store_true", help="it translates Opus (codec_opus): browsers sound better"
        )
        test = commands.add_parser("test", help="sign in to each PBX, and say in words what is wrong")
        status = commands.add_parser("status", help="how the connections are, and which calls are going")
        status.add_argument("--json", action="store_true", help="print it as JSON")
        replay = commands.add_parser(
            "replay", help="tell a recorded AMI stream, or a log of CEL (.csv), as calls; nothing is stored"
        )
        replay.add_argument("file", type=Path)
        sync = commands.add_parser("resync", help="read up what the PBX has written down, now")
        commands.add_parser("run", help="the service")
        for one in (test, status, sync):
            one.add_argument("--pbx", default="", help="the name of one; without it, each")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        getattr(self, f"_{command}")(**options)

    def _config(
        self,
        folder: Path,
        *,
        asterisk: Release,
        box: list[str],
        tables: bool,
        pbx: str,
        records: bool | None,
        opus: bool,
        **options: Any,
    ) -> None:
        boxes = tuple(box) or ("127.0.0.1/32",)
        try:
            if pbx:
                if records is None:
                    # What is loaded there takes the place of what was: whoever forgets a word would end the
                    # recordings.
                    raise CommandError("Say whether its calls are recorded: --records or --no-records.")
                (make,) = configurations
                files = make(
                    _chosen(pbx)[0],
                    asterisk=asterisk,
                    boxes=boxes,
                    records=records,
                    transcodes_opus=opus,
                    base=settings.PORTAL_URL,
                )
            else:
                secret = secrets.token_urlsafe(24)
                plan = Plan(
                    secret,
                    asterisk=asterisk,
                    box_addresses=boxes,
                    transcodes_opus=opus,
                    database=tables,
                    records=bool(records),
                )
                files = generator.generate(plan)
        except (Unwritable, NotAllowed, RecordingRefused, SealBroken, ValueError) as error:
            raise CommandError(str(error)) from error
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            file = folder / name
            file.touch(mode=0o700 if name.endswith(".sh") else 0o600)
            file.write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(files)} files in {folder}: begin with README_korobka.txt.")

    def _test(self, pbx: str, **options: Any) -> None:
        tried = [(one, probe(one)) for one in _chosen(pbx)]
        for one, steps in tried:
            for step in steps:
                self.stdout.write(f"{one.name}: {step.title}: {step.text}")
        if not all(is_good(steps) for _one, steps in tried):
            raise CommandError("Not every PBX can be used: what is wrong is named above.")

    def _status(self, pbx: str, json: bool, **options: Any) -> None:
        if json:
            found = Pbx.objects.filter(name=pbx) if pbx else Pbx.objects.order_by("name")
            self.stdout.write(dumps([_state(one) for one in found], indent=1))
            return
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
        try:
            for facts in _log(file) if file.suffix in (".csv", ".cel") else _stream(file):
                for one in calls.feed(facts):
                    self.stdout.write(f"{one.at:%H:%M:%S.%f} {one.call} {type(one).__name__}")
        except (Unreadable, LogTrouble) as error:
            raise CommandError(f"This is neither a stream of AMI nor a log of CEL: {error}") from error

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


def _stream(file: Path) -> Iterator[list[Fact]]:
    text = file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    for block in text.split("\n\n"):
        event = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "Event" in event:
            yield list(ami_events.facts(event, received_at=timezone.now()))


def _log(file: Path) -> Iterator[list[Fact]]:
    log, batch = CsvLog(file, generator.CEL_COLUMNS), None
    while batch is None or not batch.is_last:
        batch = log.read(batch.cursor if batch else "")
        for row in batch.rows:
            yield list(cel.facts(row))


def _state(pbx: Pbx) -> dict[str, object]:
    """For programs; `doctor` reads it."""
    return {
        "name": pbx.name,
        "host": pbx.host,
        "is_on": pbx.is_on,
        "heard_at": pbx.heard_at.isoformat() if pbx.heard_at else None,
        "trouble": pbx.trouble if pbx.is_on else "",
        "asks_at": pbx.asks_at if pbx.is_on else None,
        "asks_port": fastagi.PORT,
        "calls": Call.objects.filter(pbx=pbx).going().count(),
    }


def _chosen(name: str) -> list[Pbx]:
    found = list(Pbx.objects.filter(name=name) if name else Pbx.objects.order_by("name"))
    if not found:
        raise CommandError(f"There is no PBX {name!r}." if name else "No PBX is set up yet.")
    return found
