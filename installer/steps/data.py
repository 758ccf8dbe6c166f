"""The database, the bucket, the tables: what the portal's data lies in."""

from __future__ import annotations

from appliance.services.database import setup as database
from appliance.services.objects import setup as objects
from installer import schema
from installer.portal_commands import manage
from installer.schema import Schema
from installer.steps import recovery
from installer.steps.base import Host, Step


def _is_database_ready(host: Host) -> bool:
    return database.has_cluster(host.node) and _runs(host, "database") and database.is_set_up(host.node)


def _prepare_database(host: Host) -> None:
    if not database.has_cluster(host.node):
        host.outcome.doing("creating the cluster")
        database.create_cluster(host.node)
    host.start("database")
    database.set_up(host.node)


def _are_objects_ready(host: Host) -> bool:
    return _runs(host, "objects") and objects.is_set_up(host.node)


def _prepare_objects(host: Host) -> None:
    if host.node.box.objects.engine != "external":
        host.start("objects")
    objects.set_up(host.node)


def _is_schema_current(host: Host) -> bool:
    if host.goes_back:
        return True
    if host.node.runs("database") and (newer := _unknown(host)):
        raise schema.SchemaRefused(f"{schema.refusal(newer)}\n  Cure: {schema.CURE}")
    return manage(host.node, host.release, "migrate", "--check", check=False).code == 0


def _unknown(host: Host) -> frozenset[str]:
    return schema.unknown(database.applied(host.node), host.release, host.paths.releases.glob("[!.]*"))


def _migrate(host: Host) -> None:
    manage(host.node, host.release, "migrate", "--noinput", is_owner=True)


def _is_written(_: Host) -> bool:
    return False  # a check is of this moment


def _write(host: Host) -> None:
    """Before anything moves over: the release to come writes on these tables, and where it has changed them
    so does the running one. Whoever flees from a release that cannot write is not held by it."""
    running = host.paths.current.resolve()
    changes = Schema.of(host.release).migrations - Schema.of(running).migrations
    for folder in (host.release, running) if changes else (host.release,):
        if (folder / WRITTEN).exists():  # a release from before there was such a check
            host.outcome.doing(folder.name)
            manage(host.node, folder, "written")
    host.outcome.text = "a post can be written"


WRITTEN = "box/apps/feed/management/commands/written.py"


def _runs(host: Host, service: str) -> bool:
    """Whether it answers. A store that is not ours counts as running; its set-up tells whether it answers."""
    return all(status.is_healthy for status in host.supervisor.status(service))


STEPS = (
    recovery.DATABASE,
    Step("Database", _is_database_ready, _prepare_database, needs="database"),
    Step("Object store", _are_objects_ready, _prepare_objects, needs="objects"),
    Step("Tables", _is_schema_current, _migrate, needs="web"),
    Step("Written post", _is_written, _write, needs="web"),
    recovery.FILES,
)
