"""Adding people, and changing what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts import actions as accounts
from box.core.accounts.access import can_manage_people
from box.core.accounts.actions import NewUser
from box.core.accounts.custom_fields import editable, set_values
from box.core.accounts.models import User
from box.core.fields import rest
from box.core.fields.values import finder, values_of
from box.core.files.rest import keeper, sent
from box.core.people.photos import remove_photo, set_photo
from box.core.registry.origin import is_importing
from box.core.registry.rest import (
    DOCS,
    ApiRefused,
    AsSent,
    Call,
    Method,
    Parameters,
    Several,
    YesNo,
    methods,
    not_found,
)
from box.core.structure import actions as structure
from box.core.structure.access import must_manage
from box.core.structure.models import Membership
from box.lib.numbers import whole_number

WHOLE = "user"
Role = Membership.Role
# The names that people have here, by those of https://apidocs.bitrix24.com/api-reference/user/user-fields.html
_NAMES = {
    "NAME": "first_name",
    "LAST_NAME": "last_name",
    "SECOND_NAME": "patronymic",
    "WORK_POSITION": "position",
    "PERSONAL_CITY": "city",
    "PERSONAL_GENDER": "gender",
    "XML_ID": "external_id",
}
# A person has one number here; the first of these that says one.
_PHONES = ("WORK_PHONE", "PERSONAL_MOBILE", "PERSONAL_PHONE")
# What nobody is asked for here. Programs send it all the same, and it is passed over.
_NOWHERE = frozenset(
    {
        *("TITLE", "TIME_ZONE", "UF_EMPLOYMENT_DATE"),
        *("PERSONAL_PROFESSION", "PERSONAL_WWW", "PERSONAL_ICQ", "PERSONAL_FAX", "PERSONAL_PAGER"),
        *("PERSONAL_STREET", "PERSONAL_STATE", "PERSONAL_ZIP", "PERSONAL_COUNTRY", "PERSONAL_MAILBOX"),
        *("PERSONAL_NOTES", "WORK_COMPANY", "WORK_DEPARTMENT", "WORK_WWW", "WORK_FAX", "WORK_PAGER"),
        *("WORK_STREET", "WORK_MAILBOX", "WORK_CITY", "WORK_STATE", "WORK_ZIP", "WORK_COUNTRY"),
        *("WORK_PROFILE", "WORK_LOGO", "WORK_NOTES", "UF_SKYPE_LINK", "UF_ZOOM", "UF_INTERESTS"),
        *("UF_SKILLS", "UF_WEB_SITES", "UF_XING", "UF_LINKEDIN", "UF_FACEBOOK", "UF_TWITTER", "UF_SKYPE"),
        *("UF_DISTRICT", "UF_PHONE_INNER"),
    }
)


class _Profile(Parameters):
    NAME = forms.CharField(required=False, help_text=gettext_lazy("First name."))
    LAST_NAME = forms.CharField(required=False, help_text=gettext_lazy("Last name."))
    SECOND_NAME = forms.CharField(required=False, help_text=gettext_lazy("Patronymic."))
    WORK_POSITION = forms.CharField(required=False, help_text=gettext_lazy("Position."))
    PERSONAL_CITY = forms.CharField(required=False, help_text=gettext_lazy("City."))
    PERSONAL_GENDER = forms.ChoiceField(
        required=False, choices=User.Gender.choices, help_text=gettext_lazy("M or F.")
    )
    XML_ID = forms.CharField(required=False, help_text=gettext_lazy("What another program calls the person."))
    WORK_PHONE = forms.CharField(
        required=False, help_text=gettext_lazy("The phone. Without it, PERSONAL_MOBILE or PERSONAL_PHONE.")
    )
    PERSONAL_MOBILE = forms.CharField(required=False)
    PERSONAL_PHONE = forms.CharField(required=False)
    PERSONAL_BIRTHDAY = forms.CharField(
        required=False, help_text=gettext_lazy("The day of birth, such as 1984-02-29.")
    )
    PERSONAL_PHOTO = AsSent(
        required=False, help_text=gettext_lazy("The picture's name, and its bytes in Base64.")
    )
    UF_DEPARTMENT = Several(required=False, help_text=gettext_lazy("Numbers of the departments."))

    def clean_PERSONAL_BIRTHDAY(self) -> Any:  # noqa: N802 - as Django names it
        text = self.cleaned_data["PERSONAL_BIRTHDAY"]
        try:
            # Days are given as their midnights, too.
            day = parse_date(text[: len("1984-02-29")]) if text else None
        except ValueError:
            day = None
        if text and day is None:
            raise ValidationError(_("Write a day such as 1984-02-29."), code="day")
        return day

    @property
    def fields_sent(self) -> dict[str, Any]:
        """Of the profile what was sent, as the actions name it."""
        said = {ours: self.cleaned_data[name] for name, ours in _NAMES.items() if name in self.given}
        phones = [name for name in _PHONES if name in self.given]
        if phones:
            said["phone"] = next((self.cleaned_data[one] for one in phones if self.cleaned_data[one]), "")
        if "PERSONAL_BIRTHDAY" in self.given:
            said["birthday_on"] = self.cleaned_data["PERSONAL_BIRTHDAY"]
        return said

    @property
    def departments(self) -> list[int]:
        """Raises ValidationError."""
        numbers = [whole_number(one) for one in self.cleaned_data["UF_DEPARTMENT"]]
        if None in numbers:
            raise ValidationError(_("UF_DEPARTMENT: write numbers of departments."), code="departments")
        return [one for one in numbers if one]

    @property
    def own(self) -> dict[str, Any]:
        """By code what may be of the company's own fields."""
        return {name: value for name, value in self.others.items() if name not in _NOWHERE}


