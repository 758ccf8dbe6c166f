"""Fields are added, ordered, renamed, retired: what is refused, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.fields import actions
from box.core.fields.actions import FieldDraft, add_field, archive_field, change_field, restore_field
from box.core.fields.models import Field
from box.core.fields.sets import FieldSet, field_sets
from box.core.registry.settings import read_version
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
        (FieldDraft("Size", "choice", choices=("S", "a;b")), "no semicolon"),
        (FieldDraft("Size", "choice", choices=("S", "x" * 101)), "100 characters"),
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
    own, given = thing_field("Town", by=olga), thing_field("Size", by=olga, code=" uf_size ")
    own.refresh_from_db()
    assert (own.code, given.code) == (f"UF_{own.pk}", "UF_SIZE")
    change_field(given, FieldDraft("Length", code="UF_OTHER"), by=olga)
    assert Field.objects.get(pk=given.pk).code == "UF_SIZE"


def test_a_kind_that_knows_one_value_only_has_one(olga: User) -> None:
    assert thing_field("Done", "yes_no", by=olga, is_several=True).is_several is False
    assert thing_field("Tags", by=olga, is_several=True).is_several is True


def test_only_what_points_at_something_says_at_what(olga: User) -> None:
    assert thing_field("Boss", "reference", by=olga, target="org.person").target == "org.person"
    assert thing_field("Town", by=olga, target="org.person").target == ""


def test_a_currency_is_written_as_banks_write_it(olga: User) -> None:
    assert thing_field("Budget", "money", by=olga, currency=" eur ").currency == "EUR"


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> FieldSet:
    """Another set, which knows who reads a field and who fills it in."""
    words = {"all": "everybody", "few": "only some"}
    made = FieldSet("test.other", "Fields of others", readers=words, writers=words)
    monkeypatch.setitem(field_sets._offers, made.key, made)
    return made


def test_a_field_is_what_was_written_of_it_and_then_what_was_written_last(
    others: FieldSet, olga: User
) -> None:
    def said() -> tuple[object, ...]:
        one = Field.objects.get()
        return one.name, one.help, one.is_required, one.readers, one.writers

    draft = FieldDraft(
        " Home  town ", help=" As in  the passport", is_required=True, readers="few", writers="few"
    )
    made = add_field(others, draft, by=olga)
    assert said() == ("Home town", "As in the passport", True, "few", "few")
    change_field(made, FieldDraft("Town", readers="no-such"), by=olga)
    assert said() == ("Town", "", False, "all", "all"), (
        "the usual word in place of none, or of an unknown one"
    )


def test_fields_of_one_set_are_nothing_to_another(
    others: FieldSet, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither their names nor how many there are, nor in which order they stand."""
    monkeypatch.setattr(actions, "MOST_FIELDS", 2)
    for of in (others, THINGS):
        town, size = (
            add_field(of, FieldDraft(name, code=f"UF_{name}"), by=olga) for name in ("Town", "Size")
        )
    archive_field(size, by=olga)
    restore_field(size, by=olga)
    actions.move_field(town, 1, by=olga)
    assert names() == ["Size", "Town"]
    assert [one.name for one in Field.objects.of(others.key).in_order()] == ["Town", "Size"]


