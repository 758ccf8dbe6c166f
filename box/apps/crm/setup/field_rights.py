"""Which fields of a type each role sees, and which it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.apps.crm.catalog import catalog
from box.apps.crm.field_rights import ALWAYS_SEEN, FIELD_LEVELS, entity_of, fields_of, give
from box.apps.crm.setup.access import only_administrators, setup_page
from box.core.access import roles as known_roles
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel, current
from box.core.access.models import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.models import RecordType
    from box.core.access.roles import RoleNow
    from box.core.accounts.requests import PersonRequest


@dataclass(frozen=True)
class Row:
    """A field: what the role was given there, what holds without that, and what may be chosen."""

    name: str
    label: str
    given: FieldLevel | None
    usual: FieldLevel
    choices: Mapping[FieldLevel, _StrOrPromise]


@require_http_methods(["GET", "POST"])
@only_administrators
def field_rights(request: PersonRequest, slug: str, type_slug: str) -> HttpResponse:
    """Of one role and one type; POST saves what the form says otherwise."""
    there = [one for one in known_roles.current().all if not one.is_administrators]
    now = next((one for one in there if one.slug == slug), None)
    kind = catalog().by_slug.get(type_slug)
    if now is None or kind is None:
        raise Http404
    if request.method == "POST":
        changed = _save(request, now, kind)
        messages.success(request, _("The permissions are saved.") if changed else _("Nothing was changed."))
        return redirect("crm:setup-field-rights", slug, type_slug)
    context = {
        "roles": there, "role": now, "kind": kind, "types": catalog().standing_types,
        "rows": rows_of(now, kind), "levels": FIELD_LEVELS,
    }  # fmt: skip
    return setup_page(request, "permissions", "crm/setup/field_rights.html", context)


def rows_of(role: RoleNow, kind: RecordType) -> list[Row]:
    given = current().given.get(entity_of(kind.pk), {})
    usual = FieldLevel.CHANGE if role.is_employees else FieldLevel.HIDDEN
    return [
        Row(
            name,
            str(label),
            given.get(name, {}).get(role.id or 0),
            usual,
            {level: word for level, word in FIELD_LEVELS.items() if level or name not in ALWAYS_SEEN},
        )
        for name, label in fields_of(kind).items()
    ]


@transaction.atomic
def _save(request: PersonRequest, now: RoleNow, kind: RecordType) -> int:
    """How many fields the form says something else of than was given; what it does not name stays."""
    stored = employees_role() if now.is_employees else Role.objects.get(pk=now.id or 0)
    changed = 0
    for row in rows_of(now, kind):
        sent = request.POST.get(row.name)
        if sent is None:
            continue
        level = _level(sent)
        if level is not None and level not in row.choices:
            raise Http404
        if level != row.given:
            give(stored, kind, row.name, level, by=request.user)
            changed += 1
    return changed


def _level(sent: str) -> FieldLevel | None:
    if not sent:
        return None
    if sent not in {str(level.value) for level in FieldLevel}:
        raise Http404
    return FieldLevel(int(sent))
