"""Values of objects: written, read for many at once, shown to whom they may be, and forgotten."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from box.core.accounts.actions import dismiss_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.fields.actions import FieldDraft, archive_field, change_field
from box.core.fields.forms import FieldsForm
from box.core.fields.models import Field, Value
from box.core.fields.values import (
    finder,
    forget_values,
    rows_of,
    shown_of,
    values_of,
    values_of_many,
    words_of,
    write_many,
    write_values,
)
from box.core.files.models import Blob, File
from box.core.people.merging import merge_people
from box.core.registry.belongings import going
from tests.box.core.fields import THINGS, thing_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db
Kind = Field.Kind


def sent(**values: str | list[str]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name.replace("_", "-"), value if isinstance(value, list) else [value])
    return data


def test_what_was_written_is_read_field_by_field(olga: User) -> None:
    town, budget = thing_field("Town", by=olga), thing_field("Budget", "number", by=olga)
    changes = write_values(THINGS, 1, {town: ("Tver",), budget: (Decimal(5),)})
    assert [(one.field, one.before, one.after) for one in changes] == [
        (town, (), ("Tver",)),
        (budget, (), (Decimal(5),)),
    ]
    assert values_of(THINGS, 1) == {town: ("Tver",), budget: (Decimal(5),)}
    assert values_of(THINGS, 2) == {}


def test_what_is_the_same_is_no_change_and_nothing_takes_away(olga: User) -> None:
    town = thing_field("Town", by=olga)
    write_values(THINGS, 1, {town: ("Tver",)})
    assert write_values(THINGS, 1, {town: ("Tver",)}) == []
    (change,) = write_values(THINGS, 1, {town: ()})
    assert change.told() == ("Tver", "")
    assert not Value.objects.exists()


def test_fewer_values_than_before_leave_none_of_the_old(olga: User) -> None:
    tags = thing_field("Tags", by=olga, is_several=True)
    write_values(THINGS, 1, {tags: ("a", "b", "c")})
    write_values(THINGS, 1, {tags: ("c",)})
    assert values_of(THINGS, 1) == {tags: ("c",)}


def test_a_field_of_another_set_is_no_field_of_this(olga: User) -> None:
    town = thing_field("Town", by=olga)
    town.set_key = "other"
    with pytest.raises(ValueError, match="Town"):
        write_values(THINGS, 1, {town: ("Tver",)})


def test_many_objects_cost_as_much_as_one(olga: User) -> None:
    fields = [thing_field(f"Field {number}", by=olga) for number in range(5)]

    def asked(count: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            write_many(THINGS, {pk: dict.fromkeys(fields, (f"{pk}",)) for pk in range(1, count + 1)})
            shown_of(THINGS, range(1, count + 1), reader=olga)
        return len(queries)

    asked(1)
    assert asked(2) == asked(300) <= 8


def test_an_archived_field_is_no_more_shown_and_its_values_are_kept(olga: User) -> None:
    town = thing_field("Town", by=olga)
    write_values(THINGS, 1, {town: ("Tver",)})
    archive_field(town, by=olga)
    assert values_of(THINGS, 1) == {}
    assert [row.text for row in rows_of(THINGS, [1])] == ["Tver"]


def test_words_are_what_objects_are_found_by(olga: User) -> None:
    town, budget = thing_field("Town", by=olga), thing_field("Budget", "number", by=olga)
    size = thing_field("Size", "choice", by=olga, choices=("Small", "Large"))
    large = size.options[1].pk
    write_values(THINGS, 1, {town: ("Tver",), budget: (Decimal(5),), size: (large,)})
    assert words_of(THINGS, [1]) == {1: "Tver Large"}


def test_people_and_departments_are_chosen_by_name_and_lead_to_their_pages(
    anna: User, boris: User, olga: User, erik: User, sales: Department
) -> None:
    head, of = thing_field("Head", "person", by=olga), thing_field("Of", "department", by=olga)
    form = FieldsForm([head, of], sent(**{head.key: anna.name, of.key: sales.name}), by=boris)
    assert form.is_valid(), form.errors
    write_values(THINGS, 1, form.values)
    (person, department) = shown_of(THINGS, [1], reader=boris)[1]
    assert (person.text, person.values[0].url) == (anna.name, f"/employees/{anna.pk}/")
    assert department.text == sales.name
    assert [one.text for one in shown_of(THINGS, [1], reader=erik)[1]] == ["hidden", "hidden"]


def test_whoever_has_the_name_of_another_is_chosen_by_number(anna: User, boris: User, olga: User) -> None:
    User.objects.filter(pk=boris.pk).update(first_name=anna.first_name, last_name=anna.last_name)
    with pytest.raises(ValidationError, match=f"#{anna.pk}|#{boris.pk}"):
        finder(olga)("org.person", anna.name)
    assert finder(olga)("org.person", f"{anna.name} #{boris.pk}") == boris.pk
    with pytest.raises(ValueError, match="99999"):
        finder(olga)("org.person", "Anna #99999")


def test_a_guest_chooses_nobody_whom_they_do_not_see(anna: User, erik: User) -> None:
    with pytest.raises(ValueError, match=str(anna.pk)):
        finder(erik)("org.person", f"Anna #{anna.pk}")
    with pytest.raises(ValueError, match="Anna"):
        finder(erik)("org.person", anna.name)


def test_a_form_keeps_what_it_was_given_as_it_showed_it(anna: User, olga: User) -> None:
    head, when = thing_field("Head", "person", by=olga), thing_field("When", "moment", by=olga)
    write_values(
        THINGS,
        1,
        {
            head: (anna.pk,),
            when: FieldsForm([when], sent(**{when.key: "2026-01-02T03:04"}), by=olga)
            .fields[when.key]
            .clean(["2026-01-02T03:04"]),
        },
    )
    before = values_of(THINGS, 1)
    User.objects.filter(pk=anna.pk).update(status="dismissed")
    form = FieldsForm([head, when], None, values=before, by=olga)
    given = {key: asked.initial for key, asked in form.fields.items()}
    again = FieldsForm([head, when], sent(**given), values=before, by=olga)
    assert again.is_valid(), again.errors
    assert again.values == before


def test_what_must_be_filled_in_is_asked_for(olga: User) -> None:
    town = thing_field("Town", by=olga, is_required=True)
    assert FieldsForm([town], sent(**{town.key: " "}), by=olga).errors == {
        town.key: ["This field is required."]
    }
    assert FieldsForm([town], sent(**{town.key: "Tver"}), by=olga).is_valid()


def test_what_is_decided_elsewhere_is_shown_and_not_written(olga: User) -> None:
    town = thing_field("Town", by=olga, is_required=True)
    form = FieldsForm(
        [town], sent(**{town.key: "Oslo"}), values={town: ("Tver",)}, by=olga, locked={town.key: "Corp"}
    )
    assert form.is_valid()
    assert form.values == {}
    assert "Kept in Corp" in form.fields[town.key].help_text


def test_every_kind_has_an_input_that_says_its_value(anna: User, olga: User, sales: Department) -> None:
    values: dict[str, Any] = {
        Kind.TEXT: "two words", Kind.LONG: "two lines", Kind.NUMBER: Decimal("5.5"),
        Kind.DATE: date(2026, 1, 2), Kind.LINK: "https://example.com", Kind.EMAIL: "a@b.test",
        Kind.PHONE: "+74951234567",
    }  # fmt: skip
    for kind, value in values.items():
        field = thing_field(f"Of {kind}", kind, by=olga, is_several=True)
        html = str(FieldsForm([field], values={field: (value,)}, by=olga)[field.key])
        assert str(value) in html, kind
        assert f'id="id_{field.key}"' in html or f'for="id_{field.key}"' in html, kind


def test_a_file_becomes_part_of_the_object_with_its_audience(
    anna: User, olga: User, sales: Department
) -> None:
    contract = thing_field("Contract", "file", by=olga)
    blob = Blob.objects.create(key="2026/01/" + "0" * 32, size=1)
    file = File.objects.create(owner=anna, name="a.pdf", blob=blob, audience=[f"U{anna.pk}"])
    strange = File.objects.create(owner=olga, name="b.pdf", blob=blob, audience=[f"U{olga.pk}"])
    form = FieldsForm([contract], sent(**{contract.key: f"#{file.pk}"}), by=anna)
    assert form.is_valid(), form.errors
    write_values(THINGS, 1, form.values, by=anna, audience=[sales.code])
    file.refresh_from_db()
    assert file.attached_at is not None
    assert sales.code in file.audience
    assert file not in File.objects.unreferenced()
    theirs = FieldsForm([contract], sent(**{contract.key: f"#{strange.pk}"}), by=anna)
    assert not theirs.is_valid(), "what one does not see one does not attach"


def test_a_file_that_stands_in_no_field_any_more_goes(anna: User, olga: User) -> None:
    contract = thing_field("Contract", "file", by=olga, is_several=True)
    first, second, third = (uploaded(name, by=anna) for name in ("a.pdf", "b.pdf", "c.pdf"))
    write_values(THINGS, 1, {contract: (first, second)}, by=anna)
    write_values(THINGS, 2, {contract: (second,)})
    write_values(THINGS, 1, {contract: (third,)}, by=anna)
    there = File.objects.filter(pk__in=(first, second, third)).values_list("pk", flat=True)
    assert set(there) == {second, third}, "what another object has too stays"
    forget_values(THINGS, [1, 2])
    assert not there.all()


def test_a_history_names_files_also_those_that_are_gone(anna: User, olga: User) -> None:
    contract = thing_field("Contract", "file", by=olga, is_several=True)
    first, second, third = (uploaded(name, by=anna) for name in ("a.pdf", "b.pdf", "c.pdf"))
    (added,) = write_values(THINGS, 1, {contract: (first, second)}, by=anna)
    assert added.told() == ("", "a.pdf, b.pdf")
    (replaced,) = write_values(THINGS, 1, {contract: (third,)}, by=anna)
    assert not File.objects.filter(pk__in=(first, second)).exists()
    assert replaced.told() == ("a.pdf, b.pdf", "c.pdf")


def uploaded(name: str, *, by: User) -> int:
    blob = Blob.objects.create(key=f"2026/01/{uuid4().hex}", size=1)
    return File.objects.create(owner=by, name=name, blob=blob, audience=[f"U{by.pk}"]).pk


def test_nothing_points_at_somebody_who_is_erased(anna: User, boris: User, olga: User) -> None:
    head = thing_field("Head of it", "person", by=olga, is_several=True)
    write_values(THINGS, 1, {head: (anna.pk, boris.pk)})
    dismiss_user(anna, by=olga)
    assert "Head of it" in [thing for one in going(anna) for thing in one.things]
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    assert values_of(THINGS, 1) == {head: (boris.pk,)}


def test_two_accounts_that_are_one_person_are_one_in_every_field(anna: User, boris: User, olga: User) -> None:
    head = thing_field("Head", "person", by=olga)
    write_values(THINGS, 1, {head: (boris.pk,)})
    merge_people(boris, anna, by=olga)
    assert values_of(THINGS, 1) == {head: (anna.pk,)}


def test_values_of_what_is_deleted_go_with_it_and_no_others(olga: User) -> None:
    town = thing_field("Town", by=olga)
    write_many(THINGS, {1: {town: ("Tver",)}, 2: {town: ("Oslo",)}})
    forget_values(THINGS, [1])
    assert values_of_many(THINGS, [1, 2]) == {2: {town: ("Oslo",)}}


def test_two_of_one_name_stay_two_in_a_form(anna: User, boris: User, olga: User) -> None:
    team = thing_field("Team", "person", by=olga, is_several=True)
    User.objects.filter(pk__in=[anna.pk, boris.pk]).update(first_name="Ivan", last_name="Ivanov")
    write_values(THINGS, 1, {team: (anna.pk, boris.pk)})
    kept = values_of(THINGS, 1)
    shown = FieldsForm([team], values=kept, by=olga)[team.key].initial
    assert shown == [f"Ivan Ivanov #{anna.pk}", f"Ivan Ivanov #{boris.pk}"]
    form = FieldsForm([team], sent(**{team.key: [*shown, ""]}), values=kept, by=olga)
    assert form.is_valid(), form.errors
    assert form.values == kept


def test_two_that_are_hidden_stay_two_in_a_form(
    anna: User, boris: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = thing_field("Team", "person", by=olga, is_several=True)
    write_values(THINGS, 1, {team: (anna.pk, boris.pk)})
    monkeypatch.setattr("box.core.fields.forms.cards_of", lambda values, by: {})
    kept = values_of(THINGS, 1)
    shown = FieldsForm([team], values=kept, by=olga)[team.key].initial
    form = FieldsForm([team], sent(**{team.key: [*shown, ""]}), values=kept, by=olga)
    assert form.is_valid(), form.errors
    assert form.values == kept


def test_a_choice_is_renamed_retired_and_brought_back_with_its_objects(olga: User) -> None:
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"))
    small, _medium = size.options
    write_values(THINGS, 1, {size: (small.pk,)})

    def said() -> str:
        return shown_of(THINGS, [1], reader=olga)[1][0].text

    change_field(size, FieldDraft("Size", choices=("M", "Small"), renamed={small.pk: "Small"}), by=olga)
    assert said() == "Small"
    change_field(Field.objects.get(pk=size.pk), FieldDraft("Size", choices=("M",)), by=olga)
    assert said() == "Small"
    assert [one.name for one in THINGS.fields[0].options if not one.is_retired] == ["M"]
    change_field(Field.objects.get(pk=size.pk), FieldDraft("Size", choices=("small", "M")), by=olga)
    assert said() == "small"
    assert size.choices.count() == 2


def test_options_offer_whom_one_sees_by_what_is_typed(
    as_person: Browser, anna: User, erik: User, boris: User
) -> None:
    found = as_person(boris).get(
        "/fields/options/org.person/", {"q": anna.name}, headers={"HX-Request": "true"}
    )
    assert f'<option value="{anna.name}">' in " ".join(found.content.decode().split())
    nothing = as_person(erik).get(
        "/fields/options/org.person/", {"q": anna.name}, headers={"HX-Request": "true"}
    )
    assert "<option" not in nothing.content.decode()
    assert as_person(boris).get("/fields/options/no.such/", {"q": "a"}).status_code == 404