class UserAdd(_Profile):
    EMAIL = forms.EmailField(
        required=False,
        error_messages={"invalid": "wrong_email"},
        help_text=gettext_lazy("Where the invitation goes, and how the person signs in."),
    )
    EXTRANET = YesNo(required=False, help_text=gettext_lazy("Y: an outside guest, for a migration alone."))
    SONET_GROUP_ID = Several(required=False)
    LOGIN = forms.CharField(
        required=False,
        max_length=150,
        help_text=gettext_lazy("Another than the e-mail, for a migration alone."),
    )
    LANGUAGE_ID = forms.ChoiceField(
        required=False,
        choices=settings.LANGUAGES,
        help_text=gettext_lazy("The language of the pages, for a migration alone."),
    )
    BIRTHDAY_SHOWN = forms.ChoiceField(
        required=False,
        choices=User.BirthdayShown,
        help_text=gettext_lazy("How much of the birthday others see, for a migration alone."),
    )
    ACTIVE = YesNo(required=False, help_text=gettext_lazy("N: somebody who has left, for a migration alone."))


class UserUpdate(_Profile):
    ID = forms.IntegerField(help_text=gettext_lazy("The person."))
    EMAIL = forms.CharField(required=False, help_text=gettext_lazy("As it is: it is not changed this way."))
    ACTIVE = YesNo(required=False, help_text=gettext_lazy("N: the person has left; Y: they are back."))


def add(call: Call) -> User:
    """https://apidocs.bitrix24.com/api-reference/user/user-add.html

    Whoever is added is invited. One who is taken over from elsewhere is not, and hears nothing.
    """
    assert isinstance(call.parameters, UserAdd)  # noqa: S101 - as it is declared
    _refuse_others(call)
    with transaction.atomic():
        person = _added(call.parameters, call)
        _complete(person, call.parameters, call)
        if is_importing() and "ACTIVE" in call.parameters.given and not call.values["ACTIVE"]:
            accounts.dismiss_user(person, by=call.user)
    return person


