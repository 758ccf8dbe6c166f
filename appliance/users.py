"""The box's system users, and who they are when the box does not run as root."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

PORTAL = "korobka"
DATABASE = "korobka-db"
OBJECTS = "korobka-objects"
CACHE = "korobka-cache"
BALANCER = "korobka-balancer"
ROOT = "root"

ALL = (PORTAL, DATABASE, OBJECTS, CACHE, BALANCER)


COMMENT, HOME, SHELL = "Korobka", "/nonexistent", "/usr/sbin/nologin"
"""An account that has all three was made by `create`, and is the box's own."""
_EXISTS = 9  # useradd(8), "username or group name already in use"


class UserMissing(Exception):
    """A system user of the box does not exist yet."""


@dataclass(frozen=True)
class Account:
    """A system user and its own group, by number, because files and `setpriv` take numbers."""

    name: str
    uid: int
    gid: int


def are_separated() -> bool:
    """Whether each service has a user of its own: only root can give them one."""
    return os.geteuid() == 0


def account(name: str) -> Account:
    """The account that plays the role `name`: itself as root, else the caller, who then plays them all."""
    if not are_separated():
        return Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise UserMissing(
            f"The system user {name} does not exist: run the installer, which creates it."
        ) from None
    return Account(name, entry.pw_uid, entry.pw_gid)


def group_id(name: str) -> int:
    """The number of the group `name` (each account has its own); the caller's when not root."""
    return account(name).gid


def missing() -> tuple[str, ...]:
    """The users that `create` would make."""
    if not are_separated():
        return ()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return tuple(name for name in ALL if name not in known)


def foreign() -> tuple[tuple[str, str], ...]:
    """Accounts and groups with our names that `create` has not made, each with what tells."""
    if not are_separated():
        return ()
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    groups = {entry.gr_name: entry for entry in grp.getgrall()}
    found = ((name, _foreignness(name, accounts.get(name), groups)) for name in ALL)
    return tuple((name, why) for name, why in found if why)


def _foreignness(name: str, account: pwd.struct_passwd | None, groups: Mapping[str, grp.struct_group]) -> str:
    if account is not None:
        if (account.pw_gecos.split(",")[0], account.pw_dir, account.pw_shell) != (COMMENT, HOME, SHELL):
            return f"its home is {account.pw_dir}, its shell {account.pw_shell}"
        others = sorted(group.gr_name for group in groups.values() if name in group.gr_mem)
        if others:
            return f"it is a member of {', '.join(others)}"
    if name in groups and groups[name].gr_mem:
        return f"its group has members, {', '.join(groups[name].gr_mem)}"
    return ""


def create() -> tuple[str, ...]:
    """Create the users that are missing, each with its own group, no home, no shell; returns their names."""
    created = missing()
    for name in created:
        known_group = name in {entry.gr_name for entry in grp.getgrall()}
        done = subprocess.run(
            [
                *("useradd", "--system", "--no-create-home", "--home-dir", HOME),
                *("--shell", SHELL, "--comment", COMMENT),
                *(("--gid", name) if known_group else ("--user-group",)),
                name,
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, _EXISTS):  # another installer may have been faster
            raise UserMissing(f"The system user {name} cannot be created: {done.stderr.strip()}")
    return created
