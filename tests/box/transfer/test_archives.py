"""The archive as a file: what is refused, with a sentence, before anything of it is used."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from box.lib.pipes import Sink
from box.transfer.archive import container
from box.transfer.archive.container import BadArchive, Filters, Manifest, Writer, opened, verify
from box.transfer.archive.records import (
    FORMAT,
    KINDS,
    MOST_PARTS,
    VERSION,
    Blob,
    Department,
    Person,
    schema_of,
)
from box.transfer.archive.stages.company import People

if TYPE_CHECKING:
    from box.transfer.archive.stages.base import ArchiveWork

AT = datetime(2026, 3, 2, tzinfo=UTC)
BYTES = b"what a file holds"
BLOB = Blob(sha256=sha256(BYTES).hexdigest(), size=len(BYTES))
COMPANY = [Department(id=1, name="Company"), Department(id=2, name="Sales", parent=1)]


def written(out: Sink | None = None, *, version: int = VERSION) -> bytes:
    file = io.BytesIO()
    writer = Writer(out or file, at=AT)
    writer.add_kind("departments", COMPANY)
    writer.add_blob(BLOB, [BYTES])
    manifest = Manifest(
        format=FORMAT, version=version, source="old.example", created_at=AT, files=writer.members, blobs=1
    )
    writer.finish(manifest, "Read me")
    return file.getvalue()


def rewritten(change: Callable[[dict[str, bytes]], object], **how: Any) -> bytes:
    """An archive of which somebody has changed the files."""
    with zipfile.ZipFile(io.BytesIO(written())) as source:
        files = {name: source.read(name) for name in source.namelist()}
    change(files)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, data in files.items():
            is_blob = name.startswith("blobs/")
            kind = how.get(name, zipfile.ZIP_STORED if is_blob else zipfile.ZIP_DEFLATED)
            target.writestr(name, data, compress_type=kind)
    return file.getvalue()


def adding(name: str) -> Callable[[dict[str, bytes]], object]:
    def change(files: dict[str, bytes]) -> None:
        files[name] = b"x"

    return change


def refused(content: bytes) -> str:
    with pytest.raises(BadArchive) as caught, opened(io.BytesIO(content)) as archive:
        verify(archive)
        archive.copy_blob(BLOB, io.BytesIO())
    return str(caught.value)


def test_what_is_written_is_read() -> None:
    out = io.BytesIO()
    with opened(io.BytesIO(written())) as archive:
        verify(archive)
        assert [record for _number, record in archive.lines("departments")] == COMPANY
        assert [record for _number, record in archive.lines("departments", after=1)] == COMPANY[1:]
        assert list(archive.lines("posts")) == []
        archive.copy_blob(BLOB, out)
    assert out.getvalue() == BYTES
    assert archive.counts == {"departments": 2}


def test_it_is_written_from_front_to_back() -> None:
    class Pipe:
        """It can only be written."""

        def __init__(self) -> None:
            self.got = bytearray()

        def write(self, data: bytes, /) -> int:
            self.got += data
            return len(data)

        def flush(self) -> None:
            pass

    pipe = Pipe()
    written(pipe)
    with opened(io.BytesIO(bytes(pipe.got))) as archive:
        verify(archive)


def test_what_would_be_put_elsewhere_is_refused() -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "blobs/../x", "C:\\x", "posts.jsonl/", "blobs/ab/cd"):
        said = refused(rewritten(adding(name)))
        assert "which is no part of the format" in said, name


def test_the_same_name_twice_is_refused() -> None:
    file = io.BytesIO(written())
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", b"{}")
    assert "no part of the format" in refused(file.getvalue())


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    bomb = b"\n" * (64 * 2**20)
    assert "unfold" in refused(rewritten(lambda files: files.update({"posts.jsonl": bomb})))
    name = container.blob_name(BLOB.sha256)
    assert "unfold" in refused(rewritten(lambda files: None, **{name: zipfile.ZIP_DEFLATED}))


def test_text_that_is_merely_alike_is_no_bomb() -> None:
    lines = b"".join(b'{"id":%d,"name":"Sales"}\n' % number for number in range(1, 20_001))
    with zipfile.ZipFile(io.BytesIO(rewritten(lambda files: files.update({"posts.jsonl": lines})))) as file:
        container._check_members(file.infolist())


def test_a_directory_larger_than_can_be_is_not_read() -> None:
    content = bytearray(written())
    content[-container._EOCD.size + 12 : -container._EOCD.size + 16] = struct.pack("<L", 2**31)
    assert "more files than can be" in refused(bytes(content))


def lying(**changes: Any) -> bytes:
    def change(files: dict[str, bytes]) -> None:
        told = json.loads(files["manifest.json"])
        told["files"][0].update(changes)
        files["manifest.json"] = json.dumps(told).encode()

    return rewritten(change)


def test_a_manifest_that_lies_is_refused() -> None:
    assert "lies about" in refused(lying(size=1))
    assert "lies about" in refused(lying(kind="posts"))
    assert "lies about" in refused(lying(kind="secrets"))
    assert "not what the manifest says" in refused(lying(sha256="0" * 64))
    assert "not what the manifest says" in refused(lying(records=3))
    assert "not what the format says" in refused(lying(records=-1))


def test_lines_that_are_no_such_things_are_refused_with_their_number() -> None:
    for line in (
        b'{"id":0,"name":"x"}',
        b'{"id":1,"name":5}',
        b'{"id":1}',
        b'{"id":1,"name":"x","a":1}',
        b"\xff",
    ):

        def change(files: dict[str, bytes], line: bytes = line) -> None:
            content = files["departments.jsonl"].splitlines()[0] + b"\n" + line + b"\n"
            files["departments.jsonl"] = content
            told = json.loads(files["manifest.json"])
            told["files"][0].update(size=len(content), sha256=sha256(content).hexdigest())
            files["manifest.json"] = json.dumps(told).encode()

        said = refused(rewritten(change))
        assert said.startswith("Line 2 of departments.jsonl"), line


def test_a_line_without_an_end_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LONGEST_LINE", 20)
    assert "too long" in refused(written())


def test_bytes_that_are_others_than_their_name_are_refused() -> None:
    name = container.blob_name(BLOB.sha256)
    assert "other bytes" in refused(rewritten(lambda files: files.update({name: BYTES[::-1]})))
    assert "has no file" in refused(rewritten(lambda files: files.pop(name)))


def test_of_a_later_version_the_cure_is_named() -> None:
    assert "upgrade the box first" in refused(written(version=VERSION + 1))


def test_what_was_not_written_to_its_end_is_refused() -> None:
    assert "manifest" in refused(rewritten(lambda files: files.pop("manifest.json")))
    assert "does not end as a ZIP" in refused(written()[:-40])
    assert "does not end as a ZIP" in refused(b"")
    assert "age --decrypt" in refused(b"age-encryption.org/v1\n" + bytes(100))


def test_of_another_product_it_is_refused() -> None:
    assert "another's" in refused(rewritten(lambda files: files.update({"manifest.json": b'{"format":"x"}'})))


@given(st.integers(0, 2**32), st.integers(1, 8))
@example(18687, 1)  # a table of names that begins before the file does
def test_damage_anywhere_is_refused_or_changes_nothing(seed: int, times: int) -> None:
    """Never another error, and never other things than were written."""
    chance = random.Random(seed)
    content = bytearray(written())
    for _ in range(times):
        content[chance.randrange(len(content))] = chance.randrange(256)
    try:
        with opened(io.BytesIO(bytes(content))) as archive:
            verify(archive)
            found = [record for _number, record in archive.lines("departments")]
    except BadArchive:
        return
    assert found == COMPANY


def test_every_kind_has_a_schema_that_says_what_its_fields_are() -> None:
    for kind in KINDS:
        schema = schema_of(kind)
        json.dumps(schema)
        assert schema["$schema"].startswith("https://json-schema.org/")
        assert schema["$defs"][KINDS[kind].__name__]["additionalProperties"] is False


def test_filters_are_kept_as_they_were_asked_for() -> None:
    filters = Filters(kinds=["posts"], since=AT)
    assert msgspec.convert(msgspec.to_builtins(filters), Filters) == filters


def test_long_lines_are_held_by_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many bytes at once, and a line that has more than that alone."""
    monkeypatch.setattr(container, "LARGEST_PAGE", 1000)
    short, long = (Department(id=1, name="x" * size) for size in (100, 900))
    file = io.BytesIO()
    writer = Writer(file, at=AT)
    writer.add_kind("departments", [*[short] * 7, long, long, short, *[Department(id=1, name="x")] * 5])
    manifest = Manifest(format=FORMAT, version=VERSION, source="a", created_at=AT, files=writer.members)
    writer.finish(manifest, "Read me")
    with opened(file) as archive:
        pages = list(archive.pages("departments", most=4))
        assert [len(page) for page in pages] == [4, 3, 1, 1, 4, 2]
        assert [number for page in pages for number, _one in page] == list(range(1, 16))
        assert list(archive.pages("departments", after=13, most=4)) == [[*pages[-1]]]
        monkeypatch.setattr(container, "LARGEST_PAGE", 10)
        assert {len(page) for page in archive.pages("departments", most=4)} == {1}


