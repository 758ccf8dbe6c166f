"""How the log is archived, on every node: whichever leads must do it as the one where backups were set up.

That is the node with the portal; it puts what lies in `etc/korobka/backup` into etcd, and the others take it
from there. It holds keys, as `secrets.toml` does, which every node has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from appliance import users
from appliance.agent.codec import decode, encode
from appliance.cluster.etcd import Etcd
from appliance.files import give, write_atomically
from appliance.paths import Paths

KEY = "/korobka/backup"
MOST_BYTES = 512 << 10


@dataclass(frozen=True)
class SharedFile:
    """A file of that folder, as it is to be on every node."""

    name: str
    content: str
    mode: int
    is_databases: bool
    """Whether its group is that of the database's user, who archives."""


def publish(paths: Paths, etcd: Etcd) -> bool:
    """Tell the others what is here; whether it was new."""
    here = read(paths)
    if here == known(etcd):
        return False
    text = json.dumps([encode(file) for file in here])
    if len(text) > MOST_BYTES:
        raise ValueError(
            f"{paths.backup} holds more than configuration: move what is not the box's own away."
        )
    etcd.put(KEY, text)
    return True


def take(paths: Paths, etcd: Etcd) -> bool:
    """Make it here as it is there; whether anything changed."""
    theirs, here = known(etcd), read(paths)
    if theirs == here:
        return False
    group = users.group_id(users.DATABASE)
    for file in theirs:
        place = paths.backup / Path(file.name).name
        write_atomically(place, file.content, mode=file.mode)
        if file.is_databases:
            give(place, mode=file.mode, group=group)
    for name in {file.name for file in here} - {file.name for file in theirs}:
        (paths.backup / name).unlink()
    return True


def read(paths: Paths) -> tuple[SharedFile, ...]:
    group, found = users.group_id(users.DATABASE), []
    for file in sorted(paths.backup.iterdir()) if paths.backup.is_dir() else ():
        if file.is_file() and not file.is_symlink() and not file.name.startswith("."):
            state = file.stat()
            text = file.read_text(encoding="utf-8")
            found.append(SharedFile(file.name, text, state.st_mode & 0o777, state.st_gid == group))
    return tuple(found)


def known(etcd: Etcd) -> tuple[SharedFile, ...]:
    entry = etcd.get(KEY)
    return tuple(decode(SharedFile, file) for file in json.loads(entry.value)) if entry else ()


def problems(paths: Paths) -> tuple[str, ...]:
    """Folders that backups go to, and that this node lacks."""
    try:
        places = json.loads((paths.backup / "places.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    return tuple(
        f"{folder}, where backups go, is not there: mount it, or nothing is archived while this node leads"
        for folder in places["folders"]
        if not Path(folder).is_dir()
    )
