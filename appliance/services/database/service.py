"""PostgreSQL 17, the box's own: on a Unix socket only, and on the node's address where there are others.

On a single box it is started as it is. In a cluster Patroni starts it, leads it and makes copies of it.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

from appliance import quoting, runner, users
from appliance.cluster import credentials
from appliance.cluster.identity import store_name
from appliance.cluster.topology import PATRONI_PORT
from appliance.node import Node
from appliance.services.base import GeneratedFile, Listener, Sandbox, Service
from appliance.services.database import patroni
from appliance.services.database.names import (
    APPLICATION,
    BACKUP,
    BIN,
    NAME,
    OBJECTS,
    OBJECTS_UNFINISHED,
    OWNER,
    REPLICATION,
    REWIND,
    STANZA,
    SUPERUSER,
    cluster,
)  # fmt: skip
from appliance.templates import render


def archive_command(node: Node) -> str:
    """What keeps the write-ahead log: nothing, until backups are set up."""
    config = node.paths.backup / "pgbackrest.conf"
    if not config.exists():
        return "/bin/true"
    # What the server fills in begins with a percent sign.
    file = quoting.shell(config).replace("%", "%%")
    return f"pgbackrest --config={file} --stanza={STANZA} archive-push %p"


def _archive_places(node: Node) -> tuple[tuple[Path, ...], bool]:
    """The folders that archiving writes to, and whether it needs the network: the server starts it."""
    try:
        places = json.loads((node.paths.backup / "places.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return (), False
    return (node.data("backup"), *(Path(folder) for folder in places["folders"])), bool(places["network"])


def _sandbox(node: Node) -> Sandbox:
    folders, network = _archive_places(node)
    return Sandbox(
        writable=(node.data("database"), node.run("database"), *folders),
        network=network or node.membership is not None,
    )


def memory_budget_mb(node: Node) -> int:
    """What PostgreSQL may count on: a quarter of the machine, which it shares with the whole box."""
    return node.box.database.memory_mb or max(node.machine.memory_mb // 4, 256)


def _files(node: Node) -> tuple[GeneratedFile, ...]:
    budget = memory_budget_mb(node)
    folder = node.generated("database")
    # Whoever may become whom without a password: the application's user the application, the service's own
    # user (and root, who could anyway) the superuser, and the role of the stores where names move. Without
    # separated users, one user is everybody.
    me = users.account(users.DATABASE).name
    maps = [(me, SUPERUSER), (me, OBJECTS), (users.account(users.PORTAL).name, APPLICATION)]
    if users.are_separated():
        maps += [("root", SUPERUSER), ("root", APPLICATION), ("root", BACKUP)]
    else:
        maps += [(me, BACKUP)]
    membership = node.membership
    conf = render(
        "services/database/postgresql.conf.j2",
        address=membership.me.address if membership else "",
        folder=folder,
        sockets=node.run("database"),
        port=node.box.database.port,
        archive_command=archive_command(node),
        archive_timeout="0" if archive_command(node) == "/bin/true" else "45s",
        max_connections=node.box.database.max_connections,
        senders=patroni.SENDERS,
        shared_buffers=min(budget // 4, 4096),
        effective_cache_size=budget * 2,
        work_mem=min(max(budget // 128, 4), 32),
        maintenance_work_mem=min(max(budget // 16, 64), 1024),
    )
    return (
        GeneratedFile("postgresql.conf", conf),
        GeneratedFile(
            "pg_hba.conf",
            render(
                "services/database/pg_hba.conf.j2",
                name=NAME,
                superuser=SUPERUSER,
                application=APPLICATION,
                owner=OWNER,
                replication=REPLICATION,
                rewind=REWIND,
                backup=BACKUP,
                objects=OBJECTS,
                objects_unfinished=OBJECTS_UNFINISHED,
                members=membership.topology.members if membership else (),
            ),
        ),
        GeneratedFile("pg_ident.conf", _ident(node, maps)),
        *((patroni.config(node), *credentials.files(node)) if membership else ()),
    )


def _ident(node: Node, maps: list[tuple[str, str]]) -> str:
    lines = [f"box {person} {role}\n" for person, role in maps]
    if node.membership:
        # The portal of a node comes through its router, which shows the node's certificate.
        known = [member.name for member in node.membership.topology.members]
        lines += [f"nodes {name} {APPLICATION}\n" for name in known]
        lines += [f"nodes {store_name(name)} {OBJECTS}\n" for name in known]
    return "".join(lines)


def _command(node: Node, _: str) -> tuple[str, ...]:
    if node.membership:
        return patroni.command(node)
    return (
        str(BIN / "postgres"),
        *("-D", str(cluster(node))),
        *("-c", f"config_file={node.generated('database') / 'postgresql.conf'}"),
    )


def _listeners(node: Node, _: int) -> tuple[Listener, ...]:
    socket = Listener(str(node.run("database") / f".s.PGSQL.{node.box.database.port}"))
    if node.membership is None:
        return (socket,)
    address = node.membership.me.address
    return (
        socket,
        *(Listener(address, port, is_public=True) for port in (node.box.database.port, PATRONI_PORT)),
    )


def _health(node: Node, _: int) -> str | None:
    """A query, not `pg_isready`: a server that connects but cannot read its catalogue is ill."""
    try:
        done = runner.run(
            [BIN / "psql", "-XAtqw", "-c", "select 1"],
            env={
                "PGHOST": str(node.run("database")),
                "PGPORT": str(node.box.database.port),
                "PGUSER": SUPERUSER,
                "PGDATABASE": "postgres",
                "PGCONNECT_TIMEOUT": "5",
            },
            user=users.account(users.DATABASE),
            timeout=10,
            check=False,
        )
    except TimeoutError:
        return "it takes connections but does not answer a query"
    return None if done.code == 0 else (done.stderr.strip().splitlines() or ["it does not answer"])[0]


SERVICE = Service(
    name="database",
    title="Database",
    order=10,
    user=users.DATABASE,
    command=_command,
    environment=lambda _: {
        # The kernel shall rather end one query than the server: the score below is systemd's or root's to
        # set.
        "PG_OOM_ADJUST_FILE": "/proc/self/oom_score_adj",
        "PG_OOM_ADJUST_VALUE": "0",
    },
    directory=lambda node: node.data("database"),
    listeners=_listeners,
    health=_health,
    memory_mb=lambda node: memory_budget_mb(node) * 2,
    backup=("the cluster, by base backup and WAL archive",),
    files=_files,
    socket_group=users.PORTAL,
    stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint, so that the next start is quick
    stop_seconds=90,
    abandon_signal=signal.SIGQUIT,  # "immediate": ends all its processes, and leaves the rest to a recovery
    reload_signal=signal.SIGHUP,
    # Patroni takes over a server that has outlived it.
    stale_pid_file=lambda node: None if node.membership else cluster(node) / "postmaster.pid",
    oom_score=-500,
    sandbox=_sandbox,
)
