"""The list of employees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db.models import FETCH_PEERS, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.accounts.access import can_manage_people
from box.core.accounts.actions import return_user, suspend_user
from box.core.accounts.custom_fields import EVERYBODY, PROFILE
from box.core.accounts.models import NEW_FOR, Face, User
from box.core.accounts.models.people import distance
from box.core.fields.lookups import joined
from box.core.fields.models import Field
from box.core.lists.custom_fields import Filled, columns_of, filled, filters_of
from box.core.lists.definition import Bulk, Column, Empty, List, Search, Shortcut, deferred
from box.core.lists.filters import Choice, Context, Filter, Pairs, Reference, Text, YesNo
from box.core.lists.keyset import Keyset
from box.core.lists.presenters import macro
from box.core.lists.usual import Usual
from box.core.people.models import Absence, Skill
from box.core.people.today import today
from box.core.registry.company import company_day
from box.core.registry.environment import url
from box.core.registry.filtering import Among, Filterable, Flag, Keyword
from box.core.registry.filtering import Text as TextField
from box.core.structure.access import must_manage
from box.core.structure.models import Membership
from box.core.structure.names import DEPARTMENT_KIND
from box.core.structure.presenters import structure
from box.lib.numbers import whole_number

if TYPE_CHECKING:
    from django.http import QueryDict

KEY = "people.employees"
STATUS = "status"


@dataclass(frozen=True)
class Employee:
    """A row: a value, so that what is said of it is remembered."""

    face: Face
    full_name: str
    status: str
    is_administrator: bool
    position: str
    email: str
    phone: str
    departments: tuple[str, ...]
    joined_on: date
    invited_at: datetime | None
    away: str
    filled: Filled
    person: User = field(compare=False)

    @property
    def pk(self) -> int:
        return self.face.pk


COLUMNS: tuple[Column[Employee], ...] = (
    Column(
        "name",
        gettext_lazy("Employee"),
        lambda row: row.full_name,
        sort="sort_name",
        cell=macro("people/ui.html", "employee"),
        is_exported=False,
    ),
    Column(
        "departments", gettext_lazy("Department"), lambda row: ", ".join(row.departments), is_exported=False
    ),
    Column(
        "email",
        gettext_lazy("E-mail"),
        lambda row: row.email,
        cell=macro("people/ui.html", "letter_to"),
        is_exported=False,
    ),
    Column(
        "phone",
        gettext_lazy("Phone"),
        lambda row: row.phone,
        cell=macro("people/ui.html", "call_to"),
        is_exported=False,
    ),
    Column(
        "joined",
        gettext_lazy("In the portal since"),
        lambda row: row.joined_on,
        sort="joined_at",
        is_shown=False,
        is_exported=False,
    ),
)


def _file_column(key: str, label: Any, value: Any) -> Column[Employee]:
    return Column(key, label, value, is_offered=False)


# Under the headings that an import knows, so that a file can be corrected and imported again.
FILE_COLUMNS = (
    _file_column("last-name", gettext_lazy("Last name"), lambda row: row.person.last_name),
    _file_column("first-name", gettext_lazy("First name"), lambda row: row.person.first_name),
    _file_column("patronymic", gettext_lazy("Patronymic"), lambda row: row.person.patronymic),
    _file_column("file-email", gettext_lazy("E-mail"), lambda row: row.email),
    _file_column("login", gettext_lazy("Login"), lambda row: row.person.login),
    _file_column("position", gettext_lazy("Position"), lambda row: row.position),
    _file_column("file-phone", gettext_lazy("Phone"), lambda row: row.phone),
    _file_column("city", gettext_lazy("City"), lambda row: row.person.city),
    _file_column("gender", gettext_lazy("Gender"), lambda row: row.person.get_gender_display()),
    _file_column("birthday", gettext_lazy("Birthday"), lambda row: row.person.birthday_on),
    _file_column("department", gettext_lazy("Department"), lambda row: next(iter(row.departments), "")),
    _file_column("also-in", gettext_lazy("Also in"), lambda row: ", ".join(row.departments[1:])),
    _file_column("status", gettext_lazy("Status"), lambda row: row.person.get_status_display()),
    _file_column("since", gettext_lazy("In the portal since"), lambda row: row.person.joined_at.date()),
)


def people_list(user: User, *, is_by_status: bool = False) -> List[User, Employee]:
    """For whoever may see the company. Those who left are in it only for whoever chooses people by status."""
    may_manage = can_manage_people(user)
    fields = [one for one in PROFILE.fields if may_manage or one.readers == EVERYBODY]
    return List(
        key=KEY,
        title=gettext_lazy("Employees"),
        rows=deferred(
            lambda: joined(_everybody() if is_by_status and may_manage else User.objects.employees(), fields)
        ),
        columns=(*COLUMNS, *(FILE_COLUMNS if may_manage else ()), *columns_of(fields)),
        filters=(*(STATUSES if may_manage else ()), *FILTERS, *filters_of(fields)),
        shortcuts=(
            Shortcut(gettext_lazy("New here"), "new=yes"),
            Shortcut(gettext_lazy("Out today"), "away=yes"),
        ),
        bulk=(SUSPEND, RETURN) if may_manage else (),
        order="name",
        search=Search(
            gettext_lazy("Name, e-mail or position"),
            narrow=lambda found, text: found.matching(text),  # type: ignore[attr-defined]
            nearest=lambda text: Keyset((distance(text), "sort_name")),
            resembling=lambda text: _with_places(User.objects.employees()).resembling(text),  # type: ignore[attr-defined]
        ),
        read=_with_places,
        usual=USUAL.page,
        present=lambda page: _employees(page, fields, user),
        href=lambda row: url("people:person", row.pk),
        is_remembered=True,
        can_export=may_manage,
        empty=Empty(gettext_lazy("Nobody is here yet"), gettext_lazy("Your colleagues will be listed here.")),
    )


def _everybody() -> QuerySet[User, User]:
    everybody: QuerySet[User, User] = User.objects.themselves().filter(is_extranet=False)
    return everybody


def _with_places(rows: QuerySet[User, User]) -> QuerySet[User, User]:
    places = Membership.objects.filter(user=OuterRef("pk")).order_by("id").values("department")
    return rows.annotate(places=ArraySubquery(places)).fetch_mode(FETCH_PEERS)


USUAL = Usual(Keyset(("sort_name",)), lambda: _with_places(User.objects.employees()), plans_anew=False)
"""Everybody, by name: who may see the list sees the same."""


def _employees(people: Sequence[User], fields: Sequence[Field], reader: User) -> Iterable[Employee]:
    own = filled(fields, [one.pk for one in people], reader)
    names, out = structure.value.names, today.value.out
    zone = timezone.get_current_timezone()
    for one in people:
        yield Employee(
            one.face,
            one.full_name,
            one.status,
            one.is_administrator,
            one.position,
            one.email,
            one.phone,
            # A department that is younger than what is remembered is there with the next request.
            tuple(names[pk] for pk in one.places if pk in names),  # type: ignore[attr-defined]
            one.joined_at.astimezone(zone).date(),
            one.invited_at,
            out[one.pk].said if one.pk in out else "",
            own[one.pk],
            one,
        )


# Filters


STATUSES = (
    Choice(
        STATUS,
        gettext_lazy("Status"),
        Keyword("status", tuple(User.Status.values)),
        choices=User.Status.choices,
        is_always_set=True,
    ),
)


def _in_departments(ids: list[int]) -> Q:
    """With all below them."""
    return Q(pk__in=Membership.objects.filter(department__path__overlap=ids).values("user"))


DEPARTMENT = Reference("department", gettext_lazy("Department"), Among(_in_departments), kind=DEPARTMENT_KIND)


class BySkill(Filter[Skill]):
    """Led to from profiles: skills are too many to be listed."""

    def parse(self, given: QueryDict, context: Context) -> Skill | None:
        text = given.get(self.key, "")
        if not text:
            return None
        number = whole_number(text)
        skill = None if number is None else Skill.objects.filter(pk=number).first()
        if skill is None:
            raise ValidationError(_("Nobody has this skill any more."), code="filter")
        return skill

    def pairs(self, value: Skill) -> Pairs:
        return [(self.key, str(value.pk))]

    def condition(self, field: Filterable, value: Skill, context: Context) -> Q:
        return field.condition("=", value.pk)

    def words(self, value: Skill, context: Context) -> str:
        return value.name


def _is_new() -> Q:
    return Q(invited_at=None, joined_at__gt=timezone.now() - NEW_FOR)


def _is_away() -> Q:
    return Q(pk__in=Absence.objects.on(company_day()).values("user"))


FILTERS: tuple[Filter[Any], ...] = (
    DEPARTMENT,
    YesNo("new", gettext_lazy("New here"), Flag(_is_new)),
    YesNo("away", gettext_lazy("Out today"), Flag(_is_away)),
    Text("city", gettext_lazy("City"), TextField("city")),
    BySkill("skill", gettext_lazy("Can"), Among(lambda ids: Q(skills__skill__in=ids))),
)


# What is done with many


def _suspend(person: User, /, *, by: User) -> None:
    if person.pk == by.pk:
        raise ValidationError(_("You would sign yourself out for good: ask another administrator."))
    must_manage(by, person)
    suspend_user(person, by=by)


def _return(person: User, /, *, by: User) -> None:
    must_manage(by, person)
    return_user(person, by=by)


def _restore(person: User, was: str, /, *, by: User) -> None:
    (_suspend if was == User.Status.SUSPENDED else _return)(person, by=by)


SUSPEND: Bulk[User] = Bulk(
    key="suspend",
    label=gettext_lazy("Suspend"),
    icon="user-pause",
    act=_suspend,
    done=lambda count: (
        ngettext(
            "%(num)s person is suspended and signed out everywhere.",
            "%(num)s people are suspended and signed out everywhere.",
            count,
        )
        % {"num": count}
    ),
    question=gettext_lazy("Those who are chosen will be signed out everywhere and cannot sign in again."),
    state=lambda person: person.status,
    restore=_restore,
)
RETURN: Bulk[User] = Bulk(
    key="return",
    label=gettext_lazy("Let in again"),
    icon="user-check",
    act=_return,
    done=lambda count: (
        ngettext(
            "%(num)s person works here again and can sign in.",
            "%(num)s people work here again and can sign in.",
            count,
        )
        % {"num": count}
    ),
    state=lambda person: person.status,
    restore=_restore,
)
