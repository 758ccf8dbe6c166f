"""How the box is: every service, what it says of itself, and its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from appliance.client import (
    Agent,
    AgentError,
    InstanceState,
    ListOperations,
    LogPage,
    NodeStatus,
    OperationState,
    ReadBackups,
    ReadCertificate,
    ReadLog,
    ReadStatus,
    RestartService,
    ServiceState,
    WorkersState,
)
from box.console.access import can_restart, can_use_console, only_for
from box.console.checklist import Check, checks_for
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

LOG_LINES = 200
OPERATIONS_SHOWN = 5
OPERATIONS_LOOKED_AT = 30
# Somebody waits in front of the page.
SECONDS_TO_ANSWER = 10.0

STATES = {
    "running": gettext_lazy("running"),
    "starting": gettext_lazy("starting"),
    "stopping": gettext_lazy("stopping"),
    "stopped": gettext_lazy("stopped"),
    "failed": gettext_lazy("failed"),
}

TITLES = {
    "agent": gettext_lazy("Agent"),
    "backup": gettext_lazy("Backup"),
    "balancer": gettext_lazy("Balancer"),
    "cache": gettext_lazy("Cache"),
    "database": gettext_lazy("Database"),
    "etcd": gettext_lazy("Agreement of the nodes"),
    "jobs": gettext_lazy("Background jobs"),
    "member": gettext_lazy("Member of the cluster"),
    "objects": gettext_lazy("Object store"),
    "push": gettext_lazy("Live updates"),
    "router": gettext_lazy("Way to the database"),
    "telephony": gettext_lazy("Telephony"),
    "web": gettext_lazy("Web workers"),
}

ABOUT = {
    "agent": gettext_lazy("Does on this machine what the console and boxctl ask for."),
    "backup": gettext_lazy("Copies new files into the backup, and begins what the schedule says."),
    "balancer": gettext_lazy("Takes every request, encrypts, and hands it to a free worker."),
    "cache": gettext_lazy("Remembers for a while what is dear to compute. Without it the portal is slower."),
    "database": gettext_lazy("Holds everything but the files themselves."),
    "etcd": gettext_lazy("Keeps what all nodes agree on, such as who leads."),
    "jobs": gettext_lazy("Does what nobody has to wait for: previews, notices, cleaning up."),
    "member": gettext_lazy("Tells the other nodes how this one is, and lets new ones in by a token."),
    "objects": gettext_lazy("Holds the files."),
    "push": gettext_lazy("Tells open pages that something is new."),
    "router": gettext_lazy("Leads the portal to the node that leads the database."),
    "telephony": gettext_lazy("Hears the calls of the company's PBXs."),
    "web": gettext_lazy("Makes the pages."),
}


@dataclass(frozen=True)
class Service:
    """A service as the page shows it."""

    state: ServiceState
    workers: WorkersState | None = None
    """Of the web workers, where their number follows the load."""

    @property
    def title(self) -> str:
        return str(TITLES.get(self.state.name, self.state.title))

    @property
    def about(self) -> str:
        """What is wrong with it, where that is more than its state says; else what it is for."""
        is_plain = self.state.state in ("stopped", "starting", "stopping")
        problem = "" if is_plain else self.state.problem
        about = str(ABOUT.get(self.state.name, ""))
        return problem or (f"{about} {workers_told(self.workers)}" if self.workers else about)

    @property
    def tone(self) -> str:
        if self.state.is_healthy and self.state.state == "running":
            return "good"
        return "warn" if self.state.state in ("starting", "stopping") else "bad"

    @property
    def word(self) -> str:
        is_ill = self.state.state == "running" and not self.state.is_healthy
        return _("does not answer") if is_ill else str(STATES[self.state.state])

    @property
    def memory(self) -> int:
        """Bytes, of all its processes."""
        return sum(instance.memory_mb or 0 for instance in self.state.instances) * 10**6

    @property
    def instances(self) -> tuple[InstanceState, ...]:
        return self.state.instances


def workers_told(workers: WorkersState) -> str:
    """How many run, and why."""
    numbers = {"count": workers.count, "fewest": workers.fewest, "most": workers.most}
    told = _("Their number follows the load, from %(fewest)s to %(most)s: now %(count)s.") % numbers
    if (last := workers.decision) is None:
        return told
    why = (
        _("One was added on %(when)s, for the others were busy at %(percent)s%%.")
        if last.count > last.before
        else _("One was taken away on %(when)s, for all were busy at %(percent)s%% only.")
    )
    when = date_format(timezone.localtime(last.at), "DATETIME_FORMAT")
    return f"{told} {why % {'when': when, 'percent': round(last.mean * 100)}}"


@require_GET
@only_for(can_use_console)
def health(request: PersonRequest) -> HttpResponse:
    return _health_page(request)


@require_GET
@only_for(can_use_console)
def service(request: PersonRequest, name: str) -> HttpResponse:
    """One service with the end of its log; `before` pages back."""
    problem, log, found = "", LogPage(name, ()), None
    try:
        found = _service(_status(), name)
        log = _agent().ask(ReadLog(name, LOG_LINES, request.GET.get("before", "")), by=_who(request))
    except AgentError as error:
        problem = str(error)
    context = {
        "name": name,
        "service": found,
        "log": log,
        "problem": problem,
        "can_restart": can_restart(request.user),
    }
    return render(request, "console/service.html", context, blocks="log")


@require_POST
@only_for(can_restart)
@recently_proven
def restart(request: PersonRequest, name: str) -> HttpResponse:
    """Begins it: the service may be the very one that answers here. The health page shows how far it is."""
    try:
        _service(_status(), name)
        _agent().ask(RestartService(name), by=_who(request))
    except AgentError as error:
        return _health_page(request, problem=str(error))
    return redirect("console:health")


def _health_page(request: PersonRequest, *, problem: str = "") -> HttpResponse:
    status: NodeStatus | None = None
    operations: tuple[OperationState, ...] = ()
    checks: list[Check] = []
    try:
        status = _status()
        backups, certificate = _agent().ask(ReadBackups()), _agent().ask(ReadCertificate())
        checks = checks_for(request.user, backups, certificate, status.version, now=timezone.now())
        latest = _agent().ask(ListOperations(OPERATIONS_LOOKED_AT)).operations
        # What the load asks for all day is told beside the web workers.
        operations = tuple(one for one in latest if one.kind != "workers")[:OPERATIONS_SHOWN]
    except AgentError as error:
        problem = problem or str(error)
    services = [_shown(status, state) for state in status.services] if status else []
    context = {
        "status": status,
        "services": services,
        "operations": operations,
        "problem": problem,
        "checks": checks,
        "is_well": status is not None and status.is_healthy and all(one.state == "good" for one in checks),
    }
    return render(request, "console/health.html", context, blocks="health")


def _agent() -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)


def _status() -> NodeStatus:
    return _agent().ask(ReadStatus())


def _service(status: NodeStatus, name: str) -> Service:
    for state in status.services:
        if state.name == name:
            return _shown(status, state)
    raise Http404


def _shown(status: NodeStatus, state: ServiceState) -> Service:
    return Service(state, status.workers if state.name == "web" else None)


def _who(request: PersonRequest) -> str:
    return request.user.login
