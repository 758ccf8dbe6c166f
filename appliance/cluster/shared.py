"""How the log is archived, on every node: whichever leads must do it as the one where backups were set up.

That is the node with the portal; it puts what lies in `etc/korobka/backup` into etcd, and the others take it
from there. It holds keys, as `secrets.toml` does, which every node has.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from appliance import users
from appliance.agent.codec import LINES, Malformed, decode_request, encode
from appliance.cluster.etcd import Etcd
from appliance.files import write_atomically
from appliance.paths import Paths

KEY = "/korobka/backup"
MOST_BYTES = 512 << 10
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,60}")


@dataclass(frozen=True)
class SharedFile:
    """A file of that folder, as it is to be on every node.

    The database's user can write whatever it likes into etcd, and root takes it over: so there are the three
    kinds of files that the folder has, and no mode to be chosen.
    """

    name: str
    content: str = field(metadata=LINES)
    is_databases: bool
    """Whether it is of the user of the database, who archives, and whom it must be readable for."""
    is_public: bool
    """Whether everybody may read it who gets into the folder."""


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


def untold(paths: Paths) -> Path:
    """There while the database may not have heard of what was taken over."""
    return paths.run / "state" / "archiving-untold"


def take(paths: Paths, etcd: Etcd) -> bool:
    """Make it here as it is there; whether anything changed."""
    theirs, here = known(etcd), read(paths)
    if theirs is None or theirs == here:
        return False
    # First: whoever is ended in between finds all as it should be.
    write_atomically(untold(paths), "", mode=0o600)
    for file in theirs:
        place = paths.backup / file.name
        if file.is_databases:
            write_atomically(place, file.content, mode=0o400, owner=users.account(users.DATABASE))
        else:
            write_atomically(place, file.content, mode=0o644 if file.is_public else 0o600)
    for name in {file.name for file in here} - {file.name for file in theirs}:
        (paths.backup / name).unlink()
    return True


def read(paths: Paths) -> tuple[SharedFile, ...]:
    owner, found = users.account(users.DATABASE).uid, []
    for file in sorted(paths.backup.iterdir()) if paths.backup.is_dir() else ():
        if file.is_file() and not file.is_symlink() and not file.name.startswith("."):
            state = file.stat()
            text = file.read_text(encoding="utf-8")
            # Where one user is everybody, nothing of root's is left to be told apart.
            is_databases = state.st_uid == owner and users.are_separated()
            found.append(SharedFile(file.name, text, is_databases, is_public=bool(state.st_mode & 0o004)))
    return tuple(found)


def known(etcd: Etcd) -> tuple[SharedFile, ...] | None:
    """None where it is not as a node of this version writes it."""
    entry = etcd.get(KEY)
    try:
        files = tuple(decode_request(SharedFile, file) for file in json.loads(entry.value)) if entry else ()
    except (ValueError, TypeError, Malformed):
        return None
    return files if all(_NAME.fullmatch(file.name) for file in files) else None


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
