"""A bucket that locks what is written to it: the box itself cannot take copies away before their time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import GOVERNANCE
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.objectlockconfig import DAYS, ObjectLockConfig

from backup import object_lock, packs, pgbackrest, sets, settings, setup, state_file
from backup.ledger import ledger_of
from backup.pack_format import FEWEST
from backup.rclone import Vault
from backup.sets import known
from backup.settings import BackupRefused, Settings, Target
from tests.appliance.boxes import boxctl
from tests.appliance.test_external import (  # noqa: F401 - fixtures
    ADMIN,
    KEYS,
    LOCKED_BUCKET,
    Store,
    folder,
    store,
)
from tests.backup.conftest import Kept
from tests.backup.operating import perform, restore

DAYS_LOCKED = 3


def client(store: Store, access_key: str, secret_key: str) -> Minio:  # noqa: F811
    return Minio(
        store.endpoint.removeprefix("https://"),
        access_key=access_key,
        secret_key=secret_key,
        region="us-east-1",
        http_client=urllib3.PoolManager(ca_certs=str(store.ca_file), retries=False, timeout=30),
    )


def everything_in(bucket: Minio) -> list[Object]:
    """All versions of what is in the bucket, and the marks of what was deleted."""
    return list(bucket.list_objects(LOCKED_BUCKET, recursive=True, include_version=True))


def target_in(kept: Kept, store: Store, access_key: str, secret_key: str) -> Target:  # noqa: F811
    return Target(
        kept.free_number, "locked", "s3", "our/box", store.endpoint, LOCKED_BUCKET, "us-east-1", access_key,
        secret_key, store.ca_file.read_text(encoding="ascii"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def bucket(store: Store) -> Minio:  # noqa: F811
    """With versions, and a retention for whatever is written."""
    found = client(store, *ADMIN)
    found.make_bucket(LOCKED_BUCKET, object_lock=True)
    found.set_object_lock_config(LOCKED_BUCKET, ObjectLockConfig(GOVERNANCE, DAYS_LOCKED, DAYS))
    return found


@pytest.fixture(scope="module")
def locked(kept: Kept, bucket: Minio, store: Store) -> Iterator[Target]:  # noqa: F811
    wanted = target_in(kept, store, KEYS["objects_access_key"], KEYS["objects_secret_key"])
    setup.add_target(kept.node, kept.settings, wanted, lambda _: None)
    yield kept.settings.target("locked")
    setup.remove_target(kept.node, kept.settings, "locked", lambda _: None)


def test_a_key_that_could_remove_locked_copies_is_refused_and_nothing_is_changed(
    kept: Kept,
    bucket: Minio,
    store: Store,  # noqa: F811
) -> None:
    before = kept.settings
    with pytest.raises(BackupRefused, match="locks copies for 3 days, but this key can remove them") as said:
        setup.add_target(kept.node, before, target_in(kept, store, *ADMIN), lambda _: None)
    assert "s3:BypassGovernanceRetention" in str(said.value)
    assert kept.settings == before


def test_a_target_that_locks_is_known_as_such_and_told(kept: Kept, locked: Target) -> None:
    assert locked.locked_days == DAYS_LOCKED
    (state,) = [one for one in state_file.state(kept.node, kept.settings).targets if one.name == "locked"]
    assert state.locked_days == DAYS_LOCKED
    for command in ("status", "list"):
        said = boxctl(kept.node, "backup", command).stdout
        assert "what is written there is locked for 3 days" in said


def until(bucket: Minio) -> dict[str, datetime]:
    """Until when the newest version of each object is locked."""
    found = {}
    for one in bucket.list_objects(LOCKED_BUCKET, prefix="our/box/", recursive=True):
        kept = bucket.get_object_retention(LOCKED_BUCKET, str(one.object_name))
        assert kept is not None
        found[str(one.object_name)] = kept.retain_until_date
    return found


def test_what_lies_there_is_locked_anew_before_its_lock_ends(
    kept: Kept, locked: Target, bucket: Minio
) -> None:
    assert locked.renews_locks
    state = perform(kept, "backup", kind="incr", targets=["locked"])
    assert state.state == "done", state.progress.text
    before, renewed_at = until(bucket), renewed(kept, locked)
    # Not long ago: nothing is asked of the store.
    state = perform(kept, "backup", kind="incr", targets=["locked"])
    assert renewed(kept, locked) == renewed_at
    with ledger_of(kept.node, locked) as ledger:
        then = datetime.now(UTC) - timedelta(days=DAYS_LOCKED) / 3
        ledger.write(locks_renewed_at=then.isoformat())
    began_at = datetime.now(UTC)
    state = perform(kept, "backup", kind="incr", targets=["locked"])
    assert state.state == "done", state.progress.text
    after = until(bucket)
    assert min(after.values()) >= (began_at + timedelta(days=DAYS_LOCKED)).replace(microsecond=0)
    assert all(after[name] > before[name] for name in before.keys() & after.keys())
    assert renewed(kept, locked) >= began_at


def renewed(kept: Kept, locked: Target) -> datetime:
    with ledger_of(kept.node, locked) as ledger:
        at = ledger.moment("locks_renewed_at")
    assert at is not None
    return at


def test_it_is_time_three_times_within_a_lock() -> None:
    now, target = (
        datetime(2026, 11, 28, tzinfo=UTC),
        Target(1, "b", "s3", "", locked_days=30, renews_locks=True),
    )
    assert object_lock.is_due(target, last=None, now=now)
    assert object_lock.is_due(target, last=now - timedelta(days=10), now=now)
    assert not object_lock.is_due(target, last=now - timedelta(days=10) + timedelta(seconds=1), now=now)
    assert not object_lock.is_due(replace(target, renews_locks=False), last=None, now=now)
    assert not object_lock.is_due(replace(target, locked_days=0), last=None, now=now)


@pytest.fixture
def lean(kept: Kept, locked: Target) -> Iterator[Settings]:
    """A rule that keeps next to nothing."""
    before = kept.settings
    changed = replace(before, keep_last=1, keep_days=0, keep_weeks=0, keep_months=0)
    settings.save(kept.node.paths, changed)
    yield changed
    settings.save(kept.node.paths, before)


def test_what_is_young_stays_and_what_retention_takes_can_be_done_without(
    kept: Kept, locked: Target, lean: Settings
) -> None:
    """What stays is listed, verified and built on, although the bucket has what went still."""
    there = len(known(kept.node, locked))
    for _ in range(2):
        keys = kept.add_blobs(FEWEST)
        state = perform(kept, "backup", kind="full", targets=["locked"])
        assert state.state == "done", state.progress.text
    assert len(known(kept.node, locked)) == there + 2
    vault = Vault(kept.node, kept.settings, locked)
    with ledger_of(kept.node, locked) as ledger, ledger.alone():
        (pack,) = ledger.places(keys)
        packs.forget(Vault(kept.node, kept.settings, replace(locked, renews_locks=False)), ledger, keys[1:])
        # What would be packed anew stays as it is: the bucket has it anyway.
        assert ledger.places(keys).keys() == {pack}
        # Where it would be locked anew again and again, its lock ends by that alone.
        packs.compact(vault, ledger)
        ((anew, _),) = ledger.places(keys).items()
        assert anew != pack
        assert packs.hashes(vault, ledger, keys).keys() == {keys[0]}
    # As if the lock were over.
    settings.save(kept.node.paths, setup.with_target(lean, replace(locked, locked_days=0)))
    for kind in ("full", "incr"):
        state = perform(kept, "backup", kind=kind, targets=["locked"])
        assert state.state == "done", state.progress.text
    labels = [one.label for one in known(kept.node, locked)]
    assert len(labels) == 2
    assert [one.label for one in pgbackrest.stored(kept.node, locked)] == labels
    assert [name.rstrip("/") for name in vault.names("sets")] == labels
    state = perform(kept, "verify", target="locked", all=True)
    assert state.state == "done", state.progress.text


def test_what_the_box_deletes_comes_back(
    kept: Kept,
    locked: Target,
    bucket: Minio,
    store: Store,  # noqa: F811
) -> None:
    keys = kept.add_blobs(2)
    state = perform(kept, "backup", kind="incr", targets=["locked"])
    assert state.state == "done", state.progress.text
    there, vault = known(kept.node, locked), Vault(kept.node, kept.settings, locked)
    # Whoever has taken over the box has its key, and uses it as well as they can.
    own = client(store, locked.access_key, locked.secret_key)
    versions = [one for one in everything_in(bucket) if not one.is_delete_marker]
    wanted = [DeleteObject(str(one.object_name), one.version_id) for one in versions]
    for is_bypass in (False, True):
        refused = own.remove_objects(LOCKED_BUCKET, wanted, bypass_governance_mode=is_bypass)
        assert len(list(refused)) == len(versions)
    names = {str(one.object_name) for one in versions}
    assert not list(own.remove_objects(LOCKED_BUCKET, [DeleteObject(name) for name in names]))
    assert not list(vault.rings())
    # The administrator of the store takes the marks away under which everything lies hidden.
    marks = [one for one in everything_in(bucket) if one.is_delete_marker and one.is_latest == "true"]
    for mark in marks:
        bucket.remove_object(LOCKED_BUCKET, str(mark.object_name), version_id=mark.version_id)
    sets.refresh(kept.node, vault)
    assert {one.label for one in known(kept.node, locked)} >= {one.label for one in there}
    state = perform(kept, "verify", target="locked", set=there[-1].label, all=True)
    assert state.state == "done", state.progress.text
    kept.lose(keys[0])
    state = restore(kept, target="locked", set=there[-1].label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert kept.stored(keys[0]) == kept.contents[keys[0]]
