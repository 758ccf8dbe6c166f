"""What each method of the API is asked with: things of somebody's own, in the state that it wants."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from box.apps.calendar.actions import (
    PageDraft,
    RoomDraft,
    VisitorDraft,
    create_calendar,
    create_page,
    create_room,
)
from box.apps.calendar.actions.appointments import take_over_appointment
from box.apps.drive.actions.tree import make_folder, root_of
from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.polls import Question, vote
from box.apps.tasks.actions.checklists import add_items
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.stages import add_stage, stages_of
from box.apps.tasks.actions.states import complete_task, start_task
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.apps.tasks.actions.time import add_time
from box.core.access.principals import EVERYONE
from box.core.groups.actions import NewGroup, add_people, create_group
from box.core.registry.rest import methods
from box.core.structure.actions import create_department
from box.core.structure.models import Department
from tests.box.apps.calendar.conftest import draft, planned
from tests.box.apps.crm.calling import in_the_crm
from tests.box.apps.drive.conftest import put
from tests.cast import person

if TYPE_CHECKING:
    from datetime import datetime

    from box.apps.calendar.models import Appointment, BookingPage
    from box.apps.tasks.models import Task
    from box.core.accounts.models import User
    from tests.box.rest.calling import Program


def given_to_every_method(
    program: Program, anna: User, boris: User, sales: Department
) -> dict[str, dict[str, Any]]:
    """By method, for the program of anna; those that are not in it need nothing."""
    post = program.call("log.blogpost.add", POST_MESSAGE="Look #here", DEST=[f"DR{sales.pk}"])
    program.call("log.blogcomment.add", POST_ID=post, TEXT="Nice")
    return {
        "log.blogpost.add": {"POST_MESSAGE": "x"},
        "log.blogcomment.add": {"POST_ID": post, "TEXT": "x"},
        "vote.attachedvote.getwithvoted": {"ATTACHID": asked(anna)},
        "user.search": {"FILTER": {"FIND": "Boris"}},
        **on_a_drive(anna),
        **in_the_crm(anna),
        **on_tasks(anna, boris),
        **on_the_phone(program, anna),
        **in_a_calendar(anna, boris),
    }


def own_fields(program: Program) -> dict[str, dict[str, Any]]:
    """What methods about own fields are given, by an administrator's program: to each a field of its own."""
    given: dict[str, dict[str, Any]] = {}
    names = iter(f"OWN_{number}" for number in count())
    for group in sorted({name.rpartition(".")[0] for name, _one in methods.items() if ".userfield." in name}):
        new, other = ("PARAMS", "DATA") if group.startswith("task.") else ("FIELDS", "FIELDS")

        def added(group: str = group, new: str = new) -> int:
            fields = {"FIELD_NAME": next(names), "USER_TYPE_ID": "string"}
            pk: int = program.call(f"{group}.add", **{new: fields})
            return pk

        given[f"{group}.add"] = {new: {"FIELD_NAME": next(names), "USER_TYPE_ID": "double"}}
        given[f"{group}.get"] = {"ID": added()}
        given[f"{group}.update"] = {"ID": added(), other: {"MANDATORY": "Y"}}
        given[f"{group}.delete"] = {"ID": added()}

    def config() -> dict[str, Any]:
        field = {"entityId": "CRM_DEAL", "fieldName": next(names), "userTypeId": "string"}
        return {"MODULEID": "crm", "FIELD": field}

    def made() -> dict[str, Any]:
        return {"MODULEID": "crm", "ID": program.call("userfieldconfig.add", **config())["field"]["id"]}

    given |= {f"userfieldconfig.{verb}": {"MODULEID": "crm"} for verb in ("list", "gettypes")}
    given |= {f"userfieldconfig.{verb}": made() for verb in ("get", "update", "delete")}
    given["userfieldconfig.update"]["FIELD"] = {"mandatory": "Y"}
    given["userfieldconfig.add"] = config()
    return given


def asked(anna: User) -> int:
    """A poll in which somebody has voted."""
    post = publish_post(Draft(text="Tea?", question=Question(("Yes", "No"))), by=anna)
    vote(post, [post.poll.options.all()[0].pk], by=anna, now=timezone.now())
    return post.pk


