"""Operations on a box whose backups are set up, from their beginning to their end."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psutil

from appliance import config, service_files
from appliance.agent import operations
from appliance.agent.answers import OperationState
from appliance.agent.journal import Journal
from appliance.node import Node
from appliance.services.web.service import SERVICE as WEB
from appliance.supervise import supervisor_for
from backup import blobs, sets, settings
from backup.ledger import ledger_of
from backup.portal import manage
from backup.rclone import Vault
from backup.settings import Target
from tests.appliance.boxes import query, wait_until
from tests.backup.conftest import Kept
from tests.box.ear import LOOPBACK, Ear

POST_ADDED = "ONLIVEFEEDPOSTADD"


def perform(kept: Kept, operation: str, /, **arguments: Any) -> OperationState:
    """An operation from its beginning to its end."""
    journal = operations.begin(kept.node.paths, operation, arguments, by="a test")
    return ended(kept, journal)


def ended(kept: Kept, journal: Journal) -> OperationState:
    """Take it up again, as the agent does, until it is over."""

    def is_over() -> bool:
        # Whoever is killed lets go of the journal.
        if not journal.is_performed():
            operations.recover(kept.node.paths)
        return journal.is_over()

    wait_until(is_over, seconds=500)
    # The lock goes with the process, a moment after the last entry.
    wait_until(lambda: not journal.is_performed())
    return journal.state()


def back_up(kept: Kept, kind: str = "incr") -> sets.BackupSet:
    state = perform(kept, "backup", kind=kind, targets=["disk"])
    assert state.state == "done", state.progress.text
    return sets.known(kept.node, kept.target)[-1]


def some_set(kept: Kept) -> sets.BackupSet:
    """A good one of this time line: one that is there already, or else a new one."""
    line = int(query(kept.node, "select timeline_id from pg_control_checkpoint()"))
    there = [one for one in sets.known(kept.node, kept.target) if one.timeline == line and not one.problem]
    return there[-1] if there else back_up(kept)


def begin_log_anew(kept: Kept) -> None:
    """A full set, and none of before it: tests that follow expect a log without a gap."""
    before = kept.settings
    last_alone = replace(before, keep_last=1, keep_days=0, keep_weeks=0, keep_months=0)
    settings.save(kept.node.paths, last_alone)
    try:
        made = back_up(kept, "full")
    finally:
        settings.save(kept.node.paths, before)
    assert [one.label for one in sets.known(kept.node, kept.target)] == [made.label]


def restore(kept: Kept, **arguments: Any) -> OperationState:
    given = {"target": "disk", "set": "", "moment": "", "with_safety": False, **arguments}
    return perform(kept, "restore", **given)


def wait_for(journal: Journal, stage: str, *, attempt: int = 1) -> None:
    """Until the operation notes an entry or a sentence that begins so, or is over before."""

    def has_come() -> bool:
        entries = journal.entries()
        begins = [at for at, entry in enumerate(entries) if entry["entry"] == "attempt"]
        return journal.state().state != "running" or (
            len(begins) >= attempt
            and any(
                entry["entry"] == stage or str(entry.get("text", "")).startswith(stage)
                for entry in entries[begins[attempt - 1] :]
            )
        )

    wait_until(has_come)


def performers(journal: Journal) -> list[psutil.Process]:
    """The process that performs an operation."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_of_it = process.environ().get(operations.JOURNAL_VARIABLE) == str(journal.path)
            if is_of_it and "backup.operations" in " ".join(process.cmdline()):
                found.append(process)
    return found


