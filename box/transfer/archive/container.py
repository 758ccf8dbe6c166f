"""The archive as a file: a ZIP that is written from front to back, and read with a bound on everything in it.

    manifest.json            what it is, and of each file its size and SHA-256; written last
    README.txt
    posts.jsonl              a kind a file, a thing a line
    schemas/posts.schema.json
    blobs/ab/abcdef...       bytes of files under their SHA-256, stored as they are

A ZIP and not a tar: a tar wants the size of a file before its first byte, and each thing is found again
without reading all that comes before it. `opened` judges what is in the archive before any of it is used.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Annotated, Any

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta, Struct

from box.lib.pipes import Sink
from box.transfer.archive.records import FORMAT, KINDS, VERSION, Digest, Moment, Record, schema_of

if TYPE_CHECKING:
    from box.transfer.archive.records import Blob

MANIFEST, README = "manifest.json", "README.txt"
MOST_MANIFEST = 2**20
LONGEST_LINE = 32 * 2**20
LARGEST_PAGE = 4 * 2**20
"""Of lines that are held at once: what they are read into is several times as large."""
MOST_DIRECTORY = 256 * 2**20
"""Of the ZIP's own table, which is read into memory: two million files."""
MOST_EXPANDED = 200
"""How often the text of one kind may be larger than it is packed. JSON lines come to 5 to 40."""
CHUNK = 2**20
ENCRYPTED = b"age-encryption.org/"
"""What a file of age begins with."""
_NAMES = re.compile(
    r"manifest\.json|README\.txt|[a-z]+\.jsonl|schemas/[a-z]+\.schema\.json|blobs/([0-9a-f]{2})/\1[0-9a-f]{62}"
)
_EOCD = struct.Struct("<4s4H2LH")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")


class BadArchive(Exception):
    """It is no such archive, or lies; the message says where, for people."""


class Member(Struct, kw_only=True, forbid_unknown_fields=True):
    """A file of JSON lines, as the manifest knows it."""

    kind: Annotated[str, Meta(pattern="^[a-z]{1,40}$")]
    records: Annotated[int, Meta(ge=0, le=2**40)]
    size: Annotated[int, Meta(ge=0, le=2**50)]
    sha256: Digest


