"""What a pack is, whatever blobs it holds: any tar opens it, and its index says the truth about it."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.pack_format import (
    FEWEST,
    FULL,
    MOST,
    SMALL,
    Entry,
    Held,
    Index,
    NotAPack,
    Writer,
    grouped,
    made_at,
    new_name,
    read_index,
    scan,
    spans,
    to_be_packed_anew,
)

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
NAME = new_name(NOW, "0123abcd")
keys = st.from_regex(r"20[0-9]{2}/[01][0-9]/[0-9a-f]{1,32}", fullmatch=True)
contents = st.dictionaries(keys, st.binary(max_size=2000), min_size=1, max_size=20)


def written(blobs: dict[str, bytes]) -> tuple[bytes, Index]:
    out = io.BytesIO()
    writer = Writer(out)
    for key, data in blobs.items():
        writer.add(key, data)
    index = writer.close()
    return out.getvalue(), index


@given(contents)
def test_any_tar_opens_a_pack_and_its_index_says_where_each_blob_lies(blobs: dict[str, bytes]) -> None:
    pack, index = written(blobs)
    with tarfile.open(fileobj=io.BytesIO(pack)) as tar:
        opened = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    assert opened == blobs
    assert {one.key: pack[one.offset : one.end] for one in index.entries} == blobs
    assert all(one.sha256 == sha256(blobs[one.key]).hexdigest() for one in index.entries)
    assert (index.size, index.sha256) == (len(pack), sha256(pack).hexdigest())


@given(contents)
def test_an_index_that_was_lost_is_found_by_reading_the_pack(blobs: dict[str, bytes]) -> None:
    pack, index = written(blobs)
    heard: list[int] = []
    assert scan(io.BytesIO(pack), heard.append) == index
    assert sum(heard) == len(pack)


@given(contents, st.data())
def test_of_a_pack_that_ends_too_early_there_is_no_index(
    blobs: dict[str, bytes], data: st.DataObject
) -> None:
    pack, _ = written(blobs)
    assert scan(io.BytesIO(pack[: data.draw(st.integers(0, len(pack) - 1))])) is None


@given(contents)
def test_an_index_is_read_as_it_was_written(blobs: dict[str, bytes]) -> None:
    _, index = written(blobs)
    assert read_index(index.lines(NAME), NAME) == index


def lying(*entries: list[object], head: dict[str, object] | None = None) -> list[str]:
    """The lines of an index of a pack of 10,000 bytes that holds these."""
    first = {
        "format": 1, "pack": NAME, "bytes": 10_000, "sha256": "0" * 64, "blobs": len(entries), **(head or {}),
    }  # fmt: skip
    return [json.dumps(one) + "\n" for one in (first, *entries)]


def entry(
    key: object = "2026/11/a", offset: object = 512, size: object = 10, digest: object = "1" * 64
) -> list[object]:
    return [key, offset, size, digest]


def test_what_the_liars_below_would_be_if_they_told_the_truth() -> None:
    (found,) = read_index(lying(entry()), NAME).entries
    assert found == Entry("2026/11/a", 512, 10, "1" * 64)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([entry(offset=-1)], id="before the beginning"),
        pytest.param([entry(size=-1)], id="less than nothing"),
        pytest.param([entry(offset=9_995)], id="past the end"),
        pytest.param([entry(offset=10**30, size=0)], id="far past the end"),
        pytest.param([entry(), entry("2026/11/b", 521)], id="into another"),
        pytest.param([entry(offset=600), entry("2026/11/b")], id="backwards"),
        pytest.param([entry(), entry(offset=1024)], id="a key twice"),
        pytest.param([entry(offset=512.5)], id="half a byte"),
        pytest.param([entry(size=True)], id="true"),
        pytest.param([entry(offset="512")], id="a text"),
        pytest.param([entry(size=None)], id="nothing"),
        pytest.param([entry(size=SMALL)], id="what would fill the memory"),
        pytest.param([entry(digest="1" * 63)], id="no digest"),
        pytest.param([entry(digest=None)], id="no text"),
        pytest.param([entry(["2026/11/a"])], id="a list"),
        pytest.param([entry()[:3]], id="too short"),
        pytest.param([[*entry(), 1]], id="too long"),
    ],
)
def test_an_index_that_lies_about_places_is_refused(entries: list[list[object]]) -> None:
    with pytest.raises(NotAPack):
        read_index(lying(*entries, head={"bytes": 2**40 if entries[0][2] == SMALL else 10_000}), NAME)


EVIL = ["../a", "/etc/passwd", "a/../../b", "..", ".", "", "a\0b", "a\nb", "-rf", "a\\b", "é", "a" * 256]


@pytest.mark.parametrize("key", EVIL)
def test_a_key_that_leads_elsewhere_is_refused_in_an_index_and_in_a_pack(key: str) -> None:
    with pytest.raises(NotAPack):
        read_index(lying(entry(key)), NAME)
    if "\0" in key or not key:
        # No tar holds such a name.
        return
    pack, _ = written({"2026/11/a": b"well", key: b"evil"})
    assert scan(io.BytesIO(pack)) is None


@pytest.mark.parametrize(
    "head",
    [
        {"bytes": -1}, {"bytes": 1e3}, {"bytes": float("inf")}, {"bytes": "10000"}, {"bytes": 10**30},
        {"sha256": None}, {"sha256": {}}, {"sha256": "x" * 64}, {"blobs": 1.0}, {"blobs": True},
        {"blobs": -1}, {"blobs": 10**9},
    ],
)  # fmt: skip
def test_an_index_that_lies_about_its_pack_is_refused(head: dict[str, object]) -> None:
    with pytest.raises(NotAPack):
        read_index(lying(entry(), head=head), NAME)


def test_nothing_is_read_beyond_what_an_index_says_of_itself() -> None:
    def endless() -> Iterator[str]:
        yield lying(head={"blobs": 3})[0]
        for number in itertools.count():
            assert number < 4
            yield json.dumps(entry(f"2026/11/{number}", 512 * (number + 1))) + "\n"

    with pytest.raises(NotAPack, match="too late"):
        read_index(endless(), NAME)
    with pytest.raises(NotAPack):
        read_index(["[" * 100_000], NAME)


@given(contents, st.data())
def test_an_index_of_which_a_line_is_missing_is_none(blobs: dict[str, bytes], data: st.DataObject) -> None:
    _, index = written(blobs)
    lines = [*index.lines(NAME)]
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    with pytest.raises(NotAPack):
        read_index(lines, NAME)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pack": "another"}, "another pack"),
        ({"format": 2}, "version to come"),
        ({"blobs": MOST + 1}, "another pack"),
        ({"blobs": 1}, "too late"),
        ({"blobs": 3}, "ends too early"),
        ({"bytes": 10}, "place that is none"),
        ({"bytes": None}, "index of no pack"),
        ({"key": "../../etc/passwd"}, "key that is none"),
        ({"key": "/etc/passwd"}, "key that is none"),
        ({"key": "a\nb"}, "key that is none"),
        ({"sha256": "no sum"}, "index of no pack"),
        ({"size": -1}, "place that is none"),
        ({"offset": 0}, "does not fit"),
    ],
)
def test_what_does_not_fit_in_an_index_is_refused(change: dict[str, object], words: str) -> None:
    _, index = written({"2026/11/first": b"1" * 600, "2026/11/second": b"2" * 600})
    head, first, second = (json.loads(line) for line in index.lines(NAME))
    head |= {name: value for name, value in change.items() if name in head}
    last = dict(zip(Entry._fields, second, strict=True))
    last |= {name: value for name, value in change.items() if name in last}
    with pytest.raises(NotAPack, match=words):
        read_index([json.dumps(one) for one in (head, first, [*last.values()])], NAME)


@given(st.dictionaries(keys, st.integers(0, 2 * SMALL), max_size=400), st.integers(1, 40))
def test_small_blobs_are_grouped_each_once_in_their_order_and_within_bounds(
    sizes: dict[str, int], fewest: int
) -> None:
    groups = grouped(sizes, fewest=fewest)
    together = [key for group in groups for key in group]
    assert together == [key for key in sizes if key in set(together)]
    assert all(sizes[key] < SMALL for key in together)
    assert all(fewest <= len(group) <= MOST for group in groups)
    assert all(sum(sizes[key] for key in group) <= FULL for group in groups)
    small = [key for key, size in sizes.items() if size < SMALL]
    # Only of those at an end too few are left.
    if fewest == 1:
        assert together == small


def test_a_pack_is_full_at_its_bytes_and_at_its_blobs() -> None:
    assert len(grouped({str(n): 10 for n in range(MOST + FEWEST)})) == 2
    assert len(grouped({str(n): 10 for n in range(MOST)})) == 1
    just = FULL // (SMALL // 2)
    assert len(grouped({str(n): SMALL // 2 for n in range(just)})) == 1
    assert len(grouped({str(n): SMALL // 2 for n in range(just + FEWEST)})) == 2
    assert grouped({str(n): 10 for n in range(FEWEST - 1)}) == []


def held(live: int, size: int = 50 << 20, at: datetime = NOW) -> Held:
    return Held(new_name(at, f"{live & 0xFFFFFFFF:08x}"), size, live)


def test_a_pack_of_which_less_than_a_half_is_left_is_packed_anew() -> None:
    half = 25 << 20
    assert to_be_packed_anew([held(half)], locked_since=None) == []
    assert to_be_packed_anew([held(half - 1)], locked_since=None) == [held(half - 1).name]
    # Of an empty one there is nothing to be packed.
    assert to_be_packed_anew([held(0)], locked_since=None) == []


def test_small_packs_are_put_together_where_they_are_many() -> None:
    small = [held(900 + number, 1000) for number in range(16)]
    assert to_be_packed_anew(small[:15], locked_since=None) == []
    assert to_be_packed_anew(small, locked_since=None) == [one.name for one in small]


def test_what_its_target_locks_is_left_alone() -> None:
    one = held(1000)
    assert to_be_packed_anew([one], locked_since=NOW - timedelta(seconds=1)) == []
    assert to_be_packed_anew([one], locked_since=NOW) == [one.name]


def test_where_locks_are_renewed_only_what_is_packed_anew_is_ever_free_of_its_lock() -> None:
    holed, small = held(499), [held(900 + number, 1000) for number in range(16)]
    for since in (NOW - timedelta(days=1), NOW + timedelta(days=1)):
        found = to_be_packed_anew([holed, *small], locked_since=since, is_renewed=True)
        assert found == [holed.name]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=30), st.integers(0, 40))
def test_what_lies_far_apart_is_not_read_at_once(steps: list[tuple[int, int]], most: int) -> None:
    at, entries = 0, []
    for number, (gap, size) in enumerate(steps):
        entries.append(Entry(str(number), at + gap, size, ""))
        at += gap + size
    found = [*spans(reversed(entries), most_between=most)]
    assert [one for span in found for one in span] == entries
    for span in found:
        assert all(right.offset - left.end <= most for left, right in itertools.pairwise(span))
    assert all(right[0].offset - left[-1].end > most for left, right in itertools.pairwise(found))


def test_a_name_says_when_the_pack_was_made_and_nothing_else_is_one() -> None:
    assert made_at(NAME) == NOW
    for name in (f"{NAME}.index.jsonl", "20261128T030000Z", "keyring.json", f"../{NAME}"):
        assert made_at(name) is None
