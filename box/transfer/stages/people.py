"""People: whoever is here already is recognised as was decided before; others are added, with their place."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import date, datetime
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, override

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.accounts.actions import NewUser, create_user, dismiss_user, update_profile
from box.core.accounts.models import User
from box.core.files.pictures import PicturesWait
from box.core.people.photos import set_photo
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.structure.actions import place
from box.core.structure.models import Membership
from box.lib.egress import Fetched
from box.transfer.cloud import WORDS, CloudAway
from box.transfer.downloads import fetch_each
from box.transfer.ledger import Extra, Ledger, Row, digest_of
from box.transfer.models import Match
from box.transfer.stages.base import (
    Page,
    Stage,
    Work,
    file_name,
    ids_in,
    is_yes,
    line,
    moment_in,
    optional_moment,
)
from box.transfer.stages.structure import departments_of

Role = Membership.Role
MOST_PHOTO = 10 * 2**20
_LOGIN = re.compile(r"[^\s/\\]{1,150}")


class People(Stage):
    key = "people"
    label = gettext_lazy("People")
    kind = "person"
    needs = ("departments",)

    @override
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        for rows in people_pages(work, after=int(cursor.get("after", 0))):
            yield Page(rows, {"after": int(rows[-1]["ID"])})

    @override
    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        departments_of(work)
        extra = Extra()
        addresses = {self.id_of(row): row.get("PERSONAL_PHOTO") for row in rows}
        wanted = {theirs: one for theirs, one in addresses.items() if isinstance(one, str) and one}
        for theirs, found in fetch_each(work.cloud, wanted, _kept).items():
            if isinstance(found, CloudAway):
                said = _("The photo could not be fetched: %(why)s") % {"why": found}
                extra.refuse(self.kind, theirs, said)
            elif found is None:
                extra.refuse(self.kind, theirs, _("The photo is too large."), is_passing=False)
            else:
                extra.rows[theirs] = found
        return extra

    @override
    def moment_of(self, row: Row) -> datetime:
        return moment_in(row.get("DATE_REGISTER"))

    @override
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        theirs = self.id_of(row)
        match = recognised(work, row)
        person, is_new = match.user, match.user is None
        if person is None:
            email = without_taken(work, match, self._email(work, row))
            person = create_user(self._new(work, row, email), password=None, by=None)
        # Whoever was here before stays as they are, and where they are.
        work.took(self.kind, theirs, person.pk, digest=digest_of(row), is_new=is_new)
        if is_new:
            self._place(work, row, person)
            self._show(work, row, extra, person)
            if not is_active(row):
                dismiss_user(person, by=None)
        else:
            extra.lacking.discard((self.kind, theirs))
        return person.pk

    @override
    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        person = User.objects.filter(pk=ours).first()
        if person is None or not work.known(self.kind, [self.id_of(row)])[self.id_of(row)].is_new:
            return
        new = self._new(work, row)
        names = (
            *("first_name", "last_name", "patronymic", "position"),
            *("phone", "city", "gender", "birthday_on", "external_id"),
        )
        update_profile(person, {name: getattr(new, name) for name in names}, by=work.by)
        self._place(work, row, person)
        if not is_active(row) and person.is_active:
            dismiss_user(person, by=None)

    @override
    def complete(self, work: Work, row: Row, extra: Extra, ours: int, *, is_edited: bool) -> None:
        """Their photo; whoever has one by now keeps it, and who was here before stays as they are."""
        person = User.objects.filter(pk=ours, photo_id=None).first()
        if person is not None and work.known(self.kind, [self.id_of(row)])[self.id_of(row)].is_new:
            self._show(work, row, extra, person)

    def _email(self, work: Work, row: Row) -> str:
        email = line(row.get("EMAIL"), 254).lower()
        try:
            validate_email(email)
        except ValidationError:
            if email:
                said = _("“%(email)s” is no e-mail: the person was added without one.")
                work.remark(self.kind, self.id_of(row), said % {"email": email})
            return ""
        return email

    def _new(self, work: Work, row: Row, email: str = "") -> NewUser:
        theirs = self.id_of(row)
        login = line(row.get("LOGIN"), 150).lower()
        if not _LOGIN.fullmatch(login) or User.objects.signing_in_as(login).exists():
            login = email or f"b24-{theirs}"
        return NewUser(
            email=email,
            login=login,
            first_name=line(row.get("NAME"), 100),
            last_name=line(row.get("LAST_NAME"), 100),
            patronymic=line(row.get("SECOND_NAME"), 100),
            position=line(row.get("WORK_POSITION"), 200),
            phone=line(row.get("PERSONAL_MOBILE") or row.get("WORK_PHONE"), 32),
            city=line(row.get("PERSONAL_CITY"), 100),
            gender=gender if (gender := line(row.get("PERSONAL_GENDER"), 1)) in User.Gender else "",
            external_id=line(row.get("XML_ID"), LONGEST_EXTERNAL_ID),
            birthday_on=_day(row.get("PERSONAL_BIRTHDAY")),
            # These two another Korobka tells.
            birthday_shown=_one_of(User.BirthdayShown.values, row.get("BIRTHDAY_SHOWN"), "day"),
            language=_one_of(dict(settings.LANGUAGES), row.get("LANGUAGE_ID"), work.migration.language),
            is_extranet=row.get("USER_TYPE") == "extranet",
        )

    def _place(self, work: Work, row: Row, person: User) -> None:
        if not is_active(row) or person.is_extranet:
            return
        theirs, heads = (
            self.id_of(row),
            {str(one["ID"]): str(one.get("UF_HEAD")) for one in departments_of(work)},
        )
        headed = (pk for pk, head in heads.items() if head == theirs)
        # The first of them is the one that they stand under.
        ours = work.all_ours("department", [*ids_in(row.get("UF_DEPARTMENT")), *headed])
        roles = {pk: Role.HEAD if heads.get(one) == theirs else Role.MEMBER for one, pk in ours.items()}
        if roles:
            place(person, roles, by=None)

    def _show(self, work: Work, row: Row, extra: Extra, person: User) -> None:
        theirs = self.id_of(row)
        for text in extra.refusals(self.kind, theirs):
            work.remark(self.kind, theirs, text)
        if (photo := extra.rows.get(theirs)) is not None:
            try:
                set_photo(person, photo, by=None)
            except ValidationError as error:
                said = _("The photo “%(name)s” did not come: %(why)s")
                name = file_name(str(row["PERSONAL_PHOTO"]).partition("?")[0])
                work.remark(self.kind, theirs, said % {"name": name, "why": " ".join(error.messages)})
                if isinstance(error, PicturesWait):
                    extra.lacking.add((self.kind, theirs))


def _kept(theirs: str, content: IO[bytes], fetched: Fetched) -> IO[bytes] | None:
    """On disk, for as long as its page is on its way; nothing of one that is too large."""
    if fetched.size > MOST_PHOTO:
        return None
    kept = TemporaryFile()  # noqa: SIM115 - closed with the page that holds it
    copyfileobj(content, kept)
    return kept


def people_pages(work: Work, *, after: int = 0) -> Iterator[list[Row]]:
    return work.cloud.walk("user.get", after=after, shape=WORDS, ADMIN_MODE=True)


def is_active(row: Row) -> bool:
    """Whether they work there; the portal says nothing of whoever is its own."""
    return "ACTIVE" not in row or is_yes(row["ACTIVE"])


def matched(work: Ledger, rows: Sequence[Row]) -> list[Match]:
    """Whom each of these is here, by rule: by e-mail first, then by login."""
    emails = {line(row.get("EMAIL"), 254).lower() for row in rows}
    logins = {line(row.get("LOGIN"), 150).lower() for row in rows}
    known = User.objects.themselves().called((emails | logins) - {""})
    found = []
    for row in rows:
        email, login = line(row.get("EMAIL"), 254).lower(), line(row.get("LOGIN"), 150).lower()
        user, way = known.get(email), Match.Way.EMAIL
        if user is None and login in known:
            user, way = known[login], Match.Way.LOGIN
        name = line(
            " ".join(filter(None, (line(row.get("NAME"), 100), line(row.get("LAST_NAME"), 100)))), 255
        )
        found.append(
            Match(
                migration=work.migration,
                theirs=str(row["ID"]),
                name=name or email or str(row["ID"]),
                email=email,
                has_left=not is_active(row),
                user=user,
                way=way if user else Match.Way.NEW,
            )
        )
    return found


def recognised(work: Ledger, row: Row) -> Match:
    """Whom somebody of the portal is here, as was decided before anything came. Whoever was nobody by rule
    then may have got an account since: the rules are asked again, and find no one twice."""
    held = work.migration.matches.filter(theirs=str(row["ID"])).select_related("user").first()
    if held is not None and (held.user is not None or held.way == Match.Way.HAND):
        return held
    (anew,) = matched(work, [row])
    if anew.user is None:
        return anew
    if (
        work.migration.matches.filter(user=anew.user).exists()
        or work.migration.identities.filter(kind=People.kind, ours=anew.user.pk).exists()
    ):
        anew.user, anew.way = None, Match.Way.NEW
        return anew
    Match.objects.bulk_create(
        [anew], update_conflicts=True, unique_fields=["migration", "theirs"], update_fields=["user", "way"]
    )
    return anew


def without_taken(work: Ledger, match: Match, email: str) -> str:
    """The e-mail, or none: whoever is nobody here by hand may have that of a colleague, who keeps it."""
    if match.way != Match.Way.HAND or not email or not User.objects.signing_in_as(email).exists():
        return email
    said = _("Somebody here has the e-mail “%(email)s”: the person was added without it.")
    work.remark(People.kind, match.theirs, said % {"email": email})
    return ""


def _one_of(known: Container[str], told: Any, usual: str) -> str:
    return str(told) if isinstance(told, str) and told in known else usual


def _day(value: Any) -> date | None:
    """A birthday is a day, whatever zone its midnight has."""
    match = re.match(r"(\d{4})-(\d{2})-(\d{2})", value) if isinstance(value, str) else None
    try:
        if match:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    found = optional_moment(value)
    return found.date() if found else None
