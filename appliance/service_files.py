"""Writes what each service needs to know into files that only this service can read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from appliance import users
from appliance.cluster import topology
from appliance.files import ensure_folder, locked, write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import Service, enabled
from appliance.services.objects.authority import AUTHORITY as OF_STORE
from appliance.services.telephony.sockets import AUTHORITY as OF_PBX


def apply(node: Node, only: tuple[Service, ...] | None = None) -> tuple[str, ...]:
    """Write the generated files of the enabled services (or of `only` these) and name the services to be
    told.

    A file is written whole or not at all, 0400 of the service's user, and only when its content differs; a
    file that is not generated any more goes. web, push and jobs share the portal's one file: when it
    changes, all three are named. Everything is computed before anything is written, so that a mistake
    changes nothing.
    """
    with as_agreed(node) as known:
        return _apply(known, only)


_is_following: ContextVar[bool] = ContextVar("_is_following", default=False)
"""Whether this thread takes another topology over."""


@contextmanager
def following(paths: Paths) -> Iterator[None]:
    """Services get another topology than the one that is written down: nobody else writes their files or
    units before that is."""
    with locked(paths.generated / ".lock"):
        before = _is_following.set(True)
        try:
            yield
        finally:
            _is_following.reset(before)


@contextmanager
def as_agreed(node: Node) -> Iterator[Node]:
    """The node by the topology that its services have now, and keep meanwhile: it may be another one than
    when this was loaded, by an operation that has drained a worker since, for example."""
    if _is_following.get() or node.membership is None:
        yield node
        return
    with following(node.paths):
        yield replace(node, membership=topology.load(node.paths) or node.membership)


def _apply(node: Node, only: tuple[Service, ...] | None) -> tuple[str, ...]:
    services = enabled(node) if only is None else only
    for authority in (OF_STORE, OF_PBX):
        authority.keep(node)
    planned = [(service, service.files(node)) for service in services]
    changed = []
    for service, files in planned:
        if not files:
            continue
        owner = users.account(service.user)
        folder = _folder(node, service)
        # Root's, so that a service can read what it was told, but not replace it.
        ensure_folder(folder, mode=0o750, group=owner.gid)
        names = {file.name for file in files}
        differs = [
            *(write_atomically(folder / file.name, file.content, mode=0o400, owner=owner) for file in files),
            *(_remove(path) for path in list(folder.iterdir()) if path.name not in names),
        ]
        if any(differs):
            changed.append(folder)
    return tuple(service.name for service in services if _folder(node, service) in changed)


def pending(node: Node) -> tuple[str, ...]:
    """Names the services that `apply` would have something new to tell; writes nothing."""
    services = enabled(node)
    stale = {_folder(node, service) for service in services if not _is_told(node, service)}
    return tuple(service.name for service in services if _folder(node, service) in stale)


def _folder(node: Node, service: Service) -> Path:
    return node.generated(service.files_folder or service.name)


def _is_told(node: Node, service: Service) -> bool:
    files = {file.name: file.content for file in service.files(node)}
    folder = _folder(node, service)
    if not files:
        return True
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != set(files):
        return False
    return all((folder / name).read_bytes() == _bytes(content) for name, content in files.items())


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _remove(path: Path) -> bool:
    path.unlink()
    return True
