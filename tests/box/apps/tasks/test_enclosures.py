"""What comes along from a template: its files, and what it has in the company's own fields."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from box.apps.tasks.actions.enclosures import fields_of, file_ids_of
from box.apps.tasks.actions.tasks import MOST_FILES, TaskDraft
from box.apps.tasks.actions.templates import (
    Plan,
    add_by_template,
    add_template,
    change_template,
    delete_template,
    give_next,
    pass_templates_on,
)
from box.apps.tasks.fields import TASK_FIELDS
from box.apps.tasks.models import Task, TaskFile, Template
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field, Value
from box.core.fields.values import values_of
from box.core.files.actions import NotYours
from box.core.files.models import Blob, File
from tests.box.apps.tasks.conftest import Give
from tests.box.core.groups.test_actions import again, group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.fields.values import Values

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

MONDAY = datetime(2035, 1, 1, 9, tzinfo=ZoneInfo("Europe/Moscow"))
WEEK = timedelta(weeks=1)
BY_HAND = Plan(zone="Europe/Moscow")
WEEKLY = Plan(zone="Europe/Moscow", rule="FREQ=WEEKLY", starts_at=MONDAY)


def upload(by: User, name: str = "form.pdf") -> File:
    blob = Blob.objects.create(key=f"2026/01/{uuid4().hex}", size=7)
    return File.objects.create(owner=by, name=name, blob=blob, audience=[f"U{by.pk}"], is_private=True)


def kept(by: User, to: User, plan: Plan = WEEKLY, **more: Any) -> Template:
    return add_template(TaskDraft(title="Report", responsible=to, **more), plan, by=by)


def seen_by(person: User) -> set[int]:
    return set(File.objects.visible_to(person).values_list("pk", flat=True))


def test_each_task_gets_the_files_and_values_as_its_own(anna: User, boris: User, cara: User) -> None:
    room = add_field(TASK_FIELDS, FieldDraft(name="Room"), by=anna)
    plan = add_field(TASK_FIELDS, FieldDraft(name="Plan", kind=Field.Kind.FILE), by=anna)
    form, drawing = upload(anna), upload(anna, "drawing.png")
    template = kept(anna, boris, file_ids=(form.pk,), fields={room: ("12",), plan: (drawing.pk,)})
    assert (give_next(MONDAY), give_next(MONDAY + WEEK)) == (True, True)
    first, second = Task.objects.order_by("pk")
    mine, yours = (File.objects.get(pk=file_ids_of(task)[0]) for task in (first, second))
    assert len({form.pk, mine.pk, yours.pk}) == 3
    assert mine.blob == yours.blob == form.blob
    assert (mine.name, mine.owner) == ("form.pdf", anna)
    values = values_of(TASK_FIELDS, first.pk)
    assert values[room] == ("12",)
    assert File.objects.get(pk=values[plan][0]).blob == drawing.blob
    assert values[plan] != (drawing.pk,) == fields_of(template)[plan]
    # Whoever does it sees what came along, and the template's own files no more than the template.
    assert seen_by(boris) == {mine.pk, yours.pk, *values[plan], *values_of(TASK_FIELDS, second.pk)[plan]}
    assert seen_by(cara) == set()
    assert not Task.objects.exclude(template_at=None).filter(template__problem__gt="").exists()


def test_a_task_given_by_hand_takes_over_what_is_not_left_out(anna: User, boris: User) -> None:
    template = kept(anna, boris, BY_HAND, file_ids=(upload(anna).pk, upload(anna, "other.pdf").pk))
    form, other = file_ids_of(template)
    more = upload(anna, "more.pdf")
    task = add_by_template(
        template, TaskDraft(title="Now", responsible=boris, file_ids=(other, more.pk)), by=anna
    )
    names = [File.objects.get(pk=pk).name for pk in file_ids_of(task)]
    assert names == ["other.pdf", "more.pdf"]
    assert file_ids_of(template) == [form, other]
    assert more.pk in file_ids_of(task)
    assert File.objects.count() == 4, "of what was left out there is no copy"


def test_files_stand_in_the_order_in_which_they_were_put(anna: User, boris: User) -> None:
    """Whichever of the rows was written last."""
    files = [upload(anna, name).pk for name in ("a", "b")]
    template = kept(anna, boris, BY_HAND, file_ids=tuple(files))
    task = add_by_template(
        template, TaskDraft(title="Now", responsible=boris, file_ids=tuple(files)), by=anna
    )
    for links in (template.file_links, task.file_links):
        links.filter(position=0).update(position=0)
    assert file_ids_of(template) == files
    assert [File.objects.get(pk=pk).name for pk in file_ids_of(task)] == ["a", "b"]


def test_a_number_in_another_field_is_no_file(anna: User, boris: User) -> None:
    count, file = (
        add_field(TASK_FIELDS, FieldDraft(name="Count", kind=Field.Kind.NUMBER), by=anna),
        upload(boris),
    )
    fields: Values = {count: (Decimal(file.pk),)}
    template = kept(anna, boris, BY_HAND, fields=fields)
    add_by_template(template, TaskDraft(title="Now", responsible=boris, fields=fields), by=anna)
    assert File.objects.get() == file, "nothing was copied"
    own = upload(anna)
    fields = {count: (Decimal(own.pk),)}
    template = kept(anna, boris, BY_HAND, file_ids=(own.pk,), fields=fields)
    draft = TaskDraft(title="Now", responsible=boris, file_ids=(own.pk,), fields=fields)
    assert values_of(TASK_FIELDS, add_by_template(template, draft, by=anna).pk) == fields


def test_of_two_templates_each_has_its_own_files(anna: User, boris: User) -> None:
    one, other = (kept(anna, boris, BY_HAND, file_ids=(upload(anna).pk,)) for _number in range(2))
    had = file_ids_of(other)
    change_template(one, TaskDraft(title="R", responsible=boris), BY_HAND, by=anna)
    assert (file_ids_of(one), file_ids_of(other)) == ([], had)
    delete_template(one, by=anna)
    assert file_ids_of(other) == had


def test_who_comes_to_see_a_template_sees_its_files(anna: User, boris: User) -> None:
    template = kept(anna, boris, BY_HAND, file_ids=(upload(anna).pk,))
    files = tuple(file_ids_of(template))
    assert seen_by(boris) == set()
    draft = TaskDraft(title="R", responsible=boris, file_ids=files, project=group_of(anna, boris))
    change_template(template, draft, BY_HAND, by=anna)
    assert Template.objects.visible_to(again(boris)).get() == template
    assert seen_by(again(boris)) == set(files)


def test_files_of_others_do_not_come_along(anna: User, boris: User, give: Give) -> None:
    """Neither those of another template, nor those of somebody else's: a number is easily guessed."""
    template, hidden = kept(anna, boris, BY_HAND), kept(boris, boris, BY_HAND, file_ids=(upload(boris).pk,))
    for strange in (upload(boris).pk, *file_ids_of(hidden)):
        with pytest.raises(NotYours):
            add_by_template(template, TaskDraft(title="Now", responsible=boris, file_ids=(strange,)), by=anna)
        with pytest.raises(NotYours):
            kept(anna, boris, BY_HAND, file_ids=(strange,))
        with pytest.raises(NotYours):
            change_template(
                template, TaskDraft(title="R", responsible=boris, file_ids=(strange,)), BY_HAND, by=anna
            )
    assert not TaskFile.objects.exists()