def of_the_company(olga: User, anna: User, boris: User) -> dict[str, dict[str, Any]]:
    """What methods that make people, departments, groups and rooms are given, by administrators."""
    top = Department.objects.get(parent=None)
    kept, over = (create_department(name, parent=top, by=olga) for name in ("Kept", "Over"))
    room, gone = (
        create_room(RoomDraft(name=name, bookers=(EVERYONE,)), by=olga) for name in ("Onega", "Ilmen")
    )
    planned(anna, draft(starts=timezone.now() + timedelta(days=1), room=room))
    groups = iter([create_group(NewGroup(f"Group {number}"), by=olga) for number in range(10)])

    def filled() -> int:
        group = next(groups)
        add_people(group, [anna], by=olga)
        return group.pk

    of: dict[str, dict[str, Any]] = {
        "create": {"NAME": "Another"},
        "update": {"GROUP_ID": filled(), "NAME": "Renamed"},
        "delete": {"GROUP_ID": filled()},
        "setowner": {"GROUP_ID": filled(), "USER_ID": anna.pk},
        "user.get": {"ID": filled()},
        "user.add": {"GROUP_ID": filled(), "USER_ID": [boris.pk]},
        "user.invite": {"GROUP_ID": filled(), "USER_ID": [boris.pk]},
        "user.request": {"GROUP_ID": filled()},
        "user.update": {"GROUP_ID": filled(), "USER_ID": [anna.pk], "ROLE": "E"},
        "user.delete": {"GROUP_ID": filled(), "USER_ID": [anna.pk]},
    }
    return {
        "user.add": {"EMAIL": "new@example.com", "UF_DEPARTMENT": [top.pk]},
        "user.update": {"ID": anna.pk, "WORK_POSITION": "Head"},
        "department.add": {"NAME": "New", "PARENT": top.pk},
        "department.update": {"ID": kept.pk, "NAME": "Renamed"},
        "department.delete": {"ID": over.pk},
        "calendar.resource.add": {"NAME": "Baikal"},
        "calendar.resource.update": {"RESOURCEID": room.pk, "NAME": "Ladoga"},
        "calendar.resource.delete": {"RESOURCEID": gone.pk},
        "calendar.resource.booking.list": {"FILTER": {"resourceTypeIdList": [room.pk]}},
        **{f"sonet_group.{name}": values for name, values in of.items()},
    }


def on_a_drive(anna: User) -> dict[str, dict[str, Any]]:
    """What methods about drives are given."""
    root = root_of(f"U{anna.pk}", by=anna)
    to, inner = make_folder(root, "to", by=anna), make_folder(root, "inner", by=anna)
    file, other = put(root, "plan.txt", by=anna), put(root, "other.txt", by=anna)
    gone = make_folder(root, "gone", by=anna)
    given: dict[str, dict[str, Any]] = {
        "storage.get": {"ID": root.drive_id},
        "attachedobject.get": {"ID": file.file_id},
        "file.getversions": {"ID": file.pk},
        "storage.getchildren": {"ID": root.drive_id},
        "storage.addfolder": {"ID": root.drive_id, "DATA": {"NAME": "first"}},
        "folder.addsubfolder": {"ID": inner.pk, "DATA": {"NAME": "second"}},
        "folder.getchildren": {"ID": root.pk},
        "folder.get": {"ID": to.pk},
        "folder.rename": {"ID": inner.pk, "NEWNAME": "third"},
        "folder.moveto": {"ID": inner.pk, "TARGETFOLDERID": to.pk},
        "folder.markdeleted": {"ID": gone.pk},
        "file.get": {"ID": file.pk},
        "file.rename": {"ID": file.pk, "NEWNAME": "fourth"},
        "file.moveto": {"ID": file.pk, "TARGETFOLDERID": to.pk},
        "file.markdeleted": {"ID": other.pk},
        "file.getexternallink": {"ID": file.pk},
    }
    return {f"disk.{name}": values for name, values in given.items()}


def on_tasks(anna: User, boris: User) -> dict[str, dict[str, Any]]:
    """What methods about tasks are given: to each its own task, in the state in which it may be called."""
    helper, watcher = person("Helen"), person("Wanda")
    filled = {"accomplice_ids": (helper.pk,), "observer_ids": (watcher.pk,), "tags": ("store",)}

    def give(to: User = anna) -> Task:
        return add_task(TaskDraft(title="Count", responsible=to, **filled), by=anna)  # type: ignore[arg-type]

    started, done, handed_in, worked = give(), give(boris), give(boris), give()
    add_time(worked, 60, on=timezone.localdate(), by=anna)
    start_task(started, by=anna)
    for task in (done, handed_in):
        complete_task(task, by=boris)
    given: dict[str, dict[str, Any]] = {
        "tasks.task.add": {
            "FIELDS": {
                "TITLE": "Weigh",
                "ACCOMPLICES": [helper.pk],
                "AUDITORS": [watcher.pk],
                "TAGS": ["store"],
            }
        },
        "tasks.task.update": {"TASKID": give().pk, "FIELDS": {"TITLE": "Weigh"}},
        "tasks.task.delegate": {"TASKID": give().pk, "USERID": boris.pk},
        "tasks.task.pause": {"TASKID": started.pk},
        "tasks.task.approve": {"TASKID": done.pk},
        "tasks.task.disapprove": {"TASKID": handed_in.pk},
        "task.elapseditem.add": {"TASKID": give().pk, "ARFIELDS": {"SECONDS": 60}},
        "task.elapseditem.getlist": {"TASKID": worked.pk},
    }
    listed = give()
    items = add_items(listed, "\n".join(f"Step {number}" for number in range(5)), by=anna)
    for verb, item in zip(("get", "update", "complete", "renew", "delete"), items, strict=True):
        asked = {"TASKID": listed.pk, "ITEMID": item.pk, "ARFIELDS": {"TITLE": "Weigh"}}
        given[f"task.checklistitem.{verb}"] = asked
    given["task.checklistitem.add"] = {"TASKID": listed.pk, "ARFIELDS": {"TITLE": "Weigh"}}
    given["task.checklistitem.getlist"] = {"TASKID": listed.pk}
    given["task.commentitem.add"] = {"TASKID": listed.pk, "FIELDS": {"POST_MESSAGE": "Weighed"}}
    given["task.commentitem.getlist"] = {"TASKID": listed.pk}
    given["task.stages.get"] = {"ENTITYID": 0}
    given["task.stages.movetask"] = {"ID": listed.pk, "STAGEID": stages_of(anna)[0].pk}
    first, linked, waits = give(), give(), give()
    add_dependency(first, linked, by=anna)
    given["task.dependence.add"] = {"TASKIDFROM": first.pk, "TASKIDTO": waits.pk, "LINKTYPE": 2}
    given["task.dependence.delete"] = {"TASKIDFROM": first.pk, "TASKIDTO": linked.pk}
    kept, over = (add_stage(anna, name, by=anna) for name in ("Weighed", "Sold"))
    given["task.stages.add"] = {"FIELDS": {"TITLE": "Packed"}}
    given["task.stages.update"] = {"ID": kept.pk, "FIELDS": {"TITLE": "Weighed twice"}}
    given["task.stages.delete"] = {"ID": over.pk}
    others = ("get", "delete", "start", "defer", "complete")
    return {**given, **{f"tasks.task.{name}": {"TASKID": give().pk} for name in others}}


