"""HAProxy: the only one of the box that anybody outside can reach."""

from __future__ import annotations

import ipaddress
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from appliance import certificates, users
from appliance.cluster import credentials, identity
from appliance.cluster.topology import BALANCER_PORT, Rest, Role
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import portal, probe
from appliance.services.balancer.runtime import BalancerAway, Runtime
from appliance.services.base import GeneratedFile, Listener, Sandbox, Service
from appliance.services.objects import authority
from appliance.services.objects.service import LOOPBACK
from appliance.services.push.service import socket_path as push_socket
from appliance.services.telephony import sockets
from appliance.services.telephony.sockets import phone_sockets
from appliance.services.web.service import socket_path as web_socket
from appliance.templates import render

PROGRAM = "/usr/sbin/haproxy"
# The backends whose servers are the web workers; the first checks them, and its word counts for all.
WITH_WORKERS = ("web", "writes", "crowd", "crowd_writes", "static", "static_crowd")
# What only a node of a cluster has: what it does for the others, and what the node of the files must answer.
_OF_CLUSTERS = ("own", "own_writes", "home", "home_writes")


def runtime_socket(node: Node) -> Path:
    """Where the running balancer takes commands (drain, status). Its own user and root only."""
    return node.run("balancer") / "admin.sock"


def progress_file(paths: Paths) -> Path:
    """Where the agent notes how far an operation is that may keep the portal down."""
    return paths.run / "state/progress"


def with_workers(node: Node) -> tuple[str, ...]:
    return WITH_WORKERS if node.membership is None else (*WITH_WORKERS, *_OF_CLUSTERS)


def server_name(instance: str) -> str:
    """How the balancer calls a web worker: HAProxy takes no @ in names."""
    return instance.replace("@", "-")


def listen_addresses(node: Node) -> tuple[str, ...]:
    """The configured addresses, without IPv6 where the kernel has none: the default names both."""
    has_ipv6 = Path("/proc/net/if_inet6").exists()
    return tuple(address for address in node.box.node.listen if has_ipv6 or ":" not in address)


@dataclass(frozen=True)
class Peer:
    """The balancer of another node that is awake, which answers with the workers that it has."""

    name: str
    address: str
    is_drained: bool
    is_home: bool


def peers(node: Node) -> tuple[Peer, ...]:
    if node.membership is None:
        return ()
    known = node.membership.topology
    return tuple(
        Peer(one.name, _at(one.address, BALANCER_PORT), one.is_drained, Role.FILES in one.roles)
        for one in known.with_role(Role.PORTAL)
        if one.name != node.membership.name and one.rest is Rest.AWAKE
    )


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True)
class Limits:
    """How much may be open at once; what has no other word is of one neighbourhood (an address, or a /64)."""

    slots: int
    """Requests with one worker that read, waiting ones among them; and as many that write."""
    share: int
    """Requests with the portal, before they wait in the crowd."""
    crowd: int
    """Requests of the crowd with one worker: enough to keep it busy."""
    kept: int
    """Connections to one worker that wait for the next request, of each backend that keeps them."""
    static: int = 45
    """Requests for static files with one worker."""
    connections: int = 3000
    """Of the 9,000 that HAProxy takes; behind one address there may be an office with its open pages."""
    transfers: int = 300
    """Files coming and going."""


