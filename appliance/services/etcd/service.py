"""etcd: what the nodes agree on. Every vote of a cluster is one; a single box has none."""

from __future__ import annotations

from appliance import users
from appliance.cluster import credentials
from appliance.cluster.etcd import client_url, peer_url
from appliance.cluster.topology import ETCD_PORT, PEER_PORT
from appliance.node import Node
from appliance.services.base import Listener, Sandbox, Service

PROGRAM = "/usr/bin/etcd"


def _command(node: Node, _: str) -> tuple[str, ...]:
    membership, files = node.cluster, node.generated("etcd")
    address = membership.me.address
    # Only read at the first start; later on it must only stay the same.
    founders = [entry.partition("=")[::2] for entry in membership.founders]
    return (
        PROGRAM,
        *("--name", membership.name, "--data-dir", str(node.data("etcd"))),
        *("--listen-client-urls", client_url(address), "--advertise-client-urls", client_url(address)),
        *("--listen-peer-urls", peer_url(address), "--initial-advertise-peer-urls", peer_url(address)),
        *("--initial-cluster", ",".join(f"{name}={peer_url(at)}" for name, at in founders)),
        *("--initial-cluster-state", "new" if membership.is_founder else "existing"),
        *("--cert-file", str(files / credentials.CERTIFICATE), "--key-file", str(files / credentials.KEY)),
        *("--client-cert-auth", "--trusted-ca-file", str(files / credentials.AUTHORITY)),
        *("--peer-cert-file", str(files / credentials.CERTIFICATE)),
        *("--peer-key-file", str(files / credentials.KEY)),
        *("--peer-client-cert-auth", "--peer-trusted-ca-file", str(files / credentials.AUTHORITY)),
        *("--tls-min-version", "TLS1.3"),
        # What is kept is a few kilobytes; without this, every change of it would be kept for ever.
        *("--auto-compaction-mode", "periodic", "--auto-compaction-retention", "1h"),
        *("--quota-backend-bytes", str(256 << 20), "--max-request-bytes", str(1 << 20)),
        *("--log-level", "warn", "--logger", "zap", "--log-outputs", "stderr"),
        # For disks that are shared with a database, and nodes in two buildings.
        *("--heartbeat-interval", "200", "--election-timeout", "2000"),
    )


SERVICE = Service(
    name="etcd",
    title="Agreement of the nodes",
    order=6,
    user=users.DATABASE,
    command=_command,
    directory=lambda node: node.data("etcd"),
    listeners=lambda node, _: tuple(
        Listener(node.cluster.me.address, port, is_public=True) for port in (ETCD_PORT, PEER_PORT)
    ),
    # Whether it answers, and not whether the others do: that is the cluster's health, and not its own.
    health=lambda node, _: credentials.probe(node, ETCD_PORT, "/health?serializable=true"),
    memory_mb=lambda _: 512,
    backup=(),
    files=credentials.files,
    # Who has not the certificates yet has nothing to start.
    stop_seconds=10,
    oom_score=-500,
    sandbox=lambda node: Sandbox(writable=(node.data("etcd"),)),
)
