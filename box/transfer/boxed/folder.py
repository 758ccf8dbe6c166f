"""Where a dump lies: a folder that the machine's administrator has put there, the upload folder in it.

Pages name it, so a name is all that they say of it: what can be read is below one place, which root has made
and others do not write to, by descriptor and through no link. Whoever reads is the portal's own user.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from box.transfer.cloud import CloudAway

UPLOAD = "upload"
ENDINGS = (".sql", ".sql.gz")
MOST_NAMED = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe that nobody writes to would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderAway(CloudAway):
    """It is not there, or not as it has to be; the sentence says what is missing. It may be put right."""


@dataclass(frozen=True)
class Folder:
    handle: int
    name: str

    def dump(self) -> str:
        """The name of the only dump in it. Raises FolderAway."""
        with os.scandir(self.handle) as found:
            names = sorted(one.name for one in found if one.name.endswith(ENDINGS))
        if len(names) != 1:
            said = _("%(folder)s has to hold one dump that ends in .sql or .sql.gz, and holds %(count)s.")
            raise FolderAway(said % {"folder": self.name, "count": len(names)})
        return names[0]

    def has_upload(self) -> bool:
        try:
            os.close(os.open(UPLOAD, _FOLDER, dir_fd=self.handle))
        except OSError:
            return False
        return True

    def open(self, *path: str) -> IO[bytes]:
        """A file by the names that lead to it. Raises FolderAway."""
        above = os.dup(self.handle)
        try:
            for name in path[:-1]:
                below = os.open(_checked(name), _FOLDER, dir_fd=above)
                os.close(above)
                above = below
            handle = os.open(_checked(path[-1]), _FILE, dir_fd=above)
        except OSError as error:
            raise FolderAway(_why("/".join(path), error)) from None
        finally:
            os.close(above)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise FolderAway(_("%(name)s is no file.") % {"name": "/".join(path)})
        os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")


@contextmanager
def opened(name: str) -> Iterator[Folder]:
    """Raises FolderAway."""
    if not _NAME.fullmatch(name):
        raise FolderAway(_("Name a folder in %(place)s by letters, digits, dots and dashes.") % _place())
    place = _opened(settings.MOVING_DIR)
    try:
        handle = _opened(name, place)
    finally:
        os.close(place)
    try:
        yield Folder(handle, name)
    finally:
        os.close(handle)


def names() -> list[str]:
    """Of the folders that there are, a hundred at most."""
    try:
        place = _opened(settings.MOVING_DIR)
    except FolderAway:
        return []
    try:
        with os.scandir(place) as found:
            listed = [
                one.name for one in found if _NAME.fullmatch(one.name) and one.is_dir(follow_symlinks=False)
            ]
    finally:
        os.close(place)
    return sorted(listed)[:MOST_NAMED]


def _opened(path: str | Path, within: int | None = None) -> int:
    try:
        handle = os.open(path, _FOLDER, dir_fd=within)
    except OSError as error:
        raise FolderAway(_why(str(path), error)) from None
    if os.fstat(handle).st_mode & stat.S_IWOTH:
        os.close(handle)
        said = _("Everybody on the machine may write to %(path)s: take that away with chmod o-w.")
        raise FolderAway(said % {"path": path})
    return handle


def _checked(name: str) -> str:
    """Raises FolderAway for what leads elsewhere."""
    if not name or name in (".", "..") or "/" in name or "\0" in name or len(name.encode()) > 255:
        raise FolderAway(_("“%(name)s” is no name of a file.") % {"name": name[:100]})
    return name


def _why(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return _("%(path)s is not there.") % {"path": path}
    if isinstance(error, PermissionError):
        return _("The portal's user may not read %(path)s.") % {"path": path}
    # A link, or a file where a folder should be.
    return _("%(path)s is a link, or not what it should be.") % {"path": path}


def _place() -> dict[str, str]:
    return {"place": str(settings.MOVING_DIR)}
