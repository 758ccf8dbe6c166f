"""Finding people, and what is told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.access import can_see_company
from box.core.accounts.custom_fields import EVERYBODY, PROFILE
from box.core.accounts.events import UserCreated
from box.core.accounts.models import Session, User, UserQuerySet
from box.core.accounts.search import MOST_TERMS
from box.core.fields import rest
from box.core.fields.models import Field
from box.core.fields.values import values_of_many
from box.core.files.display import link_to_picture
from box.core.registry.filtering import (
    Among,
    Day,
    ExternalId,
    Filterable,
    Flag,
    Keyword,
    Moment,
    Named,
    Number,
    Text,
    condition_of,
    order_of,
)
from box.core.registry.rest import (
    DOCS,
    Call,
    Conditions,
    Download,
    HookEvent,
    Listing,
    ListParameters,
    Method,
    Place,
    Scope,
    Several,
    Sorting,
    YesNo,
    download_address,
    downloads,
    hook_events,
    listed,
    methods,
    not_found,
    numbered,
    places,
    scopes,
    shaped,
)
from box.core.structure.models import Department, Membership
from box.core.structure.names import PERSON_KIND

BRIEF, BASIC, WHOLE = "user_brief", "user_basic", "user"


# The wider one holds what the narrower one does.
USER_SCOPES = (WHOLE, BASIC, BRIEF)


PHOTO = "people.photo"
"""Of a download."""

NO_YEAR = 1604
"""A leap year before anybody's: the one by which Apple's address books say that the year is not known."""


# A session is noted every few minutes: who was seen since is here.
ONLINE_FOR = timedelta(minutes=15)


# What each scope shows of a person, as in https://apidocs.bitrix24.com/api-reference/user/user-scope.html
_OF_BRIEF = {
    "ID": "string",
    "ACTIVE": "boolean",
    "NAME": "string",
    "LAST_NAME": "string",
    "SECOND_NAME": "string",
    "WORK_POSITION": "string",
    "PERSONAL_BIRTHDAY": "string",
    "PERSONAL_PHOTO": "string?",
    "UF_DEPARTMENT": "array of integer",
    "USER_TYPE": "string",
    "TIME_ZONE": "string",
    "DATE_REGISTER": "string",
    "IS_ONLINE": "string",
    "LAST_ACTIVITY_DATE": "string",
    **dict.fromkeys(("PERSONAL_GENDER", "PERSONAL_CITY", "XML_ID", "TITLE", "PERSONAL_PROFESSION"), "string"),
    **dict.fromkeys(("PERSONAL_STATE", "PERSONAL_COUNTRY", "UF_EMPLOYMENT_DATE", "UF_PHONE_INNER"), "string"),
}


_OF_BASIC = {
    **_OF_BRIEF,
    "EMAIL": "string",
    "WORK_PHONE": "string",
    **dict.fromkeys(("PERSONAL_PHONE", "PERSONAL_MOBILE", "WORK_COMPANY", "WORK_DEPARTMENT"), "string"),
}


_OF_WHOLE = {**_OF_BASIC, "LAST_LOGIN": "string", "PERSONAL_WWW": "string", "PERSONAL_ICQ": "string"}


_OF_MIGRATION = dict.fromkeys(("LOGIN", "LANGUAGE_ID", "BIRTHDAY_SHOWN"), "string")
"""Told to whoever takes people over besides, with the whole birthday, whomever it is shown to."""


_FIELDS = {BRIEF: _OF_BRIEF, BASIC: _OF_BASIC, WHOLE: _OF_WHOLE}


_TYPES = {"employee": Q(is_extranet=False), "extranet": Q(is_extranet=True), "email": Q(pk__in=[])}


_ORDERS = {
    "ID": "id",
    "NAME": "first_name",
    "LAST_NAME": "last_name",
    "WORK_POSITION": "position",
    "XML_ID": "external_id",
    "DATE_REGISTER": "joined_at",
}


def _of_departments(ids: list[int]) -> Q:
    return Q(pk__in=Membership.objects.filter(department__in=ids).values("user"))


class _ShownWhole(Day):
    """Asking for days one by one would find out a year that is not shown."""

    def condition(self, operator: str, value: Any) -> Q:
        return super().condition(operator, value) & Q(birthday_shown=User.BirthdayShown.YEAR)


class _Online:
    def condition(self, operator: str, value: Any) -> Q:
        seen = Session.objects.filter(seen_at__gt=timezone.now() - ONLINE_FOR)
        return Flag(Q(pk__in=seen.values("user"))).condition(operator, value)


_FILTERS: Mapping[str, Filterable] = {
    "IS_ONLINE": _Online(),
    "LAST_LOGIN": Moment("last_login"),
    "ID": Number("id"),
    "ACTIVE": Flag(Q(status=User.Status.ACTIVE)),
    "NAME": Text("first_name"),
    "LAST_NAME": Text("last_name"),
    "SECOND_NAME": Text("patronymic"),
    "EMAIL": Text("email"),
    "WORK_PHONE": Text("phone"),
    "WORK_POSITION": Text("position"),
    "PERSONAL_CITY": Text("city"),
    "PERSONAL_GENDER": Keyword("gender", ("", *User.Gender.values)),
    "PERSONAL_BIRTHDAY": _ShownWhole("birthday_on"),
    "DATE_REGISTER": Moment("joined_at"),
    "XML_ID": ExternalId("external_id"),
    "UF_DEPARTMENT": Among(_of_departments),
    "USER_TYPE": Named(_TYPES),
}


_YES_NO = {True: "Y", False: "N"}
_FIND, _NAME_SEARCH, _DEPARTMENT_NAME = "FIND", "NAME_SEARCH", "UF_DEPARTMENT_NAME"


class UserGet(ListParameters):
    SORT = forms.CharField(required=False, help_text=gettext_lazy("The field to sort by."))
    ORDER = Sorting(required=False, help_text=gettext_lazy("ASC or DESC."))
    FILTER = Conditions(
        required=False,
        help_text=gettext_lazy("Conditions by field, which may also be parameters themselves."),
    )
    SELECT = Several(required=False, help_text=gettext_lazy("Names of the fields to answer with; * for all."))
    # Understood and without a meaning here: nobody sees more than they may, and photos have one size.
    ADMIN_MODE = YesNo(required=False)
    IMAGE_RESIZE = forms.CharField(required=False)


def current(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/user/user-current.html"""
    return _shown([call.user], call)[0]


