"""Adding and correcting people from a table: in the background, in steps that a killed process goes on from.

Whoever has a row's e-mail or login is corrected by it, others are added. A row that cannot be right is listed
with its reason, and stops no other. The same table again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from itertools import batched, islice
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts import actions as accounts
from box.core.accounts import custom_fields
from box.core.accounts.access import can_manage
from box.core.accounts.bulk import set_own_texts
from box.core.accounts.custom_field_actions import set_own_values
from box.core.accounts.events import UserCreated
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.models import Blob, new_key
from box.core.files.store import NotFound, store
from box.core.org import actions
from box.core.org.events import PeopleImportStarted
from box.core.org.models import Department, ImportProblem, Membership, PeopleImport
from box.lib.tables import LARGEST_FILE, Row, TableRefused, read_table

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import OwnField

BATCH = 100
PREVIEWED = 8
CONTENT_TYPE = "application/octet-stream"

FIELDS = {
    "": gettext_lazy("(leave out)"),
    "full_name": gettext_lazy("Last name, first name, patronymic"),
    "last_name": gettext_lazy("Last name"),
    "first_name": gettext_lazy("First name"),
    "patronymic": gettext_lazy("Patronymic"),
    "former_last_name": gettext_lazy("Former last name"),
    "email": gettext_lazy("E-mail"),
    "login": gettext_lazy("Login"),
    "position": gettext_lazy("Position"),
    "department": gettext_lazy("Department"),
    "phone": gettext_lazy("Phone"),
    "birthday_on": gettext_lazy("Birthday"),
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
    "birthday_on": "деньрождения датарождения birthday birthdate dateofbirth dob",
}
_BY_HEADING = {heading: name for name, headings in _HEADINGS.items() for heading in headings.split()}
_PROFILE = ("last_name", "first_name", "patronymic", "former_last_name", "position", "phone", "birthday_on")
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d.%m.%y")
_WAY = re.compile(r"\s*[/\\>→]\s*")


class RowRefused(Exception):
    """This row is not imported; the message says why."""


def fields() -> dict[str, _StrOrPromise]:
    """What a column may be for: those of every portal, and those that administrators have defined."""
    return {**FIELDS, **{field.key: field.name for field in custom_fields.standing.value}}


def guessed(head: Sequence[str], defined: Sequence[OwnField] = ()) -> list[str]:
    """By the number of the column the field that its heading means, each field once. Of the fields that
    administrators have defined the name is the heading."""
    known = {_plain(field.name): field.key for field in defined} | _BY_HEADING
    found: list[str] = []
    for heading in head:
        name = known.get(_plain(heading), "")
        found.append("" if name in found else name)
    return found


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]", "", heading.lower()).replace("ё", "е")


def begin_import(file: IO[bytes], name: str, *, by: User) -> PeopleImport:
    """Keeps the table, and what its first rows look like. Raises TableRefused."""
    rows = read_table(file)
    head = next(rows, None)
    first = list(islice(rows, PREVIEWED))
    if head is None or not first:
        raise TableRefused(_("The table needs a row of headings and a row for each person."))
    total = len(first) + sum(1 for _row in rows)
    file.seek(0)
    data = file.read(LARGEST_FILE)
    now = timezone.now()
    key = new_key(now)
    store().write(key, data, content_type=CONTENT_TYPE)
    with transaction.atomic():
        blob = Blob.objects.create(
            key=key,
            size=len(data),
            inspected_at=now,
            sha256=sha256(data).hexdigest(),
            content_type=CONTENT_TYPE,
        )
        return PeopleImport.objects.create(
            by=by, name=name[:255], blob=blob, total=total,
            columns=guessed(head.cells, custom_fields.standing.value),
            preview=[head.cells, *(row.cells for row in first)],
        )  # fmt: skip


@transaction.atomic
def start_import(
    run: PeopleImport, columns: Sequence[str], *, makes_departments: bool, invites: bool, by: User
) -> None:
    """From here on it goes by itself. Starting it twice starts it once."""
    used = [name for name in columns if name]
    if unknown := set(used) - fields().keys():
        raise ValidationError(_("There is no such field: %(names)s.") % {"names": ", ".join(sorted(unknown))})
    if len(set(used)) != len(used):
        raise ValidationError(_("Two columns are for the same field: leave one of them out."))
    if "email" not in used and "login" not in used:
        raise ValidationError(_("Say which column is the e-mail: people are told apart by it."))
    if not {"full_name", "last_name", "first_name"} & set(used):
        raise ValidationError(_("Say which column is the name."))
    waiting = PeopleImport.objects.filter(pk=run.pk, status=PeopleImport.Status.NEW)
    if waiting.filter(blob=None).exists():
        raise ValidationError(
            _(
                "This table told of somebody whose personal data were erased meanwhile, and is gone: take a"
                " new one without them from where it came from, and import that."
            )
        )
    started = waiting.exclude(blob=None).update(
        columns=list(columns), makes_departments=makes_departments, invites=invites, language=by.language,
        status=PeopleImport.Status.RUNNING, started_at=timezone.now(), moved_at=timezone.now(),
    )  # fmt: skip
    if started:
        emit(PeopleImportStarted(import_id=run.pk, by_id=by.pk))


def go_on(run: PeopleImport) -> None:
    """Imports what is left, in steps of their own, and lets the table go. Call with the run's lock held."""
    with _table_of(run) as file, translation.override(run.language or None):
        rows = islice(read_table(file), 1, None)
        defined = custom_fields.standing.value
        seen: set[str] = set()
        for row in islice(rows, run.done):
            with suppress(RowRefused):
                seen |= _wanted(row, run.columns, defined).keys
        for batch in batched(rows, BATCH, strict=False):
            _step(run, batch, seen, defined)
    PeopleImport.objects.filter(pk=run.pk).update(
        status=PeopleImport.Status.DONE, finished_at=timezone.now(), blob=None
    )


