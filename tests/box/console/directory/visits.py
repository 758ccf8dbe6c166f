"""Who may what, at the addresses of directories. Nothing listens where this one would be."""

from __future__ import annotations

from typing import Any

from box.bridges.directory.models import Conflict, Connection, Link, Run
from tests.box.visits import CONSOLE, SIGN_IN, Cast, Visit


def administrators(status: int) -> tuple[int | str, ...]:
    return (status, 404, 404, 404, 404, SIGN_IN)


VISITS = (
    Visit("GET", "console:directory:list", CONSOLE),
    Visit("GET", "console:directory:new", CONSOLE),
    Visit("POST", "console:directory:new", CONSOLE),
    Visit("GET", "console:directory:explanation", CONSOLE),
    Visit("GET", "console:directory:overview", CONSOLE, of="directory"),
    Visit("POST", "console:directory:overview", administrators(400), of="directory"),
    Visit("GET", "console:directory:connection", CONSOLE, of="directory"),
    Visit("POST", "console:directory:connection", administrators(422), of="directory"),
    Visit("DELETE", "console:directory:connection", CONSOLE, of="directory"),
    Visit("GET", "console:directory:mapping", CONSOLE, of="directory"),
    Visit("POST", "console:directory:mapping", administrators(422), of="directory"),
    Visit("GET", "console:directory:groups", CONSOLE, of="directory"),
    Visit("POST", "console:directory:groups", administrators(302), of="directory", data={"do": "all"}),
    Visit("GET", "console:directory:found-groups", CONSOLE, of="directory"),
    Visit("GET", "console:directory:rules", CONSOLE, of="directory"),
    Visit("POST", "console:directory:rules", administrators(422), of="directory"),
    Visit("GET", "console:directory:sign-in", CONSOLE, of="directory"),
    Visit("POST", "console:directory:sign-in", administrators(422), of="directory"),
    Visit("GET", "console:directory:tree", CONSOLE, of="directory"),
    Visit("GET", "console:directory:entry", CONSOLE, of="directory"),
    Visit("GET", "console:directory:conflicts", CONSOLE, of="directory"),
    Visit("POST", "console:directory:conflicts", administrators(400), of="directory"),
    Visit("POST", "console:directory:linking", administrators(302), of="directory-conflict"),
    Visit("POST", "console:directory:separation", administrators(302), of="directory-conflict"),
    Visit("POST", "console:directory:unlinking", administrators(302), of="directory-person"),
    Visit("POST", "console:directory:schedule", administrators(302), of="directory"),
    Visit("POST", "console:directory:runs", administrators(302), of="directory"),
    Visit("GET", "console:directory:run", CONSOLE, of="directory-run"),
    Visit("POST", "console:directory:run", administrators(400), of="directory-run"),
    Visit("POST", "console:directory:confirmation", administrators(302), of="directory-run"),
    Visit("POST", "console:directory:cancellation", administrators(302), of="directory-run"),
    Visit("POST", "console:directory:answer", administrators(302), of="directory-run"),
)


def things(cast: Cast) -> dict[str, Any]:
    connection = Connection.objects.create(
        name="Corp", servers=["127.0.0.1:1"], people_bases=["dc=corp,dc=test"]
    )
    run = Run.objects.create(connection=connection, mode=Run.Mode.PREVIEW, state=Run.State.DONE)
    Connection.objects.filter(pk=connection.pk).update(changed_at=cast.olga.joined_at)
    Run.objects.filter(pk=run.pk).update(asked_at=cast.olga.joined_at.replace(year=2000))
    conflict = Conflict.objects.create(connection=connection, stable_id="1", kind="email", dn="cn=somebody")
    Link.objects.create(
        connection=connection, kind=Link.Kind.PERSON, stable_id="2", object_id=cast.anna.pk, dn="cn=anna"
    )
    return {
        "directory": connection.pk, "directory-run": run.pk, "directory-conflict": conflict.pk,
        "directory-person": cast.anna.pk,
    }  # fmt: skip
