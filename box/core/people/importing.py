"""Adding and correcting people from a table: see `box.core.imports`.

Whoever has a row's e-mail or login is corrected by it, others are added. The same table again changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts import actions as accounts
from box.core.accounts.access import can_manage, can_manage_people
from box.core.accounts.custom_fields import PROFILE, set_values, write_everybodys
from box.core.accounts.events import UserCreated
from box.core.accounts.models import User
from box.core.accounts.profile_fields import TEXTS, label_of
from box.core.events.outbox import emit
from box.core.fields.values import Values
from box.core.imports.importers import (
    Context,
    Duplicates,
    Entry,
    Importer,
    ImportField,
    Option,
    Taken,
    fields_of,
    values_from,
)
from box.core.structure import actions
from box.core.structure.access import can_edit_structure, why_not_place
from box.core.structure.models import Department, Membership

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MAKES_DEPARTMENTS, INVITES = "makes_departments", "invites"

# What no column of a person is called like.
_LABELS: dict[str, _StrOrPromise] = {
    "full_name": gettext_lazy("Last name, first name, patronymic"),
    "department": gettext_lazy("Department"),
}
# What people call these columns, without signs and spaces.
_HEADINGS = {
    "full_name": "фио fio полноеимя сотрудник fullname name employee displayname имяфамилия",
    "last_name": "фамилия lastname surname familyname sn",
    "first_name": "имя firstname givenname",
    "patronymic": "отчество patronymic middlename",
    "former_last_name": "прежняяфамилия девичьяфамилия formerlastname maidenname",
    "email": "email почта эпочта электроннаяпочта адресэлектроннойпочты mail emailaddress workemail",
    "login": "логин login username samaccountname имяпользователя",
    "position": "должность position jobtitle title post",
    "department": "отдел подразделение департамент department unit division",
    "phone": "телефон мобильный мобильныйтелефон рабочийтелефон phone mobile telephone phonenumber workphone",
    "city": "город city town location",
    "gender": "пол gender sex",
    "birthday_on": "деньрождения датарождения birthday birthdate dateofbirth dob",
}
_PROFILE = tuple(name for name in (*TEXTS, "birthday_on") if name in _HEADINGS)
_GENDERS = {
    "": frozenset({""}),
    User.Gender.WOMAN: frozenset(["f", "ж", "w", "female", "woman", "жен", "женский", "женщина"]),
    User.Gender.MAN: frozenset(["m", "м", "male", "man", "муж", "мужской", "мужчина"]),
}
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d.%m.%y")
_WAY = re.compile(r"\s*[/\\>→]\s*")


@dataclass(frozen=True)
class PersonRow:
    """A row, understood: of its fields those that it has a value for."""

    email: str
    login: str
    fields: Mapping[str, Any]
    department: str
    own: Values


class PeopleImporter(Importer[PersonRow]):
    key = "people"
    label = gettext_lazy("Employees")
    about = gettext_lazy("A row for each person. The same table again changes nothing.")
    options = (
        Option(MAKES_DEPARTMENTS, gettext_lazy("Make departments that are missing"), is_usual=True),
        Option(INVITES, gettext_lazy("Invite everybody who is added")),
    )
    duplicates = (Duplicates.MERGE, Duplicates.SKIP)
    back = "people:people"

    def can_import(self, user: User) -> bool:
        return can_manage_people(user)

    def fields(self) -> Sequence[ImportField]:
        built_in = [
            ImportField(key, _LABELS.get(key) or label_of(key), words) for key, words in _HEADINGS.items()
        ]
        return [*built_in, *fields_of(PROFILE)]

    def check(self, columns: Collection[str]) -> None:
        if not {"email", "login"} & set(columns):
            raise ValidationError(_("Say which column is the e-mail: people are told apart by it."))
        if not {"full_name", "last_name", "first_name"} & set(columns):
            raise ValidationError(_("Say which column is the name."))

    def understand(self, cells: Mapping[str, str], context: Context) -> PersonRow:
        return _understood(cells, context)

    def keys(self, row: PersonRow) -> Collection[str]:
        """By whichever of the two they sign in: it is the same space."""
        return {name for name in (row.login, row.email) if name}

    def known(self, keys: Collection[str], context: Context) -> Mapping[str, int]:
        """A merged account's names are those of the person it was merged into."""
        found: dict[str, int] = {}
        accounts_of = User.objects.filter(Q(email__in=keys) | Q(login__in=keys))
        for pk, merged_into, login, email in accounts_of.values_list("pk", "merged_into", "login", "email"):
            found |= {name: merged_into or pk for name in (login, email) if name in keys}
        return found

    def shown(self, row: PersonRow) -> Mapping[str, str]:
        return {"email": row.email, "login": row.login}

    def take(self, entries: Sequence[Entry[PersonRow]], context: Context) -> Sequence[Taken]:
        return _Step(context, _Departments(MAKES_DEPARTMENTS in context.options, context.by)).take(entries)


