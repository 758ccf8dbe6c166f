"""Forms on websites: designed, answered by strangers, kept from programs, and what becomes of answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from box.apps.crm.actions.records import change_record, delete_records, move_record
from box.apps.crm.actions.setup import add_pipeline
from box.apps.crm.actions.stages import retire_pipeline, retire_stage
from box.apps.crm.actions.web_forms import (
    FormDraft,
    consent_of,
    retire_form,
    save_form,
    switch_form,
    take_answer,
)
from box.apps.crm.contact_points import Reach
from box.apps.crm.field_rights import give
from box.apps.crm.models import Activity, FormAnswer, FormFile, Pipeline, Record, Source, Stage, WebForm
from box.apps.crm.setup.web_forms import WebFormForm
from box.apps.crm.timeline import timeline_of
from box.apps.crm.views.public_forms import LARGEST, MOST_ANSWERS
from box.apps.crm.web_forms import Answered, answered, check_form, pages_of
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.actions import dismiss_user
from box.core.accounts.throttle import Quota
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.files.models import File
from box.core.files.store import StoreUnavailable
from box.core.notify.models import Notification
from box.lib.proof_of_work import LATEST, SOONEST, Suspicious, challenge_for, check_challenge, is_solved
from box.lib.questions import Question, questions_in
from tests.box.apps.crm.conftest import added, stage_of, type_of, web_form

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
ROSE = Answered(
    first_name="Rose", phone="+79161234567", email="rose@example.com", said=(("Your question", "Chairs?"),)
)


@pytest.fixture
def form(olga: User, anna: User) -> WebForm:
    return web_form(olga, [anna])


@contextmanager
def at(distance: timedelta) -> Iterator[None]:
    """So far from now on the clock of what is signed."""
    moment = (timezone.now() + distance).timestamp()
    with mock.patch("django.core.signing.time.time", lambda: moment):
        yield


def solved(form: WebForm) -> dict[str, str]:
    """A challenge of some time ago, worked out."""
    with at(-SOONEST - timedelta(seconds=2)):
        challenge = challenge_for(form.token)
    work = next(str(number) for number in count() if is_solved(challenge, str(number)))
    return {"challenge": challenge, "work": work}


def sent(client: Client, form: WebForm, /, **given: Any) -> Any:
    body = {"q1": "Rose", "q2": "8 916 123-45-67", "q4": "Chairs?", **solved(form), **given}
    address = f"/forms/{form.token}/answers/"
    return client.post(
        address, json.dumps(body), content_type="application/json", headers={"Origin": "https://shop.example"}
    )


# Against programs


def test_a_challenge_is_taken_back_neither_too_soon_nor_too_late_nor_by_another_form() -> None:
    form = WebForm(token="here")
    given = solved(form)
    assert len(check_challenge("here", given)) == 64
    with pytest.raises(Suspicious, match="another form"):
        check_challenge("there", given)
    with pytest.raises(Suspicious, match="Wait"):
        check_challenge("here", {"challenge": challenge_for("here"), "work": "0"})
    with at(LATEST), pytest.raises(Suspicious, match="too old"):
        check_challenge("here", given)
    with pytest.raises(Suspicious, match="no such challenge"):
        check_challenge("here", {**given, "challenge": given["challenge"] + "x"})
    with pytest.raises(Suspicious, match="zero bits"):
        check_challenge("here", {**given, "work": given["work"] + "x"})
    with pytest.raises(Suspicious, match="stays empty"):
        check_challenge("here", {**given, "website": "https://spam.example"})


def test_a_program_is_refused_and_leaves_nothing(client: Client, form: WebForm) -> None:
    assert sent(client, form, website="x").status_code == 400
    assert sent(client, form, work="x").status_code == 400
    assert (
        client.post(f"/forms/{form.token}/answers/", "[1]", content_type="application/json").status_code
        == 400
    )
    assert (
        client.post(
            f"/forms/{form.token}/answers/", "x" * (LARGEST + 1), content_type="text/plain"
        ).status_code
        == 400
    )
    assert not Record.objects.exists()


def test_one_network_sends_so_many_answers_and_no_more(client: Client, form: WebForm) -> None:
    for _n in range(MOST_ANSWERS - 1):
        assert Quota("crm.form", "127.0.0.1", MOST_ANSWERS).take(timezone.now())
    assert sent(client, form).status_code == 201
    assert sent(client, form).status_code == 429
    assert FormAnswer.objects.count() == 1


def test_two_who_open_a_form_in_the_same_second_are_both_heard(client: Client, form: WebForm) -> None:
    with at(timedelta(0)):
        assert len({challenge_for(form.token) for _ in range(20)}) == 20
    first, second = solved(form), solved(form)
    assert sent(client, form, q2="8 916 000-00-01", **first).status_code == 201
    assert sent(client, form, q2="8 916 000-00-02", **second).status_code == 201
    assert FormAnswer.objects.count() == Record.objects.count() == 2


def test_a_challenge_that_was_solved_is_good_for_one_answer(client: Client, form: WebForm) -> None:
    given = solved(form)
    for _again in range(2):
        assert sent(client, form, **given).status_code == 201
    assert FormAnswer.objects.count() == 1
    assert Record.objects.count() == 1


# From other sites


def test_other_sites_reach_the_answers_and_the_challenge_and_nothing_else(
    client: Client, form: WebForm
) -> None:
    answer = client.options(f"/forms/{form.token}/answers/", headers={"Origin": "https://shop.example"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert client.get(f"/forms/{form.token}/challenge/").headers["Access-Control-Allow-Origin"] == "*"
    page = client.get(f"/forms/{form.token}/")
    assert "Access-Control-Allow-Origin" not in page.headers
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in client.get("/login/").headers["Content-Security-Policy"]
    script = client.get(f"/forms/{form.token}/embed.js").content.decode()
    assert f"/forms/{form.token}/" in script


def test_a_form_that_is_off_or_gone_shows_nothing(client: Client, form: WebForm, olga: User) -> None:
    given = solved(form)
    switch_form(form, False, by=olga)
    for path in ("", "challenge/", "embed.js"):
        assert client.get(f"/forms/{form.token}/{path}").status_code == 404
    assert sent(client, form, **given).status_code == 404
    switch_form(form, True, by=olga)
    assert client.get(f"/forms/{form.token}/").status_code == 200
    retire_form(form, by=olga)
    assert client.get(f"/forms/{form.token}/").status_code == 404


# Answers


def test_an_answer_becomes_a_lead_with_its_source_its_marks_and_its_words(
    client: Client, form: WebForm, anna: User
) -> None:
    answer = sent(client, form, q5="oak", utm_source="mail", page="https://shop.example/chairs")
    assert (answer.status_code, answer.json()) == (201, {"thanks": "Thank you!"})
    lead = Record.objects.get()
    assert (lead.title, lead.responsible, lead.utm) == ("Callback: Rose", anna, {"utm_source": "mail"})
    assert lead.contact_points.get().normal == "+79161234567"
    activity = lead.activities.get().activity
    assert activity.text.splitlines() == [
        "Name: Rose", "Your question: Chairs?", "Which chair: oak",
    ]  # fmt: skip
    assert activity.number == "8 916 123-45-67"
    assert FormAnswer.objects.get().page == "https://shop.example/chairs"
    deliver_all()
    assert Notification.objects.get(kind="crm.form").user == anna


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"q4": ""}, "q4"), ({"q4": "x" * 4001}, "q4"), ({"q2": "", "q3": ""}, "q2"), ({"q3": "rose"}, "q3"),
        ({"q5": "pine"}, "q5"), ({"q2": "call me"}, "q2"), ({"q1": "x" * 101}, "q1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_question(
    client: Client, form: WebForm, given: dict[str, str], wrong: str
) -> None:
    answer = sent(client, form, **given)
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == [wrong]
    assert not Record.objects.exists()


def test_who_agrees_agrees_to_the_wording_that_stood_there(client: Client, olga: User, anna: User) -> None:
    form = web_form(olga, [anna], consent="You may call me.", stage=stage_of("lead", "NEW"))
    refused = sent(client, form)
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["consent"])
    assert sent(client, form, consent="yes").status_code == 422
    assert sent(client, form, consent=True).status_code == 201
    shown = WebFormForm(form)
    draft = {name: shown[name].value() for name in shown.fields}
    sent_again = WebFormForm(form, {**draft, "consent": "You may write to me."})
    assert sent_again.is_valid(), sent_again.errors
    save_form(form, sent_again.draft, by=olga)
    assert consent_of(form) == "You may write to me."
    agreed = FormAnswer.objects.get().consent
    assert agreed is not None
    assert agreed.text == "You may call me."
    save_form(form, sent_again.draft, by=olga)
    assert form.consents.count() == 2


def test_a_wording_that_is_taken_away_is_asked_of_nobody_and_each_stands_once(
    form: WebForm, olga: User, anna: User
) -> None:
    def save(consent: str) -> None:
        questions = questions_in(form.questions)
        save_form(
            form,
            FormDraft(
                name=form.name, type=form.type, heading="x", button="x", thanks="x", language="en",
                questions=questions, receivers=[anna], consent=consent,
            ),
            by=olga,
        )  # fmt: skip

    for consent in ("You may call me.", " You may call me. ", ""):
        save(consent)
    assert [one.text for one in form.consents.order_by("pk")] == ["You may call me.", ""]
    assert consent_of(form) == ""
    assert take_answer(form, ROSE, key="1").consent is None


def test_there_are_so_many_forms_each_with_people_who_work_here_and_a_stage_of_its_own(
    form: WebForm, olga: User, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError, match="no such stage"):
        web_form(olga, [anna], stage=stage_of("deal", "NEW"))
    with pytest.raises(ValidationError, match="Leads or deals"):
        web_form(olga, [anna], type=type_of("contact"))
    with pytest.raises(ValidationError, match="who gets"):
        web_form(olga, [])
    dismiss_user(boris, by=olga)
    boris.refresh_from_db()
    with pytest.raises(ValidationError, match="who gets"):
        web_form(olga, [anna, boris])
    monkeypatch.setattr("box.apps.crm.actions.web_forms.MOST_RECEIVERS", 1)
    with pytest.raises(ValidationError, match="who gets"):
        web_form(olga, [anna, olga])
    monkeypatch.setattr("box.apps.crm.actions.web_forms.MOST_FORMS", 2)
    web_form(olga, [anna], stage=stage_of("lead", "NEW"))
    with pytest.raises(ValidationError, match="at most"):
        web_form(olga, [anna])
    retire_form(form, by=olga)
    web_form(olga, [anna])


def again(form: WebForm, by: User, receivers: list[User], **more: Any) -> WebForm:
    """The same form, saved with this in it."""
    names = ("name", "type", "heading", "button", "thanks", "language")
    usual = {name: getattr(form, name) for name in names}
    given = {**usual, "questions": questions_in(form.questions), "receivers": receivers, **more}
    return save_form(form, FormDraft(**given), by=by)


def test_a_form_that_could_not_be_kept_is_refused(olga: User, anna: User) -> None:
    wrong: tuple[dict[str, Any], ...] = ({"questions": []}, {"heading": "x" * 201}, {"consent": "x" * 4001})
    for more in wrong:
        with pytest.raises(ValidationError):
            web_form(olga, [anna], **more)
    assert not WebForm.objects.exists()


def test_a_form_that_is_changed_keeps_whose_turn_it_is_and_is_told_of(
    olga: User, anna: User, boris: User, cara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = web_form(olga, [anna, boris])
    monkeypatch.setattr("box.apps.crm.actions.web_forms.MOST_FORMS", 1)
    assert take_answer(form, Answered(phone="+79161234501"), key="1").record.responsible == anna
    # As many as there may be are changed all the same.
    again(form, olga, [anna, cara], name="Call me")
    assert {one.user for one in form.receivers.all()} == {anna, cara}
    assert take_answer(form, Answered(phone="+79161234502"), key="2").record.responsible == cara
    told = Event.objects.filter(kind="crm.DictionaryChanged", payload__dictionary="form").order_by("pk")
    assert [(one.payload["change"], one.payload["name"], one.payload["by_id"]) for one in told] == [
        ("added", "Callback", olga.pk), ("changed", "Call me", olga.pk)
    ]  # fmt: skip


def test_each_form_is_switched_off_and_on_and_retired_by_itself(
    form: WebForm, olga: User, anna: User
) -> None:
    other = web_form(olga, [anna], name="Other")
    Event.objects.all().delete()
    for is_on in (False, True):
        for one in (form, other):
            switch_form(one, is_on, by=olga)
    retire_form(form, by=olga)
    for one in (form, other):
        one.refresh_from_db()
    assert (form.retired_at is None, form.is_on) == (False, False)
    assert (other.retired_at, other.is_on) == (None, True)
    told = Event.objects.filter(kind="crm.DictionaryChanged").order_by("pk")
    assert [(one.payload["change"], one.payload["name"]) for one in told] == [
        ("retired", "Callback"), ("retired", "Other"), ("restored", "Callback"), ("restored", "Other"),
        ("removed", "Callback"),
    ]  # fmt: skip


def test_a_form_that_is_switched_or_retired_is_so_once(form: WebForm, olga: User, anna: User) -> None:
    other = web_form(olga, [anna], name="Other")
    Event.objects.all().delete()
    for is_on in (True, True, False, False):
        switch_form(form, is_on, by=olga)
    for _twice in range(2):
        retire_form(form, by=olga)
    told = Event.objects.filter(kind="crm.DictionaryChanged").order_by("pk")
    changes = [one.payload["change"] for one in told]
    assert changes[-2:] == ["retired", "removed"]
    assert len(changes) == (2 if changes[0] == "retired" else 3)
    other.refresh_from_db()
    assert other.retired_at is None


def test_people_get_answers_in_turn_and_who_has_left_gets_none(
    form: WebForm, olga: User, anna: User, boris: User
) -> None:
    form = web_form(olga, [anna, boris])
    got = [
        take_answer(form, Answered(phone=f"+7916123450{n}"), key=f"{n}").record.responsible for n in range(3)
    ]
    assert got == [anna, boris, anna]
    dismiss_user(boris, by=olga)
    assert take_answer(form, Answered(phone="+79161234509"), key="9").record.responsible == anna


def test_a_form_whose_people_have_all_left_says_so(form: WebForm, olga: User, anna: User) -> None:
    dismiss_user(anna, by=olga)
    with pytest.raises(ValidationError, match="please call us"):
        take_answer(form, ROSE, key="1")


def test_what_a_client_sends_goes_to_whoever_looks_after_the_client(form: WebForm, boris: User) -> None:
    rose = added("contact", boris, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    record = take_answer(form, ROSE, key="1").record
    assert (record.responsible, record.contact) == (boris, rose)


def test_of_those_whom_a_number_reaches_the_oldest_person_comes_before_the_company(
    form: WebForm, boris: User, cara: User
) -> None:
    reached = [Reach("phone", "+79161234567")]
    company = added("company", cara, "Weber & Sons", reached_by=reached)
    record = take_answer(form, ROSE, key="1").record
    assert (record.responsible, record.company, record.contact) == (cara, company, None)
    move_record(record, stage_of("lead", "JUNK"), by=None)
    rose, paul = (added("contact", boris, first_name=name, reached_by=reached) for name in ("Rose", "Paul"))
    again = take_answer(form, ROSE, key="2").record
    assert (again.responsible, again.contact) == (boris, rose)
    assert paul.pk > rose.pk


def test_the_oldest_is_found_of_however_many_share_a_number(form: WebForm, boris: User) -> None:
    """A number of a switchboard stands at hundreds of leads, too."""
    reached = [Reach("phone", "+79161234567")]
    leads = [added("lead", boris, f"Lead {number}", reached_by=reached) for number in range(101)]
    for one in leads:
        move_record(one, stage_of("lead", "JUNK"), by=None)
    rose, _paul = (added("contact", boris, first_name=name, reached_by=reached) for name in ("Rose", "Paul"))
    record = take_answer(form, ROSE, key="1").record
    assert record.contact == rose
    assert record not in leads


def test_what_a_client_sends_whose_person_has_left_goes_to_the_forms_people(
    form: WebForm, olga: User, anna: User, boris: User
) -> None:
    rose = added("contact", boris, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    dismiss_user(boris, by=olga)
    record = take_answer(form, ROSE, key="1").record
    assert (record.responsible, record.contact) == (anna, rose)


def test_of_two_people_whom_a_number_reaches_it_is_who_has_been_known_longer(
    form: WebForm, anna: User
) -> None:
    reached = [Reach("phone", "+79161234567")]
    rose, _paul = (added("contact", anna, first_name=name, reached_by=reached) for name in ("Rose", "Paul"))
    change_record(rose, {"comment": "Likes oak"}, by=None)
    assert take_answer(form, ROSE, key="1").record.contact == rose


def test_nothing_is_added_to_what_is_in_the_trash(form: WebForm, anna: User) -> None:
    rose = added("contact", anna, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    delete_records([added("lead", anna, "Gone", contact=rose)], by=None)
    record = take_answer(form, ROSE, key="1").record
    assert (record.title, record.deleted_at) == ("Callback: Rose", None)


def test_of_a_clients_open_deals_the_newest_gets_the_answer_also_of_a_company(olga: User, anna: User) -> None:
    form = web_form(olga, [anna], type=type_of("deal"))
    works = added("company", anna, "Works", reached_by=[Reach("email", "works@example.com")])
    rose = added("contact", anna, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    added("deal", anna, "Older", contact=rose)
    newer = added("deal", anna, "Newer", contact=rose)
    assert take_answer(form, Answered(phone="+79161234567"), key="1").record == newer
    mail = Answered(email="works@example.com")
    deal = take_answer(form, mail, key="2").record
    assert (deal.company, deal.contact) == (works, None)
    assert take_answer(form, mail, key="3").record == deal


def test_who_writes_again_adds_to_what_is_open_and_begins_anew_once_it_is_closed(
    form: WebForm, anna: User
) -> None:
    first = take_answer(form, ROSE, key="1").record
    assert take_answer(form, ROSE, key="2").record == first
    assert first.activities.count() == 2
    move_record(first, stage_of("lead", "JUNK"), by=None)
    new = take_answer(form, ROSE, key="3").record
    assert new != first
    # A lead is nobody's client.
    assert (new.company, new.contact) == (None, None)


def test_of_what_is_open_the_newest_gets_the_answer_which_is_told(
    form: WebForm, anna: User, boris: User
) -> None:
    reached = [Reach("phone", "+79161234567")]
    older, newer = (added("lead", anna, title, reached_by=reached) for title in ("Older", "Newer"))
    # What is open of another kind is nothing that this form could add to.
    rose = added("contact", boris, first_name="Rose", reached_by=reached)
    added("deal", boris, contact=rose)
    answer = take_answer(form, ROSE, key="1", page="x" * 500)
    assert (answer.record, answer.page) == (newer, "x" * 400)
    change_record(older, {"contact": rose}, by=None)
    # Of a client that is known, what is theirs comes first.
    assert take_answer(form, ROSE, key="2").record == older
    assert take_answer(form, ROSE, key="2").record == older
    told = Event.objects.filter(kind="crm.FormAnswered").order_by("pk")
    assert [one.payload for one in told] == [
        {"record_id": one.pk, "form_id": form.pk} for one in (newer, older)
    ]


def test_who_is_unknown_and_says_where_they_work_has_it_written_down(form: WebForm) -> None:
    given = Answered(first_name="Rose", last_name="Weber", phone="+79161234567", company="Weber & Sons")
    lead = take_answer(form, given, key="1").record
    assert (lead.first_name, lead.last_name) == ("Rose", "Weber")
    assert lead.comment == "Name of the company: Weber & Sons"
    text = lead.activities.get().activity.text
    assert text.splitlines() == ["Name: Rose Weber", "Name of the company: Weber & Sons"]


def test_by_what_who_wrote_is_reached_is_told_to_whom_it_is_not_hidden(
    form: WebForm, anna: User, olga: User
) -> None:
    for_deals = web_form(olga, [anna], type=type_of("deal"))
    unnamed = Answered(phone="+79161234567", email=f"{'r' * 64}@{'x' * 27}.example")
    lead, deal = (take_answer(one, unnamed, key=str(one.pk)).record for one in (form, for_deals))
    assert deal.contact is not None

    def told() -> list[str]:
        shown = (entry.activity for one in (lead, deal) for entry in timeline_of(one, anna).entries)
        return [f"{one.title}\n{one.text}" for one in shown if one]

    assert all("+79161234567, rrr" in said for said in told())
    assert (lead.title, deal.contact.title) == ("Callback: +79161234567", "+79161234567")
    give(employees_role(), type_of("contact"), "reached_by", FieldLevel.HIDDEN, by=None)
    assert told() == ["Callback\n", "Callback\n"]
    # Titles are for whoever sees the record.
    for record in (lead, deal, deal.contact):
        Record.objects.filter(pk=record.pk).update(deleted_at=timezone.now())
    lead, deal = (take_answer(one, unnamed, key=f"{one.pk} again").record for one in (form, for_deals))
    assert deal.contact is not None
    assert [one.title for one in (lead, deal, deal.contact)] == ["Callback"] * 3


def test_as_much_as_there_is_room_for_is_kept_of_a_long_answer(olga: User, anna: User) -> None:
    form = web_form(olga, [anna], name="F" * 100)
    said = tuple((f"Question {number}", "y" * 4000) for number in range(6))
    given = Answered(first_name="R" * 100, last_name="W" * 100, phone="+79161234567", said=said)
    lead = take_answer(form, given, key="1").record
    assert lead.title == f"{'F' * 100}: {'R' * 100} {'W' * 52}"
    text = lead.activities.get().activity.text
    assert len(text) == 20_000
    assert text.startswith(f"Name: {'R' * 100} {'W' * 100}\nQuestion 0: yyy")


def test_a_form_may_want_something_new_each_time(olga: User, anna: User) -> None:
    form = web_form(olga, [anna], always_adds=True)
    assert take_answer(form, ROSE, key="1").record != take_answer(form, ROSE, key="2").record


def test_a_deal_of_a_stranger_gets_a_contact(olga: User, anna: User) -> None:
    form = web_form(olga, [anna], type=type_of("deal"), source=Source.objects.get(code="WEBFORM"))
    deal = take_answer(form, ROSE, key="1").record
    assert deal.contact is not None
    assert (deal.type.slug, deal.contact.first_name, deal.source) == ("deal", "Rose", form.source)
    assert take_answer(form, ROSE, key="2").record == deal


def test_a_strangers_name_and_number_are_their_contacts_and_not_the_deals(olga: User, anna: User) -> None:
    form = web_form(olga, [anna], type=type_of("deal"))
    weber = Answered(first_name="Rose", last_name="Weber", phone="+79161234567")
    for given, name in ((weber, ("Rose", "Weber")), (Answered(email="l@example.com"), ("l@example.com", ""))):
        deal = take_answer(form, given, key=name[0]).record
        assert deal.contact is not None
        assert (deal.contact.first_name, deal.contact.last_name) == name
        assert deal.contact.contact_points.count() == 1
        assert (deal.first_name, deal.comment, deal.contact_points.count()) == ("", "", 0)


def test_what_comes_through_a_form_whose_stage_is_gone_begins_where_its_pipeline_does(
    client: Client, olga: User, anna: User
) -> None:
    wholesale = add_pipeline(type_of("deal"), "Wholesale", by=olga)
    new, second = wholesale.stages.standing().in_order()[:2]
    form = web_form(olga, [anna], type=type_of("deal"), stage=new, always_adds=True)
    assert sent(client, form).status_code == 201
    Stage.objects.filter(pk=new.pk).update(retired_at=timezone.now())
    assert sent(client, form).status_code == 201
    Pipeline.objects.filter(pk=wholesale.pk).update(retired_at=timezone.now())
    assert sent(client, form).status_code == 201
    deals = Record.objects.of_type(form.type_id).order_by("pk")
    assert [one.stage for one in deals] == [new, second, stage_of("deal", "NEW")]


def test_where_a_form_in_use_leads_is_not_retired(olga: User, anna: User) -> None:
    wholesale = add_pipeline(type_of("deal"), "Wholesale", by=olga)
    new, second, third = wholesale.stages.standing().in_order()[:3]
    form = web_form(olga, [anna], type=type_of("deal"), stage=new)
    with pytest.raises(ValidationError, match="“Callback” begins here"):
        retire_stage(new, into=second, by=olga)
    with pytest.raises(ValidationError, match="“Callback” begins here"):
        retire_pipeline(wholesale, by=olga)
    retire_stage(third, by=olga)
    switch_form(form, False, by=olga)
    retire_stage(new, into=second, by=olga)
    retire_pipeline(wholesale, by=olga)


# Designing


@pytest.mark.parametrize(
    "questions",
    [
        [], [Question("q", "name", "Name")], [Question("q", "phone", "")],
        [Question("q", "phone", "P"), Question("r", "choice", "C")],
        [Question("q", "phone", "P"), Question("r", "phone", "P")], [Question("q", "dance", "D")],
        [Question(f"q{n}", "email" if n == 0 else "line", "L") for n in range(21)],
    ],
)  # fmt: skip
def test_a_form_that_could_not_be_answered_is_refused(questions: list[Question]) -> None:
    with pytest.raises(ValidationError):
        check_form(questions)


# Pages and files

PAGED = [
    Question("q1", "email", "E-mail", is_required=True),
    Question("q2", "page", "About the chairs"),
    Question("q3", "file", "A drawing", is_required=True),
    Question("q4", "file", "A photo"),
]


def sent_with(client: Client, form: WebForm, files: dict[str, Any], **given: Any) -> Any:
    answers = json.dumps({**solved(form), **given})
    return client.post(f"{form.get_absolute_url()}answers/", {"answers": answers, **files})


def test_a_form_has_pages_with_their_headings(client: Client, olga: User, anna: User) -> None:
    form = web_form(olga, [anna], questions=PAGED)
    first, second = pages_of(questions_in(form.questions))
    assert (first.heading, [one.name for one in first.questions]) == ("", ["q1"])
    assert (second.heading, [one.name for one in second.questions]) == ("About the chairs", ["q3", "q4"])
    page = client.get(form.get_absolute_url())
    assert page.content.decode().count("data-page") == 2
    assert "X-Frame-Options" not in page.headers


def test_a_file_comes_with_the_answers_and_is_for_who_sees_the_record(
    client: Client, olga: User, anna: User, boris: User, store: S3Store
) -> None:
    form = web_form(olga, [anna], questions=PAGED)
    drawing = SimpleUploadedFile("chair.txt", b"a chair")
    answer = sent_with(client, form, {"q3": drawing}, q1="rose@example.com", q2="x")
    assert answer.status_code == 201, answer.content
    (kept,) = FormFile.objects.select_related("file__blob", "answer__record")
    record = kept.answer.record
    assert (kept.file.name, kept.question, kept.file.owner) == ("chair.txt", "A drawing", anna)
    assert b"".join(store.read(kept.file.blob.key)) == b"a chair"
    # And for its owner, as every file.
    assert set(kept.file.audience) == {*record.audience, f"U{anna.pk}"}
    (entry,) = [one for one in timeline_of(record, anna).entries if one.activity]
    assert entry.activity is not None
    assert [one.name for one in entry.activity.files] == ["chair.txt"]
    assert "A drawing: chair.txt" in entry.activity.text
    # It follows the record to whoever has it next.
    change_record(record, {"responsible": boris}, by=None)
    deliver_all()
    kept.file.refresh_from_db()
    record.refresh_from_db()
    assert set(kept.file.audience) == set(record.audience)


def test_files_that_cannot_be_are_refused_and_leave_nothing(
    client: Client, olga: User, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = web_form(olga, [anna], questions=PAGED)

    def named(**files: bytes) -> dict[str, Any]:
        return {name: SimpleUploadedFile("a.txt", content) for name, content in files.items()}

    email = {"q1": "rose@example.com"}
    missing = sent_with(client, form, {}, **email)
    assert (missing.status_code, list(missing.json()["fields"])) == (422, ["q3"])
    # What a file is said to be in words is none.
    assert sent_with(client, form, {}, **email, q3="a.txt").status_code == 422
    assert sent_with(client, form, named(q3=b""), **email).json()["fields"].keys() == {"q3"}
    monkeypatch.setattr("box.apps.crm.web_forms.LARGEST_FILE", 5)
    assert sent_with(client, form, named(q3=b"123456"), **email).json()["fields"].keys() == {"q3"}
    assert sent_with(client, form, named(**{f"x{n}": b"1" for n in range(6)}), **email).status_code == 400
    monkeypatch.setattr("box.apps.crm.views.public_forms.LARGEST_WITH_FILES", 10)
    assert sent_with(client, form, named(q3=b"1"), **email).status_code == 400
    assert not Record.objects.exists()
    assert not File.objects.exists()


def test_a_store_that_is_away_says_so_and_nothing_is_half_done(
    client: Client, olga: User, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = web_form(olga, [anna], questions=PAGED)

    def away(content: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr("box.apps.crm.views.public_forms.store_whole", away)
    answer = sent_with(client, form, {"q3": SimpleUploadedFile("a.txt", b"1")}, q1="rose@example.com")
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["q3"])
    assert not FormAnswer.objects.exists()


def test_questions_are_kept_as_they_were_designed(form: WebForm) -> None:
    questions = questions_in(WebForm.objects.get(pk=form.pk).questions)
    assert questions[4] == Question("q5", "choice", "Which chair", choices=("oak", "ash"))
    assert answered(questions, {"q2": "+79161234567", "q4": "x"}).said == (("Your question", "x"),)


def test_a_form_is_designed_on_its_page_for_people_who_were_picked(
    as_person: Callable[[User], Client], olga: User, anna: User, boris: User
) -> None:
    page = as_person(olga)
    sent = {
        "name": "Callback", "heading": "Write to us", "button": "Send", "thanks": "Thank you!",
        "language": "en", "color": "#1f6cc7", "stage": str(stage_of("lead", "NEW").pk),
        "kind-0": "phone", "label-0": "Telephone", "nonce": "callback",
        "receivers": [f"U{anna.pk}", f"U{boris.pk}"],
    }  # fmt: skip
    answer = page.post("/crm/settings/forms/", sent)
    made = WebForm.objects.get()
    assert answer.headers["Location"] == f"/crm/settings/forms/{made.pk}/"
    assert {one.user for one in made.receivers.all()} == {anna, boris}
    shown = page.get(answer.headers["Location"]).content.decode()
    assert f'value="U{anna.pk}" checked' in " ".join(shown.split())
    refused = page.post("/crm/settings/forms/", {**sent, "nonce": "another", "receivers": ["U0"]})
    assert refused.status_code == 422
    assert WebForm.objects.count() == 1


def test_only_who_administers_the_crm_designs_forms(form: WebForm, anna: User) -> None:
    for act in (
        lambda: switch_form(form, False, by=anna),
        lambda: retire_form(form, by=anna),
        lambda: web_form(anna, [anna]),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_what_visitors_read_is_no_markup(client: Client, olga: User, anna: User) -> None:
    form = web_form(olga, [anna], heading="<b>Hi</b>", consent="<i>yes</i>")
    page = client.get(f"/forms/{form.token}/").content.decode()
    assert "&lt;b&gt;Hi&lt;/b&gt;" in page
    assert "<i>yes" not in page


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [
        ("Name: Rose\nTelephone: 8 916 123-45-67\nE-mail: r@x.example\nName of the company: Oak\nDay: 1",
         "Name: Rose\nName of the company: Oak\nDay: 1", "8 916 123-45-67, r@x.example"),
        ("Имя: Роза\nЭл. почта: r@x.example", "Имя: Роза", "r@x.example"),
        ("Телефон: +79161234567", "", "+79161234567"),
        # What was asked beside stays where it is.
        ("Name: Rose\nDay: 1\nTelephone: 7", "Name: Rose\nDay: 1\nTelephone: 7", ""),
        ("Telephone: 1\nTelephone: 7", "Telephone: 7", "1"),
    ],
)  # fmt: skip
def test_numbers_are_taken_out_of_the_words_of_answers_that_came_before(
    form: WebForm, before: str, after: str, number: str
) -> None:
    migration: Any = import_module("box.apps.crm.migrations.0019_numbers_out_of_answers")
    records = [take_answer(form, ROSE, key=key).record for key in ("1", "2")]
    old, new = Activity.objects.filter(bindings__record__in=records).distinct().order_by("id")
    Activity.objects.filter(pk=old.pk).update(text=before, number="")
    # One that holds them apart already, and a note in which somebody has written the same.
    Activity.objects.filter(pk=new.pk).update(text=before)
    note = Activity.objects.create(kind="note", subject="Rose", text=before, responsible=old.responsible)
    migration.take_numbers_out(apps, None)
    for one in (old, new, note):
        one.refresh_from_db()
    assert (old.text, old.number) == (after, number)
    assert (new.text, note.text) == (before, before)
