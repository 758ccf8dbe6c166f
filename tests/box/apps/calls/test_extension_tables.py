"""Who sits where, by a table or by profiles: how it is read, of whom, and what stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from box.apps.calls.actions.setup import (
    Row,
    extension_rows,
    fields_with_extensions,
    follow_profiles,
    import_extensions,
    read,
)
from box.bridges.telephony.actions import set_extensions
from box.core.accounts.actions import dismiss_user
from box.core.accounts.custom_fields import PROFILE
from box.core.accounts.models import User
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.values import write_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.bridges.telephony.models import Pbx
    from box.core.fields.models import Field


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("100;anna\n101", [Row(1, "100", "anna"), Row(2, "101", "")]),
        ("100,anna", [Row(1, "100", "anna")]),
        # A sheet's first line whose other cells are empty.
        ("100\t\n101\tanna", [Row(1, "100", ""), Row(2, "101", "anna")]),
        ("100\tanna\tbrowser", [Row(1, "100", "anna", is_browser=True)]),
        (' "100" ; "anna" ; Browser ; on the desk', [Row(1, "100", "anna", is_browser=True)]),
        # Whoever looks for a line finds it by its number.
        ("Number;Person\n\n  \n100;anna", [Row(4, "100", "anna")]),
        ("100;anna\nx;boris", [Row(1, "100", "anna"), Row(2, "x", "boris")]),
    ],
)
def test_a_table_is_read_as_people_write_it(text: str, rows: list[Row]) -> None:
    assert list(read(text)) == rows


def test_a_table_has_lines_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.apps.calls.actions.setup.LONGEST", 20)
    monkeypatch.setattr("box.apps.calls.actions.setup.MOST_ROWS", 2)
    assert len(list(read("100;anna\n101;borisss"))) == 2
    for wrong, said in (
        ("100;anna\n101;borissss", "too long"),
        ("100\n101\n102", "between 1 and 2"),
        ("", "between 1 and 2"),
        (" \n ", "between 1 and 2"),
    ):
        with pytest.raises(ValidationError, match=said):
            list(read(wrong))


@pytest.mark.django_db
def test_people_are_named_by_login_or_mail_and_guests_and_the_dismissed_are_not(
    pbx: Pbx, anna: User, boris: User, cara: User, erik: User, olga: User
) -> None:
    User.objects.filter(pk=boris.pk).update(login="boris.t")
    assert import_extensions(pbx, f"104;Boris.T\n105;{boris.email}", by=olga) == 2
    assert [pbx.extensions.get(number=number).user for number in ("104", "105")] == [boris, boris]
    dismiss_user(cara, by=olga)
    for person in (erik, cara):
        with pytest.raises(ValidationError, match="nobody has the e-mail"):
            import_extensions(pbx, f"106;{person.email}", by=olga)


@pytest.mark.django_db
def test_what_is_saved_is_in_order_and_says_what_rings_in_browsers(
    pbx: Pbx, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_extensions(pbx, [("103", anna), ("099", None)], in_browser={"103"}, by=None)
    rows = [
        ("099", "", ""), ("100", anna.login, ""), ("101", boris.login, ""), ("102", "", ""),
        ("103", anna.login, "browser"),
    ]  # fmt: skip
    with connection.cursor() as cursor:
        # Read by an index they would be in order by themselves.
        cursor.execute("SET LOCAL enable_indexscan = off")
    assert extension_rows(pbx) == rows
    monkeypatch.setattr("box.apps.calls.actions.setup.MOST_ROWS", 2)
    assert extension_rows(pbx) == rows[:2]


# As profiles say


def field(olga: User, name: str, kind: str = "text", *, is_several: bool = False) -> Field:
    draft = FieldDraft(name, kind, is_several=is_several, readers="everybody", writers="editors")
    return add_field(PROFILE, draft, by=olga)


@pytest.mark.django_db
def test_an_extension_is_one_number_or_text(olga: User) -> None:
    wanted = [field(olga, "Extension"), field(olga, "Desk", "number")]
    field(olga, "Extensions", is_several=True)
    field(olga, "Since", "date")
    assert fields_with_extensions() == wanted


@pytest.mark.django_db
def test_profiles_take_nothing_from_whom_they_name_no_extension_of(
    pbx: Pbx, anna: User, boris: User, cara: User, olga: User, person: Callable[..., User]
) -> None:
    code, extension = field(olga, "Code"), field(olga, "Extension")
    pbx.profile_field = extension.key
    set_extensions(pbx, [("103", anna)], in_browser={"103"}, by=None)
    dana, gone = person("Dana"), person("Gone")
    numbers = {anna: "110", cara: "120", dana: "120", gone: "130"}
    values = {who.pk: {extension: [number]} for who, number in numbers.items()}
    write_many(PROFILE, {**values, boris.pk: {code: ["140"]}})
    dismiss_user(gone, by=olga)
    assert follow_profiles(pbx, by=None) == 2
    # Of anna the browser stays beside what is hers now, boris has what was given to him by hand, and of two
    # who name one number neither gets it.
    assert dict(pbx.extensions.values_list("number", "user")) == {
        "100": None, "101": boris.pk, "102": None, "103": anna.pk, "110": anna.pk,
    }  # fmt: skip


@pytest.mark.django_db
def test_of_so_many_profiles_no_more_are_read(
    pbx: Pbx, anna: User, boris: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    extension = field(olga, "Extension")
    pbx.profile_field = extension.key
    write_many(PROFILE, {anna.pk: {extension: ["110"]}, boris.pk: {extension: ["111"]}})
    monkeypatch.setattr("box.apps.calls.actions.setup.MOST_ROWS", 1)
    follow_profiles(pbx, by=None)
    assert pbx.extensions.filter(number__in=["110", "111"]).count() == 1
