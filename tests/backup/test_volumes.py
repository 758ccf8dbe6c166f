"""Small blobs found by their hashes in SeaweedFS's volumes, as they lie on the disk."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import users
from appliance.runner import CommandFailed
from appliance.services.objects import setup as objects
from appliance.services.objects import volume_files
from backup import blobs, packs
from backup.blob import Blob
from backup.ledger import ledger_of
from backup.pack_format import FEWEST, SMALL
from backup.rclone import Vault
from backup.volumes import Place, VolumeIndex, remove_index
from tests.appliance.boxes import query, wait_until
from tests.backup.conftest import Kept
from tests.randomness import seed

ENOUGH = 1 << 40
SIZES = (1, 7, 8, 9, 100, 3000, 70_000, 300_000, SMALL - 40)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_to_copy(kept: Kept) -> Iterator[None]:
    """What was made here would go into one pack with what the next file's tests add."""
    yield
    with ledger_of(kept.node, kept.target) as ledger:
        blobs.catch_up(kept.node, Vault(kept.node, kept.settings, kept.target), ledger, from_start=True)


@contextmanager
def index_at(path: Path, files: Sequence[tuple[int, int]]) -> Iterator[VolumeIndex]:
    with closing(VolumeIndex(path, dict(files))) as index:
        yield index


@contextmanager
def index_of(kept: Kept, folder: Path) -> Iterator[VolumeIndex]:
    """Of the box's own volumes, as they are now."""
    with volume_files.opened(kept.node) as files, index_at(folder / "index", files) as index:
        yield index


def look_through_all(kept: Kept) -> None:
    """For a few blobs no more is read than they are worth, and other tests may have left a lot."""
    place, owner = kept.node.data("backup") / "home/volumes.db", users.account(users.DATABASE)
    with volume_files.opened(kept.node) as files, index_at(place, files) as index:
        [*index.look_through(ENOUGH)]
    for file in place.parent.glob(f"{place.stem}.*"):
        os.chown(file, owner.uid, owner.gid)


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def found(index: VolumeIndex, contents: dict[str, bytes]) -> dict[str, bytes]:
    """What is read of these, by their keys."""
    places = index.find(map(digest, contents.values()))
    read = {
        key: index.read(places[digest(data)], digest(data))
        for key, data in contents.items()
        if digest(data) in places
    }
    return {key: data for key, data in read.items() if data is not None}


def some(kept: Kept) -> dict[str, bytes]:
    """New ones in the box's store, of all sizes."""
    keys = [key for size in SIZES for key in kept.add_blobs(2, size=size)]
    return {key: kept.contents[key] for key in keys}


def test_all_that_is_small_is_found_and_what_came_later_too(kept: Kept, tmp_path: Path) -> None:
    first, (large,) = some(kept), kept.add_blobs(1, size=3 * SMALL)
    with index_of(kept, tmp_path) as index:
        assert found(index, first) == {}
        assert sum(index.look_through(ENOUGH)) > sum(map(len, first.values()))
        assert found(index, first) == first
        assert found(index, {large: kept.contents[large]}) == {}
    later = some(kept)
    with index_of(kept, tmp_path) as index:
        # What was looked through once is not read again.
        assert sum(index.look_through(ENOUGH)) < 2 * sum(map(len, later.values()))
        assert found(index, first | later) == first | later
        assert sum(index.look_through(ENOUGH)) == 0


def test_no_more_is_read_than_it_is_worth(kept: Kept, tmp_path: Path) -> None:
    some(kept)
    with index_of(kept, tmp_path) as index:
        read = [*index.look_through(1)]
        assert len(read) == 1
        assert read[0] <= SMALL + (1 << 18)


def test_after_it_was_compacted_a_volume_is_read_anew(kept: Kept, tmp_path: Path) -> None:
    # What goes lies before what stays, which moves so.
    going, staying = some(kept), some(kept)
    with index_of(kept, tmp_path) as index:
        [*index.look_through(ENOUGH)]
        before = index.find(map(digest, staying.values()))
    for key in going:
        kept.lose(key)
        query(kept.node, f"delete from files_blob where key = '{key}'")

    def is_moved() -> bool:
        objects.shell(kept.node, "lock", "volume.vacuum -garbageThreshold=0.0001", "unlock")
        with index_of(kept, tmp_path) as index:
            return any(index.read(before[said], said) is None for said in before)

    # What was deleted goes from the volumes a little later.
    wait_until(is_moved)
    with index_of(kept, tmp_path) as index:
        # Where they were, something else lies by now, and nobody takes it for them.
        stale = {key: index.read(before[digest(data)], digest(data)) for key, data in staying.items()}
        assert all(data in (None, staying[key]) for key, data in stale.items())
        [*index.look_through(ENOUGH)]
        assert found(index, staying) == staying


