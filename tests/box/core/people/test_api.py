"""Programs invite people, bring them from elsewhere, and change what is known of them."""

from __future__ import annotations

from base64 import b64encode
from datetime import date
from typing import TYPE_CHECKING

import pytest

from box.core.access.actions import create_role, grant_role
from box.core.accounts.access import EDIT_PEOPLE
from box.core.accounts.actions import dismiss_user
from box.core.accounts.custom_fields import PROFILE
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.fields.actions import FieldDraft, add_field
from box.core.structure.actions import roles_of
from tests.box.core.people.photos import picture
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db

NEW = {
    "EMAIL": "Eva@Example.com",
    "NAME": "Eva",
    "LAST_NAME": "Sommer",
    "PERSONAL_GENDER": "F",
    "PERSONAL_BIRTHDAY": "1984-02-29T00:00:00+03:00",
    "PERSONAL_MOBILE": "+49 30 1",
    "WORK_POSITION": "Clerk",
    "WORK_FAX": "nobody asks for it",
}


def test_who_is_added_is_invited(olga: User, sales: Department) -> None:
    pk = program_of(olga, "user").call("user.add", UF_DEPARTMENT=[sales.pk], **NEW)
    eva = User.objects.get(pk=pk)
    assert (eva.email, eva.login, eva.name) == ("eva@example.com", "eva@example.com", "Eva Sommer")
    assert (eva.gender, eva.phone, eva.position) == ("F", "+49 30 1", "Clerk")
    assert eva.birthday_on == date(1984, 2, 29)
    assert eva.invited_at is not None
    assert roles_of(eva) == {sales.pk: "member"}
    assert Event.objects.filter(kind="accounts.PersonInvited").count() == 1


def test_who_comes_from_elsewhere_hears_nothing(olga: User, sales: Department) -> None:
    program = program_of(olga, "user", "korobka_transfer")
    then = {"KOROBKA_AT": "2019-03-01T10:00:00Z"}
    pk = program.call("user.add", UF_DEPARTMENT=[sales.pk], LOGIN="eva", **NEW, **then)
    eva = User.objects.get(pk=pk)
    assert (eva.login, eva.invited_at, eva.joined_at.year) == ("eva", None, 2019)
    assert not eva.has_usable_password()
    gone = program.call("user.add", NAME="Gone", ACTIVE="N", **then)
    assert User.objects.get(pk=gone).status == User.Status.DISMISSED
    guest = program.call("user.add", NAME="Guest", EXTRANET="Y", EMAIL="guest@example.com", **then)
    assert User.objects.get(pk=guest).is_extranet
    assert not Event.objects.filter(kind="accounts.PersonInvited").exists()


def test_only_who_may_edit_people_does(anna: User, boris: User, olga: User, sales: Department) -> None:
    theirs = program_of(anna, "user")
    assert theirs.error("user.add", UF_DEPARTMENT=[sales.pk], **NEW) == (403, "ACCESS_DENIED")
    assert theirs.error("user.update", ID=boris.pk, NAME="Bo") == (403, "ACCESS_DENIED")
    role = create_role("Staff", [EDIT_PEOPLE, "rest.use"], by=olga)
    grant_role(role, f"U{anna.pk}", by=olga)
    anna = User.objects.get(pk=anna.pk)
    editor = program_of(anna, "user")
    assert editor.call("user.update", ID=boris.pk, NAME="Bo") is True
    # Not administrators, and not who belongs where.
    assert editor.error("user.update", ID=olga.pk, NAME="Ol") == (403, "ACCESS_DENIED")
    assert editor.error("user.update", ID=boris.pk, UF_DEPARTMENT=[]) == (403, "ACCESS_DENIED")
    assert program_of(olga, "user_basic").error("user.add", **NEW) == (403, "insufficient_scope")
    assert not User.objects.filter(first_name__in=["Eva", "Ol"]).exists()


