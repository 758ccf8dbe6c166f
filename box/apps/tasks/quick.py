"""Whom and what lines mean: their names, found among those that their writer may mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.tasks.actions.tasks import TaskDraft
from box.apps.tasks.models import Task
from box.apps.tasks.quick_add import parse
from box.core.accounts.models import User
from box.core.groups.models import Group

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from box.apps.tasks.quick_add import Understood

MOST_LINES = 50
# Each is looked for by itself.
MOST_NAMES = 60


@dataclass(frozen=True)
class Meant:
    """`responsible` None: whoever writes. `unknown` are names that mean nobody."""

    by: User
    title: str
    deadline_at: datetime | None
    responsible: User | None
    accomplices: tuple[User, ...]
    project: Group | None
    tags: tuple[str, ...]
    is_important: bool
    unknown: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return bool(
            self.deadline_at
            or self.responsible
            or self.project
            or self.tags
            or self.is_important
            or self.unknown
        )

    def draft(self) -> TaskDraft:
        """Raises ValidationError for a name that means nobody: nobody is given a task by mistake."""
        if self.unknown:
            said = _("Nobody here is called %(name)s: correct it, or leave it out.")
            raise ValidationError(said % {"name": self.unknown[0]}, code="unknown")
        return TaskDraft(
            title=self.title,
            responsible=self.responsible or self.by,
            accomplice_ids=tuple(one.pk for one in self.accomplices),
            deadline_at=self.deadline_at,
            project=self.project,
            tags=self.tags,
            priority=Task.Priority.HIGH if self.is_important else Task.Priority.NORMAL,
        )


def meant(text: str, *, now: datetime, by: User) -> list[Meant]:
    """What each line of a text means: at least one. In a query or two a name, however often it stands there.
    Raises ValidationError for more than is done at once."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if len(lines) > MOST_LINES:
        raise ValidationError(
            _("Give at most %(most)s tasks at once: leave some lines for later.") % {"most": MOST_LINES},
            code="many",
        )
    understood = [parse(line, now=now) for line in lines]
    names = {f"@{name}" for one in understood for name in one.people}
    names |= {f"+{name}" for one in understood for name in one.projects}
    if len(names) > MOST_NAMES:
        raise ValidationError(
            _("Name at most %(most)s people and projects at once.") % {"most": MOST_NAMES}, code="many"
        )
    known = {name: _person(name[1:], by) if name[0] == "@" else _project(name[1:], by) for name in names}
    return [_meant(one, known, by) for one in understood]


def _meant(line: Understood, known: Mapping[str, User | Group | None], by: User) -> Meant:
    """The first person is responsible, the others help."""
    said = [*(f"@{name}" for name in line.people), *(f"+{name}" for name in line.projects)]
    people = [one for name in said if isinstance(one := known[name], User)]
    projects = [one for name in said if isinstance(one := known[name], Group)]
    unknown = [name for name in said if known[name] is None]
    people = list(dict.fromkeys(people))
    return Meant(
        by,
        line.title,
        line.deadline_at,
        people[0] if people else None,
        tuple(people[1:]),
        projects[0] if projects else None,
        line.tags,
        line.is_important,
        tuple(unknown),
    )


def _person(name: str, by: User) -> User | None:
    """By login, or by what is nearest to the name; `me` is the writer."""
    text = name.replace("_", " ").replace(".", " ").strip()
    if text.lower() in ("me", "я", "мне"):
        return by
    people = User.objects.active().visible_to(by)
    found = people.filter(login=name.lower()).first() or next(iter(people.looked_for(text)[:1]), None)
    return found or (by if text.lower() in by.name.lower() else None)


def _project(name: str, by: User) -> Group | None:
    return Group.objects.of(by).standing().matching(name.replace("_", " ")).by_name().first()