def _understood(cells: Mapping[str, str], context: Context) -> PersonRow:
    cells = dict(cells)
    if "full_name" in cells:
        names = ("last_name", "first_name", "patronymic")
        cells = {**dict(zip(names, cells.pop("full_name").split(maxsplit=2), strict=False)), **cells}
    email = cells.get("email", "").lower().partition("\n")[0]
    login = (cells.get("login") or email).lower()
    if not login:
        raise ValidationError(_("There is no e-mail."))
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise ValidationError(_("%(email)s is no e-mail address.") % {"email": email}) from None
    if not re.fullmatch(r"[^\s/\\]{1,150}", login):
        raise ValidationError(_("%(login)s is no login: it has no spaces and slashes.") % {"login": login})
    fields: dict[str, Any] = {name: cells[name] for name in _PROFILE if name in cells}
    if not fields.get("last_name") and not fields.get("first_name"):
        raise ValidationError(_("There is no name."))
    if "birthday_on" in fields:
        fields["birthday_on"] = _date(fields["birthday_on"])
    if "gender" in fields:
        fields["gender"] = _gender(fields["gender"])
    for name, value in fields.items():
        limit = getattr(User._meta.get_field(name), "max_length", None)
        if limit and len(value) > limit:
            raise ValidationError(
                _("%(field)s is too long: %(limit)s characters at most.")
                % {"field": label_of(name), "limit": limit}
            )
    return PersonRow(email, login, fields, cells.get("department", ""), values_from(PROFILE, cells, context))


def _gender(text: str) -> str:
    """As tables call it, in either language, and as the portal's own export does."""
    word = text.strip().lower().rstrip(".")
    for gender, words in _GENDERS.items():
        if word in words:
            return gender
    raise ValidationError(_("%(text)s is no gender: write woman or man, or leave it empty.") % {"text": text})


def _date(text: str) -> date:
    for form in _DATES:
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if date(1900, 1, 1) <= found <= timezone.localdate():
            return found
    raise ValidationError(_("%(text)s is no birthday: write 24.11.1990 or 1990-11-24.") % {"text": text})


@dataclass
class _Departments:
    """The company's departments by name, made where they are missing and that is wanted."""

    makes: bool
    by: User
    _by_way: dict[tuple[str, ...], Department] = field(default_factory=dict)

    def __post_init__(self) -> None:
        all_of_them = Department.objects.standing().in_bulk()
        for one in all_of_them.values():
            way = tuple(all_of_them[pk].name.lower() for pk in one.path)
            self._by_way[way] = one

    def named(self, text: str) -> Department:
        """`Sales`, or its way from above: `Company / Sales`. Raises ValidationError."""
        names = [name for name in _WAY.split(text.strip()) if name]
        way = tuple(name.lower() for name in names)
        found = [one for known, one in self._by_way.items() if known[-len(way) :] == way] if way else []
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise ValidationError(
                _("Several departments are called %(name)s: write it as Above / %(name)s.") % {"name": text}
            )
        if not self.makes or not names:
            raise ValidationError(_("There is no department %(name)s.") % {"name": text})
        if not can_edit_structure(self.by):
            raise ValidationError(
                _(
                    "There is no department %(name)s, and only whoever may change the structure makes one:"
                    " ask them, or an administrator."
                )
                % {"name": text}
            )
        return self._made(names)

    def _made(self, names: Sequence[str]) -> Department:
        if len(names) > 1:
            above: Department | None = self.named(" / ".join(names[:-1]))
        else:
            above = next((one for one in self._by_way.values() if one.parent_id is None), None)
        made = actions.create_department(names[-1], parent=above, by=self.by)
        way = next((way for way, one in self._by_way.items() if above and one.pk == above.pk), ())
        self._by_way[(*way, made.name.lower())] = made
        return made