def postgres_of(pid: int | None) -> list[psutil.Process]:
    """The server and all its processes."""
    assert pid is not None
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def kill_postgres(kept: Kept) -> None:
    """The supervisor starts another one."""
    (status,) = supervisor_for(kept.node).status("database", with_health=False)
    for process in postgres_of(status.pid):
        # Those that the server has started may end with it before it is their turn.
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def unplugged(kept: Kept, target: Target | None = None) -> Iterator[None]:
    """The folder is not there, as when a disk is pulled out; afterwards it is, whatever happened."""
    place = Path(target.path) / target.repository if target else kept.repository
    away = place.with_name("unplugged")
    place.rename(away)
    place.touch()
    try:
        yield
    finally:
        place.unlink()
        away.rename(place)


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """A file of the repository is not there."""
    # Not under a name that begins as its own: it would still be taken for the segment.
    away = path.with_name("away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextmanager
def flipped(path: Path) -> Iterator[None]:
    """One bit of a file is wrong; afterwards it is right, unless the file was healed away."""
    before = path.read_bytes()
    position = len(before) // 2
    path.write_bytes(before[:position] + bytes([before[position] ^ 1]) + before[position + 1 :])
    try:
        yield
    finally:
        if path.exists():
            path.write_bytes(before)


def know_mail_server(kept: Kept, port: int) -> None:
    """The box's settings name one on this machine, as a company's do."""
    values = {"mail.host": "127.0.0.1", "mail.port": port, "mail.encryption": "none"}
    rows = ", ".join(f"('{key}', '{json.dumps(value)}', now())" for key, value in values.items())
    query(
        kept.node,
        f"insert into registry_storedsetting (key, value, changed_at) values {rows}"
        " on conflict (key) do update set value = excluded.value;"
        " update registry_settingsversion set number = number + 1",
    )


def queue_letter(kept: Kept, key: str) -> None:
    query(
        kept.node,
        'insert into notify_queuedletter (key, "to", language, subject, text, html, unsubscribe, created_at,'
        f" send_after, attempts, error) values ('{key}', 'anna@example.com', 'en', '{key}', 'Hello', '', '',"
        " now(), now(), 0, '')",
    )


@contextmanager
def reaching_here(kept: Kept) -> Iterator[None]:
    """Outgoing webhooks may tell this machine, as root may decide; sets know that too."""
    file = kept.node.paths.box_toml
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(
            config.set_value(before, "integrations.reachable_networks", LOOPBACK, from_console=False)
        )
        service_files.apply(Node.load(kept.node.paths), only=(WEB,))
        yield
    finally:
        file.write_text(before)
        service_files.apply(kept.node, only=(WEB,))


def queue_hook(kept: Kept, ear: Ear, number: int) -> None:
    """The ear is to be told of a post of this number, which is due."""
    kept.add_person("anna")
    _in_the_portal(
        kept,
        "from box.core.accounts.models import User",
        "from box.rest.models import Listener",
        "from box.rest.outgoing import NewListener, add_listener, queue",
        f"new = NewListener('ear', '{ear.address}', ('{POST_ADDED}',))",
        "if not Listener.objects.filter(address=new.address).exists():",
        "    add_listener(new, by=User.objects.get(login='anna'))",
        f"queue('{POST_ADDED}', {{'FIELDS': {{'POST_ID': {number}}}}}, key={number})",
    )


def told(ear: Ear) -> list[str]:
    """The numbers of the posts that it was told of."""
    return [parse_qs(body)["data[FIELDS][POST_ID]"][0] for _headers, body in ear.heard]


def send_what_is_due(kept: Kept) -> None:
    """What the jobs of the box do every few minutes, at once."""
    _in_the_portal(
        kept,
        "from django.utils.timezone import now",
        "from box.core.notify import actions, mailing",
        "from box.rest import outgoing",
        "mailing.mail_notices(now()); mailing.send_digests(now()); actions.send_letters(now())",
        "outgoing.send_waiting(now())",
    )


def _in_the_portal(kept: Kept, *lines: str) -> None:
    manage(kept.node, "shell", "--no-imports", "--command=" + "\n".join(lines))


def hand_over(kept: Kept) -> None:
    """Until the log of what was committed so far is archived."""
    # With nothing written since the last switch there is none, and its name is that of a segment to come.
    query(kept.node, "select pg_logical_emit_message(true, 'test', '')")
    wait_until_archived(kept, query(kept.node, "select pg_walfile_name(pg_switch_wal())"))


def wait_until_archived(kept: Kept, last: str) -> None:
    """Until PostgreSQL has let go of its log up to this segment.

    After a few failures it pauses for a minute, unless it is told something.
    """
    looks = itertools.count(1)

    def has_gone() -> bool:
        if next(looks) % 20 == 0:
            query(kept.node, "select pg_reload_conf()")
        return query(kept.node, "select last_archived_wal from pg_stat_archiver") >= last

    wait_until(has_gone, seconds=150)


def copy_what_is_new(kept: Kept) -> None:
    with ledger_of(kept.node, kept.target) as ledger:
        blobs.catch_up(kept.node, Vault(kept.node, kept.settings, kept.target), ledger, from_start=False)
