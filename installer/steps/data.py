"""The database, the bucket, the tables: what the portal's data lies in."""

from __future__ import annotations

from appliance import users
from appliance.runner import Completed, run
from appliance.services.database import setup as database
from appliance.services.objects import setup as objects
from installer import schema
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
    newer = schema.unknown(database.applied(host.node), host.release, host.paths.releases.glob("[!.]*"))
    if newer:
        raise schema.SchemaRefused(f"{schema.refusal(newer)}\n  Cure: {schema.CURE}")
    return _manage(host, "migrate", "--check", check=False).code == 0


def _migrate(host: Host) -> None:
    _manage(host, "migrate", "--noinput")


def _runs(host: Host, service: str) -> bool:
    """Whether it answers. A store that is not ours counts as running; its set-up tells whether it answers."""
    return all(status.is_healthy for status in host.supervisor.status(service))


def _manage(host: Host, *words: str, check: bool = True) -> Completed:
    """Runs a command of the release to come, as the owner of the tables."""
    return run(
        [host.release / "venv/bin/python", "-P", "manage.py", *words],
        cwd=host.release,
        user=users.account(users.PORTAL),
        env=host.node.portal_environment
        | {"KOROBKA_DATABASE_ROLE": "owner", "PYTHONPATH": str(host.release)},
        secrets={"PGPASSWORD": host.node.secrets.database_owner_password},
        check=check,
    )


STEPS = (
    recovery.DATABASE,
    Step("Database", _is_database_ready, _prepare_database),
    Step("Object store", _are_objects_ready, _prepare_objects),
    Step("Tables", _is_schema_current, _migrate),
    recovery.FILES,
)
