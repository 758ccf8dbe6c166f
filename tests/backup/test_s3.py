"""A second target in an S3 store with TLS and an authority of its own, beside the folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from appliance.services.database.setup import query
from backup import sets, setup, status
from backup.settings import BackupRefused, Target
from backup.vault import Vault
from tests.appliance.test_external import BUCKET, KEYS, Store, folder, store  # noqa: F401 - fixtures
from tests.backup.conftest import Kept
from tests.backup.operating import hand_over, perform, restore, unplugged


def target_in(store: Store, secret: str = KEYS["objects_secret_key"]) -> Target:  # noqa: F811
    return Target(
        2, "offsite", "s3", "our/box", store.endpoint, BUCKET, "us-east-1", KEYS["objects_access_key"],
        secret, str(store.ca_file),
    )  # fmt: skip


@pytest.fixture(scope="module")
def offsite(kept: Kept, store: Store) -> Iterator[Target]:  # noqa: F811
    target = target_in(store)
    setup.add_target(kept.node, kept.settings, target, lambda _: None)
    yield target
    # Before the store goes: the database would wait for it at its end.
    setup.remove_target(kept.node, kept.settings, target.name, lambda _: None)


def test_a_wrong_key_is_refused_and_nothing_is_changed(kept: Kept, store: Store) -> None:  # noqa: F811
    before = kept.settings
    with pytest.raises(BackupRefused, match="cannot be written to"):
        setup.add_target(kept.node, before, target_in(store, "wrong"), lambda _: None)
    assert kept.settings == before


def test_a_set_is_made_in_both_verified_and_restored_from_either(kept: Kept, offsite: Target) -> None:
    keys = kept.add_blobs(5)
    state = perform(kept, "backup", kind="incr", targets=["disk", "offsite"])
    assert state.state == "done", state.progress.text
    first, *_, made = (*sets.known(kept.node, offsite)[:1], *sets.known(kept.node, offsite))
    # There was none that others could build on, although the other target has some.
    assert first.kind == "full"
    vault = Vault(kept.node, kept.settings, offsite)
    assert set(vault.sizes(keys)) == set(keys)
    assert perform(kept, "verify", target="offsite", all=True).state == "done"
    there = kept.keys()
    kept.lose(keys[0])
    query(kept.node, f"delete from files_blob where key = '{keys[0]}'")
    state = restore(kept, target="offsite", set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert kept.keys() == there
    assert kept.stored(keys[0]) == kept.contents[keys[0]]


def test_one_dead_target_keeps_neither_sets_nor_log_from_the_other(kept: Kept, offsite: Target) -> None:
    before = len(sets.known(kept.node, offsite))
    with unplugged(kept):
        state = perform(kept, "backup", kind="incr", targets=["disk", "offsite"])
        assert state.state == "failed"
        assert state.progress.text.startswith("disk:")
        assert len(sets.known(kept.node, offsite)) == before + 1
        assert perform(kept, "verify", target="offsite").state == "done"
        disk, other = status.look(kept.node, kept.settings, datetime.now(UTC))
        assert (bool(disk.problems), [line for line in other.problems if "key" not in line]) == (True, [])
    assert perform(kept, "backup", kind="incr", targets=["disk"]).state == "done"
    hand_over(kept)
