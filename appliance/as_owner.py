"""What is done within a service's own folder is done by the service's own user.

So a link there leads nowhere that its user could not go without root. What is read from there root opens as
it is, and never through a link: the name may be of a file that root alone can read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from appliance.files import UnsafeWay, way_to
from appliance.runner import run
from appliance.users import Account


def make_folder(path: Path, owner: Account) -> None:
    """For its owner alone; one that is there stays, and is for its owner alone."""
    run(["mkdir", "--parents", "--mode=0700", "--", path], user=owner)
    run(["chmod", "0700", "--", path], user=owner)


def remove(path: Path, owner: Account) -> None:
    """A file, or a folder with all that is in it; nothing where nothing is."""
    run(["rm", "--recursive", "--force", "--one-file-system", "--", path], user=owner)


def rename(path: Path, to: Path, owner: Account) -> None:
    """In one step, within one file system, to a name that is free or that it replaces."""
    run(["mv", "--no-target-directory", "--no-copy", "--", path, to], user=owner)


@contextmanager
def reading(path: Path, *, within: Path) -> Iterator[BufferedReader]:
    """A file of a service, of its folder `within`, which lies among root's own."""
    if not path.is_relative_to(within) or ".." in path.parts:
        raise UnsafeWay(path, f"is not within {within}: nothing is read there.")
    *folders, name = path.relative_to(within).parts
    with way_to(within.parent) as parent:
        at = os.open(within.name, _STEP, dir_fd=parent)
    try:
        for folder in folders:
            below = os.open(folder, _STEP, dir_fd=at)
            os.close(at)
            at = below
        # Whoever would wait at its other end waits in vain.
        handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise UnsafeWay(path, f"is not a file of the service ({error.strerror}): remove it.") from None
    finally:
        os.close(at)
    with os.fdopen(handle, "rb") as file:
        known = os.fstat(handle)
        if not stat.S_ISREG(known.st_mode) or known.st_nlink != 1:
            raise UnsafeWay(path, "is a link, or no file: remove it.")
        yield file


_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
