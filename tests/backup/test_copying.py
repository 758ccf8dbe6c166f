"""Files on their way into a repository: each is asked for once, and none is noted that has not arrived."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from backup import blobs, sets, setup
from backup.keys import KeyRing, MasterKey, RecoveryKey
from backup.ledger import ledger_of
from backup.rclone import KEY_RINGS, Vault
from backup.settings import BackupRefused
from tests.appliance.boxes import query
from tests.backup.conftest import Kept


def vault_of(kept: Kept) -> Vault:
    return Vault(kept.node, kept.settings, kept.target)


def catch_up(kept: Kept) -> blobs.Caught:
    with ledger_of(kept.node, kept.target) as ledger:
        return blobs.catch_up(kept.node, vault_of(kept), ledger, from_start=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which blobs the portal's store is asked for apart from copying them."""
    ask, found = Vault.live_sizes, list[str]()

    def asking(self: Vault, keys: Iterable[str]) -> dict[str, int]:
        wanted = [*keys]
        found.extend(wanted)
        return ask(self, wanted)

    monkeypatch.setattr(Vault, "live_sizes", asking)
    return found


def test_the_store_is_not_asked_for_what_is_copied_from_it(kept: Kept, asked: list[str]) -> None:
    catch_up(kept)
    asked.clear()
    keys = kept.add_blobs(3)
    caught = catch_up(kept)
    assert (caught.copied, caught.missing, asked) == (3, (), [])
    assert vault_of(kept).sizes(keys) == {key: len(kept.contents[key]) for key in keys}


def test_what_the_store_has_lost_is_missing_and_the_others_arrive(kept: Kept) -> None:
    catch_up(kept)
    lost, *others = kept.add_blobs(3)
    kept.lose(lost)
    try:
        caught = catch_up(kept)
        assert (caught.copied, caught.missing) == (2, (lost,))
        assert vault_of(kept).sizes([lost, *others]) == {key: len(kept.contents[key]) for key in others}
        # It stays missing, and is not noted as copied.
        assert catch_up(kept).missing == (lost,)
    finally:
        query(kept.node, f"delete from files_blob where key = '{lost}'")


def test_of_a_file_that_differs_from_what_the_database_says_comes_what_the_store_has(
    kept: Kept, asked: list[str]
) -> None:
    catch_up(kept)
    asked.clear()
    (key,) = kept.add_blobs(1)
    try:
        query(kept.node, f"update files_blob set size = size + 1 where key = '{key}'")
        caught = catch_up(kept)
        assert (caught.copied, caught.missing, asked) == (1, (), [key])
        assert vault_of(kept).sizes([key]) == {key: len(kept.contents[key])}
    finally:
        query(kept.node, f"update files_blob set size = size - 1 where key = '{key}'")


def test_a_part_of_a_file_in_the_repository_is_not_taken_for_it(kept: Kept) -> None:
    """As a copy leaves it that was killed: it is copied once more, and whole."""
    catch_up(kept)
    (key,) = kept.add_blobs(1)
    part = kept.folder / "part"
    part.write_bytes(kept.contents[key][:100])
    part.chmod(0o644)
    try:
        vault_of(kept).put(part, f"blobs/{key}")
    finally:
        part.unlink()
    assert catch_up(kept).copied == 1
    assert vault_of(kept).sizes([key]) == {key: len(kept.contents[key])}


def test_the_key_ring_is_read_once_before_a_backup(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    read, names = Vault.read_plain, list[str]()

    def reading(self: Vault, name: str) -> str | None:
        names.append(name)
        return read(self, name)

    monkeypatch.setattr(Vault, "read_plain", reading)
    sets.refresh(kept.node, vault_of(kept), rings=setup.mend_ring(kept.node, "disk"))
    assert names == [*KEY_RINGS]


def test_what_was_read_of_the_key_ring_decides_whose_repository_it_is(kept: Kept) -> None:
    stranger, _ = KeyRing().with_holder(
        MasterKey.new(), RecoveryKey.new(), on=kept.settings.holders[0].made_at.date()
    )
    with pytest.raises(BackupRefused, match="another box"):
        sets.refresh(kept.node, vault_of(kept), rings=[stranger.dump()])
    with pytest.raises(BackupRefused, match="is the disk mounted"):
        sets.refresh(kept.node, vault_of(kept), rings=[])
    sets.refresh(kept.node, vault_of(kept), rings=[kept.settings.key_ring])
