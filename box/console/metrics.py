"""`/metrics`, for whoever may: a network that root has named, or a token that root has handed out."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from appliance.client import Agent, ClusterState, ReadBackups, ReadCertificate, ReadCluster, ReadStatus
from box.core.registry import metrics
from box.core.registry.metrics import Metric, Sample, gauge
from box.core.registry.origin import address_of

SECONDS_TO_ANSWER = 10.0


@require_safe
@login_not_required
def show(request: HttpRequest) -> HttpResponse:
    if not _may_see(request):
        raise Http404
    answer = HttpResponse(metrics.text(metrics.collected()), content_type=metrics.CONTENT_TYPE)
    answer["Cache-Control"] = "no-store"
    return answer


def _may_see(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    known = settings.METRICS["token_sha256"]
    if known and given and hmac.compare_digest(hashlib.sha256(given.encode()).hexdigest(), known):
        return True
    address = address_of(request)
    networks = map(ipaddress.ip_network, settings.METRICS["networks"])
    return bool(address) and any(ipaddress.ip_address(address) in network for network in networks)


def machine_metrics() -> list[Metric]:
    """What the agent knows of services, disk, certificate and backups, as `boxctl status --json` says it."""
    return list(_of_machine(Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)))


def cluster_metrics() -> list[Metric]:
    """What the nodes know of each other; nothing on a single box."""
    state = Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER).ask(ReadCluster())
    return list(of_cluster(state)) if state.nodes else []


def of_cluster(state: ClusterState) -> Iterator[Metric]:
    yield Metric(
        "korobka_node_up",
        "1 for a node that has told of itself in the last seconds.",
        tuple(({"node": node.name}, float(node.is_there)) for node in state.nodes),
    )
    yield Metric(
        "korobka_node_busy_ratio",
        "What the processors of a node do: 0 nothing, 1 all that they can.",
        tuple(({"node": node.name}, node.busy) for node in state.nodes if node.busy is not None),
    )
    yield Metric(
        "korobka_database_leader",
        "1 for the node that leads the database.",
        tuple(({"node": node.name}, float(node.name == state.leader)) for node in state.nodes),
    )
    yield Metric(
        "korobka_database_lag_bytes",
        "How far a copy of the database is behind the leader.",
        tuple(({"node": node.name}, node.lag_bytes) for node in state.nodes if node.lag_bytes is not None),
    )
    rests = Counter(node.rest for node in state.nodes if "portal" in node.roles)
    yield Metric(
        "korobka_cluster_nodes",
        "Nodes with the portal, by whether they are awake.",
        tuple(({"rest": rest}, float(rests[rest])) for rest in ("awake", "waking", "draining", "asleep")),
    )
    if state.out_above is not None and state.in_below is not None:
        yield Metric(
            "korobka_scaling_threshold_ratio",
            "The mean of the processors above which a node wakes (out), and below which one sleeps (in).",
            (({"way": "out"}, state.out_above), ({"way": "in"}, state.in_below)),
        )
    yield gauge("korobka_cluster_problems", "What is wrong between the nodes.", len(state.problems))


def _of_machine(agent: Agent) -> Iterator[Metric]:
    status, backups = agent.ask(ReadStatus()), agent.ask(ReadBackups())
    instances = [
        ({"service": service.name, "instance": instance.name}, instance)
        for service in status.services
        for instance in service.instances
    ]
    yield gauge("korobka_info", "The version that runs.", 1, version=status.version, node=status.node)
    yield Metric(
        "korobka_service_healthy",
        "1 for a service that runs and answers.",
        tuple((labels, instance.is_healthy) for labels, instance in instances),
    )
    yield Metric(
        "korobka_service_memory_bytes",
        "Memory of a service's processes (proportional set size).",
        tuple((labels, (instance.memory_mb or 0) << 20) for labels, instance in instances),
    )
    yield Metric(
        "korobka_service_started_seconds",
        "When a service was started, in seconds since 1970.",
        tuple((labels, one.since.timestamp()) for labels, one in instances if one.since),
    )
    if workers := status.workers:
        numbers = {"now": workers.count, "min": workers.fewest, "max": workers.most}
        yield Metric(
            "korobka_web_workers",
            "Web workers that the load asks for, and between which numbers it may.",
            tuple(({"number": name}, float(number)) for name, number in numbers.items()),
        )
        if workers.decision:
            yield gauge(
                "korobka_web_workers_decision_busy_ratio",
                "What they did of one core each when their number was last changed.",
                workers.decision.mean,
            )
    yield gauge("korobka_disk_free_bytes", "Room on the disk of the data.", status.disk.free)
    yield gauge("korobka_disk_size_bytes", "The disk of the data.", status.disk.total)
    yield gauge("korobka_read_only", "1 while the portal takes no writes.", bool(status.read_only))
    ends_at = agent.ask(ReadCertificate()).not_after
    yield gauge(
        "korobka_certificate_end_seconds", "When the certificate ends, since 1970.", ends_at.timestamp()
    )
    yield gauge("korobka_backups_set_up", "1 where backups are made.", backups.plan is not None)

    def ages(moments: dict[str, datetime | None]) -> tuple[Sample, ...]:
        return tuple(
            ({"target": name}, max(0.0, (status.at - moment).total_seconds()))
            for name, moment in moments.items()
            if moment
        )

    newest = {
        target.name: max((one.ended_at for one in backups.sets if one.target == target.name), default=None)
        for target in backups.targets
    }
    yield Metric("korobka_backup_age_seconds", "Of the newest set of a target.", ages(newest))
    yield Metric(
        "korobka_backup_restorable_age_seconds",
        "How far behind now a target could bring the box back to.",
        ages({target.name: target.restorable_until for target in backups.targets}),
    )
    yield Metric(
        "korobka_backup_warnings",
        "What is wrong with the backups of a target.",
        tuple(({"target": target.name}, len(target.warnings)) for target in backups.targets),
    )
