"""A record's page: facts changed in place, stages, next steps, what has happened, a lead converted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import BadRequest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.records import change_record
from box.apps.crm.actions.stages import set_demands
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.jobs import tell_overdue_at
from box.apps.crm.models import Activity, Record, RecordType
from box.apps.crm.permissions import Level
from box.apps.crm.reminders import recount_due
from box.apps.crm.timeline import PAGE, TOP, Entry, place_in, timeline_of
from box.core.access.actions import employees_role
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.values import write_values
from box.core.history.models import Line
from box.core.notify.models import Counter, Notification
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def planned(record: Record, who: User, *, hours: float = 1, by: User | None = None) -> Activity:
    deadline = timezone.now() + timedelta(hours=hours)
    return add_activity(
        NewActivity(kind="call", subject="Call Rose", responsible=who, deadline=deadline), [record], by=by
    )


def text_of(browser: Client, record: Record) -> str:
    return browser.get(record.get_absolute_url()).content.decode()


def test_facts_are_changed_in_place_and_history_tells_of_it(
    as_person: Browser, anna: User, deal: Record
) -> None:
    browser = as_person(anna)
    address = f"{deal.get_absolute_url()}facts/about/"
    assert 'name="title"' in browser.get(address, headers=HTMX).content.decode()
    sent = {"title": "Tables for Rose", "amount": "2500", "expected_on": "2026-12-31", "comment": "Soon"}
    answer = browser.post(address, sent, headers=HTMX)
    assert answer.headers["HX-Reswap"] == "none"
    assert 'id="crm-facts" hx-swap-oob="true"' in answer.content.decode()
    deliver_all()
    page = text_of(browser, deal)
    assert "Tables for Rose" in page
    assert "2,500" in page
    assert "title: Chairs for Rose → Tables for Rose" in page


def test_a_group_that_is_wrong_is_asked_again_and_nothing_is_changed(
    as_person: Browser, anna: User, deal: Record
) -> None:
    address = f"{deal.get_absolute_url()}facts/about/"
    answer = as_person(anna).post(address, {"title": "Other", "amount": "x"}, headers=HTMX)
    assert answer.status_code == 422
    assert "Write a number" in answer.content.decode()
    deal.refresh_from_db()
    assert deal.title == "Chairs for Rose"


def test_who_may_only_read_is_offered_no_change_and_refused_it(
    as_person: Browser, boris: User, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    browser = as_person(boris)
    page = text_of(browser, deal)
    assert "crm-plan" not in page
    assert "facts/about" not in page
    url = deal.get_absolute_url()
    assert browser.get(f"{url}facts/about/").status_code == 403
    assert browser.post(f"{url}stage/", {"stage": stage_of("deal", "WON").pk}).status_code == 403
    step = {"kind": "call", "subject": "Call", "nonce": str(uuid4())}
    assert browser.post(f"{url}activities/", step).status_code == 403
    assert browser.delete(url).status_code == 403


def test_a_client_whom_the_reader_does_not_see_is_counted_and_not_named(
    as_person: Browser, anna: User, boris: User
) -> None:
    secret = added("contact", boris, "A secret", first_name="Secret", last_name="Client")
    deal = added("deal", anna, "Chairs", contacts=[secret])
    page = text_of(as_person(anna), deal)
    assert "Secret Client" not in page
    assert "and 1 that you may not see" in page


def test_a_stage_is_pressed_and_asks_in_a_dialog(as_person: Browser, anna: User, deal: Record) -> None:
    stage = stage_of("deal", "EXECUTING")
    set_demands(stage, ["comment"], by=None)
    browser, address = as_person(anna), f"{deal.get_absolute_url()}stage/"
    asked = browser.post(address, {"stage": stage.pk}, headers=HTMX)
    assert asked.status_code == 422
    assert f'name="stage" value="{stage.pk}"' in asked.content.decode()
    sent = {"stage": stage.pk, "asked": "comment", "comment": "Rose street"}
    assert browser.post(address, sent, headers=HTMX).status_code == 200
    deal.refresh_from_db()
    assert (deal.stage, deal.comment) == (stage, "Rose street")
    assert browser.post(address, {"stage": stage_of("lead", "NEW").pk}, headers=HTMX).status_code == 409


def test_a_next_step_is_planned_in_a_line_once_and_done_with_what_came_of_it(
    as_person: Browser, anna: User, deal: Record
) -> None:
    browser = as_person(anna)
    assert "nothing is planned" in text_of(browser, deal)
    deadline = timezone.localtime(timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    step = {"kind": "meeting", "subject": "See Rose", "deadline": deadline, "nonce": str(uuid4())}
    for _ in range(2):
        browser.post(f"{deal.get_absolute_url()}activities/", step, headers=HTMX)
    activity = Activity.objects.get()
    assert (activity.kind, activity.responsible, activity.is_planned) == ("meeting", anna, True)
    assert "nothing is planned" not in text_of(browser, deal)
    done = browser.post(f"/crm/activities/{activity.pk}/completion/", {"result": "She buys"}, headers=HTMX)
    assert "She buys" in done.content.decode()
    assert "nothing is planned" in text_of(browser, deal)
    browser.delete(f"/crm/activities/{activity.pk}/completion/")
    activity.refresh_from_db()
    assert activity.done_at is None


def test_what_was_is_written_down_without_a_deadline(as_person: Browser, anna: User, deal: Record) -> None:
    sent = {"kind": "note", "subject": "She likes red", "nonce": str(uuid4())}
    page = as_person(anna).post(f"{deal.get_absolute_url()}activities/", sent, headers=HTMX)
    assert "She likes red" in page.content.decode()
    wrong = {**sent, "deadline": "soon", "nonce": str(uuid4())}
    refused = as_person(anna).post(f"{deal.get_absolute_url()}activities/", wrong, headers=HTMX)
    assert refused.status_code == 409
    assert Activity.objects.count() == 1


def test_what_one_does_not_see_one_does_not_do(as_person: Browser, anna: User, boris: User) -> None:
    activity = planned(added("deal", anna, "Chairs"), anna)
    browser = as_person(boris)
    assert browser.post(f"/crm/activities/{activity.pk}/completion/").status_code == 404
    assert browser.delete(f"/crm/activities/{activity.pk}/").status_code == 404
    later = {"deadline": "2027-01-01T10:00"}
    assert browser.post(f"/crm/activities/{activity.pk}/deadline/", later).status_code == 404
    activity.refresh_from_db()
    assert activity.done_at is None


def test_a_lead_becomes_a_contact_that_is_there_already_and_a_deal(as_person: Browser, anna: User) -> None:
    rose = added("contact", anna, "Rose", last_name="Rose", reached_by=[Reach("phone", "+7 916 123-45-67")])
    lead = added("lead", anna, "Rose wants chairs", reached_by=[Reach("phone", "8 916 123-45-67")])
    browser, address = as_person(anna), f"{lead.get_absolute_url()}conversion/"
    offered = browser.get(address, headers=HTMX).content.decode()
    assert f'name="contact" value="{rose.pk}"' in offered
    assert "same telephone" in offered
    nothing = browser.post(address, {"contact": "", "company": ""}, headers=HTMX)
    assert nothing.status_code == 422
    answer = browser.post(address, {"contact": rose.pk, "company": "", "deal": "1"})
    deal = Record.objects.get(type=RecordType.Id.DEAL)
    assert answer.headers["Location"] == deal.get_absolute_url()
    assert deal.contact == rose
    assert Record.objects.filter(type=RecordType.Id.CONTACT).count() == 1
    assert "conversion/" not in text_of(browser, lead)


def test_whoever_becomes_responsible_hears_of_it_once_and_not_of_their_own_doing(
    anna: User, boris: User, olga: User, deal: Record
) -> None:
    change_record(deal, {"responsible": boris}, by=anna)
    deliver_all()
    told = Notification.objects.get()
    assert (told.user, told.kind, told.about_kind, told.about_id) == (
        boris, "crm.responsible", "crm.deal", deal.pk,
    )  # fmt: skip
    change_record(deal, {"responsible": olga}, by=olga)
    deliver_all()
    assert Notification.objects.count() == 1


def test_a_comment_reaches_who_looks_after_it_and_who_observes(
    anna: User, boris: User, olga: User, deal: Record
) -> None:
    change_record(deal, {"observers": [boris]}, by=anna)
    deliver_all()
    Notification.objects.all().delete()
    add_comment(deal.thread, "Is it done?", by=olga)
    deliver_all()
    told = Notification.objects.order_by("user").values_list("user", "kind")
    assert list(told) == [(anna.pk, "crm.comment"), (boris.pk, "crm.comment")]


def test_what_has_become_overdue_is_told_once_for_each_deadline(anna: User, deal: Record) -> None:
    planned(deal, anna, hours=1)
    now = timezone.now()
    tell_overdue_at(now)
    assert not Notification.objects.exists()
    for _ in range(2):
        tell_overdue_at(now + timedelta(hours=2))
    assert [one.kind for one in Notification.objects.all()] == ["crm.overdue"]


def test_the_menu_counts_what_is_due_today_and_what_is_late(anna: User, boris: User, deal: Record) -> None:
    late = planned(deal, anna, hours=-30)
    planned(deal, anna, hours=24 * 5)
    planned(deal, boris, hours=-1)
    deliver_all()
    assert Counter.objects.get(user=anna, key="crm").value == 1
    complete_activity(late, by=anna)
    deliver_all()
    assert not Counter.objects.filter(user=anna, key="crm").exists()
    recount_due(boris)
    assert Counter.objects.get(user=boris, key="crm").value == 1


def test_ones_day_shows_ones_own_steps_and_no_others(
    as_person: Browser, anna: User, boris: User, deal: Record
) -> None:
    planned(deal, anna, hours=-30)
    page = as_person(anna).get("/crm/day/").content.decode()
    assert "Call Rose" in page
    assert "Chairs for Rose" in page
    assert "Call Rose" not in as_person(boris).get("/crm/day/").content.decode()


def test_the_page_costs_the_same_with_much_as_with_little(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    contacts = [
        added("contact", anna, f"C{n}", last_name=f"C{n}", reached_by=[Reach("phone", f"+7916123450{n}")])
        for n in range(5)
    ]
    deal = added("deal", anna, "Chairs", contacts=contacts[:1], observers=[boris])
    browser = as_person(anna)
    colour = add_field(SETS[deal.type_id], FieldDraft("Colour"), by=olga)
    write_values(SETS[deal.type_id], deal.pk, {colour: ["Red"]})
    for person in (boris, anna):
        change_record(deal, {"responsible": person}, by=None)

    def fill(times: int) -> None:
        for _ in range(times):
            complete_activity(planned(deal, anna, by=anna), by=anna)
            planned(deal, anna, by=anna)
            comment = add_comment(deal.thread, "So", by=anna)
            add_comment(deal.thread, "Indeed", parent=comment, by=anna)
            note_payment(deal, PaymentDraft(amount=Decimal(10), on=date(2026, 5, 20)), by=anna)
            add_paper(deal, type_of("quote"), by=anna)
        deliver_all()

    fill(1)
    change_record(deal, {"title": "Tables"}, by=anna)
    deliver_all()
    text_of(browser, deal)
    with CaptureQueriesContext(connection) as with_little:
        text_of(browser, deal)
    fill(4)
    change_record(deal, {"contacts": contacts}, by=anna)
    deliver_all()
    with CaptureQueriesContext(connection) as with_much:
        text_of(browser, deal)
    assert len(with_much) == len(with_little) <= 12


def test_sums_are_shown_to_the_cent_however_large(as_person: Browser, anna: User, deal: Record) -> None:
    note_payment(deal, PaymentDraft(amount=Decimal("1234567890123456.78"), on=date(2026, 5, 20)), by=anna)
    assert "1,234,567,890,123,456.78" in text_of(as_person(anna), deal)


def test_what_hangs_on_a_client_is_shown_as_far_as_one_sees_it_the_newest_first(
    as_person: Browser, anna: User, boris: User
) -> None:
    rose = added("contact", anna, "Rose", last_name="Rose")
    for title, whose in (("First deal", anna), ("His deal", boris), ("Second deal", anna)):
        added("deal", whose, title, contacts=[rose])
    page = text_of(as_person(anna), rose)
    assert "His deal" not in page
    assert 0 < page.index("Second deal") < page.index("First deal")


def test_time_goes_back_page_by_page_and_repeats_nothing(
    as_person: Browser, anna: User, deal: Record
) -> None:
    for number in range(40):
        note = NewActivity(kind="note", subject=f"Note {number:02}", responsible=anna)
        add_activity(note, [deal], by=anna)
    browser = as_person(anna)
    first = text_of(browser, deal)
    more = first.partition('class="crm-more" hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    second = browser.get(more, headers=HTMX).content.decode()
    notes = {f"Note {number:02}" for number in range(40)}
    assert {one for one in notes if one in first} & {one for one in notes if one in second} == set()
    assert notes <= {one for one in notes if one in first + second}
    assert browser.get(f"{deal.get_absolute_url()}history/?before=yesterday").status_code == 400


def test_of_what_was_at_one_moment_nothing_is_left_out_between_pages(anna: User, deal: Record) -> None:
    at = timezone.now()
    for number in range(PAGE + 5):
        add_activity(NewActivity(kind="note", subject=f"{number}", responsible=anna, at=at), [deal], by=anna)
        change_record(deal, {"title": f"Chairs {number}"}, by=anna)
    deliver_all()
    lines = Line.objects.about("crm.deal", deal.pk)
    lines.update(at=at)
    told: list[Entry] = []
    place = TOP
    while True:
        page = timeline_of(deal, anna, before=place)
        told += page.entries
        if not page.before:
            break
        place = place_in(page.before)
    notes = [one.activity.title for one in told if one.activity]
    assert notes == [str(number) for number in reversed(range(PAGE + 5))]
    assert [one.line for one in told if not one.activity] == list(
        lines.newest_first().values_list("pk", flat=True)
    )


@pytest.mark.parametrize(
    "wrong", ["x 1 1", "2026-11-24T09:00:00+00:00", "2026-11-24T09:00:00 1 1", f"{TOP} 1"]
)
def test_a_place_that_no_page_has_named_is_refused(wrong: str) -> None:
    assert place_in(str(TOP)) == TOP
    with pytest.raises(BadRequest, match="open the page anew"):
        place_in(wrong)


def test_it_reads_in_russian(as_person: Browser, anna: User, deal: Record) -> None:
    anna.language = "ru"
    anna.save()
    page: Any = text_of(as_person(anna), deal)
    assert "Следующий шаг" in page
    assert "дел не запланировано" in page
