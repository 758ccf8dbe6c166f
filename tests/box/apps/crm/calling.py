"""Calling every method of the CRM as a program does."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.dictionaries import ProductDraft, save_product
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Activity, Product, Record, Unit, VatRate
from box.apps.crm.permissions import Level
from box.core.access.actions import create_role, grant_role
from box.core.discussion.actions import add_comment
from tests.box.apps.crm.conftest import added, allow, type_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

TYPES = {"lead": 1, "deal": 2, "contact": 3, "company": 4, "quote": 7}
PRICED = ("lead", "deal", "quote")


def in_the_crm(person: User) -> dict[str, dict[str, Any]]:
    """What each method is asked with, for somebody who may do everything in the CRM."""
    role = create_role("Sellers", ["crm.administer"], by=None)
    grant_role(role, f"U{person.pk}", by=None)
    for pk in TYPES.values():
        allow(role, f"t{pk}", Level.ALL)
    given: dict[str, dict[str, Any]] = {}
    rose = added("contact", person, first_name="Rose")
    for name in TYPES:
        one, gone = (_record(name, person, rose) for _twice in range(2))
        for verb in ("get", "update"):
            given[f"crm.{name}.{verb}"] = {"id": one.pk, "fields": {"COMMENTS": "x"}}
        given[f"crm.{name}.delete"] = {"id": gone.pk}
        given[f"crm.{name}.add"] = {"fields": {"TITLE": "x", "NAME": "x"}}
        given[f"crm.{name}.list"] = {"filter": {"ID": one.pk}, "select": ["*", "CONTACT_IDS", "PHONE"]}
    table = LineDraft(name="Table", price=Decimal(10))
    for name in PRICED:
        pk = given[f"crm.{name}.get"]["id"]
        set_lines(Record.objects.get(pk=pk), [table], follows=True, by=None)
        sent = {"id": pk, "rows": [{"PRODUCT_NAME": "Table", "PRICE": 10}]}
        given |= {f"crm.{name}.productrows.{verb}": sent for verb in ("get", "set")}
    deal, gone = (_record("deal", person, rose) for _twice in range(2))
    given["crm.item.list"] = {"filter": {"id": deal.pk}}
    for verb in ("get", "update", "add", "fields", "list"):
        given.setdefault(f"crm.item.{verb}", {}).update(
            {"entityTypeId": 2, "id": deal.pk, "fields": {"title": "x", "contactId": rose.pk}}
        )
    owner = {"ownerType": "D", "ownerId": deal.pk}
    given["crm.item.productrow.set"] = {**owner, "productRows": [{"productName": "Table", "price": 10}]}
    given["crm.item.productrow.list"] = {"filter": owner}
    set_lines(deal, [table], follows=True, by=None)
    given["crm.deal.contact.items.get"] = {"id": deal.pk}
    given["crm.item.delete"] = {"entityTypeId": 2, "id": gone.pk}
    empty = add_pipeline(type_of("deal"), "Empty", by=None)
    for verb in ("list", "get", "add", "update"):
        given[f"crm.category.{verb}"] = {"entityTypeId": 2, "id": 0, "fields": {"name": f"A {verb}"}}
    given["crm.category.delete"] = {"entityTypeId": 2, "id": empty.pk}
    given["crm.status.entity.items"] = {"entityId": "SOURCE"}
    first = type_of("deal").pipelines.standing().in_order()[0]
    spare, over = (add_stage(first, name, by=None) for name in ("Spare", "Over"))
    for verb in ("get", "update"):
        given[f"crm.status.{verb}"] = {"id": str(spare.pk), "fields": {"NAME": "Spare one"}}
    given["crm.status.add"] = {"fields": {"ENTITY_ID": "SOURCE", "NAME": "A neighbour"}}
    given["crm.status.delete"] = {"id": str(over.pk)}
    chair = _product("Chair")
    for verb in ("get", "update"):
        given[f"crm.product.{verb}"] = {"id": chair.pk, "fields": {"NAME": "Stool"}}
    given["crm.product.add"] = {"fields": {"NAME": "Lamp"}}
    given["crm.product.delete"] = {"id": _product("Table").pk}
    step, other = (_activity(deal, person) for _twice in range(2))
    for verb in ("get", "update"):
        given[f"crm.activity.{verb}"] = {"id": step.pk, "fields": {"COMPLETED": "Y"}}
    given["crm.activity.delete"] = {"id": other.pk}
    given["crm.activity.add"] = {"fields": {"OWNER_ID": deal.pk, "OWNER_TYPE_ID": 2, "TYPE_ID": 2}}
    said, gone_too = (add_comment(deal.thread, "Oak", by=person) for _twice in range(2))
    on = {"ENTITY_ID": deal.pk, "ENTITY_TYPE": "deal"}
    for verb in ("get", "update", "add"):
        given[f"crm.timeline.comment.{verb}"] = {"id": said.pk, "fields": {**on, "COMMENT": "Ash"}}
    given["crm.timeline.comment.list"] = {"filter": on}
    given["crm.timeline.comment.delete"] = {"id": gone_too.pk}
    given["crm.duplicate.findbycomm"] = {"type": "PHONE", "values": ["+79161234567"]}
    return given


def _record(name: str, person: User, contact: Record) -> Record:
    reached = {} if name == "deal" else {"reached_by": [Reach("phone", "+79161234567")]}
    client = {} if name == "contact" else {"contact": contact}
    return added(name, person, f"A {name}", first_name="Rose", **reached, **client)


def _product(name: str) -> Product:
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)
    return save_product(None, ProductDraft(name=name, unit=unit, vat=vat), by=None)


def _activity(record: Record, person: User) -> Activity:
    new = NewActivity(kind="call", subject="Call Rose", responsible=person)
    return add_activity(new, [record], by=None)
