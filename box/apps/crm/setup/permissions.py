"""How far each role reaches, as a matrix of scopes and operations; and what follows for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from box.apps.crm.actions.setup import set_permission
from box.apps.crm.catalog import catalog
from box.apps.crm.permissions import LEVELS, OPERATIONS, Level, Operation, current
from box.apps.crm.setup.access import only_administrators, setup_page
from box.core.access import roles as known_roles
from box.core.access.actions import employees_role
from box.core.access.models import Role
from box.core.accounts.models import User
from box.core.registry.capabilities import finders

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.apps.crm.permissions import Rules
    from box.core.access.roles import RoleNow
    from box.core.accounts.requests import PersonRequest

PERSON = "org.person"
LONGEST = 200


@dataclass(frozen=True)
class Scope:
    """In which permissions are given; `depth` is how far it stands within its type."""

    key: str
    label: str
    depth: int


@dataclass(frozen=True)
class Cell:
    """What a role was given in a scope, and what holds there: `usual` is what the wider scope says."""

    name: str
    given: Level | None
    usual: Level


def scopes() -> Iterator[Scope]:
    """Types, their pipelines where there are several, and stages that have permissions of their own."""
    known = catalog()
    for kind in known.standing_types:
        yield Scope(kind.scope, str(kind.label), 0)
        pipelines = known.pipelines_of(kind)
        for pipeline in pipelines:
            if len(pipelines) > 1:
                yield Scope(pipeline.scope, str(pipeline), 1)
            for stage in known.stages_of(pipeline):
                if stage.has_own_permissions:
                    yield Scope(stage.scope, str(stage), 2)


def rows_of(role: RoleNow) -> list[tuple[Scope, list[Cell]]]:
    rules = current()
    return [
        (scope, [_cell(rules, role, scope.key, operation) for operation in OPERATIONS]) for scope in scopes()
    ]


def _cell(rules: Rules, role: RoleNow, scope: str, operation: Operation) -> Cell:
    given = rules.given.get((role.id or 0, scope, operation))
    chain = rules.scopes.get(scope, (scope,))
    usual = rules.level_in(role, chain[1:], operation)
    return Cell(f"{scope}-{operation.value}", given, usual)


@require_GET
@only_administrators
def permissions(request: PersonRequest) -> HttpResponse:
    return redirect("crm:setup-role", Role.Key.EMPLOYEES.value)


@require_http_methods(["GET", "POST"])
@only_administrators
def role(request: PersonRequest, slug: str) -> HttpResponse:
    """The matrix of one role; POST saves it. With `person` it says what that person reaches, and by which
    role."""
    there = [one for one in known_roles.current().all if not one.is_administrators]
    now = next((one for one in there if one.slug == slug), None)
    if now is None:
        raise Http404
    if request.method == "POST":
        changed = _save(request, now)
        said = _("The permissions are saved.") if changed else _("Nothing was changed.")
        messages.success(request, said)
        return redirect("crm:setup-role", slug)
    asked = request.GET.get("person", "").strip()[:LONGEST]
    context = {
        "roles": there, "role": now, "rows": rows_of(now), "operations": OPERATIONS, "levels": LEVELS,
        "types": catalog().standing_types, "asked": asked,
        "answer": reach_of(asked, request.user) if asked else None,
    }  # fmt: skip
    return setup_page(request, "permissions", "crm/setup/permissions.html", context)


@transaction.atomic
def _save(request: PersonRequest, now: RoleNow) -> int:
    """What the form says otherwise than it was; how much that is. What it does not name stays."""
    stored = employees_role() if now.is_employees else Role.objects.get(pk=now.id or 0)
    changed = 0
    for scope, cells in rows_of(now):
        for operation, cell in zip(OPERATIONS, cells, strict=True):
            sent = request.POST.get(cell.name)
            if sent is None:
                continue
            level = _level(sent)
            if level != cell.given:
                set_permission(stored, scope.key, operation, level, by=request.user)
                changed += 1
    return changed


def _level(sent: str) -> Level | None:
    if not sent:
        return None
    if not (sent.isascii() and sent.isdecimal()) or int(sent[:3]) not in set(Level):
        raise Http404
    return Level(int(sent))


# What follows for a person


@dataclass(frozen=True)
class Reached:
    """How far somebody reaches in a scope, by operation, with the roles that let them."""

    scope: Scope
    levels: Sequence[tuple[Level, str]]


@dataclass(frozen=True)
class Answer:
    person: User | None
    is_everything: bool = False
    rows: Sequence[Reached] = ()


def reach_of(text: str, reader: User) -> Answer:
    found = finders[PERSON](text, reader)
    exact = [card for card in found if card.title.casefold() == text.casefold()] or list(found)
    person = User.objects.filter(pk=exact[0].ref.id).first() if len(exact) == 1 else None
    if person is None:
        return Answer(None)
    if person.is_administrator:
        return Answer(person, is_everything=True)
    held = known_roles.current().of(person)
    return Answer(person, rows=[Reached(scope, _reached(scope.key, held)) for scope in _leaves()])


def _leaves() -> Iterator[Scope]:
    """In which records stand: a type with one pipeline stands for it."""
    rules, known = current(), catalog()
    for scope in scopes():
        if scope.key in rules.scopes:
            yield scope
            continue
        kind = known.types[int(scope.key[1:])]
        pipelines = known.pipelines_of(kind)
        if len(pipelines) == 1:
            yield Scope(pipelines[0].scope, scope.label, scope.depth)


def _reached(scope: str, held: Sequence[RoleNow]) -> list[tuple[Level, str]]:
    rules = current()
    levels: list[tuple[Level, str]] = []
    for operation in OPERATIONS:
        by_role = [(rules.level(one, scope, operation), str(one.name)) for one in held]
        most = max((level for level, _name in by_role), default=Level.NONE)
        names = [name for level, name in by_role if level == most and level > Level.NONE]
        levels.append((most, ", ".join(names)))
    return levels