def rows_of(run: PeopleImport) -> Iterator[Row]:
    """Of a table that waits to be imported, without its headings."""
    with _table_of(run) as file:
        yield from islice(read_table(file), 1, None)


@contextmanager
def _table_of(run: PeopleImport) -> Iterator[IO[bytes]]:
    if run.blob is None:
        raise NotFound
    with SpooledTemporaryFile(max_size=4 * 2**20) as file:
        for chunk in store().read(run.blob.key):
            file.write(chunk)
        yield file


@transaction.atomic
def _step(run: PeopleImport, rows: Sequence[Row], seen: set[str], defined: Sequence[OwnField]) -> None:
    """One transaction: what it did and how far it got are there together, or not at all.

    `seen` are the e-mails and logins of the rows above.
    """
    step = _Step(run, _Departments(run.makes_departments, run.by))
    wanted, problems = [], []
    for row in rows:
        try:
            wanted.append(_wanted(row, run.columns, defined))
        except RowRefused as refused:
            problems.append((row, str(refused)))
    known = step.known_people(wanted)
    for one in wanted:
        try:
            if one.keys & seen:
                raise RowRefused(_("The same e-mail or login stands in a row above."))
            seen |= one.keys
            step.take(one, known)
        except RowRefused as refused:
            problems.append((one.row, str(refused)))
    step.hire()
    ImportProblem.objects.bulk_create(
        ImportProblem(run=run, row=row.number, text=text, cells=list(row.cells)) for row, text in problems
    )
    PeopleImport.objects.filter(pk=run.pk).update(
        done=F("done") + len(rows),
        created=F("created") + step.created,
        changed=F("changed") + step.changed,
        failed=F("failed") + len(problems),
        moved_at=timezone.now(),
    )


@dataclass(frozen=True)
class _Wanted:
    """A row, understood: of its fields those that it has a value for."""

    row: Row
    email: str
    login: str
    fields: Mapping[str, Any]
    department: str
    # Values of fields that administrators have defined, by key, as they are kept.
    own: Mapping[str, str]

    @property
    def keys(self) -> set[str]:
        """What tells this person from others."""
        return set(filter(None, (self.login, self.email)))


def _wanted(row: Row, columns: Sequence[str], defined: Sequence[OwnField]) -> _Wanted:
    cells = {name: cell for name, cell in zip(columns, row.cells, strict=False) if name and cell}
    if "full_name" in cells:
        names = ("last_name", "first_name", "patronymic")
        cells = {**dict(zip(names, cells.pop("full_name").split(maxsplit=2), strict=False)), **cells}
    email = cells.get("email", "").lower()
    login = (cells.get("login") or email).lower()
    if not login:
        raise RowRefused(_("There is no e-mail."))
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise RowRefused(_("%(email)s is no e-mail address.") % {"email": email}) from None
    if not re.fullmatch(r"[^\s/\\]{1,150}", login):
        raise RowRefused(_("%(login)s is no login: it has no spaces and slashes.") % {"login": login})
    fields: dict[str, Any] = {name: cells[name] for name in _PROFILE if name in cells}
    if not fields.get("last_name") and not fields.get("first_name"):
        raise RowRefused(_("There is no name."))
    if "birthday_on" in fields:
        fields["birthday_on"] = _date(fields["birthday_on"])
    for name, value in fields.items():
        limit = getattr(User._meta.get_field(name), "max_length", None)
        if limit and len(value) > limit:
            raise RowRefused(
                _("%(field)s is too long: %(limit)s characters at most.")
                % {"field": FIELDS[name], "limit": limit}
            )
    return _Wanted(row, email, login, fields, cells.get("department", ""), _own(cells, defined))


def _own(cells: Mapping[str, str], defined: Sequence[OwnField]) -> dict[str, str]:
    """A field that was archived since the columns were chosen is left out."""
    try:
        return {
            field.key: custom_fields.read(field, cells[field.key]) for field in defined if field.key in cells
        }
    except ValidationError as error:
        raise RowRefused(" ".join(error.messages)) from None