class Filters(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was asked for; nothing of it: everything."""

    kinds: list[str] = msgspec.field(default_factory=list)
    groups: list[int] = msgspec.field(default_factory=list)
    since: Moment | None = None
    before: Moment | None = None
    person: int | None = None
    """What this person takes along."""
    is_private_left_out: bool = False
    """Whether what is for named people alone stayed where it is."""


class Manifest(Struct, kw_only=True, omit_defaults=True):
    """Unknown fields are passed over: what a later version adds, an older one may not need."""

    format: str
    version: Annotated[int, Meta(ge=1)]
    source: Annotated[str, Meta(max_length=255)]
    """The name of the portal that it is of."""
    product: Annotated[str, Meta(max_length=100)] = ""
    created_at: Moment
    filters: Filters = msgspec.field(default_factory=Filters)
    files: list[Member]
    blobs: Annotated[int, Meta(ge=0)] = 0
    blobs_size: Annotated[int, Meta(ge=0)] = 0
    missing: list[str] = msgspec.field(default_factory=list)
    """SHA-256 or names of bytes that the store no longer had."""


def blob_name(digest: str) -> str:
    return f"blobs/{digest[:2]}/{digest}"


class Writer:
    """Writes to anything that takes bytes, a pipe as well: nothing is gone back to."""

    def __init__(self, out: Sink, *, at: datetime) -> None:
        self._zip = zipfile.ZipFile(_Forward(out), "w", allowZip64=True)
        self._at = at.timetuple()[:6]
        self.members: list[Member] = []
        self.blobs, self.blobs_size = 0, 0
        self.missing: list[str] = []

    def add_kind(self, kind: str, records: Iterable[Record]) -> Member:
        """All of a kind, as they come."""
        digest, size, count = sha256(), 0, 0
        encoder = msgspec.json.Encoder(decimal_format="string")
        with self._open(f"{kind}.jsonl", zipfile.ZIP_DEFLATED) as file:
            for record in records:
                line = encoder.encode(record) + b"\n"
                file.write(line)
                digest.update(line)
                size, count = size + len(line), count + 1
        member = Member(kind=kind, records=count, size=size, sha256=digest.hexdigest())
        self.members.append(member)
        self._add_text(
            f"schemas/{kind}.schema.json", msgspec.json.format(msgspec.json.encode(schema_of(kind)))
        )
        return member

    def has_blob(self, digest: str) -> bool:
        return blob_name(digest) in self._zip.NameToInfo

    def add_blob(self, blob: Blob, chunks: Iterable[bytes]) -> None:
        """Once, however many name it. Raises BadArchive where the bytes are others than they were."""
        if self.has_blob(blob.sha256):
            return
        digest, size = sha256(), 0
        with self._open(blob_name(blob.sha256), zipfile.ZIP_STORED) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        if digest.hexdigest() != blob.sha256:
            raise BadArchive(
                _("A file of the store has other bytes than it had: “%(name)s”.") % {"name": blob.sha256}
            )
        self.blobs, self.blobs_size = self.blobs + 1, self.blobs_size + size

    def finish(self, manifest: Manifest, readme: str) -> None:
        """The manifest is written last, for only now it is known; without it the archive is none."""
        self._add_text(README, readme.encode())
        self._add_text(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        self._zip.close()

    def abandon(self) -> None:
        """It is not written any further: nothing is added to what there is."""
        self._zip.fp = None

    def _add_text(self, name: str, text: bytes) -> None:
        with self._open(name, zipfile.ZIP_DEFLATED) as file:
            file.write(text)

    @contextmanager
    def _open(self, name: str, method: int) -> Iterator[IO[bytes]]:
        info = zipfile.ZipInfo(name, self._at)
        info.compress_type, info.external_attr = method, 0o644 << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            yield file


class _Forward:
    """A file that only goes forward, so that an archive is written alike into a pipe and into a file."""

    def __init__(self, out: Sink) -> None:
        self._out = out

    def write(self, data: bytes, /) -> int:
        self._out.write(data)
        return len(data)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Whoever opened it closes it."""


@dataclass
class Archive:
    """One that was judged: see `opened`."""

    manifest: Manifest
    _zip: zipfile.ZipFile

    @property
    def counts(self) -> Mapping[str, int]:
        return {one.kind: one.records for one in self.manifest.files}

    def lines(self, kind: str, *, after: int = 0) -> Iterator[tuple[int, Record]]:
        """The things of a kind with their numbers, from behind that number on. Raises BadArchive."""
        return ((number, record) for number, record, _size in self._sized(kind, after))

    def pages(self, kind: str, *, after: int = 0, most: int) -> Iterator[list[tuple[int, Record]]]:
        """The same, so many at once at most, and fewer where their lines come to more than LARGEST_PAGE; a
        line that does alone is a page of its own. Raises BadArchive."""
        page: list[tuple[int, Record]] = []
        held = 0
        for number, record, size in self._sized(kind, after):
            if page and (len(page) >= most or held + size > LARGEST_PAGE):
                yield page
                page, held = [], 0
            page.append((number, record))
            held += size
        if page:
            yield page

    def _sized(self, kind: str, after: int) -> Iterator[tuple[int, Record, int]]:
        """With the length of each line."""
        member = next((one for one in self.manifest.files if one.kind == kind), None)
        if member is None:
            return
        decoder = msgspec.json.Decoder(KINDS[kind])
        for number, line in enumerate(self._raw_lines(member), 1):
            if number > after:
                try:
                    record = decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    said = _("Line %(number)s of %(name)s is not what the format says: %(why)s")
                    raise BadArchive(
                        said % {"number": number, "name": f"{kind}.jsonl", "why": error}
                    ) from None
                yield number, record, len(line)

    def _raw_lines(self, member: Member) -> Iterator[bytes]:
        """With the sum made on the way; never more bytes than the manifest says."""
        name = f"{member.kind}.jsonl"
        digest, size, count = sha256(), 0, 0
        with _readable(name), self._zip.open(name) as file:
            while line := file.readline(LONGEST_LINE + 1):
                size, count = size + len(line), count + 1
                if len(line) > LONGEST_LINE:
                    raise BadArchive(
                        _("Line %(number)s of %(name)s is too long.") % {"number": count, "name": name}
                    )
                if size > member.size:
                    break
                digest.update(line)
                yield line
        if (size, count, digest.hexdigest()) != (member.size, member.records, member.sha256):
            raise BadArchive(
                _("%(name)s is not what the manifest says: it was cut or changed.") % {"name": name}
            )

    def copy_blob(self, blob: Blob, out: IO[bytes]) -> None:
        """Raises BadArchive for bytes that are missing, or others than their name says."""
        name = blob_name(blob.sha256)
        digest, size = sha256(), 0
        if name not in self._zip.NameToInfo:
            raise BadArchive(_("The archive has no file “%(name)s”.") % {"name": name})
        with _readable(name), self._zip.open(name) as file:
            while chunk := file.read(CHUNK):
                size += len(chunk)
                if size > blob.size:
                    break
                digest.update(chunk)
                out.write(chunk)
        if size != blob.size or digest.hexdigest() != blob.sha256:
            raise BadArchive(_("The file “%(name)s” has other bytes than its name says.") % {"name": name})


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Archive]:
    """Judges the archive before anything of it is read: its table, its names, its sizes, its manifest.

    Raises BadArchive.
    """
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, struct.error) as error:
        raise BadArchive(_("This is no ZIP file that can be read: %(why)s") % {"why": error}) from None
    with archive:
        _check_members(archive.infolist())
        yield Archive(_manifest_of(archive), archive)


