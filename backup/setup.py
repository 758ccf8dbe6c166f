"""Setting backups up: a target that was tried, keys that somebody holds, PostgreSQL that archives."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

from appliance import service_files
from appliance.agent import proofs
from appliance.backup_file import file_of
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.backup.service import SERVICE as BACKUP
from appliance.services.database.service import SERVICE as DATABASE
from appliance.services.database.service import archive_command
from appliance.services.database.setup import query
from appliance.supervise import Supervisor, supervisor_for
from backup import blobs, pgbackrest, settings
from backup.keys import KeyRing, MasterKey, RecoveryKey
from backup.ledger import noted
from backup.rclone import KEY_RINGS, Vault
from backup.settings import BackupRefused, Holder, Settings, Target
from backup.targets import kind_of

type Say = Callable[[str], None]

TAKEN_SECONDS = 30


def begin() -> tuple[Settings, RecoveryKey]:
    """Settings without a target, and the first recovery key, which is nowhere but here."""
    master, key, now = MasterKey.new(), RecoveryKey.new(), datetime.now(UTC)
    ring, holder = KeyRing().with_holder(master, key, on=now.date())
    first = Holder(holder, "first", now, key.confirmation)
    return Settings(master.value.hex(), ring.dump(), (first,)), key


def add_target(node: Node, chosen: Settings, target: Target, say: Say) -> Settings:
    """Try the target, make its repository, and have PostgreSQL archive to it. Nothing stays of a failure.

    Call `keep_up` afterwards: what begins backups by itself is not a part of trying a target.
    """
    changed, is_fresh = _admit(node, chosen, target, say)
    try:
        enforce(node, say, target)
    except Exception:
        _withdraw(node, chosen, target, say)
        if is_fresh:
            _clear(Vault(node, changed, target))
        raise
    return changed


def _withdraw(node: Node, chosen: Settings, target: Target, say: Say) -> None:
    """Make it as it was before a target was noted that the log does not reach."""
    say(f"Taking {target.name} back.")
    if chosen.targets:
        settings.save(node.paths, chosen)
        pgbackrest.write_config(node, chosen)
    else:
        file_of(node.paths).unlink(missing_ok=True)
        for name in ("pgbackrest.conf", "places.json"):
            (node.paths.backup / name).unlink(missing_ok=True)
    put_into_force(node, supervisor_for(node), say)


def _clear(vault: Vault) -> None:
    """Take away what was made of a new repository: its key ring would keep the next attempt out."""
    with suppress(BackupRefused, CommandFailed):
        vault.empty()
        vault.remove_ring()


def admit(node: Node, chosen: Settings, target: Target, say: Say) -> Settings:
    """Try the target, make its repository, and note it; it is to be put into force then."""
    changed, _ = _admit(node, chosen, target, say)
    return changed


def _admit(node: Node, chosen: Settings, target: Target, say: Say) -> tuple[Settings, bool]:
    """The same, and whether there was nothing at all at this place before."""
    kind_of(target).prepare(node, target)
    changed = with_target(chosen, target)
    vault = Vault(node, changed, target)
    pgbackrest.write_config(node, changed)
    is_fresh = False
    try:
        say(f"Trying {target}.")
        vault.probe()
        target = kind_of(target).with_lock(node, target)
        if target.locked_days:
            say(f"What is written there is locked for {target.locked_days} days.")
            if not target.renews_locks:
                say("The key may not lock it for longer: for that it needs s3:PutObjectRetention.")
        changed = with_target(changed, target)
        is_ours = vault.is_opened_by(chosen.ring)
        is_fresh = is_ours is None and vault.is_empty()
        if is_ours is False:
            raise BackupRefused(
                f"There is another box's repository at {target}: choose another place, or restore that box "
                f"with `install.sh --restore`."
            )
        vault.write_ring(changed.key_ring)
        pgbackrest.create_stanza(node, changed, target)
    except Exception:
        if is_fresh:
            _clear(vault)
        if chosen.targets:
            pgbackrest.write_config(node, chosen)
        else:
            pgbackrest.config_file(node).unlink()
        raise
    blobs.admit(node)
    settings.save(node.paths, changed)
    return changed, is_fresh


def with_target(chosen: Settings, target: Target) -> Settings:
    """The settings with this target, in the place of the one of its name."""
    return replace(chosen, targets=(*(one for one in chosen.targets if one.name != target.name), target))


def enforce(node: Node, say: Say, *wanted: Target) -> None:
    """Have PostgreSQL archive to the targets that are noted, and wait until it has: to these, or to all."""
    put_into_force(node, supervisor_for(node), say)
    _wait_until_taken(node)
    chosen, failed = settings.load(node.paths), list[str]()
    for target in wanted or chosen.targets:
        say(f"Asking PostgreSQL to hand over its log to {target.name}.")
        try:
            pgbackrest.check(node, chosen, target)
        except CommandFailed as error:
            failed.append(
                f"The log does not arrive at {target.name} ({target}): {str(error).splitlines()[-1]}"
            )
    if failed:
        raise BackupRefused(" ".join(failed))


def remove_target(node: Node, chosen: Settings, name: str, say: Say) -> Settings:
    """Send nothing there any more. What lies there stays, and can be restored from with the recovery key."""
    changed = dismiss(node, chosen, name)
    put_into_force(node, supervisor_for(node), say)
    return changed


def dismiss(node: Node, chosen: Settings, name: str) -> Settings:
    """Note that nothing goes there any more; it is to be put into force then."""
    target = chosen.target(name)
    if len(chosen.targets) == 1:
        raise BackupRefused(f"{name} is the only target: add another one first.")
    if target.closed:
        raise BackupRefused(f"{name} is closed already, and goes by itself.")
    # What is closed at the same place goes with it: nothing there would let it run out.
    changed = replace(
        chosen,
        targets=tuple(one for one in chosen.targets if one != target),
        closed=tuple(one for one in chosen.closed if one.spot != target.spot),
    )
    for gone in {target, *chosen.closed} - {*changed.closed}:
        kind_of(gone).forget(node, gone)
    settings.save(node.paths, changed)
    pgbackrest.write_config(node, changed)
    return changed


def put_into_force(node: Node, supervisor: Supervisor, say: Say) -> None:
    """Have the database archive."""
    is_unit_changed = DATABASE.name in supervisor.pending()
    service_files.apply(node, only=(DATABASE,))
    supervisor.apply()
    say("Telling the database.")
    if is_unit_changed:
        # Its sandbox changes: it may write to the target, or reach it.
        supervisor.restart(DATABASE.name)
    else:
        supervisor.reload(DATABASE.name)


def _wait_until_taken(node: Node) -> None:
    """Until the database hands its log over as it shall. In a cluster Patroni tells it, a little later."""
    wanted, deadline = archive_command(node), time.monotonic() + TAKEN_SECONDS
    while query(node, "show archive_command", database="postgres") != wanted:
        if time.monotonic() > deadline:
            raise BackupRefused("The database does not take its new settings: see `boxctl logs database`.")
        time.sleep(0.2)


def keep_up(supervisor: Supervisor) -> None:
    """Have the service copy files to the targets as they are now, and begin what is due."""
    if any(status.pid for status in supervisor.status(BACKUP.name, with_health=False)):
        supervisor.restart(BACKUP.name)
    else:
        supervisor.start(BACKUP.name)


def add_holder(node: Node, chosen: Settings, name: str) -> tuple[Settings, RecoveryKey]:
    """A recovery key for somebody more."""
    if any(one.name == name for one in chosen.holders):
        raise BackupRefused(f"{name} holds a key already: remove it first, or give the new one another name.")
    key, now = RecoveryKey.new(), datetime.now(UTC)
    ring, holder = chosen.ring.with_holder(chosen.master, key, on=now.date())
    changed = replace(
        chosen,
        key_ring=ring.dump(),
        closed=tuple(opened_by(one, key, holder, on=now.date()) for one in chosen.closed),
        holders=(*chosen.holders, Holder(holder, name, now, key.confirmation)),
    )
    # First: once the ring is written and noted, the key opens, and is handed out.
    proofs.admit(node.paths, holder, key.proofs())
    write_ring(node, changed)
    return changed, key


def remove_holder(node: Node, chosen: Settings, name: str) -> Settings:
    """This holder's key opens the repositories no more. Refused while no other key is confirmed."""
    found = next((one for one in chosen.holders if one.name == name), None)
    if found is None:
        raise BackupRefused(f"{name} holds no key. `boxctl backup key list` names those who do.")
    left = tuple(one for one in chosen.holders if one is not found)
    if not any(one.is_confirmed for one in left):
        raise BackupRefused("No other key is confirmed: have another holder confirm theirs first.")
    changed = replace(
        chosen,
        key_ring=chosen.ring.without(found.id).dump(),
        holders=left,
        closed=tuple(with_ring(one, chosen.ring_of(one).without(found.id)) for one in chosen.closed),
    )
    write_ring(node, changed)
    return changed