def limits(node: Node) -> Limits:
    """Six neighbourhoods together fill all slots of the fewest workers that there may be, and none does
    alone: the balancer is not reloaded when the load asks for more of them."""
    threads, workers = node.box.web.threads, node.web_workers_min
    slots = max(90, 12 * threads)
    return Limits(slots=slots, share=slots * workers // 6, crowd=threads, kept=threads)


def names(node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What people call the portal: whole names, and domains (`.example.com`) of which any one name will do.
    The same that its certificate vouches for, for who calls it otherwise is warned by the browser."""
    bundle = certificates.current(node.paths)
    known = dict.fromkeys((node.box.public_name, *node.box.balancer.names, *(bundle.names if bundle else ())))
    lower = [name.lower() for name in known]
    return (
        tuple(name for name in lower if not name.startswith("*.")),
        tuple(name[1:] for name in lower if name.startswith("*.")),
    )


def _store(node: Node) -> dict[str, object]:
    """Where the bucket's route leads."""
    if node.box.objects.engine != "external":
        return {"server": f"{LOOPBACK}:{node.box.objects.port}", "is_tls": False, "host": None, "name": None}
    parts = urlsplit(node.box.objects.endpoint)
    is_tls = parts.scheme == "https"
    return {
        "server": f"{parts.hostname}:{parts.port or (443 if is_tls else 80)}",
        "is_tls": is_tls,
        "host": portal.public_store_host(node),
        "name": parts.hostname,
    }


def _files(node: Node) -> tuple[GeneratedFile, ...]:
    folder, box, store_ca = node.generated("balancer"), node.box, authority.text_of(node)
    phones_ca = sockets.AUTHORITY.text_of(node)
    addresses = listen_addresses(node)
    its_names, domains = names(node)
    me = node.membership.me if node.membership else None
    wildcard = {"0.0.0.0": "", "::": "v6only"}  # noqa: S104 - as names of what was configured
    files = [
        GeneratedFile(
            "haproxy.cfg",
            render(
                "services/balancer/haproxy.cfg.j2",
                folder=folder,
                runtime_socket=runtime_socket(node),
                progress=progress_file(node.paths),
                addresses=[(f"[{a}]" if ":" in a else a, wildcard.get(a, "")) for a in addresses],
                http_port=box.balancer.http_port,
                https_port=box.balancer.https_port,
                publicly_trusted=box.balancer.publicly_trusted,
                proxies=[str(ipaddress.ip_network(entry)) for entry in box.balancer.trusted_proxies],
                proxy_protocol=box.balancer.proxy_protocol,
                phones=phone_sockets(node),
                phones_ca=sockets.AUTHORITY.name if phones_ca else None,
                phones_key=portal.phones_key(node),
                bucket=box.objects.bucket,
                strip_bucket=box.objects.engine == "external" and not box.objects.path_style,
                store=_store(node),
                store_ca=authority.NAME if store_ca else None,
                hostname=box.public_name,
                names=its_names,
                domains=[f"^[^.]+{re.escape(domain)}$" for domain in domains],
                limits=limits(node),
                # All that there may be, so that connections outlive a change of their number.
                workers=[web_socket(node, number) for number in range(1, node.web_workers_max + 1)],
                running=node.web_workers,
                push=push_socket(node),
                nodes=_at(me.address, BALANCER_PORT) if me else "",
                peers=peers(node),
                is_drained=bool(me and me.is_drained),
                is_home=node.is_home,
                threads=min(node.machine.cores, 4),
            ),
        ),
        GeneratedFile("wait.lua", render("services/balancer/wait.lua")),
        GeneratedFile("maintenance.html", render("services/balancer/maintenance.html")),
        GeneratedFile("portal.pem", (node.paths.tls / "portal.pem").read_text(encoding="ascii")),
    ]
    if me:
        files += credentials.pem(node, identity.BALANCERS)
    if store_ca:
        files.append(GeneratedFile(authority.NAME, store_ca))
    if phones_ca:
        files.append(GeneratedFile(sockets.AUTHORITY.name, phones_ca))
    return tuple(files)


def _listeners(node: Node, _: int) -> tuple[Listener, ...]:
    ports = (node.box.balancer.http_port, node.box.balancer.https_port)
    known = [(address, port) for address in listen_addresses(node) for port in ports]
    if node.membership:
        known.append((node.membership.me.address, BALANCER_PORT))
    return tuple(Listener(address, port, is_public=True) for address, port in known)


def _health(node: Node, _: int) -> str | None:
    first = listen_addresses(node)[0]
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(first, first)  # noqa: S104
    if node.box.balancer.proxy_protocol and not node.box.balancer.trusted_proxies:
        return "nobody may speak to it"
    return probe.http_status((address, node.box.balancer.http_port), "/", expected=(301, 308))


def _worker(node: Node) -> str | None:
    try:
        return Runtime(runtime_socket(node)).worker()
    except (BalancerAway, KeyError):
        return None


SERVICE = Service(
    name="balancer",
    title="Balancer",
    order=30,
    user=users.BALANCER,
    command=lambda node, _: (
        PROGRAM,
        *("-W", "-db", "-f", str(node.generated("balancer") / "haproxy.cfg")),
    ),
    directory=lambda node: node.generated("balancer"),
    listeners=_listeners,
    health=_health,
    memory_mb=lambda _: 768,
    backup=("the portal's certificate and key", "the box's own certificate authority"),
    files=_files,
    check=lambda node: (PROGRAM, "-c", "-f", str(node.generated("balancer") / "haproxy.cfg")),
    stop_seconds=10,
    reload_signal=signal.SIGUSR2,
    # With a port that is taken the master keeps the old worker, and says so in its log only.
    generation=_worker,
    oom_score=-200,
    sandbox=lambda node: Sandbox(writable=(node.run("balancer"),), capabilities=("net_bind_service",)),
)
