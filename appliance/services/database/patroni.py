"""Patroni's configuration, written as JSON, which is YAML with its quotes.

Source: Patroni 4.0, "YAML configuration settings" and "Dynamic configuration settings".
"""

from __future__ import annotations

import json
from typing import Any

from appliance.cluster import credentials
from appliance.cluster.etcd import client_hosts
from appliance.cluster.topology import PATRONI_PORT
from appliance.node import Node
from appliance.services.base import GeneratedFile
from appliance.services.database.names import BIN, REPLICATION, REWIND, SUPERUSER, cluster

FILE = "patroni.json"
SCOPE = "korobka"
DYNAMIC_KEY = f"/service/{SCOPE}/config"
"""Where Patroni keeps in etcd what must be the same on all nodes."""
SENDERS = 16
"""Of the log, and slots for them. As many on a single box: with fewer PostgreSQL refuses to recover what a
cluster has backed up."""
SYNC_KEY = f"/service/{SCOPE}/sync"
"""Where it keeps which copies confirm writes, and how many of them have to be asked to know all of them."""


def command(node: Node) -> tuple[str, ...]:
    # Debian's own Python, whichever `python3` is first on the way.
    return ("/usr/bin/python3", "-m", "patroni", str(node.generated("database") / FILE))


def dynamic(node: Node) -> dict[str, Any]:
    """What holds for all nodes.

    No acknowledged write is lost: a commit waits for one more copy where there is one, whichever is first, so
    that a copy that stalls or restarts keeps nobody waiting. Writes end when the lock cannot be held any
    more, 20 s at most after the cut.
    """
    return {
        "ttl": 20,
        "loop_wait": 2,
        "retry_timeout": 5,
        "maximum_lag_on_failover": 1 << 20,
        # Another one leads at once, instead of waiting for the first to come back.
        "primary_start_timeout": 0,
        "synchronous_mode": "quorum",
        # A session that was told to end drops its temporary tables, and waits for a copy that is gone to
        # confirm that: nothing but a kill ends it, and until then nobody could even read.
        "primary_stop_timeout": 10,
        "postgresql": {
            "use_pg_rewind": True,
            "use_slots": True,
            "parameters": {
                "max_connections": node.box.database.max_connections,
                "max_wal_senders": SENDERS,
                "max_replication_slots": SENDERS,
                "wal_level": "replica",
                "wal_log_hints": "on",
            },
        },
    }


def config(node: Node) -> GeneratedFile:
    """What is of this node alone."""
    membership, folder = node.cluster, node.generated("database")
    address = membership.me.address
    host = f"[{address}]" if ":" in address else address
    authority, certificate, key = (
        str(folder / name) for name in (credentials.AUTHORITY, credentials.CERTIFICATE, credentials.KEY)
    )
    by_certificate = {
        "sslmode": "verify-full",
        "sslrootcert": authority,
        "sslcert": certificate,
        "sslkey": key,
    }
    settings = {
        "scope": SCOPE,
        "name": membership.name,
        "restapi": {
            "listen": f"{host}:{PATRONI_PORT}",
            "connect_address": f"{host}:{PATRONI_PORT}",
            "certfile": certificate,
            "keyfile": key,
            "cafile": authority,
            "verify_client": "required",
        },
        "ctl": {"cacert": authority, "certfile": certificate, "keyfile": key},
        "etcd3": {
            "hosts": client_hosts(membership.topology),
            "protocol": "https",
            "cacert": authority,
            "cert": certificate,
            "key": key,
        },
        "bootstrap": {"dcs": dynamic(node)},
        "postgresql": {
            "listen": f"{host}:{node.box.database.port}",
            "connect_address": f"{host}:{node.box.database.port}",
            "data_dir": str(cluster(node)),
            "bin_dir": str(BIN),
            "custom_conf": str(folder / "postgresql.conf"),
            "pgpass": str(node.data("database") / "pgpass"),
            "use_unix_socket": True,
            "parameters": {
                "unix_socket_directories": str(node.run("database")),
                "hba_file": str(folder / "pg_hba.conf"),
                "ident_file": str(folder / "pg_ident.conf"),
            },
            "authentication": {
                "superuser": {"username": SUPERUSER},
                "replication": {
                    "username": REPLICATION,
                    "password": node.secrets.database_replication_password,
                    **by_certificate,
                },
                "rewind": {
                    "username": REWIND,
                    "password": node.secrets.database_rewind_password,
                    **by_certificate,
                },
            },
            # Whoever cannot be rewound is copied anew, without a hand.
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
            "create_replica_methods": ["basebackup"],
            "basebackup": {"checkpoint": "fast", "wal-method": "stream"},
        },
        "log": {"type": "plain", "level": "INFO"},
        "watchdog": {"mode": "automatic"},
    }
    return GeneratedFile(FILE, json.dumps(settings, indent=1) + "\n")