def test_what_is_wrong_is_said_and_changes_nothing(olga: User, boris: User, sales: Department) -> None:
    program = program_of(olga, "user")
    before = User.objects.count()
    for wrong in (
        {"EMAIL": "no e-mail", "UF_DEPARTMENT": [sales.pk]},
        {"UF_DEPARTMENT": [sales.pk]},
        {"EMAIL": "eva@example.com"},
        {"EMAIL": boris.email, "UF_DEPARTMENT": [sales.pk]},
        {"EMAIL": "eva@example.com", "UF_DEPARTMENT": [10**9]},
        {"EMAIL": "eva@example.com", "UF_DEPARTMENT": ["sales"]},
        {"EMAIL": "eva@example.com", "UF_DEPARTMENT": [sales.pk], "PASSWORD": "x"},
        {"EMAIL": "eva@example.com", "UF_DEPARTMENT": [sales.pk], "PERSONAL_BIRTHDAY": "soon"},
        {"EMAIL": "eva@example.com", "UF_DEPARTMENT": [sales.pk], "PERSONAL_GENDER": "X"},
        {"EMAIL": "eva@example.com", "UF_DEPARTMENT": [sales.pk], "PERSONAL_PHOTO": ["x.png", "?"]},
        {"EMAIL": "eva@example.com", "EXTRANET": "Y", "SONET_GROUP_ID": [1]},
    ):
        assert program.error("user.add", **wrong) == (400, "ERROR_ARGUMENT"), wrong
    assert User.objects.count() == before
    assert program.error("user.update", ID=boris.pk, EMAIL="other@example.com") == (400, "ERROR_ARGUMENT")
    assert program.error("user.update", ID=10**9, NAME="x") == (400, "ERROR_NOT_FOUND")


def test_what_is_known_of_somebody_changes(
    olga: User, boris: User, sales: Department, store: S3Store
) -> None:
    add_field(PROFILE, FieldDraft(name="Badge", kind="text", code="UF_BADGE"), by=olga)
    program = program_of(olga, "user")
    photo = ["photo.png", b64encode(picture(40, 40, "PNG").getvalue()).decode()]
    changes = {"SECOND_NAME": "P.", "PERSONAL_PHOTO": photo, "UF_BADGE": "B-7", "EMAIL": boris.email}
    assert program.call("user.update", ID=boris.pk, **changes) is True
    boris.refresh_from_db()
    assert boris.patronymic == "P."
    assert boris.photo_id is not None
    (found,) = program.call("user.get", ID=boris.pk)
    assert found["UF_BADGE"] == "B-7"
    assert program.call("user.update", ID=boris.pk, ACTIVE="N", PERSONAL_PHOTO="") is True
    boris.refresh_from_db()
    assert not boris.is_active
    assert boris.photo is None
    program.call("user.update", ID=boris.pk, ACTIVE="Y", UF_DEPARTMENT=[])
    boris.refresh_from_db()
    assert boris.is_active
    assert roles_of(boris) == {}


def test_the_same_key_invites_once(olga: User, sales: Department) -> None:
    program = program_of(olga, "user")
    first, second = (
        program.ask("user.add", key="one", UF_DEPARTMENT=[sales.pk], **NEW).json()["result"] for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("scope", ["user", "user_brief"])
def test_who_is_looked_for_by_many_words_is_found_by_the_first(anna: User, scope: str) -> None:
    program = program_of(anna, scope)
    text = f"{anna.first_name} " * 20_000
    assert [one["ID"] for one in program.call("user.search", FIND=text)] == [str(anna.pk)]
    assert program.call("user.search", FIND=f"nobody {text}") == []


def test_somebody_is_found_by_what_another_program_calls_them(olga: User, boris: User, anna: User) -> None:
    program = program_of(olga, "user")
    assert program.call("user.update", ID=boris.pk, XML_ID="{0D-17}") is True
    (found,) = program.call("user.get", FILTER={"XML_ID": "{0d-17}"}, SELECT=["ID", "XML_ID"])
    assert found == {"ID": str(boris.pk), "XML_ID": "{0D-17}"}
    assert str(boris.pk) not in {one["ID"] for one in program.call("user.get", FILTER={"XML_ID": ""})}
    assert program.call("user.get", SORT="XML_ID", ORDER="DESC")[0]["ID"] == str(boris.pk)
    assert program.error("user.update", ID=anna.pk, XML_ID="x" * 256) == (400, "ERROR_ARGUMENT")
    boris.refresh_from_db()
    dismiss_user(boris, by=olga)
    erase_person(boris, by=olga)
    boris.refresh_from_db()
    assert boris.external_id == ""
