"""Fields are added, ordered, renamed, retired: what is refused, and what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.fields import actions
from box.core.fields.actions import FieldDraft, add_field, archive_field, change_field, restore_field
from box.core.fields.models import Field
from tests.box.core.fields import THINGS, thing_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (FieldDraft("Town"), "of this name already"),
        (FieldDraft("Size", "choice"), "one a line"),
        (FieldDraft("Size", "choice", choices=("a;b",)), "no semicolon"),
        (FieldDraft("Size", "choice", choices=("x" * 101,)), "100 characters"),
        (FieldDraft("Sum", "money", currency="rubles"), "Three letters"),
        (FieldDraft("Deal", "reference", target="no.such"), "points at"),
        (FieldDraft("Code", code="NAME"), "begins with UF_"),
        (FieldDraft("Code", code="UF_TOWN"), "for programs already"),
        (FieldDraft("x" * 61), "60 characters"),
        (FieldDraft("Odd", "no-kind"), "no-kind"),
    ],
)
def test_a_field_that_cannot_be_is_refused_and_nothing_is_added(
    draft: FieldDraft, said: str, olga: User
) -> None:
    thing_field("town", by=olga, code="UF_TOWN")
    with pytest.raises((ValidationError, KeyError), match=said):
        add_field(THINGS, draft, by=olga)
    assert Field.objects.count() == 1


def test_the_hundredth_field_is_the_last(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_FIELDS", 2)
    thing_field("One", by=olga)
    second = thing_field("Two", by=olga)
    with pytest.raises(ValidationError, match="2 such fields"):
        thing_field("Three", by=olga)
    archive_field(second, by=olga)
    thing_field("Three", by=olga)
    with pytest.raises(ValidationError, match="2 such fields"):
        restore_field(second, by=olga)


def test_programs_know_a_field_by_a_name_that_stays(olga: User) -> None:
    own, given = thing_field("Town", by=olga), thing_field("Size", by=olga, code="uf_size")
    assert (own.code, given.code) == (f"UF_{own.pk}", "UF_SIZE")
    change_field(given, FieldDraft("Length", code="UF_OTHER"), by=olga)
    assert Field.objects.get(pk=given.pk).code == "UF_SIZE"


def test_a_kind_that_knows_one_value_only_has_one(olga: User) -> None:
    assert thing_field("Done", "yes_no", by=olga, is_several=True).is_several is False
    assert thing_field("Tags", by=olga, is_several=True).is_several is True


def test_the_log_tells_of_every_change(olga: User) -> None:
    town = thing_field("Town", by=olga)
    change_field(town, FieldDraft("City"), by=olga)
    archive_field(town, by=olga)
    archive_field(town, by=olga)
    deliver_all()
    kinds = (
        AuditRecord.objects.filter(kind__startswith="fields.").order_by("id").values_list("kind", flat=True)
    )
    assert list(kinds) == ["fields.added", "fields.changed", "fields.archived"]


def test_an_administrator_defines_fields_of_any_set(as_person: Browser, olga: User, anna: User) -> None:
    browser = as_person(olga)
    assert "Fields of things" in browser.get("/console/settings/fields/").content.decode()
    sent: dict[str, Any] = {
        "name": "Budget",
        "kind": "money",
        "currency": "eur",
        "is_required": "on",
        "nonce": str(uuid4()),
    }
    for _again in range(2):
        answer = browser.post("/console/settings/fields/test.thing/", sent)
        assert answer.status_code == 302
    budget = Field.objects.get()
    assert (budget.kind, budget.currency, budget.is_required) == ("money", "EUR", True)
    page = browser.get("/console/settings/fields/test.thing/").content.decode()
    assert "1500.50 EUR" in page, "the form as people will see it"
    assert "Seen by" not in page, "a set without such rights asks for none"
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"))
    small = size.options[0]
    changed = {
        "name": "Size",
        "choices": "M\nS",
        f"choice-{small.pk}": "Small",
        f"choice-{size.options[1].pk}": "M",
    }
    assert browser.post(f"/console/settings/fields/{size.pk}/", changed).status_code == 302
    names = Field.objects.in_order().get(pk=size.pk).options
    assert [one.name for one in names] == ["M", "Small"]
    assert as_person(anna).get("/console/settings/fields/test.thing/").status_code == 404
    assert browser.get("/console/settings/fields/no.such/").status_code == 404
