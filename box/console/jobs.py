"""What the machine was asked for goes to the audit log; what is wrong with backups, to people."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from appliance.client import Agent, AgentError, ReadBackups, ReadCluster, ReadRecord
from box.console.actions import tell_of, tell_of_changes
from box.console.backups.retrieval_jobs import follow_all
from box.console.models import Subject
from box.core.audit.actions import Foreign, cursor_of, take_over

log = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 20.0
KIND = "audit.agent"
# Of the log of this machine; each machine of a cluster has its own.
SOURCE = "agent"


@db_periodic_task(crontab(minute="*"))
def take_over_record() -> None:
    """Every minute. What the agent has noted while the portal was down is taken over afterwards."""
    try:
        while take_over_page():
            pass
    except AgentError as error:
        log.warning("The agent's record is not read: %s", error)


@db_periodic_task(crontab(minute="*"))
def watch_backups() -> None:
    """Every minute. Those who look after backups hear of what is wrong with them, and of its end."""
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
def look_after_retrievals() -> None:
    """Every minute: what was allowed is begun, or found again where something died in between."""
    follow_all(now=timezone.now())


@db_task()
def follow_retrievals() -> None:
    """At once, for nobody should wait a minute for nothing."""
    follow_all(now=timezone.now())


def take_over_page() -> int:
    """One page; returns how many lines it had. Raises AgentError where nobody answers."""
    agent = Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)
    page = agent.ask(ReadRecord(cursor=cursor_of(SOURCE)))
    lines = [
        Foreign(
            source=f"{SOURCE}:{line.key}",
            at=line.at,
            kind=KIND,
            actor=line.by,
            details={"operation": line.operation, "arguments": line.arguments},
        )
        for line in page.lines
    ]
    # First: a page that is taken over does not come again.
    tell_of_changes(page.lines)
    take_over(SOURCE, lines, cursor=page.cursor)
    return len(lines)
