"""Kinds of places that backups go to: a module each, with all that is particular to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup.targets.folder import Folder
from backup.targets.s3 import S3
from backup.targets.sftp import Sftp

if TYPE_CHECKING:
    from backup.settings import Target
    from backup.targets.kind import Kind

KINDS: dict[str, Kind] = {"folder": Folder(), "s3": S3(), "sftp": Sftp()}


def kind_of(target: Target) -> Kind:
    return KINDS[target.kind]
