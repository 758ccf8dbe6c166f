"""Colleagues as an address book of CardDAV, to be read only (vCard 3.0, RFC 2426)."""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from vobject import vCard
from vobject.vcard import Name

from box.core.accounts.access import can_see_company
from box.core.accounts.models import User
from box.core.registry.company import company_name
from box.core.registry.dav import MOST_OBJECTS, DavCollection, DavObject, DavSource, dav_host
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from django.db.models import QuerySet


class PeopleSource(DavSource):
    def collections(self, user: User) -> Iterable[DavCollection]:
        return [PeopleCollection(user)] if can_see_company(user) else []


class PeopleCollection(DavCollection):
    kind = "VADDRESSBOOK"
    components = ("VCARD",)
    key = "people"

    def __init__(self, user: User) -> None:
        self.user, self.name = user, _("Colleagues")

    def _people(self) -> QuerySet[User]:
        found: QuerySet[User] = User.objects.visible_to(self.user).active().filter(is_extranet=False)
        return found

    def tags(self) -> Mapping[str, str]:
        rows = self._people().order_by("pk").values_list("pk", *_SHOWN)[:MOST_OBJECTS]
        places = _departments(row[0] for row in rows)
        return {
            f"{pk}.vcf": "|".join([*(str(one) for one in said), *places.get(pk, [])]) for pk, *said in rows
        }

    def read(self, names: Many[str]) -> Mapping[str, DavObject]:
        numbers = [name.removesuffix(".vcf") for name in names]
        people = self._people().filter(pk__in=[int(one) for one in numbers if one.isdecimal()])
        places = _departments(people.values_list("pk", flat=True))
        return {f"{one.pk}.vcf": _object(one, places.get(one.pk, [])) for one in people}

    def name_of_uid(self, uid: str) -> str | None:
        number, _at, host = uid.removeprefix("person-").partition("@")
        is_ours = host == dav_host() and number.isdecimal() and len(number) < 19
        return f"{number}.vcf" if is_ours and self._people().filter(pk=int(number)).exists() else None


_SHOWN = (
    "last_name", "first_name", "patronymic", "email", "phone", "position", "birthday_on", "birthday_shown",
)  # fmt: skip


def _departments(ids: Iterable[int]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = Membership.objects.filter(user__in=list(ids), department__merged_into=None).order_by("pk")
    for user, name in rows.values_list("user", "department__name"):
        found.setdefault(user, []).append(name)
    return found


def _object(person: User, departments: list[str]) -> DavObject:
    """Of a birthday what the person shows: without the year it has no place in a card of this version."""
    card = vCard()
    card.add("version").value = "3.0"
    card.add("uid").value = uid = f"person-{person.pk}@{dav_host()}"
    card.add("fn").value = person.name
    card.add("n").value = Name(family=person.last_name, given=person.first_name, additional=person.patronymic)
    card.add("org").value = [company_name(), *departments[:1]]
    if person.position:
        card.add("title").value = person.position
    if person.email:
        card.add("email").value = person.email
        card.email.type_param = "WORK"
    if person.phone:
        card.add("tel").value = person.phone
        card.tel.type_param = "WORK"
    if person.birthday_on is not None and person.birthday_shown == User.BirthdayShown.YEAR:
        card.add("bday").value = person.birthday_on.isoformat()
    card.add("url").value = f"{settings.PORTAL_URL}{reverse('people:person', args=[person.pk])}"
    return DavObject(card.serialize(), uid, person.joined_at)
