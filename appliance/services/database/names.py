"""What the database's programs, roles and folders are called."""

from __future__ import annotations

from pathlib import Path

from appliance.node import Node

BIN = Path("/usr/lib/postgresql/17/bin")
NAME = "korobka"
SUPERUSER, OWNER, APPLICATION = "postgres", "korobka_owner", "korobka_app"
OBJECTS = "korobka_objects"
"""The role of the stores of a cluster, and their own database: the names of all objects."""
OBJECTS_UNFINISHED = f"{OBJECTS}_new"
"""What that database is called while names move, and no store reaches it."""
REPLICATION, REWIND, BACKUP = "korobka_replication", "korobka_rewind", "korobka_backup"
STANZA = "korobka"
"""What pgBackRest calls this cluster."""


def cluster(node: Node) -> Path:
    """The folder of the cluster. Its last part is the version, so the next one can be built beside it."""
    return node.data("database") / "17"


def replicas_port(node: Node) -> int:
    """By which clients name the socket of the router that leads to replicas: in the leader's folder."""
    return node.box.database.port + 1