def on_the_phone(program: Program, anna: User) -> dict[str, dict[str, Any]]:
    """What an exchange of another make tells: to each method a call of its own."""
    new = {"USER_ID": anna.pk, "PHONE_NUMBER": "+49 30 901820", "TYPE": 1}
    calls = [program.call("telephony.externalcall.register", **new)["CALL_ID"] for _ in range(3)]
    return {
        "telephony.externalcall.register": new,
        "telephony.externalcall.show": {"CALL_ID": calls[0], "USER_ID": [anna.pk]},
        "telephony.externalcall.hide": {"CALL_ID": calls[1], "USER_ID": [anna.pk]},
        "telephony.externalcall.finish": {"CALL_ID": calls[2], "USER_ID": anna.pk, "DURATION": 5},
    }


def held_for(page: BookingPage, name: str, at: datetime) -> Appointment:
    """Whatever the page offers."""
    visitor = VisitorDraft(name=name, email="zoe@example.com", language="en", zone="Europe/Moscow")
    return take_over_appointment(page, planned(page.owner, draft(starts=at)), visitor)


def in_a_calendar(anna: User, boris: User) -> dict[str, dict[str, Any]]:
    """What methods about calendars are given: one's own events, and an invitation."""
    tomorrow = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    later = tomorrow + timedelta(hours=1)
    told, gone = (planned(anna, draft(starts=tomorrow)) for _twice in range(2))
    invited = planned(boris, draft(starts=tomorrow, invited=(f"U{anna.pk}",)))
    kept, over = (create_calendar(name, "plum", by=anna) for name in ("Family", "Garden"))
    own = {"TYPE": "user", "OWNERID": anna.pk}
    days = {"FROM": tomorrow.date().isoformat(), "TO": (tomorrow + timedelta(days=1)).date().isoformat()}
    given: dict[str, dict[str, Any]] = {
        "event.get": {**own, **days},
        "event.getbyid": {"ID": told.pk},
        "event.add": {**own, "NAME": "Fair", "FROM": tomorrow.isoformat(), "TO": later.isoformat()},
        "event.update": {**own, "ID": told.pk, "NAME": "Fair"},
        "event.delete": {"ID": gone.pk},
        "meeting.status.get": {"EVENTID": invited.pk},
        "meeting.status.set": {"EVENTID": invited.pk, "STATUS": "Y"},
        "accessibility.get": {"USERS": [anna.pk], **days},
        "section.get": own,
        "section.add": {**own, "NAME": "Work"},
        "section.update": {**own, "ID": kept.pk, "NAME": "Work too"},
        "section.delete": {**own, "ID": over.pk},
    }
    page = create_page(PageDraft(title="Consultation", zone="Europe/Moscow", notice_hours=0), by=anna)
    booked, cancelled = (held_for(page, "Zoe", tomorrow + timedelta(days=number)) for number in (7, 14))
    bookings = {
        "booking.get": {"ID": booked.pk},
        "booking.delete": {"ID": cancelled.pk},
        "resource.get": {"ID": page.pk},
        "resource.slots.list": {"RESOURCEID": page.pk},
    }
    return {
        **{f"calendar.{name}": values for name, values in given.items()},
        **{f"booking.v1.{name}": values for name, values in bookings.items()},
    }
