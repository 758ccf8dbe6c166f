"""What the machine was asked for goes to the audit log; what is wrong with backups, to people."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from appliance.client import Agent, AgentError, ReadBackups, ReadCluster, ReadRecord
from box.bridges.directory.troubles import troubles
from box.console.actions import tell_of, tell_of_changes
from box.console.backups.retrieval_jobs import follow_all
from box.console.models import Subject
from box.core.audit.actions import Foreign, cursor_of, take_over

log = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 20.0
KIND = "audit.agent"
# Of the log of the machine with the backups, or of the only one.
SOURCE = "agent"


def take_over_record() -> None:
    """On each node. What its agent has noted while the portal was down is taken over afterwards."""
    try:
        while take_over_page():
            pass
    except AgentError as error:
        log.warning("The agent's record is not read: %s", error)


def watch_backups() -> None:
    """Where backups are. Those who look after them hear of what is wrong with them, and of its end."""
    if not settings.IS_HOME:
        return
    try:
        state = Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER).ask(ReadBackups())
    except AgentError as error:
        log.warning("How backups are is not known: %s", error)
        return
    if state.plan is not None:
        tell_of(Subject.BACKUPS, state.warnings, now=timezone.now())


@db_periodic_task(crontab(minute="*"))
def watch_cluster() -> None:
    """Every minute. Who may restart services hears of what is wrong between the nodes, and of its end."""
    try:
        state = Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER).ask(ReadCluster())
    except AgentError as error:
        log.warning("How the nodes are is not known: %s", error)
        return
    tell_of(Subject.CLUSTER, state.problems, now=timezone.now())


@db_periodic_task(crontab(minute="*"))
def watch_directories() -> None:
    """Every minute. Who connects directories hears of questions, failures, conflicts and late runs."""
    tell_of(Subject.DIRECTORY, troubles(timezone.now()), now=timezone.now())


def look_after_retrievals() -> None:
    """Where backups are: what was allowed is begun, or found again where something died in between."""
    if settings.IS_HOME:
        follow_all(now=timezone.now())


@db_task()
def follow_retrievals() -> None:
    """At once, for nobody should wait a minute for nothing, if it comes to the node where backups are."""
    look_after_retrievals()


def source() -> str:
    """Of the log of this machine; each machine of a cluster has its own."""
    return SOURCE if settings.IS_HOME else f"{SOURCE}@{settings.NODE}"


def take_over_page() -> int:
    """One page; returns how many lines it had. Raises AgentError where nobody answers."""
    agent = Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)
    log_of = source()
    page = agent.ask(ReadRecord(cursor=cursor_of(log_of)))
    lines = [
        Foreign(
            source=f"{log_of}:{line.key}",
            at=line.at,
            kind=KIND,
            actor=line.by,
            details={"operation": line.operation, "arguments": line.arguments},
        )
        for line in page.lines
    ]
    # First: a page that is taken over does not come again.
    tell_of_changes(page.lines)
    take_over(log_of, lines, cursor=page.cursor)
    return len(lines)
