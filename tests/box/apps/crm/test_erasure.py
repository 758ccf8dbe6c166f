"""What is in the trash goes for good, and takes along what is about nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.erasure import erase_record
from box.apps.crm.actions.merging import merge_records
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.records import change_record, delete_records
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Activity, ContactPoint, FormAnswer, FormFile, Record
from box.apps.crm.models.types import ANY_RECORD
from box.apps.crm.permissions import Level
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.access.actions import employees_role
from box.core.audit.models import AuditRecord
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Comment
from box.core.events.delivery import deliver_all
from box.core.files.models import Blob, File
from box.core.history.models import Line
from box.core.registry.capabilities import Ref
from box.core.relations.actions import relate
from box.core.relations.models import Relation
from tests.box.apps.crm.conftest import added, allow, type_of, web_form

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def rose(anna: User) -> Record:
    """A client with a deal, two notes, a comment and a history, of whom there were two."""
    rose = added("contact", anna, first_name="Rosalind", reached_by=(Reach("phone", "+79161234567"),))
    twin = added("contact", anna, first_name="Rosalinda", reached_by=(Reach("email", "r@example.com"),))
    deal = added("deal", anna, "Chairs", contact=rose)
    for subject, about in (("Rosalind likes oak", rose), ("Chairs were ordered", deal)):
        add_activity(NewActivity(kind="note", subject=subject, responsible=anna), [about], by=anna)
    add_comment(rose.thread, "Rosalind is allergic to ash", by=anna)
    change_record(rose, {"comment": "Rosalind pays late"}, by=anna)
    deliver_all()
    return merge_records(rose, [twin], by=anna)


def gone(record: Record) -> Record:
    delete_records([record], by=None)
    return record


def test_nothing_of_a_client_is_left_and_their_deals_stay(rose: Record, olga: User) -> None:
    assert Line.objects.about("crm.contact", rose.pk).exists()
    for _ in range(2):
        erase_record(gone(rose), by=olga)
    deliver_all()
    assert not Record.objects.filter(type=type_of("contact")).exists()
    assert not ContactPoint.objects.exists()
    assert not Comment.objects.exists()
    assert not Line.objects.about("crm.contact", rose.pk).exists()
    # What was done with the deal is told there.
    assert [one.subject for one in Activity.objects.all()] == ["Chairs were ordered"]
    deal = Record.objects.get()
    assert (deal.title, deal.contact, deal.links.exists()) == ("Chairs", None, False)
    (line,) = AuditRecord.objects.filter(kind="crm.erased")
    assert "Rosalind" not in str(line.details)


def test_what_was_merged_and_merged_again_goes_whole(rose: Record, anna: User, olga: User) -> None:
    kept, other, paul = (added("contact", anna, first_name=name) for name in ("Rosa", "Rosy", "Paul"))
    merge_records(kept, [rose, other], by=olga)
    erase_record(gone(kept), by=olga)
    assert list(Record.objects.filter(type=type_of("contact"))) == [paul]


def test_whoever_else_is_a_client_stays_with_deals_papers_and_payments(anna: User, olga: User) -> None:
    oak, elm = (added("company", anna, name) for name in ("Oak Ltd", "Elm Ltd"))
    paul = added("contact", anna, first_name="Paul")
    chairs = added("deal", anna, "Chairs", company=oak)
    tables = added("deal", anna, "Tables", company=elm, contact=paul)
    note_payment(tables, PaymentDraft(amount=Decimal(5), on=date(2026, 11, 1)), by=None)
    add_paper(tables, type_of("invoice"), by=olga)
    erase_record(gone(oak), by=olga)
    chairs.refresh_from_db()
    tables.refresh_from_db()
    assert (chairs.company, chairs.links.exists()) == (None, False)
    assert (tables.company, tables.contact, tables.payments.count()) == (elm, paul, 1)


def test_what_somebody_sent_and_what_was_related_goes_with_the_client(anna: User, olga: User) -> None:
    rose, paul = (added("contact", anna, first_name=name) for name in ("Rose", "Paul"))
    form, files = web_form(olga, [anna]), []
    for record, letter in ((rose, "a"), (paul, "b")):
        blob = Blob.objects.create(key=f"2026/01/{letter * 32}", size=3)
        file = File.objects.create(owner=anna, name="a.txt", blob=blob, audience=[f"U{anna.pk}"])
        answer = FormAnswer.objects.create(form=form, record=record, key=letter)
        FormFile.objects.create(answer=answer, question="A drawing", file=file)
        files.append(file)
    task = add_task(TaskDraft(title="Draw", responsible=anna), by=anna)
    # A client is named by its kind, or as something of the CRM.
    relate(task.ref, [Ref(ANY_RECORD, rose.pk), rose.ref, Ref(ANY_RECORD, paul.pk)], by=anna)
    erase_record(gone(rose), by=olga)
    assert list(File.objects.all()) == files[1:]
    assert [one.end_beside(task.ref) for one in Relation.objects.of(task.ref)] == [Ref(ANY_RECORD, paul.pk)]


def test_only_what_is_in_the_trash_is_erased(rose: Record, olga: User) -> None:
    with pytest.raises(ValidationError, match="Delete it first"):
        erase_record(rose, by=olga)
    twin = Record.objects.get(merged_into=rose)
    with pytest.raises(ValidationError, match="Delete it first"):
        erase_record(twin, by=olga)
    assert Record.objects.filter(pk__in=[rose.pk, twin.pk]).count() == 2


def test_books_are_kept(deal: Record, anna: User, olga: User) -> None:
    paid = added("deal", anna, "Paid")
    note_payment(paid, PaymentDraft(amount=Decimal(5), on=date(2026, 11, 1)), by=None)
    invoice = add_paper(deal, type_of("invoice"), by=olga)
    for kept, why in ((paid, "payments"), (deal, "invoices are kept"), (invoice, "invoices are kept")):
        with pytest.raises(ValidationError, match=why):
            erase_record(gone(kept), by=olga)
    assert Record.objects.count() == 3


def test_who_may_delete_does_not_erase(deal: Record, anna: User, olga: User, as_person: Browser) -> None:
    allow(employees_role(), "t2", Level.ALL)
    with pytest.raises(PermissionDenied):
        erase_record(gone(deal), by=anna)
    sent = {"do": "bulk:erase", "row": [str(deal.pk)]}
    assert "Erase for good" not in as_person(anna).get("/crm/deal/trash/").content.decode()
    assert as_person(anna).post("/crm/deal/trash/", sent).status_code == 403
    assert Record.objects.filter(pk=deal.pk).exists()
    assert "Erase for good" in as_person(olga).get("/crm/deal/trash/").content.decode()
    assert as_person(olga).post("/crm/deal/trash/", sent).status_code in (200, 302)
    assert not Record.objects.filter(pk=deal.pk).exists()
