"""All stages that read an archive, in the order in which people are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from box.transfer.archive.stages.calendar import Bookings, Events
from box.transfer.archive.stages.company import Absences, Departments, Groups, People
from box.transfer.archive.stages.crm import Activities, Clients, Pipelines
from box.transfer.archive.stages.drives import Drives
from box.transfer.archive.stages.feed import Comments, Posts
from box.transfer.archive.stages.links import ArchiveLinks
from box.transfer.archive.stages.own_fields import OwnFields
from box.transfer.archive.stages.relations import Relations
from box.transfer.archive.stages.tasks import TaskLinks, Tasks
from box.transfer.stages.base import AnyStage

ARCHIVE_STAGES: Mapping[str, AnyStage[Any]] = {
    stage.key: stage
    for stage in (
        Departments(),
        People(),
        Groups(),
        OwnFields(),
        Posts(),
        Tasks(),
        TaskLinks(),
        Drives(),
        Pipelines(),
        Clients(),
        Activities(),
        Comments(),
        Bookings(),
        Events(),
        Absences(),
        Relations(),
        ArchiveLinks(),
    )
}