def test_a_template_begun_of_a_task_has_files_of_its_own(anna: User, boris: User, give: Give) -> None:
    task = give(file_ids=(upload(anna).pk,))
    of_task = file_ids_of(task)
    draft = TaskDraft(title="Again", responsible=boris, file_ids=tuple(of_task))
    template = add_template(draft, BY_HAND, by=anna, source=task)
    assert file_ids_of(task) == of_task
    assert set(file_ids_of(template)).isdisjoint(of_task)
    delete_template(template, by=anna)
    assert set(File.objects.values_list("pk", flat=True)) == set(of_task)


def test_changing_it_leaves_out_and_adds(anna: User, boris: User) -> None:
    room = add_field(TASK_FIELDS, FieldDraft(name="Room"), by=anna)
    template = kept(anna, boris, file_ids=(upload(anna).pk,), fields={room: ("12",)})
    (form,), more = file_ids_of(template), upload(anna, "more.pdf")
    draft = TaskDraft(title="R", responsible=boris, file_ids=(form, more.pk), fields={room: ("14",)})
    change_template(template, draft, BY_HAND, by=anna)
    assert (file_ids_of(template), fields_of(template)) == ([form, more.pk], {room: ("14",)})
    draft = TaskDraft(title="R", responsible=boris, file_ids=(more.pk,), fields={room: ()})
    change_template(template, draft, BY_HAND, by=anna)
    assert (file_ids_of(template), fields_of(template)) == ([more.pk], {})
    assert not File.objects.filter(pk=form).exists()


