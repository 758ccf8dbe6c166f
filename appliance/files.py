"""Files and folders as root makes them: whole or absent, with the right owner, where they are meant to be.

Services own folders among root's own, and some of these programs speak to strangers. A service that is taken
over can put a link in the place of anything within its folders, at any moment; root, who follows it, would
give away or overwrite whatever it leads to. So everything here goes by descriptors: the way to a folder is
walked name by name, and refused where somebody else could turn it (`way_to`); what is made, opened, given
or replaced at its end is never a link. Within a service's own folder root does nothing: see `as_owner`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from appliance.users import Account

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40  # as the kernel: path_resolution(7)
# Debian lets members of staff write into /usr/local: who is one is root's equal (policy, 9.1.2).
_ROOTS_GROUPS = (0, 50)


class UnsafeWay(OSError):
    """Somebody else could turn the way to a file, so that root would reach another one."""

    def __init__(self, path: Path | str, why: str) -> None:
        super().__init__(errno.EPERM, f"{path} {why}")

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def way_to(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, in which nobody but root (and whoever this is) can put anything in a place
    of something else.

    Raises `UnsafeWay` where a folder on the way, or this one, is somebody else's or may be written by others.
    Links are followed where root alone can have put them. Without root's rights there is nothing to be led
    astray: then it is an ordinary folder.
    """
    descriptor = _walk(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: str | bytes, *, mode: int, owner: Account | None = None) -> bool:
    """Put `content` at `path`, never half of it; says whether anything changed.

    Mode and owner are set on the way and repaired when only they differ. Nothing is written when all is
    right, so that a file's time tells when its content changed.
    """
    data = content.encode() if isinstance(content, str) else content
    uid, gid = (owner.uid, owner.gid) if owner else (os.geteuid(), os.getegid())
    with way_to(path.parent) as folder:
        if _holds(folder, path.name, data, (mode, uid, gid)):
            return False
        temporary = f".{path.name}.{secrets.token_hex(4)}"
        handle = os.open(temporary, _NEW, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                os.fchmod(handle, mode)
                if (uid, gid) != (os.geteuid(), os.getegid()):
                    os.fchown(handle, uid, gid)
                file.flush()
                os.fsync(handle)
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
    return True


def ensure_folder(path: Path, *, mode: int, owner: Account | None = None, group: int | None = None) -> bool:
    """A folder with this mode, owner and group; says whether anything changed. Its parents must exist."""
    uid = owner.uid if owner else os.geteuid()
    gid = group if group is not None else (owner.gid if owner else os.getegid())
    with way_to(path.parent) as parent:
        created = False
        try:
            os.mkdir(path.name, 0o700, dir_fd=parent)
            created = True
        except FileExistsError:
            pass
        folder = _open(path, os.O_RDONLY | os.O_DIRECTORY, parent)
        try:
            known = os.fstat(folder)
            if (known.st_uid, known.st_gid) != (uid, gid):
                _refuse_strangers(parent, path, known, uid)
                os.fchown(folder, uid, gid)
            elif known.st_mode & 0o7777 == mode:
                return created
            os.fchmod(folder, mode)  # after chown, which clears the setgid bit
        finally:
            os.close(folder)
    return True


def open_file(path: Path, flags: int, *, mode: int = 0o600) -> int:
    """A descriptor of a file of root's own, which is made with this mode where `flags` say so."""
    with way_to(path.parent) as folder:
        return _open(path, flags, folder, mode)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """This file of root's own held by one thread of one process at a time; the others wait. Who is killed
    holds nothing."""
    descriptor = open_file(path, os.O_WRONLY | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def new_file(path: Path, *, mode: int = 0o600, group: int | None = None) -> Iterator[IO[bytes]]:
    """A file that is not there yet; what is there under its name goes."""
    with way_to(path.parent) as folder:
        with suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=folder)
        handle = os.open(path.name, _NEW, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as file:
        if group is not None and group != os.getegid():
            os.fchown(handle, -1, group)
        os.fchmod(handle, mode)
        yield file


def give(path: Path, *, mode: int, owner: Account | None = None, group: int | None = None) -> None:
    """Set the mode and the owner of what lies in a folder of root's own: a file, or a socket."""
    with way_to(path.parent) as folder:
        known = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(known.st_mode):
            raise UnsafeWay(path, "is a link: remove it.")
        _refuse_strangers(folder, path, known, owner.uid if owner else os.geteuid())
        uid = owner.uid if owner else os.geteuid()
        gid = group if group is not None else (owner.gid if owner else os.getegid())
        os.chown(path.name, uid, gid, dir_fd=folder, follow_symlinks=False)
        # Nobody can have put a link there meanwhile: see `way_to`.
        os.chmod(path.name, mode, dir_fd=folder)


def hand_over(folder: Path, owner: Account) -> None:
    """Give a folder with all that is in it to `owner`: what came with a disk from another machine.

    Links stay whose they are, and so does a file that has another name somewhere else.
    """
    with way_to(folder.parent) as parent:
        top = _open(folder, os.O_RDONLY | os.O_DIRECTORY, parent)
    try:
        for _, _, names, here in os.fwalk(".", dir_fd=top, topdown=False):
            for name in names:
                if not stat.S_ISREG(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
                    continue
                file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                try:
                    if os.fstat(file).st_nlink == 1:
                        os.fchown(file, owner.uid, owner.gid)
                finally:
                    os.close(file)
            os.fchown(here, owner.uid, owner.gid)
    finally:
        os.close(top)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def _open(path: Path, flags: int, folder: int, mode: int = 0o600) -> int:
    try:
        return os.open(path.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
    except OSError as error:
        # With O_DIRECTORY a link is "not a directory": open(2).
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise UnsafeWay(
            path, "is a link, or no folder: remove it. A disk is mounted there, not linked."
        ) from None


def _holds(folder: int, name: str, data: bytes, wanted: tuple[int, int, int]) -> bool:
    """Whether the file is right already."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        known = os.fstat(handle)
        if not stat.S_ISREG(known.st_mode) or known.st_size != len(data):
            return False
        return (known.st_mode & 0o7777, known.st_uid, known.st_gid) == wanted and file.read() == data


# --- the way


def _walk(folder: Path) -> int:
    """A descriptor (`O_PATH`) of the folder; see `way_to`."""
    names, links = list(reversed(folder.absolute().parts)), 0
    at = os.open(names.pop(), _LOOK)
    seen = Path("/")
    try:
        while names:
            _require_ours(at, seen)
            name = names.pop()
            below = os.open(name, _LOOK, dir_fd=at)
            known = os.fstat(below)
            if stat.S_ISDIR(known.st_mode):
                at, below = below, at
                os.close(below)
                seen /= name
                continue
            try:
                if not stat.S_ISLNK(known.st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(seen / name))
                _refuse_strangers(at, seen / name, known, os.geteuid())
                target, links = Path(os.readlink("", dir_fd=below)), links + 1
            finally:
                os.close(below)
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, "Too many links", str(folder))
            names += reversed(target.parts)
            if target.is_absolute():
                os.close(at)
                at, seen = os.open(names.pop(), _LOOK), Path("/")
        _require_ours(at, seen)
    except BaseException:
        os.close(at)
        raise
    return at


def _require_ours(at: int, path: Path) -> None:
    """Refuse a folder that others may change, unless none of them can touch what is ours in it (/tmp)."""
    if os.geteuid() != 0:
        return
    known = os.fstat(at)
    if not _is_ours(known):
        raise UnsafeWay(
            path, "belongs to another user, who could put a link there: root makes nothing in it."
        )
    if _is_open(known) and not known.st_mode & stat.S_ISVTX:
        raise UnsafeWay(path, f"may be written by others, who could put a link there: `chmod go-w {path}`.")


def _refuse_strangers(parent: int, path: Path, known: os.stat_result, owner: int) -> None:
    """In a folder like /tmp a name is ours only where what lies there is."""
    if os.geteuid() == 0 and _is_open(os.fstat(parent)) and known.st_uid not in (0, owner):
        raise UnsafeWay(path, "was put there by another user: remove it, or choose another folder.")


def _is_ours(known: os.stat_result) -> bool:
    return known.st_uid in (0, os.geteuid())


def _is_open(known: os.stat_result) -> bool:
    by_group = known.st_mode & 0o020 and known.st_gid not in _ROOTS_GROUPS
    return bool(by_group or known.st_mode & 0o002)
