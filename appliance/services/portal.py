"""What the three services of the portal (web, push, jobs) have in common: one generated file."""

from __future__ import annotations

import hashlib
import hmac
import json
import tomllib
from urllib.parse import urlsplit

from appliance.cluster.topology import Role
from appliance.node import Node
from appliance.services.base import GeneratedFile
from appliance.services.cache.service import servers as cache_servers
from appliance.services.database.names import APPLICATION, NAME, OWNER, replicas_port
from appliance.services.objects import authority
from appliance.services.objects.service import endpoint
from appliance.services.telephony.sockets import phone_sockets

FOLDER = "portal"


def public_store_host(node: Node) -> str | None:
    """The host that links to files are signed for: an external store's own; None: the request's."""
    if node.box.objects.engine != "external":
        return None
    host = urlsplit(node.box.objects.endpoint).netloc
    return host if node.box.objects.path_style else f"{node.box.objects.bucket}.{host}"


def phones_key(node: Node) -> str:
    """With which the portal signs tickets to them, and the balancer checks these."""
    return hmac.digest(node.secrets.secret_key.encode(), b"phones in browsers", hashlib.sha256).hex()


def _replicas_port(node: Node) -> int | None:
    """By which reads go to replicas; None where there are none."""
    known = node.membership.topology.with_role(Role.DATABASE) if node.membership else ()
    return replicas_port(node) if len(known) > 1 else None


def version(node: Node) -> str:
    """The version of the release that runs."""
    text = (node.release / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def files(node: Node) -> tuple[GeneratedFile, ...]:
    """`portal.json`, which is all that the portal's settings read, and the authority of the store that it
    names."""
    box, secrets = node.box, node.secrets
    external, store_ca = box.objects.engine == "external", authority.text_of(node)
    settings = {
        "version": version(node),
        "secret_key": secrets.secret_key,
        "hostname": box.public_name,
        "https_port": box.balancer.https_port,
        "publicly_trusted": box.balancer.publicly_trusted,
        "language": box.language,
        "time_zone": box.time_zone,
        "log_level": box.log_level,
        "database": {
            # Where there are other nodes, one of them may be the one that leads.
            "host": str(node.run("router" if node.membership else "database")),
            "port": box.database.port,
            "name": NAME,
            "user": APPLICATION,
            "owner": OWNER,
            "replicas_port": _replicas_port(node),
        },
        "objects": {
            "engine": box.objects.engine,
            "endpoint": endpoint(node),
            "ca_file": str(node.generated(FOLDER) / authority.NAME) if store_ca else None,
            "region": box.objects.region,
            "bucket": box.objects.bucket,
            "access_key": secrets.objects_access_key,
            "secret_key": secrets.objects_secret_key,
            "path_style": box.objects.path_style if external else True,
            "public_host": public_store_host(node),
        },
        "cache": {"servers": [str(socket) for socket in cache_servers(node)]},
        # In a cluster the machines are several, and each is asked for what is its own.
        "node": node.name if node.membership else "",
        "is_home": node.is_home,
        "reachable_networks": list(box.integrations.reachable_networks),
        "metrics": {
            "networks": list(box.metrics.networks),
            "token_sha256": box.metrics.token_sha256,
        },
        "phones": {"names": list(phone_sockets(node)), "key": phones_key(node)},
        "agent_socket": str(node.run("agent") / "agent.sock"),
        "state_dir": str(node.run("state")),
        "static_root": str(node.release / "static"),
    }
    written = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
    files = (GeneratedFile("portal.json", written),)
    return (*files, GeneratedFile(authority.NAME, store_ca)) if store_ca else files
