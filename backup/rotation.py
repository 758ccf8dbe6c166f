"""A new key for everything: what to do when somebody leaves who could open the backups.

Neither pgBackRest nor rclone can change the key of what is there. So each place gets another repository,
beside the one that there was, and every backup from then on goes into it. Log and files go into both until
there is a set in the new one: before, there would be nothing to begin with for the moments since. Then the
older one is closed: it is read, and retention takes its sets, until the last one is gone. Whoever has opened
it before may have kept its key, which nothing can undo; of what is made after that set they can open nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from appliance.agent import proofs
from appliance.node import Node
from appliance.runner import CommandFailed
from backup import blobs, log_gaps, pgbackrest, retention, sets, settings, setup
from backup.keys import KeyRing, MasterKey, RecoveryKey
from backup.ledger import ledger_of
from backup.rclone import Vault
from backup.settings import BackupRefused, Closed, Holder, Settings, Target
from backup.targets import kind_of


def rotate(node: Node, chosen: Settings, name: str) -> tuple[Settings, RecoveryKey]:
    """A new master key, opened by a new recovery key of `name` alone, and repositories for it.

    Every target must be there. The old repositories are opened by the keys of before until the new one is
    confirmed: see `drop_old_keys`. Put it into force afterwards (`setup.enforce`). A failure leaves nothing.
    """
    key, now = RecoveryKey.new(), datetime.now(UTC)
    master = MasterKey.new()
    ring, holder = KeyRing().with_holder(master, key, on=now.date())
    closed = [_closed(chosen, one, now) for one in chosen.targets]
    changed = replace(
        chosen,
        master_key=master.value.hex(),
        key_ring=ring.dump(),
        holders=(Holder(holder, name, now, key.confirmation),),
        targets=tuple(_next(node, chosen, one, after) for after, one in enumerate(chosen.targets)),
        closed=tuple(setup.opened_by(one, key, holder, on=now.date()) for one in (*chosen.closed, *closed)),
    )
    try:
        for old, new in zip(chosen.targets, changed.targets, strict=True):
            _prepare(node, changed, old, new)
        pgbackrest.write_config(node, changed)
        for one in changed.targets:
            pgbackrest.create_stanza(node, changed, one)
        # First: once the ring is written and noted, the key opens, and is handed out.
        proofs.admit(node.paths, holder, key.proofs())
        setup.write_ring(node, changed)
    except (BackupRefused, CommandFailed, OSError):
        pgbackrest.write_config(node, chosen)
        for old, new in zip(chosen.targets, changed.targets, strict=True):
            _abandon(node, chosen, old, new)
        raise
    return changed, key


def drop_old_keys(node: Node, chosen: Settings) -> Settings:
    """Once a new key is on paper, those of before open the closed repositories no more."""
    ids = {one.id for one in chosen.holders}
    if not any(one.is_confirmed for one in chosen.holders):
        return chosen
    closed = tuple(setup.with_ring(one, chosen.ring_of(one).of(ids)) for one in chosen.closed)
    if closed == chosen.closed:
        return chosen
    changed = replace(chosen, closed=closed)
    setup.write_ring(node, changed)
    return changed


def write_again(node: Node, target: Target) -> None:
    """Have log and files go to a closed repository too, since the box begins anew with a set of it."""
    with settings.changing(node.paths):
        latest = settings.load(node.paths)
        changed = replace(latest, closed=tuple(
            replace(one, closed=replace(one.closed, at=datetime.now(UTC), is_written=True))
            if one.number == target.number and one.closed else one
            for one in latest.closed
        ))  # fmt: skip
        settings.save(node.paths, changed)
        pgbackrest.write_config(node, changed)


def close_followed(node: Node, chosen: Settings) -> Settings:
    """Write no more to the closed repositories whose place has a set in the open one that was made since."""
    ending = [one for one in chosen.written if one.closed and _newest(node, chosen, one) > one.closed.at]
    if not ending:
        return chosen
    now, followed = datetime.now(UTC), {one.number for one in ending}
    for one in ending:
        # Its moments, up to the last one, name files that the service may not have copied there yet.
        with ledger_of(node, one) as ledger:
            blobs.catch_up(node, Vault(node, chosen, one), ledger, from_start=False)
    with settings.changing(node.paths):
        latest = settings.load(node.paths)
        changed = replace(
            latest, closed=tuple(_ended(one, now) if one.number in followed else one for one in latest.closed)
        )
        settings.save(node.paths, changed)
        pgbackrest.write_config(node, changed)
    return changed


def _newest(node: Node, chosen: Settings, old: Target) -> datetime:
    """When the newest good set ended that lies at the same place with the key of now."""
    always = datetime.min.replace(tzinfo=UTC)
    there = (known for one in chosen.targets if one.spot == old.spot for known in sets.known(node, one))
    return max((one.ended_at for one in there if not one.problem), default=always)


def _ended(one: Target, now: datetime) -> Target:
    assert one.closed is not None  # noqa: S101 - those among `Settings.closed` are
    return replace(one, closed=replace(one.closed, at=now, is_written=False))


def expire_closed(node: Node, chosen: Settings) -> Settings:
    """Take out of the closed repositories what the rule does not keep, and empty those with nothing left."""
    left = []
    for one in chosen.closed:
        if _thin(node, chosen, one):
            left.append(one)
            continue
        Vault(node, chosen, one).empty()
        kind_of(one).forget(node, one)
    if len(left) == len(chosen.closed):
        return chosen
    with settings.changing(node.paths):
        latest = settings.load(node.paths)
        numbers = {one.number for one in left}
        changed = replace(latest, closed=tuple(one for one in latest.closed if one.number in numbers))
        settings.save(node.paths, changed)
        pgbackrest.write_config(node, changed)
    return changed


def _thin(node: Node, chosen: Settings, old: Target) -> bool:
    """Whether anything of it is to stay."""
    successor = next((one for one in chosen.targets if one.spot == old.spot), None)
    newer = log_gaps.candidates(node, successor) if successor else []
    if not any(one.is_whole for one in newer):
        return True
    vault = Vault(node, chosen, old)
    sets.refresh(node, vault)
    there = {one.label: one for one in log_gaps.candidates(node, old)}
    going = [
        label
        for label in retention.superfluous(
            (*there.values(), *newer),
            chosen.rule,
            ZoneInfo(node.box.time_zone),
            locked_since=old.locked_since(datetime.now(UTC)),
        )
        if label in there
    ]
    if len(going) == len(there):
        for label in going:
            sets.forget(node, old, label)
        return False
    # pgBackRest does not give up the newest full one, nor so what builds on it, before all of it goes.
    newest_full = max(label for label in there if label.endswith("F"))
    for label in going:
        if label < newest_full:
            sets.forget(node, old, label)
            vault.forget_set(label)
            pgbackrest.remove(node, old, label)
    return True


def _closed(chosen: Settings, target: Target, now: datetime) -> Target:
    name = settings.free_name(f"{target.name}-until-{now:%Y-%m-%d}", chosen)
    return replace(target, name=name, closed=Closed(chosen.master_key, chosen.key_ring, now, is_written=True))


def _next(node: Node, chosen: Settings, target: Target, after: int) -> Target:
    """The next repository at the same place whose name nothing has yet."""
    new = replace(
        target, number=setup.next_number(node, chosen) + after, generation=target.generation + 1, closed=None
    )
    kind_of(target).inherit(node, new, target)
    while any(Vault(node, chosen, new).rings()):
        new = replace(new, generation=new.generation + 1)
    return new


def _prepare(node: Node, changed: Settings, old: Target, new: Target) -> None:
    Vault(node, changed, changed.target(_name_of(changed, old))).require()
    kind_of(new).prepare_next(node, new)
    vault = Vault(node, changed, new)
    # Without a key ring it was begun by somebody who was interrupted: nobody has a key to it.
    vault.empty()
    vault.probe()


def _name_of(changed: Settings, old: Target) -> str:
    return next(one.name for one in changed.closed if one.number == old.number)


def _abandon(node: Node, chosen: Settings, old: Target, new: Target) -> None:
    """Take away what was made of a new repository, where it can be reached, and mend the old one's ring."""
    try:
        Vault(node, chosen, new).empty()
        Vault(node, chosen, new).remove_ring()
        Vault(node, chosen, old).write_ring(chosen.key_ring)
        kind_of(new).abandon(new)
    except (BackupRefused, CommandFailed, OSError):
        # It is away. What stays there has no key ring, and the next attempt begins with emptying it.
        pass
    kind_of(new).forget(node, new)