def people(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/user/user-get.html"""
    return _people(call, {**call.parameters.others, **call.values["FILTER"]})


def search(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/user/user-search.html"""
    given = {**call.parameters.others, **call.values["FILTER"]}
    if _FIND in given and len(given) > 1:
        raise ValidationError(_("FIND stands alone: there are no other conditions beside it."))
    return _people(call, given)


def _people(call: Call, given: Mapping[str, Any]) -> Listing[User]:
    given = {name.upper(): value for name, value in given.items()}
    found: UserQuerySet = User.objects.visible_to(call.user)
    for name in (_FIND, _NAME_SEARCH):
        if name in given:
            found = _matching(found, str(given.pop(name)), call.scopes)
    if _DEPARTMENT_NAME in given:
        of = Department.objects.filter(name__icontains=str(given.pop(_DEPARTMENT_NAME)))
        found = found.filter(pk__in=Membership.objects.filter(department__in=of).values("user"))
    # What the scope does not show, nobody finds out by asking for it either.
    known = {name: one for name, one in _FILTERS.items() if name in _FIELDS[_widest(call)]}
    known |= rest.filters(_custom_fields(call))
    return Listing(
        found.filter(condition_of(given, known)),
        lambda rows: _shown(rows, call),
        order_of(call.values["SORT"], call.values["ORDER"], _ORDERS),
    )


def _matching(found: UserQuerySet, text: str, granted: Collection[str]) -> UserQuerySet:
    if not frozenset(granted).isdisjoint({BASIC, WHOLE}):
        return found.matching(text)
    for word in text.split(maxsplit=MOST_TERMS)[:MOST_TERMS]:
        fields = ("first_name", "last_name", "patronymic", "position")
        is_like = Q()
        for name in fields:
            is_like |= Q(**{f"{name}__icontains": word})
        found = found.filter(is_like)
    return found


MOST_MASKS = 20
"""Such as `UF_*`. Each is compiled, and compared with every field."""


def _fields_of(call: Call) -> frozenset[str]:
    """Those that the widest scope shows, and that were asked for: by name, or by MOST_MASKS at most."""
    asked = dict.fromkeys(call.values.get("SELECT") or ["*"])
    masks = list(islice((one for one in asked if not one.isidentifier()), MOST_MASKS))
    more = _OF_MIGRATION if call.may_transfer else ()
    return frozenset(
        name
        for name in (*_FIELDS[_widest(call)], *more, *(field.code for field in _custom_fields(call)))
        if name in asked or any(fnmatchcase(name, mask) for mask in masks)
    )


def _custom_fields(call: Call) -> list[Field]:
    """What the company has defined, as far as everybody who works here sees it."""
    if _widest(call) != WHOLE or not can_see_company(call.user):
        return []
    return [field for field in PROFILE.fields if field.readers == EVERYBODY]


def _widest(call: Call) -> str:
    return next((scope for scope in USER_SCOPES if scope in call.scopes), BRIEF)


def _shown(rows: Iterable[User], call: Call) -> list[dict[str, Any]]:
    rows, fields = list(rows), _fields_of(call)
    custom = [field for field in _custom_fields(call) if field.code in fields]
    values = values_of_many(custom, [person.pk for person in rows])
    departments: dict[int, list[int]] = defaultdict(list)
    memberships = Membership.objects.filter(user__in=rows, department__merged_into=None).order_by("id")
    for user_id, department_id in memberships.values_list("user_id", "department_id"):
        departments[user_id].append(department_id)
    seen = dict(
        Session.objects.filter(user__in=rows).values_list("user").annotate(seen=Max("seen_at")).order_by()
    )
    here = timezone.now() - ONLINE_FOR
    whole = [
        {
            "ID": str(person.pk),
            "ACTIVE": person.is_active,
            "NAME": person.first_name,
            "LAST_NAME": person.last_name,
            "SECOND_NAME": person.patronymic,
            "EMAIL": person.email,
            "WORK_PHONE": person.phone,
            "WORK_POSITION": person.position,
            "PERSONAL_CITY": person.city,
            "PERSONAL_GENDER": person.gender,
            "XML_ID": person.external_id,
            "PERSONAL_BIRTHDAY": _birthday(person, call),
            "PERSONAL_PHOTO": _photo(person.photo_id, call),
            "UF_DEPARTMENT": departments[person.pk],
            "USER_TYPE": "extranet" if person.is_extranet else "employee",
            "TIME_ZONE": person.time_zone,
            "DATE_REGISTER": _moment(person.joined_at),
            "LAST_LOGIN": _moment(person.last_login),
            "LOGIN": person.login,
            "LANGUAGE_ID": person.language,
            "BIRTHDAY_SHOWN": person.birthday_shown,
            "IS_ONLINE": _YES_NO[person.pk in seen and seen[person.pk] > here],
            "LAST_ACTIVITY_DATE": _moment(seen.get(person.pk)),
            **({} if person.is_extranet else rest.answered(custom, values.get(person.pk, {}))),
        }
        for person in rows
    ]
    # What nobody is asked for here is as empty as with who has not said it.
    nothing = dict.fromkeys(fields, "")
    return [nothing | {name: value for name, value in one.items() if name in fields} for one in whole]


def _moment(at: datetime | None) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds") if at else ""


def _birthday(person: User, call: Call) -> str:
    """As far as the person shows it, and whole for a migration, as its midnight: so does Bitrix24 give
    days."""
    day, shown = person.birthday_on, person.birthday_shown
    if call.may_transfer:
        shown = User.BirthdayShown.YEAR
    if day is None or shown == User.BirthdayShown.NOBODY:
        return ""
    if shown == User.BirthdayShown.DAY:
        # Offsets of that time have seconds, which many programs do not read.
        return datetime.combine(day.replace(year=NO_YEAR), time(), UTC).isoformat(timespec="seconds")
    return timezone.make_aware(datetime.combine(day, time())).isoformat(timespec="seconds")


def _photo(photo_id: int | None, call: Call) -> str | None:
    """Where a signed-in browser finds it; for a migration, which has none, where it is fetched within an
    hour."""
    if photo_id and call.may_transfer:
        return download_address(PHOTO, photo_id, call)
    return f"{settings.PORTAL_URL}{reverse('people:photo', args=[photo_id])}" if photo_id else None


def address_of_photo(user: User, pk: int, host: str) -> str:
    """See `box.core.registry.rest.Download`."""
    person = User.objects.visible_to(user).filter(photo=pk).select_related("photo").first()
    if person is None or person.photo is None:
        raise not_found(_("There is no such photo, or you don't see it."))
    return link_to_picture(person.photo, host=host)


def _added(event: UserCreated) -> Mapping[str, Any] | None:
    """https://apidocs.bitrix24.com/api-reference/common/events/on-user-add.html

    By the number and no more: whoever receives it asks for the rest with a webhook of somebody who may know.
    """
    return numbered(event.user_id)


def declare() -> None:
    downloads.add(PHOTO, Download(WHOLE, "people", address_of_photo))
    hook_events.add("ONUSERADD", HookEvent("people", gettext_lazy("A person was added"), UserCreated, _added))
    scopes.add(
        WHOLE,
        Scope(
            gettext_lazy("People"),
            gettext_lazy("Read who works here, with e-mail and phone; invite and change people as you may."),
            room="people",
        ),
    )
    scopes.add(
        BASIC,
        Scope(
            gettext_lazy("People (basic)"),
            gettext_lazy("Read who works here, with e-mail and phone."),
            room="people",
        ),
    )
    scopes.add(
        BRIEF,
        Scope(
            gettext_lazy("People (brief)"),
            gettext_lazy("Read who works here, without e-mail and phone."),
            room="people",
        ),
    )
    places.add("USER_PROFILE_TOOLBAR", Place("people", WHOLE, kind=PERSON_KIND, key="USER_ID"))
    methods.add(
        "user.current",
        Method(
            room="people",
            scopes=USER_SCOPES,
            about=gettext_lazy("The person in whose name the webhook acts."),
            answer=current,
            result=shaped(**_OF_WHOLE),
            source=f"{DOCS}user/user-current.html",
        ),
    )
    methods.add(
        "user.get",
        Method(
            room="people",
            scopes=USER_SCOPES,
            about=gettext_lazy("People, with filters."),
            parameters=UserGet,
            answer=people,
            filters=_FILTERS,
            result=listed(**_OF_WHOLE),
            source=f"{DOCS}user/user-get.html",
        ),
    )
    methods.add(
        "user.search",
        Method(
            room="people",
            scopes=USER_SCOPES,
            about=gettext_lazy("People by name, position or department, however it is spelt."),
            parameters=UserGet,
            answer=search,
            filters=_FILTERS,
            result=listed(**_OF_WHOLE),
            source=f"{DOCS}user/user-search.html",
        ),
    )