def opened_by(one: Target, key: RecoveryKey, holder: str, *, on: date) -> Target:
    """The closed repository, opened by one key more."""
    assert one.closed is not None  # noqa: S101 - those among `Settings.closed` are
    master = MasterKey(bytes.fromhex(one.closed.master_key))
    ring, _ = KeyRing.parse(one.closed.key_ring).with_holder(master, key, on=on, name=holder)
    return with_ring(one, ring)


def with_ring(one: Target, ring: KeyRing) -> Target:
    assert one.closed is not None  # noqa: S101 - see above
    return replace(one, closed=replace(one.closed, key_ring=ring.dump()))


def write_ring(node: Node, chosen: Settings) -> None:
    """Into every repository, and then into the settings: a key that is shown opens them all."""
    for target in (*chosen.targets, *chosen.closed):
        Vault(node, chosen, target).write_ring(chosen.ring_of(target).dump())
    settings.save(node.paths, chosen)


def mend_ring(node: Node, name: str) -> list[str]:
    """Write what of the key ring is damaged or not there anew: by it alone a recovery key opens the
    repository. Where none of it is, the repository is elsewhere. What lies there of it afterwards."""
    with settings.changing(node.paths):
        chosen = settings.load(node.paths)
        target = chosen.target(name)
        vault, ours = Vault(node, chosen, target), chosen.ring_of(target)
        there = {copy: vault.read_plain(copy) for copy in KEY_RINGS}
        if not any(there.values()):
            return []
        for copy, text in there.items():
            if text is None or ours.is_damaged_in(text):
                vault.write_plain(copy, ours.dump())
                there[copy] = ours.dump()
        return [text for text in there.values() if text]


def next_number(node: Node, chosen: Settings) -> int:
    """One that no target has had: what is noted of one that went must not be believed of another."""
    there = (one.number for one in (*chosen.targets, *chosen.closed))
    return max((*there, *noted(node)), default=0) + 1