def test_nothing_of_it_stays_when_it_goes(anna: User, boris: User) -> None:
    room = add_field(TASK_FIELDS, FieldDraft(name="Room"), by=anna)
    template = kept(anna, boris, file_ids=(upload(anna).pk,), fields={room: ("12",)})
    give_next(MONDAY)
    delete_template(template, by=anna)
    task = Task.objects.get()
    assert list(Value.objects.values_list("object_id", flat=True)) == [task.pk]
    assert list(File.objects.values_list("pk", flat=True)) == file_ids_of(task)


def test_whoever_keeps_it_next_sees_its_files(anna: User, boris: User, cara: User) -> None:
    plan = add_field(TASK_FIELDS, FieldDraft(name="Plan", kind=Field.Kind.FILE), by=anna)
    template = kept(anna, boris, file_ids=(upload(anna).pk,), fields={plan: (upload(anna).pk,)})
    pass_templates_on(anna, cara)
    assert seen_by(cara) == {*file_ids_of(template), *fields_of(template)[plan]}
    assert give_next(MONDAY)
    assert Task.objects.get().created_by == cara


def test_it_has_so_many_files_and_no_more(anna: User, boris: User) -> None:
    uploads = [upload(anna).pk for _ in range(MOST_FILES + 1)]
    kept(anna, boris, BY_HAND, file_ids=tuple(uploads[:MOST_FILES]))
    with pytest.raises(ValidationError, match=str(MOST_FILES)):
        kept(anna, boris, BY_HAND, file_ids=tuple(upload(anna).pk for _ in range(MOST_FILES + 1)))


def test_the_pages_take_files_and_fields_along(as_person: Browser, anna: User, boris: User) -> None:
    room = add_field(TASK_FIELDS, FieldDraft(name="Room"), by=anna)
    browser, form, other = as_person(anna), upload(anna), upload(anna, "other.pdf")
    sent = {
        "title": "Report", "priority": "1", "responsible": f"U{boris.pk}", room.key: "12", "due_at": "18:00",
        "first_at": "09:00", "files": [form.pk, other.pk], "nonce": uuid4().hex,
    }  # fmt: skip
    assert browser.post("/tasks/templates/new/", sent).status_code == 302
    template = Template.objects.get()
    page = browser.get(f"/tasks/new/?template={template.pk}").content.decode()
    assert 'value="12"' in page
    assert page.count('type="checkbox" name="files"') == 2
    given = {**sent, "files": [other.pk], "template": template.pk, room.key: "13", "nonce": uuid4().hex}
    assert browser.post("/tasks/new/", given).status_code == 302
    task = Task.objects.get()
    assert [File.objects.get(pk=pk).name for pk in file_ids_of(task)] == ["other.pdf"]
    assert values_of(TASK_FIELDS, task.pk) == {room: ("13",)}
    begun = browser.get(f"/tasks/templates/new/?of={task.pk}").content.decode()
    assert 'value="13"' in begun
    again = {**sent, "files": file_ids_of(task), "of": task.pk, "nonce": uuid4().hex}
    assert browser.post("/tasks/templates/new/", again).status_code == 302
    assert len(file_ids_of(Template.objects.latest("pk"))) == 1


def test_a_new_task_takes_the_files_that_the_page_has_sent(as_person: Browser, anna: User) -> None:
    """Under the name by which `upload.js` sends them."""
    file = upload(anna)
    sent = {"title": "Read this", "priority": "1", "files": [file.pk], "nonce": uuid4().hex}
    assert as_person(anna).post("/tasks/new/", sent).status_code == 302
    assert file_ids_of(Task.objects.get()) == [file.pk]


def test_what_must_be_filled_in_is_asked_where_nobody_else_will(
    as_person: Browser, anna: User, boris: User
) -> None:
    add_field(TASK_FIELDS, FieldDraft(name="Room", is_required=True), by=anna)
    sent = {"title": "Report", "priority": "1", "responsible": f"U{boris.pk}", "due_at": "18:00"}
    repeats = {"repeats": "daily", "interval": "1", "first_on": "2035-01-01", "first_at": "09:00"}
    browser = as_person(anna)
    refused = browser.post("/tasks/templates/new/", {**sent, **repeats, "nonce": uuid4().hex})
    assert refused.status_code == 422
    assert not Template.objects.exists()
    assert browser.post("/tasks/templates/new/", {**sent, "nonce": uuid4().hex}).status_code == 302
