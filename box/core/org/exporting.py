"""The list of employees as a file: those that the list shows, read in portions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from box.core.accounts.custom_fields import PROFILE
from box.core.fields.kinds import cell
from box.core.fields.values import cards_of, values_of_many
from box.core.org.auditing import EXPORTED
from box.core.org.forms import PeopleFilter
from box.core.org.showing import departments_of
from box.core.org.views import for_people_editors, people_found
from box.core.registry.auditing import record
from box.lib.tables import export

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest
    from box.lib.tables import Cell

PORTION = 500


@require_GET
@for_people_editors
def people_export(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Under the headings that an import knows, so that it can be corrected and imported again."""
    if kind not in ("csv", "xlsx"):
        raise Http404
    wanted = PeopleFilter(request.GET)
    wanted.is_valid()
    chosen = {name: value for name, value in wanted.cleaned_data.items() if name != "after"}
    record(EXPORTED, by_id=request.user.pk, format=kind, filter=wanted.address())
    head = [
        *(_("Last name"), _("First name"), _("Patronymic"), _("E-mail"), _("Login"), _("Position")),
        *(_("Phone"), _("Birthday"), _("Department"), _("Also in"), _("Status"), _("In the portal since")),
    ]
    head += [field.name for field in PROFILE.fields]
    return export(kind, "employees", head, _rows(people_found(**chosen).by_name(), request.user))


def _rows(people: Any, reader: User) -> Iterator[list[Cell]]:
    last: User | None = None
    while found := list((people.below(last) if last else people)[:PORTION]):
        departments = departments_of(found)
        values = values_of_many(PROFILE, [person.pk for person in found])
        known = cards_of(values.values(), reader)
        for person in found:
            has = values.get(person.pk, {})
            own, *others = departments.get(person.pk) or [""]
            yield [
                *(person.last_name, person.first_name, person.patronymic, person.email, person.login),
                *(person.position, person.phone, person.birthday_on, own, ", ".join(others)),
                *(person.get_status_display(), person.joined_at.date()),
                *(cell(field, has.get(field, ()), known) for field in PROFILE.fields),
            ]
        last = found[-1]
