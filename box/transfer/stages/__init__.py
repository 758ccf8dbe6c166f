"""All stages, in the order in which people are told of them; in which they go, says `box.transfer.plan`."""

from __future__ import annotations

from collections.abc import Mapping

from box.transfer.stages.base import AnyStage, Work
from box.transfer.stages.calendars import Calendars, Events
from box.transfer.stages.calls import Calls
from box.transfer.stages.crm import Activities, Companies, Contacts, Deals, Leads, Pipelines
from box.transfer.stages.drives import Drives
from box.transfer.stages.feed import Comments, Posts
from box.transfer.stages.groups import Groups
from box.transfer.stages.links import Links
from box.transfer.stages.own_fields import OwnFields, TaskFields
from box.transfer.stages.people import People
from box.transfer.stages.structure import Departments
from box.transfer.stages.task_links import TaskLinks
from box.transfer.stages.tasks import Tasks

STAGES: Mapping[str, AnyStage[Work]] = {
    stage.key: stage
    for stage in (
        Departments(),
        People(),
        Groups(),
        Posts(),
        Comments(),
        TaskFields(),
        Tasks(),
        Drives(),
        Calendars(),
        Events(),
        Pipelines(),
        OwnFields(),
        Companies(),
        Contacts(),
        Leads(),
        Deals(),
        Activities(),
        Calls(),
        TaskLinks(),
        Links[Work](),
    )
}
NEEDS: Mapping[str, tuple[str, ...]] = {key: stage.needs for key, stage in STAGES.items()}
