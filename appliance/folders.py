"""The box's folders with their owners and modes: one list for the installer, the supervisors and the boot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance import users
from appliance.cluster import topology
from appliance.files import ensure_folder
from appliance.paths import Paths
from appliance.services import ALL


@dataclass(frozen=True)
class Folder:
    """A folder of the box. `owner` and `group` are names of `appliance.users`."""

    path: Path
    mode: int
    owner: str = users.ROOT
    group: str = users.ROOT


def runtime(paths: Paths) -> tuple[Folder, ...]:
    """The folders under `run/korobka`, which a boot of the machine empties.

    A service's sockets get the group of their folder (the setgid bit), which is the group that may connect.
    """
    is_clustered = topology.file_of(paths).exists()
    return (
        Folder(paths.run, 0o755),
        *(
            Folder(paths.run / service.name, 0o2750, service.user, service.socket_group or service.user)
            for service in ALL
            if is_clustered or service.name not in topology.OF_CLUSTERS
        ),
        # The router's, for the store alone: see `appliance.services.objects`.
        *((Folder(paths.run / "names", 0o2750, users.DATABASE, users.OBJECTS),) if is_clustered else ()),
        # The agent writes here what the portal must know even when nothing else works.
        Folder(paths.run / "state", 0o755),
        # What supervisord notes of services, and their own /tmp: not among what is theirs, see `files`.
        Folder(paths.run / "starts", 0o700),
        Folder(paths.run / "tmp", 0o755),
    )


def lasting(paths: Paths) -> tuple[Folder, ...]:
    """The folders that stay."""
    return (
        Folder(paths.etc, 0o755),
        Folder(paths.tls, 0o755),
        Folder(paths.generated, 0o755),
        Folder(paths.data, 0o755),
        Folder(paths.data / "database", 0o700, users.DATABASE, users.DATABASE),
        Folder(paths.data / "objects", 0o700, users.OBJECTS, users.OBJECTS),
        Folder(paths.backup, 0o750, users.ROOT, users.DATABASE),
        # Root's own notes, and what it hands to the engines; the engines' folders are below.
        Folder(paths.data / "backup", 0o710, users.ROOT, users.DATABASE),
        Folder(paths.data / "backup/sets", 0o700),
        Folder(paths.data / "backup/outgoing", 0o750, users.ROOT, users.DATABASE),
        *(
            Folder(paths.data / "backup" / name, 0o700, users.DATABASE, users.DATABASE)
            for name in ("home", "lock", "spool", "tmp")
        ),
        Folder(paths.operations, 0o700),
        Folder(paths.offered, 0o700),
        Folder(paths.log, 0o750),
        *(_of_cluster(paths) if topology.file_of(paths).exists() else ()),
    )


def _of_cluster(paths: Paths) -> tuple[Folder, ...]:
    return (
        Folder(topology.folder(paths), 0o700),
        Folder(paths.data / "etcd", 0o700, users.DATABASE, users.DATABASE),
    )


def all_folders(paths: Paths) -> tuple[Folder, ...]:
    """Every folder, parents first."""
    return (*lasting(paths), *runtime(paths))


def prepare(paths: Paths) -> tuple[Path, ...]:
    """Create and repair the folders; returns those that changed. Needs the users (`users.create`) when root.

    Called at every start, because `run/korobka` is lost when the machine boots.
    """
    changed = []
    for folder in all_folders(paths):
        _ensure_way_to(folder.path)
        owner, group = users.account(folder.owner), users.group_id(folder.group)
        if ensure_folder(folder.path, mode=folder.mode, owner=owner, group=group):
            changed.append(folder.path)
    return tuple(changed)


def _ensure_way_to(path: Path) -> None:
    """The folders above it, which services walk through, whatever the umask is of whoever makes them.

    The agent, which prepares a second box beside this one, would let nobody else in.
    """
    for folder in reversed([one for one in path.parents if not one.exists()]):
        ensure_folder(folder, mode=0o755)