def test_whoever_knows_the_fields_reads_them_anew_after_a_change(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    things = replace(THINGS, changed=lambda: told.append("anew"))
    monkeypatch.setitem(field_sets._offers, things.key, things)
    versions = [read_version()]
    town = add_field(things, FieldDraft("Town"), by=olga)
    versions.append(read_version())
    archive_field(town, by=olga)
    versions.append(read_version())
    assert versions == sorted(set(versions))
    assert told == ["anew"] * 2


def test_what_was_moved_meanwhile_stays_where_it_went(olga: User) -> None:
    first = thing_field("One", by=olga)
    thing_field("Two", by=olga)
    read_before = Field.objects.get(pk=first.pk)
    actions.move_field(first, 1, by=olga)
    change_field(read_before, FieldDraft("First"), by=olga)
    assert names() == ["Two", "First"]


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


def names() -> list[str]:
    return [one.name for one in Field.objects.of(THINGS.key).standing().in_order()]


def test_fields_are_put_in_order_and_none_goes_beyond_the_end(olga: User) -> None:
    first, second, third = (thing_field(name, by=olga) for name in ("One", "Two", "Three"))
    actions.move_field(third, -1, by=olga)
    assert names() == ["One", "Three", "Two"]
    actions.move_field(first, 9, by=olga)
    assert names() == ["Three", "Two", "One"]
    actions.move_field(second, -9, by=olga)
    assert names() == ["Two", "Three", "One"]
    moved = Event.objects.filter(kind="fields.FieldChanged", payload__change="moved")
    assert list(moved.order_by("id").values_list("payload__field_id", flat=True)) == [
        third.pk,
        first.pk,
        second.pk,
    ]
    archive_field(third, by=olga)
    told = Event.objects.filter(kind="fields.FieldChanged").count()
    # What is not shown has no place, and what is brought back stands last.
    actions.move_field(third, -1, by=olga)
    assert Event.objects.filter(kind="fields.FieldChanged").count() == told
    assert names() == ["Two", "One"]
    thing_field("Four", by=olga)
    restore_field(third, by=olga)
    assert names() == ["Two", "One", "Four", "Three"]


def test_a_name_is_free_again_once_its_field_is_archived(olga: User) -> None:
    town = thing_field("Town", by=olga)
    # It is called so itself.
    change_field(town, FieldDraft("TOWN"), by=olga)
    archive_field(town, by=olga)
    other = thing_field("town", by=olga)
    change_field(town, FieldDraft("Town"), by=olga)
    with pytest.raises(ValidationError, match="rename that one first"):
        restore_field(town, by=olga)
    archive_field(other, by=olga)
    restore_field(town, by=olga)
    restore_field(town, by=olga)
    assert names() == ["Town"]
    kinds = Event.objects.filter(kind="fields.FieldChanged", payload__change="restored")
    assert kinds.count() == 1


def test_a_choice_stands_once_where_it_was_first_and_so_long_as_it_may_be(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_CHOICES", 3)
    size = thing_field("Size", "choice", by=olga, choices=("s", "M", "S", "x" * 100, " m "))
    assert [one.name for one in size.options] == ["s", "M", "x" * 100]
    with pytest.raises(ValidationError, match="3 choices at most"):
        thing_field("Sizes", "choice", by=olga, choices=("a", "b", "c", "d"))


def test_a_choice_that_is_left_out_is_retired_and_is_itself_again_once_it_is_back(olga: User) -> None:
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"))
    small, middle = size.options
    change_field(size, FieldDraft("Size", choices=("M", "L")), by=olga)
    assert [(one.name, one.is_retired) for one in size.choices.order_by("pk")] == [
        ("S", True), ("M", False), ("L", False)
    ]  # fmt: skip
    change_field(size, FieldDraft("Size", choices=("small", "M"), renamed={small.pk: " small "}), by=olga)
    small.refresh_from_db()
    assert (small.name, small.is_retired, small.place) == ("small", False, 1)
    with pytest.raises(ValidationError, match="the same name"):
        change_field(size, FieldDraft("Size", choices=("M",), renamed={small.pk: "m"}), by=olga)
    # Nothing is called nothing, and nobody renames what is another field's.
    other = thing_field("Colour", "choice", by=olga, choices=("red",)).options[0]
    change_field(
        size, FieldDraft("Size", choices=("M",), renamed={middle.pk: " ", other.pk: "blue"}), by=olga
    )
    middle.refresh_from_db()
    other.refresh_from_db()
    assert (middle.name, other.name) == ("M", "red")


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


def test_choices_hand_their_names_on(olga: User) -> None:
    size = thing_field("Size", "choice", by=olga, choices=("Low", "High"))
    low, high = size.options
    of_another = thing_field("Colour", "choice", by=olga, choices=("Red",)).options[0]
    renamed = {low.pk: "High", high.pk: "Low", of_another.pk: "Blue"}
    change_field(size, FieldDraft("Size", choices=("Low", "High", "Top"), renamed=renamed), by=olga)
    assert [(one.pk, one.name) for one in size.options[:2]] == [(high.pk, "Low"), (low.pk, "High")]
    renamed = {high.pk: "High", low.pk: "Top", size.options[2].pk: "Beyond"}
    change_field(size, FieldDraft("Size", choices=("High", "Top", "Beyond"), renamed=renamed), by=olga)
    assert [one.name for one in size.options] == ["High", "Top", "Beyond"]
    of_another.refresh_from_db()
    assert of_another.name == "Red"


def test_what_was_archived_meanwhile_stays_in_the_archive(olga: User) -> None:
    town = thing_field("Town", by=olga)
    read_before = Field.objects.get(pk=town.pk)
    archive_field(town, by=olga)
    change_field(read_before, FieldDraft("City"), by=olga)
    town.refresh_from_db()
    assert (town.name, town.archived_at is None) == ("City", False)
