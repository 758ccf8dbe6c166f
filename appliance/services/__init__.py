"""The services of a box, in start order."""

from __future__ import annotations

from appliance.node import Node
from appliance.services.agent.service import SERVICE as AGENT
from appliance.services.backup.service import SERVICE as BACKUP
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.base import GeneratedFile, Listener, Sandbox, Service
from appliance.services.cache.service import SERVICE as CACHE
from appliance.services.database.service import SERVICE as DATABASE
from appliance.services.etcd.service import SERVICE as ETCD
from appliance.services.jobs.service import SERVICE as JOBS
from appliance.services.member.service import SERVICE as MEMBER
from appliance.services.objects.service import SERVICE as OBJECTS
from appliance.services.push.service import SERVICE as PUSH
from appliance.services.router.service import SERVICE as ROUTER
from appliance.services.telephony.service import SERVICE as TELEPHONY
from appliance.services.web.service import SERVICE as WEB

__all__ = ["ALL", "GeneratedFile", "Listener", "Sandbox", "Service", "UnknownService", "enabled", "named"]

ALL: tuple[Service, ...] = tuple(
    sorted(
        (
            *(AGENT, ETCD, MEMBER, DATABASE, OBJECTS, CACHE, ROUTER),
            *(WEB, PUSH, JOBS, TELEPHONY, BACKUP, BALANCER),
        ),
        key=lambda service: service.order,
    )
)


class UnknownService(Exception):
    """Nobody of that name runs in a box."""


def enabled(node: Node) -> tuple[Service, ...]:
    """The services that this node runs, in start order."""
    return tuple(service for service in ALL if node.runs(service.name) and service.is_enabled(node))


def named(name: str) -> Service:
    """The service called `name`; `UnknownService` names those that exist."""
    for service in ALL:
        if service.name == name:
            return service
    known = ", ".join(service.name for service in ALL)
    raise UnknownService(f"There is no service {name}. There are: {known}.")