@dataclass
class _Step:
    """What one step does: corrections at once, additions together at its end."""

    context: Context
    departments: _Departments
    _new: list[tuple[int, User, Department | None, Values]] = field(default_factory=list)
    _said: dict[int, str] = field(default_factory=dict)
    """Of a department why nobody may be put there; empty where they may."""

    def take(self, entries: Sequence[Entry[PersonRow]]) -> list[Taken]:
        people = self._people(one.same for one in entries if one.same)
        taken = []
        for one in entries:
            try:
                taken += self._take(one, people[one.same] if one.same else None)
            except ValidationError as error:
                taken.append(Taken(one.number, problem=" ".join(error.messages)))
        return taken + self._hire()

    def _people(self, ids: Iterable[int]) -> dict[int, User]:
        """With where they belong."""
        people = User.objects.filter(pk__in=list(ids)).select_related("profile")
        return {person.pk: person for person in people.prefetch_related("memberships")}

    def _take(self, one: Entry[PersonRow], person: User | None) -> list[Taken]:
        row = one.row
        department = self.departments.named(row.department) if row.department else None
        if person is not None:
            is_changed = self._correct(person, row, department)
            return [Taken(one.number, person.pk, is_changed=is_changed)]
        user = User(login=row.login, email=row.email, language=self.context.run.language, **row.fields)
        user.set_unusable_password()
        if department is not None and (said := self._why_not_there(user, department)):
            raise ValidationError(said)
        self._new.append((one.number, user, department, row.own))
        return []

    def _why_not_there(self, user: User, department: Department) -> str:
        """Of somebody who is added: the same of everybody whom one table puts there."""
        if department.pk not in self._said:
            there = {department.pk: Membership.Role.MEMBER}
            self._said[department.pk] = why_not_place(self.context.by, user, {}, there)
        return self._said[department.pk]

    def _correct(self, person: User, row: PersonRow, department: Department | None) -> bool:
        if person.is_extranet:
            raise ValidationError(_("%(name)s is a guest from outside.") % {"name": person.name})
        if not can_manage(self.context.by, person):
            raise ValidationError(_("Only administrators change other administrators."))
        if person.status == User.Status.DISMISSED:
            raise ValidationError(_("%(name)s is dismissed: let them return first.") % {"name": person.name})
        changes = {name: value for name, value in row.fields.items() if getattr(person, name) != value}
        places = {membership.department_id for membership in person.memberships.all()}
        is_moved = department is not None and department.pk not in places
        if department is not None and is_moved:
            # First: a row that is refused for this changes nothing.
            actions.add_member(department, person, by=self.context.by)
        if changes:
            accounts.update_profile(person, changes, by=self.context.by)
        is_filled_in = set_values(person, row.own, by=self.context.by) if row.own else False
        return bool(changes or is_filled_in or is_moved)

    def _hire(self) -> list[Taken]:
        by, new = self.context.by, self._new
        people = User.objects.bulk_create([user for _number, user, _department, _own in new])
        Membership.objects.bulk_create(
            Membership(user=user, department=department)
            for _number, user, department, _own in new
            if department
        )
        write_everybodys({user.pk: own for _number, user, _department, own in new if own})
        for person in people:
            emit(UserCreated(user_id=person.pk, by_id=by.pk))
            if INVITES in self.context.options and person.email:
                accounts.send_invitation(person, by=by)
        return [Taken(number, user.pk, is_new=True) for number, user, _department, _own in new]
