"""Tables and address books become clients: understood, compared, merged, undone; rights; costs."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.crm.access import IMPORT
from box.apps.crm.actions.records import change_record
from box.apps.crm.contact_points import Reach
from box.apps.crm.custom_fields import SETS
from box.apps.crm.events import RecordAdded
from box.apps.crm.models import Currency, Link, Record, RecordType, StageVisit
from box.apps.crm.permissions import Level
from box.core.access.actions import create_role, employees_role, grant_role
from box.core.access.principals import code_of
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Delivery, Event
from box.core.events.outbox import emit
from box.core.fields.models import Field
from box.core.fields.values import values_of
from box.core.imports import jobs
from box.core.imports.actions import BATCH, begin_import, start_import, start_undo
from box.core.imports.importers import importers
from box.core.imports.preview import preview
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.imports.models import ImportRun

    type Browser = Callable[[User], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

CONTACTS = "First Name,Last Name,Company,Business Phone,Mobile Phone,E-mail Address"


def begun(slug: str, *lines: str, by: User) -> ImportRun:
    return begin_import(importers[f"crm.{slug}"], io.BytesIO("\n".join(lines).encode()), "a.csv", by=by)


def imported(
    slug: str, *lines: str, by: User, duplicates: str = "merge", options: list[str] | None = None
) -> ImportRun:
    run = begun(slug, *lines, by=by)
    usual = [one.key for one in importers[run.importer].options if one.is_usual]
    chosen = usual if options is None else options
    start_import(run, run.columns, duplicates=duplicates, options=chosen, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def undone(run: ImportRun, *, by: User) -> ImportRun:
    start_undo(run, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


def records(slug: str) -> list[Record]:
    return list(Record.objects.there().filter(type=type_of(slug)).order_by("pk"))


def reached(record: Record) -> list[str]:
    return list(record.contact_points.in_order().values_list("normal", flat=True))


# Understanding


@pytest.mark.parametrize(
    ("heads", "columns"),
    [
        (CONTACTS, ["first_name", "last_name", "company", "phone", "phone_mobile", "email"]),
        (
            "Given Name,Additional Name,Family Name,Organization Name,E-mail 1 - Value,Phone 1 - Value,"
            "Phone 2 - Value,Birthday,Notes",
            [
                "first_name", "patronymic", "last_name", "company", "email", "phone", "phone_mobile",
                "born_on", "comment",
            ],
        ),
        (
            "Имя;Отчество;Фамилия;Организация;Должность;Рабочий телефон;Телефон переносной;Адрес эл. почты;"
            "Веб-страница;Заметки",
            [
                "first_name", "patronymic", "last_name", "company", "position", "phone", "phone_mobile",
                "email", "web", "comment",
            ],
        ),
        ("ФИО;Телефон;Почта;Ответственный", ["title", "phone", "email", "responsible"]),
    ],
)  # fmt: skip
def test_address_books_of_google_and_outlook_are_understood(
    heads: str, columns: list[str], olga: User
) -> None:
    width = len(columns) - 1
    sign = ";" if ";" in heads else ","
    assert begun("contact", heads, "Rose" + sign * width, by=olga).columns == columns


def test_a_card_of_an_address_book_is_a_contact_with_its_company(olga: User) -> None:
    card = (
        "BEGIN:VCARD", "VERSION:3.0", "N:Weber;Rose;;;", "FN:Rose Weber", "ORG:Chairs GmbH;Sales",
        "TITLE:Head", "TEL;TYPE=CELL:+7 916 123-45-67", "TEL;TYPE=WORK:8 (495) 765-43-21",
        "EMAIL:Rose@Chairs.test", "BDAY:1990-11-24", "END:VCARD",
    )  # fmt: skip
    run = imported("contact", *card, by=olga)
    assert (run.created, run.failed) == (1, 0)
    (rose,) = records("contact")
    assert (rose.title, rose.position, rose.born_on) == ("Rose Weber", "Head", date(1990, 11, 24))
    assert reached(rose) == ["rose@chairs.test", "+79161234567", "+74957654321"]
    assert rose.company is not None
    assert (rose.company.title, rose.company.type_id) == ("Chairs GmbH", RecordType.Id.COMPANY)
    assert set(rose.links.values_list("role", "to")) == {(Link.Role.COMPANY, rose.company_id)}


def test_a_name_in_one_cell_is_read_as_russian_papers_write_it(olga: User) -> None:
    imported("contact", "ФИО", "Иванова Анна Петровна", "Борис", by=olga)
    names = [(one.last_name, one.first_name, one.patronymic) for one in records("contact")]
    assert names == [("Иванова", "Анна", "Петровна"), ("", "Борис", "")]


def test_several_numbers_in_a_cell_are_several_and_an_extension_is_none(olga: User) -> None:
    imported(
        "company", "Company;Phone", '"Chairs";"+7 495 1234567 ::: 8 916 123 45 67, 8 916 123 45 68"', by=olga
    )
    imported("company", "Company;Phone", '"Tables";"+7 495 1234569, ext. 12"', by=olga)
    chairs, tables = records("company")
    assert reached(chairs) == ["+74951234567", "+79161234567", "+79161234568"]
    assert reached(tables) == ["+74951234569"]


def test_leads_come_with_money_source_campaign_stage_and_their_person(olga: User, anna: User) -> None:
    Currency.objects.create(code="EUR", rate=Decimal(100))
    run = imported(
        "lead",
        "Лид;Имя;Сумма;Валюта;Источник;Стадия;utm_source;Ответственный",
        f"Стулья;Роза;1 500,50;EUR;Website;IN_PROCESS;mail;{anna.name}",
        ";Роза;;;Neighbours;;;",
        "Bad;;;;;No such stage;;",
        "Bad;;much;;;;;",
        "Bad;;;;;;;Nobody At All",
        by=olga,
    )
    assert [problem.text.split(":")[0] for problem in run.problems.order_by("row")] == [
        "There is no stage No such stage.",
        "“much” is no sum of money",
        "There is no employee Nobody At All.",
    ]
    first, second = records("lead")
    assert (first.amount, first.currency, first.base_amount) == (
        Decimal("1500.50"),
        "EUR",
        Decimal("150050.00"),
    )
    assert (first.stage, first.responsible, first.utm) == (
        stage_of("lead", "IN_PROCESS"), anna, {"utm_source": "mail"}
    )  # fmt: skip
    assert first.source is not None
    assert (first.source.code, second.source, second.source_note) == ("WEB", None, "Neighbours")
    assert (second.title, second.stage, second.responsible) == ("Роза", stage_of("lead", "NEW"), olga)
    assert StageVisit.objects.filter(record=first, stage=first.stage, left_at=None).count() == 1


def test_fields_that_the_company_has_defined_are_columns(olga: User) -> None:
    floor = Field.objects.create(set_key="crm.company", name="Floor", kind=Field.Kind.NUMBER, code="FLOOR")
    imported("company", "Company;Floor", "Chairs;7", by=olga)
    assert values_of(SETS[RecordType.Id.COMPANY], records("company")[0].pk) == {floor: (Decimal(7),)}


# What is there already


def test_the_same_table_again_changes_nothing(olga: User) -> None:
    table = (CONTACTS, "Rose,Weber,Chairs,+7 916 123-45-67,,rose@b.test")
    imported("contact", *table, by=olga)
    before = Record.objects.order_by("pk").values_list("pk", "changed_at")
    again = imported("contact", *table, by=olga)
    assert (again.created, again.changed, again.failed, again.unchanged) == (0, 0, 0, 1)
    assert list(before) == list(Record.objects.order_by("pk").values_list("pk", "changed_at"))


@pytest.mark.parametrize(
    ("there", "row"),
    [
        ({"reached_by": [Reach("phone", "8 916 123 45 67")]}, "Rose;+7 (916) 123-45-67;;"),
        ({"reached_by": [Reach("email", "Rose@B.test")]}, "Rose;;rose@b.TEST;"),
        ({"tax_number": "7707083893"}, "Rose;;;77 0708 3893"),
    ],
)
def test_a_client_is_known_by_number_or_address(there: dict[str, Any], row: str, olga: User) -> None:
    known = added("company", olga, "Weber Chairs", **there)
    run = imported("company", "Company;Phone;E-mail;ИНН", row, by=olga)
    assert (run.created, run.changed) == (0, 1)
    known.refresh_from_db()
    assert known.title == "Rose"
    assert imported("company", "Company;Phone;E-mail;ИНН", row, by=olga, options=[]).created == 1


def test_a_name_that_sounds_the_same_is_the_same_only_where_that_was_chosen(olga: User) -> None:
    known = added("company", olga, "Вебер Стулья")
    table = ("Company;Address", "Veber Stulia;Moscow")
    assert imported("company", *table, by=olga, options=["by-name"]).changed == 1
    known.refresh_from_db()
    assert (known.title, known.address) == ("Veber Stulia", "Moscow")
    assert imported("company", *table, by=olga).created == 1


def test_what_is_there_is_corrected_left_or_added_once_more(olga: User) -> None:
    rose = added("contact", olga, first_name="Rose", position="Head", reached_by=[Reach("email", "r@b.test")])
    table = ("First name;E-mail;Phone;Position", "Rosa;r@b.test;+79161234567;")
    assert imported("contact", *table, by=olga, duplicates="skip").unchanged == 1
    assert imported("contact", *table, by=olga).changed == 1
    rose.refresh_from_db()
    assert (rose.title, rose.position, reached(rose)) == ("Rosa", "Head", ["r@b.test", "+79161234567"])
    assert imported("contact", *table, by=olga, duplicates="add").created == 1


def test_the_preview_says_what_is_there_by_the_options_chosen_so_far(olga: User) -> None:
    added("company", olga, "Weber", reached_by=[Reach("phone", "+79161234567")])
    run = begun("company", "Company;Phone", "Rose;+79161234567", by=olga)
    assert [row.said for row in preview(run, run.columns, ["by-phone"])] == ["is there already"]
    assert [row.said for row in preview(run, run.columns, ["by-email"])] == ["new"]


def test_clients_of_deals_are_found_or_made_along_once(olga: User) -> None:
    rose = added("contact", olga, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    run = imported(
        "deal",
        "Deal;Amount;Company;Contact;Phone;E-mail",
        "Chairs;100;Weber;Somebody;8 916 123-45-67;",
        "Tables;200;weber;Berg Petra;;petra@b.test",
        "Lamps;300;;Berg Petra;;petra@b.test",
        by=olga,
    )
    assert (run.created, run.failed) == (3, 0)
    chairs, tables, lamps = records("deal")
    (petra,) = [one for one in records("contact") if one != rose]
    (weber,) = records("company")
    assert (chairs.contact, tables.contact, lamps.contact) == (rose, petra, petra)
    assert (chairs.company, tables.company, lamps.company) == (weber, weber, None)
    assert (petra.title, reached(petra), petra.company) == ("Petra Berg", ["petra@b.test"], weber)


def test_without_leave_to_make_clients_a_company_is_kept_in_words(olga: User) -> None:
    imported("contact", "First name;Company", "Rose;Weber", by=olga, options=[])
    assert not records("company")
    assert records("contact")[0].comment == "Company: Weber"


def test_a_row_about_a_client_that_a_row_above_has_corrected_is_refused(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached_by = [Reach("email", "r@b.test"), Reach("phone", "+79161234567")]
    rose = added("contact", olga, first_name="Rose", reached_by=reached_by)
    table = (
        "First name;E-mail;Phone;Position", "Rosa;r@b.test;;Director", "Rosy;;+79161234567;Head",
        "Petra;p@b.test;;",
    )  # fmt: skip
    # In one step, and in two.
    for size, corrected in ((BATCH, 1), (1, 0)):
        monkeypatch.setattr("box.core.imports.actions.BATCH", size)
        run = imported("contact", *table, by=olga)
        assert (run.changed, run.failed) == (corrected, 1)
        problem = run.problems.get()
        assert (problem.row, problem.text) == (3, "Row 2 above is the same.")
        rose.refresh_from_db()
        assert (rose.first_name, rose.position) == ("Rosa", "Director")
    # What is left as it is may be so twice.
    assert imported("contact", *table, by=olga, duplicates="skip").failed == 0


# Undoing


def test_a_whole_import_is_undone_with_what_was_made_along(olga: User) -> None:
    there = added(
        "contact", olga, first_name="Rose", position="Head", born_on=date(1990, 11, 24),
        reached_by=[Reach("email", "r@b.test")],
    )  # fmt: skip
    floor = Field.objects.create(set_key="crm.contact", name="Floor", kind=Field.Kind.NUMBER)
    run = imported(
        "contact",
        "First name;E-mail;Phone;Position;Company;Birthday;Source;Floor",
        "Rosa;r@b.test;+79161234567;Director;;01.02.1991;Call;7",
        "Petra;p@b.test;;;Weber;;;8",
        by=olga,
    )
    assert (run.created, run.changed) == (1, 1)
    assert undone(run, by=olga).status == "undone"
    (rose,) = records("contact")
    assert (rose.pk, rose.title, rose.position, rose.born_on, rose.source) == (
        there.pk, "Rose", "Head", date(1990, 11, 24), None
    )  # fmt: skip
    assert (reached(rose), values_of([floor], rose.pk)) == (["r@b.test"], {})
    assert not records("company")


def test_what_was_worked_with_since_keeps_the_whole_of_it(olga: User) -> None:
    run = imported("contact", "First name", "Rose", "Petra", by=olga)
    rose, _petra = records("contact")
    change_record(rose, {"reached_by": [Reach("phone", "+79161234567")]}, by=olga)
    assert "changed since" in undone(run, by=olga).problem
    change_record(rose, {"reached_by": []}, by=olga)
    assert len(records("contact")) == 2
    other = imported("contact", "First name", "Cara", by=olga)
    cara = records("contact")[-1]
    added("deal", olga, "Chairs for Cara", contact=cara)
    assert "“Chairs for Cara” was linked" in undone(other, by=olga).problem
    assert cara in records("contact")


# Who may


def test_importing_is_a_right_of_its_own_and_reaches_as_far_as_the_role(
    as_person: Browser, olga: User, anna: User, cara: User
) -> None:
    assert as_person(olga).get("/imports/crm.contact/").status_code == 200
    assert as_person(anna).get("/imports/crm.contact/").status_code == 403
    run = imported("contact", "First name;Responsible", f"Mine;{anna.name}", f"Theirs;{cara.name}", by=anna)
    assert (run.created, run.failed) == (1, 1)
    assert "does not reach that far" in run.problems.get().text
    allow(employees_role(), type_of("contact").scope, Level.NONE)
    assert imported("contact", "First name", "Rose", by=anna).failed == 1


def test_a_table_is_its_own_importers_and_of_who_administers(
    as_person: Browser, olga: User, anna: User, boris: User
) -> None:
    """It tells of clients that others do not see, and what it makes is made in the name of who brought it."""
    role = create_role("Importers", [IMPORT], by=olga)
    for person in (anna, boris):
        grant_role(role, code_of(person), by=olga)
    run = begun("contact", "First name", "Rose", by=anna)
    address = f"/imports/{run.pk}/"
    for person, status in ((anna, 200), (boris, 404), (olga, 200)):
        browser = as_person(person)
        assert browser.get(address).status_code == status
        assert (run.name in browser.get("/imports/crm.contact/").text) == (status == 200)
    for way in ("", "reading/", "undoing/"):
        assert as_person(boris).post(f"{address}{way}", {"column-0": "first_name"}).status_code == 404
    assert as_person(boris).get(f"{address}problems/").status_code == 404
    assert as_person(olga).post(address, {"column-0": "first_name"}).status_code == 403
    run.refresh_from_db()
    assert run.status == "new"
    assert as_person(anna).post(address, {"column-0": "first_name"}).status_code == 302


def test_nobody_learns_of_clients_that_they_may_not_see(anna: User, cara: User) -> None:
    hidden = added("contact", cara, first_name="Rose", reached_by=[Reach("email", "r@b.test")])
    run = imported("contact", "First name;E-mail", "Rosa;r@b.test", by=anna)
    assert (run.created, run.changed) == (1, 0)
    hidden.refresh_from_db()
    assert hidden.title == "Rose"


def test_what_one_may_see_but_not_change_is_refused_and_stays(anna: User, cara: User) -> None:
    rose = added("contact", cara, first_name="Rose", reached_by=[Reach("email", "r@b.test")])
    allow(employees_role(), type_of("contact").scope, Level.ALL, "read")
    run = imported("contact", "First name;E-mail", "Rosa;r@b.test", by=anna)
    assert (run.failed, run.problems.get().text) == (1, "It is there already, and you may not change it.")
    rose.refresh_from_db()
    assert rose.title == "Rose"


def test_the_log_tells_how_many_rows(olga: User) -> None:
    imported("contact", "First name", "Rose", "Petra", by=olga)
    deliver_all()
    record = AuditRecord.objects.filter(kind="imports.finished").get()
    assert (record.details["rows"], record.details["importer"]) == (2, "crm.contact")


# What it costs


def test_a_step_asks_as_much_for_many_rows_as_for_few(olga: User) -> None:
    def asked(start: int, count: int) -> int:
        rows = [
            f"Rose{number},Weber,Company {number},+7916{number:07},,rose{number}@b.test"
            for number in range(start, start + count)
        ]
        with CaptureQueriesContext(connection) as queries:
            assert imported("contact", CONTACTS, *rows, by=olga).created == count
        return len(queries)

    asked(0, 2)
    # Deliveries are stored in portions, and a record has several.
    assert asked(100, BATCH) <= asked(1000, 5) + 4


def test_new_ones_stand_above_others_in_the_order_of_the_table(olga: User) -> None:
    added("deal", olga, "older")
    imported("deal", "Deal", "first", "second", by=olga)
    column = Record.objects.there().filter(stage=stage_of("deal", "NEW")).on_board()
    assert [record.title for record in column] == ["first", "second", "older"]


def test_each_new_one_is_told_of_once(olga: User) -> None:
    imported("contact", "First name;Company", "Rose;Weber", by=olga)
    told = Event.objects.filter(kind="crm.RecordAdded").values_list("payload__record_id", flat=True)
    assert sorted(told) == sorted(Record.objects.values_list("pk", flat=True))


def test_reminders_of_papers_do_not_hear_of_clients(olga: User) -> None:
    imported("contact", "First Name,E-mail", "Rose,rose@example.com", by=olga)
    heard = Delivery.objects.filter(handler="box.apps.crm.handlers.remind_of_paper:RecordAdded")
    assert not heard.exists()
    emit(RecordAdded(record_id=1, by_id=None, is_paper=True))
    assert heard.exists()


def test_a_table_without_names_is_not_begun(olga: User) -> None:
    run = begun("contact", "E-mail", "r@b.test", by=olga)
    with pytest.raises(ValidationError, match="which column is the name"):
        start_import(run, run.columns, by=olga)
