"""Programs set up stages and sources: as whoever sets up the CRM, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from box.apps.crm.actions.setup import add_pipeline
from box.apps.crm.models import RecordType, Source, Stage
from tests.box.rest.calling import Program, program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def names(program: Program, entity: str) -> list[str]:
    return [one["NAME"] for one in program.call("crm.status.list", filter={"ENTITY_ID": entity})]


def add(program: Program, **fields: Any) -> Any:
    return program.call("crm.status.add", fields=fields)


def test_a_stage_is_added_where_it_belongs_and_changed(olga: User) -> None:
    program = program_of(olga, "crm")
    pipeline = add_pipeline(RecordType.objects.get(slug="deal"), "Wholesale", by=olga)
    entity = f"DEAL_STAGE_{pipeline.pk}"
    before = names(program, entity)
    pk = add(program, ENTITY_ID=entity, STATUS_ID=f"C{pipeline.pk}:MEASURED", NAME="Measured", SORT=15,
             COLOR="#123ABC")  # fmt: skip
    assert names(program, entity) == [before[0], "Measured", *before[1:]]
    row = program.call("crm.status.get", id=pk)
    assert (row["STATUS_ID"], row["COLOR"]) == (f"C{pipeline.pk}:MEASURED", "#123abc")
    lost = add(program, ENTITY_ID=entity, NAME="Too dear", EXTRA={"SEMANTICS": "failure"}, SORT=1)
    assert program.call("crm.status.get", id=lost)["SEMANTICS"] == "F"
    # What is lost stands behind what is won, however small its SORT is; among its like it comes first.
    assert names(program, entity)[-2] == "Too dear"
    assert program.call("crm.status.update", id=pk, fields={"NAME": "Weighed", "SORT": 1}) is True
    assert names(program, entity)[0] == "Weighed"
    assert Stage.objects.get(pk=pk).color == "#123abc"
    deal = program.call("crm.deal.add", fields={"TITLE": "A", "STAGE_ID": f"C{pipeline.pk}:MEASURED"})
    assert program.error("crm.status.delete", id=pk, params={"FORCED": "Y"}) == (400, "ERROR_ARGUMENT")
    program.call("crm.deal.delete", id=deal)
    assert program.call("crm.status.delete", id=pk) is True
    assert "Weighed" not in names(program, entity)
    assert program.error("crm.status.update", id=pk, fields={"NAME": "X"}) == (400, "ERROR_NOT_FOUND")


def test_a_source_is_added_moved_and_retired(olga: User) -> None:
    program = program_of(olga, "crm")
    pk = add(program, ENTITY_ID="SOURCE", STATUS_ID="FAIR", NAME="Fair", SORT=5)
    assert names(program, "SOURCE")[0] == "Fair"
    program.call("crm.status.update", id=pk, fields={"NAME": "Congress", "SORT": 10_000})
    assert names(program, "SOURCE")[-1] == "Congress"
    assert program.call("crm.status.delete", id=pk) is True
    assert "Congress" not in names(program, "SOURCE")
    assert Source.objects.exclude(retired_at=None).count() == 1


def test_who_does_not_set_up_the_crm_changes_none(olga: User, anna: User) -> None:
    program, before = program_of(anna, "crm"), Stage.objects.count()
    pk = Stage.objects.order_by("pk")[0].pk
    new = {"ENTITY_ID": "DEAL_STAGE", "NAME": "Mine"}
    for method, given in (
        ("add", {"fields": new}), ("update", {"id": pk, "fields": {"NAME": "Mine"}}), ("delete", {"id": pk}),
    ):  # fmt: skip
        assert program.error(f"crm.status.{method}", **given) == (403, "ACCESS_DENIED")
    assert Stage.objects.count() == before
    assert not Stage.objects.filter(name="Mine").exists()


def test_what_is_wrong_is_said_and_nothing_is_added(olga: User) -> None:
    program, before = program_of(olga, "crm"), Stage.objects.count()
    whole = {"ENTITY_ID": "DEAL_STAGE", "NAME": "Measured"}
    for wrong in (
        {"ENTITY_ID": "NOWHERE"}, {"NAME": " "}, {"NAME": "x" * 101}, {"COLOR": "red"}, {"SORT": "soon"},
        {"SEMANTICS": "X"}, {"SEMANTICS": "S"}, {"STATUS_ID": "новая"}, {"STATUS_ID": "NEW"},
        {"STATUS_ID": "X" * 31},
    ):  # fmt: skip
        answer = program.ask("crm.status.add", fields={**whole, **wrong})
        assert (answer.status_code, answer.json().get("error")) == (400, "ERROR_ARGUMENT"), wrong
    for pk in ("0", "S0", "x", "999999"):
        assert program.error("crm.status.delete", id=pk) == (400, "ERROR_NOT_FOUND")
    assert Stage.objects.count() == before