def _added(given: UserAdd, call: Call) -> User:
    email = call.values["EMAIL"].strip().lower()
    if not email and not is_importing():
        raise ApiRefused("ERROR_ARGUMENT", "wrong_email")
    if email and User.objects.signing_in_as(email).exists():
        raise ApiRefused("ERROR_ARGUMENT", _("Somebody has this e-mail already."))
    is_extranet = call.values["EXTRANET"]
    if is_extranet and not is_importing():
        said = _("Outside guests are invited into a group, until a day, on the page of its members.")
        raise ValidationError(f"EXTRANET: {said}", code="guest")
    if not given.departments and not is_importing():
        raise ApiRefused("ERROR_ARGUMENT", "no_extranet_field")
    new = NewUser(**given.fields_sent, email=email, language=call.user.language, is_extranet=is_extranet)
    if not is_importing():
        return accounts.invite(new, by=call.user)
    login = call.values["LOGIN"].strip().lower()
    if not login or User.objects.signing_in_as(login).exists():
        login = email or _login()
    new = replace(
        new,
        login=login,
        language=call.values["LANGUAGE_ID"] or new.language,
        birthday_shown=call.values["BIRTHDAY_SHOWN"] or new.birthday_shown,
    )
    return accounts.create_user(new, password=None, by=call.user)


def _refuse_others(call: Call) -> None:
    if not can_manage_people(call.user):
        raise PermissionDenied(_("Ask an administrator for the right to change who works here."))


def _login() -> str:
    """Of somebody without an e-mail, who cannot sign in until they have one."""
    last: int = User.objects.order_by("-pk").values_list("pk", flat=True)[0]
    return f"b24-{last + 1}"


def update(call: Call) -> bool:
    """https://apidocs.bitrix24.com/api-reference/user/user-update.html"""
    assert isinstance(call.parameters, UserUpdate)  # noqa: S101 - as it is declared
    person: User | None = User.objects.visible_to(call.user).filter(pk=call.values["ID"]).first()
    if person is None:
        raise not_found(_("There is no such person, or you don't see them."))
    _refuse_others(call)
    must_manage(call.user, person)
    given = call.parameters
    if "EMAIL" in given.given and call.values["EMAIL"].strip().lower() != person.email:
        said = _("People sign in by it: a program does not change it.")
        raise ValidationError(f"EMAIL: {said}", code="email")
    with transaction.atomic():
        if changes := given.fields_sent:
            accounts.update_profile(person, changes, by=call.user)
        _complete(person, given, call)
        if "ACTIVE" in given.given and call.values["ACTIVE"] != person.is_active:
            (accounts.return_user if call.values["ACTIVE"] else accounts.dismiss_user)(person, by=call.user)
    return True


def _complete(person: User, given: _Profile, call: Call) -> None:
    """What stands beside the profile: departments, own fields, the photo."""
    if "UF_DEPARTMENT" in given.given and not person.is_extranet:
        _place(person, given.departments, call)
    _fill_in(person, given.own, call)
    if "PERSONAL_PHOTO" in given.given:
        photo = given.cleaned_data["PERSONAL_PHOTO"]
        if photo:
            set_photo(person, sent(photo, usual="photo").content, by=call.user)
        else:
            remove_photo(person, by=call.user)


def _place(person: User, departments: list[int], call: Call) -> None:
    before = structure.roles_of(person)
    roles = {pk: before.get(pk, Role.MEMBER) for pk in departments}
    try:
        structure.place(person, roles, by=call.user)
    except structure.PlaceForbidden as refused:
        raise PermissionDenied(refused.message) from None


def _fill_in(person: User, own: Mapping[str, Any], call: Call) -> None:
    fields = editable(person, by=call.user)
    unknown = own.keys() - {field.code for field in fields}
    if unknown:
        name = min(unknown)[:40]
        raise ValidationError(_("%(name)s is no field of people.") % {"name": name}, code="unknown")
    if own:
        kept = values_of(fields, person.pk)
        values = rest.given(fields, own, finder(call.user), keep=keeper(call.user), kept=kept)
        set_values(person, values, by=call.user)


def declare() -> None:
    methods.add(
        "user.add",
        Method(
            room="people",
            scopes=(WHOLE,),
            about=gettext_lazy("Invites a person; answers with their number."),
            parameters=UserAdd,
            answer=add,
            makes=User,
            takes_over=True,
            result={"type": "integer"},
            source=f"{DOCS}user/user-add.html",
        ),
    )
    methods.add(
        "user.update",
        Method(
            room="people",
            scopes=(WHOLE,),
            about=gettext_lazy("Changes what is known of a person."),
            parameters=UserUpdate,
            answer=update,
            result={"type": "boolean"},
            source=f"{DOCS}user/user-update.html",
        ),
    )