def _date(text: str) -> date:
    for form in _DATES:
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if date(1900, 1, 1) <= found <= timezone.localdate():
            return found
    raise RowRefused(_("%(text)s is no birthday: write 24.11.1990 or 1990-11-24.") % {"text": text})


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
        """`Sales`, or its way from above: `Company / Sales`. Raises RowRefused."""
        names = [name for name in _WAY.split(text.strip()) if name]
        way = tuple(name.lower() for name in names)
        found = [one for known, one in self._by_way.items() if known[-len(way) :] == way] if way else []
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise RowRefused(
                _("Several departments are called %(name)s: write it as Above / %(name)s.") % {"name": text}
            )
        if not self.makes or not names:
            raise RowRefused(_("There is no department %(name)s.") % {"name": text})
        return self._made(names)

    def _made(self, names: Sequence[str]) -> Department:
        try:
            if len(names) > 1:
                above: Department | None = self.named(" / ".join(names[:-1]))
            else:
                above = next((one for one in self._by_way.values() if one.parent_id is None), None)
            made = actions.create_department(names[-1], parent=above, by=self.by)
        except ValidationError as error:
            raise RowRefused(" ".join(error.messages)) from None
        way = next((way for way, one in self._by_way.items() if above and one.pk == above.pk), ())
        self._by_way[(*way, made.name.lower())] = made
        return made


@dataclass
class _Step:
    """What one step does: corrections at once, additions together at its end."""

    run: PeopleImport
    departments: _Departments
    created: int = 0
    changed: int = 0
    _new: list[tuple[User, Department | None, Mapping[str, str]]] = field(default_factory=list)

    def known_people(self, wanted: Iterable[_Wanted]) -> dict[str, User]:
        """Whoever has one of these e-mails or logins, by both; with where they belong."""
        wanted = list(wanted)
        names = {name for one in wanted for name in (one.login, one.email) if name}
        people = User.objects.filter(Q(email__in=names) | Q(login__in=names))
        found: dict[str, User] = {}
        places = ("memberships", "merged_into__memberships")
        for account in people.select_related("profile", "merged_into__profile").prefetch_related(*places):
            person = account.merged_into or account
            found[f"login:{account.login}"] = person
            if account.email:
                found[f"email:{account.email}"] = person
        return found

    def take(self, one: _Wanted, known: Mapping[str, User]) -> None:
        person = known.get(f"email:{one.email}") or known.get(f"login:{one.login}")
        # By whichever of the two they sign in: it is the same space.
        for name in sorted(one.keys):
            for other in (known.get(f"login:{name}"), known.get(f"email:{name}")):
                if other is not None and (person is None or other.pk != person.pk):
                    raise RowRefused(_("Somebody else has the login %(login)s.") % {"login": name})
        department = self.departments.named(one.department) if one.department else None
        if person is None:
            self._new.append((self._user(one), department, one.own))
        else:
            self._correct(person, one, department)

    def _user(self, one: _Wanted) -> User:
        user = User(login=one.login, email=one.email, language=self.run.language, **one.fields)
        user.set_unusable_password()
        return user

    def _correct(self, person: User, one: _Wanted, department: Department | None) -> None:
        if person.is_extranet:
            raise RowRefused(_("%(name)s is a guest from outside.") % {"name": person.name})
        if not can_manage(self.run.by, person):
            raise RowRefused(_("Only administrators change other administrators."))
        if person.status == User.Status.DISMISSED:
            raise RowRefused(_("%(name)s is dismissed: let them return first.") % {"name": person.name})
        changes = {name: value for name, value in one.fields.items() if getattr(person, name) != value}
        texts = custom_fields.texts_of(person)
        own = {key: text for key, text in one.own.items() if texts.get(key) != text}
        places = {membership.department_id for membership in person.memberships.all()}
        is_moved = department is not None and department.pk not in places
        try:
            if changes:
                accounts.update_profile(person, changes, by=self.run.by)
            if own:
                set_own_values(person, own, by=self.run.by)
            if department is not None and is_moved:
                actions.add_member(department, person, by=self.run.by)
        except ValidationError as error:
            raise RowRefused(" ".join(error.messages)) from None
        self.changed += bool(changes or own or is_moved)

    def hire(self) -> None:
        people = User.objects.bulk_create([user for user, _department, _own in self._new])
        Membership.objects.bulk_create(
            Membership(user=user, department=department) for user, department, _own in self._new if department
        )
        set_own_texts({user.pk: own for user, _department, own in self._new if own})
        self.created = len(people)
        for person in people:
            emit(UserCreated(user_id=person.pk, by_id=self.run.by_id))
            if self.run.invites and person.email:
                accounts.send_invitation(person, by=self.run.by)


def problems_of(run: PeopleImport) -> Iterator[list[str]]:
    """For an export that is corrected and imported again: the reason, and the row as it was."""
    for problem in run.problems.order_by("row").iterator():
        yield [str(problem.row), problem.text, *problem.cells]
