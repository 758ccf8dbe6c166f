"""The service: copies new files to every target, brings what a restore has left behind, and begins what the
schedule says."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from appliance.agent import operations, search_results
from appliance.node import Node
from appliance.paths import Paths
from backup import (
    blobs,
    drills,
    log_archiving,
    log_gaps,
    moments,
    pgbackrest,
    recall,
    second_box,
    sets,
    settings,
    state_file,
)
from backup.ledger import ledger_of
from backup.operations.back_up import TROUBLE
from backup.priority import lower_priority
from backup.rclone import Vault
from backup.schedule import is_due
from backup.settings import Settings, Target

log = logging.getLogger("backup")

PASS_SECONDS = 20.0
LOG_SECONDS = 10.0
FOLLOW_SECONDS = 15.0
SCHEDULE_SECONDS = 30.0
RECALL_SECONDS = 15.0
GAP_SECONDS = 300.0
RETRY = timedelta(hours=1)


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    lower_priority()
    paths = Paths.from_environment()
    chosen, watch = settings.load(paths), log_archiving.Watch()
    threading.Thread(target=hand_over, args=(paths, watch), daemon=True).start()
    threading.Thread(target=bring_rest, args=(paths,), daemon=True).start()
    for target in chosen.written:
        # Each of its own: a target that is away must not keep the files from the others.
        threading.Thread(target=keep_up, args=(paths, target.name, watch), daemon=True).start()
    while True:
        try:
            node, chosen = Node.load(paths), settings.load(paths)
            moments.use_zone_of(node)
            renew_config(node)
            begin_what_is_due(node, chosen, datetime.now(UTC))
            begin_drill(node, chosen, datetime.now(UTC))
            search_results.forget_old(paths)
            second_box.sweep_left(node)
            state_file.write(node)
        except Exception:
            log.exception("The schedule is looked at again in %.0f s.", SCHEDULE_SECONDS)
        time.sleep(SCHEDULE_SECONDS)


def renew_config(node: Node) -> None:
    """Unless a target is being tried, which notes itself there before it is one."""
    with settings.changing(node.paths, is_patient=False) as is_mine:
        if is_mine:
            pgbackrest.renew_config(node, settings.load(node.paths))


def hand_over(paths: Paths, watch: log_archiving.Watch) -> None:
    """Have what is written handed over, for ever."""
    while True:
        try:
            log_archiving.step(Node.load(paths), watch)
        except psycopg.Error as error:
            # It is away, or recovers.
            log.warning("The log cannot be looked at: %s", str(error).strip())
        except Exception:
            log.exception("The log is looked at again in %.0f s.", LOG_SECONDS)
        time.sleep(LOG_SECONDS)


def bring_rest(paths: Paths) -> None:
    """Bring what a restore that has opened the box has yet to bring back, for ever: there may be another."""
    while True:
        try:
            recall.bring_rest(Node.load(paths), settings.load(paths))
        except TROUBLE as error:
            # The database is away, or the target is.
            log.warning("Files of the restore are brought again in %.0f s: %s", RECALL_SECONDS, error)
        except Exception:
            log.exception("Files of the restore are brought again in %.0f s.", RECALL_SECONDS)
        time.sleep(RECALL_SECONDS)


def keep_up(paths: Paths, name: str, watch: log_archiving.Watch) -> None:
    """Copy what is new, as long as anything goes there. The log is looked for apart: a large file must not
    hide how it is."""
    threading.Thread(target=follow_log, args=(paths, name, watch), daemon=True).start()
    looked_at = 0.0
    while True:
        began = time.monotonic()
        try:
            node, chosen = Node.load(paths), settings.load(paths)
            target = chosen.target(name)
            if target not in chosen.written:
                return
            copy_new(node, chosen, target)
            if began - looked_at > GAP_SECONDS:
                looked_at = began
                if gap := log_gaps.note(node, target):
                    log.error("%s: %s", name, gap)
        except Exception:
            log.exception("Files are copied to %s again in %.0f s.", name, PASS_SECONDS)
        time.sleep(max(1.0, PASS_SECONDS - (time.monotonic() - began)))


def follow_log(paths: Paths, name: str, watch: log_archiving.Watch) -> None:
    """Note how far the target has the log, as long as it goes there."""
    while True:
        try:
            node, chosen = Node.load(paths), settings.load(paths)
            target = chosen.target(name)
            if target not in chosen.written:
                return
            log_archiving.follow(node, target, watch)
        except Exception:
            log.exception("The log at %s is looked at again in %.0f s.", name, FOLLOW_SECONDS)
        time.sleep(FOLLOW_SECONDS)


def copy_new(node: Node, chosen: Settings, target: Target) -> None:
    with ledger_of(node, target) as ledger:
        try:
            caught = blobs.catch_up(node, Vault(node, chosen, target), ledger, from_start=False)
        except TROUBLE as error:
            if ledger.note("blob_problem") != str(error):
                log.warning("%s: %s", target.name, error)
            ledger.write(blob_problem=error)
            return
        ledger.write(blob_problem="")
    if caught.copied:
        log.info("%s: %d new files", target.name, caught.copied)


def begin_what_is_due(node: Node, chosen: Settings, now: datetime) -> None:
    due = [target for target in chosen.targets if is_target_due(node, chosen, target, now)]
    for target in due:
        with ledger_of(node, target) as ledger:
            wanted = ledger.note("wanted")
        asked = {"kind": wanted or "auto", "targets": [target.name], "is_extra": bool(wanted)}
        try:
            operations.begin(node.paths, "backup", asked, by="the schedule")
        except operations.AlreadyRunning:
            return
        with ledger_of(node, target) as ledger:
            ledger.write(attempt_at=now.isoformat(), wanted="")


def begin_drill(node: Node, chosen: Settings, now: datetime) -> None:
    """When one is due, of the first target that has a set; one that cannot be begun now is, a while later."""
    last = next(iter(drills.known(node)), None)
    for target in chosen.targets:
        known = sets.known(node, target)
        if drills.is_due(chosen, last=last, first_set=known[0].ended_at if known else None, now=now):
            with suppress(operations.AlreadyRunning):
                operations.begin(node.paths, "drill", {"target": target.name}, by="the schedule")
            return


def is_target_due(node: Node, chosen: Settings, target: Target, now: datetime) -> bool:
    known = sets.known(node, target)
    with ledger_of(node, target) as ledger:
        attempt = ledger.moment("attempt_at")
        if ledger.note("wanted"):
            return True
    if attempt is not None and attempt <= now < attempt + RETRY:
        return False
    zone = ZoneInfo(node.box.time_zone)
    return is_due(chosen.schedule, last=known[-1].began_at if known else None, now=now, zone=zone)
