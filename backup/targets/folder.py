"""A folder on a disk of its own, or on a share that is mounted."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from appliance import users
from appliance.files import ensure_folder, hand_over
from appliance.services.database.service import SERVICE as DATABASE
from appliance.supervise import supervisor_for
from backup.settings import BackupRefused, Settings, Target, free_name
from backup.targets.kind import Kind

if TYPE_CHECKING:
    import argparse

    from appliance.agent.protocol import AddBackupTarget
    from appliance.node import Node

_SYSTEM = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr",
)  # fmt: skip


class Folder(Kind):
    is_network: ClassVar = False

    def asked(self, node: Node, chosen: Settings, asked: AddBackupTarget, number: int) -> Target:
        path = asked.path.rstrip("/") or "/"
        target = Target(number, free_name(path.rpartition("/")[2] or "disk", chosen), "folder", path)
        if target.spot in {one.spot for one in chosen.targets}:
            raise BackupRefused(f"Backups go to {path} already.")
        return target

    def given(self, given: argparse.Namespace) -> Target:
        return Target(0, given.name, "folder", str(given.folder), bandwidth_kib=given.bandwidth)

    def database_options(self, node: Node, target: Target) -> Mapping[str, object]:
        return {"path": _repository(target) / "database"}

    def base(self, target: Target) -> str:
        return f"{target.path.rstrip('/')}/{target.repository}"

    def synced(self, target: Target) -> Sequence[Any]:
        # rclone leaves that to the kernel.
        return ["sync", "-f", target.path]

    def disk(self, target: Target) -> Path | None:
        return Path(target.path)

    def prepare(self, node: Node, target: Target) -> None:
        refuse_own_places(node, target)
        prepare(target)

    def prepare_next(self, node: Node, target: Target) -> None:
        ensure_folder(_repository(target), mode=0o700, owner=users.account(users.DATABASE))

    def abandon(self, target: Target) -> None:
        _repository(target).rmdir()

    def take_over(self, target: Target) -> None:
        """The repository belongs to the engines' user, who may have had another number on the old machine."""
        folder, owner = _repository(target), users.account(users.DATABASE)
        if folder.is_dir() and users.are_separated() and folder.stat().st_uid != owner.uid:
            hand_over(folder, owner)


def _repository(target: Target) -> Path:
    return Path(target.path) / target.repository


def prepare(target: Target) -> None:
    """The box's own folder on a disk, which the engines' user writes to."""
    folder = Path(target.path)
    if not folder.is_absolute() or not folder.is_dir():
        raise BackupRefused(f"There is no folder {folder}: mount the disk, or create it first.")
    ours, owner = _repository(target), users.account(users.DATABASE)
    try:
        ensure_folder(ours, mode=0o700, owner=owner)
    except OSError as error:
        if _is_folder_of(owner, ours):
            return
        raise BackupRefused(
            f"Root cannot prepare {ours} ({error.strerror}): create it yourself and give it to the user "
            f"{owner.name}."
        ) from error


def _is_folder_of(owner: users.Account, folder: Path) -> bool:
    """Whether it is prepared already: by whoever may, where root may not, as on another machine's disk."""
    try:
        known = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(known.st_mode) and known.st_uid == owner.uid


def refuse_own_places(node: Node, target: Target) -> None:
    """Root prepares the folder: none of the system's and none of the box's own may become it, or hold it."""
    ours, paths = Path(target.path).resolve() / "korobka", node.paths
    for place in (*map(Path, _SYSTEM), paths.etc, paths.data, paths.log, paths.run, paths.releases):
        if ours.is_relative_to(place) or place.is_relative_to(ours):
            raise BackupRefused(f"{target.path} belongs to the system: choose a folder on another disk.")
    # The engines write there, and so does the database, which hands over its log from within its sandbox.
    for place in supervisor_for(node).hidden_from(DATABASE):
        if ours.is_relative_to(place):
            raise BackupRefused(
                f"The database does not see {target.path}, since {place} is another place for it: choose "
                f"a folder elsewhere, such as /mnt/backup."
            )
