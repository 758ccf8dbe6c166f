"""A node's certificate as its services read it, each its own copy, and their health asked for with it."""

from __future__ import annotations

from appliance.cluster import https
from appliance.cluster.identity import NODES, Realm, client_context, trusted
from appliance.cluster.topology import folder
from appliance.node import Node
from appliance.services.base import GeneratedFile

AUTHORITY, CERTIFICATE, KEY = NODES.authority, NODES.certificate, NODES.key


def text(node: Node, name: str) -> str:
    return (folder(node.paths) / name).read_text(encoding="ascii")


def files(node: Node) -> tuple[GeneratedFile, ...]:
    """`ca.crt`, `node.crt` and `node.key`."""
    return (
        GeneratedFile(AUTHORITY, trusted(folder(node.paths))),
        *(GeneratedFile(name, text(node, name)) for name in (CERTIFICATE, KEY)),
    )


def both(node: Node, realm: Realm) -> str:
    """Certificate and key, as HAProxy reads them."""
    return text(node, realm.certificate) + text(node, realm.key)


def pem(node: Node, realm: Realm = NODES) -> tuple[GeneratedFile, ...]:
    """The same as HAProxy reads it: `node.pem` with certificate and key, and `ca.crt`."""
    return (
        GeneratedFile("node.pem", both(node, realm)),
        GeneratedFile("ca.crt", trusted(folder(node.paths), realm)),
    )


def probe(node: Node, port: int, path: str) -> str | None:
    """None where this node answers itself at a port of the cluster, else what is wrong."""
    try:
        https.ask(node.cluster.me.address, port, path, context=client_context(folder(node.paths)))
    except (https.NodeAway, https.NodeRefused, OSError) as error:
        return f"it does not answer ({error})"
    return None