def test_a_volume_that_is_being_written_is_read_as_far_as_it_is_whole(kept: Kept, tmp_path: Path) -> None:
    # A single byte is everywhere, and says nothing of where its needle lies.
    contents = {key: data for key, data in some(kept).items() if len(data) > 1}
    with volume_files.opened(kept.node) as files:
        volumes = {number: os.pread(file, 1 << 30, 0) for number, file in files}
    # The store has several, and chooses.
    number, whole = max(volumes.items(), key=lambda one: sum(data in one[1] for data in contents.values()))
    lying = {key: data for key, data in contents.items() if data in whole}
    assert lying
    file = tmp_path / "half.dat"
    cuts = random.Random(seed()).sample(range(len(whole)), 7)
    with file.open("wb+", buffering=0) as half:
        at = 0
        for end in (*sorted(cuts), len(whole)):
            half.write(whole[at:end])
            at = end
            with index_at(tmp_path / "index", [(number, half.fileno())]) as index:
                [*index.look_through(ENOUGH)]
                there = found(index, lying)
                assert there.items() <= lying.items()
                # Behind its bytes a needle has some of its own.
                before = {key for key, data in lying.items() if whole.find(data) + len(data) + 64 < end}
                assert before <= there.keys()
        assert there == lying


@given(st.binary(max_size=400), st.sampled_from([b"", b"\x03" + bytes(7)]), st.integers(0, 2**31 - 1))
def test_what_is_no_volume_does_no_harm(content: bytes, start: bytes, length: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "1.dat").write_bytes(start + bytes(12) + length.to_bytes(4) + content)
        with (path / "1.dat").open("rb") as file, index_at(path / "index", [(1, file.fileno())]) as index:
            assert sum(index.look_through(ENOUGH)) <= 2 * len(start + content) + 64
            assert index.read(Place(1, 0, 10), digest(b"something")) is None


def test_what_lies_in_volumes_is_packed_without_a_request(kept: Kept) -> None:
    keys = kept.add_blobs(FEWEST)
    wanted = [Blob(key, len(kept.contents[key]), digest(kept.contents[key])) for key in keys]
    unknown = [blob._replace(sha256="") for blob in wanted]
    vault = Vault(kept.node, kept.settings, kept.target)
    look_through_all(kept)
    # With this key the store gives nothing to anybody.
    with (
        patch.dict(vault._secrets, {"RCLONE_CONFIG_LIVE_SECRET_ACCESS_KEY": "no key of this store"}),
        ledger_of(kept.node, kept.target) as ledger,
        ledger.alone(),
    ):
        with pytest.raises(CommandFailed):
            packs.add(vault, ledger, unknown)
        assert packs.add(vault, ledger, wanted).arrived == {blob.key: blob.size for blob in wanted}
        assert packs.hashes(vault, ledger, keys) == {blob.key: blob.sha256 for blob in wanted}


def test_an_index_that_a_power_cut_has_damaged_is_made_anew(kept: Kept) -> None:
    index = kept.node.data("backup") / "home/volumes.db"
    vault = Vault(kept.node, kept.settings, kept.target)
    for is_damaged in (True, False):
        keys = kept.add_blobs(FEWEST)
        wanted = [Blob(key, len(kept.contents[key]), digest(kept.contents[key])) for key in keys]
        if is_damaged:
            remove_index(index)
            index.write_bytes(b"no database" * 1000)
        with ledger_of(kept.node, kept.target) as ledger, ledger.alone():
            assert packs.add(vault, ledger, wanted).arrived.keys() == {*keys}
            assert packs.hashes(vault, ledger, keys) == {blob.key: blob.sha256 for blob in wanted}
    assert index.read_bytes().startswith(b"SQLite format 3")


def test_what_has_another_hash_is_asked_for(kept: Kept) -> None:
    """One without a hash, one whose hash nothing has, and one whose hash is none."""
    keys = kept.add_blobs(FEWEST)
    other = digest(b"nothing of this box")
    odd = dict(zip(keys, ("", other, "no hash"), strict=False))
    wanted = [Blob(key, len(kept.contents[key]), odd.get(key, digest(kept.contents[key]))) for key in keys]
    vault = Vault(kept.node, kept.settings, kept.target)
    with ledger_of(kept.node, kept.target) as ledger, ledger.alone():
        assert packs.add(vault, ledger, wanted).arrived.keys() == {*keys}
        assert packs.hashes(vault, ledger, keys) == {key: digest(kept.contents[key]) for key in keys}


def test_what_is_no_file_of_the_store_is_passed_over(kept: Kept) -> None:
    folder = kept.node.data("objects")
    link = folder / "999999.dat"
    link.symlink_to("/etc/shadow")
    try:
        with volume_files.opened(kept.node) as files:
            numbers = {number for number, _ in files}
    finally:
        link.unlink()
    assert numbers
    assert 999999 not in numbers
