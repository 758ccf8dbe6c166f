"""What `backup.pack_engine` is asked to do, as JSON: a `Job`, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Store:
    """The portal's store."""

    address: str
    region: str
    bucket: str
    is_path_style: bool
    ca_file: str = ""


type Listed = Sequence[tuple[str, int, int, str]]
"""Entries of a pack: see `Entry`."""


@dataclass(frozen=True)
class Part:
    """One thing to do."""

    do: str
    """`pack` blobs of the store, or `repack` those of other packs; `give` them to the store, `fetch` them
    into a folder, or `read` them only; `scan` a pack that has no index; `list` the store."""
    pack: str = ""
    """The one that is written or read."""
    blobs: Sequence[tuple[str, str]] = ()
    """What is packed: keys, with their SHA-256 as far as that is known."""
    entries: Listed = ()
    """What is read."""
    sources: Sequence[tuple[str, Listed]] = ()
    """Of `repack`: packs with what stays of them."""
    folder: str = ""
    """Of `fetch`."""


@dataclass(frozen=True)
class Job:
    rclone: tuple[str, ...]
    """The program, and what it is always told."""
    place: str
    """The remote in which packs lie."""
    store: Store
    volume_index: str
    """Where the engines' user has its `VolumeIndex`."""
    volumes: tuple[tuple[int, int], ...] = ()
    """Numbers of volumes in which its small files lie, and their descriptors; none, where it is not of this
    machine, or of another kind."""
