"""Connections to the directories of the tests, and runs as the jobs do them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

from PIL import Image

from box.bridges.directory.models import Change, Connection, Run
from box.bridges.directory.presets import preset
from box.bridges.directory.sync import perform_run
from box.core.accounts.models import User
from tests.directory.samba import PASSWORD, Samba
from tests.directory.slapd import Slapd


def connected(server: Slapd | Samba, *bases: str, **changes: Any) -> Connection:
    """A connection with the preset of its kind; `rules` and `mapping` take the fields to change."""
    kind = Connection.Kind.AD if isinstance(server, Samba) else Connection.Kind.OPENLDAP
    mapping = replace(preset(kind).mapping, **changes.pop("mapping", {}))
    connection = Connection(
        name="Corp", kind=kind, is_on=True, is_confirmed=True, servers=[server.address],
        security=Connection.Security.STARTTLS, ca_pem=server.authority.pem, bind_dn=server.admin,
        people_bases=list(bases), mapping=mapping,
    )  # fmt: skip
    connection.bind_password = PASSWORD
    if isinstance(server, Slapd):
        connection.servers = [f"{server.address}:{server.port}"]
        connection.bind_dn, connection.bind_password = server.reader, server.reader_password
    connection.rules = replace(connection.rules, **changes.pop("rules", {}))
    for name, value in changes.items():
        setattr(connection, name, value)
    connection.save()
    return connection


def synchronised(connection: Connection, *, is_full: bool = False, **run: Any) -> Run:
    return _run(connection, Run.Mode.SYNC, is_full=is_full, **run)


def previewed(connection: Connection) -> Run:
    return _run(connection, Run.Mode.PREVIEW)


def _run(connection: Connection, mode: str, *, is_full: bool = False, **more: Any) -> Run:
    run = Run.objects.create(connection=Connection.objects.get(pk=connection.pk), mode=mode)
    perform_run(run, is_full=is_full, **more)
    run.refresh_from_db()
    return run


def told(run: Run, action: str = "") -> list[str]:
    """The lines of a run's log: `suspend anna: disabled in the directory`."""
    changes = Change.objects.filter(run=run).order_by("id")
    if action:
        changes = changes.filter(action=action)
    return [f"{one.action} {one.name} {one.field} {one.old}>{one.new} {one.reason}" for one in changes]


def person(login: str) -> User:
    found: User = User.objects.get(login=login)
    return found


def picture(colour: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (400, 300), colour).save(out, "JPEG")
    return out.getvalue()
