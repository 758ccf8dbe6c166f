"""All stages of a move into the cloud, in the order in which people are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from box.transfer.outbound.base import OutboundStage
from box.transfer.outbound.calendars import Events
from box.transfer.outbound.company import Departments, Groups, Heads, Invitations, People
from box.transfer.outbound.crm import (
    Activities,
    ClientComments,
    Companies,
    Contacts,
    Deals,
    Leads,
    Letters,
    Pipelines,
)
from box.transfer.outbound.dependencies import Dependencies
from box.transfer.outbound.drives import Files, Folders
from box.transfer.outbound.feed import Comments, Posts
from box.transfer.outbound.own_fields import OwnFields, TaskFields
from box.transfer.outbound.task_clients import TaskClients
from box.transfer.outbound.tasks import TaskComments, Tasks

OUTBOUND_STAGES: Mapping[str, OutboundStage[Any]] = {
    stage.key: stage
    for stage in (
        Departments(),
        People(),
        Invitations(),
        Heads(),
        Groups(),
        Posts(),
        Comments(),
        TaskFields(),
        Tasks(),
        Dependencies(),
        TaskComments(),
        Folders(),
        Files(),
        Events(),
        Pipelines(),
        OwnFields(),
        Companies(),
        Contacts(),
        Leads(),
        Deals(),
        TaskClients(),
        Activities(),
        Letters(),
        ClientComments(),
    )
}
