"""What a task may be: its words, its people, its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.tasks.models import Participant, Task
from box.apps.tasks.models.tasks import MOST_TAGS
from box.core.accounts.models import User
from box.core.groups.access import Standing
from box.core.groups.models import Member
from box.core.people.mentions import context_of
from box.core.registry.external import LONGEST_EXTERNAL_ID
from box.core.registry.origin import is_importing
from box.lib.moments import refuse_distant
from box.lib.rich_text import LONGEST_TAG, Rich, cleaned, from_text
from box.lib.tag_balancing import TooMuch

if TYPE_CHECKING:
    from box.core.groups.models import Group

LONGEST_TEXT = 100_000
LONGEST_TITLE = 255
MOST_PARTICIPANTS = 100
DEEPEST = 10
Role = Participant.Role


def check_columns(task: Task) -> None:
    task.title = " ".join(task.title.split())
    if not task.title:
        raise ValidationError({"title": _("Say in a few words what is to be done.")}, code="title")
    if len(task.title) > LONGEST_TITLE:
        said = _("Shorten the title: %(most)s characters at most.") % {"most": LONGEST_TITLE}
        raise ValidationError({"title": said}, code="title")
    if len(task.external_id) > LONGEST_EXTERNAL_ID:
        said = _("Shorten the external ID: %(most)s characters at most.") % {"most": LONGEST_EXTERNAL_ID}
        raise ValidationError({"external_id": said}, code="external_id")
    refuse_distant(task.deadline_at, task.starts_at, task.ends_at)
    if task.starts_at and task.ends_at and task.ends_at < task.starts_at:
        raise ValidationError({"ends_at": _("The planned end lies before the start.")}, code="ends_at")
    if task.priority not in Task.Priority.values:
        raise ValidationError(_("Choose one of the priorities."), code="priority")


def checked_tags(tags: Collection[str]) -> list[str]:
    """In small letters, each once. Raises ValidationError."""
    found = list(dict.fromkeys(tag.strip().lstrip("#").lower() for tag in tags))
    found = [tag for tag in found if tag]
    if len(found) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in found):
        said = _("At most %(most)s tags, each of at most %(length)s characters.")
        raise ValidationError({"tags": said % {"most": MOST_TAGS, "length": LONGEST_TAG}}, code="tags")
    return found


def participants_by_id(
    task: Task, accomplices: Collection[int], observers: Collection[int]
) -> dict[int, Role]:
    """By id, each in one role: who helps also watches, and who is responsible does both."""
    found = {**dict.fromkeys(observers, Role.OBSERVER), **dict.fromkeys(accomplices, Role.ACCOMPLICE)}
    found.pop(task.responsible_id, None)
    if found.get(task.created_by_id) == Role.OBSERVER:
        found.pop(task.created_by_id)
    if len(found) > MOST_PARTICIPANTS:
        raise ValidationError(_("Too many people: %(most)s at most.") % {"most": MOST_PARTICIPANTS})
    return found


def people_in(task: Task) -> set[int]:
    return {task.responsible_id, *task.participants.values_list("user", flat=True)}


def check_people(ids: Collection[int], project: Group | None, *, by: User) -> None:
    """Whoever works here and is not hidden from the one who asks. A guest works in their groups alone.
    What is taken over from elsewhere was decided there."""
    if is_importing():
        return
    known = dict(User.objects.active().visible_to(by).filter(pk__in=ids).values_list("pk", "is_extranet"))
    if set(ids) - known.keys():
        raise ValidationError(_("One of the people is not there any more: choose again."), code="people")
    guests = {pk for pk, is_guest in known.items() if is_guest}
    if guests:
        members = (
            Member.objects.current().filter(group=project, user__in=guests)
            if project
            else Member.objects.none()
        )
        if guests - set(members.values_list("user", flat=True)):
            said = _("An outside guest gets tasks in a group that they are in: choose it as the project.")
            raise ValidationError({"project": said}, code="guest")


def check_project(project: Group | None, *, by: User) -> None:
    if is_importing():
        return
    if project is None:
        if by.is_extranet:
            raise ValidationError({"project": _("Choose one of your groups as the project.")}, code="project")
        return
    if not (Standing.of(by, project).can_write or by.is_administrator):
        raise ValidationError({"project": _("Choose a group that you are a member of.")}, code="project")


def check_parent(task: Task, *, by: User) -> None:
    above, seen = task.parent, 0
    seen_by = Task.objects.each_visible_to(by).there()
    if not (above is None or is_importing() or seen_by.filter(pk=above.pk).exists()):
        raise ValidationError({"parent": _("The task above is not there any more.")}, code="parent")
    while above is not None:
        seen += 1
        if above.pk == task.pk or seen > DEEPEST:
            said = _("A task cannot be a part of itself, nor more than %(most)s deep.") % {"most": DEEPEST}
            raise ValidationError({"parent": said}, code="parent")
        above = above.parent


def checked_text(text: str, html: str, *, by: User) -> Rich:
    if max(len(text), len(html)) > LONGEST_TEXT:
        raise ValidationError(_("Write less, or attach it as a file."), code="length")
    try:
        return cleaned(html or from_text(text), context_of(by))
    except TooMuch:
        raise ValidationError(_("Write less, or attach it as a file."), code="length") from None
