"""Files that are whole or absent, folders with the right owner: what generated configuration is made of."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from appliance.users import Account


def write_atomically(path: Path, content: str | bytes, *, mode: int, owner: Account | None = None) -> bool:
    """Put `content` at `path`, never half of it; says whether anything changed.

    Mode and owner are set on the way and repaired when only they differ. Nothing is written when all is
    right, so that a file's time tells when its content changed.
    """
    data = content.encode() if isinstance(content, str) else content
    uid, gid = (owner.uid, owner.gid) if owner else (os.geteuid(), os.getegid())
    try:
        known = path.stat()
        is_right = (known.st_mode & 0o7777, known.st_uid, known.st_gid) == (mode, uid, gid)
        if is_right and path.read_bytes() == data:
            return False
    except (FileNotFoundError, PermissionError):
        pass
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(handle, mode)
            if (uid, gid) != (os.geteuid(), os.getegid()):
                os.fchown(handle, uid, gid)
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def ensure_folder(path: Path, *, mode: int, owner: Account | None = None, group: int | None = None) -> bool:
    """A folder with this mode, owner and group; says whether anything changed. Its parents must exist."""
    uid = owner.uid if owner else os.geteuid()
    gid = group if group is not None else (owner.gid if owner else os.getegid())
    created = False
    try:
        path.mkdir(mode=0o700)
        created = True
    except FileExistsError:
        pass
    known = path.stat()
    if (known.st_uid, known.st_gid) != (uid, gid):
        os.chown(path, uid, gid)
    elif known.st_mode & 0o7777 == mode:
        return created
    path.chmod(mode)  # after chown, which clears the setgid bit
    return True