@pytest.mark.parametrize(
    ("kind", "field", "part"),
    [
        ("people", "departments", {"department": 1}),
        ("posts", "files", {"id": 1, "name": "x", **msgspec.to_builtins(BLOB)}),
        ("tasks", "tags", "x"),
        ("tasks", "waits_for", {"task": 1, "kind": "FS"}),
        ("events", "excluded", "2026-03-02T00:00:00Z"),
    ],
)
def test_a_line_names_no_more_than_so_many(kind: str, field: str, part: Any) -> None:
    line = msgspec.json.encode({"id": 1, field: [part] * (MOST_PARTS + 1)})
    with pytest.raises(msgspec.ValidationError, match=f"length <= {MOST_PARTS}.*{field}"):
        msgspec.json.decode(line, type=KINDS[kind])


def test_photos_of_a_page_lie_on_disk() -> None:
    """Fifty of them are half a gigabyte."""
    with opened(io.BytesIO(written())) as archive:
        work = cast("ArchiveWork", SimpleNamespace(archive=archive))
        anna = Person(id=1, name="Anna", photo=BLOB)
        extra = People().fetch(work, [{"id": 1, "record": anna}])
    with extra.rows["1"] as photo:
        assert photo.fileno() > 2
        photo.seek(0)
        assert photo.read() == BYTES
