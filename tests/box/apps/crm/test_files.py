"""Files that belong to a record are for whoever sees it, wherever in it they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.files import follow_records, tell_of_field
from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import FormAnswer, FormFile, Record
from box.core.discussion.actions import add_comment
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field, Value
from box.core.files.models import Blob, File
from tests.box.apps.crm.conftest import added, web_form

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def file_of(owner: User, name: str) -> File:
    blob, _is_new = Blob.objects.get_or_create(key=f"2026/01/{'a' * 32}", defaults={"size": 3})
    return File.objects.create(owner=owner, name=name, blob=blob, audience=[f"U{owner.pk}"])


def told() -> list[set[int]]:
    rows = Event.objects.filter(kind="files.FilesChanged").order_by("pk")
    found = [set(row.payload["file_ids"]) for row in rows]
    rows.delete()
    return found


def filled(record: Record, scan: Field, olga: User, by: User) -> set[int]:
    """A file in a field of it, one that came through a form, and one below it."""
    files = [file_of(by, f"{part} of {record}") for part in ("scan", "answer", "comment")]
    set_values(record, {scan: (files[0].pk,)}, by=by)
    answer = FormAnswer.objects.create(form=web_form(olga, [by]), record=record, key=f"k{record.pk}")
    FormFile.objects.create(answer=answer, question="A drawing", file=files[1])
    add_comment(record.thread, "So", file_ids=[files[2].pk], by=by)
    return {one.pk for one in files}


def test_all_files_of_a_record_follow_it_and_none_of_another(anna: User, olga: User) -> None:
    scan = add_field(SETS[2], FieldDraft("Scan", kind="file"), by=olga)
    town = add_field(SETS[2], FieldDraft("Town"), by=olga)
    deal, other = added("deal", anna, "Chairs"), added("deal", anna, "Tables")
    files, _others = filled(deal, scan, olga, anna), filled(other, scan, olga, anna)
    set_values(deal, {town: ("Tver",)}, by=anna)
    # Of something else that has the number of the deal.
    elsewhere = Field.objects.create(set_key="tasks.task", name="Scan", kind=Field.Kind.FILE)
    Value.objects.create(field=elsewhere, object_id=deal.pk, file=file_of(anna, "salaries.pdf"))
    told()
    follow_records([deal.pk])
    assert told() == [files]


def test_only_files_of_the_field_that_was_hidden_are_read_anew(anna: User, olga: User) -> None:
    scan, plan = (add_field(SETS[2], FieldDraft(name, kind="file"), by=olga) for name in ("Scan", "Plan"))
    deal, files = added("deal", anna), [file_of(anna, name) for name in ("scan.pdf", "plan.pdf")]
    set_values(deal, {scan: (files[0].pk,), plan: (files[1].pk,)}, by=anna)
    town = add_field(SETS[2], FieldDraft("Town"), by=olga)
    set_values(deal, {town: ("Tver",)}, by=anna)
    told()
    tell_of_field(scan.pk)
    tell_of_field(town.pk)
    assert told() == [{files[0].pk}]
