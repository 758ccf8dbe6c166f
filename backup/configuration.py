"""The configuration within a set: the box's folder of it, packed, and taken out again.

The engines' user holds what a repository is encrypted with, and can write a set of its own into it. So what
comes out of one is what somebody else may have written: it is read into memory within bounds, what is not
among `_PARTS` stays out, and no program that it names is run.
"""

from __future__ import annotations

import io
import tarfile
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from appliance import config
from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths
from appliance.quoting import control_in
from backup import sealed_authority
from backup.keys import RecoveryKey
from backup.settings import BackupRefused

_BOX, _SECRETS = "box.toml", "secrets.toml"
# All else that lies there is made anew, or of this machine alone, as the nodes of a cluster and whose
# releases it takes: what comes back is a single box, and root says there whom it trusts.
_PARTS = (_BOX, _SECRETS, "tls", "backup")
MOST_FILES, MOST_BYTES, MOST_PACKED = 1_000, 16 << 20, 8 << 20
_DEEPEST = 8


class NoConfiguration(ValueError):
    """It is none that a box has packed."""


@dataclass(frozen=True)
class PackedFile:
    """One of its files."""

    content: bytes
    mode: int


@dataclass(frozen=True)
class Configuration:
    """What a set holds of it."""

    files: Mapping[str, PackedFile]
    left_out: tuple[str, ...] = ()
    """Names of what else there was, of whole folders the folder's."""

    @property
    def box(self) -> config.Box:
        """As its box.toml has it."""
        try:
            return config.parse(self._text(_BOX))
        except config.ConfigError as error:
            raise BackupRefused(f"The box.toml of this set is no valid one: {error}") from None

    @property
    def secret_key(self) -> str:
        """With which the portal has sealed what lies sealed in its database."""
        try:
            found = tomllib.loads(self._text(_SECRETS)).get("secret_key")
        except tomllib.TOMLDecodeError:
            found = None
        if not isinstance(found, str) or not found:
            raise BackupRefused(f"There is no secret key in the {_SECRETS} of this set: choose another set.")
        return found

    def _text(self, name: str) -> str:
        file = self.files.get(name)
        try:
            return file.content.decode() if file else ""
        except UnicodeDecodeError:
            raise BackupRefused(f"The {name} of this set is no text: choose another set.") from None


def pack(paths: Paths) -> bytes:
    """The box's folder of configuration, with its secrets, as a tar. The authority's key is sealed in it."""
    packed, sealed, count, size = io.BytesIO(), sealed_authority.sealed(paths), 0, 0

    def admitted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        nonlocal count, size
        is_begun = member.name.rpartition("/")[2].startswith(".")
        is_sealed = member.name == sealed_authority.KEY or (sealed and member.name == sealed_authority.SEALED)
        if is_begun or is_sealed or not (member.isreg() or member.isdir()):
            return None
        count, size = count + 1, size + member.size
        return member

    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in _PARTS:
            if (paths.etc / name).exists():
                tar.add(paths.etc / name, arcname=name, filter=admitted)
        if sealed:
            member = tarfile.TarInfo(sealed_authority.SEALED)
            member.size, member.mode = len(sealed), 0o600
            tar.addfile(member, io.BytesIO(sealed))
    text = packed.getvalue()
    if count >= MOST_FILES or size > MOST_BYTES // 2 or len(text) > MOST_PACKED:
        raise BackupRefused(
            f"{paths.etc} holds more than any configuration, and could not be brought back: move out of its "
            f"folders tls and backup what is not the box's."
        )
    return text


def read(packed: IO[bytes]) -> Configuration:
    """What is packed there, read once. Raises `NoConfiguration` for what no box has packed."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_expanded(packed)), mode="r:") as tar:
            return _read(tar)
    # What is no tar may end the reading of it in any of these ways.
    except (tarfile.TarError, zlib.error, ArithmeticError, LookupError, RecursionError, ValueError) as error:
        if isinstance(error, NoConfiguration):
            raise
        raise NoConfiguration(f"It is damaged ({error}).") from None


def _read(tar: tarfile.TarFile) -> Configuration:
    files: dict[str, PackedFile] = {}
    left_out: dict[str, None] = {}
    size = 0
    for count, entry in enumerate(tar, start=1):
        size += entry.size
        # What is told of a sparse file may be more than what lies there.
        if count > MOST_FILES or size > MOST_BYTES:
            raise NoConfiguration("It holds more than any configuration.")
        name = _name(entry)
        if entry.isdir():
            continue
        if not (entry.isreg() and _is_wanted(name)):
            first = name.partition("/")[0]
            left_out[name if first in _PARTS else first] = None
            continue
        if name in files:
            raise NoConfiguration(f"It holds {name} twice.")
        file = tar.extractfile(entry)
        assert file is not None  # noqa: S101 - of a regular one there is
        # Nobody but root writes there, and runs nothing of it.
        files[name] = PackedFile(file.read(), 0o600 | entry.mode & 0o044)
    if {sealed_authority.SEALED, sealed_authority.KEY} <= files.keys():
        del files[sealed_authority.KEY]
        left_out[sealed_authority.KEY] = None
    return Configuration(files, tuple(left_out))


def put(found: Configuration, paths: Paths, root_key: RecoveryKey | None = None) -> tuple[str, ...]:
    """Put it in the place of this box's, and with root's key the authority's too. The keys of box.toml that
    named a program, which none does any more.

    A wrong key is refused before anything is put there.
    """
    seal = found.files.get(sealed_authority.SEALED)
    opened = sealed_authority.opened(seal.content, root_key) if root_key and seal else None
    files, named = dict(found.files), tuple[str, ...]()
    if box := files.get(_BOX):
        text, named = _without_programs(box)
        files[_BOX] = PackedFile(text.encode(), box.mode)
    for name, file in files.items():
        place = paths.etc / name
        for folder in reversed(place.relative_to(paths.etc).parents[:-1]):
            if not (paths.etc / folder).exists():
                ensure_folder(paths.etc / folder, mode=0o755)
        write_atomically(place, file.content, mode=file.mode)
    if root_key and opened:
        sealed_authority.put_back(paths, root_key, opened)
    return named


def _without_programs(box: PackedFile) -> tuple[str, tuple[str, ...]]:
    try:
        return config.without_programs(box.content.decode())
    except (config.ConfigError, UnicodeDecodeError) as error:
        raise BackupRefused(f"The {_BOX} of this set cannot be read: {error}") from None


def _expanded(packed: IO[bytes]) -> bytes:
    """The tar; no more of it than a configuration has, whatever it says of itself."""
    text, unpacker = packed.read(MOST_PACKED + 1), zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    tar = unpacker.decompress(text, MOST_BYTES + 1)
    if len(text) > MOST_PACKED or len(tar) > MOST_BYTES:
        raise NoConfiguration("It is larger than any configuration.")
    if not unpacker.eof:
        raise NoConfiguration("It ends too early.")
    return tar


def _name(entry: tarfile.TarInfo) -> str:
    """As packing writes it: no other way to say the same, and none that leads out."""
    parts = entry.name.split("/")
    if {"", ".", ".."} & {*parts} or control_in(entry.name) or len(parts) > _DEEPEST:
        raise NoConfiguration(f"It holds {entry.name!r}, which no box has packed.")
    return str(PurePosixPath(*parts))


def _is_wanted(name: str) -> bool:
    first, _, rest = name.partition("/")
    is_folder = first not in (_BOX, _SECRETS)
    return first in _PARTS and bool(rest) == is_folder and not any(part[0] == "." for part in name.split("/"))
