"""The CRM for programs: in Bitrix24's dialect, under the same permissions as on the pages."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.records import change_record, delete_records
from box.apps.crm.actions.setup import add_pipeline, add_type
from box.apps.crm.api.stages import name_of
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Activity, Currency, Product, Record
from box.apps.crm.permissions import Level
from box.core.access.actions import employees_role
from box.core.events.delivery import deliver_all
from box.core.fields.models import Field
from box.core.registry.company import company_day
from box.rest.models import Sending
from box.rest.outgoing import NewListener, add_listener
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.rest.calling import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(anna: User) -> Program:
    return program_of(anna, "crm")


# The older methods, a set a type


def test_a_lead_is_added_read_changed_found_and_deleted(program: Program, anna: User) -> None:
    pk = program.call(
        "crm.lead.add",
        fields={
            "TITLE": "Chairs", "NAME": "Rose", "LAST_NAME": "Weber", "OPPORTUNITY": "1500.50",
            "STATUS_ID": "IN_PROCESS", "SOURCE_ID": "WEB", "UTM_SOURCE": "mail", "BIRTHDATE": "1990-11-24",
            "PHONE": [{"VALUE": "8 916 123-45-67", "VALUE_TYPE": "MOBILE"}], "COMMENTS": "Soon",
        },
    )  # fmt: skip
    assert isinstance(pk, int)
    lead = program.call("crm.lead.get", id=pk)
    wanted = {
        "ID": str(pk), "TITLE": "Chairs", "NAME": "Rose", "OPPORTUNITY": "1500.50", "STATUS_ID": "IN_PROCESS",
        "STATUS_SEMANTIC_ID": "P", "SOURCE_ID": "WEB", "UTM_SOURCE": "mail", "CURRENCY_ID": "RUB",
        "ASSIGNED_BY_ID": str(anna.pk), "CREATED_BY_ID": str(anna.pk), "CLOSED": "N",
        "BIRTHDATE": "1990-11-24T00:00:00+00:00", "COMMENTS": "Soon",
    }  # fmt: skip
    assert {name: lead[name] for name in wanted} == wanted
    (phone,) = lead["PHONE"]
    assert (phone["VALUE"], phone["VALUE_TYPE"], phone["TYPE_ID"]) == ("8 916 123-45-67", "MOBILE", "PHONE")
    assert program.call("crm.lead.update", id=pk, fields={"TITLE": "Tables", "UTM_TERM": "oak"}) is True
    again = program.call("crm.lead.get", id=pk)
    assert (again["TITLE"], again["UTM_SOURCE"], again["UTM_TERM"]) == ("Tables", "mail", "oak")
    rows = program.call("crm.lead.list", filter={"PHONE": "+79161234567"}, select=["ID", "TITLE"])
    assert rows == [{"ID": str(pk), "TITLE": "Tables"}]
    allow(employees_role(), type_of("lead").scope, Level.OWN, "delete")
    assert program.call("crm.lead.delete", id=pk) is True
    assert program.error("crm.lead.get", id=pk) == (400, "ERROR_NOT_FOUND")
    assert Record.objects.get(pk=pk).deleted_at is not None


def test_numbers_are_added_changed_and_taken_away_one_by_one(program: Program, anna: User) -> None:
    rose = added("contact", anna, first_name="Rose", reached_by=[Reach("phone", "+79161234567")])
    pk = program.call("crm.contact.get", id=rose.pk)["PHONE"][0]["ID"]
    sent: dict[str, Any] = {"PHONE": [{"VALUE": "+79161234568"}], "EMAIL": [{"VALUE": "r@b.test"}]}
    program.call("crm.contact.update", id=rose.pk, fields=sent)
    assert sorted(rose.contact_points.values_list("normal", flat=True)) == [
        "+79161234567", "+79161234568", "r@b.test"
    ]  # fmt: skip
    program.call("crm.contact.update", id=rose.pk, fields={"PHONE": [{"ID": pk, "VALUE": ""}]})
    assert sorted(rose.contact_points.values_list("normal", flat=True)) == ["+79161234568", "r@b.test"]


def test_a_deal_goes_from_stage_to_stage_and_into_another_pipeline(program: Program, anna: User) -> None:
    deal = added("deal", anna)
    wholesale = add_pipeline(type_of("deal"), "Wholesale", by=None)
    program.call("crm.deal.update", id=deal.pk, fields={"STAGE_ID": "EXECUTING"})
    assert program.call("crm.deal.get", id=deal.pk)["STAGE_ID"] == "EXECUTING"
    program.call("crm.deal.update", id=deal.pk, fields={"STAGE_ID": f"C{wholesale.pk}:PREPARATION"})
    row = program.call("crm.deal.get", id=deal.pk)
    assert (row["CATEGORY_ID"], row["STAGE_ID"]) == (str(wholesale.pk), f"C{wholesale.pk}:PREPARATION")
    assert deal.visits.count() == 3
    program.call("crm.deal.update", id=deal.pk, fields={"CATEGORY_ID": 0})
    assert program.call("crm.deal.get", id=deal.pk)["STAGE_ID"] == "NEW"
    assert program.error("crm.deal.update", id=deal.pk, fields={"STAGE_ID": "NO"}) == (400, "ERROR_ARGUMENT")


@pytest.mark.parametrize(
    ("conditions", "titles"),
    [
        ({">OPPORTUNITY": 150}, ["Tables"]),
        ({"%TITLE": "chai"}, ["Chairs"]),
        ({"STAGE_ID": ["EXECUTING", "WON"]}, ["Tables", "Lamps"]),
        ({"!STAGE_ID": "EXECUTING"}, ["Chairs", "Lamps"]),
        ({"CLOSED": "Y"}, ["Lamps"]),
        ({"STAGE_SEMANTIC_ID": "S"}, ["Lamps"]),
        ({"CATEGORY_ID": 0, "CURRENCY_ID": "RUB"}, ["Chairs", "Tables", "Lamps"]),
        ({"UTM_SOURCE": "mail"}, ["Chairs"]),
        ({"UTM_SOURCE": "M%L"}, ["Chairs"]),
        ({"UTM_SOURCE": ["MAIL", "site"]}, ["Chairs"]),
        ({"UF_FLOOR": 7}, ["Tables"]),
        ({">=DATE_CREATE": "2000-01-01", "SOURCE_ID": "WEB"}, []),
    ],
)
def test_deals_are_found_by_their_fields(
    conditions: dict[str, Any], titles: list[str], program: Program, anna: User
) -> None:
    floor = Field.objects.create(set_key="crm.deal", name="Floor", kind=Field.Kind.NUMBER, code="UF_FLOOR")
    added("deal", anna, "Chairs", amount=Decimal(100), utm={"utm_source": "mail"})
    tables = added("deal", anna, "Tables", amount=Decimal(200), stage=stage_of("deal", "EXECUTING"))
    added("deal", anna, "Lamps", stage=stage_of("deal", "WON"))
    program.call("crm.deal.update", id=tables.pk, fields={"UF_FLOOR": "7"})
    rows = program.call("crm.deal.list", filter=conditions, select=["TITLE", "UF_*"], order={"ID": "ASC"})
    assert [row["TITLE"] for row in rows] == titles
    assert all(row[floor.code] in {"7", False} for row in rows)


def test_a_filter_or_an_order_that_there_is_not_is_an_error(program: Program) -> None:
    for given in (
        {"filter": {"PASSWORD": 1}},
        {"order": {"COMMENTS": "ASC"}},
        {"filter": {">STAGE_ID": "A"}},
    ):
        assert program.error("crm.deal.list", **given) == (400, "ERROR_ARGUMENT")


def test_lists_come_in_pages_of_fifty(program: Program, anna: User) -> None:
    for number in range(51):
        added("deal", anna, f"Deal {number}")
    answer = program.ask("crm.deal.list", select=["ID"]).json()
    assert (len(answer["result"]), answer["total"], answer["next"]) == (50, 51, 50)
    assert len(program.call("crm.deal.list", select=["ID"], start=50)) == 1


def test_fields_say_what_there_is(program: Program) -> None:
    fields = program.call("crm.company.fields")
    assert (fields["TITLE"]["isRequired"], fields["ID"]["isReadOnly"]) == (True, True)
    assert fields["PHONE"]["type"] == "crm_multifield"
    assert "STAGE_ID" not in fields
    assert program.call("crm.item.fields", entityTypeId=2)["fields"]["stageId"]["type"] == "crm_status"


# The newer ones, for every type


def test_items_of_every_type_have_one_dialect(program: Program, anna: User, boris: User) -> None:
    rose = added("contact", anna, first_name="Rose")
    sent = {
        "title": "Chairs", "opportunity": 100, "stageId": "PREPARATION", "contactId": rose.pk,
        "observers": [boris.pk], "utmSource": "mail",
    }  # fmt: skip
    item = program.call("crm.item.add", entityTypeId=2, fields=sent)["item"]
    wanted = {
        "title": "Chairs", "opportunity": 100, "stageId": "PREPARATION", "categoryId": 0, "opened": "N",
        "contactId": rose.pk, "contactIds": [rose.pk], "assignedById": anna.pk, "companyId": None,
        "utmSource": "mail",
    }  # fmt: skip
    assert {name: item[name] for name in wanted} == wanted
    assert Record.objects.visible_to(boris).filter(pk=item["id"]).exists()
    answer = program.call("crm.item.update", entityTypeId=2, id=item["id"], fields={"title": "Tables"})
    changed = answer["item"]
    assert (changed["title"], changed["stageId"]) == ("Tables", "PREPARATION")
    found = program.call("crm.item.list", entityTypeId=2, filter={">opportunity": 50, "%title": "tab"})
    assert [one["id"] for one in found["items"]] == [item["id"]]
    allow(employees_role(), type_of("deal").scope, Level.OWN, "delete")
    assert program.call("crm.item.delete", entityTypeId=2, id=item["id"]) == []
    assert program.error("crm.item.get", entityTypeId=2, id=item["id"])[1] == "ERROR_NOT_FOUND"


def test_numbers_of_an_item_are_in_fm(program: Program) -> None:
    fm = [{"typeId": "PHONE", "valueType": "WORK", "value": "+79161234567"}]
    item = program.call("crm.item.add", entityTypeId=3, fields={"name": "Rose", "fm": fm})["item"]
    (point,) = item["fm"]
    assert (point["typeId"], point["valueType"], point["value"]) == ("PHONE", "WORK", "+79161234567")


def test_a_companys_own_entity_is_an_item_too(program: Program) -> None:
    tender = add_type("tender", "Tenders", has_stages=True, has_client=True, has_amount=True, by=None)
    item = program.call("crm.item.add", entityTypeId=tender.pk, fields={"title": "A school"})["item"]
    pipeline = tender.pipelines.get()
    assert (item["categoryId"], item["stageId"]) == (pipeline.pk, f"DT{tender.pk}_{pipeline.pk}:NEW")
    assert program.error("crm.item.list", entityTypeId=9999)[1] == "ERROR_NOT_FOUND"


def test_what_is_added_with_a_key_is_added_once(program: Program) -> None:
    key = str(uuid4())
    answers = [
        program.ask("crm.item.add", key=key, entityTypeId=2, fields={"title": "Chairs"}).json()["result"]
        for _again in range(2)
    ]
    assert answers[0]["item"]["id"] == answers[1]["item"]["id"]
    assert Record.objects.count() == 1


# Who may


def test_a_program_sees_and_changes_what_its_person_may(program: Program, anna: User, cara: User) -> None:
    hidden, shown = added("deal", cara, "Hidden"), added("deal", cara, "Shown")
    deal = type_of("deal")
    assert program.call("crm.deal.list") == []
    assert program.error("crm.deal.get", id=hidden.pk)[1] == "ERROR_NOT_FOUND"
    allow(employees_role(), deal.scope, Level.ALL, "read")
    assert len(program.call("crm.deal.list")) == 2
    assert program.error("crm.deal.update", id=shown.pk, fields={"TITLE": "Mine"})[1] == "ACCESS_DENIED"
    assert program.error("crm.deal.delete", id=shown.pk)[1] == "ACCESS_DENIED"
    sent = {"TITLE": "For cara", "ASSIGNED_BY_ID": cara.pk}
    assert program.error("crm.deal.add", fields=sent)[1] == "ACCESS_DENIED"
    allow(employees_role(), deal.scope, Level.NONE, "read")
    assert program.error("crm.deal.list")[1] == "ACCESS_DENIED"
    shown.refresh_from_db()
    assert (shown.title, shown.deleted_at, Record.objects.count()) == ("Shown", None, 2)


def test_nobody_links_a_client_that_they_do_not_see(program: Program, cara: User) -> None:
    rose = added("contact", cara, first_name="Rose")
    for sent in ({"CONTACT_ID": rose.pk}, {"CONTACT_IDS": [rose.pk]}):
        assert program.error("crm.deal.add", fields={"TITLE": "x", **sent})[1] == "ERROR_ARGUMENT"
    assert Record.objects.filter(type=type_of("deal").pk).count() == 0


def test_without_the_scope_there_is_no_crm(anna: User) -> None:
    assert program_of(anna, "user").error("crm.deal.list")[1] == "insufficient_scope"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"TITLE": ""}, "title"),
        ({"TITLE": "x", "OPPORTUNITY": "much"}, "OPPORTUNITY"),
        ({"TITLE": "x", "OPPORTUNITY": "NaN"}, "OPPORTUNITY"),
        ({"TITLE": "x", "CLOSEDATE": "soon"}, "CLOSEDATE"),
        ({"TITLE": "x", "SOURCE_ID": "NOWHERE"}, "SOURCE_ID"),
        ({"TITLE": "x", "ASSIGNED_BY_ID": "anna"}, "ASSIGNED_BY_ID"),
        ({"TITLE": ["x"]}, "TITLE"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(fields: dict[str, Any], said: str, program: Program) -> None:
    answer = program.ask("crm.deal.add", fields=fields)
    assert answer.status_code == 400
    assert said.lower() in answer.json()["error_description"].lower()
    assert not Record.objects.exists()


# What one chooses from


def test_pipelines_and_stages_are_named_as_programs_know_them(program: Program, anna: User) -> None:
    wholesale = add_pipeline(type_of("deal"), "Wholesale", by=None)
    categories = program.call("crm.category.list", entityTypeId=2)["categories"]
    assert [(one["id"], one["name"], one["isDefault"]) for one in categories] == [
        (0, "Deals", "Y"), (wholesale.pk, "Wholesale", "N")
    ]  # fmt: skip
    own = program.call("crm.status.list", filter={"ENTITY_ID": f"DEAL_STAGE_{wholesale.pk}"})
    assert own[0]["STATUS_ID"] == f"C{wholesale.pk}:NEW"
    first = program.call("crm.status.entity.items", entityId="DEAL_STAGE")
    assert [one["STATUS_ID"] for one in first][-2:] == ["WON", "LOSE"]
    sources = program.call("crm.status.list", filter={"ENTITY_ID": "SOURCE"})
    assert sources[0]["STATUS_ID"] == "CALL"
    leads = program.call("crm.status.list", filter={"ENTITY_ID": "STATUS", "SEMANTICS": "F"})
    assert [one["STATUS_ID"] for one in leads] == ["JUNK"]
    assert name_of(stage_of("deal", "NEW")) == "NEW"


def test_setting_up_needs_the_right_to(program: Program, olga: User) -> None:
    sent = {"entityTypeId": 2, "fields": {"name": "Wholesale"}}
    assert program.error("crm.category.add", **sent)[1] == "ACCESS_DENIED"
    assert program.error("crm.product.add", fields={"NAME": "Chair"})[1] == "ACCESS_DENIED"
    hers = program_of(olga, "crm")
    made = hers.call("crm.category.add", **sent)["category"]
    assert made["name"] == "Wholesale"
    named = hers.call("crm.category.update", entityTypeId=2, id=made["id"], fields={"name": "Big"})
    assert named["category"]["name"] == "Big"
    assert hers.call("crm.category.delete", entityTypeId=2, id=made["id"]) == []
    assert len(hers.call("crm.category.list", entityTypeId=2)["categories"]) == 1


def test_products_have_a_price_a_unit_and_a_rate(program: Program, olga: User) -> None:
    hers = program_of(olga, "crm")
    units = hers.call("crm.measure.list")
    vat = next(one for one in hers.call("crm.vat.list") if one["RATE"] == "22.00")
    sent = {"NAME": "Chair", "PRICE": "100.5", "MEASURE": units[0]["ID"], "VAT_ID": vat["ID"], "CODE": "C-1"}
    pk = hers.call("crm.product.add", fields=sent)
    row = program.call("crm.product.get", id=pk)
    assert (row["NAME"], row["PRICE"], row["CURRENCY_ID"], row["ACTIVE"]) == ("Chair", "100.50", "RUB", "Y")
    hers.call("crm.product.update", id=pk, fields={"PRICE": 200})
    found = program.call("crm.product.list", filter={"%NAME": "cha", ">PRICE": 150})
    assert [one["PRICE"] for one in found] == ["200.00"]
    hers.call("crm.product.delete", id=pk)
    assert Product.objects.get(pk=pk).retired_at is not None
    assert program.call("crm.product.list", filter={"ACTIVE": "Y"}) == []
    assert program.call("crm.currency.list")[0]["BASE"] == "Y"


# Activities


def test_an_activity_is_planned_moved_and_done(program: Program, anna: User, boris: User) -> None:
    deal = added("deal", anna)
    sent = {
        "OWNER_TYPE_ID": 2, "OWNER_ID": deal.pk, "TYPE_ID": 2, "SUBJECT": "Call Rose", "DIRECTION": 2,
        "DEADLINE": "2030-05-04T12:00:00+00:00",
    }  # fmt: skip
    pk = program.call("crm.activity.add", fields=sent)
    deal.refresh_from_db()
    assert deal.next_step_at is not None
    row = program.call("crm.activity.get", id=pk)
    assert (row["TYPE_ID"], row["DIRECTION"], row["COMPLETED"], row["OWNER_ID"]) == (
        "2", "2", "N", str(deal.pk)
    )  # fmt: skip
    assert program_of(boris, "crm").call("crm.activity.list") == []
    assert program_of(boris, "crm").error("crm.activity.get", id=pk)[1] == "ERROR_NOT_FOUND"
    program.call("crm.activity.update", id=pk, fields={"COMPLETED": "Y", "RESULT": "She buys"})
    found = program.call("crm.activity.list", filter={"OWNER_ID": deal.pk, "COMPLETED": "Y"})
    assert [(one["ID"], one["RESULT"]) for one in found] == [(str(pk), "She buys")]
    program.call("crm.activity.delete", id=pk)
    assert not Activity.objects.exists()


def test_a_step_of_two_is_found_by_the_one_that_one_sees(program: Program, anna: User, cara: User) -> None:
    mine, hidden = added("deal", anna, "Mine"), added("deal", cara, "Hidden")
    add_activity(NewActivity(kind="call", subject="Call", responsible=anna), [mine, hidden], by=None)
    asked = {"OWNER_TYPE_ID": 2}
    assert len(program.call("crm.activity.list", filter={**asked, "OWNER_ID": mine.pk})) == 1
    assert program.call("crm.activity.list", filter={**asked, "OWNER_ID": hidden.pk}) == []


def test_what_is_not_a_steps_owner_says_nothing_of_what_one_does_not_see(
    program: Program, anna: User, boris: User, cara: User
) -> None:
    allow(employees_role(), type_of("deal").scope, Level.OWN)
    mine, hidden, other = (added("deal", who, "A deal") for who in (anna, cara, cara))
    client = added("contact", cara, first_name="Rose")
    step = add_activity(
        NewActivity(kind="call", subject="Call", responsible=anna), [mine, hidden, client], by=None
    )

    def count(**given: Any) -> int:
        return len(program.call("crm.activity.list", filter={"ID": step.pk, **given}))

    assert count(**{"!OWNER_ID": mine.pk}) == 0
    assert count(**{"!OWNER_ID": hidden.pk}) == count(**{"!OWNER_ID": other.pk}) == 1
    assert count(**{"!@OWNER_ID": [hidden.pk, mine.pk]}) == 0
    assert count(**{"!OWNER_TYPE_ID": 2}) == 0
    assert count(**{"!OWNER_TYPE_ID": 3}) == count(**{"!OWNER_TYPE_ID": 4}) == 1
    # An owner is one record, of this number and of this type.
    assert (
        count(OWNER_ID=mine.pk, OWNER_TYPE_ID=2)
        == count(**{"@OWNER_ID": [mine.pk], "=OWNER_TYPE_ID": 2})
        == 1
    )
    rose = added("contact", anna, first_name="Rosa")
    add_activity(NewActivity(kind="call", subject="Call", responsible=anna), [mine, rose], by=None)
    assert program.call("crm.activity.list", filter={"OWNER_ID": mine.pk, "OWNER_TYPE_ID": 3}) == []
    assert len(program.call("crm.activity.list", filter={"OWNER_TYPE_ID": 3})) == 1


def test_a_key_tells_the_number_alone_of_what_is_not_seen_any_more(
    program: Program, anna: User, boris: User
) -> None:
    allow(employees_role(), type_of("deal").scope, Level.OWN)
    sent: dict[str, Any] = {"key": "k", "entityTypeId": 2, "fields": {"title": "Mine"}}
    first, second = (program.ask("crm.item.add", **sent).json()["result"] for _ in range(2))
    assert first == second
    record = Record.objects.get()
    change_record(record, {"responsible": boris, "comment": "their last price is 7"}, by=None)
    assert program.error("crm.item.get", entityTypeId=2, id=record.pk) == (400, "ERROR_NOT_FOUND")
    assert program.ask("crm.item.add", **sent).json()["result"] == record.pk


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"WEB": [{"VALUE": "http://[", "VALUE_TYPE": "WORK"}]}, "web address"),
        ({"OPPORTUNITY": "1e999999"}, "digits"),
        ({"OPPORTUNITY": "9" * 40}, "digits"),
        ({"TITLE": "x" * 1_000_000}, "characters"),
    ],
)
def test_what_is_too_large_or_half_an_address_is_refused(
    fields: dict[str, Any], said: str, program: Program
) -> None:
    answer = program.ask("crm.lead.add", fields={"TITLE": "A lead", **fields})
    assert (answer.status_code, answer.json()["error"]) == (400, "ERROR_ARGUMENT")
    assert said in answer.json()["error_description"]


def test_an_amount_that_is_too_large_in_the_companys_currency_is_refused(program: Program) -> None:
    Currency.objects.create(code="KWD", rate=100)
    sent = {"TITLE": "x", "OPPORTUNITY": "9999999999999999", "CURRENCY_ID": "KWD"}
    answer = program.ask("crm.deal.add", fields=sent)
    assert answer.status_code == 400, answer.content
    assert "company's currency" in answer.json()["error_description"]


def test_a_number_of_conditions_is_bounded(program: Program) -> None:
    phones = [f"+7916{number:07}" for number in range(20_000)]
    assert program.error("crm.lead.list", filter={"PHONE": phones}) == (400, "ERROR_ARGUMENT")


def test_nothing_is_planned_for_what_one_does_not_see(program: Program, cara: User) -> None:
    sent = {"OWNER_TYPE_ID": 2, "OWNER_ID": added("deal", cara).pk, "TYPE_ID": 2, "SUBJECT": "Call"}
    assert program.error("crm.activity.add", fields=sent)[1] == "ERROR_NOT_FOUND"
    assert program.error("crm.activity.add", fields={**sent, "TYPE_ID": 77})[1] == "ERROR_NOT_FOUND"
    assert not Activity.objects.exists()


# Duplicates, and what is told outside


def test_whom_a_number_belongs_to_is_said_of_what_one_sees(program: Program, anna: User, cara: User) -> None:
    reach = [Reach("phone", "+79161234567")]
    lead, rose = (
        added("lead", anna, reached_by=reach),
        added("contact", anna, first_name="R", reached_by=reach),
    )
    added("company", cara, reached_by=reach)
    asked = {"type": "PHONE", "values": ["8 (916) 123-45-67"]}
    assert program.call("crm.duplicate.findbycomm", **asked) == {"LEAD": [lead.pk], "CONTACT": [rose.pk]}
    assert program.call("crm.duplicate.findbycomm", **asked, entity_type="LEAD") == {"LEAD": [lead.pk]}
    delete_records([lead, rose], by=None)
    assert program.call("crm.duplicate.findbycomm", **asked) == []


def test_listeners_are_told_of_each_record_of_their_type(olga: User, anna: User) -> None:
    names = ("ONCRMDEALADD", "ONCRMDEALDELETE", "ONCRMDEALUPDATE")
    add_listener(NewListener("Warehouse", "https://example.com/hook", names), by=olga)
    deals = [added("deal", anna, title) for title in ("one", "two")]
    added("lead", anna)
    delete_records(deals, by=None)
    for _again in range(2):
        deliver_all()
    told = sorted((one.event, one.data["FIELDS"]["ID"]) for one in Sending.objects.all())
    first, second = sorted(deal.pk for deal in deals)
    assert told == [
        ("ONCRMDEALADD", first), ("ONCRMDEALADD", second),
        ("ONCRMDEALDELETE", first), ("ONCRMDEALDELETE", second),
    ]  # fmt: skip


# Comments


def test_a_comment_is_written_read_changed_and_taken_away(program: Program, anna: User, boris: User) -> None:
    deal = added("deal", anna, observers=[boris])
    on = {"ENTITY_ID": deal.pk, "ENTITY_TYPE": "deal"}
    pk = program.call("crm.timeline.comment.add", fields={**on, "COMMENT": "Likes oak"})
    (row,) = program.call("crm.timeline.comment.list", filter=on)
    assert (row["ID"], row["COMMENT"], row["AUTHOR_ID"]) == (str(pk), "Likes oak", str(anna.pk))
    later = program.call("crm.timeline.comment.add", fields={**on, "COMMENT": "And ash"})
    rows = program.call("crm.timeline.comment.list", filter=on, order={"ID": "DESC"})
    assert [row["ID"] for row in rows] == [str(later), str(pk)]
    assert program.error("crm.timeline.comment.list", filter=on, order={"COMMENT": "ASC"})[0] == 400
    assert program.call("crm.timeline.comment.delete", id=later) is True
    assert program.call("crm.timeline.comment.update", id=pk, fields={"COMMENT": "Likes ash"}) is True
    assert program.call("crm.timeline.comment.get", id=pk)["COMMENT"] == "Likes ash"
    other = program_of(boris, "crm")
    assert other.call("crm.timeline.comment.get", id=pk)["COMMENT"] == "Likes ash"
    assert other.error("crm.timeline.comment.update", id=pk, fields={"COMMENT": "x"})[0] == 403
    assert other.error("crm.timeline.comment.delete", id=pk)[0] == 403
    assert program.call("crm.timeline.comment.delete", id=pk) is True
    assert program.call("crm.timeline.comment.list", filter=on) == []


def test_comments_of_what_one_does_not_see_are_not_there(program: Program, anna: User, cara: User) -> None:
    deal = added("deal", anna)
    on = {"ENTITY_ID": deal.pk, "ENTITY_TYPE": "deal"}
    pk = program.call("crm.timeline.comment.add", fields={**on, "COMMENT": "Likes oak"})
    allow(employees_role(), "t2", Level.OWN)
    other = program_of(cara, "crm")
    for method, given in (
        ("list", {"filter": on}), ("get", {"id": pk}), ("delete", {"id": pk}),
        ("add", {"fields": {**on, "COMMENT": "x"}}), ("update", {"id": pk, "fields": {"COMMENT": "x"}}),
    ):  # fmt: skip
        assert other.error(f"crm.timeline.comment.{method}", **given) == (400, "ERROR_NOT_FOUND")
    assert program.error("crm.timeline.comment.list", filter={})[0] == 400
    assert program.error("crm.timeline.comment.list", filter={**on, "AUTHOR_ID": 1})[0] == 400
    assert program.error("crm.timeline.comment.add", fields={**on, "COMMENT": " "})[0] == 400


def test_a_papers_number_and_what_was_paid_are_told(program: Program, anna: User) -> None:
    deal = added("deal", anna, amount=Decimal(100))
    invoice = add_paper(deal, type_of("invoice"), by=anna)
    note_payment(invoice, PaymentDraft(amount=Decimal(40), on=company_day()), by=anna)
    item = program.call("crm.item.get", entityTypeId=31, id=invoice.pk)["item"]
    assert (item["accountNumber"], item["paidAmount"]) == (invoice.paper.number, 40)
    (found,) = program.call("crm.item.list", entityTypeId=31, filter={"accountNumber": invoice.paper.number})[
        "items"
    ]
    assert found["id"] == invoice.pk


# What another program calls its things


def test_a_program_finds_again_what_it_wrote_by_its_own_ids(program: Program) -> None:
    mine = {"ORIGINATOR_ID": "1C", "ORIGIN_ID": "{0D-17}", "ORIGIN_VERSION": "7"}
    for name in ("company", "contact"):
        pk = program.call(f"crm.{name}.add", fields={"TITLE": "Steel", "NAME": "Rose", **mine})
        program.call(f"crm.{name}.add", fields={"TITLE": "Oak", "NAME": "Lily", "ORIGIN_ID": "{0D-18}"})
        (row,) = program.call(
            f"crm.{name}.list", filter={"ORIGINATOR_ID": "1C", "ORIGIN_ID": "{0d-17}"}, select=["ID", *mine]
        )
        assert row == {"ID": str(pk), **mine}
        newest = program.call(f"crm.{name}.list", order={"ORIGIN_ID": "DESC"}, select=["ORIGIN_ID"])
        assert [one["ORIGIN_ID"] for one in newest] == ["{0D-18}", "{0D-17}"]
    deal = program.call("crm.item.add", entityTypeId=2, fields={"title": "A", "originId": "5"})["item"]
    assert (deal["originId"], deal["originatorId"]) == ("5", "")
    assert "originVersion" not in deal
    program.call("crm.deal.update", id=deal["id"], fields={"ORIGINATOR_ID": "shop"})
    (found,) = program.call("crm.item.list", entityTypeId=2, filter={"=originatorId": "shop"})["items"]
    assert (found["id"], found["originId"]) == (deal["id"], "5")


def test_who_asks_for_no_external_id_gets_those_without_one(program: Program) -> None:
    ids = [
        program.call("crm.lead.add", fields={"TITLE": name, "ORIGIN_ID": name})
        for name in ("", "shop-1", "shop-2", "crm_3", "50%")
    ]

    def found(**condition: Any) -> list[int]:
        rows = program.call("crm.lead.list", filter=condition, select=["ID"])
        return [int(row["ID"]) for row in rows]

    assert found(ORIGIN_ID="") == found(ORIGIN_ID=None) == ids[:1]
    assert found(**{"!ORIGIN_ID": ""}) == ids[1:]
    assert found(ORIGIN_ID="shop-%") == found(**{"%ORIGIN_ID": "SHOP"}) == ids[1:3]
    assert found(**{"@ORIGIN_ID": ["shop-2", "crm_3"]}) == ids[2:4]


def test_invoices_and_own_entities_have_one_external_id(program: Program, olga: User) -> None:
    fields = program.call("crm.item.fields", entityTypeId=31)["fields"]
    assert "xmlId" in fields
    assert "originId" not in fields
    invoice = program.call("crm.item.add", entityTypeId=31, fields={"title": "A", "xmlId": "inv-1"})["item"]
    (found,) = program.call("crm.item.list", entityTypeId=31, filter={"xmlId": "inv-1"})["items"]
    assert (found["id"], found["xmlId"]) == (invoice["id"], "inv-1")
    assert "ORIGIN_ID" not in program.call("crm.quote.fields")
    boss = program_of(olga, "crm")
    pk = boss.call("crm.product.add", fields={"NAME": "Lamp", "XML_ID": "p-1"})
    assert boss.call("crm.product.update", id=pk, fields={"NAME": "Lamps"}) is True
    (lamp,) = boss.call("crm.product.list", filter={"XML_ID": "p-1"})
    assert (lamp["ID"], lamp["NAME"], lamp["XML_ID"]) == (str(pk), "Lamps", "p-1")


def test_an_activity_is_found_by_its_external_id(program: Program, anna: User) -> None:
    deal = added("deal", anna, "A deal")
    mine = {"ORIGINATOR_ID": "pbx", "ORIGIN_ID": "call-5"}
    owner = {"OWNER_ID": deal.pk, "OWNER_TYPE_ID": 2, "TYPE_ID": 2}
    pk = program.call("crm.activity.add", fields={**owner, **mine})
    program.call("crm.activity.add", fields=owner)
    (row,) = program.call("crm.activity.list", filter=mine)
    assert {name: row[name] for name in ("ID", *mine)} == {"ID": str(pk), **mine}


def test_an_external_id_that_is_too_long_is_refused(program: Program) -> None:
    assert program.error("crm.lead.add", fields={"TITLE": "A", "ORIGIN_ID": "x" * 256}) == (
        400,
        "ERROR_ARGUMENT",
    )
    assert program.error("crm.lead.add", fields={"TITLE": "A", "ORIGIN_ID": ["x"]}) == (400, "ERROR_ARGUMENT")
    assert not Record.objects.exists()
