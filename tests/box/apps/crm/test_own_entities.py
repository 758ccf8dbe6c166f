"""What a company follows beside deals has fields of its own: on its card, in its list, for programs."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.access import IMPORT
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.setup import add_type, change_type, retire_type
from box.apps.crm.custom_fields import set_of
from box.apps.crm.field_rights import give
from box.apps.crm.models import Record, RecordType
from box.apps.crm.permissions import Level
from box.core.access.actions import create_role, employees_role, grant_role
from box.core.access.field_rights import FieldLevel
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.models import Field
from box.core.fields.values import values_of
from box.core.imports import jobs
from box.core.imports.actions import begin_import, start_import, start_undo
from box.core.imports.importers import importer_at
from tests.box.apps.crm.conftest import added, allow

if TYPE_CHECKING:
    from django.test import Client

    from box.core.imports.models import ImportRun

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]


@pytest.fixture
def flats() -> RecordType:
    made = add_type("flat", "Flats", has_stages=True, has_client=True, has_amount=False, by=None)
    allow(employees_role(), made.scope, Level.OWN)
    return made


@pytest.fixture
def area(flats: RecordType, olga: User) -> Field:
    return add_field(set_of(flats.pk), FieldDraft("Area", Field.Kind.NUMBER), by=olga)


def test_an_administrator_defines_them_on_the_page_of_all_fields(
    as_person: Browser, olga: User, anna: User, flats: RecordType
) -> None:
    console = as_person(olga)
    assert "Fields: Flats" in console.get("/console/settings/fields/").content.decode()
    page = f"/console/settings/fields/crm.t{flats.pk}/"
    assert f'href="{page}"' in console.get("/crm/settings/fields/").content.decode()
    sent = {"name": "Area", "kind": "number", "nonce": str(uuid4())}
    assert console.post(page, sent).status_code == 302
    assert [one.name for one in set_of(flats.pk).fields] == ["Area"]
    assert as_person(anna).get(page).status_code == 404
    assert console.get("/console/settings/fields/crm.t99999/").status_code == 404
    # What is out of use keeps its fields, and somebody may look at them.
    retire_type(flats, True, by=olga)
    assert console.get(page).status_code == 200


def test_they_are_filled_in_on_the_card_and_found_in_the_list(
    as_person: Browser, anna: User, flats: RecordType, area: Field
) -> None:
    small, large = (added(flats.slug, anna, name) for name in ("Small", "Large"))
    set_values(large, {area: [Decimal(90)]}, by=anna)
    browser = as_person(anna)
    sent = browser.post(f"{small.get_absolute_url()}facts/own/", {area.key: "35"})
    assert sent.status_code in {200, 302}
    card = browser.get(small.get_absolute_url()).content.decode()
    facts = card.partition('id="crm-facts"')[2].partition("</aside>")[0]
    assert "Area" in facts
    assert "35" in facts

    def listed(**query: Any) -> list[bool]:
        page = browser.get(f"/crm/{flats.slug}/", query).content.decode()
        return [name in page for name in ("Small", "Large")]

    assert listed(**{f"{area.key}.from": "50"}) == [False, True]
    page = browser.get(f"/crm/{flats.slug}/", {"sort": f"-{area.key}"}).content.decode()
    assert page.index("Large") < page.index("Small")


def test_who_may_not_see_one_of_them_does_not(
    as_person: Browser, anna: User, flats: RecordType, area: Field
) -> None:
    flat = added(flats.slug, anna, "Small")
    set_values(flat, {area: [Decimal(35)]}, by=None)
    give(employees_role(), flats, area.key, FieldLevel.HIDDEN, by=None)
    browser = as_person(anna)
    assert "Area" not in browser.get(flat.get_absolute_url()).content.decode()
    assert "Area" not in browser.get(f"/crm/{flats.slug}/").content.decode()
    assert browser.post(f"{flat.get_absolute_url()}facts/own/", {area.key: "1"}).status_code in {403, 404}


def test_two_entities_share_none(flats: RecordType, area: Field) -> None:
    other = add_type("hall", "Halls", has_stages=False, has_client=False, has_amount=False, by=None)
    assert set_of(flats.pk).fields == (area,)
    assert set_of(other.pk).fields == ()


def test_what_an_entity_could_not_be_called_is_refused_and_only_the_one_that_was_meant_goes(
    flats: RecordType, olga: User
) -> None:
    for name, plural in (("x" * 101, "Halls"), ("hall", "x" * 101)):
        with pytest.raises(ValidationError, match="at most 100 characters"):
            add_type(name, plural, has_stages=False, has_client=False, has_amount=False, by=olga)
        with pytest.raises(ValidationError, match="at most 100 characters"):
            change_type(flats, name, plural, by=olga)
    flats.refresh_from_db()
    assert (flats.name, flats.plural) == ("flat", "Flats")
    retire_type(flats, True, by=olga)
    assert list(RecordType.objects.exclude(retired_at=None)) == [flats]


# Tables


TABLE = "Title,Company,Stage,Area"


def importing(key: str, *rows: str, by: User) -> ImportRun:
    importer = importer_at(key)
    assert importer is not None
    run = begin_import(importer, io.BytesIO("\n".join([TABLE, *rows]).encode()), "a.csv", by=by)
    usual = [one.key for one in importer.options if one.is_usual]
    start_import(run, run.columns, duplicates=importer.duplicates[0], options=usual, by=by)
    jobs.import_once(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.usefixtures("store")
def test_a_table_becomes_a_companys_own_entities_and_can_be_taken_back(
    as_person: Browser, anna: User, boris: User, flats: RecordType, area: Field
) -> None:
    role = create_role("Importers", [IMPORT], by=None)
    grant_role(role, code_of(anna), by=None)
    allow(employees_role(), "t4", Level.OWN)
    me, key = User.objects.get(pk=anna.pk), f"crm.t{flats.pk}"
    assert f'href="/imports/{key}/"' in as_person(me).get(f"/crm/{flats.slug}/").content.decode()
    assert "/imports/" not in as_person(boris).get(f"/crm/{flats.slug}/").content.decode()
    assert as_person(boris).get(f"/imports/{key}/").status_code == 403
    assert as_person(me).get(f"/imports/{key}/").status_code == 200
    # A stage that there is not refuses its row, and no other.
    run = importing(key, "Attic,Rose Ltd,,70.5", "Cellar,Rose Ltd,Nowhere,9", ",,,1", by=me)
    assert (run.created, run.failed) == (1, 2)
    (attic,) = Record.objects.of_type(flats.pk)
    assert (attic.title, attic.company.title if attic.company else "") == ("Attic", "Rose Ltd")
    assert values_of([area], attic.pk) == {area: (Decimal("70.5"),)}
    start_undo(run, by=me)
    jobs.import_once(run.pk)
    assert not Record.objects.there().of_type(flats.pk).exists()


def test_what_is_out_of_use_and_what_never_was_takes_no_table(
    as_person: Browser, olga: User, flats: RecordType
) -> None:
    console, page = as_person(olga), f"/imports/crm.t{flats.pk}/"
    assert console.get(page).status_code == 200
    retire_type(flats, True, by=olga)
    assert console.get(page).status_code == 403
    for key in ("crm.t2", "crm.t99999", "crm.flat", "crm.tx", "crm.t" + "9" * 30, "crm.t01030"):
        assert console.get(f"/imports/{key}/").status_code == 404
