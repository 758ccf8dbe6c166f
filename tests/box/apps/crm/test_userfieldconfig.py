"""Own fields by `userfieldconfig.*`: whoever decides about fields does it here too, for all types at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from box.core.fields.models import Field
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
CRM = {"moduleId": "crm"}


def colour(**more: Any) -> dict[str, Any]:
    choices = [{"value": "Red", "sort": 100}, {"value": "White", "sort": 200}]
    return {
        "entityId": "CRM_DEAL",
        "fieldName": "UF_COLOUR",
        "userTypeId": "enumeration",
        "multiple": "Y",
        "editFormLabel": {"en": "Colour", "ru": "Цвет"},
        "enum": choices,
        **more,
    }


def test_a_key_tells_nothing_to_who_decides_no_more(olga: User) -> None:
    program = program_of(olga)
    first, second = (
        program.ask("userfieldconfig.add", key="k", **CRM, field=colour()).json()["result"] for _ in range(2)
    )
    assert first == second
    program.call("userfieldconfig.delete", **CRM, id=first["field"]["id"])
    again = program.ask("userfieldconfig.add", key="k", **CRM, field=colour())
    assert again.json()["result"] == int(first["field"]["id"])
    olga.is_administrator = False
    olga.save(update_fields=["is_administrator"])
    assert program.ask("userfieldconfig.add", key="k", **CRM, field=colour()).status_code == 403


def test_a_field_is_added_read_changed_and_taken_away(olga: User) -> None:
    program = program_of(olga)
    made = program.call("userfieldconfig.add", **CRM, field=colour())["field"]
    assert (made["fieldName"], made["userTypeId"], made["multiple"]) == ("UF_COLOUR", "enumeration", "Y")
    assert [one["value"] for one in made["enum"]] == ["Red", "White"]
    assert made["languageId"] == {"en": "en", "ru": "ru"}
    assert set(made["editFormLabel"]) == {"en", "ru"}
    program.call("userfieldconfig.add", **CRM, field=colour(entityId="CRM_LEAD", userTypeId="string"))
    both = program.call(
        "userfieldconfig.list", **CRM, select={"0": "*", "language": "ru"}, order={"id": "ASC"}
    )
    assert [one["entityId"] for one in both["fields"]] == ["CRM_DEAL", "CRM_LEAD"]
    (one,) = program.call("userfieldconfig.list", **CRM, filter={"entityId": "CRM_DEAL"})["fields"]
    assert one["id"] == made["id"]
    field = {"mandatory": "Y", "enum": [*({**kept} for kept in made["enum"]), {"value": "Blue"}]}
    changed = program.call("userfieldconfig.update", **CRM, id=made["id"], field=field)["field"]
    assert changed["mandatory"] == "Y"
    assert [one["value"] for one in changed["enum"]] == ["Red", "White", "Blue"]
    assert program.call("userfieldconfig.get", **CRM, id=made["id"])["field"] == changed
    assert program.call("userfieldconfig.delete", **CRM, id=made["id"]) is None
    assert program.error("userfieldconfig.get", **CRM, id=made["id"]) == (400, "ERROR_NOT_FOUND")
    types = program.call("userfieldconfig.getTypes", **CRM)["types"]
    assert types["money"]["userTypeId"] == "money"


def test_only_who_decides_about_fields_may(olga: User, anna: User) -> None:
    made = program_of(olga).call("userfieldconfig.add", **CRM, field=colour())["field"]
    program = program_of(anna)
    for method, given in (
        ("list", {}),
        ("get", {"id": made["id"]}),
        ("add", {"field": colour(fieldName="UF_OTHER")}),
        ("update", {"id": made["id"], "field": {"mandatory": "Y"}}),
        ("delete", {"id": made["id"]}),
    ):
        assert program.error(f"userfieldconfig.{method}", **CRM, **given) == (403, "ACCESS_DENIED"), method
    without = (403, "insufficient_scope")
    assert program_of(olga, "userfieldconfig").error("userfieldconfig.list", **CRM) == without
    assert program_of(olga, "crm").error("userfieldconfig.list", **CRM) == without
    assert Field.objects.filter(archived_at=None).count() == 1


def test_what_is_wrong_is_said(olga: User) -> None:
    program = program_of(olga)
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("list", {"moduleId": "tasks"}),
        ("list", {**CRM, "filter": {"entityId": "CRM_7"}}),
        ("add", {**CRM, "field": colour(entityId="CRM_SHIP")}),
        ("add", {**CRM, "field": colour(userTypeId="iblock_element")}),
        ("add", {**CRM, "field": colour(fieldName="")}),
    )
    for method, given in wrong:
        assert program.error(f"userfieldconfig.{method}", **given) == (400, "ERROR_ARGUMENT"), given
    assert not Field.objects.exists()
