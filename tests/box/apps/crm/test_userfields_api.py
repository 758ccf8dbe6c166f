"""Definitions of own fields for programs, as `crm.deal.userfield.*` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from box.apps.crm.custom_fields import SETS
from box.apps.crm.models import RecordType
from box.core.fields.models import Field
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from tests.box.rest.calling import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(olga: User) -> Program:
    return program_of(olga, "crm")


def colours(program: Program) -> int:
    pk: int = program.call(
        "crm.deal.userfield.add",
        fields={
            "FIELD_NAME": "COLOURS", "USER_TYPE_ID": "enumeration", "MULTIPLE": "Y", "MANDATORY": "Y",
            "EDIT_FORM_LABEL": {"en": "Colours", "ru": "Цвета"}, "HELP_MESSAGE": "Of the roses",
            "LIST": [{"VALUE": "Red"}, {"VALUE": "White"}],
        },
    )  # fmt: skip
    return pk


def test_a_field_is_added_and_programs_write_and_read_it_by_its_name(program: Program) -> None:
    pk = colours(program)
    field = Field.objects.get(pk=pk)
    assert (field.code, field.name, field.kind) == ("UF_CRM_COLOURS", "Цвета", "choice")
    assert (field.is_several, field.is_required, field.help) == (True, True, "Of the roses")
    row = program.call("crm.deal.userfield.get", id=pk)
    assert (row["FIELD_NAME"], row["USER_TYPE_ID"], row["ENTITY_ID"], row["MULTIPLE"], row["MANDATORY"]) == (
        "UF_CRM_COLOURS", "enumeration", "CRM_DEAL", "Y", "Y",
    )  # fmt: skip
    assert row["EDIT_FORM_LABEL"] == {"en": "Цвета", "ru": "Цвета"}
    assert [one["VALUE"] for one in row["LIST"]] == ["Red", "White"]
    white = row["LIST"][1]["ID"]
    deal = program.call("crm.deal.add", fields={"TITLE": "Roses", "UF_CRM_COLOURS": [white]})
    assert program.call("crm.deal.get", id=deal)["UF_CRM_COLOURS"] == [white]


def test_what_was_taken_off_a_list_is_sent_back_as_it_stands(program: Program) -> None:
    pk = colours(program)
    red, white = program.call("crm.deal.userfield.get", id=pk)["LIST"]
    sent = {"TITLE": "Roses", "UF_CRM_COLOURS": [red["ID"], white["ID"]]}
    deal = program.call("crm.deal.add", fields=sent)
    program.call("crm.deal.userfield.update", id=pk, fields={"LIST": [{"ID": red["ID"], "DEL": "Y"}]})
    row = program.call("crm.deal.get", id=deal)
    assert program.call("crm.deal.update", id=deal, fields={"UF_CRM_COLOURS": row["UF_CRM_COLOURS"]}) is True
    assert program.call("crm.deal.get", id=deal)["UF_CRM_COLOURS"] == [red["ID"], white["ID"]]
    # For another one it is nothing to choose.
    assert program.error("crm.deal.add", fields=sent) == (400, "ERROR_ARGUMENT")


def test_a_list_is_filtered_and_says_labels_to_whoever_asks_for_them(program: Program) -> None:
    colours(program)
    for name, type_, settings in (
        ("WEIGHT", "double", {}),
        ("TERMS", "string", {"ROWS": 5}),
        ("BUYER", "crm", {"CONTACT": "Y", "LEAD": "N"}),
        ("PRICE", "money", {"DEFAULT_VALUE": "|EUR"}),
    ):
        fields = {"FIELD_NAME": name, "USER_TYPE_ID": type_, "LABEL": name.title(), "SETTINGS": settings}
        program.call("crm.deal.userfield.add", fields=fields)
    answer = program.ask("crm.deal.userfield.list").json()
    assert answer["total"] == 5
    rows = {row["FIELD_NAME"]: row for row in answer["result"]}
    assert "EDIT_FORM_LABEL" not in rows["UF_CRM_WEIGHT"]
    assert rows["UF_CRM_TERMS"]["SETTINGS"]["ROWS"] == 5
    assert rows["UF_CRM_BUYER"]["SETTINGS"] == {"LEAD": "N", "DEAL": "N", "CONTACT": "Y", "COMPANY": "N"}
    assert rows["UF_CRM_PRICE"]["SETTINGS"]["DEFAULT_VALUE"] == "|EUR"
    found = program.call("crm.deal.userfield.list", filter={"USER_TYPE_ID": "double", "LANG": "en"})
    assert [(row["FIELD_NAME"], row["EDIT_FORM_LABEL"]) for row in found] == [("UF_CRM_WEIGHT", "Weight")]
    several = program.call("crm.deal.userfield.list", filter={"MULTIPLE": "Y"}, order={"ID": "DESC"})
    assert [row["FIELD_NAME"] for row in several] == ["UF_CRM_COLOURS"]
    assert program.call("crm.lead.userfield.list") == []


def test_a_list_changes_by_the_numbers_of_its_rows(program: Program) -> None:
    pk = colours(program)
    red, white = Field.objects.get(pk=pk).options
    told = [{"ID": red.pk, "VALUE": "Scarlet"}, {"ID": white.pk, "DEL": "Y"}, {"VALUE": "Blue"}]
    fields = {"LIST": told, "MANDATORY": "N", "EDIT_FORM_LABEL": "Tints"}
    assert program.call("crm.deal.userfield.update", id=pk, fields=fields) is True
    field = Field.objects.get(pk=pk)
    assert (field.name, field.is_required, field.help) == ("Tints", False, "Of the roses")
    assert [(one.pk == red.pk, one.name) for one in field.options if not one.is_retired] == [
        (True, "Scarlet"), (False, "Blue"),
    ]  # fmt: skip


def test_one_that_is_taken_away_and_added_again_has_what_stood_in_it(program: Program) -> None:
    pk = program.call(
        "crm.contact.userfield.add", fields={"FIELD_NAME": "UF_CRM_HOBBY", "USER_TYPE_ID": "string"}
    )
    contact = program.call("crm.contact.add", fields={"NAME": "Nina", "UF_CRM_HOBBY": "Roses"})
    assert program.call("crm.contact.userfield.delete", id=pk) is True
    assert "UF_CRM_HOBBY" not in program.call("crm.contact.get", id=contact)
    assert program.error("crm.contact.userfield.get", id=pk) == (400, "ERROR_NOT_FOUND")
    again = program.call(
        "crm.contact.userfield.add",
        fields={"FIELD_NAME": "HOBBY", "USER_TYPE_ID": "string", "LABEL": "Loves"},
    )
    assert again == pk
    assert program.call("crm.contact.get", id=contact)["UF_CRM_HOBBY"] == "Roses"


@pytest.mark.parametrize(
    "fields",
    [
        {"FIELD_NAME": "X"},
        {"FIELD_NAME": "X", "USER_TYPE_ID": "iblock_element"},
        {"USER_TYPE_ID": "string"},
        {"FIELD_NAME": "NO SPACES", "USER_TYPE_ID": "string"},
        {"FIELD_NAME": "X" * 60, "USER_TYPE_ID": "string"},
        {"FIELD_NAME": "X", "USER_TYPE_ID": "enumeration", "LIST": []},
        {"FIELD_NAME": "X", "USER_TYPE_ID": "string", "MULTIPLE": "perhaps"},
    ],
)
def test_what_is_no_field_is_refused_and_nothing_is_made(program: Program, fields: dict[str, Any]) -> None:
    assert program.error("crm.deal.userfield.add", fields=fields) == (400, "ERROR_ARGUMENT")
    assert not Field.objects.exists()


def test_one_of_another_kind_of_records_is_none_of_these(program: Program) -> None:
    pk = colours(program)
    for method in ("get", "delete"):
        assert program.error(f"crm.lead.userfield.{method}", id=pk) == (400, "ERROR_NOT_FOUND")
    assert program.error("crm.deal.userfield.list", filter={"NOTHING": 1})[0] == 400


def test_only_who_may_change_settings_decides_about_fields(program: Program, anna: User) -> None:
    pk = colours(program)
    hers = program_of(anna, "crm")
    fields = {"FIELD_NAME": "MINE", "USER_TYPE_ID": "string"}
    for method, given in (
        ("list", {}), ("get", {"id": pk}), ("add", {"fields": fields}),
        ("update", {"id": pk, "fields": fields}), ("delete", {"id": pk}),
    ):  # fmt: skip
        refused = hers.error(f"crm.deal.userfield.{method}", **given)
        assert refused == (403, "ACCESS_DENIED"), method
    assert [one.pk for one in Field.objects.of(SETS[RecordType.Id.DEAL].key).standing()] == [pk]


@pytest.mark.parametrize(
    ("usual", "currency"), [("1500|eur", "EUR"), ("1500", "RUB"), ("", "RUB"), ({"VALUE": 1}, "RUB")]
)
def test_money_whose_usual_value_names_no_currency_has_the_usual_one(
    program: Program, usual: Any, currency: str
) -> None:
    pk = program.call(
        "crm.deal.userfield.add",
        fields={"FIELD_NAME": "PRICE", "USER_TYPE_ID": "money", "SETTINGS": {"DEFAULT_VALUE": usual}},
    )
    assert Field.objects.get(pk=pk).currency == currency