def verify(archive: Archive, each: Callable[[str, int], object] = lambda kind, number: None) -> None:
    """Reads every line once and makes every sum, without keeping any of it. Raises BadArchive."""
    for member in archive.manifest.files:
        for number, _record in archive.lines(member.kind):
            each(member.kind, number)


def _check_directory(file: IO[bytes]) -> None:
    """How large the ZIP's own table is, before zipfile reads it whole into memory."""
    file.seek(0)
    if file.read(len(ENCRYPTED)) == ENCRYPTED:
        raise BadArchive(_("The archive is encrypted: open it with “age --decrypt” first."))
    end = file.seek(0, 2)
    file.seek(max(0, end - _EOCD.size - _LOCATOR.size))
    tail = file.read(_EOCD.size + _LOCATOR.size)
    if len(tail) < _EOCD.size or tail[-_EOCD.size :][:4] != b"PK\x05\x06":
        raise BadArchive(_("This is no archive: it does not end as a ZIP file ends."))
    size = _EOCD.unpack(tail[-_EOCD.size :])[5]
    if len(tail) == _EOCD.size + _LOCATOR.size and tail[:4] == b"PK\x06\x07":
        file.seek(min(_LOCATOR.unpack(tail[: _LOCATOR.size])[2], end))
        record = file.read(_EOCD64.size)
        if len(record) < _EOCD64.size or record[:4] != b"PK\x06\x06":
            raise BadArchive(_("This is no archive: its table of files is damaged."))
        size = _EOCD64.unpack(record)[8]
    if size > MOST_DIRECTORY:
        raise BadArchive(_("The archive lists more files than can be."))
    file.seek(0)


def _check_members(members: Sequence[zipfile.ZipInfo]) -> None:
    names: set[str] = set()
    for one in members:
        if one.filename in names or not _NAMES.fullmatch(one.orig_filename) or one.is_dir():
            said = _("The archive holds “%(name)s”, which is no part of the format.")
            raise BadArchive(said % {"name": one.orig_filename[:100]})
        names.add(one.filename)
        if one.header_offset < 0:
            said = _("“%(name)s” is damaged: %(why)s")
            raise BadArchive(said % {"name": one.filename, "why": _("it begins before the archive does")})
        if one.flag_bits & 1:
            raise BadArchive(_("The archive is locked with a ZIP password: unpack it, or export with a key."))
        if one.filename.startswith("blobs/"):
            # Stored as they are, so that nothing in them can unfold.
            is_wrong = one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size
        else:
            is_packed = one.compress_type in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
            is_wrong = not is_packed or one.file_size > MOST_EXPANDED * one.compress_size + CHUNK
        if is_wrong:
            said = _("“%(name)s” would unfold to far more than it is: the archive is refused.")
            raise BadArchive(said % {"name": one.filename})


def _manifest_of(archive: zipfile.ZipFile) -> Manifest:
    if MANIFEST not in archive.NameToInfo:
        raise BadArchive(_("The archive has no manifest: it was not written to its end."))
    with _readable(MANIFEST), archive.open(MANIFEST) as file:
        text = file.read(MOST_MANIFEST + 1)
    try:
        told: Any = msgspec.json.decode(text) if len(text) <= MOST_MANIFEST else None
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise BadArchive(_("This is no archive of Korobka: its manifest is another's."))
        if isinstance(told.get("version"), int) and told["version"] > VERSION:
            said = _(
                "The archive is of version %(version)s, this box reads up to %(own)s: upgrade the box first."
            )
            raise BadArchive(said % {"version": told["version"], "own": VERSION})
        manifest = msgspec.convert(told, Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadArchive(_("The manifest is not what the format says: %(why)s") % {"why": error}) from None
    kinds = [one.kind for one in manifest.files]
    for one in manifest.files:
        info = archive.NameToInfo.get(f"{one.kind}.jsonl")
        if one.kind not in KINDS or kinds.count(one.kind) > 1 or info is None or info.file_size != one.size:
            said = _("The manifest lies about %(name)s: it is not there, or has another size.")
            raise BadArchive(said % {"name": f"{one.kind}.jsonl"})
    return manifest


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError) as error:
        raise BadArchive(_("“%(name)s” is damaged: %(why)s") % {"name": name, "why": error}) from None
